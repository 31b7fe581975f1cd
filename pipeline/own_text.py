"""The words that a PDF page has itself, where they stand on the page as displayed. In a worker process."""

from __future__ import annotations

import ctypes
import math
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pypdfium2
from pypdfium2 import raw

from pipeline.placing import Bounds, Placing, turned
from registry.values import Box

LEAST_TEXT = 25
"""A born-digital page has at least so many letters of its own; fewer may be a stamp on a scan."""


@dataclass(frozen=True, slots=True)
class OwnText:
    """A word of a born-digital page, in fractions of the upright page."""

    text: str
    left: float
    top: float
    right: float
    bottom: float

    @property
    def box(self) -> Box:
        """Its place."""
        return Box(left=self.left, top=self.top, right=self.right, bottom=self.bottom)


@dataclass(frozen=True, slots=True)
class OwnWords:
    """What a page says itself. turned_deg: how far it is displayed turned clockwise from where most of it is upright;
    the words stand where they do on the page turned back."""

    words: tuple[OwnText, ...] = ()
    turned_deg: int = 0


@dataclass(frozen=True, slots=True)
class _Word:
    text: str
    bounds: Bounds
    angle_deg: int
    """Counter-clockwise on the page as it lies, to the next quarter turn."""


def own_words(shown: Any) -> OwnWords:
    """The words of a page of pypdfium2 that has good text of its own; none when there is none or it is garbage."""
    text_page = shown.get_textpage()
    text = _characters(text_page)
    letters = sum(c.isalpha() for c in text)
    if letters < LEAST_TEXT or sum(c in "\ufffd\x00" for c in text) > letters * 0.05:
        return OwnWords()
    placing = Placing.of(shown)
    found = list(_words(text_page, text))
    upright_deg = _upright(found)
    turned_deg = (placing.turned_deg - upright_deg) % 360
    if turned_deg:  # pdfium orders lines as they are displayed
        shown.set_rotation(upright_deg)
        text_page = shown.get_textpage()
        found = list(_words(text_page, _characters(text_page)))
        shown.set_rotation(placing.turned_deg)
    placed = [(word.text, turned(placing.box(word.bounds), -turned_deg)) for word in found]
    return OwnWords(tuple(OwnText(t, b.left, b.top, b.right, b.bottom) for t, b in placed), turned_deg)


def _upright(words: Sequence[_Word]) -> int:
    """The /Rotate that shows most of the words upright."""
    letters: Counter[int] = Counter()
    for word in words:
        letters[word.angle_deg] += len(word.text)
    return letters.most_common(1)[0][0] if letters else 0


def _characters(text_page: Any) -> str:
    """One for each of the page's characters, so that places in it are pdfium's."""
    codes = (raw.FPDFText_GetUnicode(text_page, place) for place in range(text_page.count_chars()))
    return "".join("-" if code in (0x02, 0xFFFE) else chr(code) for code in codes)  # a hyphen at a line's end


def _words(text_page: Any, text: str) -> Iterator[_Word]:
    start: int | None = None
    for place in range(len(text) + 1):
        blank = place == len(text) or text[place].isspace()
        if not blank and start is None:
            start = place
        elif blank and start is not None:
            bounds = _bounds(text_page, start, place)
            if bounds:
                yield _Word(unicodedata.normalize("NFC", text[start:place]), bounds, _angle(text_page, start))
            start = None


def _bounds(text_page: Any, start: int, end: int) -> Bounds | None:
    boxes = []
    for place in range(start, end):
        try:
            boxes.append(text_page.get_charbox(place))
        except (ValueError, pypdfium2.PdfiumError):
            continue
    if not boxes:
        return None
    return min(b[0] for b in boxes), min(b[1] for b in boxes), max(b[2] for b in boxes), max(b[3] for b in boxes)


def _angle(text_page: Any, place: int) -> int:
    matrix = raw.FS_MATRIX()
    if not raw.FPDFText_GetMatrix(text_page, place, ctypes.byref(matrix)):
        return 0
    return round(math.degrees(math.atan2(matrix.b, matrix.a)) / 90) * 90 % 360
