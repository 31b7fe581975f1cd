"""Hand-made pages of words with boxes, and what is described of them."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from config.catalogue import SHIPPED, load_catalogue
from pipeline.describing import describe
from registry.values import Box, Description, PageText, Word

KINDS = dict(load_catalogue(SHIPPED).kinds)
LETTER = 0.0105
Line = tuple[float, float, str]


def page(lines: Sequence[Line], index: int = 0, confidence: float = 0.95) -> PageText:
    """A page whose lines start at (left, top), one after another as the engine would number them."""
    words = []
    for number, (left, top, text) in enumerate(lines):
        at = left
        for part in text.split():
            right = at + LETTER * len(unicodedata.normalize("NFC", part))
            box = Box(left=at, top=top, right=min(1, right), bottom=top + 0.012)
            words.append(Word(text=part, box=box, confidence=confidence, line=number))
            at = right + 0.006
    text = "\n".join(line[2] for line in lines)
    return PageText(index=index, text=text, confidence=confidence, width_px=1654, height_px=2339, words=tuple(words))


def read(*pages: PageText) -> Description:
    return describe(pages, KINDS)


def head(agency: Sequence[str], number: str, place_date: str) -> list[Line]:
    left = [(0.14, 0.08 + 0.018 * i, line) for i, line in enumerate(agency)]
    return [
        *left,
        (0.14, 0.14, number),
        (0.48, 0.08, "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM"),
        (0.56, 0.10, "Độc lập - Tự do - Hạnh phúc"),
        (0.52, 0.14, place_date),
    ]
