"""Everybody a document names, with the number and birth date it gives them.

The rows are read as one stream: a name opens a person, a number or birth date belongs to the person named last.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from pipeline.describing.births import Born, date_at, whose_birth
from pipeline.describing.layout import Row, Sheet, Token
from pipeline.describing.name_places import names_in
from pipeline.describing.numbers import as_digits, names_a_number, plausible_id
from pipeline.describing.persons import Named, finished, merged
from pipeline.describing.tables import table_people
from pipeline.describing.text import value_of
from registry.values import FieldValue, Person

_CARD_CUES = ("so/no", " no ")
"""How the number is called on a card."""
_OLD_CUES = ("cmnd", "chung minh", "cmt")
_LEAD = 8
"""Words of the line before that a value at the beginning of a line may belong to."""
_NEAR = 6
"""Words before a number of nine digits among which its label must stand."""
_PHONE = re.compile(r"(dien thoai|sdt|tai khoan|ma so thue|mst|fax)")


@dataclass
class _Stream:
    people: list[Named] = field(default_factory=list)
    loose_number: FieldValue | None = None
    child_born: FieldValue | None = None

    def number(self, value: FieldValue) -> None:
        if not self.people:
            self.loose_number = self.loose_number or value
        elif self.people[-1].number is None:
            self.people[-1].number = value

    def born(self, value: FieldValue) -> None:
        if self.people and self.people[-1].born is None:
            self.people[-1].born = value

    def name(self, person: Named) -> None:
        if not self.people and self.loose_number:
            person.number = self.loose_number
        self.people.append(person)


def find_people(sheet: Sheet, signer: FieldValue | None) -> tuple[Person, ...]:
    """Everybody named, each once, in the order of the document."""
    listed, used = table_people(sheet)
    stream = _Stream()
    rows = list(sheet.rows)
    for position, row in enumerate(rows):
        if position in used:
            stream.people.extend(listed.get(position, ()))
            continue
        following = rows[position + 1] if position + 1 < len(rows) and position + 1 not in used else None
        before = rows[position - 1] if position and position - 1 not in used else None
        _read_row(stream, row, following, before, sheet.right_margin)
    if not stream.people and stream.loose_number:
        stream.people.append(Named((), (), 0.0, number=stream.loose_number))
    found = merged(stream.people, signer)
    children = [person for person in found if person.role == "child"]
    if len(children) == 1:
        children[0].born = children[0].born or stream.child_born
    return tuple(map(finished, found))


def _read_row(stream: _Stream, row: Row, following: Row | None, before: Row | None, margin: float) -> None:
    tokens = row.tokens
    lead = before.tokens[-_LEAD:] if before and before.page == row.page else ()
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
        width = _number_at(stream, tokens, position, f" {context} ") or _birth_at(stream, tokens, position, before_it)
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
