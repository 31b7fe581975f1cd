"""Where no sheet lies between two papers: whether a page opens another one. Only what is sure counts.

A page that is cut off its document wrongly does more harm than two papers left together: those can be told apart by
whoever looks at them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from rapidfuzz import fuzz

from pipeline.describing.head import is_state_name
from pipeline.describing.layout import Row, lay_out
from pipeline.describing.text import fold
from registry.values import PageText

HEAD = 0.3
"""The state's name stands in the upper margin (NĐ 30/2020/NĐ-CP, Annex I), below a line of a form's number at most."""
HALF, EDGE = 0.5, 0.12
ENOUGH_WORDS = 12
FULL_PAGE = 170
"""Words: a copy of an identity card has about 90, a page of an application that speaks of one far more."""
_TITLES = ("can cuoc cong dan", "the can cuoc", "can cuoc", "giay chung minh nhan dan", "chung minh nhan dan",
           "citizen identity card", "identity card")  # fmt: skip
"""In capitals, on a line that says nothing else."""
_FRONT = ("can cuoc cong dan", "citizen identity card", "full name", "date of birth", "nationality",
          "place of origin")  # fmt: skip
_BACK = ("personal identification", "dac diem nhan dang", "left index finger", "right index finger", "date month year",
         "date of issue", "ministry of public security", "dau vet rieng va di hinh", "ngon tro trai",
         "ngon tro phai")  # fmt: skip
_EITHER = ("place of residence", "date of expiry", "place of birth")
"""On the front of a card of before July 2024, on the back of a later one."""
_FRONT_NUMBER = "identification number"
_MACHINE_LINE = re.compile(r"IDVNM|<<<|(?:[A-Z]{2,}<+){2}")
_CARD_CODE = re.compile(r"\d{12}\|(?:\d{9})?\|[^|]+\|\d{8}\|(?:Nam|Nữ)\|.*", re.DOTALL)
_LAND_OWNER = "nguoi su dung dat chu so huu nha o va tai san khac gan lien voi dat"
_LAND_TITLE = "giay chung nhan quyen su dung dat"
_PAGE_NUMBER = re.compile(r"(?:trang )?(\d{1,3})(?:/\d{1,3})?")


@dataclass(frozen=True, slots=True)
class Signs:
    """What a page shows of where it stands in its document.

    headed: it bears the state's name or motto at its top. follows: it is numbered as a second or later page.
    front, back: it is a copy of that side of an identity card. land_title, land_owner: the title, or the first section,
    of a land-use certificate. words: how many.
    """

    headed: bool = False
    follows: bool = False
    front: bool = False
    back: bool = False
    land_title: bool = False
    land_owner: bool = False
    words: int = 0

    @property
    def card(self) -> bool:
        return self.front or self.back


def signs_of(page: PageText) -> Signs:
    """What the page's words and codes show."""
    rows = lay_out([page]).rows
    if not rows:
        return Signs()
    front, back = _card_sides(page, rows)
    top = [row for row in rows if row.top < HEAD]
    return Signs(
        headed=any(is_state_name(s) for row in top for s in row.segments),
        follows=_numbered(rows),
        front=front,
        back=back,
        land_title=fuzz.partial_ratio(_LAND_TITLE, " ".join(row.key for row in rows if row.top < HALF)) >= 90,
        land_owner=any(_is_land_owner(row) for row in top),
        words=len(page.words),
    )


def opens(page: Signs, before: Sequence[Signs]) -> bool:
    """Whether the page is the first of another document than the pages before it, which are of one."""
    if page.words < ENOUGH_WORDS or not before:
        return False
    if page.card:
        # the two sides of one card may lie on two pages
        other_side = len(before) == 1 and before[0].card and page.front != page.back
        return not (other_side and (page.front, page.back) == (before[0].back, before[0].front))
    if page.follows:
        return False
    if page.land_owner:
        return not (before[-1].land_title and not before[-1].land_owner)
    return page.headed or all(b.card for b in before)


def _card_sides(page: PageText, rows: Sequence[Row]) -> tuple[bool, bool]:
    if len(page.words) > FULL_PAGE:
        return False, False
    front, back, either = (_seen(labels, rows) for labels in (_FRONT, _BACK, _EITHER))
    if _seen((_FRONT_NUMBER,), rows):  # of July 2024 on: what is the back's label of an earlier card opens it
        front, back = front + 1, back - 1
    titles = [s for row in rows for s in row.segments if s.capitals > 0.75 and len(s.tokens) <= 5]
    front += 2 * any(fuzz.ratio(title, s.key) >= 90 for s in titles for title in _TITLES)
    lines = bool(_MACHINE_LINE.search(page.text.replace(" ", "")))
    coded = any(_CARD_CODE.fullmatch(code) for code in page.codes)
    if front + back + either + 2 * lines + 2 * coded < 2:
        return False, False
    is_back = lines or back > 0
    return front > 0 or not is_back, is_back


def _seen(labels: Sequence[str], rows: Sequence[Row]) -> int:
    """How many of the labels stand on the page."""
    keys = [row.key for row in rows]
    return sum(any(len(k) >= len(c) - 2 and fuzz.partial_ratio(c, k) >= 86 for k in keys) for c in labels)


def _is_land_owner(row: Row) -> bool:
    """Whether the row is the section's title: nothing before it but its number, however that was read."""
    found = fuzz.partial_ratio_alignment(_LAND_OWNER, row.key, score_cutoff=85)
    if found is None or len(row.key) < len(_LAND_OWNER) - 8 or found.dest_start > 6:
        return False
    return fuzz.partial_ratio("nguoi", row.key[:11]) >= 75  # the certificate's title is much like it but for that


def _numbered(rows: Sequence[Row]) -> bool:
    """Whether a line of its own, in the middle of the upper margin or at the very end, is a page number from 2 on."""
    for row in (rows[0], rows[-1]):
        found = _PAGE_NUMBER.fullmatch(fold(row.text))
        at_edge = row.top < EDGE or row.top > 1 - EDGE
        if found and at_edge and len(row.segments) == 1 and 2 <= int(found[1]) <= 500:
            middle = abs(row.segments[0].centre - 0.5) < 0.12
            if middle or row.top > 1 - EDGE:
                return True
    return False
