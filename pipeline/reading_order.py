"""The order in which a person reads an administrative page: left head column, right head column, body, then
"Nơi nhận" at the left and the signature block at the right (NĐ 30/2020/NĐ-CP, Annex I); tables row by row.

A head is known by the state's name: what stands left of it is the left column, down to the first line across both.
Elsewhere two blocks stand side by side where one of them is set on its middle, as signatures are; fields of a form that
share a row are set on their left edges, and are read along it.
"""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from rapidfuzz import fuzz

from pipeline.describing.text import fold
from pipeline.ocr import RawWord
from pipeline.ruling import Cell

WIDE_GAP = 1.6
"""A gap of so many letter heights parts two segments of a line."""
GUTTER = 0.8
"""The white between two columns has at least so many letter heights."""
FAR = 11
"""So many letter heights below its neighbour, a line of one column begins something else: between a signatory's title
and name there is room for signature and seal."""
MOST_COLUMNS = 4
HEAD_ROWS = 6
"""The state's name stands in one of the first so many rows."""
_NATION = ("cong hoa xa hoi chu nghia viet nam", "doc lap tu do hanh phuc")


@dataclass(frozen=True)
class _Segment:
    """Words of a line without a wide gap between them, or all lines of a table."""

    words: tuple[RawWord, ...]
    rows: tuple[tuple[RawWord, ...], ...] = ()
    """The lines of a table, in order."""

    @cached_property
    def left(self) -> int:
        return min(w.left for w in self.words)

    @cached_property
    def right(self) -> int:
        return max(w.right for w in self.words)

    @cached_property
    def top(self) -> int:
        return min(w.top for w in self.words)

    @cached_property
    def bottom(self) -> int:
        return max(w.bottom for w in self.words)

    @cached_property
    def middle(self) -> float:
        return statistics.fmean((w.top + w.bottom) / 2 for w in self.words)

    @property
    def centre(self) -> float:
        return (self.left + self.right) / 2


_Row = list[_Segment]


def in_reading_order(words: Sequence[RawWord], cells: Sequence[Cell] = ()) -> list[RawWord]:
    """The same words, lines numbered in reading order from 0. Words and cells in pixels of the level page."""
    if not words:
        return []
    letter = statistics.median(w.bottom - w.top for w in words)
    free, tables = _tables(words, cells, letter)
    segments = [s for line in _lines(free) for s in _parted(line, letter)] + tables
    ordered: list[RawWord] = []
    for number, line in enumerate(_in_order(_rows(segments), letter, MOST_COLUMNS)):
        ordered += [replace(w, line=number) for w in line]
    return ordered


def _in_order(rows: Sequence[_Row], letter: float, columns: int) -> Iterator[tuple[RawWord, ...]]:
    """Lines of words, blocks side by side one after the other."""
    at = 0
    while at < len(rows):
        if columns == MOST_COLUMNS and at < HEAD_ROWS and (head := _head(rows, at, letter)):
            left, right = head
            yield from _in_order(_rows(left), letter, 1)
            yield from _in_order(_rows(right), letter, 1)
            at = _rows_taken(rows, at, len(left) + len(right))
            continue
        end, gutter = _block(rows, at, letter) if columns > 1 else (at, 0.0)
        if end > at:
            for is_left in (True, False):
                yield from _in_order(_rows(_side(rows[at:end], gutter, is_left)), letter, columns - 1)
            at = end
            continue
        line: tuple[RawWord, ...] = ()
        for segment in rows[at]:
            if segment.rows:
                yield from ([line] if line else [])
                yield from segment.rows
                line = ()
            else:
                line += segment.words
        yield from ([line] if line else [])
        at += 1


def _head(rows: Sequence[_Row], start: int, letter: float) -> tuple[list[_Segment], list[_Segment]] | None:
    """The columns of the head that begins in this row; None where none does, or none stands beside the state's name."""
    state = next((s for row in rows[:HEAD_ROWS] for s in row if not s.rows and _is_nation(s.words, 0)), None)
    if state is None or state.centre < _middle_of_page(rows) + letter:
        return None
    left: list[_Segment] = []
    right: list[_Segment] = []
    for at, row in enumerate(rows[start:], start):
        parted = _head_row(row, state, left, letter)
        if parted is None or (at > start and _too_far(rows[at - 1], row, letter)):
            break
        label = _is_label(row[0])
        if row[0].top > state.bottom and not label:
            column = left if parted[0] else right
            if _are_fields(row) or (len(row) == 1 and not _goes_on(column, row[0], letter)):
                break
        left += parted[0]
        right += parted[1]
    beside = any(s.top < state.bottom + 3 * letter for s in left)
    return (left, right) if beside and state in right else None


