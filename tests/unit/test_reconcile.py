"""Reconciliation: everything that came in is somewhere, and each way in which it is not has a name."""

from __future__ import annotations

import hashlib
import os
import shutil
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, delete, update

from archive.folder import FolderStore
from archive.ocfl import object_root
from config.messages import known_codes
from config.settings import Settings
from pipeline import differences
from pipeline.reconcile import Reconciliation, advice, last, reconcile, reconcile_and_keep
from registry import audit, documents, quarantine, scans, tables
from registry.database import open_registry, read, write
from registry.errors import ServiceUnavailable
from registry.values import DocumentId, DocumentState, ScanId, ScanState, utc_now
from search.index import IndexEntry
from search.tantivy_index import TantivyIndex

UNIT, OTHER = "H99.32", "H99.33"


@dataclass
class Home:
    """An embedded installation, filled by direct calls; ids by the state they are in."""

    settings: Settings
    engine: Engine
    store: FolderStore
    index: TantivyIndex

    def folder(self, name: str) -> Path:
        return self.settings.path(getattr(self.settings.folders, name))

    def scan(self, state: ScanState, name: str = "", unit: str = UNIT) -> ScanId:
        """A claimed file, in this state; its source lies in the inbox and its copy in work, where they belong."""
        name = name or f"{uuid.uuid4().hex[:8]}.pdf"
        source = self.folder("inbox") / unit / name
        source.parent.mkdir(parents=True, exist_ok=True)
        source.write_bytes(name.encode())
        with write(self.engine) as conn:
            made = scans.claim(
                conn, sha256=hashlib.sha256(name.encode()).hexdigest(), unit=unit, dossier_code=None,
                component_code=None, source_path=str(source), file_name=name, size_bytes=len(name), claimed_by="test",
            ).scan.id  # fmt: skip
            audit.append(conn, actor="inbox", action="claim", subject=made, unit=unit)
            scans.update(conn, made, state=state, staged_path=str(self.staged(made)))
        if state in (ScanState.DONE, ScanState.QUARANTINED):
            source.unlink()
        else:
            self.staged(made).parent.mkdir(parents=True, exist_ok=True)
            self.staged(made).write_bytes(name.encode())
        return made

    def staged(self, scan: str) -> Path:
        return self.folder("work") / "scans" / scan

    def document(self, scan: ScanId, state: DocumentState, unit: str = UNIT) -> DocumentId:
        made = DocumentId(str(uuid.uuid4()))
        with write(self.engine) as conn:
            documents.create(
                conn, document_id=made, scan_id=scan, unit=unit, dossier_code=None, component_code=None,
                original_sha256="a" * 64, page_count=1,
            )  # fmt: skip
            at = {"archived_at": ago(0)} if state == DocumentState.ARCHIVED else {}
            documents.set_state(conn, made, state, **at)
        if state == DocumentState.ARCHIVED:
            self.record(made)
            self.index.put([IndexEntry(document_id=made, unit=unit, text="giấy khai sinh", archived_at=utc_now())])
            with write(self.engine) as conn:
                documents.mark_indexed(conn, [made])
        return made

    def record(self, document: str) -> Path:
        body = b"{}"
        root = object_root(DocumentId(document))
        self.store.put_tree(root, {"inventory.json": body}, {"inventory.json": hashlib.sha256(body).hexdigest()})
        return self.folder("archive") / root

    def refused(self, unit: str = UNIT) -> tuple[str, Path]:
        """A scan in quarantine: the item, and the file kept."""
        scan = self.scan(ScanState.QUARANTINED, unit=unit)
        kept = self.folder("quarantine") / unit / scan / "a.pdf"
        kept.parent.mkdir(parents=True)
        kept.write_bytes(b"broken")
        with write(self.engine) as conn:
            item = quarantine.add(
                conn, scan_id=scan, unit=unit, file_name="a.pdf", kept_path=str(kept), sha256="b" * 64, size_bytes=6,
                code="corrupt", detail="",
            )  # fmt: skip
        return item, kept

    def change(self, table: str, row: str, **columns: object) -> None:
        """A row as it never should be, or as it was long ago."""
        changed = tables.metadata.tables[table]
        with write(self.engine) as conn:
            conn.execute(update(changed).where(changed.c.id == row).values(**columns))

    def drop(self, table: str, row: str) -> None:
        dropped = tables.metadata.tables[table]
        with write(self.engine) as conn:
            conn.execute(delete(dropped).where(dropped.c.id == row))


