"""Removal by a decision of two people: only what is due, wholly, once, and what stays says nothing of citizens."""

from __future__ import annotations

import io
import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from ocfl.storage_root import StorageRoot
from rich.console import Console
from sqlalchemy import select
from typer.testing import CliRunner

from app.cli import app
from app.rebuild import rebuild_index, rebuild_registry
from app.wiring import Wiring
from archive.aip import iter_records, read_papers
from archive.disposals import DISPOSAL, iter_disposals, read_decision, read_outcome
from archive.fixity import audit as audit_store
from archive.folder import FolderStore
from archive.ocfl import object_root, root_of
from archive.one_version import digest_of
from archive.replication import replicate
from archive.scans import is_archived, scan_object
from config.settings import load_settings
from pipeline import disposal, fixity, holds, reconcile
from pipeline.disposal import Site
from pipeline.holds import Homes
from registry import audit, disposals, documents, reuse_events, scans, tables
from registry.database import open_registry, read, write
from registry.errors import Conflict, NotAllowed, NotDue, ServiceUnavailable
from registry.values import DocumentId, DocumentState, ScanId, utc_now, vietnam_date
from search.index import SearchRequest
from tests.unit.dying import Dying, Stopped
from tests.unit.keeping import PASSWORD, SCAN, YESTERDAY, add, add_scan, copied, installation, known

BASIS = "QĐ số 12/QĐ-UBND"
TODAY = vietnam_date(utc_now())


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Wiring:
    """Made once, copied for each test."""
    made = installation(tmp_path_factory.mktemp("template") / "home", 3, replica=True)
    made.close()
    return made


@pytest.fixture
def wiring(template: Wiring, tmp_path: Path) -> Iterator[Wiring]:
    made = copied(template, tmp_path / "home")
    yield made
    made.close()


def propose(wiring: Wiring, *ids: DocumentId, by: str = "kiemtra") -> str:
    return disposal.propose(wiring.engine, wiring.homes, ids, basis=BASIS, by=by)


def removed(wiring: Wiring, *ids: DocumentId) -> str:
    made = propose(wiring, *ids)
    disposal.approve(wiring.engine, wiring.homes, made, by="quantri")
    disposal.carry_out(wiring.disposal_site, made)
    return made


def refusal(wiring: Wiring, document_id: DocumentId) -> str:
    with pytest.raises(NotDue) as told:
        propose(wiring, document_id)
    return told.value.refused[document_id]


def everything_written(home: Path) -> bytes:
    """Every byte of the installation but those of the inputs and of the index's segments that await their merging."""
    files = (p for p in sorted(home.rglob("*")) if p.is_file())
    return b"".join(p.read_bytes() for p in files if p.relative_to(home).parts[0] not in ("in", "index"))


