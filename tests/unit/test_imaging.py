"""Which way up a page is and how far it leans, from its letters."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from app.demo.scans import FONTS
from pipeline import imaging
from pipeline.imaging import Gray, Pixels


def table() -> Gray:
    """A list of names: its columns are straighter lines than its rows."""
    page = Image.new("L", (1654, 2339), 255)
    pen, font = ImageDraw.Draw(page), ImageFont.truetype(str(FONTS / "Tinos-Regular.ttf"), 34)
    for row in range(32):
        y = 250 + 60 * row
        words = (
            str(row + 1),
            "Nguyễn Văn Bình",
            f"0{row % 9 + 1}/0{row % 7 + 1}/1960",
            f"0031870000{row:02d}",
            "Tổ viên",
        )
        for x, word in zip((130, 220, 560, 800, 1120), words, strict=True):
            pen.text((x, y + row % 3 * 4), word, font=font, fill=20)
        pen.line((110, y - 12, 1500, y - 12), fill=60, width=2)
    for x in (110, 205, 545, 785, 1105, 1500):
        pen.line((x, 238, x, 2158), fill=60, width=2)
    return np.asarray(page)


@pytest.mark.parametrize("turned", [0, 90, 180, 270])
@pytest.mark.parametrize("lean", [0.0, 1.4, -3.2])
def test_a_table_lies_on_its_side_only_when_it_does(turned: int, lean: float) -> None:
    page = imaging.turn(imaging.straighten(table(), -lean), turned)
    found = imaging.measure(page)
    assert found.sideways == (turned % 180 == 90)
    assert found.skew_deg == pytest.approx(lean, abs=0.2)


def stamped(ink: tuple[int, int, int], *, frame: bool = True) -> tuple[Pixels, Pixels]:
    """A page of A4 at 200 dpi with black print below a stamp, and the same page without it."""
    page = np.full((2339, 1654, 3), 252, np.uint8)
    for y in range(500, 1100, 60):
        cv2.putText(page, "Uy ban nhan dan xa An Hoa", (300, y), cv2.FONT_HERSHEY_COMPLEX, 1.5, (25, 25, 25), 3)
    over = np.full_like(page, 255)
    if frame:
        cv2.ellipse(over, (600, 800), (150, 150), 0, 0, 360, ink, 5)
    cv2.putText(over, "BUU DIEN", (480, 810), cv2.FONT_HERSHEY_COMPLEX, 1.4, ink, 4)
    return (page.astype(np.uint16) * over // 255).astype(np.uint8), page


@pytest.mark.parametrize("ink", [(225, 60, 70), (70, 90, 215), (40, 60, 170)])
def test_a_seal_is_gone_and_the_print_below_it_stays(ink: tuple[int, int, int]) -> None:
    page, plain = stamped(ink)
    seen, wanted = imaging.to_ocr_gray(page), imaging.to_ocr_gray(plain)
    print_ = plain[..., 0] < 100
    assert (seen[print_] < imaging.INK_LEVEL).mean() > 0.99
    alone = (page[..., 1] < 200) & (cv2.erode(plain[..., 0], np.ones((5, 5), np.uint8)) > 200)
    assert (wanted[alone] > 200).all() and (seen[alone] > imaging.INK_LEVEL).mean() > 0.99


def test_what_is_written_in_blue_stays() -> None:
    page, plain = stamped((40, 60, 170), frame=False)
    written = (page[..., 0] < 100) & (plain[..., 0] > 200)
    assert (imaging.to_ocr_gray(page)[written] < imaging.INK_LEVEL).mean() > 0.95
