"""Everybody a document names, with the number and birth date it gives them.

The rows are read as one stream: a name opens a person, a number or birth date belongs to the person named last. Where
people stand side by side, each column is a stream of its own.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from pipeline.describing.births import Born, date_at, whose_birth
from pipeline.describing.columns import Block, block_at
from pipeline.describing.layout import Row, Sheet, Token
from pipeline.describing.name_places import names_in
from pipeline.describing.numbers import as_digits, names_a_number, plausible_id
from pipeline.describing.persons import SEXES, Named, finished, merged
from pipeline.describing.tables import table_people
from pipeline.describing.text import value_of
from registry.values import FieldValue, Person

_CARD_CUES = ("so/no", " no ")
"""How the number is called on a card."""
_OLD_CUES = ("cmnd", "chung minh", "cmt")
_LEAD = 8
"""Words of the line before that a value at the beginning of a line may belong to."""
_GOES_ON = 5
"""Words of the next line that a date at the end of a line may go on with."""
_SAME_HEIGHT = 0.01
"""In page heights."""
_NEAR = 6
"""Words before a number of nine digits among which its label must stand."""
_SEX_LABEL = re.compile(r"(gioi tinh|sex)\W*$")
_PHONE = re.compile(r"(dien thoai|sdt|tai khoan|ma so thue|mst|fax)")


@dataclass
class _Stream:
    people: list[Named] = field(default_factory=list)
    loose_number: FieldValue | None = None
    child_born: FieldValue | None = None
    named: Named | None = None
    """Whom what follows is said of: the person named last, None where several were."""

    def number(self, value: FieldValue) -> None:
        if not self.people:
            self.loose_number = self.loose_number or value
        elif self.named is None:
            self.name(Named((), (), 0.0, number=value))
        elif self.named.number is None:
            self.named.number = value

    def born(self, value: FieldValue) -> None:
        if self.named and self.named.born is None:
            self.named.born = value

    def sex(self, value: str) -> None:
        if self.named:
            self.named.sex = self.named.sex or value

    def name(self, person: Named) -> None:
        if not self.people and self.loose_number and not person.number:
            person.number = self.loose_number
        self.people.append(person)
        self.named = person


def find_people(sheet: Sheet, signer: FieldValue | None) -> tuple[Person, ...]:
    """Everybody named, each once, in the order of the document."""
    listed, used = table_people(sheet)
    stream = _Stream()
    rows, position = list(sheet.rows), 0
    while position < len(rows):
        if position in used:
            stream.people.extend(listed.get(position, ()))
            stream.named = None
            position += 1
            continue
        until = next((n for n in range(position, len(rows)) if n in used), len(rows))
        position = _read_rows(stream, rows[:until], position, sheet)
    if not stream.people and stream.loose_number:
        stream.people.append(Named((), (), 0.0, number=stream.loose_number))
    found = merged([p for p in stream.people if p.words or p.number or p.born], signer)
    children = [person for person in found if person.role == "child"]
    if len(children) == 1:
        children[0].born = children[0].born or stream.child_born
    return tuple(map(finished, found))


def _read_rows(stream: _Stream, rows: Sequence[Row], position: int, sheet: Sheet) -> int:
    """Reads on from this row, people side by side column by column, up to the end; returns how many rows are read."""
    start = position
    while position < len(rows):
        if block := block_at(rows, position):
            _read_block(stream, block, sheet.right_margin)
            start = position = block.end
            continue
        following = rows[position + 1] if position + 1 < len(rows) else None
        before = rows[position - 1] if position > start else None
        _read_row(stream, rows[position], following, before, sheet.right_margin)
        position += 1
    return position


def _read_block(stream: _Stream, block: Block, margin: float) -> None:
    """Hands over what the columns say, one after the other, the people in the order of the page. Below them what
    follows is said of the person named lowest, if alone at that height."""
    already = len(stream.people)
    opened: list[tuple[float, Named]] = []
    for rows, role in zip(block.columns, block.roles, strict=True):
        stream.named = None
        for index, row in enumerate(rows):
            count = len(stream.people)
            following = rows[index + 1] if index + 1 < len(rows) else None
            _read_row(stream, row, following, rows[index - 1] if index else None, margin)
            for person in stream.people[count:]:
                person.role = person.role or (role if index == 0 else "")
                opened.append((row.top if index else 0.0, person))
    opened.sort(key=lambda one: one[0])
    stream.people[already:] = [person for _, person in opened]
    alone = [one for one in opened if one[0] > opened[-1][0] - _SAME_HEIGHT]
    stream.named = alone[0][1] if len(alone) == 1 and len(opened) > len(block.columns) else None


def _read_row(stream: _Stream, row: Row, following: Row | None, before: Row | None, margin: float) -> None:
    tokens = row.tokens
    lead = before.tokens[-_LEAD:] if before and before.page == row.page else ()
    ahead = (*tokens, *following.tokens[:_GOES_ON]) if following and following.page == row.page else tokens
    names = dict(names_in(row, following, margin))
    taken_until = 0
    position = 0
    while position < len(tokens):
        if position in names and position >= taken_until:
            stream.name(names[position])
            taken_until = position + min(len(names[position].tokens), len(tokens) - position)
            position = max(taken_until, position + 1)
            continue
        before_it = (*lead, *tokens[:position])
        context = " ".join(t.key for t in before_it[-9:])
        width = _number_at(stream, tokens, position, f" {context} ") or _birth_at(stream, ahead, position, before_it)
        if not width and (sex := SEXES.get(tokens[position].text.strip(".,;"))) and _SEX_LABEL.search(context):
            stream.sex(sex)
        position += max(1, width)


def _number_at(stream: _Stream, tokens: Sequence[Token], position: int, context: str) -> int:
    """Hands a personal number that begins here to the stream; returns how many tokens it takes, 0 for none."""
    text, end = "", position
    while end < len(tokens) and end - position < 13 and len(text) < 12:
        piece = re.sub(r"[.,;:|)(\]\[]", "", tokens[end].text)
        digits = as_digits(piece)
        if not digits.isdigit() or (
            not piece.isdigit() and sum(c.isdigit() for c in piece) * 2 < len(piece) and len(piece) > 1
        ):
            break
        if text and len(text) + len(digits) > 12:
            break
        text += digits
        end += 1
    cued = names_a_number(context) or any(cue in context for cue in _CARD_CUES)
    if len(text) == 12 and (cued or (plausible_id(text) and text[0] == "0" and end - position == 1)):
        if _PHONE.search(context[-24:]):
            return end - position
        used = tokens[position:end]
        trust = (0.95 if plausible_id(text) else 0.6) - (0 if cued else 0.2)
        clean = "".join(t.text for t in used).strip(".,;:") == text
        stream.number(value_of(text, used, trust if clean else trust - 0.1, method="rule" if clean else "lexicon"))
        return end - position
    if len(text) != 9:
        text, end = re.sub(r"\D", "", tokens[position].text), position + 1
    near = " ".join(context.split()[-_NEAR:])
    if len(text) == 9 and names_a_number(near) and not _PHONE.search(near):
        old = any(cue in near for cue in _OLD_CUES)
        stream.number(value_of(text, tokens[position:end], 0.85 if old else 0.8))
        return end - position
    return 0


def _birth_at(stream: _Stream, tokens: Sequence[Token], position: int, before: Sequence[Token]) -> int:
    """Hands a birth date that begins here to the stream; returns how many tokens it takes, 0 for none."""
    whose = whose_birth(before)
    found = date_at(tokens, position) if whose else None
    if found is None:
        return 0
    if whose is Born.CHILD:
        stream.child_born = stream.child_born or found[0]
    else:
        stream.born(found[0])
    return found[1]
