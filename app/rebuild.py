"""Registry and index from the archive alone."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice

from rich.console import Console
from rich.progress import Progress, track

from app.parts import AHEAD, THREADS, read_parts
from app.wiring import Wiring
from archive.aip import AipTexts, iter_records, read_texts
from archive.disposals import DISPOSAL, is_left, iter_disposals, read_decision, read_outcome
from archive.store import ObjectStore
from pipeline.sealing import take_over_sealed
from pipeline.steps import index_entry
from registry import audit, disposals, documents, restoring
from registry.database import write
from registry.errors import FixityMismatch, KeyNotFound
from registry.restoring import Prepared
from registry.values import DocumentId, Value
from search.index import IndexEntry

BATCH = 500
"""Records in one transaction: a rebuild that is interrupted loses no more."""


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
        documents.mark_indexed(conn, done)
    return Rebuilt(records=number, damaged=tuple(damaged))


def rebuild_registry(wiring: Wiring, actor: str, console: Console) -> Rebuilt:
    """Every record that can be read stands in the registry with its fields, people and events; what was disposed of as
    that. Safe to repeat.

    Work that was under way and facts of dossiers are not in the archive: they come from the database's backup.
    """
    with write(wiring.engine) as conn:
        take_over_sealed(conn, wiring.store)
    number = 0
    damaged: list[DocumentId] = []
    waiting: list[Prepared] = []

    def stand() -> None:
        nonlocal number
        if waiting:
            with write(wiring.engine) as conn:
                restoring.restore_many(conn, waiting)
            number += len(waiting)
            waiting.clear()

    with read_parts(wiring.store) as found, Progress(console=console, transient=True) as progress:
        bar = progress.add_task("Sổ đăng ký…", total=None)
        for part in found:
            damaged += part.damaged
            waiting += part.prepared
            progress.advance(bar, len(part.prepared))
            if len(waiting) >= BATCH:
                stand()
        stand()
    damaged += _restore_disposals(wiring)
    with write(wiring.engine) as conn:
        audit.append(conn, actor=actor, action="rebuild-registry", subject="archive", detail={"records": number})
    return Rebuilt(records=number, damaged=tuple(damaged))


def _restore_disposals(wiring: Wiring) -> list[DocumentId]:
    """What was disposed of stays so, also where an older backup knew it; a decision that was not carried out to the end
    goes on. Returns the ids of decisions that cannot be read."""
    unreadable: list[DocumentId] = []
    for disposal_id in iter_disposals(wiring.store):
        try:
            decision, outcome = read_decision(wiring.store, disposal_id), read_outcome(wiring.store, disposal_id)
        except (FixityMismatch, KeyNotFound):
            unreadable.append(DocumentId(f"{DISPOSAL}{disposal_id}"))
            continue
        at, kept = (outcome.removed, outcome.kept) if outcome else ({}, {})
        removed = {
            r.document_id: at.get(r.document_id, decision.approved_at)
            for r in decision.records
            if r.document_id not in kept and not is_left(wiring.store, r.document_id)
        }
        with write(wiring.engine) as conn:
            disposals.restore(conn, decision, removed, kept, outcome.done_at if outcome else None)
    return unreadable


def read_all(
    store: ObjectStore, ids: Iterable[DocumentId], damaged: list[DocumentId]
) -> Iterator[tuple[DocumentId, AipTexts]]:
    """The records that can be read, in order, several read at once but never far ahead of who takes them; those that
    cannot are added to `damaged`."""

    def look(document_id: DocumentId) -> tuple[DocumentId, AipTexts | None]:
        try:
            return document_id, read_texts(store, document_id)
        except (FixityMismatch, KeyNotFound):
            return document_id, None

    with ThreadPoolExecutor(THREADS) as threads:
        under_way: deque[Future[tuple[DocumentId, AipTexts | None]]] = deque()
        left = iter(ids)
        while True:
            under_way.extend(threads.submit(look, i) for i in islice(left, AHEAD * THREADS - len(under_way)))
            if not under_way:
                return
            document_id, record = under_way.popleft().result()
            if record is None:
                damaged.append(document_id)
            else:
                yield document_id, record


def _records(
    wiring: Wiring, console: Console, description: str, damaged: list[DocumentId]
) -> Iterator[tuple[DocumentId, AipTexts]]:
    ids = list(iter_records(wiring.store))
    shown = track(ids, description=description, console=console, transient=True)
    yield from read_all(wiring.store, shown, damaged)
