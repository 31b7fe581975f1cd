"""The agency that issues a paper, from the left column of its head, spelt as one writes it in a sentence."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from rapidfuzz import fuzz

from pipeline.describing.layout import Segment
from pipeline.describing.text import fold, spell_agency, unit_of, value_of
from registry.values import FieldValue

_STARTERS = (
    "uy ban nhan dan", "ubnd", "phong", "so ", "ban ", "van phong", "trung tam", "cong an", "hoi dong", "chi cuc",
    "cuc ", "tong cuc", "bo ", "chi nhanh", "truong ", "tram ", "dang uy", "toa an", "vien ", "hoi ", "doan ",
    "thanh tra", "quy ", "bao hiem", "kho bac", "ban chi huy", "to ", "benh vien", "mat tran", "chi doi",
    "hdnd", "vp ", "ca ",
)  # fmt: skip
_UNIT_WORDS = {"xa": "XÃ", "phuong": "PHƯỜNG", "thi tran": "THỊ TRẤN", "huyen": "HUYỆN", "quan": "QUẬN", "tinh": "TỈNH",
               "thi xa": "THỊ XÃ", "thanh pho": "THÀNH PHỐ", "dac khu": "ĐẶC KHU"}  # fmt: skip
_SHORT_UNITS = {
    "TP": "THÀNH PHỐ",
    "TX": "THỊ XÃ",
    "TT": "THỊ TRẤN",
    "H": "HUYỆN",
    "Q": "QUẬN",
    "P": "PHƯỜNG",
    "X": "XÃ",
}
_SHORT = re.compile(r"\b(?:(TP|TX)(?:\.\s*|\s+)|(?<=UBND )(TT|[HQPX])\.\s*|(?<=NHÂN DÂN )(TT|[HQPX])\.\s*)(?=\w)")
_OFFICES = {
    "TB&XH": "THƯƠNG BINH VÀ XÃ HỘI", "TBXH": "THƯƠNG BINH VÀ XÃ HỘI", "LĐ": "LAO ĐỘNG",
    "LĐTBXH": "LAO ĐỘNG - THƯƠNG BINH VÀ XÃ HỘI", "LĐTB&XH": "LAO ĐỘNG - THƯƠNG BINH VÀ XÃ HỘI",
    "TN&MT": "TÀI NGUYÊN VÀ MÔI TRƯỜNG", "TNMT": "TÀI NGUYÊN VÀ MÔI TRƯỜNG", "NN&MT": "NÔNG NGHIỆP VÀ MÔI TRƯỜNG",
    "NN&PTNT": "NÔNG NGHIỆP VÀ PHÁT TRIỂN NÔNG THÔN", "GD&ĐT": "GIÁO DỤC VÀ ĐÀO TẠO", "KH&ĐT": "KẾ HOẠCH VÀ ĐẦU TƯ",
    "KH&CN": "KHOA HỌC VÀ CÔNG NGHỆ", "VH&TT": "VĂN HÓA VÀ THÔNG TIN", "TT&TT": "THÔNG TIN VÀ TRUYỀN THÔNG",
    "VH-XH": "VĂN HÓA - XÃ HỘI", "TC-KH": "TÀI CHÍNH - KẾ HOẠCH", "KT-HT": "KINH TẾ - HẠ TẦNG",
    "HĐND&UBND": "HỘI ĐỒNG NHÂN DÂN VÀ ỦY BAN NHÂN DÂN", "TAND": "TÒA ÁN NHÂN DÂN", "VKSND": "VIỆN KIỂM SÁT NHÂN DÂN",
}  # fmt: skip
"""Offices' names as heads shorten them: each has one long form."""
_FIRST_WORDS = {"VP": "VĂN PHÒNG", "CA": "CÔNG AN", "SỐ": "SỞ", "SO": "SỞ", "SƠ": "SỞ"}
"""What the first word of an agency's name stands for, shortened or misread."""


_COMMITTEE = "uy ban nhan dan"
_BODIES = ("ban chap hanh", "ban thuong vu", "ban thuong truc")
"""They have no name of their own: each is somebody's."""


def opens_agency(key: str) -> bool:
    """Whether a folded line begins as the name of an agency does."""
    if key.startswith(_STARTERS):
        return True
    return any(fuzz.ratio(key[: len(s)], s) >= 85 for s in (_COMMITTEE, "van phong", "trung tam", "cong an"))


def opens_unit(key: str) -> bool:
    """Whether a folded line begins as the name of a territorial unit does."""
    return _unit_at([*key.split()], 0) is not None


