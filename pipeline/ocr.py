"""The OCR engine's seam: what an engine is asked, what it answers, and which one answers in this process."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from pipeline.imaging import Gray

os.environ.setdefault("OMP_THREAD_LIMIT", "1")  # before an engine is loaded: one page per core is faster

EngineName = Literal["auto", "tesserocr", "pytesseract"]
HOMES = {"tesserocr": "pipeline.tesserocr_engine", "pytesseract": "pipeline.pytesseract_engine"}
"""The modules of the engines, the preferred one first: only that of the engine in use is loaded."""
TESSDATA = ("/usr/share/tesseract-ocr/5/tessdata", "/usr/share/tesseract-ocr/4.00/tessdata", "/usr/share/tessdata")


@dataclass(frozen=True, slots=True)
class RawWord:
    """A word in pixels of the image that was read. text: NFC. line and block count from 0 in the engine's order.

    instead_of: what the engine made of this place first, where another reading took its place.
    """

    text: str
    left: int
    top: int
    right: int
    bottom: int
    confidence: float
    line: int
    block: int
    instead_of: str = ""


class TooSlow(Exception):
    """The page took longer than it may; the engine has given up on it, and reads the next one as ever."""


class EngineMissing(Exception):
    """The engine asked for cannot work on this machine; str() says what to install."""


class OcrEngine(Protocol):
    """A reader of pictures, for one language. Same picture, same version: same words. One thread at a time."""

    def recognise(self, gray: Gray, *, dpi: int, timeout_s: float, single_block: bool = False) -> list[RawWord]:
        """The words of an upright, level page in the engine's reading order; none for a blank one.

        single_block: the picture is one block of text, no page. Raises TooSlow.
        """

    def recognise_line(self, gray: Gray, *, dpi: int, timeout_s: float, only: str = "") -> list[RawWord]:
        """The words of a picture of one line; only: the letters that may stand there, where not all. Raises TooSlow.

        A line is taken to have print: of blank paper an engine makes words, but hardly trusts them.
        """

    def version(self) -> str:
        """Names the engine and its version, for the record's events."""


@lru_cache(maxsize=4)
def engine(name: EngineName, language: str) -> OcrEngine:
    """The engine of this process for a language, kept warm. `auto`: tesserocr where it can be imported.

    Raises EngineMissing, and FileNotFoundError where there is no data for the language.
    """
    if name == "auto":
        try:
            return engine("tesserocr", language)
        except EngineMissing:
            return engine("pytesseract", language)
    for part in language.split("+"):
        if not (tessdata() / f"{part}.traineddata").exists():
            raise FileNotFoundError(f"no language data; install tesseract-ocr-{part}")
    try:
        home = import_module(HOMES[name])
    except ImportError as exc:
        raise EngineMissing(f"the Python package {name} cannot be imported; install it") from exc
    opened: OcrEngine = home.open_engine(language)
    return opened


def tessdata() -> Path:
    """The folder of the language data: TESSDATA_PREFIX or where Debian puts it."""
    told = os.environ.get("TESSDATA_PREFIX")
    for folder in (*([told] if told else []), *TESSDATA):
        if Path(folder).is_dir():
            return Path(folder)
    raise FileNotFoundError("no tessdata folder; install tesseract-ocr-vie")
