"""Which kind of paper it is: by its heading, else by the words only such a paper has, else by its number."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rapidfuzz import fuzz

from config.catalogue import DocumentType
from pipeline.describing.head import Head, is_state_name
from pipeline.describing.layout import Segment, Sheet
from pipeline.describing.text import fold, sentence_case

ABBREVIATIONS = {
    "NQ": "Nghị quyết", "QĐ": "Quyết định", "CT": "Chỉ thị", "QC": "Quy chế", "QyĐ": "Quy định", "TC": "Thông cáo",
    "TB": "Thông báo", "HD": "Hướng dẫn", "CTr": "Chương trình", "KH": "Kế hoạch", "PA": "Phương án", "ĐA": "Đề án",
    "DA": "Dự án", "BC": "Báo cáo", "BB": "Biên bản", "TTr": "Tờ trình", "HĐ": "Hợp đồng", "CĐ": "Công điện",
    "BGN": "Bản ghi nhớ", "BTT": "Bản thỏa thuận", "GUQ": "Giấy ủy quyền", "GM": "Giấy mời", "GGT": "Giấy giới thiệu",
    "GNP": "Giấy nghỉ phép", "PG": "Phiếu gửi", "PC": "Phiếu chuyển", "PB": "Phiếu báo", "SY": "Sao y",
    "SL": "Sao lục", "TrS": "Trích sao",
}  # fmt: skip
"""NĐ 30/2020/NĐ-CP, Annex III."""

_LABELS = {
    "giay khai sinh": ("noi dang ky khai sinh", "ten nguoi di khai sinh", "nguoi ky giay khai sinh"),
    "trich luc khai tu": ("noi dang ky khai tu", "ten nguoi di khai tu", "da chet vao luc"),
    "giay chung nhan dang ky ho kinh doanh": ("thong tin ve chu ho kinh doanh", "von kinh doanh"),
}
"""Printed labels that only this kind of form has."""
_OPENERS = ("giay", "don", "phieu", "to khai", "trich luc", "ban", "bien ban", "thong bao", "hop dong", "bang", "so ho")


@dataclass(frozen=True)
class Kind:
    """code is None for a kind the catalogue does not know. heading: the lines it stands in, rest: what follows it."""

    code: str | None
    name: str
    abbreviation: str | None
    score: float
    heading: tuple[Segment, ...]
    rest: str = ""


def headings(sheet: Sheet, head: Head) -> list[tuple[Segment, ...]]:
    """Runs of capital lines that can be a heading, from the top: below the head, in the middle."""
    found: list[tuple[Segment, ...]] = []
    run: list[Segment] = []
    for segment in (s for s in sheet.segments if s.page == sheet.first_page and s.top < 0.62):
        if segment in head.left or is_state_name(segment) or segment.capitals < 0.75 or len(segment.key) < 6:
            continue
        if run and (segment.top - run[-1].top > 0.045 or abs(segment.centre - run[-1].centre) > 0.08):
            found.append(tuple(run))
            run = []
        run.append(segment)
    return [*found, tuple(run)] if run else found


def classify(sheet: Sheet, head: Head, kinds: Mapping[str, DocumentType], symbol: str | None) -> Kind | None:
    """The kind with the best vote; None when nothing on the paper tells."""
    best = _by_heading(headings(sheet, head), kinds)
    if best and best.score >= 0.9:
        return best
    cued = _by_cues(sheet, kinds)
    if cued and (best is None or cued.score > best.score):
        return cued
    if best and best.score >= 0.8:
        return best
    by_number = _by_number(sheet, kinds, symbol)
    return by_number or best or _unknown(headings(sheet, head))


def _by_heading(runs: Sequence[tuple[Segment, ...]], kinds: Mapping[str, DocumentType]) -> Kind | None:
    best: Kind | None = None
    weight = 0.0
    for order, run in enumerate(runs):
        for length in range(min(3, len(run)), 0, -1):
            key = " ".join(s.key for s in run[:length])
            for code, kind in kinds.items():
                for title in {kind.name, *kind.titles}:
                    score = _likeness(fold(title), key)
                    rated = score + min(len(title), 60) / 400 - 0.02 * order
                    if score >= 78 / 100 and rated > weight:
                        rest = " ".join(run_text.text for run_text in run[:length]).split()[len(title.split()) :]
                        best = Kind(code, kind.name, kind.abbreviation, score, run[:length], " ".join(rest))
                        weight = rated
    return best


def _likeness(title: str, key: str) -> float:
    """How well the heading begins with the title, 0..1."""
    if len(title) < 6 or len(key) < 6:
        return fuzz.ratio(title, key) / 100 if title == key else 0.0
    words = len(title.split())
    return max(fuzz.ratio(title, " ".join(key.split()[:n])) for n in {words - 1, words, words + 1} if n > 0) / 100


def _by_cues(sheet: Sheet, kinds: Mapping[str, DocumentType]) -> Kind | None:
    keys = [row.key for row in sheet.rows]
    best: Kind | None = None
    for code, kind in kinds.items():
        cues = [*(fold(cue) for cue in kind.cues), *_LABELS.get(fold(kind.name), ())]
        hits = sum(any(fuzz.partial_ratio(cue, key) >= 86 for key in keys if len(key) >= len(cue) - 3) for cue in cues)
        score = min(0.95, 0.68 + 0.1 * hits)
        if hits and (best is None or score > best.score):
            best = Kind(code, kind.name, kind.abbreviation, score, ())
    return best


def _by_number(sheet: Sheet, kinds: Mapping[str, DocumentType], symbol: str | None) -> Kind | None:
    abbreviation = abbreviation_in(symbol, kinds)
    if abbreviation:
        for code, kind in kinds.items():
            if kind.abbreviation == abbreviation:
                return Kind(code, kind.name, abbreviation, 0.75, ())
        if abbreviation in ABBREVIATIONS:
            return Kind(None, ABBREVIATIONS[abbreviation], abbreviation, 0.7, ())
    top = [row.key for row in sheet.rows if row.page == sheet.first_page and row.top < 0.5]
    letter = any(re.match(r"(v/v|kinh gui)\b", key) or fuzz.partial_ratio("kinh gui", key) >= 90 for key in top)
    about = any(re.search(r"(^|\s)v/v\b", key) for key in top)
    if (symbol and letter) or (about and letter):
        for code, kind in kinds.items():
            if fold(kind.name) == "cong van":
                return Kind(code, kind.name, None, 0.9 if about and symbol else 0.75, ())
    return None


def _unknown(runs: Sequence[tuple[Segment, ...]]) -> Kind | None:
    """A heading no catalogue knows: a type of NĐ 30, or a line that opens like the name of a paper."""
    for run in runs:
        text = " ".join(s.text for s in run[:2]).strip(" .:")
        for abbreviation, name in ABBREVIATIONS.items():
            if _likeness(fold(name), run[0].key) >= 0.88:
                return Kind(None, name, abbreviation, 0.7, run[:1])
        if run[0].centred and not run[0].text.startswith("(") and run[0].key.startswith(_OPENERS):
            return Kind(None, sentence_case(text), None, 0.5, run[:2])
    return None


def abbreviation_in(symbol: str | None, kinds: Mapping[str, DocumentType]) -> str | None:
    """The type's abbreviation inside a number and symbol: "TB" of "12/TB-UBND"."""
    if not symbol or "/" not in symbol:
        return None
    known = {
        *ABBREVIATIONS,
        "GXN",
        "TLKT",
        "TLKS",
        "TLKH",
        "TLHT",
        *(k.abbreviation for k in kinds.values() if k.abbreviation),
    }
    known -= {"CCCD", "CC"}
    parts = [part for group in symbol.split("/")[1:] for part in group.split("-")]
    return next((part for part in parts if part in known), None)