def is_number_line(segment: Segment) -> bool:
    """Whether the segment is a line "Số: …", not the name of a department (SỞ TƯ PHÁP): the two fold alike."""
    opening = " ".join(token.text for token in segment.tokens[:2])
    return segment.key.split()[:1] == ["so"] and (":" in opening or any(c.isdigit() or c == "/" for c in segment.text))


def issuing_agency(column: Sequence[Segment]) -> FieldValue | None:
    """The agency of the left head column, spelt out; a department with the unit of the agency above it."""
    lines = [segment for segment in column if segment.key and not is_number_line(segment)]
    start = max((i for i, s in enumerate(lines) if opens_agency(s.key)), default=None)
    if start is None:
        return None
    issuer, above = lines[start:], lines[:start]
    name, *around = _parts(issuer)
    spelt = ", ".join([spell_agency(name), *_units(around)])
    if not name:
        return None
    tokens = [t for s in issuer for t in s.tokens]
    council = fold(spelt).startswith(("uy ban", "hoi dong"))
    if above and fold(name).startswith(_BODIES):
        whole, *around = _parts(above)
        spelt = ", ".join([f"{spelt} {spell_agency(whole)}", *_units(around)])
        tokens = [t for s in above for t in s.tokens] + tokens
    elif unit_of(spelt) is None and not council and (parents := _units(_parts(above))):
        spelt = f"{spelt} {', '.join(parents)}"
        tokens = [t for s in above for t in s.tokens] + tokens
    return value_of(spelt, tokens, 0.93 if unit_of(spelt) else 0.6)


def _units(parts: Sequence[str]) -> list[str]:
    """The territorial units that the parts name, the smaller one first."""
    return [unit for part in parts if (unit := unit_of(part))]


def _parts(lines: Sequence[Segment]) -> list[str]:
    """An agency's lines as its name up to its own unit, and the units around that ("HUYỆN BÌNH AN")."""
    words: list[str] = []
    for segment in lines:
        line = _cleaned(segment.text)
        unit = _unit_at([fold(word) for word in line], 0)
        if unit and words and _unit_at([fold(word) for word in words], len(words) - unit.count(" ") - 1) is None:
            line = [*_UNIT_WORDS[unit].split(), *line[unit.count(" ") + 1 :]]
        words += line
    opening = fold(" ".join(words[:4]))
    if len(words) >= 5 and fuzz.ratio(opening, _COMMITTEE) >= 80 and fuzz.ratio(opening[:6], _COMMITTEE[:6]) >= 75:
        words = ["ỦY", "BAN", "NHÂN", "DÂN", *words[4:]]
    return [" ".join(part).strip(" -") for part in _parted_at_units(words)]


def _parted_at_units(words: Sequence[str]) -> list[Sequence[str]]:
    """The words up to the second unit, and those from each further one on: each has a word of its name at least."""
    starts, last = [0], -1
    at = 0
    while at < len(words):
        unit = _unit_at([word.lower() for word in words], at, spelt=True)
        if unit and last >= 0 and at > last:
            starts.append(at)
        if unit:
            last = at + unit.count(" ") + 1
            at = last
        at += 1
    return [words[start:end] for start, end in pairwise([*starts, len(words)])]


def _unit_at(words: Sequence[str], at: int, *, spelt: bool = False) -> str | None:
    """The folded word or words for a kind of unit that stand here. spelt: with all their marks."""
    for width in (2, 1):
        told = " ".join(words[at : at + width]) if at + width <= len(words) else ""
        known = fold(told) if spelt else told
        if known not in _UNIT_WORDS or (spelt and width == 1 and told != _UNIT_WORDS[known].lower()):
            continue
        following = fold(words[at + 1]) if at + 1 < len(words) else ""
        if not (known == "xa" and following == "hoi"):
            return known
    return None


def _cleaned(text: str) -> list[str]:
    """The words of a line of a head: marks at their ends gone, units and offices written out."""
    text = _SHORT.sub(_long_unit, re.sub(r"\s*&\s*", "&", text))
    words = [word.strip(".,:;'`^") for word in text.split()]
    words = [word for word in words if word == "-" or re.fullmatch(r"[^\W_]+(?:[-&/.][^\W_]+)*", word)]
    words = [_OFFICES.get(word, word) for word in words]
    if words and words[0].upper() in _FIRST_WORDS:
        words[0] = _FIRST_WORDS[words[0].upper()]
    return " ".join(words).replace("&", " VÀ ").split()


def _long_unit(short: re.Match[str]) -> str:
    return _SHORT_UNITS[next(filter(None, short.groups()))] + " "
