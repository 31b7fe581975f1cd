"""The part of a text that shows why it was found."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from search.analysis import Token, normal, tokens
from search.index import Span

LENGTH = 220


def snippet(text: str, words: Collection[str]) -> tuple[str, tuple[Span, ...], int]:
    """About 220 letters around the place where most of the folded words stand, with them marked; and their page.

    A word that starts like one asked for is marked too, so that near spellings show.
    """
    plain = normal(text)
    found = [token for token in tokens(plain) if token.folded in words]
    if not found:
        found = [t for t in tokens(plain) if any(len(w) > 3 and t.folded[:4] == w[:4] for w in words)]
    if not found:
        return " ".join(plain[:LENGTH].split()), (), 0
    first = _densest(found)
    start = max(0, first.start - 60)
    start = plain.rfind(" ", 0, start) + 1 if start else 0
    end = min(len(plain), start + LENGTH)
    part, spans = _tidy(plain, start, end, [t for t in found if start <= t.start and t.end <= end])
    return part, spans, plain.count("\f", 0, first.start)


def _densest(found: Sequence[Token]) -> Token:
    """The token from which on most different words stand within one snippet."""

    def variety(number: int) -> int:
        begin = found[number].start
        return len({t.folded for t in found[number : number + 60] if t.start - begin < LENGTH - 60})

    return found[max(range(len(found)), key=lambda n: (variety(n), -n))]


def _tidy(plain: str, start: int, end: int, marked: Sequence[Token]) -> tuple[str, tuple[Span, ...]]:
    """Line breaks as blanks (same length), marks moved along, overlapping ones joined."""
    part = "".join(" " if c.isspace() else c for c in plain[start:end])
    spans: list[Span] = []
    for token in marked:
        span = Span(start=token.start - start, end=token.end - start)
        if spans and span.start < spans[-1].end:
            continue
        spans.append(span)
    return part, tuple(spans)