def test_what_is_due_goes_from_every_home_and_leaves_a_decision(wiring: Wiring, tmp_path: Path) -> None:
    first, second, third = iter_records(wiring.store)
    assert wiring.replica is not None
    assert replicate(wiring.store, wiring.replica, tmp_path / "bench").ok
    with read(wiring.engine) as conn:
        assert {row.id for row in disposals.due(conn, TODAY)} == {first, second, third}
        person = documents.get(conn, first).people[0].full_name
    assert person is not None
    made = propose(wiring, first, second)
    with read(wiring.engine) as conn:
        assert [row.id for row in disposals.due(conn, TODAY)] == [third], "what is proposed is not due again"
        assert wiring.index.count() == 3
    disposal.approve(wiring.engine, wiring.homes, made, by="quantri")
    assert disposal.carry_out(wiring.disposal_site, made).removed == 2
    assert disposal.carry_out(wiring.disposal_site, made).removed == 2, "again changes nothing"
    for home in wiring.homes:
        assert list(iter_records(home)) == [third]
    assert wiring.index.count() == 1
    assert audit_store(wiring.store).ok and audit_store(wiring.replica).ok
    stranger = StorageRoot(root=str(wiring.folder("archive")))
    assert stranger.validate(validate_objects=True, check_digests=True)
    assert stranger.num_objects == stranger.good_objects == 3, "a record, a decision, its outcome"
    decision, outcome = read_decision(wiring.store, made), read_outcome(wiring.store, made)
    assert (decision.basis, decision.proposed_by, decision.approved_by) == (BASIS, "kiemtra", "quantri")
    assert {r.document_id for r in decision.records} == {first, second} and outcome is not None
    assert set(outcome.removed) == {first, second} and outcome.kept == {}
    with read(wiring.engine) as conn:
        told = documents.get(conn, first)
        assert told.state == DocumentState.DISPOSED and told.disposed_at is not None and told.archived_at is None
        assert (told.title, told.people, told.fields, told.dossier_code) == ("", (), {}, None)
        assert [e.type for e in told.events] == ["deletion"]
        row = conn.execute(select(tables.documents).where(tables.documents.c.id == first)).one()._mapping
        kept = disposals.LEFT_OF_DOCUMENT | {"scan_id", "kind", "step", "pdf_sha256", "retention_class", "retain_until"}
        assert {name for name, c in tables.documents.columns.items() if c.nullable and row[name] is not None} <= {
            *kept, "disposed_at"}  # fmt: skip
        log = select(tables.audit.c.detail).where(tables.audit.c.action == "dispose-approve")
        [approval] = conn.execute(log).scalars()
        assert approval["decision_sha256"] == digest_of(wiring.store, f"{DISPOSAL}{made}", "decision.json")
        assert scans.get(conn, ScanId(told.scan_id or "")).file_name == ""
        assert audit.count(conn, "dispose") == 2 and audit.verify(conn) == []
        assert disposals.get(conn, made).state == disposals.DONE
    assert replicate(wiring.store, wiring.replica, tmp_path / "bench").ok
    for part in (decision.model_dump_json(), outcome.model_dump_json()):
        assert "Nguyễn" not in part and person.value not in part


def test_the_files_hold_no_name_any_more_once_the_registry_is_tidied(wiring: Wiring) -> None:
    ids = list(iter_records(wiring.store))
    with read(wiring.engine) as conn:
        names = {p.full_name.value for i in ids for p in documents.get(conn, i).people if p.full_name}
    removed(wiring, *ids)
    with wiring.engine.connect() as conn:
        conn.exec_driver_sql("COMMIT")
        conn.exec_driver_sql("VACUUM")
        conn.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    left = everything_written(wiring.settings.home)
    assert names and not [name for name in (*names, "Nguyễn Văn 0.pdf") if name.encode() in left]


def test_what_must_be_kept_is_never_proposed(tmp_path: Path) -> None:
    wiring = installation(tmp_path / "home", 1)
    running = add(wiring, 11, until=TODAY)
    for_ever = add(wiring, 12, until=None)
    early = add(wiring, 13, dossier="H99.32-250101-9999")
    late = add(wiring, 14, dossier="H99.32-250101-9999", until=TODAY)
    known(wiring)
    due = next(i for i in iter_records(wiring.store) if i not in (running, for_ever, early, late))
    with read(wiring.engine) as conn:
        assert [row.id for row in disposals.due(conn, TODAY)] == [due]
    assert refusal(wiring, running) == "retained"
    assert refusal(wiring, for_ever) == "for-ever"
    assert refusal(wiring, early) == "dossier-retained"
    assert refusal(wiring, DocumentId("nobody")) == "not-archived"
    with write(wiring.engine) as conn:
        told = {
            "component_code": "TP03",
            "unit": "H99.32",
            "actor": "an",
            "verdict": "TOTAL-PASSED",
            "result_code": None,
        }
        event = {"document_id": due, "dossier_code": "H99.32-250101-9999", "outcome": "reused", "pdf_sha256": "c" * 64}
        reuse_events.add(conn, **event, **told)
        assert disposals.due(conn, TODAY) == []
    assert refusal(wiring, due) == "reused"
    with write(wiring.engine) as conn:
        conn.exec_driver_sql("DELETE FROM reuse_events")
    holds.lay(wiring.engine, wiring.homes, due, why="x", by="kiemtra")
    assert refusal(wiring, due) == "held"
    holds.lift(wiring.engine, wiring.homes, due, why="x", by="kiemtra")
    wiring.store.hold(object_root(due), True)  # by somebody else, in the store alone
    assert refusal(wiring, due) == "locked"
    wiring.store.hold(object_root(due), False)
    [pdf] = (wiring.folder("archive") / object_root(due)).rglob("document.pdf")
    pdf.chmod(0o600)
    pdf.write_bytes(b"another")
    assert refusal(wiring, due) == "damaged"
    with pytest.raises(Conflict):
        propose(wiring)
    with read(wiring.engine) as conn:
        assert disposals.listing(conn) == []
    wiring.close()


