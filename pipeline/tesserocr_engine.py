"""Tesseract in this process, kept warm: no process and no file per picture."""

from __future__ import annotations

import unicodedata
from importlib.metadata import version

from tesserocr import PSM, RIL, PyTessBaseAPI, iterate_level, tesseract_version

from pipeline.imaging import Gray
from pipeline.ocr import RawWord, TooSlow, tessdata


class TesserocrEngine:
    """An OcrEngine: tesseract's library by tesserocr."""

    def __init__(self, language: str) -> None:
        self._api = PyTessBaseAPI(path=str(tessdata()), lang=language, psm=PSM.AUTO)

    def recognise(self, gray: Gray, *, dpi: int, timeout_s: float, single_block: bool = False) -> list[RawWord]:
        return self._recognise(gray, PSM.SINGLE_BLOCK if single_block else PSM.AUTO, dpi, timeout_s)

    def recognise_line(self, gray: Gray, *, dpi: int, timeout_s: float, only: str = "") -> list[RawWord]:
        self._api.SetVariable("tessedit_char_whitelist", only)
        try:
            return self._recognise(gray, PSM.SINGLE_LINE, dpi, timeout_s)
        finally:
            self._api.SetVariable("tessedit_char_whitelist", "")

    def version(self) -> str:
        return f"tesserocr {version('tesserocr')}, {str(tesseract_version()).split(chr(10), 1)[0]}"

    def _recognise(self, gray: Gray, mode: int, dpi: int, timeout_s: float) -> list[RawWord]:
        self._api.SetPageSegMode(mode)
        height, width = gray.shape
        self._api.SetImageBytes(gray.tobytes(), width, height, 1, width)  # SetImage would write and read a BMP
        self._api.SetSourceResolution(dpi)
        try:
            if not self._api.Recognize(max(1, int(timeout_s * 1000))):
                raise TooSlow
            return _words(self._api)
        finally:
            self._api.Clear()


def open_engine(language: str) -> TesserocrEngine:
    """A warm engine; takes some hundredths of a second."""
    return TesserocrEngine(language)


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
