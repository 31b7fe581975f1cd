"""The trust store: what the manifest names is what lies there, and somebody signed for it."""

from __future__ import annotations

import json
import pickle
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from app import checks, trusted
from app.judging import trust_of
from app.setup import initialise
from app.signers import pinned
from app.wiring import Wiring, opened
from archive.seals import read_head
from config.settings import load_settings
from pipeline.sealing import seal_log, verify_log
from registry import audit
from registry.database import read
from registry.errors import Conflict, NotFound, SettingsInvalid
from signing.authority import create_development_authority
from signing.trust import MANIFEST, SIGNATURE, TrustStore, sign_manifest


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("made") / "home"
    initialise(home, demo=False, agency="Ủy ban nhân dân xã An Hòa")
    return home


@pytest.fixture
def wiring(made: Path) -> Iterator[Wiring]:
    opened = Wiring(load_settings(made))
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return create_development_authority(tmp_path_factory.mktemp("stranger") / "keys", "Khác").root


def test_a_new_installation_has_signed_for_its_anchors(wiring: Wiring) -> None:
    found = trusted.listed(wiring)
    assert (found.version, found.problem, found.age_days, len(found.anchors)) == (1, None, 0, 1)
    assert "An Hòa" in found.signed_by and found.anchors[0].added_by == "sohoa init"
    assert checks.trust(wiring).ok and "phiên bản 1" in checks.trust(wiring).detail
    assert trusted.sign_trust(wiring, actor="an").version == 1, "what is signed already stays"


def test_an_anchor_comes_and_goes_by_name_and_the_log_knows(wiring: Wiring, stranger: Path) -> None:
    before = trusted.listed(wiring).version or 0
    added = trusted.add(wiring, stranger, actor="an")
    assert (added.version, len(added.anchors), added.anchors[0].added_by) == (before + 1, 2, added.anchors[0].added_by)
    assert {a.added_by for a in added.anchors} == {"an", "sohoa init"}
    assert trusted.listed(wiring).problem is None
    fingerprint = next(a.sha256 for a in added.anchors if a.added_by == "an")
    with pytest.raises(NotFound):
        trusted.remove(wiring, "00" * 32, actor="an")
    gone = trusted.remove(wiring, fingerprint[:12], actor="an")
    assert (gone.version, len(gone.anchors)) == (before + 2, 1)
    with pytest.raises(Conflict, match="last"):
        trusted.remove(wiring, gone.anchors[0].sha256, actor="an")
    with read(wiring.engine) as conn:
        assert audit.count(conn, "trust-add") == audit.count(conn, "trust-remove") == 1


def test_only_an_authority_is_an_anchor(wiring: Wiring, stranger: Path, tmp_path: Path) -> None:
    leaf = stranger.parent.parent / "authority" / "timestamp.pem"
    with pytest.raises(SettingsInvalid, match="authority"):
        trusted.add(wiring, leaf, actor="an")
    (tmp_path / "no.pem").write_text("no certificate")
    with pytest.raises(SettingsInvalid):
        trusted.add(wiring, tmp_path / "no.pem", actor="an")


