"""What every OCR engine must do. A subclass gives the engine, for Vietnamese."""

from __future__ import annotations

import unicodedata

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from app.demo.scans import FONTS
from pipeline.imaging import Gray
from pipeline.ocr import OcrEngine, RawWord, TooSlow

DPI, PATIENCE_S = 200, 60.0
LINE = "Quyết định cấp giấy phép xây dựng nhà ở riêng lẻ"
PARAGRAPHS = (
    ("Căn cứ Luật Tổ chức chính quyền địa phương", "ngày 19 tháng 6 năm 2015; xét đề nghị của", "Trưởng phòng."),
    ("Điều 1. Chấp thuận đề nghị nêu trên kể từ", "ngày ký; người nộp đơn chịu trách nhiệm", "về nội dung."),
)


def line(text: str = LINE) -> Gray:
    """A strip with one line of print."""
    return _drawn((1400, 90), [(30, 25, text)])


def page() -> Gray:
    """Two paragraphs, far apart."""
    texts = []
    for p, lines in enumerate(PARAGRAPHS):
        texts += [(200, 250 + 700 * p + 55 * n, text) for n, text in enumerate(lines)]
    return _drawn((1400, 1600), texts)


def dense() -> Gray:
    """A page that takes any engine seconds."""
    return _drawn((1650, 2300), [(60, 40 + 44 * n, f"{LINE} {n}. {LINE}") for n in range(50)])


def _drawn(size: tuple[int, int], texts: list[tuple[int, int, str]]) -> Gray:
    image = Image.new("L", size, 250)
    pen, font = ImageDraw.Draw(image), ImageFont.truetype(str(FONTS / "Tinos-Regular.ttf"), 36)
    for left, top, text in texts:
        pen.text((left, top), text, font=font, fill=20)
    return np.asarray(image)


def text_of(words: list[RawWord]) -> str:
    return " ".join(word.text for word in words)


class OcrEngineContract:
    """Inherit as TestX and give a fixture `engine`."""

    def test_a_line_is_read_in_order_and_in_nfc(self, engine: OcrEngine) -> None:
        words = engine.recognise_line(line(), dpi=DPI, timeout_s=PATIENCE_S)
        assert text_of(words) == LINE
        assert all(unicodedata.is_normalized("NFC", word.text) for word in words)
        assert [word.left for word in words] == sorted(word.left for word in words)

    def test_boxes_lie_in_the_picture_and_confidences_between_0_and_1(self, engine: OcrEngine) -> None:
        picture = page()
        height, width = picture.shape
        for word in engine.recognise(picture, dpi=DPI, timeout_s=PATIENCE_S):
            assert 0 <= word.left < word.right <= width
            assert 0 <= word.top < word.bottom <= height
            assert 0 <= word.confidence <= 1
            box = picture[word.top : word.bottom, word.left : word.right]
            assert box.min() < 100, "there is print below the word"

    def test_lines_and_blocks_are_counted_from_0(self, engine: OcrEngine) -> None:
        words = engine.recognise(page(), dpi=DPI, timeout_s=PATIENCE_S)
        lines: dict[int, list[RawWord]] = {}
        for word in words:
            lines.setdefault(word.line, []).append(word)
        assert list(lines) == list(range(6))
        assert [text_of(found) for found in lines.values()] == [text for lines in PARAGRAPHS for text in lines]
        blocks = [word.block for word in words]
        assert blocks == sorted(blocks) and blocks[0] == 0

    def test_one_block_is_read_as_one(self, engine: OcrEngine) -> None:
        words = engine.recognise(page()[200:480], dpi=DPI, timeout_s=PATIENCE_S, single_block=True)
        assert text_of(words) == " ".join(PARAGRAPHS[0])
        assert {word.block for word in words} == {0}

    @pytest.mark.parametrize("grain", [0, 2], ids=["even", "grained"])
    def test_blank_paper_has_no_words(self, engine: OcrEngine, grain: int) -> None:
        blank = np.random.default_rng(1).normal(245, grain, (1600, 1400)).astype(np.uint8)
        assert engine.recognise(blank, dpi=DPI, timeout_s=PATIENCE_S) == []
        assert all(w.confidence < 0.3 for w in engine.recognise_line(blank[:90], dpi=DPI, timeout_s=PATIENCE_S))

    def test_where_only_digits_may_stand_only_digits_are_read(self, engine: OcrEngine) -> None:
        digits = engine.recognise_line(line("O79 l85 0O1 234"), dpi=DPI, timeout_s=PATIENCE_S, only="0123456789")
        assert digits and all(c in "0123456789" for word in digits for c in word.text)
        after = engine.recognise_line(line(), dpi=DPI, timeout_s=PATIENCE_S)
        assert text_of(after) == LINE, "the next line is read with all letters"

    def test_letters_that_a_shell_would_take_apart_may_be_asked_for(self, engine: OcrEngine) -> None:
        found = engine.recognise_line(line("'12 34'"), dpi=DPI, timeout_s=PATIENCE_S, only="1234'\" ")
        assert "12" in text_of(found)

    def test_a_page_that_takes_too_long_is_given_up_and_the_next_one_is_read(self, engine: OcrEngine) -> None:
        with pytest.raises(TooSlow):
            engine.recognise(dense(), dpi=DPI, timeout_s=0.05)
        with pytest.raises(TooSlow):
            engine.recognise(dense(), dpi=DPI, timeout_s=-1)
        assert text_of(engine.recognise_line(line(), dpi=DPI, timeout_s=PATIENCE_S)) == LINE

    def test_the_same_picture_has_the_same_words(self, engine: OcrEngine) -> None:
        picture = page()
        first = engine.recognise(picture, dpi=DPI, timeout_s=PATIENCE_S)
        engine.recognise_line(line(), dpi=DPI, timeout_s=PATIENCE_S)
        assert engine.recognise(picture, dpi=DPI, timeout_s=PATIENCE_S) == first

    def test_a_view_of_a_larger_picture_is_read(self, engine: OcrEngine) -> None:
        around = np.full((400, 1500), 250, np.uint8)
        around[100:190, 50:1450] = line()
        assert text_of(engine.recognise_line(around[100:190, 50:1450], dpi=DPI, timeout_s=PATIENCE_S)) == LINE

    def test_it_says_what_it_is(self, engine: OcrEngine) -> None:
        assert "tesseract " in engine.version()
