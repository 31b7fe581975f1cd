"""How an entry lies in Elasticsearch, and how a question is put to it.

The words come analysed by us (search.analysis) and are only split by the engine. `words` holds them folded and decides
what is found; people and numbers stand in it several times, titles twice, so that one clause a word ranks them higher:
a clause for each field and word was measured as several times the work (docs/decisions/0009-elasticsearch.md). `exact`
holds the words that have marks, as written, and `pairs` those that stand side by side; both only rank.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from search.analysis import Token, has_marks, pairs, words
from search.index import IndexEntry, SearchRequest
from search.query import Asked, Word

SCHEMA = "1"
"""Part of the index's name. Another mapping, or another analysis, is another schema."""
FACETS = ("kind", "unit", "year")
FACET_SIZE = 1000
FURTHEST = 10_000
"""Hits behind so many others are counted but not listed: nobody turns that many over."""
WINDOW = 100_000
TIMES = {"names": 4, "head": 2, "body": 1}
"""How often the words of each part stand in `words`."""
EXACT, NEAR = 10.0, 6.0
"""What it adds when a word stands there with the marks asked for, and beside the one asked for beside it: more than the
several points that a word's place and rarity are worth, and the same for every paper, so that the engine sees early
which papers cannot come first."""
SHORTEST_MENDED = 4
"""Letters of a word that may hold a slip: of three letters every other syllable would be a near spelling."""
DAY = re.compile(r"\d{4}-\d\d-\d\d")

Clause = dict[str, Any]

_FILTER: Clause = {"type": "keyword", "ignore_above": 256}
_FACET: Clause = {**_FILTER, "eager_global_ordinals": True}
_MARK: Clause = {"type": "text", "analyzer": "whitespace", "index_options": "docs", "norms": False}
MAPPING: Clause = {
    "dynamic": "strict",
    "_source": {"includes": ["entry"]},
    "properties": {
        "entry": {"type": "object", "enabled": False},
        "unit": _FACET,
        "kind": _FACET,
        "year": _FACET,
        "owner": {**_FILTER, "doc_values": False},
        "issued_on": {"type": "integer"},
        "words": {"type": "text", "analyzer": "whitespace"},
        "exact": _MARK,
        "pairs": _MARK,
    },
}
SETTINGS: Clause = {
    "number_of_shards": 1,  # a million records are two gigabytes; one shard counts word frequencies as tantivy does
    "auto_expand_replicas": "0-1",
    "max_result_window": WINDOW,
    "gc_deletes": "1d",  # what is deleted while a rebuild runs stays deleted, however long that takes
}


def source(entry: IndexEntry) -> str:
    """The document that the index is given of an entry, as JSON. Values of a field stand apart, so that no phrase
    reaches from a name into the text."""
    found: dict[str, list[str]] = {"words": [], "exact": [], "pairs": []}
    for name, text in _parts(entry).items():
        exact, folded = words(text)
        found["words"] += [folded] * TIMES[name]
        found["exact"].append(" ".join([w for w in exact.split(" ") if not w.isascii()]))
        found["pairs"].append(pairs(folded))
    day = entry.issued_on if entry.issued_on and DAY.fullmatch(entry.issued_on) else None
    told = {
        "unit": entry.unit,
        "kind": entry.kind or None,
        "year": day[:4] if day else None,
        "owner": entry.owner_ids,
        "issued_on": _day(day) if day else None,
        **found,
    }
    return f'{{"entry":{entry.model_dump_json()},{json.dumps(told, ensure_ascii=False)[1:]}'


def count_body(request: SearchRequest, asked: Asked, *, fuzzy: bool) -> Clause:
    """Counts all matches and their facets; nothing is ranked."""
    matching = [*_filters(request, asked), *_found(asked, fuzzy=fuzzy)]
    return {
        "query": {"bool": {"filter": matching}} if matching else {"match_all": {}},
        "size": 0,
        "track_total_hits": True,
        "aggs": {name: {"terms": {"field": name, "size": FACET_SIZE}} for name in FACETS},
    }


def hits_body(request: SearchRequest, asked: Asked, *, fuzzy: bool) -> Clause:
    """The wanted page of the best matches; nothing is counted, so that the engine may leave out hopeless ones."""
    query: Clause = {
        "filter": _filters(request, asked),
        "must": _found(asked, fuzzy=fuzzy),
        "should": _raising(asked, fuzzy=fuzzy),
    }
    shown = min(request.limit, WINDOW - FURTHEST) if request.offset <= FURTHEST else 0
    return {
        "query": {"bool": query} if any(query.values()) else {"match_all": {}},
        "from": min(request.offset, FURTHEST),
        "size": shown,
        "track_total_hits": False,
        "_source": ["entry"],
    }


def _parts(entry: IndexEntry) -> dict[str, str]:
    return {
        "names": " \n ".join((*entry.people_names, entry.signer_name, entry.number_symbol, entry.dossier_code)),
        "head": " \n ".join((entry.title, entry.issuing_agency, entry.subject)),
        "body": entry.text,
    }


def _day(iso: str) -> int:
    return int(iso.replace("-", ""))


def _filters(request: SearchRequest, asked: Asked) -> list[Clause]:
    """What is not a matter of words. No unit at all is a filter as well: nothing passes it."""
    clauses = [_term("owner", number) for number in asked.identities]
    if request.units is not None:
        clauses.append({"terms": {"unit": sorted(request.units)}})
    if request.kind:
        clauses.append(_term("kind", request.kind))
    if request.owner:
        clauses.append(_term("owner", request.owner))
    if request.issued_from or request.issued_to:
        low, high = _day(request.issued_from or "0000-01-01"), _day(request.issued_to or "9999-12-31")
        clauses.append({"range": {"issued_on": {"gte": low, "lte": high}}})
    return clauses


def _found(asked: Asked, *, fuzzy: bool) -> list[Clause]:
    """Every word somewhere, every phrase together."""
    return [_phrase(p) for p in asked.phrases] + [_word(w, fuzzy=fuzzy) for w in asked.words]


def _word(word: Word, *, fuzzy: bool) -> Clause:
    """The word anywhere; a code by its parts in order, which also finds it within a longer one. fuzzy: with at most one
    letter wrong, missing, too many, or two in each other's place."""
    as_asked = _phrase(word.parts or (word.whole,))
    if not fuzzy or len(word.whole.folded) < SHORTEST_MENDED:
        return as_asked
    near = {"value": word.whole.folded, "fuzziness": 1, "transpositions": True, "rewrite": "constant_score"}
    mended = {"fuzzy": {"words": near}}
    return {"bool": {"should": [mended, as_asked]}} if word.parts else mended


def _phrase(found: Sequence[Token]) -> Clause:
    if len(found) == 1:
        return _term("words", found[0].folded)
    return {"match_phrase": {"words": {"query": " ".join(t.folded for t in found)}}}


def _raising(asked: Asked, *, fuzzy: bool) -> list[Clause]:
    """What lifts a paper: each word with its marks, neighbours that are so there, words that need no mending."""
    spoken = [*(word.whole for word in asked.words), *(t for phrase in asked.phrases for t in phrase)]
    clauses = [_bonus("exact", t.exact, EXACT) for t in spoken if has_marks(t.exact)]
    clauses += [_bonus("pairs", pair, NEAR) for pair in asked.pairs]
    return clauses + [_term("words", word.whole.folded) for word in asked.words if fuzzy]


def _bonus(field: str, value: str, points: float) -> Clause:
    return {"constant_score": {"filter": _term(field, value), "boost": points}}


def _term(field: str, value: str) -> Clause:
    return {"term": {field: value}}
