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
from tantivy import Occur, Query

from registry.errors import ServiceUnavailable
from registry.values import DocumentId
from search.analysis import Token, has_marks, tokens
from search.index import IndexEntry, SearchHit, SearchRequest, SearchResult
from search.query import Asked, Word, understand
from search.snippets import snippet

SCHEMA = "1"
"""Part of the folder's name: another schema is another index, built beside and swapped in."""
HEAP = 60_000_000
BATCH = 500
WEIGHTS = {"names": 3.0, "head": 2.0, "body": 1.0}
"""Fields that hold text: people and numbers; title, agency, subject; the whole text."""
FACET_SIZE = 50


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
        query, fuzzy = _query(index.schema, request, asked, fuzzy=False), False
        found = searcher.search(query, max(1, request.limit), offset=request.offset)
        if not found.count and asked.words:
            query, fuzzy = _query(index.schema, request, asked, fuzzy=True), True
            found = searcher.search(query, max(1, request.limit), offset=request.offset)
        hits = tuple(_hit(searcher.doc(address), score, asked) for score, address in found.hits[: request.limit])
        return SearchResult(
            total=found.count or 0,
            hits=hits,
            facets=_facets(searcher, query),
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
            index = tantivy.Index(_schema(), path=str(fresh))
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
                    opened = tantivy.Index(_schema(), path=str(self._folder / name))
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


def _schema() -> tantivy.Schema:
    builder = tantivy.SchemaBuilder()
    builder.add_text_field("document_id", stored=True, tokenizer_name="raw", index_option="basic")
    for facet in ("unit", "kind", "year"):
        builder.add_text_field(facet, stored=False, fast=True, tokenizer_name="raw", index_option="basic")
    builder.add_integer_field("issued_on", stored=False, indexed=True, fast=True)
    builder.add_text_field("owner", tokenizer_name="raw", index_option="basic")
    for name in WEIGHTS:
        builder.add_text_field(f"{name}_exact", tokenizer_name="whitespace")
        builder.add_text_field(f"{name}_folded", tokenizer_name="whitespace")
    builder.add_bytes_field("entry", stored=True, indexed=False)
    return builder.build()


def _write(index: tantivy.Index, entries: Sequence[IndexEntry], *, replace: bool) -> None:
    writer = index.writer(HEAP, 1)
    for entry in entries:
        if replace:
            writer.delete_documents("document_id", entry.document_id)
        writer.add_document(_document(entry))
    writer.commit()
    writer.wait_merging_threads()
    index.reload()


def _day(iso: str) -> int:
    return int(iso.replace("-", ""))


def _document(entry: IndexEntry) -> tantivy.Document:
    document = tantivy.Document()
    document.add_text("document_id", entry.document_id)
    document.add_text("unit", entry.unit)
    document.add_text("kind", entry.kind)
    if entry.issued_on:
        document.add_integer("issued_on", _day(entry.issued_on))
        document.add_text("year", entry.issued_on[:4])
    for owner in entry.owner_ids:
        document.add_text("owner", owner)
    texts = {
        "names": " \n ".join((*entry.people_names, entry.signer_name, entry.number_symbol, entry.dossier_code)),
        "head": " \n ".join((entry.title, entry.issuing_agency, entry.subject)),
        "body": entry.text,
    }
    for name, text in texts.items():
        words = tokens(text)
        document.add_text(f"{name}_exact", " ".join(t.exact for t in words))
        document.add_text(f"{name}_folded", " ".join(t.folded for t in words))
    document.add_bytes("entry", entry.model_dump_json().encode())
    return document


def _query(schema: tantivy.Schema, request: SearchRequest, asked: Asked, *, fuzzy: bool) -> Query:
    parts: list[tuple[Occur, Query]] = [(Occur.Must, q) for q in _filters(schema, request)]
    for number in asked.identities:
        parts.append((Occur.Must, Query.term_query(schema, "owner", number, "basic")))
    for phrase in asked.phrases:
        parts.append((Occur.Must, _phrase(schema, phrase)))
    for word in asked.words:
        parts.append((Occur.Must, _word(schema, word, fuzzy=fuzzy)))
    if len(asked.words) > 1 and not fuzzy:
        near = _phrase(schema, [w.whole for w in asked.words], slop=2)
        parts.append((Occur.Should, Query.boost_query(near, 3.0)))
    if not any(occur == Occur.Must for occur, _ in parts):
        return Query.all_query()
    return Query.boolean_query(parts)


def _filters(schema: tantivy.Schema, request: SearchRequest) -> Iterator[Query]:
    if request.units is not None:
        yield Query.const_score_query(Query.term_set_query(schema, "unit", sorted(request.units)), 0.0)
    if request.kind:
        yield Query.const_score_query(Query.term_query(schema, "kind", request.kind, "basic"), 0.0)
    if request.owner:
        yield Query.const_score_query(Query.term_query(schema, "owner", request.owner, "basic"), 0.0)
    if request.issued_from or request.issued_to:
        low, high = _day(request.issued_from or "0000-01-01"), _day(request.issued_to or "9999-12-31")
        dated = Query.range_query(schema, "issued_on", tantivy.FieldType.Integer, low, high)
        yield Query.const_score_query(dated, 0.0)


def _word(schema: tantivy.Schema, word: Word, *, fuzzy: bool) -> Query:
    """The word in any field; a code also as a part of a longer one."""
    choices = [(Occur.Should, _token(schema, word.whole, fuzzy=fuzzy))]
    if word.parts:
        choices.append((Occur.Should, _phrase(schema, word.parts)))
    return Query.boolean_query(choices)


def _token(schema: tantivy.Schema, word: Token, *, fuzzy: bool) -> Query:
    """Folded always, exact on top when it was written with marks."""
    choices: list[tuple[Occur, Query]] = []
    for name, weight in WEIGHTS.items():
        if fuzzy and len(word.folded) > 3:
            near = Query.fuzzy_term_query(schema, f"{name}_folded", word.folded, 1, True, False)
            choices.append((Occur.Should, Query.boost_query(near, weight)))
        folded = Query.term_query(schema, f"{name}_folded", word.folded)
        choices.append((Occur.Should, Query.boost_query(folded, weight)))
        if has_marks(word.exact):
            marked = Query.term_query(schema, f"{name}_exact", word.exact)
            choices.append((Occur.Should, Query.boost_query(marked, 4 * weight)))
    return Query.boolean_query(choices)


def _phrase(schema: tantivy.Schema, words: Sequence[Token], slop: int = 0) -> Query:
    if len(words) == 1:
        return _token(schema, words[0], fuzzy=False)
    marked = any(has_marks(w.exact) for w in words)
    choices: list[tuple[Occur, Query]] = []
    for name, weight in WEIGHTS.items():
        folded = Query.phrase_query(schema, f"{name}_folded", [w.folded for w in words], slop)
        choices.append((Occur.Should, Query.boost_query(folded, weight)))
        if marked:
            exact = Query.phrase_query(schema, f"{name}_exact", [w.exact for w in words], slop)
            choices.append((Occur.Should, Query.boost_query(exact, 4 * weight)))
    return Query.boolean_query(choices)


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
