"""The fonts of the text layer: OCRmyPDF's, its usual one first as the part of it that a paper needs.

The whole font has 3,700 glyphs and the rules of many scripts; reading it, and cutting a paper's few dozen letters out
of it, took half of what the PDF/A costs. HarfBuzz cuts beforehand in a thousandth of a second. Same letters and widths.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import ClassVar

import uharfbuzz
from ocrmypdf.font import BuiltinFontProvider, ChainedFontProvider, FontManager, MultiFontManager, SystemFontProvider

USUAL, PART = "NotoSans-Regular", "NotoSans-Part"
LAYOUT = {int.from_bytes(table, "big") for table in (b"GSUB", b"GPOS", b"GDEF")}
"""Ligatures and kerning: words of Latin letters are not shaped, those of other scripts are in other fonts."""


class LayerFonts(MultiFontManager):  # type: ignore[misc]
    """Chooses a word's font. folder: where the part lies as a file, as long as these fonts are used; letters: those of
    the words."""

    FALLBACK_FONTS: ClassVar[list[str]] = [PART, *MultiFontManager.FALLBACK_FONTS]

    def __init__(self, folder: Path, letters: Iterable[str]) -> None:
        place = folder / f"{PART}.ttf"
        place.write_bytes(part_of_usual_font(letters))
        super().__init__(font_provider=_Provider(FontManager(place)))


class _Provider(ChainedFontProvider):  # type: ignore[misc]
    def __init__(self, part: FontManager) -> None:
        super().__init__(_others())
        self._part = part

    def get_font(self, font_name: str) -> FontManager | None:
        return self._part if font_name == PART else super().get_font(font_name)


@lru_cache(maxsize=1)
def _others() -> list[BuiltinFontProvider | SystemFontProvider]:
    """Those that OCRmyPDF takes; they know the machine's fonts once they were asked."""
    return [BuiltinFontProvider(), SystemFontProvider()]


def part_of_usual_font(letters: Iterable[str]) -> bytes:
    """The usual font with these letters only, as far as it has them."""
    asked = uharfbuzz.SubsetInput()
    asked.unicode_set.update({ord(" "), *map(ord, letters)})
    asked.drop_table_tag_set.update(LAYOUT)
    asked.flags = uharfbuzz.SubsetFlags.NO_HINTING | uharfbuzz.SubsetFlags.NOTDEF_OUTLINE
    whole = _others()[0].get_font(USUAL)
    return bytes(uharfbuzz.subset(whole.hb_face, asked).blob.data)
