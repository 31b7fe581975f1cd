"""Registry and index from the archive alone."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console
from rich.progress import track

from app.wiring import Wiring
from archive.aip import AipRecord, iter_records, read_record
from pipeline.steps import index_entry
from registry import audit, documents
from registry.database import write
from registry.errors import FixityMismatch, KeyNotFound
from registry.values import DocumentId, Value
from search.index import IndexEntry

BATCH = 200


class Rebuilt(Value):
    """How many records came back, and which could not be read: those are left out and must be looked at."""

    records: int
    damaged: tuple[DocumentId, ...]


def rebuild_index(wiring: Wiring, console: Console) -> Rebuilt:
    """The index holds exactly the archive's records that can be read."""
    done: list[DocumentId] = []
    damaged: list[DocumentId] = []

    def entries() -> Iterator[IndexEntry]:
        for document_id, record in _records(wiring, console, "Chỉ mục…", damaged):
            done.append(document_id)
            yield index_entry(record.metadata, record.pages)

    number = wiring.index.rebuild(entries())
    with write(wiring.engine) as conn:
        for start in range(0, len(done), BATCH):
            documents.mark_indexed(conn, done[start : start + BATCH])
    return Rebuilt(records=number, damaged=tuple(damaged))


def rebuild_registry(wiring: Wiring, actor: str, console: Console) -> Rebuilt:
    """Every record that can be read stands in the registry with its fields, people and events. Safe to repeat.

    Work that was under way and facts of dossiers are not in the archive: they come from the database's backup.
    """
    number = 0
    damaged: list[DocumentId] = []
    for _, record in _records(wiring, console, "Sổ đăng ký…", damaged):
        with write(wiring.engine) as conn:
            documents.restore(conn, record.metadata, record.events, pdf_sha256=record.digests["document.pdf"])
        number += 1
    with write(wiring.engine) as conn:
        audit.append(conn, actor=actor, action="rebuild-registry", subject="archive", detail={"records": number})
    return Rebuilt(records=number, damaged=tuple(damaged))


def _records(
    wiring: Wiring, console: Console, description: str, damaged: list[DocumentId]
) -> Iterator[tuple[DocumentId, AipRecord]]:
    ids = list(iter_records(wiring.store))
    for document_id in track(ids, description=description, console=console, transient=True):
        try:
            yield document_id, read_record(wiring.store, document_id)
        except (FixityMismatch, KeyNotFound):
            damaged.append(document_id)
