"""The certified-copy stamp of NĐ 30/2020/NĐ-CP, Điều 25 and Annex I: top right of page 1, three lines, Tinos 10 pt.

Form of copy, agency, ISO 8601 time in Vietnam's zone; black, upright, no picture. The font is embedded as a subset, at
1000 units per em as pyHanko assumes: the file stays PDF/A-2b.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import Any

from fontTools import subset, ttLib
from fontTools.ttLib.scaleUpem import scale_upem
from pyhanko.pdf_utils.font.api import FontEngineFactory
from pyhanko.pdf_utils.font.opentype import GlyphAccumulator
from pyhanko.pdf_utils.layout import AxisAlignment, InnerScaling, Margins, SimpleBoxLayoutRule
from pyhanko.pdf_utils.text import TextBoxStyle
from pyhanko.stamp import TextStampStyle

from registry.errors import SigningFailed
from registry.values import VIETNAM

SIZE_PT, LEADING_PT, MARGIN_PT, WIDTH_PT = 10, 12, 20, 220
TOP_PT = 12
"""Three lines end 52 pt below the edge: inside the top margin of 20 mm that NĐ 30, Annex I leaves free."""
VIETNAMESE = [
    *range(0x20, 0x7F),
    *range(0xA0, 0x180),
    *(0x1A0, 0x1A1, 0x1AF, 0x1B0),
    *range(0x1EA0, 0x1EFA),
    *range(0x2010, 0x2027),
    0x20AB,
]


@dataclass(frozen=True, slots=True)
class Stamp:
    """form: SAO Y, SAO LỤC or TRÍCH SAO. agency: as it stands on the stamp. at: shown in Vietnam's zone."""

    form: str
    agency: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Placed:
    """A stamp's text and its box on an upright page, in points from the page's lower left corner."""

    text: str
    box: tuple[int, int, int, int]


def place(stamp: Stamp, font: Path, page: tuple[float, float, float, float]) -> Placed:
    """The stamp inside the top right corner of a page (left, bottom, right, top), wrapped to the room there is.

    Raises SigningFailed for a letter the font lacks: PDF/A forbids drawing .notdef (ISO 19005-2, 6.2.11.8).
    """
    left, _, right, top = page
    width = min(WIDTH_PT, right - left - 2 * MARGIN_PT)
    when = stamp.at.astimezone(VIETNAM).isoformat(timespec="seconds")
    lines = [part for line in (stamp.form, stamp.agency, when) for part in wrap(line, font, width)]
    text = unicodedata.normalize("NFC", "\n".join(lines))
    _require_letters(font, text)
    height = LEADING_PT * len(lines) + 4
    corner = right - MARGIN_PT - width, top - TOP_PT - height
    return Placed(text, (round(corner[0]), round(corner[1]), round(right - MARGIN_PT), round(top - TOP_PT)))


def style(font: Path) -> TextStampStyle:
    """Upright black text from the box's top left corner; no border, no background."""
    rule = SimpleBoxLayoutRule(
        x_align=AxisAlignment.ALIGN_MIN,
        y_align=AxisAlignment.ALIGN_MAX,
        margins=Margins(0, 0, 0, 0),
        inner_content_scaling=InnerScaling.NO_SCALING,
    )
    return TextStampStyle(
        stamp_text="%(text)s",
        border_width=0,
        background=None,
        inner_content_layout=rule,
        text_box_style=TextBoxStyle(font=_StampFont(font), font_size=SIZE_PT, leading=LEADING_PT, box_layout_rule=rule),
    )


def wrap(line: str, font: Path, width_pt: float) -> list[str]:
    """The line in pieces no wider than `width_pt`, broken between words; measured by the font's own advances."""
    pieces = [""]
    for word in line.split():
        longer = f"{pieces[-1]} {word}".strip()
        if pieces[-1] and text_width(longer, font) > width_pt:
            pieces.append(word)
        else:
            pieces[-1] = longer
    return pieces


def text_width(text: str, font: Path) -> float:
    """Points at the stamp's size."""
    advances, _ = _metrics(font)
    return sum(advances.get(ord(c), 500) for c in unicodedata.normalize("NFC", text)) * SIZE_PT / 1000


def _require_letters(font: Path, text: str) -> None:
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


class _StampFont(FontEngineFactory):  # type: ignore[misc]
    def __init__(self, path: Path) -> None:
        self.path = path

    def create_font_engine(self, writer: Any, obj_stream: Any = None) -> GlyphAccumulator:
        return GlyphAccumulator(writer, BytesIO(_font_bytes(self.path)), font_size=SIZE_PT, obj_stream=obj_stream)