def ago(seconds: float) -> str:
    return (utc_now() - timedelta(seconds=seconds)).isoformat(timespec="microseconds")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    monkeypatch.setattr("pipeline.reconcile.AGAIN_S", 0.01)
    settings = Settings(home=tmp_path, demo=True)
    for name in ("inbox", "done", "quarantine", "work", "archive", "index"):
        settings.path(getattr(settings.folders, name)).mkdir()
    made = Home(
        settings,
        open_registry(settings.registry_url),
        FolderStore(tmp_path / "archive", staging=tmp_path / "work" / "archive"),
        TantivyIndex(tmp_path / "index"),
    )
    yield made
    made.index.close()
    made.engine.dispose()


def named(result: Reconciliation) -> set[tuple[str, str]]:
    return {(d.code, d.subject) for d in result.differences}


def test_all_that_came_in_is_accounted_for_by_unit(home: Home) -> None:
    for _ in range(3):
        home.document(home.scan(ScanState.DONE), DocumentState.ARCHIVED)
    home.document(home.scan(ScanState.DONE, unit=OTHER), DocumentState.ARCHIVED, unit=OTHER)
    home.document(home.scan(ScanState.IDENTIFIED), DocumentState.REVIEW)
    home.document(home.scan(ScanState.IDENTIFIED), DocumentState.READING)
    home.document(home.scan(ScanState.IDENTIFIED), DocumentState.STALLED)
    home.scan(ScanState.CLAIMED)
    home.refused(OTHER)
    kept = home.folder("quarantine") / "la.pdf"
    kept.write_bytes(b"12345")
    with write(home.engine) as conn:
        audit.append(conn, actor="inbox", action="duplicate", subject="x", unit=OTHER)
        quarantine.add(
            conn, scan_id=None, unit="la", file_name="a", kept_path=str(kept), sha256="c" * 64, size_bytes=5,
            code="unknown-unit", detail="",
        )  # fmt: skip
    result = reconcile(home)
    assert result.ok, result.differences
    assert result.total.model_dump() == {
        "unit": "", "received": 11, "archived": 4, "review": 1, "quarantined": 2, "waiting": 3, "stalled": 1,
        "copies": 1, "astray": 0,
    }  # fmt: skip
    assert [(a.unit, a.received, a.archived) for a in result.units] == [(UNIT, 7, 3), (OTHER, 3, 1), ("la", 1, 0)]
    for account in (result.total, *result.units):
        parts = account.archived + account.review + account.quarantined + account.waiting + account.copies
        assert account.received == parts + account.astray


def test_an_empty_installation_is_in_order(home: Home) -> None:
    assert reconcile(home).ok


Break = Callable[[Home], tuple[str, str]]


def _a_deleted_scan(home: Home) -> tuple[str, str]:
    scan = home.scan(ScanState.CLAIMED)
    home.staged(scan).unlink()
    home.drop("scans", scan)
    return "claim-lost", scan


def _done_but_nothing_archived(home: Home) -> tuple[str, str]:
    return "done-without-document", home.scan(ScanState.DONE)


def _refused_but_not_kept(home: Home) -> tuple[str, str]:
    return "refused-without-item", home.scan(ScanState.QUARANTINED)


def _a_document_whose_scan_is_settled(home: Home) -> tuple[str, str]:
    item, _ = home.refused()
    with read(home.engine) as conn:
        scan = quarantine.get(conn, item).scan_id
    return "document-adrift", home.document(ScanId(scan or ""), DocumentState.READING)


def _an_open_item_of_a_scan_that_went_on(home: Home) -> tuple[str, str]:
    item, _ = home.refused()
    with read(home.engine) as conn:
        scan = quarantine.get(conn, item).scan_id or ""
    home.change("scans", scan, state=ScanState.CLAIMED)
    home.staged(scan).parent.mkdir(parents=True)
    home.staged(scan).write_bytes(b"broken")
    return "item-outdated", item


def _a_kept_file_gone(home: Home) -> tuple[str, str]:
    item, kept = home.refused()
    kept.unlink()
    return "kept-file-missing", item


def _a_kept_file_of_another_size(home: Home) -> tuple[str, str]:
    item, kept = home.refused()
    kept.write_bytes(b"other bytes")
    return "kept-file-changed", item


