"""A page's words as segments and rows: what stands together on paper, whatever order the engine read it in.

A segment is a run of words without a wide gap (a column of the head, one label with its value, a table cell); a
row is the segments that stand at the same height, from left to right.
"""

from __future__ import annotations

import itertools
import math
import re
import statistics
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from rapidfuzz import fuzz

from pipeline.describing.text import fold, upright
from registry.values import Box, PageText, Word

WIDE_GAP = 1.5
"""A gap wider than this many letter heights parts two segments; justified lines stay below it."""
_RULES = re.compile(r"[|¦_\[\]{}]+|\.{2,}|…+|·{2,}")
_GLUED = re.compile(r"(?<=[^\W\d_]):(?=\w)")
_NATION = "cong hoa xa hoi chu nghia viet nam"


@dataclass(frozen=True, slots=True)
class Token:
    """A word as it is read here: rules and leader dots gone, glued label and value parted."""

    text: str
    key: str
    box: Box
    confidence: float
    page: int
    top: float
    """Middle height with the page's lean taken out, in page heights."""


@dataclass(frozen=True)
class Segment:
    """Words that stand together."""

    tokens: tuple[Token, ...]

    @cached_property
    def text(self) -> str:
        return " ".join(token.text for token in self.tokens)

    @cached_property
    def key(self) -> str:
        return fold(self.text)

    @property
    def page(self) -> int:
        return self.tokens[0].page

    @property
    def left(self) -> float:
        return self.tokens[0].box.left

    @property
    def right(self) -> float:
        return self.tokens[-1].box.right

    @property
    def centre(self) -> float:
        return (self.left + self.right) / 2

    @cached_property
    def top(self) -> float:
        return statistics.fmean(token.top for token in self.tokens)

    @cached_property
    def capitals(self) -> float:
        """Share of capitals among the letters."""
        letters = [char for char in self.text if char.isalpha()]
        return sum(char.isupper() for char in letters) / len(letters) if letters else 0.0

    @property
    def centred(self) -> bool:
        return abs(self.centre - 0.52) < 0.1


@dataclass(frozen=True)
class Row:
    segments: tuple[Segment, ...]

    @cached_property
    def tokens(self) -> tuple[Token, ...]:
        return tuple(token for segment in self.segments for token in segment.tokens)

    @cached_property
    def starts(self) -> frozenset[int]:
        """Positions of the tokens with which a segment begins."""
        ends = itertools.accumulate(len(segment.tokens) for segment in self.segments)
        return frozenset({0, *ends})

    @property
    def page(self) -> int:
        return self.segments[0].page

    @cached_property
    def top(self) -> float:
        return statistics.fmean(segment.top for segment in self.segments)

    @cached_property
    def text(self) -> str:
        return " ".join(segment.text for segment in self.segments)

    @cached_property
    def key(self) -> str:
        return fold(self.text)


@dataclass(frozen=True)
class Sheet:
    """All rows of a document, page after page, from top to bottom."""

    rows: tuple[Row, ...]
    line_height: float
    """Usual distance of two printed lines, in page heights."""

    @cached_property
    def segments(self) -> tuple[Segment, ...]:
        return tuple(segment for row in self.rows for segment in row.segments)

    @cached_property
    def first_page(self) -> int:
        return self.rows[0].page if self.rows else 0

    @cached_property
    def last_page(self) -> int:
        return self.rows[-1].page if self.rows else 0

    @cached_property
    def right_margin(self) -> float:
        edges = sorted(row.tokens[-1].box.right for row in self.rows)
        return edges[int(len(edges) * 0.9)] if edges else 1.0


def lay_out(pages: Sequence[PageText]) -> Sheet:
    """The document as rows of segments. A page without words gives none."""
    rows = [row for page in pages for row in _rows(_segments(page))]
    steps = [b.top - a.top for a, b in itertools.pairwise(rows) if a.page == b.page and b.top - a.top > 0.004]
    return Sheet(rows=tuple(rows), line_height=statistics.median(steps) if steps else 0.02)


def _segments(page: PageText) -> list[Segment]:
    lines: dict[int, list[Word]] = {}
    for word in page.words:
        lines.setdefault(word.line, []).append(word)
    wide = page.width_px / page.height_px if page.width_px and page.height_px else 210 / 297
    heights = [word.box.bottom - word.box.top for word in page.words if len(word.text) > 1]
    letter = (statistics.median(heights) if heights else 0.012) / wide
    lean = math.tan(math.radians(max(-10.0, min(10.0, page.skew_deg)))) * wide
    found: list[Segment] = []
    for line in lines.values():
        tokens = [token for word in sorted(line, key=lambda w: w.box.left) for token in _tokens(word, page.index, lean)]
        found.extend(Segment(tuple(run)) for run in _runs(tokens, letter * WIDE_GAP))
    return found


def _runs(tokens: Sequence[Token], gap: float) -> Iterable[list[Token]]:
    """Tokens of a line parted at wide gaps, and before the state's name, which opens the right head column."""
    run: list[Token] = []
    for position, token in enumerate(tokens):
        if run and (token.box.left - run[-1].box.right > gap or _opens_right_column(tokens, position)):
            yield run
            run = []
        run.append(token)
    if run:
        yield run


def _opens_right_column(tokens: Sequence[Token], position: int) -> bool:
    if not tokens[position].key.startswith(("cong", "doc")):
        return False
    if fuzz.ratio(" ".join(t.key for t in tokens[position : position + 8]), _NATION) >= 80:
        return True
    return (
        fuzz.ratio(" ".join(t.key for t in tokens[position : position + 8] if t.key), "doc lap tu do hanh phuc") >= 85
    )


def _tokens(word: Word, page: int, lean: float) -> Iterable[Token]:
    text = upright(unicodedata.normalize("NFC", word.text))
    pieces = [piece for part in _RULES.split(text) for piece in _GLUED.sub(": ", part).split()]
    width = (word.box.right - word.box.left) / max(1, sum(map(len, pieces)))
    middle = (word.box.top + word.box.bottom) / 2 - lean * (word.box.left + word.box.right) / 2
    left = word.box.left
    for piece in pieces:
        right = left + width * len(piece)
        box = word.box if len(pieces) == 1 else Box(left=left, top=word.box.top, right=right, bottom=word.box.bottom)
        if any(char.isalnum() for char in piece) or piece in {"-", ":", "/", ";", ","}:
            yield Token(piece, fold(piece), box, float(word.confidence), page, middle)
        left = right


def _rows(segments: Sequence[Segment]) -> list[Row]:
    """Segments whose middles stand within half a letter height are one row."""
    rows: list[list[Segment]] = []
    for segment in sorted(segments, key=lambda s: (s.top, s.left)):
        heights = [token.box.bottom - token.box.top for token in segment.tokens]
        near = 0.45 * min(0.02, max(0.004, statistics.median(heights)))
        near = max(near, 0.0055)
        if rows and segment.top - statistics.fmean(s.top for s in rows[-1]) <= near:
            rows[-1].append(segment)
        else:
            rows.append([segment])
    return [Row(tuple(sorted(row, key=lambda s: s.left))) for row in rows]
