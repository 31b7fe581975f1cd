"""A page as it was scanned, whichever way it lay."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from app.demo.scans import FONTS
from pipeline import imaging
from pipeline.page_source import PageImage
from pipeline.reading import read_page
from pipeline.reading_options import ReadingOptions


@pytest.mark.parametrize("turned", [0, 90, 180, 270])
def test_a_page_of_one_line_is_turned_by_what_it_says(turned: int) -> None:
    """Two punched holes and a seal's arcs stand in columns, and outnumber the letters' neighbours."""
    page = Image.new("L", (1654, 2339), 245)
    pen = ImageDraw.Draw(page)
    font = ImageFont.truetype(str(FONTS / "Tinos-Italic.ttf"), 36)
    pen.text((390, 170), "(Danh sách gồm 34 người)", font=font, fill=60)
    for y in (790, 1420):
        pen.ellipse((70, y, 116, y + 46), fill=40)
    for y in range(900, 1180, 24):
        pen.arc((1500, y, 1530, y + 18), 90, 250, fill=90, width=3)
    picture = imaging.turn(np.asarray(page), turned)
    read = read_page(PageImage(pixels=picture, dpi=200.0), 0, ReadingOptions())
    assert read.rotation_deg == turned
    assert read.text == "(Danh sách gồm 34 người)"
