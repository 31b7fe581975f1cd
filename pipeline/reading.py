"""Reading a page: its text with boxes, and the PDF/A-2b that shows a scan's pages. Runs in a worker process."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np

from pipeline import imaging, ocr, quality
from pipeline.blanks import is_blank
from pipeline.imaging import Gray, Lean
from pipeline.line_reading import ReadPage, read_level
from pipeline.orientation import CLEARLY, PROBE_S, both_ways_up
from pipeline.page_source import PageImage
from pipeline.reading_options import ReadingOptions
from pipeline.reading_order import in_reading_order
from pipeline.splitting.codes import read_codes
from registry.values import Box, PageQuality, PageText, Quality, Word

UNSURE = 0.62
"""Mean confidence below which the page may stand on its head: right pages of bad scans are seldom below it."""
LOST = 0.55
"""Below it no probe is asked: what is read upside down seldom reaches it."""
LITTLE_INK = 0.03
"""Share of ink above which a page is read at once: a page of text has 0.04, an empty one with a dark edge 0.02."""
SMALL, READ_BEST, LARGE, MOST_ENLARGED = 19.0, 22.0, 34.0, 1.6
"""Mean heights of letters in pixels: an identity card's is 15 at 200 dpi, a letter's of 13 points 23."""


def write_derivative(
    scan: Path, media_type: str, pages: Sequence[PageText], into: Path, options: ReadingOptions
) -> dict[str, str]:
    """`into`/document.pdf is PDF/A-2b: the scanner's own images turned upright, with the text below them.

    Returns the programs that made text and file, with their versions. Same pages, same look. Safe to repeat.
    """
    from pipeline.pdfa import write_pdfa  # noqa: PLC0415 as much as all the rest: reading alone writes no PDF

    into.mkdir(parents=True, exist_ok=True)
    write_pdfa(scan, media_type, pages, into / "document.pdf")
    return {"ocr": _engine(options).version(), "pdf": f"ocrmypdf {version('ocrmypdf')}"}


def read_page(page: PageImage, index: int, options: ReadingOptions) -> PageText:
    """One page, within its time limit."""
    started = time.monotonic()
    height, width = (side * page.reduced for side in page.pixels.shape[:2])
    codes = read_codes(page.pixels)
    if page.own_text:
        known = _born_digital(page, index, width, height).model_copy(update={"codes": codes})
        return _with_pictures(known, page, options) if page.scanned else known
    gray = _reading_picture(page, options.recognition_dpi)
    lean = imaging.measure(gray)
    seen = quality.measured(page, gray, lean, first=index == 0)
    if (better := _scale(lean.letter)) != 1.0:
        gray = _reading_picture(page, options.recognition_dpi * better)
    try:
        found = _recognise(gray, lean, options, lambda: is_blank(page.pixels, page.dpi))
    except ocr.TooSlow:
        found = _Reading([], 0, 0.0, False, (1, 1), "timeout")
    if found.blank:
        seen = quality.empty(page, first=index == 0)
    if found.rotation_deg % 180:
        width, height = height, width
    words = _placed(found.words, found.size, found.skew_deg)
    return PageText(
        index=index,
        text=_text(words),
        confidence=round(statistics.fmean(w.confidence for w in words), 4) if words else 0.0,
        rotation_deg=found.rotation_deg,
        skew_deg=found.skew_deg,
        blank=found.blank,
        dpi=round(page.dpi * page.reduced, 1),
        width_px=width,
        height_px=height,
        words=tuple(words),
        instead_of=_instead_of(found.words),
        status=found.status,
        seconds=round(time.monotonic() - started, 3),
        quality=seen,
        codes=codes,
    )


def _reading_picture(page: PageImage, dpi: float) -> Gray:
    """The page at about this resolution, cleaned for reading. It is made smaller first: cleaning costs by the pixel."""
    return imaging.to_ocr_gray(imaging.rescale(page.pixels, dpi / page.dpi))


def _scale(letter: float) -> float:
    """How much larger a page is read than others: print is read best at one height."""
    if not letter or SMALL <= letter <= LARGE:
        return 1.0
    return min(MOST_ENLARGED, max(1 / MOST_ENLARGED, READ_BEST / letter))


class _Reading:
    """Words in pixels of the level page of `size` (width, height)."""

    def __init__(
        self,
        words: list[ocr.RawWord],
        rotation_deg: int,
        skew_deg: float,
        blank: bool,
        size: tuple[int, int],
        status: str = "read",
    ) -> None:
        self.words, self.rotation_deg, self.skew_deg = words, rotation_deg, skew_deg
        self.blank, self.size, self.status = blank, size, status


def _recognise(gray: Gray, lean: Lean, options: ReadingOptions, blank: Callable[[], bool]) -> _Reading:
    """blank: whether the page shows no marks; asked where there is little ink, or no sure word, to spare reading it."""
    size = (gray.shape[1], gray.shape[0])
    if lean.ink < LITTLE_INK and blank():
        return _Reading([], 0, 0.0, True, size)
    seen = _upright(gray, lean.sideways, lean.skew_deg, options)
    if not lean.letter:  # too few letters to tell by how they stand: the direction that gives words is right
        other = _upright(gray, not lean.sideways, lean.otherwise_deg, options)
        seen = max(seen, other, key=lambda s: s.weight)
    words = in_reading_order(seen.read.words, seen.read.cells)
    empty = lean.ink >= LITTLE_INK and not any(_is_sure(word) for word in words) and blank()
    size = (seen.level.shape[1], seen.level.shape[0])
    return _Reading([] if empty else words, seen.rotation_deg, seen.skew_deg, empty, size)


@dataclass(frozen=True, slots=True)
class _Upright:
    """A page turned and levelled, and what it then says."""

    level: Gray
    rotation_deg: int
    skew_deg: float
    read: ReadPage

    @property
    def weight(self) -> float:
        """More for words than for single signs."""
        return sum(w.confidence * (len(w.text) - 1) for w in self.read.words if w.text.isalnum())


def _upright(gray: Gray, sideways: bool, skew_deg: float, options: ReadingOptions) -> _Upright:
    """The page with its lines level, the way up that reads better."""
    rotation, gray = (270, imaging.turn(gray, 90)) if sideways else (0, gray)
    level = imaging.straighten(gray, skew_deg)
    if sideways and _reads_better_upside_down(level, options):
        rotation, level = (rotation + 180) % 360, imaging.turn(level, 180)
    read = _read_level(level, options)
    # a probe of one band decided for a page on its side, and may have been misled by a table: then look at all of it
    if read.sure < LOST or (read.sure < UNSURE and (sideways or _reads_better_upside_down(level, options))):
        turned = imaging.turn(level, 180)
        other = _read_level(turned, options)
        if other.sure > read.sure:
            rotation, level, read = (rotation + 180) % 360, turned, other
    return _Upright(level, rotation, skew_deg, read)


def _is_sure(word: ocr.RawWord) -> bool:
    return word.confidence > 0.4 and any(c.isalnum() for c in word.text)


def _read_level(level: Gray, options: ReadingOptions) -> ReadPage:
    return read_level(level, _engine(options), dpi=options.recognition_dpi, timeout_s=options.page_timeout_s)


def _engine(options: ReadingOptions) -> ocr.OcrEngine:
    return ocr.engine(options.engine, options.language)


def _reads_better_upside_down(level: Gray, options: ReadingOptions) -> bool:
    upright, turned = both_ways_up(level, _engine(options), dpi=options.recognition_dpi, timeout_s=PROBE_S)
    return turned > upright * CLEARLY


def _placed(words: Sequence[ocr.RawWord], size: tuple[int, int], skew_deg: float) -> list[Word]:
    """Words in fractions of the upright page as it was scanned: the levelling is undone at each word's centre."""
    width, height = size
    cos, sin = math.cos(math.radians(skew_deg)), math.sin(math.radians(skew_deg))
    placed = []
    for word in words:
        dx, dy = (word.left + word.right) / 2 - width / 2, (word.top + word.bottom) / 2 - height / 2
        x, y = width / 2 + dx * cos - dy * sin, height / 2 + dx * sin + dy * cos
        half_w, half_h = (word.right - word.left) / 2, (word.bottom - word.top) / 2
        box = Box(
            left=_fraction((x - half_w) / width),
            top=_fraction((y - half_h) / height),
            right=_fraction((x + half_w) / width),
            bottom=_fraction((y + half_h) / height),
        )
        placed.append(Word(text=word.text, box=box, confidence=round(word.confidence, 4), line=word.line))
    return placed


