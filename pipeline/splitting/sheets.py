"""Separator sheets ("tờ phân cách") as PDF: A4, a large QR code, and in words what comes behind the sheet."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import img2pdf
import numpy as np
import zxingcpp
from PIL import Image, ImageDraw, ImageFont

from pipeline.splitting.covers import Cover, payload

DPI = 300
MM = DPI / 25.4
WIDTH, HEIGHT = round(210 * MM), round(297 * MM)
CODE_MM = 85
LEVEL = "Q"
"""A quarter of the code may be unreadable: stained, folded, punched."""
INK, PAPER = 0, 1


@dataclass(frozen=True, slots=True)
class Sheet:
    """A sheet's code and its words: component_name and procedure stand on it where they are known."""

    cover: Cover
    component_name: str = ""
    procedure: str = ""


def sheets_pdf(sheets: Iterable[Sheet], font: Path) -> bytes:
    """One page for each sheet. font: a TrueType file with Vietnamese letters; its bold brother is used when it lies
    beside it. Raises ValueError for codes that no sheet can carry, or when there is none."""
    pages = []
    for sheet in sheets:
        out = BytesIO()
        draw(sheet, font).save(out, "PNG", dpi=(DPI, DPI))
        pages.append(out.getvalue())
    if not pages:
        raise ValueError("no sheet")
    made: bytes = img2pdf.convert(
        pages, layout_fun=img2pdf.get_layout_fun((img2pdf.mm_to_pt(210), img2pdf.mm_to_pt(297)))
    )
    return made


def draw(sheet: Sheet, font: Path) -> Image.Image:
    """The sheet in black and white at 300 dpi."""
    page = Image.new("1", (WIDTH, HEIGHT), PAPER)
    pen = ImageDraw.Draw(page)
    bold = font.with_name(font.name.replace("-Regular", "-Bold"))
    bold = bold if bold.exists() else font
    y = _centred(pen, "TỜ PHÂN CÁCH", bold, 15, round(22 * MM))
    y = _centred(pen, "Đặt lên trên giấy tờ rồi quét cùng; tờ này không lưu vào kho.", font, 5, y + round(3 * MM))
    code = _code(payload(sheet.cover))
    page.paste(code, ((WIDTH - code.width) // 2, y + round(14 * MM)))
    y += round(14 * MM) + code.height + round(12 * MM)
    y = _centred(pen, "Hồ sơ", font, 7, y)
    y = _centred(pen, sheet.cover.dossier_code, bold, 13, y)
    component = sheet.cover.component_code
    y = _centred(pen, f"Thành phần {component}" if component else "Toàn bộ hồ sơ", bold, 12, y + round(6 * MM))
    for text in filter(None, (sheet.component_name, sheet.procedure)):
        for line in _wrapped(pen, text, font, 7):
            y = _centred(pen, line, font, 7, y + round(1 * MM))
    return page


def _code(text: str) -> Image.Image:
    code = zxingcpp.create_barcode(text, zxingcpp.BarcodeFormat.QRCode, ec_level=LEVEL)
    squares = np.asarray(code.to_image(scale=1, add_quiet_zones=False)) > 0
    size = max(1, round(CODE_MM * MM / len(squares)))
    return Image.fromarray(np.kron(squares, np.ones((size, size), dtype=bool)))


def _centred(pen: ImageDraw.ImageDraw, text: str, font: Path, height_mm: float, top: int) -> int:
    """Writes the line, narrowed to the page where it is too long; returns where the next one may begin."""
    size = round(height_mm * MM)
    while size > 20 and pen.textlength(text, font=_font(font, size)) > WIDTH - 30 * MM:
        size = round(size * 0.92)
    pen.text((WIDTH / 2, top), text, font=_font(font, size), fill=INK, anchor="ma")
    return top + round(size * 1.25)


def _wrapped(pen: ImageDraw.ImageDraw, text: str, font: Path, height_mm: float) -> list[str]:
    """Two lines at most, the rest left out."""
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and pen.textlength(longer, font=_font(font, round(height_mm * MM))) <= WIDTH - 40 * MM:
            lines[-1] = longer
        else:
            lines.append(word)
    return [*lines[:1], lines[1] + (" …" if len(lines) > 2 else "")] if len(lines) > 1 else lines


def _font(path: Path, size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(path), size)
