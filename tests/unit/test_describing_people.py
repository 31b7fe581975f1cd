"""Who is named on hand-made pages, and that each gets the number and the birth date that are theirs and no others."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

import pytest

from config.catalogue import SHIPPED, load_catalogue
from pipeline.describing import describe
from registry.values import Box, FieldValue, PageText, Person, Word

KINDS = dict(load_catalogue(SHIPPED).kinds)
LETTER, BLANK, GAP = 0.0105, 0.006, 0.05
Line = tuple[float, float, str]


def page(lines: Sequence[Line], index: int = 0) -> PageText:
    """A page whose lines start at (left, top). Two blanks or more are a wide gap within the line; lines of one height
    are read as lines of their own, as cells of a table are."""
    words = []
    for number, (left, top, text) in enumerate(lines):
        at = left
        for cell in re.split(r"\s{2,}", text):
            for part in cell.split():
                right = at + LETTER * len(unicodedata.normalize("NFC", part))
                box = Box(left=min(1, at), top=top, right=min(1, right), bottom=top + 0.012)
                words.append(Word(text=part, box=box, confidence=0.95, line=number))
                at = right + BLANK
            at += GAP
    text = "\n".join(line[2] for line in lines)
    return PageText(index=index, text=text, confidence=0.95, width_px=1654, height_px=2339, words=tuple(words))


def lines(*texts: str, left: float = 0.15, top: float = 0.3) -> list[Line]:
    return [(left, top + 0.025 * n, text) for n, text in enumerate(texts)]


def people(*found: Line) -> tuple[Person, ...]:
    return describe([page(found)], KINDS).people


def told(person: Person) -> tuple[str | None, str | None, str | None]:
    """Name, number and birth date of a person."""

    def value(found: FieldValue | None) -> str | None:
        return found.value if found else None

    return value(person.full_name), value(person.id_number), value(person.date_of_birth)


@pytest.mark.parametrize(
    "printed",
    [
        "Tôi tên: Sơn Minh Tâm   Năm sinh: 1966",
        "Tôi tên: Sơn Minh Tâm Năm sinh: 1966",
        "Họ và tên: SƠN MINH TÂM NĂM SINH: 1966",
        "Họ và tên: SƠN MINH TÂM   GIỚI TÍNH: NAM",
        "Họ và tên: Sơn Minh Tâm   Nam",
        "Họ và tên: Sơn Minh Tâm Chức vụ: Trưởng ấp",
        "Họ và tên: Sơn Minh Tâm Ngày, tháng, năm sinh: 01/01/1966",
        "Họ và tên: Sơn Minh Tâm Số CCCD: 084066007788",
        "Họ và tên: Sơn Minh Tâm CCCD số 084066007788",
        "Họ và tên: Sơn Minh Tâm Sinh ngày 01/01/1966",
        "Ông Sơn Minh Tâm Điện thoại liên hệ: 0912345678",
        "Ông Sơn Minh Tâm thường trú tại: ấp 4, xã An Phú",
        "Ông Sơn Minh Tâm sinh năm: 1966",
        "Ông Sơn Minh Tâm   Ấp Phú Lợi",
    ],
)
def test_a_name_ends_where_the_next_label_or_column_begins(printed: str) -> None:
    assert [told(person)[0] for person in people(*lines(printed))] == ["Sơn Minh Tâm"]


@pytest.mark.parametrize("name", ["Thạch Sô Phia", "Trần Văn Nam", "Lê Dân", "Kim Thị Sa Rây"])
def test_small_words_up_to_a_colon_do_not_make_a_label_of_the_end_of_a_name(name: str) -> None:
    assert [told(person)[0] for person in people(*lines(f"Ông {name} sinh ngày: 01/01/1966"))] == [name]
    assert [told(person)[0] for person in people(*lines(f"Ông {name} cư trú tại: ấp 4"))] == [name]


def test_a_name_before_a_word_that_is_none_may_have_lost_its_end() -> None:
    whole, cut = people(*lines("Họ và tên: Sơn Minh Tâm", "Họ và tên mẹ: Đoàn Thu đnh Nguyệt"))
    assert whole.full_name is not None and whole.full_name.confidence >= 0.8
    assert cut.full_name is not None and cut.full_name.confidence < 0.8
