"""Whether a page is blank, by its marks. Runs where the page is read, in a worker process.

Paper is never clean: the other side shines through; holes, staples, specks, folds, streaks and the scanner's bed leave
marks. What was written or stamped on this side differs from them in being sharp or dark, of the size of letters that
stand together, or of strokes. How faint it is does not matter.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import cv2
import numpy as np

from pipeline import imaging
from pipeline.imaging import Gray, Pixels

MM = 25.4
DPI = 150
"""Marks are measured at this resolution: an edge of a tenth of a millimetre and one of three tenths still differ."""
LEAST_STEP = 10
"""Darker than paper of 250 by so much, and by four times the noise, is a mark."""
SHARP_MM, DARK = 0.18, 110
"""Edges (sigma) of what shines through are never so sharp, and it is never so dark; faint print is sharp."""
MARGIN_MM, HOLE_MM, CORNER_MM = 10.0, 7.5, 25.0
"""Outside of margins and corners (staples), and larger than punched holes, nothing but writing leaves large marks."""
TOGETHER_MM, LETTERS = 3.0, 4
"""So many marks of the size of letters, none farther from the next: measured 3 at most on 115 blank backs, 38 at least
on pages of faint print."""
MOST = 1500


@dataclass(frozen=True, slots=True)
class Mark:
    """Something sharp or dark, in millimetres from the page's upper left corner."""

    left: float
    top: float
    width: float
    height: float


def is_blank(image: Pixels, dpi: float) -> bool:
    """Whether nothing was written, printed or stamped on this side of the paper."""
    found, size = _marks(image, dpi)
    inside = [m for m in found if _inside(m, size, MARGIN_MM)]
    if any(_is_stroke(m, size) for m in inside):
        return False
    return _most_together([m for m in inside if _is_letter(m)]) < LETTERS


def _marks(image: Pixels, dpi: float) -> tuple[list[Mark], tuple[float, float]]:
    """What is sharp or dark, and the page's width and height."""
    page = _even(image, dpi)
    dark = cv2.subtract(np.full_like(page, 250), page)
    level = float(np.median(dark))
    noise = float(np.median(cv2.absdiff(dark, np.full_like(dark, round(level)))))
    ink = dark > level + max(LEAST_STEP, 4 * noise)
    mask = (ink & (_sharp(page, dark) | (dark > DARK))).astype(np.uint8)
    _, _, boxes, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    boxes = boxes[1:][(boxes[1:, cv2.CC_STAT_HEIGHT] >= 4) & (boxes[1:, cv2.CC_STAT_WIDTH] >= 3)]
    boxes = boxes[np.argsort(-boxes[:, cv2.CC_STAT_AREA], kind="stable")][:MOST]
    mm = MM / DPI
    found = [Mark(left * mm, top * mm, wide * mm, high * mm) for left, top, wide, high in boxes[:, :4].tolist()]
    return found, (page.shape[1] * mm, page.shape[0] * mm)


def _sharp(page: Gray, dark: Gray) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    """Where an edge of sigma SHARP_MM or less is near: a step h blurred by s rises by h / (s * sqrt(2 pi)) at most."""
    across, down = cv2.Sobel(page, cv2.CV_16S, 1, 0), cv2.Sobel(page, cv2.CV_16S, 0, 1)
    slope = cv2.max(cv2.convertScaleAbs(across, alpha=1 / 4), cv2.convertScaleAbs(down, alpha=1 / 4))  # half a step
    least = cv2.convertScaleAbs(cv2.dilate(dark, np.ones((5, 5), np.uint8)), alpha=2 / (2.507 * SHARP_MM / MM * DPI))
    steep = (slope >= cv2.max(least, 4)).astype(np.uint8)
    return np.asarray(cv2.dilate(steep, np.ones((3, 3), np.uint8)) > 0)


def _even(image: Pixels, dpi: float) -> Gray:
    """The darkest colour of each place, so that red and blue ink count as black does, on paper of one brightness."""
    darkest = image if image.ndim == 2 else cv2.min(cv2.min(image[..., 0], image[..., 1]), image[..., 2])
    return imaging.normalise(imaging.hide_surroundings(imaging.rescale(darkest, DPI / dpi)))


def _inside(mark: Mark, size: tuple[float, float], margin: float) -> bool:
    right, bottom = mark.left + mark.width, mark.top + mark.height
    return mark.left >= margin and mark.top >= margin and right <= size[0] - margin and bottom <= size[1] - margin


def _is_stroke(mark: Mark, size: tuple[float, float]) -> bool:
    """Larger than a punched hole, and neither a fold or streak nor a staple: a signature, a stamp, a word."""
    if max(mark.width, mark.height) < HOLE_MM or min(mark.width, mark.height) < 3:
        return False
    x, y = mark.left + mark.width / 2, mark.top + mark.height / 2
    return not (min(x, size[0] - x) < CORNER_MM and min(y, size[1] - y) < CORNER_MM)


def _is_letter(mark: Mark) -> bool:
    """Of a letter's or short word's size; what is thinner is a piece of a streak, and smaller a speck."""
    return min(mark.width, mark.height) >= 0.7 and max(mark.width, mark.height) >= 0.9 and mark.height <= 12


def _most_together(found: list[Mark]) -> int:
    """How many marks the largest group has, in which each stands near another."""
    if not found:
        return 0
    boxes = np.array([(m.left, m.top, m.left + m.width, m.top + m.height) for m in found])
    gaps = [
        np.maximum(0, np.maximum(boxes[:, None, k] - boxes[None, :, k + 2], boxes[None, :, k] - boxes[:, None, k + 2]))
        for k in (0, 1)
    ]
    _, groups = _connected(np.hypot(*gaps) <= TOGETHER_MM)
    return max(Counter(groups).values())


def _connected(near: np.ndarray[tuple[int, int], np.dtype[np.bool_]]) -> tuple[int, list[int]]:
    """The number of groups, and the group of each."""
    group = [-1] * len(near)
    number = 0
    for start in range(len(near)):
        if group[start] >= 0:
            continue
        group[start], waiting = number, [start]
        while waiting:
            for other in np.nonzero(near[waiting.pop()])[0].tolist():
                if group[other] < 0:
                    group[other] = number
                    waiting.append(other)
        number += 1
    return number, group
