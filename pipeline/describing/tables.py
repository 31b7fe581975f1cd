"""Lists of people: table rows that hold a name beside a personal number or a birth date."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.describing.layout import Row, Segment, Sheet, Token
from pipeline.describing.names import is_short_form, is_surname, name_trust, sounds_vietnamese
from pipeline.describing.numbers import agrees, as_digits, date_in, names_a_number, plausible_id
from pipeline.describing.persons import FEMALE, MALE, SEXES, Named
from pipeline.describing.text import value_of
from registry.values import FieldValue

_HONORIFICS = {"ong": MALE, "ba": FEMALE, "anh": MALE, "chi": FEMALE}
_LONGEST_LEAD = 8
"""Words before the number of a list row that is not parted into cells: a line with more is running text."""
_HEADING_LINES = 3.5
"""Lines that a heading of several lines may take."""


@dataclass(frozen=True)
class _Heading:
    """The heading of a list: its cells say what stands below them."""

    segments: tuple[Segment, ...]

    def above(self, token: Token) -> str:
        """What the heading says over the token, folded; empty where it says nothing."""
        over = (s for s in self.segments if s.left < token.box.right and s.right > token.box.left)
        return " ".join(segment.key for segment in over)


@dataclass(frozen=True)
class _Cells:
    """What a row of a list holds. name: empty where none could be read."""

    name: tuple[Token, ...]
    number: FieldValue
    born: FieldValue | None
    sex: str


def table_people(sheet: Sheet) -> tuple[dict[int, list[Named]], set[int]]:
    """People by the index of their row, and all rows that belong to such lists."""
    found: dict[int, list[Named]] = {}
    used: set[int] = set()
    heading: _Heading | None = None
    for index, row in enumerate(sheet.rows):
        if index in used:
            continue
        heading = _heading_with(heading, sheet, index) or heading
        cells = _cells(row, heading)
        if cells is None:
            continue
        following = _wrapped_name(sheet.rows, index, cells.name)
        name = [*cells.name, *following]
        words = tuple(re.sub(r"[^\w']", "", t.text) for t in name)
        trust = name_trust(list(words))
        used.add(index)
        if not trust:
            words, name, following = (), [], []
        found[index] = [Named(words, tuple(name), trust, number=cells.number, born=cells.born, sex=cells.sex)]
        if following:
            used.add(index + 1)
    return found, used


def _heading_with(before: _Heading | None, sheet: Sheet, index: int) -> _Heading | None:
    """The heading that this row is a line of, with its lines above; None when the row is none."""
    row = sheet.rows[index]
    if len(row.segments) < 3 or not _is_of_words(row):
        return None
    if before and before.segments[-1].page == row.page:
        lines = [s for s in before.segments if row.top - s.top < _HEADING_LINES * sheet.line_height]
        if lines:
            return _Heading((*lines, *row.segments))
    parts = [row.key, *(r.key for r in sheet.rows[index + 1 : index + 3] if r.page == row.page and _is_of_words(r))]
    says = any(names_a_number(key) or "sinh" in key for key in parts)
    names = any("ten" in key.split() or "chu ho" in key for key in parts)
    return _Heading(row.segments) if says and names else None


def _is_of_words(row: Row) -> bool:
    return not any(":" in token.text or sum(map(str.isdigit, token.text)) > 4 for token in row.tokens)


def _cells(row: Row, heading: _Heading | None) -> _Cells | None:
    """What a list row holds; None for any other row.

    A list has cells, or a line that begins with a name and goes on with its number; a number that stands behind words
    for it ("CCCD số") and beside no name belongs to somebody named before.
    """
    tokens = [t for t in row.tokens if t.key]
    number_at = next((i for i, t in enumerate(tokens) if _number_in(tokens, i, heading)), None)
    if number_at is None or any(t.text.endswith(":") for t in tokens[:number_at]):
        return None
    apart = _segment_of(row)
    start = 1 if tokens[0].key.isdigit() or len(tokens[0].key) <= 1 else 0
    dates = [i for i, t in enumerate(tokens) if len(t.text) >= 8 and t.text[:1].isdigit() and date_in(t.text)]
    before = min([number_at, *dates])
    in_cells = len(row.segments) > 1
    if before - start > _LONGEST_LEAD and not (heading and in_cells):
        return None
    name = _name_in(tokens[start:before], apart, heading)
    cued = names_a_number(" ".join(t.key for t in tokens[:number_at]))
    if name:
        first, last = tokens.index(name[0]), tokens.index(name[-1])
        own = apart[id(name[-1])] != apart[id(tokens[number_at])]
        opens = first == start or (start < first and tokens[first - 1].key in _HONORIFICS)
        if not own and (not opens or tokens[start].key in _HONORIFICS):
            return None
        between = [t for t in tokens[last + 1 : number_at] if not _is_said_of(t)]
        if not own and between and not (cued and len(name) > 2 and is_surname(name[0].text.strip(".,"))):
            return None
    elif cued or not in_cells or (not start and heading is None):
        return None
    digits = _number_in(tokens, number_at, heading)
    sex = next((SEXES[t.text] for t in tokens if t.text in SEXES and t not in name), "")
    honorific = tokens[tokens.index(name[0]) - 1].key if name and name[0] is not tokens[0] else ""
    number, born = _values(tokens[number_at], digits, [tokens[i] for i in dates], heading)
    return _Cells(tuple(name), number, born, sex or _HONORIFICS.get(honorific, ""))


def _segment_of(row: Row) -> dict[int, int]:
    """Number of the segment by the identity of its tokens."""
    return {id(token): order for order, segment in enumerate(row.segments) for token in segment.tokens}


def _name_in(tokens: Sequence[Token], apart: dict[int, int], heading: _Heading | None) -> list[Token]:
    """The run of capitalised words within one cell that is a name, a known surname's before another; else empty."""
    runs: list[list[Token]] = []
    for _, cell in itertools.groupby(tokens, key=lambda t: apart[id(t)]):
        run: list[Token] = []
        for token in cell:
            bare = re.sub(r"[^\w']", "", token.text)
            if (bare in SEXES and len(run) >= 2 and _is_sex(token, heading)) or not bare.isalpha():
                break
            if is_short_form(bare) or (run and run[-1].text[-1] in ",;:"):
                break
            if not bare[0].isupper():
                if len(run) < 2 and len(tokens) > 4 and len({apart[id(t)] for t in tokens}) == 1:
                    return []
                if run:
                    break
                continue
            if not run and token.key in _HONORIFICS:
                continue
            run.append(token)
        if run:
            runs.append(run)
    named = [run for run in runs if name_trust([re.sub(r"[^\w']", "", t.text) for t in run])]
    return next((run for run in named if is_surname(run[0].text)), named[0] if named else [])