def _no_copy_left(home: Home) -> tuple[str, str]:
    scan = home.scan(ScanState.CLAIMED, "a.pdf")
    home.staged(scan).unlink()
    (home.folder("inbox") / UNIT / "a.pdf").unlink()
    return "scan-lost", scan


def _only_the_source_left(home: Home) -> tuple[str, str]:
    scan = home.scan(ScanState.IDENTIFIED)
    home.staged(scan).unlink()
    return "staged-missing", scan


def _a_stranger_in_work(home: Home) -> tuple[str, str]:
    home.scan(ScanState.CLAIMED)
    stranger = str(uuid.uuid4())
    home.staged(stranger).write_bytes(b"?")
    os.utime(home.staged(stranger), (1, 1))
    return "staged-stranger", stranger


def _a_copy_left_behind(home: Home) -> tuple[str, str]:
    scan = home.scan(ScanState.DONE)
    home.document(scan, DocumentState.ARCHIVED)
    home.staged(scan).parent.mkdir(exist_ok=True)
    home.staged(scan).write_bytes(b"copy")
    os.utime(home.staged(scan), (1, 1))
    home.change("scans", scan, updated_at=ago(9000))
    return "staged-left", scan


def _work_that_stands(home: Home) -> tuple[str, str]:
    scan = home.scan(ScanState.IDENTIFIED)
    document = home.document(scan, DocumentState.READING)
    home.change("scans", scan, updated_at=ago(9000))
    home.change("documents", document, updated_at=ago(9000))
    home.scan(ScanState.CLAIMED)
    return "stuck", scan


def _work_that_stalls_for_long(home: Home) -> tuple[str, str]:
    scan = home.scan(ScanState.STALLED)
    home.change("scans", scan, received_at=ago(9000))
    return "stalled", scan


def _a_scan_that_others_overtook(home: Home) -> tuple[str, str]:
    scan = home.scan(ScanState.CLAIMED)
    home.change("scans", scan, received_at=ago(9000), updated_at=ago(9000))
    home.document(home.scan(ScanState.IDENTIFIED), DocumentState.READING)
    return "overtaken", scan


def _nothing_at_all_moves(home: Home) -> tuple[str, str]:
    scan = home.scan(ScanState.CLAIMED)
    with write(home.engine) as conn:
        for table in (tables.scans, tables.documents):
            conn.execute(update(table).values(updated_at=ago(9000)))
    home.change("scans", scan, received_at=ago(9000))
    return "nothing-moves", scan


def _a_scan_nobody_closed(home: Home) -> tuple[str, str]:
    scan = home.scan(ScanState.IDENTIFIED)
    document = home.document(scan, DocumentState.ARCHIVED)
    home.change("scans", scan, updated_at=ago(9000))
    home.change("documents", document, updated_at=ago(9000))
    home.scan(ScanState.CLAIMED)
    return "scan-not-closed", scan


def _a_record_gone_from_the_archive(home: Home) -> tuple[str, str]:
    document = home.document(home.scan(ScanState.DONE), DocumentState.ARCHIVED)
    home.document(home.scan(ScanState.DONE), DocumentState.ARCHIVED)
    shutil.rmtree(home.folder("archive") / object_root(document))
    return "record-missing", document


def _a_record_nobody_knows(home: Home) -> tuple[str, str]:
    stranger = f"{uuid.uuid4().hex[:30]}00"  # ids that end in zero bytes are compared as well
    stranger = str(uuid.UUID(stranger))
    home.record(stranger)
    return "record-unknown", stranger


def _an_index_that_forgot(home: Home) -> tuple[str, str]:
    document = home.document(home.scan(ScanState.DONE), DocumentState.ARCHIVED)
    home.index.delete([document])
    return "index-count", "index"


def _an_index_far_behind(home: Home) -> tuple[str, str]:
    document = home.document(home.scan(ScanState.DONE), DocumentState.ARCHIVED)
    home.change("documents", document, indexed_at=None, archived_at=ago(9000))
    return "index-behind", document


def _a_folder_away(home: Home) -> tuple[str, str]:
    home.folder("quarantine").rmdir()
    return "not-checked", "kept_files"


