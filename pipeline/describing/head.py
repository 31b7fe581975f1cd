"""The head of a document after Annex I of NĐ 30/2020/NĐ-CP: agency, number, place and date, heading, subject."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from rapidfuzz import fuzz

from pipeline.describing.agencies import is_number_line, opens_agency, opens_unit
from pipeline.describing.layout import Segment, Sheet, Token
from pipeline.describing.numbers import as_digits, date_in, number_symbol_in, spelt_date_in
from pipeline.describing.text import fold, value_of
from registry.values import FieldValue

_NATION = "cong hoa xa hoi chu nghia viet nam"
_MOTTO = "doc lap tu do hanh phuc"
_UNIT_WORDS = {"", "xa", "phuong", "thi", "tran", "huyen", "quan", "tinh", "thanh", "pho", "tp", "tx", "dac", "khu"}
_SLASHED_DAY = re.compile(r"\w{4} (?:\d{1,2} ?[/.-] ?){2}(?:19|20)\d{2} ?[.,;]?")
_ARRIVED = re.compile(r"(?:(?:cong van|van ban) )?den(?: so .*)?")
_BODY = (
    "can cu", "kinh gui", "dieu 1", "hom nay", "thuc hien", "theo de nghi", "xet de nghi", "ngay ", "chu tich uy ban",
    "uy ban nhan dan", "toi ten", "ho va ten", "ho chu dem", "i ", "1 ", "can cu vao", "vao hoi", "de nghi",
    "hoi dong nhan dan",
    "truong phong", "giam doc", "quyet dinh", "nhan dan", "tai ", "chung toi", "thanh phan", "so ", "kem theo",
    "trong thoi",
)  # fmt: skip


@dataclass(frozen=True)
class Head:
    """Where the parts of the head stand on the first page. bottom: top of the heading row, or of the body."""

    left: tuple[Segment, ...]
    number: Segment | None
    place_date: Segment | None
    motto: Segment | None

    @property
    def number_value(self) -> FieldValue | None:
        """The number of the line "Số:", with or without a symbol."""
        return number_symbol(self, bare=True)


def is_state_name(segment: Segment) -> bool:
    """Whether the segment is the state's name or its motto."""
    key = segment.key
    if len(key) < 14:
        return False
    return fuzz.ratio(key, _NATION) >= 75 or fuzz.ratio(key, _MOTTO) >= 75 or fuzz.partial_ratio(_NATION, key) >= 88


def find_head(sheet: Sheet) -> Head:
    """The parts of the first page's head; the left column is what stands beside and left of the state's name."""
    page = [segment for segment in sheet.segments if segment.page == sheet.first_page]
    motto = next((s for s in page if s.top < 0.4 and is_state_name(s)), None)
    number = _number_segment(page)
    place = next((s for s in page if s.top < 0.4 and _placed(s)), None)
    place = place or next((s for s in page if s.top < 0.4 and _below_motto(s, motto, page)), None)
    edge = motto.left - 0.01 if motto else 0.5
    bottom = number.top if number and number.centre < 0.42 else None
    if bottom is None:
        bottom = place.top if place else (motto.top + 0.045 if motto else 0.12)
    left = [
        s for s in page
        if s.top < bottom - 0.003 and s.right <= edge + 0.06 and s.centre < edge and _names_agency(s)
        and s is not number and not is_state_name(s) and len(s.key) > 2 and _is_words(s)
    ]  # fmt: skip
    beside = motto is not None and motto.centre > 0.52
    return Head(tuple(left) if beside or number else (), number, place, motto)


def _names_agency(segment: Segment) -> bool:
    """Whether the segment may be a line of an agency's name: in capitals, or in small letters as old forms have it.

    A line with a colon is a label of a form that is filled in by hand."""
    if is_number_line(segment):
        return False
    if segment.capitals > 0.75:
        return True
    return (opens_agency(segment.key) or opens_unit(segment.key)) and ":" not in segment.text


def _is_words(segment: Segment) -> bool:
    return sum(len(word) for word in segment.key.split() if len(word) > 1) >= 3


