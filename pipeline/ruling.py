"""What is drawn on a page and is no letter: rules, table frames, rows of boxes for digits, leader dots, codes.

They are found so that the reader's picture can be freed of them, and tell which words stand in one cell. Lengths are in
pixels of a level page of 200 dpi, at which a line of print is 25 to 45 high.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from pipeline.imaging import INK_LEVEL, WHITE, Gray, components

DRAWN_LEVEL = 200
"""Rules are often paler than print."""
LONG, SURE, TALL = 55, 160, 46
"""The shortest rule across, the shortest that no row of serifs grown together is as long as, and the shortest down."""
THICKEST = 9
SIDE = 26
"""The shortest side of a box for a digit; counts only between two rules."""
DOT, DASH, NEXT_DOT, LEADER = 7, 40, 15, 40
"""A dot's height, a dash's width, how far the next one is at most, and the shortest row of them."""
FULL_PAGE = 0.5
CODE_SIDES, CODE_GAP, CODE_FULL = (85, 340), 9, 0.8
"""A code of little squares: its sides, the widest white in it, and how much of it is ink or such white."""


@dataclass(frozen=True, slots=True)
class Cell:
    """The inside of a box, in pixels."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def width(self) -> int:
        return self.right - self.left

    @property
    def height(self) -> int:
        return self.bottom - self.top


@dataclass(frozen=True, slots=True)
class Ruling:
    """drawn: 1 where there is a rule or a leader dot. cells: boxes of tables. combs: rows of boxes, a digit each."""

    drawn: Gray
    cells: tuple[Cell, ...]
    combs: tuple[tuple[Cell, ...], ...]


def find_ruling(level: Gray) -> Ruling:
    """What is drawn on a level, evenly lit page."""
    dark = (level < DRAWN_LEVEL).astype(np.uint8)
    black = (level < INK_LEVEL).astype(np.uint8)
    across = _thin(_open(_close(dark, 3, 1), SURE, 1) | _open(black, LONG, 1), 1, THICKEST)
    down = _thin(_open(_close(dark, 1, 3), 1, TALL), THICKEST, 1) | _sides(dark, across)
    cells = _cells(across | down)
    combs = _combs(cells)
    in_combs = {cell for comb in combs for cell in comb}
    rules = cv2.dilate(across | down, np.ones((3, 3), np.uint8))
    return Ruling(
        rules | _leaders(dark & (1 - rules)) | _codes(black), tuple(c for c in cells if c not in in_combs), combs
    )


def without_ruling(level: Gray, ruling: Ruling) -> Gray:
    """The page with white in place of what is drawn on it; a letter's stroke that crosses a rule stays whole."""
    if not ruling.drawn.any():
        return level
    letters = ((level < INK_LEVEL) & (ruling.drawn == 0)).astype(np.uint8)
    crossing = _close(letters, 1, THICKEST) & ruling.drawn
    return np.where((ruling.drawn > 0) & (crossing == 0), np.uint8(WHITE - 5), level)


def _leaders(dark: Gray) -> Gray:
    """Rows of dots or dashes, a little larger than they are."""
    labels, stats = components(dark)
    small = (stats[:, cv2.CC_STAT_HEIGHT] <= DOT) & (stats[:, cv2.CC_STAT_WIDTH] <= DASH)
    small[0] = False
    dots = np.take(small.view(np.uint8), labels)
    rows = _open(_close(dots, NEXT_DOT, 1), LEADER, 1)
    return np.asarray(cv2.dilate(dots & cv2.dilate(rows, np.ones((5, 1), np.uint8)), np.ones((3, 3), np.uint8)))


