"""A version that is added to a record: known to the log at every point of a crash, and one of somebody else never."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest
from rich.console import Console

from app import records
from app.rebuild import rebuild_registry
from app.verdicts import advice
from app.wiring import Wiring
from archive.aip import add_version, inventory_sha256, iter_records, newest_version
from archive.folder import FolderStore
from config.messages import known_codes, sentence
from config.settings import load_settings
from pipeline.verification import LOG, Finding
from registry import audit
from registry.database import write
from registry.values import DocumentId, Verdict
from tests.unit.filled import filled_home


class PowerCut(Exception):
    pass


def cut(*_args: object, **_named: object) -> NoReturn:
    raise PowerCut


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = filled_home(tmp_path_factory.mktemp("versions"), 1)
    wiring = Wiring(load_settings(home))
    assert not rebuild_registry(wiring, "test", Console(stderr=True)).damaged
    [document_id] = iter_records(wiring.store)
    with write(wiring.engine) as conn:
        detail = {"version": "v1", "inventory_sha256": inventory_sha256(wiring.store, document_id, "v1")}
        audit.append(conn, actor="sohoa", action="archive", subject=document_id, detail=detail)
    wiring.close()
    return home


@pytest.fixture
def wiring(template: Path, tmp_path: Path) -> Iterator[Wiring]:
    shutil.copytree(template, tmp_path / "home")
    made = Wiring(load_settings(tmp_path / "home"))
    yield made
    made.close()


@pytest.fixture
def held(wiring: Wiring) -> DocumentId:
    [document_id] = iter_records(wiring.store)
    return document_id


def judged(wiring: Wiring, document_id: DocumentId) -> tuple[Verdict, Finding]:
    report = wiring.records.examine(document_id)
    return report.verdict, next(c for c in report.checks if c.name == LOG)


def test_a_crash_after_the_version_stands_damns_nothing(
    wiring: Wiring, held: DocumentId, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert judged(wiring, held)[0] is Verdict.PASSED
    with monkeypatch.context() as patched, pytest.raises(PowerCut):
        patched.setattr(records, "note_version", cut)
        wiring.records.keep_verdict(held, "an")
    assert newest_version(wiring.store, held) == "v2"
    assert judged(wiring, held)[0] is Verdict.PASSED
    wiring.records.keep_verdict(held, "an")
    assert judged(wiring, held)[0] is Verdict.PASSED and all(v.same for v in wiring.records.repeat_verdicts(held))


def test_what_was_intended_and_never_came_binds_nothing_and_opens_nothing(
    wiring: Wiring, held: DocumentId, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched, pytest.raises(PowerCut):
        patched.setattr(FolderStore, "put_tree", cut)
        wiring.records.keep_verdict(held, "an")
    assert newest_version(wiring.store, held) == "v1" and judged(wiring, held)[0] is Verdict.PASSED
    add_version(wiring.store, held, {"validation/x.json": b"{}"}, user="cli:an", message="validation kept")
    verdict, found = judged(wiring, held)
    assert (verdict, found.ok, found.detail) == (Verdict.INDETERMINATE, None, "v2: no entry")


def test_a_version_of_somebody_else_stays_unknown(wiring: Wiring, held: DocumentId) -> None:
    add_version(wiring.store, held, {"validation/x.json": b"{}"}, user="cli:an", message="validation kept")
    verdict, found = judged(wiring, held)
    assert (verdict, found.detail) == (Verdict.INDETERMINATE, "v2: no entry")
    wiring.records.keep_verdict(held, "an")
    assert judged(wiring, held) == (verdict, found), "v3 is ours, v2 is not"


def test_what_the_log_does_not_say_is_not_called_a_difference(wiring: Wiring) -> None:
    told = {
        detail: advice(Finding(name=LOG, ok=ok, detail=detail, sub_indication="GENERIC", decides=detail != "no entry"))
        for detail, ok in (
            ("no entry", None),
            ("v2, v10: no entry", None),
            ("changed row 7", None),
            ("row 7: v2", False),
        )
    }
    codes = ("check-audit-log-empty", "check-audit-log-no-entry", "check-audit-log-changed-row", "check-audit-log")
    assert list(told.values()) == [sentence(code) for code in codes] and set(codes) <= known_codes()