def _number_segment(page: Sequence[Segment]) -> Segment | None:
    """The segment that opens with "Số:" and holds a number, the highest one in the upper half."""
    for segment in page:
        if segment.top > 0.5 or not segment.tokens or segment.centre > 0.75:
            continue
        opens = _after_so(segment)
        printed = " ".join(t.text for t in segment.tokens[:2])
        if segment.tokens[0].text[:1] == "s" and ":" not in printed and "/" not in printed:
            continue
        if opens is None:
            continue
        first = next((t.text for t in opens if t.key), "")  # "Số CCCD: …" is a person's number
        bare = segment.centre > 0.4 and segment.top < 0.35 and as_digits(first)[:1].isdigit()
        if number_symbol_in(_join(opens), bare=bare):
            return segment
    return None


def _after_so(segment: Segment) -> tuple[Token, ...] | None:
    tokens = segment.tokens
    first = tokens[0].key
    if first in {"so", "s0", "sô", "se", "no", "so/no", "so no", "s6", "35", "só"} and len(tokens) > 1:
        rest = tokens[1:]
        if rest and rest[0].key in {"/", "no", "/no", "no."}:
            rest = rest[1:]
        if rest and rest[0].key in {"no"}:
            rest = rest[1:]
        return rest
    if found := re.match(r"^so(?=[0-9])", first):
        return tokens if found else None
    return None


def _join(tokens: Sequence[Token]) -> str:
    return " ".join(token.text for token in tokens)


def number_symbol(head: Head, *, bare: bool) -> FieldValue | None:
    """The number with its symbol, from the line "Số:" of the head."""
    if head.number is None:
        return None
    tokens = _after_so(head.number) or head.number.tokens
    text = re.sub(r"^\D{1,4}(?=\d)", "", _join(tokens)) if tokens is head.number.tokens else _join(tokens)
    found = number_symbol_in(text, bare=bare)
    if found is None:
        return None
    return value_of(found[0], tokens, 0.97 if found[1] else 0.75, method="rule" if found[1] else "lexicon")


@dataclass(frozen=True, slots=True)
class _Dated:
    """A line that says where and when: `Xã An Hòa, ngày 05 tháng 3 năm 2024`, `Ngày 5/3/2024`."""

    place: tuple[Token, ...]
    day: tuple[Token, ...]
    date: date
    clean: bool


def _dated(segment: Segment) -> _Dated | None:
    """The place, if there is one, and the day that the segment consists of; None when it says anything else."""
    tokens = segment.tokens
    for position, token in enumerate(tokens[:9]):
        after = tokens[position + 1].text if position + 1 < len(tokens) else ""
        if fuzz.ratio(token.key, "ngay") < 75 or not any(c.isdigit() for c in after):
            continue
        place, day = tokens[:position], tokens[position:]
        found = spelt_date_in(_join(day)) or (date_in(_join(day)) if _SLASHED_DAY.fullmatch(_join(day)) else None)
        if found is None or len(tokens) > 14:
            return None
        if place and not (_is_place(place) and (spelt_date_in(_join(day)) or place[-1].text[-1] in ",.;")):
            return None
        return _Dated(place, day, *found)
    return None


def _is_place(tokens: Sequence[Token]) -> bool:
    """Whether the words are a unit's name: capitals but for the kind of unit (thị xã Duyên An)."""
    return bool(tokens[0].key) and all(
        t.text[0].isupper() or (t.text[0] in "1l0" and len(t.text) == 2) or fold(t.text) in _UNIT_WORDS
        for t in tokens
        if t.key
    )


def _placed(segment: Segment) -> bool:
    return segment.centre > 0.45 and (found := _dated(segment)) is not None and bool(found.place)


def _below_motto(segment: Segment, motto: Segment | None, page: Sequence[Segment]) -> bool:
    """Whether the segment is a day without a place that stands where a head has place and day."""
    return (
        motto is not None
        and 0 < segment.top - motto.top < 0.12
        and abs(segment.centre - motto.centre) < 0.12
        and _dated(segment) is not None
        and not in_stamp_of_arrival(segment, page)
    )


