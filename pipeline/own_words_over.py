"""Pages that have words of their own and pictures: what of the pictures is still to be read. Runs in a worker process.

A line that a program wrote on a scan (a signature's, a stamp of arrival, "page 1 of 3") does not make it born-digital;
words that stand where a picture has print were read off it before. Judged by ink and places, not by counting words.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np

from pipeline import imaging
from pipeline.imaging import Gray, Pixels
from pipeline.own_text import OwnText
from pipeline.page_source import PageImage
from registry.values import Box

MOST_OF_PAGE = 0.5
"""Pictures of so much of a page may be a scan of it."""
FEWEST_LETTERS = 8
"""Less print in a picture is not looked for."""
AROUND = 0.2
"""Letters reach beyond their boxes by so much of their height."""


def scan_below(page: PageImage) -> PageImage | None:
    """The page without its own words, where it shows more letters than they have: a scan on which some were written, or
    print that was drawn as curves. None for a born-digital page."""
    if not page.own_text:
        return None
    bare = without_own_words(page)
    told = sum(c.isalnum() for word in page.own_text for c in word.text)
    return bare if _letters(bare, beside=_small(page.scanned)) > max(told, FEWEST_LETTERS) else None


def have_print(bare: PageImage) -> bool:
    """Whether the pictures of a page without its own words show as much as a line of print."""
    return _letters(bare, within=bare.scanned) >= FEWEST_LETTERS


def _letters(bare: PageImage, *, within: Sequence[Box] | None = None, beside: Sequence[Box] = ()) -> int:
    """About how many letters a page shows in some of its places, or beside them."""
    small, _ = imaging.reduce(bare.pixels)
    gray = imaging.to_ocr_gray(small)
    gray = gray if within is None else only(gray, within)
    for rows, columns in (_place(gray, box) for box in beside):
        gray[rows, columns] = imaging.WHITE
    _, boxes = imaging.letters((gray < imaging.INK_LEVEL).astype(np.uint8))
    return int((boxes[:, cv2.CC_STAT_HEIGHT] >= 4).sum())


def _small(pictures: Sequence[Box]) -> Sequence[Box]:
    """Pictures that are no scan of the page, also together: scanners cut a page into strips."""
    covered = np.zeros((100, 100), np.uint8)
    for box in pictures:
        covered[_place(covered, box)] = 1
    return pictures if covered.mean() < MOST_OF_PAGE else ()


def without_own_words(page: PageImage) -> PageImage:
    """The same with its own words painted over in the shade around them; page.own_text is empty."""
    pixels: Pixels = page.pixels.copy()
    for word in page.own_text:
        _paint_over(pixels, word)
    return replace(page, pixels=pixels, own_text=())


def only(gray: Gray, places: Sequence[Box]) -> Gray:
    """The page with nothing but what lies in these places, in fractions of it."""
    left = np.full_like(gray, imaging.WHITE)
    for rows, columns in (_place(gray, box) for box in places):
        left[rows, columns] = gray[rows, columns]
    return left


def _place(gray: Gray, box: Box) -> tuple[slice, slice]:
    height, width = gray.shape
    return (
        slice(int(box.top * height), int(np.ceil(box.bottom * height))),
        slice(int(box.left * width), int(np.ceil(box.right * width))),
    )


def _paint_over(pixels: Pixels, word: OwnText) -> None:
    height, width = pixels.shape[:2]
    around = max(2.0, AROUND * (word.bottom - word.top) * height)
    top, bottom = max(0, int(word.top * height - around)), int(word.bottom * height + around) + 1
    left, right = max(0, int(word.left * width - around)), int(word.right * width + around) + 1
    place = pixels[top:bottom, left:right]
    if place.size:
        edges = np.concatenate([place[0], place[-1], place[:, 0], place[:, -1]])
        place[...] = np.percentile(edges, 75, axis=0).astype(np.uint8)
