"""Numbers in which letters were read are read again as digits alone, and changed only where two readers agree."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from app.demo.scans import FONTS
from pipeline import ocr
from pipeline.digits_again import digits_again, is_doubtful
from pipeline.imaging import Gray
from pipeline.line_reading import read_level
from pipeline.lines import find_lines
from pipeline.strips import Strip, strips
from pipeline.tesserocr_engine import TesserocrEngine


@pytest.mark.parametrize(
    ("text", "before", "doubtful"),
    [
        ("B8/UBND-TP", "Số:", True), ("l5", "ngày", True), ("2O24", "năm", True), ("0840660O7788", "", True),
        ("88/UBND-TP", "Số:", False), ("B1234567", "số", False), ("B8", "phòng", False), ("SO", "Số", False),
        ("QĐ-UBND", "Số:", False), ("084066007788", "CCCD", False), ("", "Số:", False),
    ],
)  # fmt: skip
def test_what_must_be_a_number_and_has_letters_is_doubted(text: str, before: str, doubtful: bool) -> None:
    assert is_doubtful(text, before) is doubtful


def line(text: str) -> Strip:
    picture = Image.new("L", (900, 80), 250)
    ImageDraw.Draw(picture).text((20, 20), text, 0, ImageFont.truetype(str(FONTS / "Tinos-Regular.ttf"), 36))
    [made] = strips(find_lines(np.asarray(picture)))
    return made


@pytest.mark.parametrize(
    ("printed", "misread", "place"), [("Số: 88/UBND-TP", "B8/UBND-TP", 1), ("Số CCCD: 084066007788", "0840660O7788", 2)]
)
def test_two_readers_that_agree_put_a_number_right_and_the_first_reading_is_kept(
    printed: str, misread: str, place: int
) -> None:
    strip, engine = line(printed), ocr.engine("auto", "vie")
    read = partial(engine.recognise_line, dpi=200, timeout_s=20.0)
    words = read(strip.picture)
    right = words[place].text
    words[place] = replace(words[place], text=misread)
    again = digits_again(words, strip, read)
    assert (again[place].text, again[place].instead_of) == (right, misread)
    assert [w for n, w in enumerate(again) if n != place] == [w for n, w in enumerate(words) if n != place]


def test_nothing_is_changed_where_the_picture_shows_something_else() -> None:
    strip, engine = line("Số: QĐ/UBND-TP"), ocr.engine("auto", "vie")
    read = partial(engine.recognise_line, dpi=200, timeout_s=20.0)
    words = read(strip.picture)
    words[1] = replace(words[1], text="B82/UBND-TP")
    assert digits_again(words, strip, read)[1] == words[1]


def test_a_place_that_the_second_reader_read_keeps_what_the_engine_made_of_it() -> None:
    strip = line("Nguyễn Thị Hồng Gấm")

    class Unsure(TesserocrEngine):
        def recognise_line(self, gray: Gray, *, dpi: int, timeout_s: float, only: str = "") -> list[ocr.RawWord]:
            told = super().recognise_line(gray, dpi=dpi, timeout_s=timeout_s, only=only)
            return [replace(w, text=w.text.replace("H", "N"), confidence=0.3) for w in told]

    page = np.full((300, strip.picture.shape[1]), 250, np.uint8)
    page[100 : 100 + strip.picture.shape[0]] = strip.picture
    read = read_level(page, Unsure("vie"), dpi=200, timeout_s=30.0)
    assert "Hồng" in [w.text for w in read.words]
    assert "Nồng" in " ".join(w.instead_of for w in read.words)