def in_stamp_of_arrival(segment: Segment, page: Sequence[Segment]) -> bool:
    """Whether the segment stands below the word ĐẾN of an office's stamp: its number and day are not the paper's."""
    return any(
        0 < segment.top - s.top < 0.05 and abs(segment.centre - s.centre) < 0.15 and is_stamp_of_arrival(s)
        for s in page
        if s.page == segment.page
    )


def is_stamp_of_arrival(segment: Segment) -> bool:
    """Whether the segment is the first line of the stamp an office puts on what it receives, "CÔNG VĂN ĐẾN"."""
    return _ARRIVED.fullmatch(segment.key) is not None


def place_and_date(
    sheet: Sheet, head: Head, signed: Segment | None = None
) -> tuple[FieldValue | None, FieldValue | None]:
    """Place and day of issue: from the head, else from the last line of that form above a signature.

    signed: the signatory's title; a day without a place counts only right above it.
    """
    segment = head.place_date or next((s for s in reversed(sheet.segments) if _placed(s)), None)
    if segment is None and signed is not None:
        above = [s for s in sheet.segments if s.page == signed.page and 0 < signed.top - s.top < 0.12]
        segment = next((s for s in reversed(above) if abs(s.centre - signed.centre) < 0.15 and _dated(s)), None)
    if segment is None or (found := _dated(segment)) is None:
        return None, None
    issued = value_of(found.date.isoformat(), found.day, 0.97 if found.clean else 0.75)
    name = re.sub(r"[\s,.;:]+$", "", _join([t for t in found.place if t.key]))
    return value_of(name, found.place, 0.92) if re.search(r"[^\W\d_]{2}", name) else None, issued


def subject_beside(sheet: Sheet, head: Head) -> FieldValue | None:
    """The subject of an official letter: `V/v …` below the number, down to where the left column ends."""
    page = [s for s in sheet.segments if s.page == sheet.first_page]
    start = next(
        (i for i, s in enumerate(page) if s.top < 0.45 and re.match(r"(v/v|v/w|ww|vv|ve viec)\b", s.key)), None
    )
    if start is None:
        return None
    first, lines = page[start], [page[start]]
    for segment in page[start + 1 :]:
        near = segment.top - lines[-1].top < 1.6 * max(0.012, min(sheet.line_height, 0.022))
        if segment.top - lines[-1].top < 0.004:
            continue
        if not near or segment.key.startswith(("kinh gui", "can cu")) or len(lines) > 5:
            break
        if segment.right < max(first.right, 0.5) + 0.05 and segment.left < 0.4:
            lines.append(segment)
    tokens = [t for s in lines for t in s.tokens]
    text = re.sub(r"(?i)^(v\s?/\s?[vw]|ww|vv|về việc)\s*:?\s*", "", _join(tokens))
    return value_of(text.strip(" ."), tokens, 0.88) if text else None


def subject_below(sheet: Sheet, heading: Sequence[Segment]) -> FieldValue | None:
    """The centred lines below the heading, until the body begins."""
    last = heading[-1]
    lines: list[Segment] = []
    previous = last
    for row in sheet.rows:
        if row.page != last.page or row.top <= last.top + 0.004:
            continue
        segment = row.segments[0]
        step = row.top - previous.top
        limit = 2.2 if not lines else 1.35
        if step > limit * max(sheet.line_height, 0.018) or len(lines) >= 4 or len(row.segments) > 2:
            break
        if _begins_body(segment, first=not lines) or abs(segment.centre - last.centre) > 0.09:
            break
        lines.append(segment if len(row.segments) == 1 else Segment(row.tokens))
        previous = segment
    if not lines or lines[0].text.startswith("("):
        return None
    tokens = [t for s in lines for t in s.tokens]
    return value_of(_join(tokens).strip(" .;"), tokens, 0.9)


def _begins_body(segment: Segment, *, first: bool) -> bool:
    key = segment.key + " "
    if segment.capitals > 0.8 and not first:
        return True
    if re.match(r"(v/v|ve viec|ve )", key) and first:
        return False
    return key.startswith(_BODY) or segment.text.startswith("(") or segment.text.rstrip().endswith(":")
