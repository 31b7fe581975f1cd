"""The signature block: authority, title and name at the right below the text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from rapidfuzz import fuzz

from pipeline.describing.head import is_state_name
from pipeline.describing.layout import Segment, Sheet, Token
from pipeline.describing.names import doubt, name_trust, spelt
from pipeline.describing.text import fold, value_of
from registry.values import FieldValue

TITLES = (
    "CHỦ TỊCH", "PHÓ CHỦ TỊCH", "TRƯỞNG PHÒNG", "PHÓ TRƯỞNG PHÒNG", "GIÁM ĐỐC", "PHÓ GIÁM ĐỐC", "CHÁNH VĂN PHÒNG",
    "PHÓ CHÁNH VĂN PHÒNG", "CỤC TRƯỞNG", "PHÓ CỤC TRƯỞNG", "CHI CỤC TRƯỞNG", "TRƯỞNG BAN", "PHÓ TRƯỞNG BAN",
    "TRƯỞNG CÔNG AN", "PHÓ TRƯỞNG CÔNG AN", "HIỆU TRƯỞNG", "TRẠM TRƯỞNG", "BÍ THƯ", "PHÓ BÍ THƯ", "CHỦ TRÌ", "CHỦ TỌA",
    "NGƯỜI LÀM ĐƠN", "NGƯỜI KÊ KHAI", "NGƯỜI KHAI", "NGƯỜI ĐỀ NGHỊ", "NGƯỜI YÊU CẦU", "NGƯỜI VIẾT ĐƠN", "NGƯỜI NỘP ĐƠN",
    "NGƯỜI CAM ĐOAN", "NGƯỜI ỦY QUYỀN", "NGƯỜI ĐI KHAI", "CHỦ HỘ KINH DOANH", "CHỦ HỘ", "ĐẠI DIỆN HỘ KINH DOANH",
    "CÔNG CHỨC TƯ PHÁP - HỘ TỊCH", "CÔNG CHỨC TƯ PHÁP HỘ TỊCH", "BỘ TRƯỞNG", "THỨ TRƯỞNG", "TỔNG GIÁM ĐỐC", "THẨM PHÁN",
    "CHÁNH ÁN", "VIỆN TRƯỞNG", "TRƯỞNG THÔN", "TRƯỞNG ẤP", "CÔNG CHỨC TIẾP NHẬN", "NGƯỜI TIẾP NHẬN", "CHỦ NHIỆM",
    "CHÁNH THANH TRA", "QUYỀN CHỦ TỊCH", "NGƯỜI LẬP BIÊN BẢN", "NGƯỜI THỰC HIỆN", "CÔNG CHỨC", "TRƯỞNG ĐOÀN",
)  # fmt: skip
_KEYS = {fold(title): title for title in TITLES}
_AUTHORITY = re.compile(r"^(tm|kt|tl|tuq|q|t/m|t l|k t|t m)\b")
_HINT = re.compile(r"(ghi ro|dong dau|ky ten|ho va ten|ho ten|chuc vu|^ky )")


BARE = 0.78
"""Few officials have a name of two syllables; under a seal or a signature one has mostly lost its first."""


@dataclass(frozen=True)
class Signature:
    authority: FieldValue | None
    title: FieldValue | None
    name: FieldValue | None
    title_segment: Segment | None


def _title_of(segment: Segment, small: Sequence[str] = ()) -> tuple[str, float] | None:
    """The known title the segment is or opens with, and how sure. small: titles that may be in small letters, alone."""
    key = segment.key
    if len(key) < 5 or is_state_name(segment):
        return None
    if segment.capitals < 0.7 and not segment.text.istitle():
        return _in_small_letters(segment, small)
    if _AUTHORITY.match(key):
        return None
    best = max(_KEYS, key=lambda known: fuzz.ratio(known, key))
    score = fuzz.ratio(best, key)
    if score >= 84:
        return _KEYS[best], score / 100
    opening = [known for known in _KEYS if key.startswith(known + " ")]
    tail = [known for known in _KEYS if key.endswith(" " + known) and len(known) > 6]
    if opening:
        return _KEYS[max(opening, key=len)], 0.9
    return (_KEYS[max(tail, key=len)], 0.8) if tail else None


def _in_small_letters(segment: Segment, titles: Sequence[str]) -> tuple[str, float] | None:
    """The title the whole segment is, as the catalogue spells it; a label with a colon is none."""
    if not titles or not segment.text[0].isupper() or segment.text.endswith(":"):
        return None
    alike = max(titles, key=lambda title: fuzz.ratio(fold(title), segment.key))
    likeness = fuzz.ratio(fold(alike), segment.key)
    return (alike, likeness / 100) if likeness >= 90 else None


def find_signature(sheet: Sheet, unlikely_above: float, small: Sequence[str] = ()) -> Signature:
    """The right-hand block of the last page that has one; parts that cannot be read are absent.

    small: titles that the kind of paper has in small letters too.
    """
    for page in range(sheet.last_page, sheet.first_page - 1, -1):
        floor = unlikely_above if page == sheet.first_page else 0.0
        segments = [s for s in sheet.segments if s.page == page and s.top > floor]
        if found := _on_page(segments, small):
            return found
    return Signature(None, None, None, None)


def _on_page(segments: Sequence[Segment], small: Sequence[str]) -> Signature | None:
    if not segments:
        return None
    middle = (min(s.left for s in segments) + max(s.right for s in segments)) / 2 - 0.09
    titled = [(s, t) for s in segments if (t := _title_of(s, small)) and s.centre > middle]
    if not titled:
        titled = [(s, t) for s in segments if (t := _title_of(s, small)) and t[1] > 0.95 and s.top > 0.3]
    if not titled:
        return _by_authority(segments)
    last = max(titled, key=lambda pair: (round(pair[0].top / 0.03), pair[0].centre))
    segment, (title, score) = last
    block = [s for s in segments if abs(s.centre - segment.centre) < 0.2]
    name = _name_below(block, segment, small)
    if name is None and segment.centre < 0.5:
        return None
    method = "rule" if fold(title) == segment.key else "lexicon"
    titled_tokens = segment.tokens
    return Signature(
        authority=_authority_above(block, segment),
        title=value_of(title, titled_tokens, 0.95 * score, method=method),
        name=name,
        title_segment=segment,
    )


def _by_authority(segments: Sequence[Segment]) -> Signature | None:
    """A block whose title a seal hides: the authority line and the name are still there."""
    marked = [s for s in segments if _AUTHORITY.match(s.key) and s.centre > 0.45 and s.capitals > 0.6]
    if marked:
        last = marked[-1]
        block = [s for s in segments if abs(s.centre - last.centre) < 0.2]
        authority = value_of(last.text, last.tokens, 0.7)
        return Signature(authority, None, _name_below(block, last, ()), None)
    right = [s for s in segments if s.centre > 0.55 and s.left > 0.42 and s.top > 0.4]
    for segment in reversed(right):
        if (named := _as_name(segment)) and named[1] >= 0.95 and len(segment.tokens) <= 5:
            return Signature(None, None, value_of(named[0], segment.tokens, 0.6), None)
    return None


def _authority_above(block: Sequence[Segment], title: Segment) -> FieldValue | None:
    lines: list[Segment] = []
    bottom = title.top
    for segment in sorted((s for s in block if s.top < title.top - 0.003), key=lambda s: -s.top):
        if bottom - segment.top > 0.04 or segment.capitals < 0.7:
            break
        lines.insert(0, segment)
        bottom = segment.top
    while lines and not _AUTHORITY.match(lines[0].key):
        lines.pop(0)
    if not lines:
        return None
    tokens = [t for s in lines for t in s.tokens]
    printed = " ".join(t.text for t in tokens)
    tidy = re.sub(r"\b(TM|KT|TL|TUQ|Q)[,:;]", r"\1.", re.sub(r"^\W+", "", printed))
    return value_of(tidy, tokens, 0.9, method="rule" if tidy == printed else "lexicon")


def _as_name(segment: Segment) -> tuple[str, float, tuple[Token, ...]] | None:
    """The name a segment is, with scribbles of the signature at its ends left out, and the trust in it."""
    tokens = [t for t in segment.tokens if t.key]
    best: tuple[str, float, tuple[Token, ...]] | None = None
    for start in range(len(tokens)):
        for end in range(len(tokens), start + 1, -1):
            words = [re.sub(r"[^\w']", "", t.text) for t in tokens[start:end]]
            trust = name_trust([w for w in words if w]) if all(words) else 0.0
            left_out = [
                t for t in tokens[:start] + tokens[end:] if t.text.isalpha() and t.text[0].isupper() and len(t.text) > 1
            ]
            trust -= 0.12 * len(left_out) + 0.02 * (len(tokens) - len(words))
            if trust > 0.5 and (best is None or trust > best[1]):
                best = (spelt(words), trust, tuple(tokens[start:end]))
    return best


def _name_below(block: Sequence[Segment], title: Segment, small: Sequence[str]) -> FieldValue | None:
    below = [s for s in block if 0.012 < s.top - title.top < 0.3 and not _HINT.search(s.key)]
    below = [s for s in below if _title_of(s, small) is None]
    rated = [(named, s) for s in below if (named := _as_name(s))]
    if not rated:
        return None
    (name, trust, tokens), _ = max(rated, key=lambda pair: (round(pair[0][1], 1), pair[1].top))
    words = [re.sub(r"[^\w']", "", t.text) for t in tokens]
    trust = min(1.0, trust) * doubt(words) * (BARE if len(words) == 2 else 1.0)
    return value_of(name, tokens, trust, method="rule" if name.lower() == " ".join(words).lower() else "lexicon")