def test_a_record_from_before_the_days_were_known_is_kept_until_the_archive_was_asked(wiring: Wiring) -> None:
    first = next(iter_records(wiring.store))
    with write(wiring.engine) as conn:
        conn.exec_driver_sql("UPDATE documents SET retain_until = NULL")
    assert refusal(wiring, first) == "unknown-retention"
    assert disposal.learn_retention(wiring.engine, wiring.store) == 3
    assert propose(wiring, first)


def test_it_takes_two(wiring: Wiring) -> None:
    first, second, _ = iter_records(wiring.store)
    made = propose(wiring, first)
    for same in ("kiemtra", "KiemTra"):
        with pytest.raises(NotAllowed):
            disposal.approve(wiring.engine, wiring.homes, made, by=same)
    with pytest.raises(Conflict):
        disposal.carry_out(wiring.disposal_site, made)
    assert refusal(wiring, first) == "decided"
    disposal.refuse(wiring.engine, made, by="quantri", why="còn cần")
    with pytest.raises(Conflict):
        disposal.approve(wiring.engine, wiring.homes, made, by="quantri")
    assert propose(wiring, first, second), "what was refused is due as before"
    assert len(list(iter_records(wiring.store))) == 3 and list(iter_disposals(wiring.store)) == []


def test_what_must_be_kept_meanwhile_is_kept(wiring: Wiring) -> None:
    before, between, free = iter_records(wiring.store)
    made = propose(wiring, before, between, free)
    holds.lay(wiring.engine, wiring.homes, before, why="x", by="kiemtra")
    assert disposal.approve(wiring.engine, wiring.homes, made, by="quantri").counted == {"kept": 1, "pending": 2}
    holds.lay(wiring.engine, wiring.homes, between, why="x", by="kiemtra")
    done = disposal.carry_out(wiring.disposal_site, made)
    assert (done.removed, done.kept, done.left) == (1, 2, 0)
    assert set(iter_records(wiring.store)) == {before, between} and audit_store(wiring.store).ok
    outcome = read_outcome(wiring.store, made)
    assert outcome is not None and outcome.kept == {before: "held", between: "held"}
    assert {r.document_id for r in read_decision(wiring.store, made).records} == {between, free}


def test_a_scan_goes_with_its_last_document(tmp_path: Path) -> None:
    wiring = installation(tmp_path / "home", 0)
    parts = [add(wiring, n, part=n) for n in range(2)]
    add_scan(wiring, parts, read_papers(wiring.store, parts[0]).metadata, YESTERDAY)
    known(wiring)
    removed(wiring, parts[0])
    assert is_archived(wiring.store, SCAN)
    removed(wiring, parts[1])
    assert not list(wiring.store.list(root_of(scan_object(SCAN))))
    with read(wiring.engine) as conn:
        row = scans.get(conn, SCAN)
        assert (row.file_name, row.claim_key) == ("", f"disposed|{SCAN}"), "the same bytes may come again"
    assert against_archive(wiring) == {}
    wiring.close()


