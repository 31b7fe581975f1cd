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


def table(*rows: Sequence[str], lefts: Sequence[float] = (0.12, 0.18, 0.46, 0.62, 0.82)) -> list[Line]:
    """Rows of cells, each read as a line of its own; an empty cell has no line."""
    return [
        (left, 0.4 + 0.03 * n, cell)
        for n, row in enumerate(rows)
        for left, cell in zip(lefts, row, strict=False)
        if cell
    ]


HEADING = ("STT", "Họ và tên", "Năm sinh", "Số CMND", "Quan hệ")


@pytest.mark.parametrize(
    "printed",
    [
        ["Hộ ông Sơn Minh Tâm, thường trú ấp 4,", "CCCD số 084066007788, kể từ ngày ký."],
        ["Hộ ông Sơn Minh Tâm, thường trú ấp 4, CCCD số", "084066007788, kể từ ngày ký."],
        ["Ông Sơn Minh Tâm, CCCD số 084066007788."],
        ["Ông Sơn Minh Tâm   CCCD số   084066007788"],
        ["Sơn Minh Tâm, CCCD số 084066007788"],
        ["Sơn Minh Tâm - 084066007788"],
        ["1. Ông Sơn Minh Tâm - 084066007788"],
        ["Họ và tên: Sơn Minh Tâm", "Số định danh cá nhân:", "084066007788"],
    ],
)
def test_a_number_in_running_text_is_its_persons_and_no_row_of_a_list(printed: list[str]) -> None:
    assert list(map(told, people(*lines(*printed)))) == [("Sơn Minh Tâm", "084066007788", None)]


def test_a_list_takes_old_numbers_of_nine_digits_below_a_heading_that_says_so() -> None:
    found = people(
        *table(
            HEADING,
            ("1", "Phan Thị Hồng Gấm", "1975", "334111222", "Vợ"),
            ("2", "Huỳnh Gia Hân", "2001", "084301007788", "Con"),
        )
    )
    assert [told(person)[:2] for person in found] == [
        ("Phan Thị Hồng Gấm", "334111222"),
        ("Huỳnh Gia Hân", "084301007788"),
    ]


def test_nine_digits_below_another_heading_are_no_number_of_a_person() -> None:
    heading = ("STT", "Họ và tên", "Ngày sinh", "Số điện thoại", "Quan hệ")
    assert people(*table(heading, ("1", "Phan Thị Hồng Gấm", "05/06/1975", "334111222", "Vợ"))) == ()


def test_a_heading_of_two_lines_is_one() -> None:
    cells = [
        (0.46, 0.39, "Ngày, tháng,"),
        (0.62, 0.39, "Số giấy tờ"),
        (0.82, 0.39, "Mối quan hệ"),
        (0.12, 0.40, "TT"),
        (0.18, 0.40, "Họ và tên"),
        (0.46, 0.41, "năm sinh"),
        (0.62, 0.41, "tùy thân"),
        (0.82, 0.41, "với chủ hộ"),
    ]
    row = table((), ("1", "Phan Thị Hồng Gấm", "05/06/1975", "334111222", "Vợ"))
    assert list(map(told, people(*cells, *row))) == [("Phan Thị Hồng Gấm", "334111222", "1975-06-05")]


def test_the_day_a_card_was_issued_is_no_birth_date() -> None:
    heading = ("STT", "Họ và tên", "Số CCCD", "Ngày cấp", "Nơi cấp")
    found = people(*table(heading, ("1", "Phan Thị Hồng Gấm", "084175003579", "05/06/2021", "Cục CS")))
    assert list(map(told, found)) == [("Phan Thị Hồng Gấm", "084175003579", None)]


