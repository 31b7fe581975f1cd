"""Tesseract in this process, kept warm. One engine per process; a page has a time limit."""

from __future__ import annotations

import os
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image

os.environ.setdefault("OMP_THREAD_LIMIT", "1")  # before the library is loaded: one page per core is faster

from tesserocr import PSM, RIL, PyTessBaseAPI, iterate_level, tesseract_version

from pipeline.imaging import Gray

TESSDATA = ("/usr/share/tesseract-ocr/5/tessdata", "/usr/share/tesseract-ocr/4.00/tessdata", "/usr/share/tessdata")


@dataclass(frozen=True, slots=True)
class RawWord:
    """A word in pixels of the image that was read. line and block count from 0 in the engine's order."""

    text: str
    left: int
    top: int
    right: int
    bottom: int
    confidence: float
    line: int
    block: int


class TooSlow(Exception):
    """The page took longer than it may; the engine has given up on it."""


def tessdata() -> Path:
    """The folder of the language data: TESSDATA_PREFIX or where Debian puts it."""
    told = os.environ.get("TESSDATA_PREFIX")
    for folder in (*([told] if told else []), *TESSDATA):
        if Path(folder).is_dir():
            return Path(folder)
    raise FileNotFoundError("no tessdata folder; install tesseract-ocr-vie")


@lru_cache(maxsize=2)
def engine(language: str) -> PyTessBaseAPI:
    """The warm engine of this process."""
    return PyTessBaseAPI(path=str(tessdata()), lang=language, psm=PSM.AUTO)


def version() -> str:
    return str(tesseract_version()).split("\n", 1)[0]


def recognise(gray: Gray, *, language: str, dpi: int, timeout_s: float, single_block: bool = False) -> list[RawWord]:
    """The words of an upright, level page, in the engine's reading order. Raises TooSlow."""
    return _recognise(gray, PSM.SINGLE_BLOCK if single_block else PSM.AUTO, language, dpi, timeout_s)


def recognise_line(gray: Gray, *, language: str, dpi: int, timeout_s: float, only: str = "") -> list[RawWord]:
    """The words of a picture of one line; only: the letters that may stand there, where not all. Raises TooSlow."""
    engine(language).SetVariable("tessedit_char_whitelist", only)
    try:
        return _recognise(gray, PSM.SINGLE_LINE, language, dpi, timeout_s)
    finally:
        engine(language).SetVariable("tessedit_char_whitelist", "")


def _recognise(gray: Gray, mode: int, language: str, dpi: int, timeout_s: float) -> list[RawWord]:
    api = engine(language)
    api.SetPageSegMode(mode)
    api.SetImage(Image.fromarray(np.ascontiguousarray(gray)))
    api.SetSourceResolution(dpi)
    try:
        if not api.Recognize(max(1, int(timeout_s * 1000))):
            raise TooSlow
        return _words(api)
    finally:
        api.Clear()


def _words(api: PyTessBaseAPI) -> list[RawWord]:
    words: list[RawWord] = []
    results = api.GetIterator()
    if results is None:
        return words
    line = block = -1
    for found in iterate_level(results, RIL.WORD):
        if found.IsAtBeginningOf(RIL.BLOCK):
            block += 1
        if found.IsAtBeginningOf(RIL.TEXTLINE):
            line += 1
        try:
            text = unicodedata.normalize("NFC", found.GetUTF8Text(RIL.WORD) or "").strip()
        except RuntimeError:
            continue
        box = found.BoundingBox(RIL.WORD)
        if text and box:
            confidence = min(1.0, max(0.0, found.Confidence(RIL.WORD) / 100))
            left, top, right, bottom = box
            words.append(RawWord(text, left, top, right, bottom, confidence, line, block))
    return words
