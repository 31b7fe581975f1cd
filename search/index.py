"""The search index: a cache over the archive. One Protocol, one contract suite (tests/contracts/search_index.py)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Protocol

from registry.values import DocumentId, Value


class IndexEntry(Value):
    """What the index knows of a document. issued_on: YYYY-MM-DD or None. text: pages joined by form feeds."""

    document_id: DocumentId
    unit: str
    kind: str = ""
    title: str = ""
    number_symbol: str = ""
    issuing_agency: str = ""
    issued_on: str | None = None
    subject: str = ""
    signer_name: str = ""
    people_names: tuple[str, ...] = ()
    owner_ids: tuple[str, ...] = ()
    dossier_code: str = ""
    text: str = ""
    archived_at: datetime


class SearchRequest(Value):
    """A question. units: where the asker may look, None for everywhere; the filter is part of the engine's query.

    Words with marks rank exact matches first, words without marks match without; "quoted words" stand together; an
    identity number matches owners only.
    """

    query: str
    units: frozenset[str] | None = None
    kind: str | None = None
    owner: str | None = None
    issued_from: str | None = None
    issued_to: str | None = None
    limit: int = 20
    offset: int = 0


class Span(Value):
    """A highlighted part of a snippet."""

    start: int
    end: int


class SearchHit(Value):
    document_id: DocumentId
    score: float
    title: str
    snippet: str
    highlights: tuple[Span, ...]
    page_index: int
    unit: str
    kind: str
    number_symbol: str
    issuing_agency: str
    issued_on: str | None
    dossier_code: str
    words: tuple[str, ...] = ()
    """Folded words of the query that were found: for highlighting on the page's picture."""


class SearchResult(Value):
    """total counts all matches; facets: kind, unit, year → value → count, over all of them."""

    total: int
    hits: tuple[SearchHit, ...]
    facets: dict[str, dict[str, int]]
    fuzzy: bool = False
    """Whether nothing matched as written, so that near spellings were taken."""
    took_ms: float


class SearchIndex(Protocol):
    """Safe to call from several threads. Raises ServiceUnavailable when the engine cannot answer."""

    def put(self, entries: Sequence[IndexEntry]) -> None:
        """The entries are found from now on; an earlier entry of the same document is replaced. Repeatable."""
        ...

    def delete(self, ids: Sequence[DocumentId]) -> None: ...

    def search(self, request: SearchRequest) -> SearchResult: ...

    def count(self) -> int: ...

    def rebuild(self, entries: Iterable[IndexEntry]) -> int:
        """The index holds exactly these entries; until it does, searches are answered from the old one."""
        ...

    def close(self) -> None: ...
