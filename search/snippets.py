"""The part of a text that shows why it was found."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from functools import lru_cache

from search.analysis import fold, forms, normal
from search.index import Span

LENGTH = 220
MOST = 200
"""Places looked at in one text: a word that stands there more often shows itself in any part of it."""
LETTERS = "aàáảãạăằắẳẵặâầấẩẫậbcdđeèéẻẽẹêềếểễệghiìíỉĩịklmnoòóỏõọôồốổỗộơờớởỡợpqrstuùúủũụưừứửữựvxyỳýỷỹỵ"
ALIKE: dict[str, str] = {}
"""Each letter without marks → all letters that fold to it, for a character class."""
for _letter in LETTERS:
    ALIKE[fold(_letter)] = ALIKE.get(fold(_letter), "") + _letter

BLANK = re.compile(r"\s")
Place = re.Match[str]


def snippet(text: str, words: Collection[str]) -> tuple[str, tuple[Span, ...], int]:
    """About 220 letters around the place where most of the folded words stand, with them marked; and their page.

    A word that starts like one asked for is marked too, so that near spellings show.
    """
    plain = normal(text)
    exactly, nearly = _patterns(frozenset(words))
    found = _places(exactly, plain) or _places(nearly, plain)
    if not found:
        return " ".join(plain[:LENGTH].split()), (), 0
    first = _densest(found)
    start = max(0, first.start() - 60)
    start = plain.rfind(" ", 0, start) + 1 if start else 0
    end = min(len(plain), start + LENGTH)
    part = BLANK.sub(" ", plain[start:end])
    spans = tuple(
        Span(start=m.start() - start, end=m.end() - start) for m in found if start <= m.start() and m.end() <= end
    )
    return part, spans, plain.count("\f", 0, first.start())


@lru_cache(maxsize=500)
def _patterns(words: frozenset[str]) -> tuple[re.Pattern[str] | None, re.Pattern[str] | None]:
    """For the words as they are, and for words that start with the same four letters.

    One search in the text, by letters that look alike, instead of folding the whole text for each of its hits.
    """
    exactly = sorted(words, key=lambda w: (-len(w), w))
    nearly = sorted({w[:4] for w in words if len(w) > 3})
    return _pattern(exactly, r"(?![^\W_])"), _pattern(nearly, r"[^\W_]*")


def _pattern(words: Sequence[str], behind: str) -> re.Pattern[str] | None:
    if not words:
        return None
    return re.compile(rf"(?<![^\W_])(?:{'|'.join(map(_alike, words))}){behind}", re.IGNORECASE)


def _alike(word: str) -> str:
    return "".join("[-–]" if c == "-" else f"[{ALIKE[c]}]" if c in ALIKE else re.escape(c) for c in word)


def _places(pattern: re.Pattern[str] | None, plain: str) -> list[Place]:
    return [match for match, _ in zip(pattern.finditer(plain), range(MOST), strict=False)] if pattern else []


def _densest(found: Sequence[Place]) -> Place:
    """The place from which on most different words stand within one snippet."""
    names = [forms(match[0])[1] for match in found]

    def variety(number: int) -> int:
        begin, seen = found[number].start(), set()
        for place, name in zip(found[number : number + 60], names[number : number + 60], strict=True):
            if place.start() - begin >= LENGTH - 60:
                break
            seen.add(name)
        return len(seen)

    return found[max(range(len(found)), key=lambda n: (variety(n), -n))]