def _head_row(
    row: _Row, state: _Segment, left: Sequence[_Segment], letter: float
) -> tuple[list[_Segment], list[_Segment]] | None:
    """The row's segments left of the state's name, and those right of all that stand there; None for one across."""
    before = [s for s in row if s.right <= state.left - GUTTER * letter]
    edge = max((s.right for s in (*left, *before)), default=0) + GUTTER * letter
    after = [s for s in row if s not in before]
    across = any(s.rows or s.left < edge or s.right < state.left or s.centre < state.left for s in after)
    return None if across or any(s.rows for s in before) else (before, after)


def _is_label(segment: _Segment) -> bool:
    """Whether a line of a head is a number or what the paper is about, which need not be on its column's middle."""
    return fold(" ".join(w.text for w in segment.words)).startswith(("so ", "quyen so", "mau ", "v/v", "ve viec"))


def _middle_of_page(rows: Sequence[_Row]) -> float:
    return (min(s.left for row in rows for s in row) + max(s.right for row in rows for s in row)) / 2


def _rows_taken(rows: Sequence[_Row], start: int, segments: int) -> int:
    """The row after those that hold so many segments from this one on."""
    at = start
    while segments > 0:
        segments -= len(rows[at])
        at += 1
    return at


def _is_nation(words: Sequence[RawWord], at: int) -> bool:
    """Whether the state's name, or its motto, begins with this word and takes the rest of the line."""
    if len(words) - at < 4:
        return False
    key = fold(" ".join(w.text for w in words[at:]))
    return any(abs(len(key) - len(told)) < 6 and fuzz.ratio(key, told) >= 80 for told in _NATION)


def _block(rows: Sequence[_Row], start: int, letter: float) -> tuple[int, float]:
    """Where two columns that begin in this row end, and the place between them; (start, 0) where there are none."""
    if len(rows[start]) < 2:
        return start, 0.0
    low, high, end = 0.0, float("inf"), start
    for row in rows[start:]:
        if any(s.rows for s in row) or (end > start and _too_far(rows[end - 1], row, letter)):
            break
        narrowed = _gutter(row, low, high, letter)
        if narrowed is None or _are_fields(row):
            break
        middle = sum(narrowed) / 2
        if len(row) == 1 and not _goes_on(_side(rows[start:end], middle, row[0].centre < middle), row[0], letter):
            break
        low, high = narrowed
        end += 1
    gutter = (low + high) / 2
    sides = [_side(rows[start:end], gutter, left) for left in (True, False)]
    if all(len(side) >= 2 for side in sides) and any(_is_centred(side, letter) for side in sides):
        return end, gutter
    return start, 0.0


def _side(rows: Sequence[_Row], gutter: float, left: bool) -> list[_Segment]:
    return [s for row in rows for s in row if (s.centre < gutter) == left]


def _are_fields(row: _Row) -> bool:
    """Labels with their values, one beside the other."""
    return len(row) > 1 and all(any(w.text.endswith(":") for w in s.words) for s in row)


def _goes_on(column: Sequence[_Segment], line: _Segment, letter: float) -> bool:
    """Whether a line that stands alone is set as the last lines of the column: on their middle or their left edge."""
    return any(min(abs(s.centre - line.centre), abs(s.left - line.left)) < letter for s in column[-2:])


def _gutter(row: _Row, low: float, high: float, letter: float) -> tuple[float, float] | None:
    """The white that is left between two columns when this row is added; None where it is crossed."""
    if len(row) == 1:
        segment = row[0]
        if segment.right <= high - GUTTER * letter and segment.centre < (low + high) / 2:
            return max(low, segment.right), high
        if segment.left >= low + GUTTER * letter and segment.centre > (low + high) / 2:
            return low, min(high, segment.left)
        return None
    gaps = [
        (max(low, a.right), min(high, b.left))
        for a, b in itertools.pairwise(row)
        if min(high, b.left) - max(low, a.right) >= GUTTER * letter
    ]
    return max(gaps, key=lambda g: g[1] - g[0]) if gaps else None


def _too_far(above: _Row, below: _Row, letter: float) -> bool:
    return min(s.top for s in below) - max(s.bottom for s in above) > FAR * letter


