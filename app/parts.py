"""What the archive's records say to the registry, read by several at once.

A module of its own with few imports: reading processes start with nothing else.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context

from archive.aip import iter_records, parts, read_papers
from archive.folder import FolderStore
from archive.store import ObjectStore
from registry.errors import FixityMismatch, KeyNotFound
from registry.restoring import Prepared, prepare
from registry.values import DocumentId

SAMPLE, MANY = 8, 8
"""Where the first parts hold so many records, there are some thousand: fewer are read faster than processes start."""
AHEAD = 8
"""Parts that may be read before what they hold is taken, per reader."""
THREADS = 16
"""Readers of a store behind a network: they wait more than they work."""


@dataclass(frozen=True, slots=True)
class Part:
    """Rows of the records of one part that can be read, and the ids of those that cannot."""

    prepared: tuple[Prepared, ...]
    damaged: tuple[DocumentId, ...]


@contextmanager
def read_parts(store: ObjectStore) -> Iterator[Iterator[Part]]:
    """Every record of the store once, never far ahead of who takes it."""
    if sum(1 for part in parts()[:SAMPLE] for _ in iter_records(store, part)) < MANY:
        yield iter([_part(store, "")])
    elif isinstance(store, FolderStore):
        readers = os.cpu_count() or 1
        context = get_context("spawn")
        with ProcessPoolExecutor(readers, mp_context=context, initializer=_take, initargs=(store,)) as processes:
            yield _in_turn(processes, _part_here, readers)
    else:
        with ThreadPoolExecutor(THREADS) as threads:
            yield _in_turn(threads, partial(_part, store), THREADS)


def _in_turn(executor: Executor, read: Callable[[str], Part], readers: int) -> Iterator[Part]:
    under_way: deque[Future[Part]] = deque()
    for part in parts():
        under_way.append(executor.submit(read, part))
        if len(under_way) >= AHEAD * readers:
            yield under_way.popleft().result()
    while under_way:
        yield under_way.popleft().result()


_store: ObjectStore | None = None


def _take(store: ObjectStore) -> None:
    """A reading process has its own way to the archive."""
    global _store  # noqa: PLW0603 once per process, before its first part
    _store = store


def _part_here(part: str) -> Part:
    if _store is None:
        raise RuntimeError("_take() comes first")
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
            prepared.append(prepare(papers.metadata, papers.events, pdf_sha256=digest))
    return Part(tuple(prepared), tuple(damaged))
