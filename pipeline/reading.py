"""Reading a page: its text with boxes, and the PDF/A-2b that shows a scan's pages. Runs in a worker process."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from pipeline import imaging, ocr, quality
from pipeline.blanks import is_blank
from pipeline.imaging import Gray, Lean
from pipeline.line_reading import ReadPage, read_level
from pipeline.orientation import CLEARLY, PROBE_S, both_ways_up
from pipeline.own_text import OwnText
from pipeline.own_words_over import have_print, only, scan_below, without_own_words
from pipeline.page_source import PageImage
from pipeline.placing import turned
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
MOST_PIXELS = 20_000_000
"""Of the picture that is read: an A3 sheet at 200 dpi, enlarged as much as any is. It bounds the time of a page."""
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
    codes = read_codes(page.pixels)
    if not page.own_text:
        return _scan(page, index, codes, options)
    below = scan_below(page)
    if below is None:
        known = _born_digital(page, index).model_copy(update={"codes": codes})
        return _with_pictures(known, page, options) if page.scanned else known
    read = _scan(below, index, codes, options)
    return _beside(_own_lines(page.own_text, read.rotation_deg), read, (page.turned_deg + read.rotation_deg) % 360)


def _scan(page: PageImage, index: int, codes: tuple[str, ...], options: ReadingOptions) -> PageText:
    """A page that is a picture."""
    started = time.monotonic()
    height, width = (round(side * page.reduced) for side in page.pixels.shape[:2])
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
        confidence=_confidence(words),
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
    height, width = page.pixels.shape[:2]
    factor = min(dpi / page.dpi, math.sqrt(MOST_PIXELS / max(1, width * height)))
    return imaging.to_ocr_gray(imaging.rescale(page.pixels, factor))


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


def _instead_of(words: Sequence[ocr.RawWord]) -> dict[int, str]:
    return {number: word.instead_of for number, word in enumerate(words) if word.instead_of}


def _born_digital(page: PageImage, index: int) -> PageText:
    height, width = page.pixels.shape[:2]
    words = _own_lines(page.own_text)
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


def _own_lines(own: Sequence[OwnText], turned_deg: int = 0) -> list[Word]:
    """A page's own words in its own order, where they stand once it is turned back by so much."""
    words, line, last = [], -1, None
    for word in own:
        if last is None or not _level_with(word, last) or word.left < last.left:
            line += 1
        last = word
        words.append(Word(text=word.text, box=turned(word.box, -turned_deg), confidence=1.0, line=line))
    return words


def _level_with(word: OwnText, other: OwnText) -> bool:
    """Whether the middle of one is as high as the other; a dash is a low box."""
    middle, its = (word.top + word.bottom) / 2, (other.top + other.bottom) / 2
    return other.top <= middle <= other.bottom or word.top <= its <= word.bottom


def _beside(own: Sequence[Word], read: PageText, rotation_deg: int) -> PageText:
    """A page of its own words, and behind them those that were read off it, whose confidence is the page's."""
    first = own[-1].line + 1
    words = (*own, *(word.model_copy(update={"line": word.line + first}) for word in read.words))
    told = {"words": words, "text": _text(words), "own_words": len(own), "rotation_deg": rotation_deg, "blank": False}
    told["instead_of"] = {len(own) + place: text for place, text in read.instead_of.items()}
    return read.model_copy(update=told)


def _with_pictures(known: PageText, page: PageImage, options: ReadingOptions) -> PageText:
    """A page with words of its own, and behind them those that its pictures show; the rest of it is not read."""
    bare = without_own_words(page)
    if not have_print(bare):
        return known
    gray = only(_reading_picture(bare, options.recognition_dpi), page.scanned)
    height, width = gray.shape
    try:
        read = _read_level(gray, options)
    except ocr.TooSlow:
        return known.model_copy(update={"status": "timeout"})
    if read.sure < UNSURE:  # a photograph, a coat of arms
        return known
    seen = in_reading_order(read.words, read.cells)
    found = {"words": _placed(seen, (width, height), 0.0), "instead_of": _instead_of(seen)}
    both = _beside(known.words, known.model_copy(update=found), known.rotation_deg)
    return both.model_copy(update={"confidence": _confidence(both.words)})


def _confidence(words: Sequence[Word]) -> float:
    return round(statistics.fmean(w.confidence for w in words), 4) if words else 0.0


def _text(words: Sequence[Word]) -> str:
    lines: dict[int, list[str]] = {}
    for word in words:
        lines.setdefault(word.line, []).append(word.text)
    return "\n".join(" ".join(line) for line in lines.values())


def _fraction(value: float) -> float:
    return round(min(1.0, max(0.0, value)), 5)
