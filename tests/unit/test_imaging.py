"""Which way up a page is and how far it leans, from its letters."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from app.demo.scans import FONTS
from pipeline import imaging
from pipeline.imaging import Gray


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
