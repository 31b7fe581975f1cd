"""Registry and index from the archive alone."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console
from rich.progress import track
from sqlalchemy import Connection

from app.wiring import Wiring
from archive.aip import iter_records, read_record
from pipeline.steps import index_entry
from registry import audit, documents
from registry.database import write
from registry.values import DocumentId
from search.index import IndexEntry

BATCH = 200


def rebuild_index(wiring: Wiring, console: Console) -> int:
    """The index holds exactly the archive's records; returns how many."""
    ids = list(iter_records(wiring.store))

    def entries() -> Iterator[IndexEntry]:
        for document_id in track(ids, description="Chỉ mục…", console=console, transient=True):
            record = read_record(wiring.store, document_id)
            yield index_entry(record.metadata, record.pages)

    number = wiring.index.rebuild(entries())
    with write(wiring.engine) as conn:
        for start in range(0, len(ids), BATCH):
            documents.mark_indexed(conn, ids[start : start + BATCH])
    return number


def rebuild_registry(wiring: Wiring, actor: str, console: Console) -> int:
    """Every archived record stands in the registry with its fields, people and events; returns how many.

    Work that was under way and facts of dossiers are not in the archive: they come from the database's backup.
    """
    ids = list(iter_records(wiring.store))
    for start in track(range(0, len(ids), BATCH), description="Sổ đăng ký…", console=console, transient=True):
        with write(wiring.engine) as conn:
            for document_id in ids[start : start + BATCH]:
                _restore(wiring, conn, document_id)
    with write(wiring.engine) as conn:
        audit.append(conn, actor=actor, action="rebuild-registry", subject="archive", detail={"records": len(ids)})
    return len(ids)


def _restore(wiring: Wiring, conn: Connection, document_id: DocumentId) -> None:
    record = read_record(wiring.store, document_id)
    documents.restore(conn, record.metadata, record.events, pdf_sha256=record.digests["document.pdf"])