@pytest.mark.parametrize(
    ("cells", "name"),
    [
        (("1", "Trần Văn Nam", "05/06/1975", "084075003579", "Chủ hộ"), "Trần Văn Nam"),
        (("1", "Vợ", "Lê Thị Hoa", "084175003579", ""), "Lê Thị Hoa"),
        (("1", "Lê Thị Hoa", "Vợ", "084175003579", ""), "Lê Thị Hoa"),
        (("1", "Bà Lê Thị Hoa", "", "084175003579", ""), "Lê Thị Hoa"),
        (("1", "Lê Thị Hoa", "", "CCCD 084175003579", ""), "Lê Thị Hoa"),
        (("1", "= ~", "05/06/1975", "084175003579", "Vợ"), None),
    ],
)
def test_a_row_of_a_list_gives_the_name_in_its_cell(cells: tuple[str, ...], name: str | None) -> None:
    before = lines("Họ và tên chủ hộ: Sơn Minh Tâm", top=0.2)
    found = people(*before, *table(HEADING, cells))
    assert [told(person)[:2] for person in found] == [
        ("Sơn Minh Tâm", None),
        (name, cells[3].removeprefix("CCCD ")),
    ]


@pytest.mark.parametrize(
    ("printed", "number"),
    [
        ("CMND số 334123456, thường trú tại ấp 12", "334123456"),
        ("Số CCCD/CMND: 334123456", "334123456"),
        ("Giấy tờ tùy thân: 334123456 12 ấp", "334123456"),
        ("Căn cước công dân số 084 066 007 788", "084066007788"),
        ("Số tài khoản: 334123456", None),
        ("CCCD: không. Số điện thoại: 334123456", None),
        ("Thửa đất số 334123456", None),
    ],
)
def test_nine_digits_are_a_number_only_behind_words_for_one(printed: str, number: str | None) -> None:
    assert [told(person)[1] for person in people(*lines("Họ và tên: Sơn Minh Tâm", printed))] == [number]


@pytest.mark.parametrize(
    "printed",
    [
        "Sinh ngày: 02/03/1966",
        "Sinh ngày 02 tháng 3 năm 1966",
        "Ngày sinh: 02/03/1966",
        "Ngày, tháng, năm sinh: 02/03/1966",
        "Ngày, tháng, năm sinh (dương lịch): 02/03/1966",
        "Ngày sinh / Date of birth: 02/03/1966",
        "Date of birth: 02-03-1966",
        "Năm sinh: 02/03/1966",
        "(sinh 02/03/1966)",
        "sinh vào ngày 02 tháng 3 năm 1966",
    ],
)
def test_a_birth_date_stands_directly_behind_words_for_it(printed: str) -> None:
    assert list(map(told, people(*lines("Họ và tên: Sơn Minh Tâm", printed)))) == [("Sơn Minh Tâm", None, "1966-03-02")]
    above, below = printed.rsplit(" ", 1) if "tháng" not in printed else (printed, "")
    assert told(people(*lines("Họ và tên: Sơn Minh Tâm", above, below))[0])[2] == "1966-03-02"


def test_a_birth_date_may_go_on_in_the_next_line() -> None:
    found = people(*lines("cháu Nguyễn Gia Bảo, sinh ngày 12 tháng 3 năm", "2015, số định danh cá nhân 084215007766"))
    assert list(map(told, found)) == [("Nguyễn Gia Bảo", "084215007766", "2015-03-12")]


@pytest.mark.parametrize(
    "printed",
    [
        "Đã sinh con vào lúc: 08 giờ 15 phút ngày 04 tháng 3 năm 2024",
        "Giấy chứng sinh ngày 04/03/2024",
        "Giấy khai sinh số 12 ngày 04/03/2024",
        "Giấy Khai sinh ngày 04/03/2024",
        "Khai sinh ngày 04/03/2024",
        "GIẤY KHAI SINH NGÀY 04/03/2024",
        "đã đăng ký khai sinh ngày 04/03/2024",
        "Ngày đăng ký khai sinh: 04/03/2024",
        "Nơi sinh: trạm y tế, ngày 04/03/2024",
        "là học sinh năm 04/03/2024",
        "Năm sinh: 1966. Cấp ngày 04/03/2024",
        "Ngày sinh và ngày cấp thẻ: 04/03/2024",
        "Số con trong lần sinh này: 01, ngày 04/03/2024",
    ],
)
def test_another_day_is_no_birth_date_though_a_birth_is_spoken_of(printed: str) -> None:
    assert list(map(told, people(*lines("Họ và tên cha: Sơn Minh Tâm", printed)))) == [("Sơn Minh Tâm", None, None)]


