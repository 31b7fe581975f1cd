"""A legal hold: nothing removes the record, everybody can see why, and it outlives the registry."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from ocfl.storage_root import StorageRoot
from typer.testing import CliRunner

from app.cli import app
from app.wiring import Wiring
from archive.aip import add_version, events_json, iter_records, metadata_json, read_papers
from archive.fixity import audit as audit_store
from archive.ocfl import object_root, root_of
from archive.replication import replicate
from archive.scans import scan_object
from pipeline import holds
from registry import audit, documents, recorded
from registry.database import open_registry, read
from registry.errors import Conflict, NotFound, Retained
from registry.values import DocumentId, Event, LegalHold, utc_now
from tests.unit.keeping import PASSWORD, SCAN, add, add_scan, copied, installation, known

WHY = "Công văn 12/TTr, vụ việc 3"


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Wiring:
    """Made once, copied for each test."""
    made = installation(tmp_path_factory.mktemp("template") / "home", 2, replica=True)
    made.close()
    return made


@pytest.fixture
def wiring(template: Wiring, tmp_path: Path) -> Iterator[Wiring]:
    made = copied(template, tmp_path / "home")
    yield made
    made.close()


def lay(wiring: Wiring, document_id: DocumentId) -> None:
    holds.lay(wiring.engine, wiring.homes, document_id, why=WHY, by="kiemtra")


def lift(wiring: Wiring, document_id: DocumentId) -> None:
    holds.lift(wiring.engine, wiring.homes, document_id, why="kết thúc vụ việc", by="quantri")


def test_a_hold_vouches_for_no_version_that_somebody_else_wrote(wiring: Wiring) -> None:
    ours, theirs = list(iter_records(wiring.store))
    lay(wiring, ours)
    papers = read_papers(wiring.store, theirs)
    forged = papers.metadata.model_copy(update={"legal_hold": LegalHold(since=utc_now(), by="kiemtra", why=WHY)})
    event = Event(type="legal hold", at=utc_now(), agent="kiemtra", detail={"why": WHY})
    changed = {"metadata.json": metadata_json(forged), "events.json": events_json((*papers.events, event))}
    add_version(wiring.store, theirs, changed, user="kiemtra", message="legal hold")
    lay(wiring, theirs)  # as one that was interrupted
    with read(wiring.engine) as conn:
        rows = recorded.recorded(conn, [ours, theirs])
    assert [(row.version, row.intended) for row in rows[ours]][-2:] == [("v2", True), ("v2", False)]
    assert "v2" not in [row.version for row in rows.get(theirs, ())]


def test_under_a_hold_nothing_is_removed_and_the_record_says_so(wiring: Wiring, tmp_path: Path) -> None:
    held, free = list(iter_records(wiring.store))
    lay(wiring, held)
    with pytest.raises(Retained):
        wiring.store.delete_tree(object_root(held))
    papers = read_papers(wiring.store, held)
    assert papers.metadata.legal_hold is not None and papers.metadata.legal_hold.why == WHY
    assert (papers.events[-1].type, papers.events[-1].agent) == ("legal hold", "kiemtra")
    with read(wiring.engine) as conn:
        told = documents.get(conn, held)
        assert (told.held_by, told.held_why) == ("kiemtra", WHY) and told.events[-1].type == "legal hold"
        assert documents.get(conn, free).held_at is None and audit.count(conn, "hold") == 1
    with pytest.raises(Conflict):
        lay(wiring, held)
    lift(wiring, held)
    assert read_papers(wiring.store, held).metadata.legal_hold is None and audit_store(wiring.store).ok
    stranger = StorageRoot(root=str(wiring.folder("archive")))
    assert stranger.validate(validate_objects=True, check_digests=True)
    wiring.store.delete_tree(object_root(held))
    with pytest.raises(Conflict):
        lift(wiring, free)
    with pytest.raises(NotFound):
        lay(wiring, DocumentId("nobody"))


def test_a_later_version_is_under_the_hold_too(wiring: Wiring) -> None:
    held = next(iter_records(wiring.store))
    lay(wiring, held)
    add_version(wiring.store, held, {"document.pdf": b"renewed"}, user="sohoa", message="renewed")
    assert wiring.store.lock(f"{object_root(held)}/v3").held


def test_a_hold_outlives_the_registry(wiring: Wiring, tmp_path: Path) -> None:
    held = next(iter_records(wiring.store))
    lay(wiring, held)
    wiring.engine.dispose()
    wiring.__dict__["engine"] = open_registry(f"sqlite:///{tmp_path / 'another.sqlite'}")
    known(wiring)
    with read(wiring.engine) as conn:
        told = documents.get(conn, held)
    assert told.held_at is not None and told.held_why == WHY


def test_a_hold_that_was_interrupted_is_completed(wiring: Wiring, monkeypatch: pytest.MonkeyPatch) -> None:
    held = next(iter_records(wiring.store))
    for step in ("_told", "_noted"):
        with monkeypatch.context() as broken:
            broken.setattr(holds, step, lambda *_, **__: (_ for _ in ()).throw(OSError))
            with pytest.raises(OSError):
                lay(wiring, held)
        with pytest.raises(Retained):
            wiring.store.delete_tree(object_root(held))
    lay(wiring, held)
    with monkeypatch.context() as broken:
        broken.setattr(holds, "_noted", lambda *_, **__: (_ for _ in ()).throw(OSError))
        with pytest.raises(OSError):
            lift(wiring, held)
    with pytest.raises(Retained):
        wiring.store.delete_tree(object_root(held))
    lift(wiring, held)
    lift(wiring, held)
    with read(wiring.engine) as conn:
        assert documents.get(conn, held).held_at is None and audit.count(conn, "release") == 1
    assert len([e for e in read_papers(wiring.store, held).events if e.type.startswith("legal hold")]) == 2


def test_the_scan_is_held_as_long_as_one_of_its_documents(tmp_path: Path) -> None:
    wiring = installation(tmp_path / "home", 0)
    parts = [add(wiring, n, part=n) for n in range(2)]
    add_scan(wiring, parts, read_papers(wiring.store, parts[0]).metadata, None)
    known(wiring)
    scan = root_of(scan_object(SCAN))
    for part in parts:
        lay(wiring, part)
    lift(wiring, parts[0])
    assert wiring.store.lock(scan).held and not wiring.store.lock(object_root(parts[0])).held
    lift(wiring, parts[1])
    assert not wiring.store.lock(scan).held
    wiring.close()


def test_the_replica_is_held_as_well_now_or_with_the_next_replication(wiring: Wiring, tmp_path: Path) -> None:
    first, second = iter_records(wiring.store)
    assert wiring.replica is not None
    lay(wiring, first)
    for _ in range(2):
        assert replicate(wiring.store, wiring.replica, tmp_path / "bench").ok
    lay(wiring, second)
    assert wiring.replica.lock(object_root(first)).held and wiring.replica.lock(object_root(second)).held
    holds.lift(wiring.engine, holds.Homes(wiring.store), first, why="x", by="quantri")
    assert replicate(wiring.store, wiring.replica, tmp_path / "bench").ok
    assert not wiring.replica.lock(object_root(first)).held and wiring.replica.lock(object_root(second)).held


def test_only_auditors_and_administrators_with_their_password(wiring: Wiring, tmp_path: Path) -> None:
    held = next(iter_records(wiring.store))
    home = wiring.settings.home
    (home / "sohoa.toml").write_text(f'[folders]\ncatalogue = "{wiring.folder("catalogue")}"\n')

    def give(by: str, password: str, verb: str = "hold") -> tuple[int, str]:
        words = ["archive", verb, held, "--home", str(home), "--why", WHY, "--by", by, "--password-file", "-", "--json"]
        done = CliRunner().invoke(app, words, input=f"{password}\n")
        return done.exit_code, done.stdout

    assert give("motcua", PASSWORD)[0] and give("kiemtra", "wrong")[0]
    code, told = give("kiemtra", PASSWORD)
    assert code == 0 and json.loads(told) == [{"id": held, "state": "held", "error": None}]
    assert give("kiemtra", PASSWORD)[0] == 3
    [one] = json.loads(CliRunner().invoke(app, ["archive", "held", "--home", str(home), "--json"]).stdout)
    assert (one["id"], one["held_by"], one["why"]) == (held, "kiemtra", WHY)
    assert give("quantri", PASSWORD, "release")[0] == 0
    with read(wiring.engine) as conn:
        assert audit.count(conn, "login-failed") == 1
