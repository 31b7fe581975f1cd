"""The head of an administrative document (NĐ 30/2020/NĐ-CP, Annex I): agency, number, place and date, heading, subject."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rapidfuzz import fuzz

from config.catalogue import DocumentType
from pipeline.describing.agencies import spell_agency
from pipeline.describing.patterns import (
    BUSINESS_NUMBER,
    CIVIL_NUMBER,
    ID_NUMBER,
    LAND_NUMBER,
    LONG_DATE,
    NUMBER_SYMBOL,
    SHORT_DATE,
    iso_day,
    mend_digits,
)
from pipeline.describing.text import Text, evidence, fold
from registry.values import FieldValue

HEAD_BOTTOM = 0.34
"""Of the page's height: heads end above this also with three lines of agency."""
MOTTO = ("cong hoa xa hoi chu nghia", "doc lap - tu do", "oc lap - tu do", "tu do - hanh phuc")
NUMBER_LABEL = re.compile(r"^\W*s[o0ôsø][\s/]*(?:no)?\s*[:.;]\s*|^so\s+(?=\d)|(?:^|\s)so vao s\w* cap g\w*\s*[:.]?\s*")
PLACE_DATE = re.compile(r"(?P<place>[^\d,.:]{2,40}?)\s*[,.]\s*" + LONG_DATE.pattern)
LABELLED_DATE = re.compile(
    r"dang ky lan dau|ngay,? thang,? nam dang ky|ngay dang ky|ngay cap giay|date, month, year|ngay,? thang,? nam /"
)
BODY = ("can cu", "kinh gui", "dieu 1", "hom nay", "thuc hien", "theo de nghi", "xet", "ban sao")


@dataclass(frozen=True, slots=True)
class Heading:
    """What sort of paper it is. last: number of the heading's last segment; rest: what follows the type in it."""

    kind: DocumentType
    value: FieldValue
    page_index: int
    last: int
    rest: str


def find_heading(segments: Sequence[Text], kinds: Mapping[str, DocumentType]) -> Heading | None:
    """The heading in capitals that fits a title of the catalogue best; the longest title wins among equals."""
    best: tuple[float, Heading] | None = None
    titles = [(fold(title), kind) for kind in kinds.values() for title in kind.titles]
    for number, segment in enumerate(segments):
        if segment.top > 0.5 or segment.left > 0.62 or not segment.is_capitals or is_motto(segment.folded):
            continue
        for joined, last in _stacked(segments, number):
            for title, kind in titles:
                score, rest = _fit(joined, title)
                if score < 84:
                    continue
                weight = score + 0.25 * len(title) - 30 * segment.top
                if best is None or weight > best[0]:
                    words = [w for s in segments[number : last + 1] for w in s.words]
                    value = evidence(words, segment.page_index, joined, kind.name, trust=score / 100)
                    best = (weight, Heading(kind, value, segment.page_index, last, rest))
    return best[1] if best else None


def find_by_cue(folded: str, kinds: Mapping[str, DocumentType]) -> DocumentType | None:
    """The type whose typical phrases stand on the paper, for papers whose heading is on a page not scanned."""
    for kind in kinds.values():
        if any(fuzz.partial_ratio(fold(cue), folded) > 90 for cue in kind.cues):
            return kind
    return None


def find_number(segments: Sequence[Text]) -> FieldValue | None:
    """Số, ký hiệu: what follows `Số:` in the head, or the number of a registry entry."""
    for segment in segments:
        if segment.top > HEAD_BOTTOM and "vao s" not in segment.folded:
            continue
        label = NUMBER_LABEL.search(segment.folded)
        if label and segment.left <= 0.6 and (found := _number_after(segment, label.end())):
            return found
    return None


def find_place_and_date(segments: Sequence[Text]) -> tuple[FieldValue | None, FieldValue | None]:
    """Place and day of issue: only from the place-date line, or from a labelled day; never from running text."""
    lines = [
        s
        for s in segments
        if s.right > 0.5 and s.left > 0.3 and "ngay" in s.folded and not LABELLED_DATE.search(s.folded)
    ]
    for segment in sorted(lines, key=lambda s: (s.page_index, s.top > HEAD_BOTTOM, -s.left)):
        found = PLACE_DATE.search(segment.folded)
        if found and (day := iso_day(*found.groups()[-3:])):
            place = segment.value(found.start("place"), found.end("place"))
            return place, segment.value(found.end("place") + 1, found.end(), day)
    for segment in segments:
        if not LABELLED_DATE.search(segment.folded):
            continue
        for pattern, text in ((LONG_DATE, segment.folded), (SHORT_DATE, segment.plain)):
            if (found := pattern.search(text)) and (day := iso_day(*found.groups()[-3:])):
                return None, segment.value(found.start(), found.end(), day)
    return None, _opening_day(segments)


