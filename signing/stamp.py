"""What stands on a copy: the certified-copy stamp in the top right corner of page 1, and the official's mark below it.

Two appearances. `nd30` (NĐ 30/2020/NĐ-CP, Điều 25 and Annex I): form of copy, agency, ISO 8601 time in Vietnam's zone,
10 pt, black, upright, no picture. `tt02` (TT 02/2019/TT-BNV): the agency's seal as a red picture of its true size,
agency, time.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from PIL import Image
from pyhanko.pdf_utils.images import PdfImage
from pyhanko.pdf_utils.layout import AxisAlignment, BoxConstraints, InnerScaling, Margins, SimpleBoxLayoutRule
from pyhanko.pdf_utils.text import TextBoxStyle
from pyhanko.stamp import TextStampStyle

from registry.errors import SigningFailed
from registry.values import VIETNAM, CopyForm
from signing.stamp_font import StampFont, require_letters, text_width, wrap

Appearance = Literal["nd30", "tt02"]
Page = tuple[float, float, float, float]

SIZES_PT = (10, 9, 8, 7, 6)
"""10 by law; less only on a page so small that the stamp would leave it."""
MARGIN_PT, WIDTH_PT, GAP_PT = 20, 220, 6
TOP_PT = 12
"""Three lines end 52 pt below the edge: inside the top margin of 20 mm that NĐ 30, Annex I leaves free."""
BESIDE_PT = 120
"""So much room an instant of 10 pt needs beside a seal; with less it stands below."""
POINTS_PER_MM = 72 / 25.4


@dataclass(frozen=True, slots=True)
class Seal:
    """The agency's seal: a PNG with a transparent ground, and how wide it is in truth."""

    picture: Path
    width_mm: float


@dataclass(frozen=True, slots=True)
class Stamp:
    """form: SAO Y, SAO LỤC or TRÍCH SAO; empty for the official's mark and where the appearance has none. agency: whose
    name stands on it, the official's on theirs. at: shown in Vietnam's zone."""

    form: str
    agency: str
    at: datetime
    seal: Seal | None = None

    @property
    def lines(self) -> tuple[str, ...]:
        when = self.at.astimezone(VIETNAM).isoformat(timespec="seconds")
        return tuple(line for line in (self.form, self.agency, when) if line)


@dataclass(frozen=True, slots=True)
class Placed:
    """A stamp's text and its box on an upright page, in points from the page's lower left corner. seal_pt: width and
    height of the seal in the box; None without one. below: the text stands below the seal, not beside it."""

    text: str
    box: tuple[int, int, int, int]
    size_pt: int = SIZES_PT[0]
    seal: Seal | None = None
    seal_pt: tuple[int, int] | None = None
    below: bool = False


def agency_stamp(
    form: CopyForm, agency: str, at: datetime, appearance: Appearance = "nd30", seal: Seal | None = None
) -> Stamp:
    """The stamp of the agency that made the copy, as its appearance wants it."""
    if appearance == "tt02":
        return Stamp("", agency, at, seal)
    return Stamp(form.words, agency, at)


def place(stamp: Stamp, font: Path, page: Page, *, under: Placed | None = None) -> Placed | None:
    """The stamp inside the top right corner of a page (left, bottom, right, top), or below another stamp, wrapped to
    the room there is; None where the page has no room for it at any size.

    Raises SigningFailed for a letter the font lacks: PDF/A forbids drawing .notdef (ISO 19005-2, 6.2.11.8).
    """
    require_letters(font, unicodedata.normalize("NFC", "".join(stamp.lines)))
    return next((found for size in SIZES_PT if (found := _placed(stamp, font, page, size, under)) is not None), None)


def _placed(stamp: Stamp, font: Path, page: Page, size: int, under: Placed | None) -> Placed | None:
    left, bottom, right, top = page
    margin = min(MARGIN_PT, (right - left) * 0.05)
    head = min(TOP_PT, (top - bottom) * 0.05)
    room = right - left - 2 * margin
    sides = _seal_pt(stamp.seal) if stamp.seal else None
    beside = sides is not None and room >= sides[0] + GAP_PT + BESIDE_PT
    column = min(WIDTH_PT, room - sides[0] - GAP_PT if sides and beside else room)
    lines = [part for line in stamp.lines for part in wrap(line, font, column, size)]
    text = unicodedata.normalize("NFC", "\n".join(lines))
    height: float = _leading(size) * len(lines) + 4
    # a stamp without a seal is as wide as the law's form, so that its text stands where people look for it
    width = column
    if sides:
        width = column + GAP_PT + sides[0] if beside else max(column, sides[0])
        height = max(height, sides[1]) if beside else height + sides[1] + GAP_PT
    upper = top - head if under is None else under.box[1] - GAP_PT
    too_wide = width > room + 1 or any(text_width(line, font, size) > column for line in lines)
    if too_wide or upper - height < bottom + head:
        return None
    box = (right - margin - width, upper - height, right - margin, upper)
    return Placed(text, _rounded(box), size, stamp.seal, sides, sides is not None and not beside)


def _leading(size_pt: int) -> int:
    """pyHanko counts in whole points."""
    return round(size_pt * 1.2)


def _rounded(box: tuple[float, float, float, float]) -> tuple[int, int, int, int]:
    return round(box[0]), round(box[1]), round(box[2]), round(box[3])


def _seal_pt(seal: Seal) -> tuple[int, int]:
    """Width and height at the seal's true size. Raises SigningFailed for a picture that cannot be read."""
    with _seal_picture(seal.picture) as picture:
        width = seal.width_mm * POINTS_PER_MM
        return round(width), round(width * picture.height / picture.width)


def _seal_picture(path: Path) -> Image.Image:
    try:
        return Image.open(path)
    except OSError as exc:
        raise SigningFailed(f"the picture of the seal {path.name} cannot be read") from exc


def style(font: Path, placed: Placed) -> TextStampStyle:
    """Upright black text from the box's top left corner, the seal to its right or above; no border."""
    rule = _rule(AxisAlignment.ALIGN_MIN)
    background, layout = None, _rule(AxisAlignment.ALIGN_MAX)
    if placed.seal and placed.seal_pt:
        with _seal_picture(placed.seal.picture) as picture:
            background = PdfImage(picture.convert("RGBA"), box=BoxConstraints(*placed.seal_pt))
        if placed.below:
            rule = _rule(AxisAlignment.ALIGN_MIN, above=placed.seal_pt[1] + GAP_PT)
    return TextStampStyle(
        stamp_text="%(text)s",
        border_width=0,
        background=background,
        background_layout=layout,
        background_opacity=1,
        inner_content_layout=rule,
        text_box_style=TextBoxStyle(
            font=StampFont(font, placed.size_pt),
            font_size=placed.size_pt,
            leading=_leading(placed.size_pt),
            box_layout_rule=_rule(AxisAlignment.ALIGN_MIN),
        ),
    )


def _rule(across: AxisAlignment, *, above: int = 0) -> SimpleBoxLayoutRule:
    return SimpleBoxLayoutRule(
        x_align=across,
        y_align=AxisAlignment.ALIGN_MAX,
        margins=Margins(0, 0, above, 0),
        inner_content_scaling=InnerScaling.NO_SCALING,
    )
