"""How many dots an inch a picture of a page has, whatever its tag says: programs write 72 or 96 into what they did not
scan, and enlarge what they did. In a worker process."""

from __future__ import annotations

from collections.abc import Callable

from pipeline import imaging
from pipeline.imaging import Pixels
from pipeline.soundness import MM, size_warnings

LEAST_DPI = 50
"""Tags below it mean that nothing is known."""
A4_LONG_IN = 11.69
LARGEST_MM = 450
"""Longer sheets than A3 come from few scanners, and from many tags that nobody set."""
SMALLEST_PRINT_MM, USUAL_PRINT_MM, LARGEST_PRINT_MM = 1.7, 3.05, 4.4
"""Mean height of letters and their marks: 3.05 in a letter of 13 points, 2.05 on an identity card."""
SHEET = (1.31, 1.54)
"""How many times as long as wide the sheets of ISO 216 are (1.41), a bit more or less for how they were cut; a card is
1.59."""


def true_dpi(tagged: float, size: tuple[int, int], letter_px: Callable[[], float]) -> float:
    """Of a picture of so many pixels. letter_px: the mean height of its letters, 0 where there are too few; asked only
    where the tag gives no usual sheet.

    A tag is not believed that makes print smaller than any, or a sheet larger than A3 with letters as large: then the
    picture is an A4 sheet, or has letters of the usual height where that makes no sense either. So has one without a
    tag that is not shaped like A4.
    """
    short, long = sorted(size)
    as_a4 = long / A4_LONG_IN
    told = tagged if tagged >= LEAST_DPI else as_a4
    if "odd_size" not in size_warnings(*size, told):
        return told
    letter = letter_px()
    print_mm = letter / told * MM
    too_small = 0 < print_mm < SMALLEST_PRINT_MM and SHEET[0] < long / max(1, short) < SHEET[1]
    too_large = long / told * MM > LARGEST_MM and not 0 < print_mm < LARGEST_PRINT_MM
    if tagged >= LEAST_DPI and not (too_small or too_large):
        return told
    usual = tagged >= LEAST_DPI and SMALLEST_PRINT_MM < letter / as_a4 * MM < LARGEST_PRINT_MM
    return as_a4 if usual or not letter else max(LEAST_DPI, letter / USUAL_PRINT_MM * MM)


def at_least(tagged: float, size: tuple[int, int]) -> float:
    """What the picture surely has, before it is decoded."""
    as_a4 = max(size) / A4_LONG_IN
    if tagged < LEAST_DPI or max(size) / tagged * MM <= LARGEST_MM:
        return tagged if tagged >= LEAST_DPI else as_a4
    return as_a4 if tagged < 150 else min(tagged, as_a4)


def letter_px(pixels: Pixels) -> float:
    """The mean height of the letters in a picture, in its pixels; 0 where there are too few to tell."""
    small, factor = imaging.reduce(pixels)
    return imaging.measure(imaging.to_ocr_gray(small)).letter / factor