def _is_centred(side: Sequence[_Segment], letter: float) -> bool:
    """Whether lines of unlike width stand on one middle."""
    centres, lefts = [s.centre for s in side], [s.left for s in side]
    return _spread(centres) < min(0.5 * _spread(lefts), letter) and _spread(lefts) > 0.25 * letter


def _spread(values: Sequence[float]) -> float:
    middle = statistics.median(values)
    return statistics.fmean(abs(v - middle) for v in values)


def _rows(segments: Sequence[_Segment]) -> list[_Row]:
    """Segments at one height, from left to right; tables stand alone."""
    rows: list[_Row] = []
    for segment in sorted(segments, key=lambda s: s.top if s.rows else s.middle):
        last = rows[-1] if rows else None
        if last and not segment.rows and not last[-1].rows and _beside(last, segment):
            last.append(segment)
        else:
            rows.append([segment])
    return [sorted(row, key=lambda s: s.left) for row in rows]


def _beside(row: _Row, segment: _Segment) -> bool:
    middle = statistics.fmean(s.middle for s in row)
    height = min(*(s.bottom - s.top for s in row), segment.bottom - segment.top)
    crossed = any(min(s.right, segment.right) - max(s.left, segment.left) > 0.3 * height for s in row)
    return abs(segment.middle - middle) < 0.5 * height and not crossed


def _lines(words: Sequence[RawWord]) -> Iterator[list[RawWord]]:
    lines: dict[int, list[RawWord]] = {}
    for word in words:
        lines.setdefault(word.line, []).append(word)
    yield from lines.values()


def _parted(line: Sequence[RawWord], letter: float) -> Iterator[_Segment]:
    run: list[RawWord] = []
    inorder = sorted(line, key=lambda w: w.left)
    for at, word in enumerate(inorder):
        gap = word.left - max(w.right for w in run) if run else 0
        if run and (gap > WIDE_GAP * letter or (gap > GUTTER * letter and _is_nation(inorder, at))):
            yield _Segment(tuple(run))
            run = []
        run.append(word)
    yield _Segment(tuple(run))


def _tables(words: Sequence[RawWord], cells: Sequence[Cell], letter: float) -> tuple[list[RawWord], list[_Segment]]:
    """The words outside of tables, and each table as one segment, read row by row and cell by cell."""
    filled: dict[Cell, list[RawWord]] = {}
    free = []
    for word in words:
        x, y = (word.left + word.right) / 2, (word.top + word.bottom) / 2
        cell = next((c for c in cells if c.left <= x < c.right and c.top <= y < c.bottom), None)
        if cell is None:
            free.append(word)
        else:
            filled.setdefault(cell, []).append(word)
    tables: list[list[Cell]] = []
    for cell in sorted(filled, key=lambda c: (c.top, c.left)):
        near = [t for t in tables if any(_touch(cell, other) for other in t)]
        joined = [cell, *(c for t in near for c in t)]
        tables = [t for t in tables if t not in near] + [joined]
    found = []
    for table in tables:
        if len(table) < 2:
            free += filled[table[0]]
        else:
            found.append(_table(table, filled, letter))
    return free, found


def _touch(a: Cell, b: Cell, reach: int = 16) -> bool:
    return (
        a.left - reach < b.right and b.left - reach < a.right and a.top - reach < b.bottom and b.top - reach < a.bottom
    )


def _table(cells: Sequence[Cell], filled: dict[Cell, list[RawWord]], letter: float) -> _Segment:
    rows: list[list[Cell]] = []
    for cell in sorted(cells, key=lambda c: c.top):
        if rows and cell.top - rows[-1][0].top < 0.5 * letter:
            rows[-1].append(cell)
        else:
            rows.append([cell])
    lines: list[tuple[RawWord, ...]] = []
    for row in rows:
        inside = [_cell_lines(filled[cell], letter) for cell in sorted(row, key=lambda c: c.left)]
        if all(len(told) == 1 for told in inside):
            lines.append(tuple(w for told in inside for w in told[0]))
        else:
            lines += [line for told in inside for line in told]
    return _Segment(tuple(w for line in lines for w in line), tuple(lines))


def _cell_lines(words: Sequence[RawWord], letter: float) -> list[tuple[RawWord, ...]]:
    segments = [_Segment(tuple(sorted(line, key=lambda w: w.left))) for line in _lines(words)]
    return [tuple(w for s in row for w in s.words) for row in _rows(segments)]
