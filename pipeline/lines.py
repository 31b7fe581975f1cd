"""The lines of print and writing on a level page, found from its ink: each with a picture free of its neighbours.

Lengths are in pixels of a page of 200 dpi without ruling (pipeline.ruling), at which print of 13 points has letters of
18 to 27.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.imaging import Gray, components

INKY = 175
LOWEST, HIGHEST, WIDEST = 7, 85, 420
"""Height and width of a letter, or of letters grown together, as handwriting's are."""
LEAST_AREA = 10
USUAL = 20
"""The height of letters where a page has too few to tell."""
WORD_GAP = 1.7
"""A white of so many letter heights parts two lines."""
MARGIN = 5


@dataclass(frozen=True, slots=True)
class Line:
    """left, top, right, bottom: where its ink is on the page. letter: the usual height of its letters; base: where most
    of them stand.

    picture: its ink on white paper, MARGIN wider and higher on each side.
    """

    left: int
    top: int
    right: int
    bottom: int
    letter: float
    base: float
    picture: Gray


def find_lines(level: Gray, walls: Gray | None = None) -> list[Line]:
    """The page's lines, in no order. walls: 1 where a rule parts what stands left and right of it."""
    ink = (level < INKY).astype(np.uint8)
    labels, stats = components(ink)
    left, top, width, height, area = (stats[:, n] for n in range(5))
    fits = (height >= LOWEST) & (height <= HIGHEST) & (width <= WIDEST) & (area >= LEAST_AREA) & (width >= 2)
    fits &= area > 0.06 * width * height
    fits[0] = False
    usual = float(np.median(height[fits])) if int(fits.sum()) >= 20 else USUAL
    letters = fits & (height >= 0.5 * usual)
    rows = _rows(level.shape, stats, np.flatnonzero(letters), usual, walls)
    owner = np.zeros(len(stats), np.int32)
    owner[letters] = rows[(top + height // 2)[letters], (left + width // 2)[letters]]
    boxes = _boxes(stats, owner)
    alone = (boxes[:, 2] - boxes[:, 0] < usual) & (boxes[:, 3] - boxes[:, 1] < 0.8 * usual)
    owner[alone[owner]] = 0  # a comma stands too low to be beside its neighbours
    boxes = _boxes(stats, owner)
    _adopt(stats, np.flatnonzero((owner == 0) & (height < 0.9 * usual) & (width < 2.5 * usual)), owner, boxes)
    return _cut(level, labels, stats, owner)


def _rows(
    shape: tuple[int, ...], stats: NDArray[np.int32], letters: NDArray[np.int64], usual: float, walls: Gray | None
) -> NDArray[np.int32]:
    """A number for each run of letters that stand beside each other, at the middles of their boxes."""
    bands = np.zeros(shape, np.uint8)
    for n in letters:
        x, y, w, h, _ = stats[n]
        low, high = y + h * 3 // 10, y + h - h * 3 // 10
        bands[low : high + 1, x : x + w] = 1
    reach = int(WORD_GAP * usual) | 1
    bands = cv2.morphologyEx(bands, cv2.MORPH_CLOSE, np.ones((1, reach), np.uint8))
    if walls is not None:
        bands[walls > 0] = 0
    return components(bands, connectivity=4)[0]


def _boxes(stats: NDArray[np.int32], owner: NDArray[np.int32]) -> NDArray[np.int32]:
    """(left, top, right, bottom) of each run; empty runs are inside out."""
    count = int(owner.max()) + 1
    boxes = np.tile(np.array([1 << 30, 1 << 30, -1, -1], np.int32), (count, 1))
    mine = np.flatnonzero(owner)
    for column, sign in ((0, 1), (1, 1)):
        np.minimum.at(boxes[:, column], owner[mine], stats[mine, column] * sign)
    np.maximum.at(boxes[:, 2], owner[mine], stats[mine, 0] + stats[mine, 2])
    np.maximum.at(boxes[:, 3], owner[mine], stats[mine, 1] + stats[mine, 3])
    return boxes


def _adopt(
    stats: NDArray[np.int32], small: NDArray[np.int64], owner: NDArray[np.int32], boxes: NDArray[np.int32]
) -> None:
    """Marks, dots and crumbs belong to the line they are nearest to, or to none."""
    if len(boxes) < 2:
        return
    lines = boxes[1:].astype(np.float32)
    tall = lines[:, 3] - lines[:, 1]
    for n in small:
        x, y, w, h, _ = stats[n]
        beside = np.maximum(np.maximum(lines[:, 0] - x - w, x - lines[:, 2]), 0)
        apart = np.maximum(np.maximum(lines[:, 1] - y - h, y - lines[:, 3]), 0)
        middle = np.abs((lines[:, 1] + lines[:, 3]) / 2 - (y + h / 2))
        cost = apart * 4 + beside + middle * 0.2
        near = (apart <= 0.3 * tall) & (beside <= 0.6 * tall)
        if near.any():
            owner[n] = int(np.where(near, cost, np.inf).argmin()) + 1


def _cut(level: Gray, labels: NDArray[np.int32], stats: NDArray[np.int32], owner: NDArray[np.int32]) -> list[Line]:
    boxes = _boxes(stats, owner)
    found = []
    for number in range(1, len(boxes)):
        left, top, right, bottom = (int(v) for v in boxes[number])
        if right - left < 4:
            continue
        y0, y1 = max(0, top - MARGIN), min(level.shape[0], bottom + MARGIN)
        x0, x1 = max(0, left - MARGIN), min(level.shape[1], right + MARGIN)
        mine = cv2.dilate((owner[labels[y0:y1, x0:x1]] == number).astype(np.uint8), np.ones((5, 5), np.uint8))
        picture = np.where(mine > 0, level[y0:y1, x0:x1], np.uint8(250)).astype(np.uint8)
        picture = cv2.copyMakeBorder(
            picture, y0 - top + MARGIN, bottom + MARGIN - y1, x0 - left + MARGIN, right + MARGIN - x1,
            cv2.BORDER_CONSTANT, value=250,
        )  # fmt: skip
        inside = stats[(owner == number) & (stats[:, 3] >= LOWEST)]
        letter, base = float(np.median(inside[:, 3])), float(np.median(inside[:, 1] + inside[:, 3]))
        found.append(Line(left, top, right, bottom, letter, base, picture))
    return found