@pytest.mark.parametrize(
    ("edit", "problem"),
    [
        (lambda f, s: (f / "more.pem").write_bytes(s.read_bytes()), "changed"),
        (lambda f, s: next(f.glob("*.pem")).write_bytes(s.read_bytes()), "foreign-signature"),
        (lambda f, s: (f / MANIFEST).write_text((f / MANIFEST).read_text().replace("sohoa init", "ai")), "changed"),
        (lambda f, s: (f / SIGNATURE).unlink(), "unsigned"),
        (lambda f, s: (f / MANIFEST).unlink(), "unsigned"),
        (lambda f, s: (f / SIGNATURE).write_bytes(b"0"), "changed"),
    ],
)
def test_what_was_changed_behind_its_back_is_told(
    edit: object, problem: str, made: Path, stranger: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "trust"
    folder.mkdir()
    for path in (made / "keys" / "trust").iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    assert TrustStore.load(folder).problem is None
    edit(folder, stranger)  # type: ignore[operator]
    held = TrustStore.load(folder)
    assert held.problem == problem
    same = pickle.loads(pickle.dumps(held))
    assert (same.problem, same.version, len(same.anchors)) == (held.problem, held.version, len(held.anchors))


def test_a_folder_of_an_older_installation_is_believed_and_signed_when_somebody_says_so(
    made: Path, wiring: Wiring
) -> None:
    folder = made / "keys" / "trust"
    kept = {name: (folder / name).read_bytes() for name in (MANIFEST, SIGNATURE)}
    for name in kept:
        (folder / name).unlink()
    assert len(TrustStore.load(folder).anchors) == 1 and not checks.trust(wiring).ok
    assert trusted.sign_trust(wiring, actor="an").version == 1
    assert json.loads((folder / MANIFEST).read_text())["made_by"] == "an" and checks.trust(wiring).ok


def test_a_list_signed_by_another_customer_of_an_anchor_is_a_strangers(made: Path, tmp_path: Path) -> None:
    """He brings his root and signs for it himself: the chain leads to an anchor, and he is not the installation."""
    shutil.copytree(made, tmp_path / "home")
    initialise(tmp_path / "other", demo=False, agency="Khác")
    folder = tmp_path / "home" / "keys" / "trust"
    with opened(tmp_path / "other") as other, opened(tmp_path / "home") as wiring:
        shutil.copy(tmp_path / "other" / "keys" / "trust" / "development-root.pem", folder / "theirs.pem")
        sign_manifest(folder, lambda body: other.station.sign_bytes(body).der, actor="sohoa init")
        assert TrustStore.load(folder).problem is None, "the chain alone does not tell"
        found = trusted.listed(wiring)
        assert found.problem == "foreign-signature" and found.signer == other.station.own_signer[0]
        assert not checks.trust(wiring).ok
        trust = trust_of(wiring.settings, pinned(wiring))
        assert trust.problem == "foreign-signature", "a verdict tells the same"
        made_anew = trusted.sign_trust(wiring, actor="an")
        assert trusted.listed(wiring).problem is None
        assert {a.added_by for a in made_anew.anchors} == {"an"}, "what the stranger says of the anchors is forgotten"


def test_a_renewed_certificate_signs_on_and_what_the_old_one_signed_stands(made: Path, tmp_path: Path) -> None:
    """The old key is gone: nothing asks for it."""
    shutil.copytree(made, tmp_path / "home")
    home = tmp_path / "home"
    with opened(home) as wiring:
        old = wiring.station.own_signer[0]
        assert seal_log(wiring.workshop) is not None
    renew(home, tmp_path)
    with opened(home) as wiring:
        new = wiring.station.own_signer[0]
        assert new != old and trusted.listed(wiring).problem is None
        trusted.add(wiring, home / "new-root.pem", actor="an")
        assert trusted.listed(wiring).signer == new and trusted.listed(wiring).problem is None
    with opened(home) as wiring:
        assert seal_log(wiring.workshop) is not None
        assert read_head(wiring.store, 2)[0].signers == (old, new)
        found = verify_log(wiring.engine, wiring.store, wiring.trust)
        assert found.ok and found.signers == (old, new)


def renew(home: Path, folder: Path) -> None:
    """The key of the installation is another, of another authority, as after a renewal elsewhere."""
    other = create_development_authority(folder / "renewed", "Ủy ban nhân dân xã An Hòa")
    for name in ("agency.p12", "agency.passphrase"):
        shutil.copy(folder / "renewed" / name, home / "keys" / name)
    shutil.copytree(folder / "renewed" / "authority", home / "keys" / "authority", dirs_exist_ok=True)
    shutil.copy(other.root, home / "new-root.pem")
