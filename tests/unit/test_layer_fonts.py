"""The fonts of the text layer: the part that is cut out is as wide as the whole, other letters are found as ever."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import pytest
from fontTools import ttLib

from pipeline.layer_fonts import PART, USUAL, LayerFonts

WORDS = ("CỘNG", "Nguyễn", "Nguyễn", "đường", "12/QĐ-UBND", "“Điều”", "…", "5.000₫", "Ω", "Привет", "½")
ARABIC = "\u0628\u064a\u062a"


@pytest.fixture
def fonts(tmp_path: Path) -> LayerFonts:
    return LayerFonts(tmp_path, {letter for word in (*WORDS, ARABIC) for letter in word})


def test_the_part_is_as_wide_as_the_whole(fonts: LayerFonts) -> None:
    part, whole = (_widths(fonts.font_provider.get_font(name).font_data) for name in (PART, USUAL))
    needed = {ord(letter) for word in (" ", *WORDS) for letter in word}
    assert part == {code: whole[code] for code in needed}


@pytest.mark.parametrize("word", WORDS)
def test_words_are_written_with_the_part(fonts: LayerFonts, word: str) -> None:
    assert fonts.select_font_for_word(word, "vie").font_path.stem == PART


def test_letters_of_no_font_are_laid_all_the_same(fonts: LayerFonts) -> None:
    for word in ("\U000f0000", ARABIC):
        assert fonts.select_font_for_word(word, "vie").font_path.stem not in (PART, USUAL)


def _widths(font: bytes) -> dict[int, int]:
    opened = ttLib.TTFont(BytesIO(font))
    advances = opened["hmtx"]
    return {code: advances[glyph][0] for code, glyph in opened.getBestCmap().items()}
