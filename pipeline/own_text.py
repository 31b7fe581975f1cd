"""The words that a PDF page has itself, where they stand on the page as displayed. In a worker process."""

from __future__ import annotations

import ctypes
import math
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pypdfium2
from pypdfium2 import raw

from pipeline.placing import Bounds, Placing, turned
from pipeline.spelling import is_legible
from registry.values import Box

LEAST_TEXT = 25
"""So many letters at least tell whether they are what they show."""
PRIVATE = ("Co", "Cn", "Cc")
"""Categories of characters that stand for letters only in fonts whose code nobody knows."""
INVISIBLE = (raw.FPDF_TEXTRENDERMODE_INVISIBLE, raw.FPDF_TEXTRENDERMODE_CLIP)


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
    """start: the place of its first character among the page's."""

    text: str
    start: int
    bounds: Bounds
    angle_deg: int
    """Counter-clockwise on the page as it lies, to the next quarter turn."""


def own_words(shown: Any, see_through: Collection[tuple[int, int]] = ()) -> OwnWords:
    """The words of a page of pypdfium2 that has good text of its own; none when there is none or it is garbage.

    What nobody sees does not count, be it drawn invisibly or below a picture: a scanner's or another program's reading
    of the picture is not the picture's word, how sure it was is not known, and here it is read better. see_through:
    width and height of pictures through which may be seen what lies below.
    """
    found = _visible(shown, see_through)
    text = " ".join(word.text for word in found)
    if not any(c.isalnum() for c in text) or not is_legible(text):
        return OwnWords()
    placing = Placing.of(shown)
    upright_deg = _upright(found)
    turned_deg = (placing.turned_deg - upright_deg) % 360
    if turned_deg:  # pdfium orders lines as they are displayed
        shown.set_rotation(upright_deg)
        found = _visible(shown, see_through)
        shown.set_rotation(placing.turned_deg)
    placed = [(word.text, turned(placing.box(word.bounds), -turned_deg)) for word in found]
    return OwnWords(tuple(OwnText(t, b.left, b.top, b.right, b.bottom) for t, b in placed), turned_deg)


def is_garbled(shown: Any, see_through: Collection[tuple[int, int]] = ()) -> bool:
    """Whether the page shows text of its own that says something else: its font has a code of its own."""
    text = " ".join(word.text for word in _visible(shown, see_through))
    return _letters(text) >= LEAST_TEXT and not is_legible(text)


def _visible(shown: Any, see_through: Collection[tuple[int, int]]) -> list[_Word]:
    text_page = shown.get_textpage()
    if not text_page.count_chars():
        return []
    covers = _covers(shown, see_through)
    return [word for word in _words(text_page) if not _is_hidden(text_page, word, covers)]


def _letters(text: str) -> int:
    return sum(c.isalpha() or unicodedata.category(c) in PRIVATE for c in text)


def pictures(shown: Any) -> Iterator[tuple[Any, Bounds]]:
    """The pictures of a page of pypdfium2 with their places on it, in the order in which they are drawn."""
    for picture in shown.get_objects(filter=(raw.FPDF_PAGEOBJ_IMAGE,)):
        yield picture, _on_page(picture)


def _on_page(held: Any) -> Bounds:
    """Where an object is on the page; pdfium tells where it is in the form that holds it."""
    left, bottom, right, top = held.get_bounds()
    corners = [(left, bottom), (right, bottom), (left, top), (right, top)]
    form = held.container
    while form is not None:
        matrix = form.get_matrix()
        corners = [matrix.on_point(x, y) for x, y in corners]
        form = form.container
    xs, ys = zip(*corners, strict=True)
    return min(xs), min(ys), max(xs), max(ys)


@dataclass(frozen=True, slots=True)
class _Covers:
    """order: the address of each text object → how many objects were drawn before. pictures: the same number and the
    place of each picture that nothing is seen through."""

    order: Mapping[int | None, int]
    pictures: tuple[tuple[int, Bounds], ...]


def _covers(shown: Any, see_through: Collection[tuple[int, int]]) -> _Covers:
    order: dict[int | None, int] = {}
    found: list[tuple[int, Bounds]] = []
    for number, held in enumerate(shown.get_objects(filter=(raw.FPDF_PAGEOBJ_IMAGE, raw.FPDF_PAGEOBJ_TEXT))):
        if held.type == raw.FPDF_PAGEOBJ_TEXT:
            order[_address(held.raw)] = number
        elif held.get_px_size() not in see_through and not raw.FPDFPageObj_HasTransparency(held):
            found.append((number, _on_page(held)))
    return _Covers(order, tuple(found))


def _is_hidden(text_page: Any, word: _Word, covers: _Covers) -> bool:
    held = raw.FPDFText_GetTextObject(text_page, word.start)
    if not held:
        return False
    if raw.FPDFTextObj_GetTextRenderMode(held) in INVISIBLE:
        return True
    if not covers.pictures:
        return False
    number = covers.order.get(_address(held), len(covers.order) + len(covers.pictures))
    left, bottom, right, top = word.bounds
    x, y = (left + right) / 2, (bottom + top) / 2
    return any(drawn > number and b[0] < x < b[2] and b[1] < y < b[3] for drawn, b in covers.pictures)


def _address(held: Any) -> int | None:
    return ctypes.cast(held, ctypes.c_void_p).value


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


def _words(text_page: Any) -> Iterator[_Word]:
    text = _characters(text_page)
    start: int | None = None
    for place in range(len(text) + 1):
        blank = place == len(text) or text[place].isspace()
        if not blank and start is None:
            start = place
        elif blank and start is not None:
            bounds = _bounds(text_page, start, place)
            if bounds:
                word = unicodedata.normalize("NFC", text[start:place])
                yield _Word(word, start, bounds, _angle(text_page, start))
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
