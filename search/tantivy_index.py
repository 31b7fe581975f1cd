"""The embedded index: tantivy in a folder. One writing process at a time; others read and see its commits."""

from __future__ import annotations

import fcntl
import shutil
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import tantivy
from tantivy import Query

from registry.errors import ServiceUnavailable
from registry.values import DocumentId
from search.index import IndexEntry, SearchHit, SearchRequest, SearchResult
from search.query import Asked, understand
from search.snippets import snippet
from search.tantivy_query import document, make, schema

SCHEMA = "2"
"""Part of the folder's name: another schema is another index, built beside and swapped in."""
HEAP = 60_000_000
BATCH = 500
FACET_SIZE = 1000


class TantivyIndex:
    """SearchIndex in `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.RLock()
        self._opened: tuple[str, tantivy.Index] | None = None
        folder.mkdir(parents=True, exist_ok=True)

    def put(self, entries: Sequence[IndexEntry]) -> None:
        with self._lock, self._writing():
            index = self._index()
            _write(index, entries, replace=True)

    def delete(self, ids: Sequence[DocumentId]) -> None:
        with self._lock, self._writing():
            writer = self._index().writer(HEAP, 1)
            for document_id in ids:
                writer.delete_documents("document_id", document_id)
            writer.commit()
            writer.wait_merging_threads()

    def search(self, request: SearchRequest) -> SearchResult:
        started = time.perf_counter()
        index = self._index()
        index.reload()
        searcher, asked = index.searcher(), understand(request.query)
        query, fuzzy = make(index.schema, request, asked), False
        found = searcher.search(query.ranked, max(1, request.limit), offset=request.offset)
        if not found.count and asked.words:
            query, fuzzy = make(index.schema, request, asked, fuzzy=True), True
            found = searcher.search(query.ranked, max(1, request.limit), offset=request.offset)
        hits = tuple(_hit(searcher.doc(address), score, asked) for score, address in found.hits[: request.limit])
        return SearchResult(
            total=found.count or 0,
            hits=hits,
            facets=_facets(searcher, query.matching),
            fuzzy=fuzzy and bool(found.count),
            took_ms=round((time.perf_counter() - started) * 1000, 2),
        )

    def count(self) -> int:
        index = self._index()
        index.reload()
        return int(index.searcher().num_docs)

    def rebuild(self, entries: Iterable[IndexEntry]) -> int:
        with self._lock, self._writing():
            name = f"v{SCHEMA}-{time.time_ns()}"
            fresh = self._folder / name
            fresh.mkdir()
            index = tantivy.Index(schema(), path=str(fresh))
            written, batch = 0, []
            for entry in entries:
                batch.append(entry)
                if len(batch) == BATCH:
                    _write(index, batch, replace=False)
                    written, batch = written + len(batch), []
            _write(index, batch, replace=False)
            self._point_to(name)
            return written + len(batch)

    def close(self) -> None:
        with self._lock:
            self._opened = None

    def _index(self) -> tantivy.Index:
        """The index that `current` names now; another process may have swapped in a rebuilt one."""
        with self._lock:
            pointer = self._folder / "current"
            name = pointer.read_text() if pointer.exists() else ""
            if not name.startswith(f"v{SCHEMA}-"):
                name = f"v{SCHEMA}-0"
                (self._folder / name).mkdir(exist_ok=True)
            if self._opened is None or self._opened[0] != name:
                try:
                    opened = tantivy.Index(schema(), path=str(self._folder / name))
                except (ValueError, OSError) as exc:
                    raise ServiceUnavailable("the index is broken; `sohoa index rebuild` makes it anew") from exc
                self._opened = (name, opened)
            return self._opened[1]

    def _point_to(self, name: str) -> None:
        part = self._folder / "current.part"
        part.write_text(name)
        part.replace(self._folder / "current")
        for old in self._folder.glob("v*"):
            if old.name != name:
                shutil.rmtree(old, ignore_errors=True)
        self._opened = None

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """One writer on the machine; others wait for it."""
        with (self._folder / "writer.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _write(index: tantivy.Index, entries: Sequence[IndexEntry], *, replace: bool) -> None:
    writer = index.writer(HEAP, 1)
    for entry in entries:
        if replace:
            writer.delete_documents("document_id", entry.document_id)
        writer.add_document(document(entry))
    writer.commit()
    writer.wait_merging_threads()
    index.reload()


def _hit(document: tantivy.Document, score: float, asked: Asked) -> SearchHit:
    stored: Any = document.get_first("entry")
    entry = IndexEntry.model_validate_json(bytes(stored))
    part, spans, page = snippet(entry.text, asked.folded)
    return SearchHit(
        document_id=entry.document_id,
        score=round(score, 4),
        title=entry.title,
        snippet=part,
        highlights=spans,
        page_index=page,
        unit=entry.unit,
        kind=entry.kind,
        number_symbol=entry.number_symbol,
        issuing_agency=entry.issuing_agency,
        issued_on=entry.issued_on,
        dossier_code=entry.dossier_code,
        words=tuple(sorted(asked.folded)),
    )


def _facets(searcher: tantivy.Searcher, query: Query) -> dict[str, dict[str, int]]:
    wanted = {name: {"terms": {"field": name, "size": FACET_SIZE}} for name in ("kind", "unit", "year")}
    counted = searcher.aggregate(query, wanted)
    return {name: {str(b["key"]): int(b["doc_count"]) for b in counted[name]["buckets"] if b["key"]} for name in wanted}
