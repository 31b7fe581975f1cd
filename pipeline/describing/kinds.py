"""Which kind of paper it is: by its heading, else by the words only such a paper has, else by its number."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from rapidfuzz import fuzz
from rapidfuzz.distance import Levenshtein

from config.catalogue import DocumentType
from pipeline.describing.head import Head, is_stamp_of_arrival, is_state_name
from pipeline.describing.layout import Segment, Sheet
from pipeline.describing.names import sounds_vietnamese
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

_OPENERS = ("giay", "don", "phieu", "to khai", "trich luc", "ban", "bien ban", "thong bao", "hop dong", "bang", "so ho")
SURE = 0.8
"""A Vietnamese syllable that the engine is so sure of is what is printed."""
SHORTEST = 6
"""A title of fewer letters is like too many words for a slip."""
NOISE = 2
"""So many letters before a heading may be the edge of a picture or of a frame."""


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
        if segment in head.left or is_state_name(segment) or is_stamp_of_arrival(segment):
            continue
        if segment.capitals < 0.75 or len(segment.key) < 6:
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
    titles = [(code, kind, title) for code, kind in kinds.items() for title in {kind.name, *kind.titles}]
    for order, run in enumerate(runs):
        for start in _starts(run):
            before = weight
            for length in range(min(3, len(run) - start), 0, -1):
                lines = run[start : start + length]
                read = _read(lines)
                for code, kind, title in titles:
                    if (fitting := _fit(tuple(fold(title).split()), read)) is None:
                        continue
                    score, used = fitting
                    rated = score + min(len(title), 60) / 400 - 0.02 * order
                    if rated > weight:
                        rest = " ".join(word.text for word in read[used:])
                        best, weight = Kind(code, kind.name, kind.abbreviation, score, lines, rest), rated
            if weight > before:
                break
    return best


def _starts(run: Sequence[Segment]) -> Iterator[int]:
    """Where in a run of lines a heading may begin: above it may stand an agency, or the state's name in English."""
    for start, segment in enumerate(run):
        yield start
        if segment.key.startswith(_OPENERS):
            return


@dataclass(frozen=True, slots=True)
class _Read:
    """A word of a heading. sure: it is no slip of reading."""

    text: str
    key: str
    sure: bool


def _read(lines: Sequence[Segment]) -> list[_Read]:
    return [
        _Read(token.text if first else "", key, token.confidence >= SURE and sounds_vietnamese(key))
        for segment in lines
        for token in segment.tokens
        for first, key in zip((True, *[False] * len(token.key)), token.key.split(), strict=False)
    ]


def _fit(title: tuple[str, ...], read: Sequence[_Read]) -> tuple[float, int] | None:
    """How well what was read begins with the title, 0..1, and how many of its words that takes; None when it does not.

    Every word of the title is there, with the slips that a word of its length may have: one that was read well and is
    another word is no slip (CHỨNG MINH is not CHỨNG SINH).
    """
    letters = sum(map(len, title))
    most = 0 if letters < SHORTEST else max(1, letters // 5)
    found = _edits(title, read, 0, 0, most)
    return (1 - found[0] / letters, found[1]) if found else None


def _edits(title: tuple[str, ...], read: Sequence[_Read], at: int, next_: int, most: int) -> tuple[int, int] | None:
    """The fewest slips, at most `most`, with which the rest of the title is the rest of what was read, and its end."""
    if at == len(title):
        return 0, next_
    best: tuple[int, int] | None = None
    for wide, many in ((1, 1), (1, 2), (2, 1)):  # as it is; with a blank too much; with a blank lost
        taken = read[next_ : next_ + many]
        if len(taken) < many or at + wide > len(title):
            continue
        slips = _slips("".join(title[at : at + wide]), taken)
        if slips is None or slips > most:
            continue
        rest = _edits(title, read, at + wide, next_ + many, most - slips)
        if rest and (best is None or slips + rest[0] < best[0]):
            best = slips + rest[0], rest[1]
    if best is None and at == next_ == 0 and most and read and len(read[0].key) <= NOISE:
        rest = _edits(title, read, 0, 1, most - 1)
        best = (rest[0] + 1, rest[1]) if rest else None
    return best


def _slips(word: str, taken: Sequence[_Read]) -> int | None:
    """How many letters of the word were misread; None when it is another word."""
    key = "".join(part.key for part in taken)
    if key == word:
        return 0
    if all(part.sure for part in taken):
        return None
    slips = Levenshtein.distance(word, key)
    return slips if slips <= max(1, len(word) // 3) else None


def _by_cues(sheet: Sheet, kinds: Mapping[str, DocumentType]) -> Kind | None:
    keys = [row.key for row in sheet.rows]
    best: Kind | None = None
    for code, kind in kinds.items():
        cues = [fold(cue) for cue in kind.cues]
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
            if _fit(tuple(fold(name).split()), _read(run[:1])):
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
    known -= {"CCCD", "CC", "CMND"}
    parts = [part for group in symbol.split("/")[1:] for part in group.split("-")]
    return next((part for part in parts if part in known), None)
