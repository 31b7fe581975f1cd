"""How a scan of several papers ends: each part by itself, archived or set aside; the scan when all of them are.

A part that is set aside is kept in quarantine as a file of its own, with its reason; the others go on without it.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from sqlalchemy import Connection

from pipeline import intake
from pipeline.landing import copy_durably
from pipeline.parting import clear_scan, extracted
from pipeline.workshop import Workshop
from registry import audit, documents, quarantine, scans
from registry.database import read, write
from registry.errors import RefusalCode, Refused, WorkerFailed
from registry.values import ENDED, DocumentId, DocumentState, ScanId, ScanState

SETTLED = ENDED | {DocumentState.REJECTED}


def refuse(shop: Workshop, document_id: DocumentId, code: RefusalCode, detail: str) -> None:
    """The document is in quarantine: the whole scan where it is the only one, else its pages. Repeatable.

    Nothing happens to a document that is archived: the refusal came late.
    """
    with read(shop.engine) as conn:
        record = documents.get(conn, document_id)
        parts = documents.states_of_scan(conn, record.scan_id or "")
    if record.state in ENDED:
        return
    scan_id = ScanId(record.scan_id or "")
    if len(parts) > 1:
        _set_part_aside(shop, document_id, scan_id, code, detail)
        return
    set_scan_aside(shop, scan_id, code, detail)


def set_scan_aside(shop: Workshop, scan_id: ScanId, code: RefusalCode, detail: str) -> None:
    """The scan is in quarantine with all its documents. Repeatable."""
    intake.set_aside(shop, scan_id, code, detail)
    with write(shop.engine) as conn:
        if scans.get(conn, scan_id, lock=True).state == ScanState.DONE:
            return
        for document, state in documents.states_of_scan(conn, scan_id).items():
            if state is not DocumentState.REJECTED:  # a repetition moves nothing in the tray
                documents.set_state(conn, document, DocumentState.REJECTED, step="quarantined", error_code=code)
    clear_scan(shop, scan_id)


def settle(conn: Connection, scan_id: ScanId) -> bool:
    """The scan is done when each of its documents is archived or set aside, and one is archived; whether it is.

    The scan's row is held until the transaction ends: of two parts that end at the same moment, one sees the other.
    """
    if scans.get(conn, scan_id, lock=True).state == ScanState.DONE:
        return True
    states = set(documents.states_of_scan(conn, scan_id).values())
    if not states <= SETTLED or not states & ENDED:
        return False
    scans.update(conn, scan_id, state=ScanState.DONE, error_code=None)
    return True


def release(shop: Workshop, document_id: DocumentId) -> None:
    """The document's bench is cleared and, once all of its scan is settled, the source is in `done/`. Repeatable."""
    with read(shop.engine) as conn:
        scan = scans.get(conn, ScanId(documents.get(conn, document_id).scan_id or ""))
    if scan.state == ScanState.DONE:
        intake.release(shop, scan.id)
        clear_scan(shop, scan.id)
    shutil.rmtree(shop.bench(document_id), ignore_errors=True)


def _set_part_aside(shop: Workshop, document_id: DocumentId, scan_id: ScanId, code: RefusalCode, detail: str) -> None:
    with read(shop.engine) as conn:
        record, scan = documents.get(conn, document_id), scans.get(conn, scan_id)
        before = quarantine.knows_document(conn, document_id)
    if record.state is DocumentState.REJECTED and before:
        return
    name = Path(scan.source_path if intake.came_alone(shop, scan) else scan.file_name)
    folder = shop.folder("quarantine") / scan.unit / f"{scan_id[:8]}-{scan.attempt}-{record.part + 1}"
    kept = folder / intake.short_name(f"{name.stem}-{record.part + 1}{name.suffix}")
    if not kept.exists():
        try:
            copy_durably(extracted(shop, scan, record), kept)
        except (WorkerFailed, Refused):  # its pages cannot be taken out: then all of it is kept
            copy_durably(shop.staged_scan(scan_id), kept)
    intake.explain(folder, code)
    with write(shop.engine) as conn:
        if documents.get(conn, document_id, lock=True).state in ENDED:
            return
        quarantine.add(
            conn,
            scan_id=scan_id,
            document_id=document_id,
            unit=scan.unit,
            file_name=kept.name,
            kept_path=str(kept),
            sha256=scan.sha256,
            size_bytes=kept.stat().st_size,
            code=code,
            detail=detail,
        )
        documents.set_state(conn, document_id, DocumentState.REJECTED, step="quarantined", error_code=code)
        audit.append(conn, actor="sohoa", action="quarantine", subject=document_id, unit=scan.unit,
                     detail={"code": code})  # fmt: skip
    _end(shop, document_id, scan_id, code, detail)


def _end(shop: Workshop, document_id: DocumentId, scan_id: ScanId, code: RefusalCode, detail: str) -> None:
    """When the part was the last: the scan is done, or in quarantine as a whole where nothing of it is archived."""
    with write(shop.engine) as conn:
        done = settle(conn, scan_id)
        states = set(documents.states_of_scan(conn, scan_id).values())
    if done:
        release(shop, document_id)
        return
    if states == {DocumentState.REJECTED}:
        set_scan_aside(shop, scan_id, code, detail)
        with write(shop.engine) as conn:
            for item in quarantine.of_scan(conn, scan_id):
                if item.document_id is not None:  # what is kept of it is now the whole
                    quarantine.resolve(conn, item.id, "discarded")
    shutil.rmtree(shop.bench(document_id), ignore_errors=True)
