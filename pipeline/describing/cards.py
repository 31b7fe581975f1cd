"""What an identity card says twice: in print, in its QR code, and in its machine-readable zone.

The QR code of a citizen's card holds `number|old number|name|ddmmyyyy|sex|address|ddmmyyyy of issue`, of later cards
more; the zone on the back is ICAO Doc 9303, Part 5 (TD1): its number is the last nine digits of the personal number,
with the whole of it in the optional field. A code corrects its own errors and a zone has check digits: what they say is
surer than what is read off small print. A number that stands alone on a card is never sure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from rapidfuzz import fuzz

from pipeline.describing.layout import Row, Sheet, Token
from pipeline.describing.numbers import as_digits, plausible_id, real_date
from pipeline.describing.text import fold, value_of
from registry.values import FieldValue, PageText, Person

CODE, ZONE, ALONE = 0.995, 0.99, 0.7
"""How sure a value is that a code gives, that a zone with sound check digits gives, that nothing else bears out."""
NEAR = 4
"""Digits in which print and code may differ and still mean one card: the rest is a misreading."""
_CODE = re.compile(
    r"(?P<number>\d{12})\|(?:\d{9})?\|(?P<name>[^|\d]{2,80})\|(?P<born>\d{8})\|[^|]{1,5}\|[^|]*(?:\|(?P<issued>\d{8}))?(?:\|.*)?",
    re.DOTALL,
)
_FIRST = re.compile(r"(?P<short>\d{9})(?P<check>\d)(?P<number>\d{12})")
_SECOND = re.compile(r"(?P<born>\d{6})(?P<check>\d)[A-Z0-9](?:\d{7})")


@dataclass(frozen=True)
class Holder:
    """Whom a card belongs to. What its second writing does not give is None. tokens: where a zone was read."""

    number: str
    name: str | None
    born: date | None
    issued: date | None
    page: int
    tokens: tuple[Token, ...] = ()

    def value(self, text: str) -> FieldValue:
        if self.tokens:
            return value_of(text, self.tokens, 1.0, method="zone").model_copy(update={"confidence": ZONE})
        return FieldValue(value=text, confidence=CODE, page_index=self.page, method="qr")


def holder_of(pages: Sequence[PageText], sheet: Sheet) -> Holder | None:
    """Whom the card on these pages belongs to, by its code or by its zone; None where neither can be read."""
    for page in pages:
        for code in page.codes:
            if (found := _by_code(code, page.index)) is not None:
                return found
    return _by_zone(sheet)


def with_holder(people: Sequence[Person], holder: Holder) -> tuple[Person, ...]:
    """The people of a paper that carries a card's copy, the card's holder with what the card says of them."""
    at = next((n for n, person in enumerate(people) if _is(person, holder)), None)
    if at is None:
        return tuple(people)
    return (*people[:at], _confirmed(people[at], holder), *people[at + 1 :])


def card_people(
    people: Sequence[Person], holder: Holder | None, printed: FieldValue | None = None
) -> tuple[Person, ...]:
    """The one person whom a card is about, put together from what its print and its second writing say.

    printed: the card's number, which is its holder's.
    """
    whole = Person(
        full_name=next((p.full_name for p in people if p.full_name), None),
        id_number=next((p.id_number for p in people if p.id_number), printed),
        date_of_birth=next((p.date_of_birth for p in people if p.date_of_birth), None),
    )
    if holder:
        return (_confirmed(whole, holder),)
    if whole.id_number:
        whole = whole.model_copy(update={"id_number": _alone(whole.id_number)})
    return (whole,) if people or printed else ()


def card_fields(fields: Mapping[str, FieldValue], holder: Holder | None) -> dict[str, FieldValue]:
    """The fields of a card: its number and day of issue as its second writing has them."""
    found = dict(fields)
    printed = found.get("number_symbol")
    if holder is None:
        if printed:
            found["number_symbol"] = _alone(printed)
        return found
    found["number_symbol"] = _agreed(printed, holder.number, holder)
    if holder.issued:
        found["issued_on"] = _agreed(found.get("issued_on"), holder.issued.isoformat(), holder)
    return found


def _confirmed(person: Person, holder: Holder) -> Person:
    told: dict[str, FieldValue] = {"id_number": _agreed(person.id_number, holder.number, holder)}
    if holder.born:
        told["date_of_birth"] = _agreed(person.date_of_birth, holder.born.isoformat(), holder)
    if holder.name:
        told["full_name"] = _agreed(person.full_name, holder.name, holder)
    return person.model_copy(update=told)


def _agreed(printed: FieldValue | None, value: str, holder: Holder) -> FieldValue:
    """The value with its place in print where there is one. A number in print that is quite another is not outvoted by
    a code that may have come from somewhere else: then neither is sure."""
    told = holder.value(value)
    if printed is None:
        return told
    if value.isdigit() and len(printed.value) == len(value) and _differing(printed.value, value) > NEAR:
        return printed.model_copy(update={"confidence": min(printed.confidence, 0.5)})
    return printed.model_copy(update={"value": value, "confidence": told.confidence, "method": told.method})


def _alone(printed: FieldValue) -> FieldValue:
    return printed.model_copy(update={"confidence": min(printed.confidence, ALONE)})


def _is(person: Person, holder: Holder) -> bool:
    if person.id_number and len(person.id_number.value) == 12:
        return _differing(person.id_number.value, holder.number) <= 1
    return bool(person.full_name and holder.name and fuzz.ratio(fold(person.full_name.value), fold(holder.name)) >= 90)


def _differing(one: str, other: str) -> int:
    return sum(a != b for a, b in zip(one, other, strict=True)) if len(one) == len(other) else len(one)


def _by_code(code: str, page: int) -> Holder | None:
    found = _CODE.fullmatch(code.strip())
    if found is None or not plausible_id(found["number"]):
        return None
    born, issued = _day(found["born"]), _day(found["issued"] or "")
    return Holder(found["number"], " ".join(found["name"].split()), born, issued, page) if born else None


def _day(digits: str) -> date | None:
    return real_date(digits[:2], digits[2:4], digits[4:]) if len(digits) == 8 else None


def _by_zone(sheet: Sheet) -> Holder | None:
    for row, following in zip(sheet.rows, [*sheet.rows[1:], None], strict=True):
        if (number := _zone_number(row)) is not None:
            born = _zone_day(following, number) if following else None
            tokens = (*row.tokens, *(following.tokens if following and born else ()))
            return Holder(number, None, born, None, row.page, tokens)
    return None


def _zone_number(row: Row) -> str | None:
    """The number of a zone's first line whose check digit holds and that stands there twice alike."""
    line = row.text.replace(" ", "")
    if "<" not in line or len(line) < 24:
        return None
    for start in range(3, 8):  # IDVNM, however its letters were read
        found = _FIRST.match(as_digits(line[start:]))
        if (
            found
            and found["number"].endswith(found["short"])
            and _check(found["short"]) == int(found["check"])
            and plausible_id(found["number"])
        ):
            return found["number"]
    return None


def _zone_day(row: Row, number: str) -> date | None:
    """The birth date of a zone's second line, if its check digit holds and its year is the number's."""
    found = _SECOND.match(row.text.replace(" ", ""))
    if found is None or _check(found["born"]) != int(found["check"]):
        return None
    year = 1900 + 100 * (int(number[3]) // 2) + int(number[4:6])
    six = found["born"]
    return real_date(six[4:], six[2:4], str(year)) if int(six[:2]) == year % 100 else None


def _check(digits: str) -> int:
    """The check digit of ICAO Doc 9303, Part 3, 4.9: weights 7, 3, 1."""
    return sum(int(digit) * weight for digit, weight in zip(digits, (7, 3, 1) * len(digits), strict=False)) % 10
