"""What tantivy is given: the fields of a document and the query made of what a person asked.

`all_folded` decides what matches, one list of documents a word; the other fields only raise what they find. So a
question costs as many lists as it has words before anything is ranked, and facets are counted without ranking.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import tantivy
from tantivy import Occur, Query

from search.analysis import Token, has_marks, pairs, words
from search.index import IndexEntry, SearchRequest
from search.query import Asked, Word

NAMES, HEAD, EXACT, NEAR = 2.0, 1.0, 4.0, 3.0
"""What a word adds when it stands in names and numbers; in title, agency, subject; as typed with its marks; beside its
neighbour. Plain presence anywhere adds 1."""
SHORTEST_MENDED = 4
"""Letters of a word that may hold a slip: of three letters every other syllable would be a near spelling."""

DAY = re.compile(r"\d{4}-\d\d-\d\d")
Clause = tuple[Occur, Query]


@dataclass(frozen=True, slots=True)
class Made:
    """matching: what is found, unranked, for counting facets; ranked: the same documents in their order."""

    matching: Query
    ranked: Query


def schema() -> tantivy.Schema:
    """Positions only where phrases are asked; no field is stored but the entry itself."""
    builder = tantivy.SchemaBuilder()
    builder.add_text_field("document_id", stored=True, tokenizer_name="raw", index_option="basic")
    for facet in ("unit", "kind", "year"):
        builder.add_text_field(facet, stored=False, fast=True, tokenizer_name="raw", index_option="basic")
    builder.add_integer_field("issued_on", stored=False, indexed=True, fast=True)
    builder.add_text_field("owner", tokenizer_name="raw", index_option="basic")
    builder.add_text_field("all_folded", tokenizer_name="whitespace", index_option="position")
    for name in ("all_exact", "names_folded", "head_folded"):
        builder.add_text_field(name, tokenizer_name="whitespace", index_option="freq")
    builder.add_text_field("pairs", tokenizer_name="whitespace", index_option="basic")
    builder.add_bytes_field("entry", stored=True, indexed=False)
    return builder.build()


def document(entry: IndexEntry) -> tantivy.Document:
    """The entry's fields; values of a field stand apart, so that no phrase reaches from a name into the text.

    `all_exact` holds only words that have marks: nobody asks it for others.
    """
    made = tantivy.Document()
    made.add_text("document_id", entry.document_id)
    made.add_text("unit", entry.unit)
    made.add_text("kind", entry.kind)
    if entry.issued_on and DAY.fullmatch(entry.issued_on):
        made.add_integer("issued_on", _day(entry.issued_on))
        made.add_text("year", entry.issued_on[:4])
    for owner in entry.owner_ids:
        made.add_text("owner", owner)
    names = " \n ".join((*entry.people_names, entry.signer_name, entry.number_symbol, entry.dossier_code))
    head = " \n ".join((entry.title, entry.issuing_agency, entry.subject))
    for field, text in (("names_folded", names), ("head_folded", head), ("", entry.text)):
        exact, folded = words(text)
        made.add_text("all_exact", " ".join([word for word in exact.split(" ") if not word.isascii()]))
        made.add_text("all_folded", folded)
        made.add_text("pairs", pairs(folded))
        if field:
            made.add_text(field, folded)
    made.add_bytes("entry", entry.model_dump_json().encode())
    return made


def make(built: tantivy.Schema, request: SearchRequest, asked: Asked, *, fuzzy: bool = False) -> Made:
    """The queries of a request. fuzzy: each longer word may hold one slip."""
    must: list[Clause] = [(Occur.Must, q) for q in _filters(built, request)]
    for number in asked.identities:
        must.append((Occur.Must, Query.term_query(built, "owner", number, "basic")))
    for phrase in asked.phrases:
        must += [(Occur.Must, q) for q in _together(built, phrase)]
    for word in asked.words:
        must += [(Occur.Must, q) for q in (_near(built, word) if fuzzy else _word(built, word))]
    if not must:
        return Made(Query.all_query(), Query.all_query())
    return Made(Query.boolean_query(must), Query.boolean_query([*must, *_raising(built, asked)]))


def _filters(built: tantivy.Schema, request: SearchRequest) -> Iterator[Query]:
    if request.units is not None:
        yield Query.const_score_query(Query.term_set_query(built, "unit", sorted(request.units)), 0.0)
    if request.kind:
        yield Query.const_score_query(Query.term_query(built, "kind", request.kind, "basic"), 0.0)
    if request.owner:
        yield Query.const_score_query(Query.term_query(built, "owner", request.owner, "basic"), 0.0)
    if request.issued_from or request.issued_to:
        low, high = _day(request.issued_from or "0000-01-01"), _day(request.issued_to or "9999-12-31")
        dated = Query.range_query(built, "issued_on", tantivy.FieldType.Integer, low, high)
        yield Query.const_score_query(dated, 0.0)


def _word(built: tantivy.Schema, word: Word) -> Iterator[Query]:
    """The word anywhere. A code by its parts in order, which also finds it within a longer one."""
    if word.parts:
        yield from _together(built, word.parts)
    else:
        yield _term(built, "all_folded", word.whole.folded)


def _near(built: tantivy.Schema, word: Word) -> Iterator[Query]:
    """The word with at most one letter wrong, missing, too many, or two in each other's place."""
    if len(word.whole.folded) < SHORTEST_MENDED:
        yield from _word(built, word)
        return
    spelt = Query.fuzzy_term_query(built, "all_folded", word.whole.folded, 1, True, False)
    if not word.parts:
        yield spelt
        return
    in_parts = Query.boolean_query([(Occur.Must, q) for q in _together(built, word.parts)])
    yield Query.boolean_query([(Occur.Should, spelt), (Occur.Should, in_parts)])


def _together(built: tantivy.Schema, found: Sequence[Token]) -> Iterator[Query]:
    """The words one behind the other. Pairs leave few documents whose positions must be read."""
    folded = [t.folded for t in found]
    if len(folded) == 1:
        yield _term(built, "all_folded", folded[0])
        return
    for pair in dict.fromkeys(pairs(" ".join(folded)).split(" ")):
        yield Query.const_score_query(_term(built, "pairs", pair), 0.0)
    yield Query.phrase_query(built, "all_folded", folded)


def _raising(built: tantivy.Schema, asked: Asked) -> Iterator[Clause]:
    """What lifts a document: each word in its names or head or with its marks, neighbours that are neighbours there."""
    for token in (*(word.whole for word in asked.words), *(t for phrase in asked.phrases for t in phrase)):
        yield Occur.Should, _term(built, "names_folded", token.folded, NAMES)
        yield Occur.Should, _term(built, "head_folded", token.folded, HEAD)
        if has_marks(token.exact):
            yield Occur.Should, _term(built, "all_exact", token.exact, EXACT)
    for pair in asked.pairs:
        yield Occur.Should, _term(built, "pairs", pair, NEAR)


def _term(built: tantivy.Schema, field: str, word: str, weight: float = 1.0) -> Query:
    found = Query.term_query(built, field, word, "basic" if field == "pairs" else "freq")
    return found if weight == 1.0 else Query.boost_query(found, weight)


def _day(iso: str) -> int:
    return int(iso.replace("-", ""))
