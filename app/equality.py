"""Whether two installations hold the same: rows, archived bytes, the audit chain, and what a search answers.

Differences are named by table, key or document, never by what stands in them.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import zip_longest

from sqlalchemy import Connection, select

from archive.aip import read_record
from archive.ocfl import backup_in
from archive.store import ObjectStore
from registry import documents
from registry.errors import FixityMismatch, KeyNotFound
from registry.rows import TableState
from registry.tables import documents as documents_table
from registry.values import DocumentId, Value
from search.analysis import fold
from search.index import SearchIndex, SearchRequest, SearchResult

WHOLE_ANSWER = 500
"""Up to so many hits are compared one by one; of more the number and the facets."""
WHOLE_FACET = 50
PHRASE = re.compile(r"(?:[^\W\d_]+ ){3}[^\W\d_]+")
MOST_PHRASES = 20
MOST_NAMED = 100
"""So many differences are named; a home that is simply another one has as many as it has rows."""


class Difference(Value):
    """what: registry | audit | archive | index | answers. where: table, key, or document and kind of question."""

    what: str
    where: str
    source: str
    target: str


@dataclass(frozen=True, slots=True)
class Question:
    """A search, and where it was drawn from. kind: number | title | name | phrase."""

    kind: str
    document_id: DocumentId
    query: str


def compare_tables(source: dict[str, TableState], target: dict[str, TableState]) -> list[Difference]:
    """Tables that hold other rows here than there."""
    return [
        Difference(what="registry", where=name, source=_told(state), target=_told(target[name]))
        for name, state in source.items()
        if state != target[name]
    ]


def foreign_keys(source: ObjectStore, target: ObjectStore) -> Iterator[str]:
    """Keys that only the target has; backups are not told, they come and go with their days."""
    return (key for key, here in one_sided(source, target) if not here and backup_in(key) is None)


def one_sided(source: ObjectStore, target: ObjectStore) -> Iterator[tuple[str, bool]]:
    """Keys that one side alone has, and whether it is the source. Both listings come in the order of names."""
    mine, theirs = source.list(""), target.list("")
    here, there = next(mine, None), next(theirs, None)
    while here is not None or there is not None:
        if here == there:
            here, there = next(mine, None), next(theirs, None)
        elif there is None or (here is not None and here < there):
            yield str(here), True
            here = next(mine, None)
        else:
            yield there, False
            there = next(theirs, None)


def questions(conn: Connection, store: ObjectStore, number: int) -> list[Question]:
    """About so many searches, drawn from records all over the registry; the same records give the same searches."""
    ids = documents.archived_ids(conn)
    drawn = random.Random(1).sample(ids, min(len(ids), max(1, number // 4)))  # noqa: S311 a sample, no secret
    rounds = zip_longest(*(_questions_of(conn, store, document_id) for document_id in sorted(drawn)))
    return [question for some in rounds for question in some if question is not None][:number]


def compare_answers(source: SearchIndex, target: SearchIndex, asked: Iterable[Question]) -> list[Difference]:
    """Questions that the two indexes answer with other totals, hits or facets."""
    found = []
    for question in asked:
        request = SearchRequest(query=question.query, limit=WHOLE_ANSWER)
        ours, theirs = source.search(request), target.search(request)
        same = ours.total == theirs.total and _facets(ours) == _facets(theirs)
        if ours.total <= WHOLE_ANSWER:
            same = same and {h.document_id for h in ours.hits} == {h.document_id for h in theirs.hits}
        if not same:
            where = f"{question.document_id}: {question.kind}"
            found.append(Difference(what="answers", where=where, source=str(ours.total), target=str(theirs.total)))
    return found


def _questions_of(conn: Connection, store: ObjectStore, document_id: DocumentId) -> list[Question]:
    """By number, by title, by a name without marks, and by words that stand together on a page."""
    row = conn.execute(select(documents_table).where(documents_table.c.id == document_id)).one()
    named = [p.full_name.value for p in documents.description(conn, document_id).people if p.full_name]
    try:
        pages = read_record(store, document_id).pages
    except (KeyNotFound, FixityMismatch):
        pages = ()
    phrases = [f'"{found}"' for page in pages for found in PHRASE.findall(page.text)]
    asked = [("number", row.number_symbol), ("title", " ".join(row.title.split()[:12]))]
    asked += [("name", fold(name)) for name in named[:1]]
    asked += [("phrase", phrase) for phrase in phrases[:MOST_PHRASES]]
    return [Question(kind, document_id, query) for kind, query in asked if query]


def _facets(answer: SearchResult) -> dict[str, dict[str, int]]:
    """The facets that are told whole: of a long one the rarest values are left out, of equals any."""
    return {name: counts for name, counts in answer.facets.items() if len(counts) < WHOLE_FACET}


def _told(state: TableState) -> str:
    return f"{state.rows} rows, {state.sha256}"
