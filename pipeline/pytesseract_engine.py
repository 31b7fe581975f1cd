"""The tesseract program, a process per picture: where the library cannot be had in process. Several times slower."""

from __future__ import annotations

import shlex
import unicodedata
from importlib.metadata import version

import numpy as np
import pytesseract
from PIL import Image

from pipeline.imaging import Gray
from pipeline.ocr import EngineMissing, RawWord, TooSlow, tessdata

AUTO, SINGLE_BLOCK, SINGLE_LINE = 3, 6, 7
"""The program's page segmentation modes (`tesseract --help-psm`)."""
SHORTEST_S = 0.001
"""To pytesseract a limit of nothing is no limit."""
WORD = "5"
"""The level of the TSV's rows that are words."""


class PytesseractEngine:
    """An OcrEngine: tesseract's program by pytesseract. Pictures pass through the temporary folder."""

    def __init__(self, language: str) -> None:
        self._language = language

    def recognise(self, gray: Gray, *, dpi: int, timeout_s: float, single_block: bool = False) -> list[RawWord]:
        return self._recognise(gray, SINGLE_BLOCK if single_block else AUTO, dpi, timeout_s)

    def recognise_line(self, gray: Gray, *, dpi: int, timeout_s: float, only: str = "") -> list[RawWord]:
        return self._recognise(gray, SINGLE_LINE, dpi, timeout_s, only)

    def version(self) -> str:
        return f"pytesseract {version('pytesseract')}, tesseract {pytesseract.get_tesseract_version(cached=True)}"

    def _recognise(self, gray: Gray, mode: int, dpi: int, timeout_s: float, only: str = "") -> list[RawWord]:
        told = ["--tessdata-dir", str(tessdata()), "--psm", str(mode), "--dpi", str(dpi)]
        if only:
            told += ["-c", f"tessedit_char_whitelist={only}"]
        try:
            table = pytesseract.image_to_data(
                Image.fromarray(np.ascontiguousarray(gray)),
                lang=self._language,
                config=shlex.join(told),
                timeout=max(SHORTEST_S, timeout_s),
            )
        except pytesseract.TesseractError:
            raise
        except RuntimeError as exc:  # that is how pytesseract tells it; the program has ended by then
            raise TooSlow from exc
        return _words(table)


def open_engine(language: str) -> PytesseractEngine:
    """An engine whose program is there. Raises EngineMissing."""
    try:
        pytesseract.get_tesseract_version(cached=True)
    except pytesseract.TesseractNotFoundError as exc:
        raise EngineMissing("the program tesseract is missing; install tesseract-ocr") from exc
    return PytesseractEngine(language)


def _words(table: str) -> list[RawWord]:
    """The words of a TSV: level, page, block, paragraph, line and word number, left, top, width, height, confidence,
    text."""
    words: list[RawWord] = []
    lines: dict[tuple[str, ...], int] = {}
    blocks: dict[str, int] = {}
    for row in table.rstrip("\n").split("\n")[1:]:
        level, _page, block, paragraph, line, _word, *numbers, raw = row.split("\t", 11)
        text = unicodedata.normalize("NFC", raw).strip()
        if level != WORD or not text:
            continue
        left, top, width, height = (int(n) for n in numbers[:4])
        confidence = min(1.0, max(0.0, float(numbers[4]) / 100))
        nth = lines.setdefault((block, paragraph, line), len(lines))
        of = blocks.setdefault(block, len(blocks))
        words.append(RawWord(text, left, top, left + width, top + height, confidence, nth, of))
    return words
