"""What is read at once: the lines of one height, set side by side in one picture as close as words of a line.

A cell of a table with one digit in it is hardly read alone, and well between its neighbours.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from pipeline.imaging import INK_LEVEL, Gray
from pipeline.lines import MARGIN, Line
from pipeline.ruling import Cell

PAPER = 250
SPACE = 0.6
"""Between two lines set side by side, in letter heights: no wider than between words, or the engine takes words of one
line for one."""
SAME_HEIGHT, SAME_SIZE = 0.4, 1.5
"""Lines stand at one height whose middles are so many letter heights apart, and whose letters are so many times as high
at most."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A line's place: number counts the lines of the page; start to end in the strip, `left` on the page."""

    number: int
    start: int
    end: int
    left: int


@dataclass(frozen=True, slots=True)
class Strip:
    """picture: what is to be read. top: where it begins on the page. letter, base: of its print, in its pixels."""

    picture: Gray
    pieces: tuple[Piece, ...]
    top: int
    letter: float
    base: float

    def piece_at(self, x: float) -> Piece:
        """The line that stands at this column of the picture."""
        return min(self.pieces, key=lambda p: max(p.start - x, x - p.end, 0))


def strips(lines: Sequence[Line]) -> list[Strip]:
    """Every line in one strip, from top to bottom."""
    rows: list[list[Line]] = []
    for line in sorted(lines, key=_middle):
        row = next((r for r in rows[-4:] if _fits(r, line)), None)
        if row is None:
            rows.append([line])
        else:
            row.append(line)
    found, number = [], 0
    for row in rows:
        found.append(_strip(sorted(row, key=lambda line: line.left), number))
        number += len(row)
    return found


def outside(lines: Iterable[Line], combs: Sequence[Sequence[Cell]]) -> list[Line]:
    """The lines that are no digit in a row of boxes."""
    return [line for line in lines if not any(_inside(line, comb) for comb in combs)]


def digits_of(comb: Sequence[Cell], level: Gray) -> tuple[Strip, int]:
    """The digits of a row of boxes, close together as in a number, and how many boxes are filled in."""
    digits = [_digit(level[c.top + 2 : c.bottom - 2, c.left + 2 : c.right - 2]) for c in comb]
    filled = [d for d in digits if d is not None]
    high = max((d.shape[0] for d in filled), default=1)
    edge = np.full((high, MARGIN), PAPER, np.uint8)
    picture = np.hstack([edge, *(_padded(d, 0, high - d.shape[0]) for d in filled), edge])
    inked = np.flatnonzero((picture < INK_LEVEL).any(axis=1))
    base = float(inked[-1]) + 1 if len(inked) else high
    piece = Piece(0, 0, picture.shape[1], comb[0].left)
    return Strip(np.ascontiguousarray(picture), (piece,), comb[0].top + 2, 0.8 * len(inked), base), len(filled)


def _digit(inside: Gray) -> Gray | None:
    """Without the white at its sides; None of an empty box."""
    inked = np.flatnonzero((inside < INK_LEVEL).sum(axis=0) >= 2)
    if len(inked) < 2:
        return None
    digit = inside[:, inked[0] : inked[-1] + 1]
    return np.asarray(cv2.copyMakeBorder(digit, 0, 0, 2, 2, cv2.BORDER_CONSTANT, value=PAPER))


def _inside(line: Line, comb: Sequence[Cell]) -> bool:
    x, y = (line.left + line.right) / 2, _middle(line)
    return comb[0].left <= x <= comb[-1].right and comb[0].top <= y <= comb[0].bottom


def _middle(line: Line) -> float:
    return (line.top + line.bottom) / 2


def _fits(row: Sequence[Line], line: Line) -> bool:
    letters = [line.letter, row[-1].letter]
    apart = abs(_middle(line) - statistics.fmean(map(_middle, row)))
    return apart < SAME_HEIGHT * min(letters) and max(letters) < SAME_SIZE * min(letters)


def _strip(row: Sequence[Line], number: int) -> Strip:
    top, bottom = min(line.top for line in row), max(line.bottom for line in row)
    high = bottom - top + 2 * MARGIN
    space = np.full((high, max(2, int(SPACE * max(line.letter for line in row)))), PAPER, np.uint8)
    pictures: list[Gray] = []
    pieces = []
    x = 0
    for n, line in enumerate(row):
        if pictures:
            pictures.append(space)
            x += space.shape[1]
        above = line.top - top
        pictures.append(_padded(line.picture, above, high - above - line.picture.shape[0]))
        wide = line.picture.shape[1]
        pieces.append(Piece(number + n, x, x + wide, line.left - MARGIN))
        x += wide
    widest = max(row, key=lambda line: line.right - line.left)
    base = statistics.median(line.base for line in row) - top + MARGIN
    return Strip(np.ascontiguousarray(np.hstack(pictures)), tuple(pieces), top - MARGIN, widest.letter, base)


def _padded(picture: Gray, above: int, below: int) -> Gray:
    padded = cv2.copyMakeBorder(picture, above, max(0, below), 0, 0, cv2.BORDER_CONSTANT, value=PAPER)
    return np.asarray(padded[: above + picture.shape[0] + below] if below < 0 else padded)
