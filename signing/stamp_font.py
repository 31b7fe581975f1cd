"""The stamp's font, and the lines that fit a width in it: the Vietnamese part of a TrueType font, at 1000 units per em
as pyHanko assumes, embedded as a subset so that the file stays PDF/A-2b."""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import Any

from fontTools import subset, ttLib
from fontTools.ttLib.scaleUpem import scale_upem
from pyhanko.pdf_utils.font.api import FontEngineFactory
from pyhanko.pdf_utils.font.opentype import GlyphAccumulator

from registry.errors import SigningFailed

VIETNAMESE = [
    *range(0x20, 0x7F),
    *range(0xA0, 0x180),
    *(0x1A0, 0x1A1, 0x1AF, 0x1B0),
    *range(0x1EA0, 0x1EFA),
    *range(0x2010, 0x2027),
    0x20AB,
]


def wrap(line: str, font: Path, width_pt: float, size_pt: float = 10) -> list[str]:
    """The line in pieces no wider than `width_pt`, broken between words, and inside a word that is wider alone;
    measured by the font's own advances."""
    pieces = [""]
    for word in (part for whole in line.split() for part in _broken(whole, font, width_pt, size_pt)):
        longer = f"{pieces[-1]} {word}".strip()
        if pieces[-1] and text_width(longer, font, size_pt) > width_pt:
            pieces.append(word)
        else:
            pieces[-1] = longer
    return pieces


def _broken(word: str, font: Path, width_pt: float, size_pt: float) -> list[str]:
    pieces = [""]
    for letter in unicodedata.normalize("NFC", word):
        if pieces[-1] and text_width(pieces[-1] + letter, font, size_pt) > width_pt:
            pieces.append(letter)
        else:
            pieces[-1] += letter
    return pieces


def text_width(text: str, font: Path, size_pt: float = 10) -> float:
    """Points at this size."""
    advances, _ = _metrics(font)
    return sum(advances.get(ord(c), 500) for c in unicodedata.normalize("NFC", text)) * size_pt / 1000


def require_letters(font: Path, text: str) -> None:
    """Raises SigningFailed for a letter the font lacks: PDF/A forbids drawing .notdef (ISO 19005-2, 6.2.11.8)."""
    _, known = _metrics(font)
    if missing := sorted({c for c in text if c != "\n" and ord(c) not in known}):
        raise SigningFailed(f"the stamp's font lacks {missing}")


@lru_cache
def _font_bytes(path: Path) -> bytes:
    """The Vietnamese part of a TrueType font, at 1000 units per em."""
    try:
        font = ttLib.TTFont(path)
    except (OSError, ttLib.TTLibError) as exc:
        raise SigningFailed(f"the stamp's font {path.name} cannot be read; install fonts-croscore") from exc
    cut = subset.Subsetter(subset.Options(hinting=False, name_IDs=["*"], notdef_outline=True))
    cut.populate(unicodes=VIETNAMESE)
    cut.subset(font)
    scale_upem(font, 1000)
    out = BytesIO()
    font.save(out)
    return out.getvalue()


@lru_cache
def _metrics(path: Path) -> tuple[dict[int, int], frozenset[int]]:
    font = ttLib.TTFont(BytesIO(_font_bytes(path)))
    letters: dict[int, str] = font.getBestCmap()
    widths = font["hmtx"]
    return {code: widths[glyph][0] for code, glyph in letters.items()}, frozenset(letters)


class StampFont(FontEngineFactory):  # type: ignore[misc]
    def __init__(self, path: Path, size_pt: int) -> None:
        self.path, self.size_pt = path, size_pt

    def create_font_engine(self, writer: Any, obj_stream: Any = None) -> GlyphAccumulator:
        return GlyphAccumulator(writer, BytesIO(_font_bytes(self.path)), font_size=self.size_pt, obj_stream=obj_stream)