def find_agency(segments: Sequence[Text]) -> FieldValue | None:
    """The agency of the left head column, spelt out; a department with the unit it belongs to."""
    lines = []
    for segment in segments:
        if segment.page_index != segments[0].page_index or segment.top > 0.2 or segment.middle > 0.43:
            continue
        if NUMBER_LABEL.search(segment.folded) or segment.folded.startswith(("v/v", "ve viec")):
            break
        if segment.is_capitals and not is_motto(segment.folded):
            lines.append(segment)
    spelt = spell_agency([line.plain for line in lines]) if lines else None
    if spelt is None:
        return None
    words = [w for line in lines for w in line.words]
    return evidence(words, lines[0].page_index, " ".join(line.plain for line in lines), spelt)


def find_subject(segments: Sequence[Text], heading: Heading | None) -> FieldValue | None:
    """Trích yếu: `V/v …` below the number, or the lines below the heading, up to where the body begins."""
    for number, segment in enumerate(segments):
        if segment.top < 0.4 and (found := re.match(r"\W*v\s?/\s?v\s*:?\s*", segment.folded)):
            lines = [segment, *_below(segments, number, same_column=True)]
            raw = " ".join(line.plain for line in lines)
            return evidence([w for x in lines for w in x.words], segment.page_index, raw, raw[found.end() :])
    if heading is None:
        return None
    lines = _below(segments, heading.last, same_column=False)
    if not lines:
        return None
    raw = " ".join(line.plain for line in lines)
    return evidence([w for x in lines for w in x.words], heading.page_index, raw, None)


def is_motto(folded: str) -> bool:
    """Quốc hiệu and Tiêu ngữ, also with slips."""
    return any(m in folded for m in MOTTO) or fuzz.ratio(folded, "cong hoa xa hoi chu nghia viet nam") > 75


def _below(segments: Sequence[Text], number: int, *, same_column: bool) -> list[Text]:
    """The lines right below a segment that carry it on: near, centred on it, and no capitals."""
    first = last = segments[number]
    lines: list[Text] = []
    for segment in segments[number + 1 :]:
        if segment.page_index != first.page_index or segment.top - last.bottom > 0.024 or len(lines) > 4:
            break
        if same_column and segment.left > 0.45:
            continue
        body = segment.folded.lstrip("- (").startswith(BODY)
        centred = abs(segment.middle - first.middle) < 0.06 and (same_column or segment.left > 0.19)
        if body or segment.is_capitals or ":" in segment.plain or not centred:
            break
        lines.append(segment)
        last = segment
    return lines


def _number_after(segment: Text, start: int) -> FieldValue | None:
    rest = segment.plain[start:]
    shift = start + len(rest) - len(rest.lstrip())
    for pattern in (NUMBER_SYMBOL, CIVIL_NUMBER, BUSINESS_NUMBER, LAND_NUMBER, ID_NUMBER):
        if found := pattern.match(rest.lstrip()):
            value = found[0] if pattern is LAND_NUMBER else "".join(found[0].split()).replace("–", "-")
            return segment.value(shift + found.start(), shift + found.end(), value)
    numeral, slash, symbol = rest.strip().partition("/")
    mended = mend_digits(numeral.strip())
    value = f"{mended}/{''.join(symbol.split())}"
    if slash and mended.isdigit() and (NUMBER_SYMBOL.fullmatch(value) or CIVIL_NUMBER.fullmatch(value)):
        return segment.value(start, len(segment.plain), value, trust=0.8, method="reread")
    return None


def _opening_day(segments: Sequence[Text]) -> FieldValue | None:
    """Minutes open with `Hôm nay, … ngày … tháng … năm …`."""
    for number, segment in enumerate(segments):
        if segment.folded.lstrip().startswith("hom nay"):
            for line in segments[number : number + 2]:
                if (found := LONG_DATE.search(line.folded)) and (day := iso_day(*found.groups())):
                    return line.value(found.start(), found.end(), day)
    return None


def _stacked(segments: Sequence[Text], number: int) -> list[tuple[str, int]]:
    """The segment alone, and joined with one or two lines in capitals right below it."""
    found = [(segments[number].plain, number)]
    text, last = segments[number].plain, segments[number]
    for following in range(number + 1, min(number + 3, len(segments))):
        below = segments[following]
        near = below.page_index == last.page_index and 0 <= below.top - last.top < 0.045
        if not near or not below.is_capitals or abs(below.middle - last.middle) > 0.08:
            break
        text, last = f"{text} {below.plain}", below
        found.append((text, following))
    return found


def _fit(text: str, title: str) -> tuple[float, str]:
    """How well a heading fits a title (0..100), and what it says beyond it."""
    clean = re.sub(r"[^\w ,()/-]", "", text).strip(" :.-")
    folded = fold(clean)
    if len(folded) <= len(title) + 3:
        return fuzz.ratio(folded, title), ""
    begins = fuzz.ratio(folded[: len(title)], title)
    return (begins - 4, clean[len(title) :].strip()) if folded[len(title)] == " " else (0.0, "")
