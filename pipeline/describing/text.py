"""Words as text that can be searched without losing where each letter stands.

A Text keeps, for every character, the word it came from; its folded twin has the same length, so that a label is
found without marks (`ngảy` for `ngày`) and the value is taken with them.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterable, Sequence
from functools import lru_cache
from statistics import fmean

from registry.values import Box, FieldValue, PageText, Word

WIDE_GAP = 0.03
"""Of the page's width: two words further apart belong to different columns or fields."""
RULES = frozenset("|¦_")


@lru_cache(maxsize=4096)
def fold_letter(letter: str) -> str:
    """One letter without its marks, in lower case; đ becomes d. Always one character."""
    if letter in "đĐÐƉð":
        return "d"
    base = unicodedata.normalize("NFD", letter)[:1].lower()
    return base if len(base) == 1 else letter


def fold(text: str) -> str:
    """The text without marks, in lower case, of the same length; NFC goes in."""
    return "".join(map(fold_letter, text))


class Text:
    """A run of words of one page. `plain` and `folded` have the same length."""

    def __init__(self, page_index: int, words: Sequence[Word], breaks: Iterable[int] = ()) -> None:
        """breaks: numbers of the words that start a new line."""
        self.page_index, self.words = page_index, tuple(words)
        starts, parts, owners, at = set(breaks), [], [], 0
        for number, word in enumerate(self.words):
            if number:
                parts.append("\n" if number in starts else " ")
                owners.append(number)
            cleaned = unicodedata.normalize("NFC", word.text).translate({0xD0: "Đ", 0x189: "Đ"})
            parts.append(cleaned)
            owners += [number] * len(cleaned)
            at += len(cleaned)
        self.plain = "".join(parts)
        self.folded = fold(self.plain)
        self._owners = owners

    @property
    def left(self) -> float:
        return min(w.box.left for w in self.words)

    @property
    def right(self) -> float:
        return max(w.box.right for w in self.words)

    @property
    def top(self) -> float:
        return min(w.box.top for w in self.words)

    @property
    def bottom(self) -> float:
        return max(w.box.bottom for w in self.words)

    @property
    def middle(self) -> float:
        return (self.left + self.right) / 2

    @property
    def is_capitals(self) -> bool:
        letters = [c for c in self.plain if c.isalpha()]
        return len(letters) >= 3 and sum(c.isupper() for c in letters) > 0.8 * len(letters)

    def value(
        self, start: int, end: int, value: str | None = None, *, trust: float = 1.0, method: str = "rule"
    ) -> FieldValue:
        """What stands from start to end, with its evidence; value: what it means, when that differs."""
        raw = self.plain[start:end]
        numbers = sorted(set(self._owners[start:end])) or [0]
        return evidence([self.words[n] for n in numbers], self.page_index, raw, value, trust=trust, method=method)


def evidence(
    words: Sequence[Word], page_index: int, raw: str, value: str | None, *, trust: float = 1.0, method: str = "rule"
) -> FieldValue:
    """A value with the words it was read from: as sure as the mean and the weakest of them allow."""
    sure = (fmean(w.confidence for w in words) + min(w.confidence for w in words)) / 2 if words else 0.0
    box = Box(
        left=min(w.box.left for w in words),
        top=min(w.box.top for w in words),
        right=max(w.box.right for w in words),
        bottom=max(w.box.bottom for w in words),
    )
    clean = re.sub(r"\s+", " ", raw).strip()
    return FieldValue(
        value=clean if value is None else value,
        raw_text=clean,
        confidence=round(min(1.0, sure * trust), 4),
        page_index=page_index,
        box=box,
        method=method,
    )


def rows(page: PageText) -> list[list[Word]]:
    """The page's words as they stand beside each other, rows from top to bottom, words from left to right."""
    slope = math.tan(math.radians(page.skew_deg)) * page.width_px / max(1, page.height_px)
    found: list[list[Word]] = []
    levels: list[list[float]] = []
    for level, word in sorted(((_level(w, slope), w) for w in _letters(page.words)), key=lambda pair: pair[0]):
        height = word.box.bottom - word.box.top
        if found and _beside(found[-1], levels[-1], level, height):
            found[-1].append(word)
            levels[-1].append(level)
        else:
            found.append([word])
            levels.append([level])
    return [sorted(row, key=lambda w: w.box.left) for row in found]


def segments(page: PageText) -> list[Text]:
    """Rows cut where the gap is wide, in order from top to bottom and left to right."""
    found = []
    for row in rows(page):
        run: list[Word] = []
        for word in row:
            if run and word.box.left - run[-1].box.right > WIDE_GAP:
                found.append(Text(page.index, run))
                run = []
            run.append(word)
        found.append(Text(page.index, run))
    return found


def flow(page: PageText) -> Text:
    """The whole page in reading order as one text, a line break between lines."""
    words = _letters(page.words)
    breaks = [n for n in range(1, len(words)) if words[n].line != words[n - 1].line]
    return Text(page.index, words, breaks)


def _letters(words: Sequence[Word]) -> list[Word]:
    """Without table rules that were read as letters, also where they stick to a word."""
    kept = []
    for word in words:
        bare = word.text.strip("|¦_ ")
        if bare:
            kept.append(word if bare == word.text else word.model_copy(update={"text": bare}))
    return kept


def _level(word: Word, slope: float) -> float:
    """The height of a word's middle once the page's lean is undone."""
    return (word.box.top + word.box.bottom) / 2 - ((word.box.left + word.box.right) / 2 - 0.5) * slope


def _beside(row: list[Word], levels: list[float], level: float, height: float) -> bool:
    tall = max([height, *(w.box.bottom - w.box.top for w in row[-3:])])
    return abs(level - fmean(levels[-3:])) < 0.45 * tall