def _instead_of(words: Sequence[ocr.RawWord], first: int = 0) -> dict[int, str]:
    return {number: word.instead_of for number, word in enumerate(words, start=first) if word.instead_of}


def _born_digital(page: PageImage, index: int, width: int, height: int) -> PageText:
    words, line, last = [], -1, None
    for word in page.own_text:
        middle = (word.top + word.bottom) / 2
        if last is None or not last.top <= middle <= last.bottom or word.left < last.left:
            line += 1
        last = word
        words.append(Word(text=word.text, box=word.box, confidence=1.0, line=line))
    return PageText(
        index=index,
        text=_text(words),
        confidence=1.0,
        rotation_deg=page.turned_deg,
        dpi=page.dpi,
        width_px=width,
        height_px=height,
        words=tuple(words),
        status="read",
        quality=PageQuality(quality=Quality.GOOD),
        own_words=len(words),
    )


def _with_pictures(known: PageText, page: PageImage, options: ReadingOptions) -> PageText:
    """A page with words of its own, and behind them those that its pictures show; the rest of it is not read."""
    gray = _reading_picture(page, options.recognition_dpi)
    height, width = gray.shape
    pictures = np.full_like(gray, imaging.WHITE)
    for box in page.scanned:
        rows = slice(int(box.top * height), math.ceil(box.bottom * height))
        columns = slice(int(box.left * width), math.ceil(box.right * width))
        pictures[rows, columns] = gray[rows, columns]
    try:
        read = _read_level(pictures, options)
    except ocr.TooSlow:
        return known.model_copy(update={"status": "timeout"})
    if read.sure < UNSURE:  # a photograph, a coat of arms
        return known
    first = known.words[-1].line + 1
    seen = in_reading_order(read.words, read.cells)
    found = [word.model_copy(update={"line": word.line + first}) for word in _placed(seen, (width, height), 0.0)]
    words = (*known.words, *found)
    return known.model_copy(
        update={
            "words": words,
            "instead_of": _instead_of(seen, len(known.words)),
            "text": _text(words),
            "confidence": round(statistics.fmean(w.confidence for w in words), 4),
        }
    )


def _text(words: Sequence[Word]) -> str:
    lines: dict[int, list[str]] = {}
    for word in words:
        lines.setdefault(word.line, []).append(word.text)
    return "\n".join(" ".join(line) for line in lines.values())


def _fraction(value: float) -> float:
    return round(min(1.0, max(0.0, value)), 5)
