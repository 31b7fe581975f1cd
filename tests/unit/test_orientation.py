"""Which way up a page lies, and where its words lie on it then."""

from __future__ import annotations

import numpy as np
import pytest

from app.demo.papers import papers
from app.demo.scans import DPI, draw
from pipeline import imaging
from pipeline.imaging import Pixels
from pipeline.ocr import engine
from pipeline.orientation import UNKNOWN, Orientation, orientation
from pipeline.page_source import PageImage
from pipeline.placing import turned
from pipeline.text_layer import page_element
from registry.values import Box, PageText, Word

PAPER = np.asarray(draw(papers()[0]))


def told(pixels: Pixels, timeout_s: float = 60.0) -> Orientation:
    return orientation(PageImage(pixels, DPI), engine("auto", "vie"), dpi=200, timeout_s=timeout_s)


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
def test_a_page_is_told_to_lie_as_it_was_turned(turn: int) -> None:
    found = told(imaging.turn(PAPER, turn))
    assert found.rotation_deg == turn and found.better > 1.5


def test_of_a_blank_page_and_of_one_that_takes_too_long_nothing_is_told() -> None:
    assert told(np.full_like(PAPER, 246)) == UNKNOWN
    assert told(imaging.turn(PAPER, 90), timeout_s=0.0) == UNKNOWN


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
def test_a_word_lies_where_it_stands_on_the_turned_page(turn: int) -> None:
    page = np.zeros((400, 300), np.uint8)
    page[40:80, 30:150] = 1  # rows 40 to 80, columns 30 to 150
    shown = imaging.turn(page, turn)
    height, width = shown.shape
    box = turned(Box(left=30 / 300, top=40 / 400, right=150 / 300, bottom=80 / 400), turn)
    rows, columns = np.nonzero(shown)
    found = (box.left * width, box.top * height, box.right * width, box.bottom * height)
    assert found == pytest.approx((columns.min(), rows.min(), columns.max() + 1, rows.max() + 1))


def test_lines_keep_their_order_and_words_their_line() -> None:
    words = [
        Word(text=text, box=Box(left=0.1 * n, top=0.5, right=0.1 * n + 0.05, bottom=0.6), confidence=0.9, line=line)
        for n, (text, line) in enumerate([("một", 3), ("hai", 3), ("ba", 1)])
    ]
    read = PageText(index=4, text="", confidence=0.9, words=tuple(words))
    tree = page_element(read, 1000, 2000, 300, turned_deg=90)
    assert [[w.text for w in line.children] for line in tree.children] == [["một", "hai"], ["ba"]]
    assert tree.page_number == 4 and {line.textangle for line in tree.children} == {270}
