"""How an entry lies in Elasticsearch, and how a question is put to it.

The words come analysed by us (search.analysis) and are only split by the engine. `words` holds them folded and decides
what is found; people and numbers stand in it several times, titles twice, so that one clause a word ranks them higher.
`exact` holds the words that have marks, as written, and only ranks. A clause more for each field and word was measured
as several times the work (docs/decisions/0009-elasticsearch.md).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from search.analysis import Token, has_marks, words
from search.index import IndexEntry, SearchRequest
from search.query import Asked, Word

SCHEMA = "1"
"""Part of the index's name. Another mapping, or another analysis, is another schema."""
FACETS = ("kind", "unit", "year")
FACET_SIZE = 50
FURTHEST = 100_000
"""Hits further down are counted but not listed: nobody turns 5,000 pages."""
TIMES = {"names": 4, "head": 2, "body": 1}
"""How often the words of each part stand in `words` and `exact`."""
EXACT = 2.0
"""A word written with marks that stands on the paper with just these."""
NEAR, NEAR_SLOP, NEAR_WINDOW = 3.0, 2, 200
"""Words that stand together as asked lift a paper, among so many of the best: looking at positions is dear."""
LEAST_FUZZY = 4
"""Shorter words have too many neighbours to be mended."""

Clause = dict[str, Any]

_FILTER: Clause = {"type": "keyword", "ignore_above": 256}
_FACET: Clause = {**_FILTER, "eager_global_ordinals": True}
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
        "exact": {"type": "text", "analyzer": "whitespace", "index_options": "freqs"},
    },
}
SETTINGS: Clause = {
    "number_of_shards": 1,  # a million records are two gigabytes; one shard counts word frequencies as tantivy does
    "auto_expand_replicas": "0-1",
    "max_result_window": FURTHEST,
    "gc_deletes": "1d",  # what is deleted while a rebuild runs stays deleted, however long that takes
}


def source(entry: IndexEntry) -> str:
    """The document that the index is given of an entry, as JSON."""
    folded: list[str] = []
    exact: list[str] = []
    for name, text in _parts(entry).items():
        as_written, plain = words(text)
        folded += [plain] * TIMES[name]
        marked = " ".join([word for word in as_written.split(" ") if not word.isascii()])
        exact += [marked] * TIMES[name]
    told = {
        "unit": entry.unit,
        "kind": entry.kind or None,
        "year": entry.issued_on[:4] if entry.issued_on else None,
        "owner": entry.owner_ids,
        "issued_on": _day(entry.issued_on) if entry.issued_on else None,
        "words": folded,
        "exact": exact,
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
    query: Clause = {"filter": _filters(request, asked), "must": _found(asked, fuzzy=fuzzy)}
    tokens = [w.whole for w in asked.words] + [t for phrase in asked.phrases for t in phrase]
    query["should"] = [_term("exact", t.exact, EXACT) for t in tokens if has_marks(t.exact)]
    if fuzzy:
        query["should"] += [_term("words", w.whole.folded) for w in asked.words]
    body: Clause = {
        "query": {"bool": query} if any(query.values()) else {"match_all": {}},
        "from": min(request.offset, FURTHEST),
        "size": max(0, min(request.limit, FURTHEST - request.offset)),
        "track_total_hits": False,
        "_source": ["entry"],
    }
    if len(asked.words) > 1 and not fuzzy:
        near = _phrase([w.whole for w in asked.words], NEAR_SLOP)
        rescored = {"rescore_query": near, "rescore_query_weight": NEAR}
        body["rescore"] = {"window_size": NEAR_WINDOW, "query": rescored}
    return body


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
    return [_phrase(p, 0) for p in asked.phrases] + [_word(w, fuzzy=fuzzy) for w in asked.words]


def _word(word: Word, *, fuzzy: bool) -> Clause:
    """The word; a code also as a part of a longer one."""
    choices = [_term("words", word.whole.folded)]
    if fuzzy and len(word.whole.folded) >= LEAST_FUZZY:
        near = {"value": word.whole.folded, "fuzziness": 1, "transpositions": True, "rewrite": "constant_score"}
        choices = [{"fuzzy": {"words": near}}]
    if word.parts:
        choices.append(_phrase(word.parts, 0))
    return choices[0] if len(choices) == 1 else {"bool": {"should": choices}}


def _phrase(words: Sequence[Token], slop: int) -> Clause:
    if len(words) == 1:
        return _term("words", words[0].folded)
    return {"match_phrase": {"words": {"query": " ".join(w.folded for w in words), "slop": slop}}}


def _term(field: str, value: str, boost: float = 1.0) -> Clause:
    return {"term": {field: {"value": value, "boost": boost}}}
