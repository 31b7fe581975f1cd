"""Inputs that are read in a moment, so that hundreds of faults fit in minutes; no two alike.

`paper`: a decision born as PDF, sure enough to be signed without anybody looking. `slip`: one scanned line, which goes
to review. `broken`: a PDF of no structure, which must be refused.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas

FONT = Path("/usr/share/fonts/truetype/croscore/Tinos-Regular.ttf")
LEFT = ("ỦY BAN NHÂN DÂN", "XÃ AN HÒA", "Số: {n}/QĐ-UBND")
RIGHT = ("CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM", "Độc lập - Tự do - Hạnh phúc", "An Hòa, ngày 05 tháng 03 năm 2026")
BODY = ("QUYẾT ĐỊNH", "Về việc công nhận kết quả rà soát hộ nghèo", "ỦY BAN NHÂN DÂN XÃ AN HÒA",
        "Căn cứ Luật Tổ chức chính quyền địa phương;", "CHỦ TỊCH", "", "Trần Văn Bình")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Input:
    """One file to hand in. sound: it must end in the archive; else in quarantine."""

    name: str
    content: bytes
    sound: bool

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()


def stream(first: int = 0) -> Iterator[Input]:
    """Endless: of ten inputs five papers, four slips and a broken one. The same number, the same bytes."""
    number = first
    while True:
        kind = "pspspspspb"[number % 10]
        if kind == "b":
            yield Input(f"hong-{number:05d}.pdf", b"%PDF-1.7\n" + b"%d " % number * 100, sound=False)
        elif kind == "p":
            yield Input(f"giay-{number:05d}.pdf", paper(number), sound=True)
        else:
            yield Input(f"phieu-{number:05d}.jpg", slip(number), sound=True)
        number += 1


def paper(number: int) -> bytes:
    """A decision as an office program prints it."""
    if "Tinos" not in pdfmetrics.getRegisteredFontNames():
        pdfmetrics.registerFont(TTFont("Tinos", str(FONT)))
    out = io.BytesIO()
    canvas = Canvas(out, pagesize=(420, 595), invariant=1)
    canvas.setFont("Tinos", 11)
    for column, x in ((LEFT, 40), (RIGHT, 195)):
        for row, text in enumerate(column):
            canvas.drawString(x, 575 - 15 * row, text.format(n=number))
    for row, text in enumerate(BODY):
        canvas.drawString(60, 500 - 26 * row, text)
    canvas.save()
    return out.getvalue()


def slip(number: int) -> bytes:
    """A narrow scan with one line on it."""
    page = Image.new("L", (900, 420), 250)
    pen = ImageDraw.Draw(page)
    pen.text((60, 180), f"Giấy số {number} của thôn", font=ImageFont.truetype(str(FONT), 40), fill=20)
    out = io.BytesIO()
    page.save(out, "JPEG", quality=80, dpi=(200, 200))
    return out.getvalue()
