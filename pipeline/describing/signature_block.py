"""Who signed: authority, position and name, from the block at the lower right (NĐ 30/2020/NĐ-CP, boxes 7a to 7c)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.describing.patterns import CAPITALS, NAME, as_name, is_name
from pipeline.describing.text import Text, evidence
from registry.values import FieldValue

TITLE = re.compile(
    r"(?:pho |quyen )?(?:chu tich|truong phong|giam doc|cuc truong|chi cuc truong|chanh van phong|bi thu|hieu truong"
    r"|truong (?:ban|thon|cong an|tram|khu pho|khoa)|vu truong|bo truong|thu truong|vien truong|chanh an|to truong)"
    r"|nguoi (?:lam don|ke khai|khai|yeu cau|de nghi|viet don|cam doan|uy quyen|nop don|dang ky|dai dien)"
    r"|chu tri|chu ho|cong chuc tu phap(?: - ho tich)?|dai dien [a-z ]+|nguoi thuc hien"
)
AUTHORITY = re.compile(r"^(?:tm|kt|q|tl|tuq|t/m|k/t)\s?[.,]")
LOWEST_GAP = 0.34
"""A name stands at most this far (of the page's height) below its title: room for seal and signature."""


@dataclass(frozen=True, slots=True)
class Signature:
    authority: FieldValue | None
    title: FieldValue
    name: FieldValue | None
    agency_in_title: str | None


def find_signature(segments: Sequence[Text]) -> Signature | None:
    """The last block with a title and a name below it; at the right when there are two beside each other."""
    best: tuple[tuple[float, ...], Signature] | None = None
    for number, segment in enumerate(segments):
        found = _title_of(segment)
        if found is None or segment.middle < 0.3:
            continue
        title, agency = found
        name = _name_below(segments, number, segment)
        authority = _authority_above(segments, number, segment)
        rank = (name is not None, segment.page_index, segment.middle > 0.5, segment.top)
        if best is None or rank > best[0]:
            best = (rank, Signature(authority, title, name, agency))
    return best[1] if best else None


def _title_of(segment: Text) -> tuple[FieldValue, str | None] | None:
    """A title alone on its line, in capitals; `CỤC TRƯỞNG CỤC …` names the agency as well."""
    lead = re.match(r"\W*", segment.folded)
    start = lead.end() if lead else 0
    found = TITLE.match(segment.folded, start)
    if not found or not segment.is_capitals or (segment.top < 0.08 and segment.page_index == 0):
        return None
    rest = segment.plain[found.end() :].strip(" .:,'")
    if len(rest) > 3 and not rest.upper().startswith(("CỤC", "PHÒNG", "SỞ", "TRUNG")):
        return None
    return segment.value(start, found.end(), trust=0.98), rest or None


def _name_below(segments: Sequence[Text], number: int, title: Text) -> FieldValue | None:
    """The nearest name-like text below the title and centred on it, past the signature and the seal."""
    candidates = []
    for segment in segments[number + 1 :]:
        if segment.page_index != title.page_index or segment.top - title.bottom > LOWEST_GAP:
            break
        if abs(segment.middle - title.middle) > 0.13 or TITLE.match(segment.folded):
            continue
        text = re.sub(r"^[^\w]+|[^\w]+$", "", segment.plain)
        text = re.sub(r"^(?:\S\s)+(?=[" + CAPITALS + r"]\w)", "", text)
        if is_name(text) and all(w.confidence > 0.3 for w in segment.words):
            value = as_name(text)
            candidates.append(evidence(segment.words, segment.page_index, segment.plain, value))
        elif found := NAME.search(segment.plain):
            if found.end() - found.start() > 0.7 * len(segment.plain):
                candidates.append(segment.value(found.start(), found.end(), trust=0.85))
    return max(candidates, key=lambda c: (c.confidence > 0.6, c.box.top if c.box else 0), default=None)


def _authority_above(segments: Sequence[Text], number: int, title: Text) -> FieldValue | None:
    """`TM. ỦY BAN NHÂN DÂN` / `KT. CHỦ TỊCH`: the lines right above the title."""
    lines: list[Text] = []
    top = title.top
    for segment in reversed(segments[:number]):
        if segment.page_index != title.page_index or top - segment.top > 0.05:
            break
        if abs(segment.middle - title.middle) > 0.12:
            continue
        if not AUTHORITY.match(segment.folded):
            break
        lines.insert(0, segment)
        top = segment.top
    if not lines:
        return None
    raw = " ".join(line.plain for line in lines)
    return evidence([w for line in lines for w in line.words], title.page_index, raw, None)
