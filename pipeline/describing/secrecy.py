"""Stamps of secrecy (NĐ 30/2020/NĐ-CP, box 10a): such a paper must not be scanned at all."""

from __future__ import annotations

from collections.abc import Sequence

from rapidfuzz import fuzz

from pipeline.describing.layout import lay_out
from registry.values import PageText

_MARKS = {"tuyet mat": "TUYỆT MẬT", "toi mat": "TỐI MẬT"}
_LABELS = ("do mat ", "muc do mat ", "dau mat ")


def secrecy_mark(pages: Sequence[PageText]) -> str | None:
    """The mark that stands by itself in capitals on a page's head: TUYỆT MẬT, TỐI MẬT or MẬT; None when none does."""
    for segment in lay_out(pages).segments:
        if segment.top > 0.35 or (segment.capitals < 0.99 and not segment.key.startswith(_LABELS)):
            continue
        key = segment.key
        for label in _LABELS:
            key = key.removeprefix(label)
        for mark, spelt in _MARKS.items():
            if abs(len(key) - len(mark)) <= 1 and key.endswith("at") and fuzz.ratio(key, mark) >= 85:
                return spelt
        if key == "mat" and segment.top < 0.3:
            return "MẬT"
    return None