@pytest.mark.parametrize("name", ["Lê Văn Khai", "Trần Thị An", "Nguyễn Hồ Tài", "Lâm Thị Vệ"])
def test_a_name_before_the_words_for_a_birth_makes_no_other_word_of_them(name: str) -> None:
    assert list(map(told, people(*lines(f"Ông {name} sinh ngày 02/03/1966")))) == [(name, None, "1966-03-02")]


def test_the_birth_a_notice_tells_is_the_childs_wherever_it_is_named() -> None:
    notice = lines(
        "Họ và tên mẹ hoặc người nuôi dưỡng: Phan Thị Hồng Gấm",
        "Ngày, tháng, năm sinh: 07/09/1995",
        "Họ và tên cha: Nguyễn Thành Trung",
        "Đã sinh con vào lúc: 08 giờ 15 phút ngày 04 tháng 3 năm 2024",
        "Số con trong lần sinh này: 01",
        "Dự định đặt tên con là: Nguyễn Thành Đạt",
    )
    assert [(person.role, *told(person)) for person in people(*notice)] == [
        ("mother", "Phan Thị Hồng Gấm", None, "1995-09-07"),
        ("father", "Nguyễn Thành Trung", None, None),
        ("child", "Nguyễn Thành Đạt", None, "2024-03-04"),
    ]
    assert people(*notice[:-1])[-1].date_of_birth is None


def beside(left: Sequence[str], right: Sequence[str], *, edge: float = 0.55, drop: float = 0.0) -> list[Line]:
    """Two columns; drop: how much lower the right one lies, as on a page that leans."""
    return [*lines(*left, left=0.1), *lines(*right, left=edge, top=0.3 + drop)]


WIFE = [
    "Họ, chữ đệm, tên vợ: TRẦN THỊ LỆ",
    "Ngày, tháng, năm sinh: 14/08/1996",
    "Dân tộc: Kinh",
    "CCCD số 084196001234",
]
HUSBAND = [
    "Họ, chữ đệm, tên chồng: LÝ TÀI",
    "Ngày, tháng, năm sinh: 02/11/1993",
    "Dân tộc: Kinh",
    "CCCD số 084093005678",
]
COUPLE = [
    ("wife", "Trần Thị Lệ", "084196001234", "1996-08-14"),
    ("husband", "Lý Tài", "084093005678", "1993-11-02"),
]


def couple(found: Sequence[Person]) -> list[tuple[str | None, ...]]:
    return [(person.role, *told(person)) for person in found]


@pytest.mark.parametrize("drop", [0.0, 0.008, -0.008])
def test_people_side_by_side_keep_their_own_numbers_and_birth_dates(drop: float) -> None:
    assert couple(people(*beside(WIFE, HUSBAND, drop=drop))) == COUPLE


def width(text: str) -> float:
    parts = text.split()
    return sum(LETTER * len(part) for part in parts) + BLANK * (len(parts) - 1)


def test_a_line_that_comes_close_to_the_column_beside_it_is_parted_from_it() -> None:
    home = "Nơi cư trú: Ấp Phú Lợi, xã An Phú"
    edge = 0.1 + width(home) + BLANK
    above = beside(WIFE[:3], HUSBAND[:3], edge=edge)
    close = [(0.1, 0.375, f"{home} Nơi cư trú: Ấp 7"), (0.1, 0.4, WIFE[3]), (edge, 0.4, HUSBAND[3])]
    assert couple(people(*above, *close)) == COUPLE


