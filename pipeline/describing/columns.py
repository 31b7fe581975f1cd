"""People side by side: where a row names two, what stands below belongs to the one in whose column it stands.

Two kinds of forms print people so: those that repeat every label in each column, and tables with the labels in a column
of their own before the people's.
"""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.describing.layout import Row, Segment, Token
from pipeline.describing.name_places import name_places, names_somebody, role_in
from pipeline.describing.names import is_surname, name_trust

_SLACK = 0.03
"""How far, in page widths, a line may begin before its column or end behind it."""
_ALIGNED = 0.012
"""How far apart the beginnings of lines of one column are at most, in page widths."""
_SAME_HEIGHT, _STEP, _HEADING, _BESIDE = 0.75, 8.0, 6.0, 1.1
"""In letter heights: rows that a leaning page parted, the widest step within a form, how far above it what its columns
are called, how far off its cells a label of two lines may stand."""
_WIDER = 1.6
"""A blank so much wider than a line's usual one parts it at the edge of a column."""


@dataclass(frozen=True)
class Block:
    """Rows of people side by side. columns: each column's rows, from top to bottom; roles: what stands above it."""

    columns: tuple[tuple[Row, ...], ...]
    roles: tuple[str, ...]
    end: int
    """Index of the row below it."""


def block_at(rows: Sequence[Row], index: int) -> Block | None:
    """The block that begins at this row; None where the row does not name two people side by side."""
    top, width = _joined(rows, index)
    letter = _letter(top)
    edges = _labelled_edges(top, rows[index + width : index + width + 3])
    cells = () if edges else _cells_behind_a_label(top)
    if not edges and not cells:
        return None
    count = len(edges) or len(cells)
    columns: list[list[Row]] = [[] for _ in range(count)]
    end, last = index, top
    while end < len(rows):
        row, width = (top, width) if end == index else _joined(rows, end)
        if row.page != top.page or row.top - last.top > _STEP * letter:
            break
        parts = _by_edges(row, edges) if edges else _by_cells(row, cells, _near(rows, end, row, letter))
        if parts is None:
            break
        for column, part in zip(columns, parts, strict=True):
            if part:
                column.append(Row(tuple(part)))
        end, last = end + width, row
    return Block(tuple(map(tuple, columns)), _roles(rows[:index], top, edges, cells, letter), end)


def _letter(row: Row) -> float:
    return statistics.median(token.box.bottom - token.box.top for token in row.tokens)


def _joined(rows: Sequence[Row], index: int) -> tuple[Row, int]:
    """The row with the next, and 2, where they are one that a leaning page parted: side by side at one height."""
    row = rows[index]
    if index + 1 == len(rows) or rows[index + 1].page != row.page:
        return row, 1
    other = rows[index + 1]
    apart = all(a.right < b.left or b.right < a.left for a in row.segments for b in other.segments)
    if not apart or other.top - row.top > _SAME_HEIGHT * _letter(row):
        return row, 1
    return Row(tuple(sorted((*row.segments, *other.segments), key=lambda s: s.left))), 2


def _labelled_edges(row: Row, below: Sequence[Row]) -> tuple[float, ...]:
    """Where the columns of a form with labels in each begin: at the labels of names that open a segment, or that a
    line below is aligned with."""
    opens = {row.tokens[position].box.left for position in row.starts if position < len(row.tokens)}
    aligned = [segment.left for other in below for segment in other.segments]
    edges = [
        left
        for left in (row.tokens[position].box.left for position in name_places(row))
        if any(left - _SLACK < start <= left for start in opens)
        or any(abs(left - start) < _ALIGNED for start in aligned)
    ]
    return tuple(edges) if len(edges) > 1 and edges == sorted(edges) else ()


def _cells_behind_a_label(row: Row) -> tuple[Segment, ...]:
    """The cells with names in a row of a table whose first cell is a label; none for any other row."""
    label, *cells = row.segments
    if len(cells) < 2 or not names_somebody(label):
        return ()
    named = [name_trust([t.text.strip(".,;:") for t in cell.tokens if t.key]) for cell in cells]
    sure = any(trust and is_surname(cell.tokens[0].text) for trust, cell in zip(named, cells, strict=True))
    return tuple(cells) if sure and all(named) else ()


def _by_edges(row: Row, edges: Sequence[float]) -> list[list[Segment]] | None:
    """The row's segments by column, parted where they run into the next one; None for a line across columns."""
    columns: list[list[Segment]] = [[] for _ in edges]
    for segment in (part for whole in row.segments for part in _parted(whole, edges)):
        column = sum(segment.left >= edge - _SLACK for edge in edges[1:])
        if any(segment.right > edge + _SLACK for edge in edges[column + 1 :]):
            return None
        columns[column].append(segment)
    return columns


def _parted(segment: Segment, edges: Sequence[float]) -> list[Segment]:
    """The segment cut where a word begins at the edge of a column: the line beside it came close."""
    gaps = [b.box.left - a.box.right for a, b in itertools.pairwise(segment.tokens)]
    usual = statistics.median(gaps) if gaps else 0.0
    runs: list[list[Token]] = [list(segment.tokens[:1])]
    for position, (gap, token) in enumerate(zip(gaps, segment.tokens[1:], strict=True), 1):
        labelled = any(t.text.endswith(":") for t in segment.tokens[position : position + 6])
        opens = token.text[0].isupper() or token.text[0].isdigit()
        at_edge = any(abs(token.box.left - edge) < _ALIGNED for edge in edges)
        if at_edge and opens and (labelled or gap > _WIDER * usual):
            runs.append([])
        runs[-1].append(token)
    return [Segment(tuple(run)) for run in runs]


def _by_cells(row: Row, cells: Sequence[Segment], near: Sequence[Segment]) -> list[list[Segment]] | None:
    """The row's segments by the cell they stand below, each with the row's label before it; None for a line across."""
    columns: list[list[Segment]] = [[] for _ in cells]
    label = [segment for segment in near if _is_before(segment, cells)]
    for segment in row.segments:
        if any(segment.left < a.centre and segment.right > b.centre for a, b in itertools.pairwise(cells)):
            return None
        if not _is_before(segment, cells):
            ways = [min(abs(segment.left - cell.left), abs(segment.centre - cell.centre)) for cell in cells]
            columns[ways.index(min(ways))].append(segment)
    return [[*label, *column] if column else [] for column in columns]


def _is_before(segment: Segment, cells: Sequence[Segment]) -> bool:
    return segment.right < cells[0].left + _SLACK and segment.centre < cells[0].left


def _near(rows: Sequence[Row], index: int, row: Row, letter: float) -> list[Segment]:
    """Segments at this row's height or half a line beside it: a label of two lines stands above and below its cells."""
    around = rows[max(0, index - 2) : index + 4]
    return [
        segment
        for other in around
        if other.page == row.page and abs(other.top - row.top) < _BESIDE * letter
        for segment in other.segments
    ]


def _roles(
    above: Sequence[Row], top: Row, edges: Sequence[float], cells: Sequence[Segment], letter: float
) -> tuple[str, ...]:
    """Whom each column is about, as the lines above it call it; empty where they do not."""
    spans = [(cell.left, cell.right) for cell in cells] or list(itertools.pairwise((*edges, 1.0)))
    near = [r for r in above[-3:] if r.page == top.page and top.top - r.top < _HEADING * letter]
    found = []
    for left, right in spans:
        over = (s for r in near for s in r.segments if left - _SLACK < s.centre < right + _SLACK)
        found.append(next((role for s in over if len(s.key.split()) <= 5 and (role := role_in(s.key))), ""))
    return tuple(found)
