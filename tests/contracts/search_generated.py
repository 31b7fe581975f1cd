"""Invented records in number, and the questions that people would have of them: made from what the records say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from bench.synthetic import SyntheticRecord, record
from bench.synthetic import entry as synthetic_entry
from search.analysis import fold
from search.index import IndexEntry, SearchRequest


def records(number: int) -> list[IndexEntry]:
    """The first so many records; always the same."""
    return [synthetic_entry(record(n)) for n in range(number)]


def questions(number: int) -> list[SearchRequest]:
    """Questions about every twentieth of so many records, all different; each wants all hits."""
    asked = {r.model_dump_json(): r for n in range(0, number, 20) for r in _about(record(n))}
    return list(asked.values())


def bests(number: int) -> dict[str, str]:
    """Names that only one of so many records has, as they are written there → that record, which must come first."""
    made = [record(n) for n in range(number)]
    named = Counter(name for r in made for name in {r.signer_name, *(p.name for p in r.people)})
    return {r.people[0].name: r.document_id for r in made[::5] if named[r.people[0].name] == 1}


def _about(made: SyntheticRecord) -> Iterator[SearchRequest]:
    name, words = made.people[0].name, made.text.split()
    rare = words[-1]
    for query in (
        name,
        fold(name),
        " ".join(reversed(name.split())),
        f'"{name}"',
        f"{made.number_symbol} {made.agency}",
        made.dossier_code or made.number_symbol,
        made.people[0].number,
        f"{made.kind_name} {name.split()[-1]}",
        f"{rare} {words[-2]}",
        f'"{words[-3]} {words[-2]}"',
        _slip(fold(name), made.number),
        _slip(fold(made.kind_name), made.number),
    ):
        yield SearchRequest(query=query, limit=1000)
    yield SearchRequest(query=made.kind_name, units=frozenset({made.unit, "H99.32"}), limit=1000)
    yield SearchRequest(query=name.split()[0], kind=made.kind, issued_from=made.issued_on, limit=1000)


def _slip(text: str, number: int) -> str:
    """The longest word with one slip: a letter too many, missing, wrong, or two in each other's place."""
    word = max(text.split(), key=len)
    at = 1 + number // 8 % (len(word) - 2)
    before, letter, after = word[:at], word[at], word[at + 1 :]
    slips = (
        before + letter * 2 + after,
        before + after,
        f"{before}x{after}",
        f"{before}{after[:1]}{letter}{after[1:]}",
    )
    return text.replace(word, slips[number // 8 % 4])