def against_archive(wiring: Wiring) -> dict[str, int]:
    """What reconciliation says, but for folders that this installation does not have."""
    for name in ("inbox", "quarantine", "work"):
        wiring.folder(name).mkdir(exist_ok=True)
    return reconcile.reconcile(wiring).counted


def test_registry_and_index_from_the_archive_alone_know_what_is_gone(wiring: Wiring, tmp_path: Path) -> None:
    first, second, third = iter_records(wiring.store)
    made = removed(wiring, first)
    pending = propose(wiring, second)
    disposal.approve(wiring.engine, wiring.homes, pending, by="quantri")
    site = wiring.disposal_site
    dying: Any = Dying(wiring.store, "delete_tree", 1)
    with pytest.raises(Stopped):
        disposal.carry_out(Site(site.engine, Homes(dying), site.index, site.work), pending)
    wiring.engine.dispose()
    wiring.__dict__["engine"] = open_registry(f"sqlite:///{tmp_path / 'another.sqlite'}")
    wiring.__dict__.pop("disposal_site")
    console = Console(file=io.StringIO())
    for _ in range(2):
        assert rebuild_registry(wiring, "an", console).damaged == ()
        assert rebuild_index(wiring, console).records == 2
    with read(wiring.engine) as conn:
        told = documents.get(conn, first)
        assert (told.state, told.title, told.people) == (DocumentState.DISPOSED, "", ())
        assert documents.archived_ids(conn) == sorted([second, third])
        assert disposals.get(conn, made).state == disposals.DONE
        assert disposals.get(conn, pending).state == disposals.APPROVED, "what two have decided is carried out"
    assert against_archive(wiring) == {}
    disposal.carry_out_approved(wiring.disposal_site)
    assert list(iter_records(wiring.store)) == [third]


def test_an_object_that_was_disposed_of_is_no_damage(wiring: Wiring) -> None:
    first = next(iter_records(wiring.store))
    fixity.list_objects(wiring.engine, wiring.store)
    removed(wiring, first)
    fixity.list_objects(wiring.engine, wiring.store)
    found = fixity.check_due(wiring.engine, wiring.store, before=utc_now() + timedelta(seconds=1))
    assert found.damaged == 0 and found.counted == {"record": 2, "disposal": 1, "disposal-outcome": 1}


@pytest.fixture(scope="module")
def decided(tmp_path_factory: pytest.TempPathFactory) -> tuple[Wiring, str]:
    """A decision on both records of an installation, that nobody has carried out yet."""
    folder = tmp_path_factory.mktemp("decided")
    made = installation(folder / "made", 2, replica=True)
    assert made.replica is not None
    replicate(made.store, made.replica, folder / "bench")
    disposal_id = propose(made, *iter_records(made.store))
    disposal.approve(made.engine, made.homes, disposal_id, by="quantri")
    made.close()
    return made, disposal_id


@pytest.mark.parametrize("call", [1, 2])  # a decision and an outcome, two records
@pytest.mark.parametrize(
    ("which", "names"), [("store", "put"), ("store", "delete"), ("replica", "delete"), ("index", "delete")]
)
def test_stopped_at_any_call_it_ends_as_if_it_had_not_been(
    decided: tuple[Wiring, str], tmp_path: Path, which: str, names: str, call: int
) -> None:
    wiring = copied(decided[0], tmp_path / "home")
    parts: dict[str, Any] = {"store": wiring.store, "replica": wiring.replica, "index": wiring.index}
    parts[which] = Dying(parts[which], names, call)
    site = Site(wiring.engine, Homes(parts["store"], parts["replica"]), parts["index"], wiring.folder("work"))
    with pytest.raises(Stopped):
        disposal.carry_out(site, decided[1])
    require_carried_out(wiring, decided[1])