def _is_sex(token: Token, heading: _Heading | None) -> bool:
    """Whether "Nam", "Nữ" behind a name is a cell of its own; without a heading it is taken for one."""
    return heading is None or "gioi" in heading.above(token)


def _is_said_of(token: Token) -> bool:
    """A birth date or sex between a name and its number."""
    return token.text in SEXES or any(char.isdigit() for char in token.text)


def _values(
    number: Token, digits: str, dates: Sequence[Token], heading: _Heading | None
) -> tuple[FieldValue, FieldValue | None]:
    """The number, and the date that stands in the column of births, or that the number says is one."""
    labelled = [t for t in dates if heading and "sinh" in heading.above(t)]
    other = [t for t in dates if heading and heading.above(t) and t not in labelled]
    day = next(iter(labelled), None) or next((t for t in dates if t not in other), None)
    born = date_in(day.text) if day else None
    fits = agrees(digits, born[0] if born else None)
    if not labelled and not fits and len(digits) != 12:
        born = None
    trust = 0.6 if fits is False or (len(digits) == 12 and not plausible_id(digits)) else 0.97 if fits else 0.9
    told = value_of(digits, [number], min(trust, 0.85) if len(digits) == 9 else trust)
    if born is None or day is None:
        return told, None
    return told, value_of(born[0].isoformat(), [day], trust if born[1] else trust - 0.2)


def _number_in(tokens: Sequence[Token], position: int, heading: _Heading | None) -> str:
    """The personal number that the token is, empty when it is none: 12 digits, or the 9 of an old card where the
    heading above or the words before say that it is a card's."""
    bare = re.sub(r"[^\w]", "", tokens[position].text)
    digits = as_digits(bare)
    if not digits.isdigit() or sum(c.isdigit() for c in bare) * 4 < len(bare) * 3:
        return ""
    if len(digits) == 12:
        return digits
    said = heading.above(tokens[position]) if heading else ""
    cued = names_a_number(" ".join(t.key for t in tokens[max(0, position - 3) : position]))
    return digits if len(digits) == 9 and (names_a_number(said) or cued) else ""


def _wrapped_name(rows: Sequence[Row], index: int, name: Sequence[Token]) -> list[Token]:
    """The rest of a name that goes on in the same column of the next row."""
    if not name or index + 1 >= len(rows) or rows[index + 1].page != rows[index].page:
        return []
    after = rows[index + 1]
    first = next((t for t in after.tokens if t.key), None)
    if first is None or abs(first.box.left - name[0].box.left) > 0.03 or first.key.isdigit():
        return []
    if any(_number_in(after.tokens, n, None) for n in range(len(after.tokens))) or after.top - rows[index].top > 0.035:
        return []
    edge = max(t.box.right for t in name) + 0.02
    if after.top - rows[index].top > 0.027 or not any(
        s.left < edge and s.right < edge + 0.05 for s in after.segments[:1]
    ):
        return []
    run: list[Token] = []
    for token in after.tokens:
        bare = re.sub(r"[^\w']", "", token.text)
        if token.box.left > edge:
            break
        if (
            not token.text.isalpha()
            or not token.text[0].isupper()
            or token.confidence < 0.4
            or not sounds_vietnamese(bare)
        ):
            return []
        run.append(token)
    return run if len(run) <= 2 else []