def test_a_table_with_its_labels_in_a_column_before_the_peoples_is_read_down_the_columns() -> None:
    cells = [
        (0.30, 0.38, "Bên nữ"),
        (0.70, 0.38, "Bên nam"),
        (0.08, 0.42, "Họ, chữ đệm, tên"),
        (0.35, 0.42, "Trần Thị Lệ"),
        (0.70, 0.42, "Lý Tài"),
        (0.08, 0.446, "Ngày, tháng,"),
        (0.35, 0.455, "14/08/1996"),
        (0.68, 0.455, "02/11/1993"),
        (0.08, 0.464, "năm sinh"),
        (0.08, 0.50, "Giấy tờ tùy thân"),
        (0.32, 0.49, "CCCD số 084196001234"),
        (0.64, 0.49, "CCCD số 084093005678"),
        (0.32, 0.51, "cấp ngày 01/01/2021"),
        (0.64, 0.51, "cấp ngày 01/01/2021"),
    ]
    assert couple(people(*cells)) == COUPLE


@pytest.mark.parametrize("misread", ["Họ, chữ đệm, tên chồng: ~ ===", "Họ, chữ đệm, tên chồng: lv t4i"])
def test_what_is_said_of_somebody_whose_name_cannot_be_read_is_said_of_nobody_else(misread: str) -> None:
    wife, husband = people(*beside(WIFE[:1], [misread, *HUSBAND[1:]]))
    assert told(wife) == ("Trần Thị Lệ", None, None)
    assert told(husband) == (None, "084093005678", "1993-11-02")
    one_below_the_other = people(*lines(WIFE[0], misread, *HUSBAND[1:]))
    assert list(map(told, one_below_the_other)) == [told(wife), told(husband)]


def test_below_the_columns_nothing_is_said_of_either_but_of_the_person_named_there() -> None:
    wide = "Giấy tờ tùy thân của người đi đăng ký: CCCD số 084070001122 do Cục Cảnh sát cấp"
    two = beside(WIFE[:2], HUSBAND[:2])
    below = [(0.1, 0.36, "Họ và tên người yêu cầu: Đỗ Thị Chi"), (0.1, 0.39, wide)]
    assert [told(person) for person in people(*two, below[1])] == [
        ("Trần Thị Lệ", None, "1996-08-14"),
        ("Lý Tài", None, "1993-11-02"),
        (None, "084070001122", None),
    ]
    assert told(people(*two, *below)[-1]) == ("Đỗ Thị Chi", "084070001122", None)


@pytest.mark.parametrize(
    "printed",
    [
        ["Ông Lê Dân Thử, CCCD số {}"],
        ["Họ và tên cha: Lê Dân Thử", "CCCD số {}"],
        ["Họ và tên: Lê Dân Thử   Giới tính: Nam", "CCCD số {}"],
        ["Họ và tên: Lê Dân Thử", "Giới tính / Sex: Nam", "CCCD số {}"],
    ],
)
def test_a_number_of_the_other_sex_is_less_sure(printed: list[str]) -> None:
    def sure(number: str) -> float:
        [found] = people(*lines(*(line.format(number) for line in printed)))
        assert found.id_number is not None and found.id_number.value == number
        return found.id_number.confidence

    assert sure("084066007788") > 0.8 > sure("084166007788")
    assert sure("084201007788") > 0.8 > sure("084301007788")


@pytest.mark.parametrize("name", ["Trần Thị Lài", "Lý Thị Năm", "Sơn Chanh Tha"])
def test_a_name_that_is_mended_because_names_hardly_have_it_is_a_guess(name: str) -> None:
    [found] = people(*lines(f"Họ và tên: {name}"))
    assert found.full_name is not None and found.full_name.raw_text == name
    assert found.full_name.confidence < 0.8
