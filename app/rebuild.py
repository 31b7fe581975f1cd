"""Registry and index from the archive alone."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import islice
from multiprocessing import get_context

from rich.console import Console
from rich.progress import Progress, track

from app.wiring import Wiring
from archive.aip import AipRecord, iter_records, parts, read_papers, read_record
from archive.folder import FolderStore
from archive.store import ObjectStore
from config.settings import Settings
from pipeline.steps import index_entry
from registry import audit, documents, restoring
from registry.database import write
from registry.errors import FixityMismatch, KeyNotFound
from registry.restoring import Prepared
from registry.values import DocumentId, Value
from search.index import IndexEntry

BATCH = 500
"""Records in one transaction: a rebuild that is interrupted loses no more."""
FEW = 1000
"""So many are read faster than other processes start."""
AHEAD = 8
"""Parts of the archive that may be read before what they hold is written, per reader."""
THREADS = 16
"""Readers of a store behind a network: they wait more than they work."""


class Rebuilt(Value):
    """How many records came back, and which could not be read: those are left out and must be looked at."""

    records: int
    damaged: tuple[DocumentId, ...]


@dataclass(frozen=True, slots=True)
class Part:
    """What some of the archive's records say to the registry."""

    prepared: tuple[Prepared, ...]
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
    """Every record that can be read stands in the registry with its fields, people and events. Safe to repeat.

    Work that was under way and facts of dossiers are not in the archive: they come from the database's backup.
    """
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

    with _read(wiring) as found, Progress(console=console, transient=True) as progress:
        bar = progress.add_task("Sổ đăng ký…", total=None)
        for part in found:
            damaged += part.damaged
            waiting += part.prepared
            progress.advance(bar, len(part.prepared))
            if len(waiting) >= BATCH:
                stand()
        stand()
    with write(wiring.engine) as conn:
        audit.append(conn, actor=actor, action="rebuild-registry", subject="archive", detail={"records": number})
    return Rebuilt(records=number, damaged=tuple(damaged))


@contextmanager
def _read(wiring: Wiring) -> Iterator[Iterator[Part]]:
    """What the whole archive says to the registry: read by several at once, never far ahead of who takes it."""
    first = list(islice(iter_records(wiring.store), FEW + 1))
    if len(first) <= FEW:
        yield iter([_prepared(wiring.store, first)])
    elif isinstance(wiring.store, FolderStore):
        readers = os.cpu_count() or 1
        with ProcessPoolExecutor(
            readers, mp_context=get_context("spawn"), initializer=_open, initargs=(wiring.settings,)
        ) as processes:
            yield _in_turn(processes, _part_here, readers)
    else:
        with ThreadPoolExecutor(THREADS) as threads:
            yield _in_turn(threads, partial(_part, wiring.store), THREADS)


def _in_turn(executor: Executor, read: Callable[[str], Part], readers: int) -> Iterator[Part]:
    under_way: deque[Future[Part]] = deque()
    for part in parts():
        under_way.append(executor.submit(read, part))
        if len(under_way) >= AHEAD * readers:
            yield under_way.popleft().result()
    while under_way:
        yield under_way.popleft().result()


_store: ObjectStore | None = None


def _open(settings: Settings) -> None:
    """A reading process has its own way to the archive."""
    global _store  # noqa: PLW0603 once per process, before its first part
    _store = Wiring(settings).store


def _part_here(part: str) -> Part:
    if _store is None:
        raise RuntimeError("_open() comes first")
    return _part(_store, part)


def _part(store: ObjectStore, part: str) -> Part:
    return _prepared(store, iter_records(store, part))


def _prepared(store: ObjectStore, ids: Iterable[DocumentId]) -> Part:
    prepared: list[Prepared] = []
    damaged: list[DocumentId] = []
    for document_id in ids:
        try:
            papers = read_papers(store, document_id)
            digest = papers.digests["document.pdf"]
        except (FixityMismatch, KeyNotFound):
            damaged.append(document_id)
        else:
            prepared.append(restoring.prepare(papers.metadata, papers.events, pdf_sha256=digest))
    return Part(tuple(prepared), tuple(damaged))


def read_all(
    store: ObjectStore, ids: Iterable[DocumentId], damaged: list[DocumentId]
) -> Iterator[tuple[DocumentId, AipRecord]]:
    """The records that can be read, in order, several read at once but never far ahead of who takes them; those that
    cannot are added to `damaged`."""

    def look(document_id: DocumentId) -> tuple[DocumentId, AipRecord | None]:
        try:
            return document_id, read_record(store, document_id)
        except (FixityMismatch, KeyNotFound):
            return document_id, None

    with ThreadPoolExecutor(THREADS) as threads:
        under_way: deque[Future[tuple[DocumentId, AipRecord | None]]] = deque()
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
) -> Iterator[tuple[DocumentId, AipRecord]]:
    ids = list(iter_records(wiring.store))
    shown = track(ids, description=description, console=console, transient=True)
    yield from read_all(wiring.store, shown, damaged)