def _codes(black: Gray) -> Gray:
    """Codes of little squares, whole: print has more white between its lines."""
    small = cv2.resize(black, None, fx=1 / 3, fy=1 / 3, interpolation=cv2.INTER_AREA)
    grown = _close(small, CODE_GAP // 3, CODE_GAP // 3)
    _, stats = components(grown, connectivity=4)
    codes = np.zeros_like(black)
    for x, y, w, h, area in stats[1:] * np.array([3, 3, 3, 3, 9]):
        square = CODE_SIDES[0] <= min(w, h) and max(w, h) <= CODE_SIDES[1] and max(w, h) < 1.25 * min(w, h)
        if square and area > CODE_FULL * w * h:
            codes[max(0, y - 6) : y + h + 6, max(0, x - 6) : x + w + 6] = 1
    return codes


def _sides(dark: Gray, across: Gray) -> Gray:
    """Short upright strokes that go from one rule to another: the sides of boxes for digits."""
    sides = np.zeros_like(dark)
    rows = np.flatnonzero(across.any(axis=1))
    if len(rows) == 0 or rows[-1] - rows[0] < SIDE:
        return sides
    between = slice(int(rows[0]), int(rows[-1]) + 1)  # most of a page has no rule above, or none below
    upright = _thin(_open(dark[between], 1, SIDE), THICKEST, 1)
    reach = cv2.dilate(across[between], np.ones((7, 3), np.uint8))
    labels, stats = components(upright)
    for n, (x, y, w, h, _area) in enumerate(stats[1:], 1):
        if reach[y, x : x + w].any() and reach[y + h - 1, x : x + w].any():
            sides[between][y : y + h, x : x + w] |= labels[y : y + h, x : x + w] == n
    return sides


def _cells(frame: Gray) -> tuple[Cell, ...]:
    """The boxes that rules enclose, none that is most of the page or holds another one."""
    joined = cv2.dilate(frame, np.ones((5, 5), np.uint8))
    contours, tree = cv2.findContours(joined, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    found = []
    for n, contour in enumerate(contours):
        if tree[0][n][3] < 0:
            continue
        x, y, w, h = cv2.boundingRect(contour)
        if w < 12 or h < 18 or w * h > FULL_PAGE * frame.size or cv2.contourArea(contour) < 0.7 * w * h:
            continue
        found.append(Cell(x, y, x + w, y + h))
    return tuple(c for c in found if not any(_holds(c, other) for other in found))


def _holds(outer: Cell, inner: Cell) -> bool:
    return (
        outer is not inner
        and outer.left <= inner.left
        and outer.top <= inner.top
        and outer.right >= inner.right
        and outer.bottom >= inner.bottom
    )


def _combs(cells: Sequence[Cell]) -> tuple[tuple[Cell, ...], ...]:
    """At least four narrow cells of one size side by side."""
    narrow = sorted(
        (c for c in cells if 18 <= c.height <= 75 and 0.3 * c.height <= c.width <= 1.6 * c.height),
        key=lambda c: (c.top // 20, c.left),
    )
    rows: list[list[Cell]] = []
    for cell in narrow:
        for row in rows:
            last = row[-1]
            if (
                abs(last.top - cell.top) <= 8
                and 0 <= cell.left - last.right <= 14
                and abs(last.height - cell.height) <= 8
                and max(last.width, cell.width) <= 1.4 * min(last.width, cell.width)
            ):
                row.append(cell)
                break
        else:
            rows.append([cell])
    return tuple(tuple(row) for row in rows if len(row) >= 4)


def _thin(lines: Gray, width: int, height: int) -> Gray:
    """Without what is thicker."""
    kernel = np.ones((height, width), np.uint8)
    thick = cv2.dilate(cv2.morphologyEx(lines, cv2.MORPH_OPEN, kernel), kernel)
    return np.asarray(lines & (1 - thick), dtype=np.uint8)


def _open(mask: Gray, width: int, height: int) -> Gray:
    return np.asarray(cv2.morphologyEx(mask, cv2.MORPH_OPEN, np.ones((height, width), np.uint8)))


def _close(mask: Gray, width: int, height: int) -> Gray:
    return np.asarray(cv2.morphologyEx(mask, cv2.MORPH_CLOSE, np.ones((height, width), np.uint8)))