@pytest.mark.parametrize(
    "at", ["store put 1 after", "store delete 1 after", "replica delete 2 before", "index delete 1 after"]
)
def test_killed_on_the_way_it_ends_as_if_it_had_not_been(decided: tuple[Wiring, str], tmp_path: Path, at: str) -> None:
    wiring = copied(decided[0], tmp_path / "home")
    words = [sys.executable, "-m", "tests.unit.dying", str(tmp_path / "home"), decided[1], *at.split()]
    done = subprocess.run(words, check=False, capture_output=True, cwd=Path(__file__).parents[2], timeout=240)
    assert done.returncode == -signal.SIGKILL, done.stderr
    require_carried_out(wiring, decided[1])


def require_carried_out(wiring: Wiring, disposal_id: str) -> None:
    """What a start does after a crash brings it to its end, each step told once."""
    assert isinstance(wiring.store, FolderStore)
    wiring.store.clear_staging()
    disposal.carry_out_approved(wiring.disposal_site)
    outcome = read_outcome(wiring.store, disposal_id)
    assert outcome is not None and len(outcome.removed) == 2
    assert [list(iter_records(h)) for h in wiring.homes] == [[], []] and audit_store(wiring.store).ok
    with read(wiring.engine) as conn:
        assert disposals.get(conn, disposal_id).state == disposals.DONE and audit.verify(conn) == []
        assert audit.count(conn, "dispose") == 2 and audit.count(conn, "dispose-done") == 1
    assert wiring.index.count() == 0
    wiring.close()


def test_a_home_that_does_not_answer_leaves_the_record_for_later(wiring: Wiring, tmp_path: Path) -> None:
    first = next(iter_records(wiring.store))
    assert wiring.replica is not None
    replicate(wiring.store, wiring.replica, tmp_path / "bench")
    made = propose(wiring, first)
    disposal.approve(wiring.engine, wiring.homes, made, by="quantri")
    site = wiring.disposal_site

    class Away:
        def __getattr__(self, _name: str) -> Callable[..., Any]:
            def call(*_: Any, **__: Any) -> Any:
                raise ServiceUnavailable("away")

            return call

    away: Any = Away()
    assert disposal.carry_out(Site(site.engine, Homes(wiring.store, away), site.index, site.work), made).left == 1
    assert read_outcome(wiring.store, made) is None
    assert disposal.carry_out(site, made).removed == 1


def test_two_people_on_the_command_line(wiring: Wiring) -> None:
    home = wiring.settings.home
    (home / "sohoa.toml").write_text(f'[folders]\ncatalogue = "{wiring.folder("catalogue")}"\n')
    assert load_settings(home).replica is None

    def give(*words: str, password: str = "") -> tuple[int, Any]:
        done = CliRunner().invoke(app, ["archive", "dispose", *words, "--home", str(home), "--json"], input=password)
        return done.exit_code, json.loads(done.stdout) if done.stdout else None

    by = ("--password-file", "-", "--by")
    ids = [row["id"] for row in give("list")[1]["due"]]
    assert len(ids) == 3
    assert give("propose", "nobody", "--basis", BASIS, *by, "kiemtra", password=PASSWORD)[0] == 3
    assert give("propose", ids[0], "--basis", BASIS, *by, "motcua", password=PASSWORD)[0] == 1
    code, told = give("propose", "--all-due", "--basis", BASIS, *by, "kiemtra", password=PASSWORD)
    assert (code, told["records"]) == (0, 3)
    assert give("approve", told["id"], "--yes", *by, "kiemtra", password=PASSWORD)[0] == 1
    code, done = give("approve", told["id"], "--yes", *by, "quantri", password=PASSWORD)
    assert (code, done) == (0, [{"id": told["id"], "removed": 3, "kept": 0, "left": 0}])
    assert give("list")[1] == {"total": 0, "due": []} and give("carry-out") == (0, [])
    assert {r["state"] for r in give("show", told["id"])[1]["records"]} == {"gone"}
    assert wiring.index.search(SearchRequest(query="chữ")).total == 0
