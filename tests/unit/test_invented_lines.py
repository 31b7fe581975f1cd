"""The lines that the reader of lines is trained on: what is told stands on the picture, and can be told."""

from __future__ import annotations

import unicodedata
from pathlib import Path
from random import Random

import numpy as np

from tools.recogniser import text
from tools.recogniser.fonts import known
from tools.recogniser.lines import line
from tools.recogniser.spoiling import HEIGHT


def test_every_letter_of_vietnamese_can_be_told() -> None:
    for vowel in "aăâeêioôơuưyAĂÂEÊIOÔƠUƯY":
        for tone in text.TONES:
            assert unicodedata.normalize("NFC", vowel + tone) in text.CHARACTERS
    assert len(set(text.CHARACTERS)) == len(text.CHARACTERS)


def test_words_are_of_all_kinds_and_as_long_as_wanted() -> None:
    r = Random(1)
    lines = [text.words(r, 40) for _ in range(500)]
    assert all(set(told) <= set(text.CHARACTERS) and len(told) <= 40 for told in lines)
    together = " ".join(lines)
    assert set("0123456789/,.ăâđêôơưẠỆỘ") <= set(together)
    assert unicodedata.is_normalized("NFC", together)
    values = [text.value(r, 20) for _ in range(300)]
    assert sum(v.replace(" ", "").isdigit() for v in values) > 10


def test_lines_are_dark_on_light_and_the_same_for_the_same_seed() -> None:
    folder = Path("/nowhere")
    assert known(folder).office, "the fonts that every installation has"
    for seed in range(60):
        picture, told = line(Random(seed), folder, 30)
        assert picture.shape[0] == HEIGHT and picture.dtype == np.uint8
        again, same = line(Random(seed), folder, 30)
        assert told == same and np.array_equal(picture, again)
        if told:
            assert np.percentile(picture, 1) < np.percentile(picture, 70)