@pytest.mark.parametrize("break_it", [
    _a_deleted_scan, _done_but_nothing_archived, _refused_but_not_kept, _a_document_whose_scan_is_settled,
    _an_open_item_of_a_scan_that_went_on, _a_kept_file_gone, _a_kept_file_of_another_size, _no_copy_left,
    _only_the_source_left, _a_stranger_in_work, _a_copy_left_behind, _work_that_stands, _work_that_stalls_for_long,
    _a_scan_that_others_overtook, _nothing_at_all_moves, _a_scan_nobody_closed, _a_record_gone_from_the_archive,
    _a_record_nobody_knows, _an_index_that_forgot, _an_index_far_behind, _a_folder_away,
])  # fmt: skip
def test_each_difference_is_named(home: Home, break_it: Break) -> None:
    home.document(home.scan(ScanState.DONE), DocumentState.ARCHIVED)
    wanted = break_it(home)
    result = reconcile(home)
    assert named(result) == {wanted}, result.differences
    assert not result.ok and result.counted == {wanted[0]: 1}
    assert f"reconcile-{wanted[0]}" in known_codes()
    assert all("ãy" in advice(d) or "Có thể" in advice(d) or "có thể" in advice(d) for d in result.differences)
    total = result.total
    parts = total.archived + total.review + total.quarantined + total.waiting + total.copies + total.astray
    assert total.received == parts


def test_a_source_left_in_the_inbox_is_named_and_a_new_scan_of_its_name_is_not(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    scan = home.scan(ScanState.DONE, "scan0001.pdf")
    home.document(scan, DocumentState.ARCHIVED)
    left = home.folder("inbox") / UNIT / "scan0001.pdf"
    left.write_bytes(b"scan0001.pdf")
    home.change("scans", scan, updated_at=ago(9000))
    assert reconcile(home).ok, "it may just be on its way out"
    monkeypatch.setattr(differences, "SETTLES_S", 0.0)
    assert named(reconcile(home)) == {("source-left", scan)}
    left.write_bytes(b"other bytes!")
    result = reconcile(home)
    assert {d.code for d in result.differences} == {"not-taken"} and "scan0001" not in result.model_dump_json()


def test_what_moves_on_between_two_looks_is_no_difference(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    item, kept = home.refused()
    kept.unlink()

    def settle(_seconds: float) -> None:
        with write(home.engine) as conn:
            quarantine.resolve(conn, item, "discarded")

    monkeypatch.setattr("pipeline.reconcile.time.sleep", settle)
    assert reconcile(home).ok


def test_a_document_archived_while_the_archive_is_listed_is_no_difference(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.document(home.scan(ScanState.DONE), DocumentState.ARCHIVED)
    listing = differences.iter_records

    def slow(store: FolderStore) -> Iterator[DocumentId]:
        yield from listing(store)
        home.document(home.scan(ScanState.DONE), DocumentState.ARCHIVED)
        home.record(home.document(home.scan(ScanState.IDENTIFIED), DocumentState.SIGNED))

    monkeypatch.setattr(differences, "iter_records", slow)
    assert reconcile(home).ok


class Away:
    """A store and an index whose servers do not answer."""

    def list(self, _prefix: str) -> Iterator[str]:
        raise ServiceUnavailable("no answer")

    def count(self) -> int:
        raise ServiceUnavailable("no answer")


def test_what_could_not_be_looked_at_is_not_said_to_be_well(home: Home) -> None:
    home.document(home.scan(ScanState.DONE), DocumentState.ARCHIVED)
    result = reconcile(replace(home, store=Away(), index=Away()))
    assert result.counted == {"index-not-checked": 1, "store-not-checked": 1}
    assert {d.detail for d in result.differences} == {"service-unavailable"}
    assert result.total.archived == 1, "and the rest is told"


def test_the_last_one_is_kept_with_its_age_and_audited(home: Home) -> None:
    home.scan(ScanState.DONE)
    made = reconcile_and_keep(home)
    with read(home.engine) as conn:
        kept = last(conn)
        assert audit.count(conn, "reconcile") == 1
        assert not audit.verify(conn)
    assert kept is not None and kept[0] == made and not kept[0].ok


def test_many_differences_are_counted_and_the_first_are_named(home: Home) -> None:
    with write(home.engine) as conn:
        for number in range(150):
            audit.append(conn, actor="inbox", action="claim", subject=f"lost-{number}", unit=UNIT)
    result = reconcile(home)
    assert result.counted == {"claim-lost": 150} and len(result.differences) == 100
    assert result.total.received == result.total.astray == 150
