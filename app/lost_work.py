"""Scans that were under way when everything but the archive was lost: finished, taken up again, or shown as lost."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from sqlalchemy import Connection

from app.wiring import Wiring
from archive.ocfl import INVENTORY, object_root
from archive.scans import is_archived, open_original
from pipeline.intake import Received, received
from pipeline.landing import landing
from pipeline.parting import document_ids
from pipeline.settling import SETTLED
from pipeline.settling import settle as settle_scan
from registry import audit, documents, quarantine, scans
from registry.database import read, write
from registry.documents import DocumentRecord
from registry.errors import FixityMismatch, KeyNotFound, RefusalCode
from registry.scans import ScanRow
from registry.values import ENDED, DocumentState, ScanState, Value, sha256_file

UNDER_WAY = (ScanState.CLAIMED, ScanState.IDENTIFIED, ScanState.STALLED)
DECIDED = (DocumentState.APPROVED, DocumentState.SIGNED, DocumentState.STALLED)
BENCH = ("document.pdf", "pages.json")


class LostScan(Value):
    """A scan of which no byte is left: the paper must be scanned again."""

    scan_id: str
    unit: str
    file_name: str
    dossier_code: str | None


def foresee_documents(wiring: Wiring) -> None:
    """Scans under way whose record the archive holds have their document: the rebuild then finds whose it is."""
    for scan in _under_way(wiring):
        [document_id] = document_ids(scan.id, 1)  # a part of several says itself which scan it is of
        if not wiring.store.exists(f"{object_root(document_id)}/{INVENTORY}"):
            continue
        with write(wiring.engine) as conn:
            documents.create(
                conn,
                document_id=document_id,
                scan_id=scan.id,
                unit=scan.unit,
                dossier_code=scan.dossier_code,
                component_code=scan.component_code,
                original_sha256=scan.sha256,
                page_count=scan.page_count,
            )


def settle(wiring: Wiring, actor: str) -> tuple[int, tuple[LostScan, ...]]:
    """No scan is left hanging: how many can go on, and which are lost. Repeatable. After the rebuild.

    One that is archived is done; one whose bytes are still in `work` or the inbox starts anew; any other lies in the
    tray as refused with the reason `lost`, and takes the same bytes again when they come.
    """
    going_on, lost = 0, []
    for scan in _under_way(wiring):
        with write(wiring.engine) as conn:
            found = [documents.get(conn, i) for i in documents.of_scan(conn, scan.id)]
            if settle_scan(conn, scan.id):
                continue
            if _goes_on(conn, wiring, scan, found):
                going_on += 1
            else:
                _give_up(conn, wiring, scan, found, actor)
                told = scan.model_dump(include={"unit", "file_name", "dossier_code"})
                lost.append(LostScan(scan_id=scan.id, **told))
    return going_on, tuple(lost)


def quarantine_gone(wiring: Wiring) -> int:
    """How many open items of the quarantine have lost their file."""
    with read(wiring.engine) as conn:
        items = quarantine.open_items(conn)
    return sum(1 for item in items if item.code != RefusalCode.LOST and not Path(item.kept_path).is_file())


def _under_way(wiring: Wiring) -> list[ScanRow]:
    with read(wiring.engine) as conn:
        return [scan for state in UNDER_WAY for scan in scans.by_state(conn, state)]


def _goes_on(conn: Connection, wiring: Wiring, scan: ScanRow, found: list[DocumentRecord]) -> bool:
    """Where the bytes are still there, the scan waits for its person, or starts anew as its next attempt."""
    staged = wiring.folder("work") / "scans" / scan.id
    files = received(wiring, scan)
    if not all(_holds(f.staged, f.sha256) for f in files) and not _from_archive(wiring, scan, files):
        if not all(_holds(f.staged, f.sha256) or _holds(f.source, f.sha256) for f in files):
            return False
        _begin_anew(conn, scan, found)
        scans.update(conn, scan.id, staged_path=None)  # the inbox is listed: it is taken from there again
    elif (
        _is_whole(staged, scan, files)
        and (left := [d for d in found if d.state not in SETTLED])
        and all(_is_read(wiring, d) for d in left)
    ):
        for document in left:
            if document.state in DECIDED:
                documents.set_state(conn, document.id, DocumentState.APPROVED, attempt=document.attempt + 1)
    else:
        _begin_anew(conn, scan, found)
        scans.update(conn, scan.id, staged_path=str(files[0].staged))
    return True


def _is_whole(staged: Path, scan: ScanRow, files: Sequence[Received]) -> bool:
    """Whether what is made of two passes is still there; what came as one file is."""
    return len(files) == 1 or _holds(staged, scan.sha256)


def _from_archive(wiring: Wiring, scan: ScanRow, files: Sequence[Received]) -> bool:
    """A scan of several papers, or of two passes, is archived as it was received before any of its papers: its copies
    come back from there."""
    if not is_archived(wiring.store, scan.id):
        return False
    return all(_file_from_archive(wiring, scan, file, number) for number, file in enumerate(files, 1))


def _file_from_archive(wiring: Wiring, scan: ScanRow, file: Received, number: int) -> bool:
    with suppress(KeyNotFound, FixityMismatch), landing(file.staged) as part:
        with open_original(wiring.store, scan.id, number) as stream, part.open("wb") as writer:
            shutil.copyfileobj(stream, writer, 1 << 20)
        if not _holds(part, file.sha256):
            raise FixityMismatch(f"{scan.id}: the archived scan is another")
        return True
    return False


def _begin_anew(conn: Connection, scan: ScanRow, found: list[DocumentRecord]) -> None:
    """The scan is read once more; those of its documents that are settled stay as they are."""
    scans.retry(conn, scan.id)
    for document in found:
        if document.state not in SETTLED:
            documents.set_state(conn, document.id, DocumentState.READING, step="identified", error_code=None)


def _is_read(wiring: Wiring, document: DocumentRecord) -> bool:
    """Whether a person can look at it, or it can be signed: what was read lies on its bench."""
    bench = wiring.folder("work") / "documents" / document.id
    return document.state in (DocumentState.REVIEW, DocumentState.TO_SIGN, *DECIDED) and all(
        (bench / name).is_file() for name in BENCH
    )


def _give_up(conn: Connection, wiring: Wiring, scan: ScanRow, found: list[DocumentRecord], actor: str) -> None:
    """Refused as lost, as every other refusal is: in the tray, with what to do."""
    code = RefusalCode.LOST
    quarantine.add(
        conn,
        scan_id=scan.id,
        unit=scan.unit,
        file_name=scan.file_name,
        kept_path=str(wiring.folder("quarantine") / scan.unit / f"{scan.id[:8]}-{code}" / "scan"),
        sha256=scan.sha256,
        size_bytes=scan.size_bytes,
        code=code,
        detail="",
    )
    scans.update(conn, scan.id, state=ScanState.QUARANTINED, error_code=code)
    for document in found:
        if document.state not in ENDED:
            documents.set_state(conn, document.id, DocumentState.REJECTED, step="quarantined", error_code=code)
    audit.append(conn, actor=actor, action="quarantine", subject=scan.id, unit=scan.unit, detail={"code": code})


def _holds(path: Path, sha256: str) -> bool:
    try:
        return not path.is_symlink() and sha256_file(path) == sha256
    except OSError:
        return False
