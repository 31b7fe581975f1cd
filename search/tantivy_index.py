"""The embedded index: tantivy in a folder. One process writes at a time and gives way to others that ask; all of them
search, and see what any of them committed."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import tantivy
from tantivy import Query

from registry.errors import Conflict, ServiceUnavailable
from registry.values import DocumentId
from search.hits import hit
from search.index import IndexEntry, SearchHit, SearchRequest, SearchResult
from search.query import Asked, understand
from search.tantivy_folder import IndexFolder, translated
from search.tantivy_query import document, make
from search.turns import FileLock, Turns

HEAP, REBUILD_HEAP = 50_000_000, 250_000_000
"""What is gathered in memory before it is written as a segment; larger segments need fewer merges."""
PATIENCE_S = 10.0
"""A turn at writing is short and given away when asked for; who waits longer than this comes again later."""
FACET_SIZE = 1000
FURTHEST = 10_000
"""Hits behind so many others are counted but not listed: all before the page asked for are held in memory."""


class TantivyIndex:
    """SearchIndex in `folder`; patience_s: how long a write waits for its turn. Raises ServiceUnavailable when the
    folder cannot be made."""

    def __init__(self, folder: Path, *, patience_s: float = PATIENCE_S) -> None:
        with translated():
            folder.mkdir(parents=True, exist_ok=True)
        self._folder = IndexFolder(folder)
        self._reader = Reader(self._folder)
        self._turns = Turns(folder, self._close_writer)
        self._writer = Writer()
        self._patience_s = patience_s

    def put(self, entries: Sequence[IndexEntry]) -> None:
        """As the Protocol says; merges go on behind it. During a rebuild it is in both, the old index and the new."""
        if entries:
            self._write([(entry.document_id, entry) for entry in entries])

    def delete(self, ids: Sequence[DocumentId]) -> None:
        if ids:
            self._write([(document_id, None) for document_id in ids])

    def search(self, request: SearchRequest) -> SearchResult:
        started = time.perf_counter()
        with translated():
            found = self._search(request)
        return found.model_copy(update={"took_ms": round((time.perf_counter() - started) * 1000, 2)})

    def count(self) -> int:
        opened = self._reader.index()
        return int(opened.searcher().num_docs) if opened else 0

    def rebuild(self, entries: Iterable[IndexEntry]) -> int:
        """As the Protocol says; what is put or deleted meanwhile stands, in whichever process. After a failure, or a
        kill, nothing has changed. Raises Conflict while another rebuild goes on."""
        going_on = FileLock(self._folder.path / "rebuild.lock")
        try:
            with translated():
                if not going_on.take():
                    raise Conflict("the index is being rebuilt already")
            with self._turns.taken(self._patience_s):
                self._folder.stop_filling()
                self._folder.sweep()
                name = self._folder.make()
                self._folder.point("filling", name)
            try:
                number = self._fill(self._folder.open(name), entries)
                with self._turns.taken(self._patience_s):
                    self._swap_in(name)
            finally:
                self._end_filling()
            return number
        finally:
            going_on.free()

    def close(self) -> None:
        self._turns.give_up()
        self._reader.close()

    # searching

    def _search(self, request: SearchRequest) -> SearchResult:
        opened = self._reader.index()
        if opened is None:
            return SearchResult(total=0, hits=(), facets={name: {} for name in FACETS}, took_ms=0)
        searcher, asked = opened.searcher(), understand(request.query)
        limit, offset = max(1, request.limit), min(request.offset, FURTHEST)
        query, fuzzy = make(opened.schema, request, asked), False
        found = searcher.search(query.ranked, limit, offset=offset)
        if not found.count and asked.words:
            query, fuzzy = make(opened.schema, request, asked, fuzzy=True), True
            found = searcher.search(query.ranked, limit, offset=offset)
        shown = found.hits[: request.limit] if request.offset <= FURTHEST else []
        return SearchResult(
            total=found.count,
            hits=tuple(_hit(searcher.doc(address), score, asked) for score, address in shown),
            facets=_facets(searcher, query.matching) if found.count else {name: {} for name in FACETS},
            fuzzy=fuzzy and bool(found.count),
            took_ms=0,
        )

    # writing: only with the turn

    def _write(self, changes: Sequence[Change]) -> None:
        with self._turns.taken(self._patience_s):
            self._note_late(changes)
            try:
                self._open_writer()
                with translated():
                    self._writer.apply(changes)
            except BaseException:
                self._close_writer()  # what it holds half done must not go with the next batch
                raise

    def _open_writer(self) -> None:
        """The writer is that of the index searched. It stays open until another process asks for the turn: closing it
        would end merges under way, and the next one would begin them again."""
        name = self._folder.current()
        if name is None:
            name = self._folder.make()
            self._folder.point("current", name)
        if self._writer.name != name:
            self._close_writer()
            self._writer.open(name, self._folder.open(name))

    def _close_writer(self) -> None:
        self._writer.close()

    def _note_late(self, changes: Sequence[Change]) -> None:
        """A rebuild going on will do the changes too. What a killed rebuild left is cleared away."""
        if self._folder.filling() is None:
            return
        with translated():
            if not FileLock(self._folder.path / "rebuild.lock").is_taken():
                self._folder.stop_filling()
                self._folder.sweep()
                return
            with self._folder.late.open("a", encoding="utf-8") as late:
                for document_id, entry in changes:
                    late.write(json.dumps([document_id, entry.model_dump_json() if entry else None]) + "\n")
                late.flush()
                os.fsync(late.fileno())

    # rebuilding

    def _fill(self, fresh: tantivy.Index, entries: Iterable[IndexEntry]) -> int:
        number = 0
        with translated():
            writer = fresh.writer(REBUILD_HEAP, 1)
        for number, entry in enumerate(entries, 1):  # noqa: B007 its last value is the answer
            with translated():
                writer.add_document(document(entry))
        with translated():
            writer.commit()
            writer.wait_merging_threads()
        return number

    def _swap_in(self, name: str) -> None:
        if self._folder.late.exists():
            writer = Writer()
            try:
                writer.open(name, self._folder.open(name))
                with translated(), self._folder.late.open(encoding="utf-8") as late:
                    writer.apply([_change(line) for line in late])
            finally:
                writer.close()
        self._folder.point("current", name)
        self._close_writer()

    def _end_filling(self) -> None:
        with self._turns.taken(self._patience_s):
            self._folder.stop_filling()
            self._folder.sweep()


FACETS = ("kind", "unit", "year")
Change = tuple[DocumentId, IndexEntry | None]
"""A document and what the index is to hold of it; None: nothing."""


class Reader:
    """The index to search: opened once, and looked at anew when a commit or a rebuild changed its files."""

    def __init__(self, folder: IndexFolder) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._opened: tuple[str, tantivy.Index] | None = None
        self._seen: tuple[int, ...] = ()

    def index(self) -> tantivy.Index | None:
        """The index as last committed by any process; None before anything was. Raises ServiceUnavailable."""
        with self._lock:
            name = self._folder.current()
            while name is not None:
                try:
                    return self._fresh(name)
                except ServiceUnavailable:
                    self._opened = None
                    before, name = name, self._folder.current()
                    if name == before:  # otherwise a rebuild removed it while we opened it
                        raise
            return None

    def close(self) -> None:
        with self._lock:
            self._opened = None

    def _fresh(self, name: str) -> tantivy.Index:
        """Loading costs milliseconds, seeing that nothing changed costs microseconds: and that is seen ten times as
        often."""
        with translated():
            told = (self._folder.path / name / "meta.json").stat()
        seen = (told.st_mtime_ns, told.st_ino, told.st_size)
        if self._opened is None or self._opened[0] != name:
            self._opened = (name, self._folder.open(name))
        elif seen != self._seen:
            with translated():
                self._opened[1].reload()
        self._seen = seen
        return self._opened[1]


class Writer:
    """Tantivy's writer of one index, which locks that index. Only here is it referred to, so that closing drops it
    and the lock with it, whoever still holds an error's frames."""

    def __init__(self) -> None:
        self.name: str | None = None
        self._inner: Any = None

    def open(self, name: str, index: tantivy.Index) -> None:
        with translated():
            self.name, self._inner = name, index.writer(HEAP, 1)

    def apply(self, changes: Sequence[Change]) -> None:
        """The changes are durable and found."""
        for document_id, entry in changes:
            self._inner.delete_documents_by_term("document_id", document_id)
            if entry is not None:
                self._inner.add_document(document(entry))
        self._inner.commit()

    def close(self) -> None:
        """What was not committed is gone, merges under way end without effect. Safe to repeat."""
        self.name = self._inner = None


def _change(line: str) -> Change:
    document_id, entry = json.loads(line)
    return DocumentId(document_id), IndexEntry.model_validate_json(entry) if entry else None


def _hit(found: tantivy.Document, score: float, asked: Asked) -> SearchHit:
    stored: Any = found.get_first("entry")
    return hit(IndexEntry.model_validate_json(bytes(stored)), score, asked)


def _facets(searcher: tantivy.Searcher, query: Query) -> dict[str, dict[str, int]]:
    wanted = {name: {"terms": {"field": name, "size": FACET_SIZE}} for name in FACETS}
    counted = searcher.aggregate(query, wanted)
    return {name: {str(b["key"]): int(b["doc_count"]) for b in counted[name]["buckets"] if b["key"]} for name in wanted}
