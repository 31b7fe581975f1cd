"""A PIN that is typed: every command that signs asks for it at a terminal, and changes nothing where nobody can."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.setup import initialise
from app.wiring import Wiring, opened
from config.messages import sentence
from config.settings import load_settings
from pipeline import daily
from pipeline.dispatch import Dispatch
from pipeline.sealing import seal_log, verify_log
from pipeline.worker import Worker
from registry import audit, facts
from registry.database import read
from registry.errors import PinNeeded
from signing.authority import create_development_authority
from signing.trust import TrustStore
from tests.desk import SOHOA, run_cli, typed_at_a_terminal

KEY = """\
demo = true
[[signing.keys]]
name = "co-quan"
kind = "pkcs12"
file = "keys/agency.p12"
"""
TRUST = ("trust-add", "trust-remove", "signer")


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return create_development_authority(tmp_path_factory.mktemp("stranger") / "keys", "Khác").root


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """An installation whose only key wants its PIN typed, as is the default."""
    home = tmp_path / "home"
    initialise(home, demo=False, agency="Ủy ban nhân dân xã An Hòa")
    (home / "sohoa.toml").write_text(KEY)
    return home


@pytest.fixture
def pin(home: Path) -> str:
    return (home / "keys" / "agency.passphrase").read_text().strip()


@pytest.fixture
def wiring(home: Path) -> Iterator[Wiring]:
    with opened(home) as wiring:
        yield wiring


def without_a_terminal(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*SOHOA, *command], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=60
    )


def told(wiring: Wiring) -> dict[str, int]:
    with read(wiring.engine) as conn:
        return {action: audit.count(conn, action) for action in TRUST}


def anchors(home: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (home / "keys" / "trust").iterdir()}


@pytest.mark.parametrize("command", ["add", "remove"])
def test_without_a_terminal_nobody_is_believed_who_was_not(
    command: str, home: Path, wiring: Wiring, stranger: Path
) -> None:
    before, rows = anchors(home), told(wiring)
    [held] = TrustStore.load(home / "keys" / "trust").anchors
    what = str(stranger) if command == "add" else held.sha256.hex()
    done = without_a_terminal("trust", command, what, "--home", str(home))
    assert done.returncode == 1 and "terminal-needed" in done.stderr
    assert "gõ mã PIN" in sentence("terminal-needed") and "pin_credential" in sentence("terminal-needed")
    assert anchors(home) == before and told(wiring) == rows


def test_a_key_that_does_not_sign_changes_nothing(
    home: Path, wiring: Wiring, pin: str, stranger: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever calls it, and whatever hinders the signature or its row in the log."""
    from app import trusted

    before = anchors(home)
    with pytest.raises(PinNeeded):
        trusted.add(wiring, stranger, actor="an")
    assert anchors(home) == before
    assert wiring.keys.unlock(lambda _name: pin) == []

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr(audit, "append", full)
        with pytest.raises(OSError, match="space"):
            trusted.add(wiring, stranger, actor="an")
    assert anchors(home) == before
    with monkeypatch.context() as broken:
        broken.setattr(Path, "replace", full)
        with pytest.raises(OSError, match="space"):
            trusted.add(wiring, stranger, actor="an")
    assert anchors(home) == before and told(wiring)["trust-add"] == 0, "no row of what did not happen"
    version = trusted.add(wiring, stranger, actor="an").version
    assert trusted.add(wiring, stranger, actor="an").version == version and told(wiring)["trust-add"] == 1


def test_at_a_terminal_it_is_asked_once_and_then_signed(home: Path, wiring: Wiring, pin: str, stranger: Path) -> None:
    before = anchors(home)
    add = [*SOHOA, "trust", "add", str(stranger), "--home", str(home)]
    code, screen = typed_at_a_terminal(add, "sai")
    assert code == 1 and anchors(home) == before and told(wiring)["trust-add"] == 0
    code, screen = typed_at_a_terminal(add, pin)
    assert code == 0 and screen.count("Mã PIN của khóa ký co-quan") == 1 and pin not in screen, screen
    assert len(TrustStore.load(home / "keys" / "trust").anchors) == 2 and told(wiring)["trust-add"] == 1
    assert {c["problem"] for c in [run_cli("trust", "list", "--home", str(home))]} == {None}


def test_the_log_is_sealed_by_who_types_the_pin(home: Path, wiring: Wiring, pin: str) -> None:
    done = without_a_terminal("audit", "seal", "--home", str(home))
    assert done.returncode == 1 and "terminal-needed" in done.stderr
    code, screen = typed_at_a_terminal([*SOHOA, "audit", "seal", "--home", str(home)], pin)
    assert code == 0 and "Niêm phong 1" in screen, screen
    found = verify_log(wiring.engine, wiring.store, wiring.trust)
    assert found.ok and found.seals == 1


def test_a_kit_and_a_wait_for_a_scan_ask_before_anything_is_taken(
    home: Path, wiring: Wiring, pin: str, tmp_path: Path
) -> None:
    done = without_a_terminal("archive", "kit", "--document", "x", "--output", f"{tmp_path}/k.zip", "--home", str(home))
    assert done.returncode == 1 and "terminal-needed" in done.stderr
    (tmp_path / "scan.pdf").write_bytes(b"%PDF-1.4")
    waiting = [*SOHOA, "ingest", str(tmp_path / "scan.pdf"), "--unit", "H99.32", "--wait", "--home", str(home)]
    with read(wiring.engine) as conn:
        assert audit.count(conn, "export") == 0
    code, screen = typed_at_a_terminal(waiting, pin)
    assert screen.count("Mã PIN của khóa ký co-quan") == 1 and "key_not_open" not in screen, screen
    assert code == 3, "the file is refused"


def test_a_worker_that_was_told_the_pin_seals_where_the_watch_was_not(
    home: Path, wiring: Wiring, pin: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(PinNeeded):
        seal_log(wiring.workshop)
    daily.Daily(wiring.workshop)._seal(0.0)  # the runner leaves it to others
    monkeypatch.setattr(daily, "FIRST_S", 0.1)
    beside = Wiring(load_settings(home))
    dispatch = Dispatch(beside.settings.registry_url)
    try:
        assert beside.keys.unlock(lambda _name: pin) == []
        working = Worker(beside.workshop, dispatch, "tho")
        thread = threading.Thread(target=working.run)
        thread.start()
        until = time.monotonic() + 60
        while not sealed(wiring) and time.monotonic() < until:
            time.sleep(0.2)
        working.stop()
        thread.join(60)
        assert sealed(wiring)
    finally:
        dispatch.close()
        beside.close()


def sealed(wiring: Wiring) -> bool:
    with read(wiring.engine) as conn:
        return facts.get(conn, "audit-seal") is not None
