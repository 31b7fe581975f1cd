"""An identity card says who its holder is three times: in print, in its code, and in the zone on its back."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from config.catalogue import SHIPPED, load_catalogue
from pipeline.describing import describe
from registry.descriptions import title_of
from registry.values import Box, Description, PageText, Word

KINDS = dict(load_catalogue(SHIPPED).kinds)
CODE = "084078344406||Trần Thị Ví Dụ|06101978|Nữ|ấp Một, xã An Hòa|15032023"
FRONT = (
    "CĂN CƯỚC CÔNG DÂN",
    "Số / No.: {number}",
    "Họ và tên / Full name:",
    "{name}",
    "Ngày sinh / Date of birth: 06/10/1978",
    "Quê quán / Place of origin:",
    "xã An Hòa",
)
BACK = ("Đặc điểm nhân dạng / Personal identification: Không có", "Ngày, tháng, năm / Date, month, year: 15/03/2023")
ZONE = ("IDVNM0783444060084078344406<<7", "7810060F3810062VNM<<<<<<<<<<<6", "TRAN<<THI<VI<DU<<<<<<<<<<<<<<<")


def card(
    number: str = "084078344406", name: str = "TRẦN THỊ VÍ DỤ", zone: tuple[str, ...] = (), code: str | None = None
) -> Description:
    """What is described of a page with both sides of a card."""
    return described([*(line.format(number=number, name=name) for line in FRONT), *BACK, *zone], code)


def described(lines: Sequence[str], code: str | None = None) -> Description:
    words = []
    for n, line in enumerate(lines):
        left = 0.4
        for part in line.split():
            box = Box(left=left, top=0.2 + 0.02 * n, right=min(1.0, left + 0.008 * len(part)), bottom=0.212 + 0.02 * n)
            words.append(Word(text=part, box=box, confidence=0.97, line=n))
            left = box.right + 0.005
    page = PageText(
        index=0,
        text="\n".join(lines),
        confidence=0.97,
        words=tuple(words),
        codes=(code,) if code else ("https://x.vn",),
    )
    return describe((page,), KINDS)


def told(found: Description) -> tuple[str | None, ...]:
    (person,) = found.people
    return tuple(v.value if v else None for v in (person.full_name, person.id_number, person.date_of_birth))


def test_the_code_puts_small_print_right() -> None:
    found = card(number="084078311106", name="TRẦN THỈ VI DỤ", code=CODE)
    assert told(found) == ("Trần Thị Ví Dụ", "084078344406", "1978-10-06")
    assert found.value("number_symbol") == "084078344406"
    assert found.value("issued_on") == "2023-03-15"
    number = found.people[0].id_number
    assert number is not None
    assert (number.method, number.raw_text, number.box is not None) == ("qr", "084078311106", True)
    assert number.confidence > 0.99


def test_the_code_alone_tells_who_it_is() -> None:
    found = card(number="O8", name="~~", code=CODE)
    assert told(found) == ("Trần Thị Ví Dụ", "084078344406", "1978-10-06")


def test_a_code_of_somebody_else_makes_the_number_unsure_not_another() -> None:
    found = card(code="079201000001||Lê Văn Khác|01012001|Nam|xã Khác|01012022")
    number = found.people[0].id_number
    assert number is not None
    assert number.value == "084078344406"
    assert number.confidence <= 0.5


def test_the_zone_puts_a_number_right_and_leaves_the_name() -> None:
    found = card(number="084078311106", zone=ZONE)
    assert told(found) == ("Trần Thị Ví Dụ", "084078344406", "1978-10-06")
    number = found.people[0].id_number
    assert number is not None
    assert (number.method, number.confidence) == ("zone", 0.99)


@pytest.mark.parametrize(
    "first",
    [
        "IDVNM0783444061084078344406<<7",  # the check digit does not hold
        "IDVNM0783444060084078344407<<7",  # twice, but not alike
        "IDVNM07834440600840783444",
    ],
)
def test_a_zone_that_contradicts_itself_proves_nothing(first: str) -> None:
    found = card(zone=(first, *ZONE[1:]))
    number = found.people[0].id_number
    assert number is not None
    assert number.value == "084078344406"
    assert number.confidence <= 0.7


def test_a_number_that_stands_alone_is_left_to_a_person() -> None:
    found = card()
    assert found.fields["number_symbol"].confidence <= 0.7
    number = found.people[0].id_number
    assert number is not None
    assert number.confidence <= 0.7


def test_letters_of_the_zone_may_be_misread() -> None:
    number = card(number="084078311106", zone=("IĐVNMH0783444O60084078344406<<7", *ZONE[1:])).people[0].id_number
    assert number is not None
    assert number.value == "084078344406"


def test_the_title_of_a_card_names_its_holder_and_not_the_number() -> None:
    """Whoever may not see identity numbers sees titles all the same."""
    assert title_of(card(code=CODE), "scan.pdf") == "Căn cước công dân: Trần Thị Ví Dụ"


NATION = ("CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM", "Độc lập - Tự do - Hạnh phúc", "SOCIALIST REPUBLIC OF VIET NAM")
NEW = (
    *NATION,
    "CĂN CƯỚC",
    "IDENTITY CARD",
    "Số định danh cá nhân / Personal identification number:",
    "084185012345",
    "Họ, chữ đệm và tên khai sinh / Full name:",
    "LÂM THỊ NGỌC ÁNH",
    "Ngày, tháng, năm sinh / Date of birth: 12/03/1985",
    "Nơi cư trú / Place of residence: Ấp Hòa Long, xã Hòa Thuận, An Hải",
    "Nơi đăng ký khai sinh / Place of birth: Hòa Thuận, An Hải",
    "Ngày, tháng, năm cấp / Date of issue: 05/09/2024",
    "Ngày, tháng, năm hết hạn / Date of expiry: 12/03/2045",
    "BỘ CÔNG AN",
)
OLD = (
    *NATION[:2],
    "GIẤY CHỨNG MINH NHÂN DÂN",
    "SỐ 334 567 890",
    "Họ tên: LÂM THỊ NGỌC ÁNH",
    "Sinh ngày: 12-03-1985",
    "Nguyên quán: Hòa Thuận, Châu Phú, An Hải",
    "DẤU VẾT RIÊNG VÀ DỊ HÌNH",
    "Ngày 15 tháng 06 năm 2009",
    "GIÁM ĐỐC CA TỈNH AN HẢI",
)


@pytest.mark.parametrize(
    ("lines", "kind", "number", "issuer", "issued_on"),
    [
        (NEW, "can-cuoc", "084185012345", "Bộ Công an", "2024-09-05"),
        (OLD, "chung-minh-nhan-dan", "334567890", "Công an tỉnh An Hải", "2009-06-15"),
    ],
)
def test_cards_of_other_laws_have_their_own_kinds(
    lines: tuple[str, ...], kind: str, number: str, issuer: str, issued_on: str
) -> None:
    found = described(lines)
    assert (found.kind, found.value("number_symbol"), found.value("issuing_agency"), found.value("issued_on")) == (
        kind,
        number,
        issuer,
        issued_on,
    )
    assert told(found) == ("Lâm Thị Ngọc Ánh", number, "1985-03-12")
    assert found.fields["number_symbol"].confidence <= 0.7
    assert number not in title_of(found, "scan.pdf")


def test_a_later_cards_back_alone_is_no_birth_certificate() -> None:
    assert described(NEW[10:]).kind == "can-cuoc"
