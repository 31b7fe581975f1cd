"""Heads and feet as offices print them: agencies, numbers, days and titles in the forms that real papers have."""

from __future__ import annotations

import pytest

from tests.unit.written import Line, page, read


def paper(column: list[str], number: str, place_date: str, title: str = "QUYẾT ĐỊNH") -> list[Line]:
    """A page whose head has its number and its day a line below the longer column."""
    below = 0.08 + 0.018 * max(3, len(column))
    return [
        *((0.14, 0.08 + 0.018 * n, line) for n, line in enumerate(column)),
        (0.14, below, number),
        (0.53, 0.08, "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM"),
        (0.58, 0.10, "Độc lập - Tự do - Hạnh phúc"),
        (0.58, below, place_date),
        (0.45, below + 0.03, title),
    ]


@pytest.mark.parametrize(
    ("column", "spelt"),
    [
        (["UBND TỈNH VĨNH HÀ", "SỞ TƯ PHÁP"], "Sở Tư pháp tỉnh Vĩnh Hà"),
        (["SỞ Y TẾ TỈNH VĨNH HÀ", "BỆNH VIỆN SẢN - NHI"], "Bệnh viện Sản - Nhi tỉnh Vĩnh Hà"),
        (["UBND TỈNH VĨNH HÀ", "SỐ TƯ PHÁP."], "Sở Tư pháp tỉnh Vĩnh Hà"),
        (["UBND TX. DUYÊN AN", "PHÒNG LĐ - TB&XH"], "Phòng Lao động - Thương binh và Xã hội thị xã Duyên An"),
        (["HUYỆN BÌNH AN", "VP HĐND&UBND"], "Văn phòng Hội đồng nhân dân và Ủy ban nhân dân huyện Bình An"),
        (["ỦY BAN NHÂN DÂN", "XÃ AN PHÚ", "HUYỆN BÌNH AN"], "Ủy ban nhân dân xã An Phú, huyện Bình An"),
        (["UBND XÃ AN PHÚ - HUYỆN BÌNH AN"], "Ủy ban nhân dân xã An Phú, huyện Bình An"),
        (["UBND xã Hòa Thuận", "Huyện Bình An", "Tỉnh Vĩnh Hà"],
         "Ủy ban nhân dân xã Hòa Thuận, huyện Bình An, tỉnh Vĩnh Hà"),
        (["ỦY BAN NHÂN DÂN", "TP. BÌNH AN"], "Ủy ban nhân dân thành phố Bình An"),
        (["UBND HUYỆN BÌNH AN", "UBND XÃ XUÂN PHƯƠNG"], "Ủy ban nhân dân xã Xuân Phương"),
    ],
)  # fmt: skip
def test_an_agency_is_spelt_with_its_office_and_the_units_it_lies_in(column: list[str], spelt: str) -> None:
    found = read(page(paper(column, "Số: 77/QĐ-ABC", "An Hòa, ngày 09 tháng 11 năm 2023")))
    assert found.value("issuing_agency") == spelt
    assert found.value("number_symbol") == "77/QĐ-ABC"


def test_a_form_whose_column_is_to_be_filled_in_gives_no_agency() -> None:
    column = ["Xã, phường, thị trấn: ........", "Huyện, quận: ........", "Tỉnh, thành phố: ........"]
    lines = paper(column, "Số: 77/2008", "An Hòa, ngày 09 tháng 11 năm 2023", "GIẤY KHAI SINH")
    assert read(page(lines)).value("issuing_agency") is None


def test_a_name_of_a_place_that_lost_its_blank_is_parted_as_elsewhere() -> None:
    lines = [
        *paper(["UBND THỊ XÃ DUYÊNAN"], "Số: 7/TB-UBND", "Duyên An, ngày 01 tháng 02 năm 2025"),
        (0.2, 0.3, "thị xã Duyên An"),
    ]
    assert read(page(lines)).value("issuing_agency") == "Ủy ban nhân dân thị xã Duyên An"


@pytest.mark.parametrize(
    ("titles", "kind"),
    [
        (["GIẤY CHỨNG MINH SĨ QUAN"], None),  # not CHỨNG SINH
        (["GIẤY CHỨNG SINH"], "giay-chung-sinh"),
        (["GIẤY CHỨNG NHÂN KẾT HÔN"], "giay-chung-nhan-ket-hon"),
        (["GIẤYKHAI SINH"], "giay-khai-sinh"),
        (["ỦY BAN NHÂN DÂN XÃ AN PHÚ", "TRÍCH LỤC KHAI TỬ"], "trich-luc-khai-tu"),
        (["PHIẾU LẤY Ý KIẾN VỀ", "QUYẾT ĐỊNH"], None),  # a heading that no catalogue knows goes on
        (["GIẤY CHỨNG NHẬN", "QUYỀN SỬ DỤNG ĐẤT,", "QUYỀN SỞ HỮU TÀI SẢN GẮN LIỀN VỚI ĐẤT"],
         "giay-chung-nhan-quyen-su-dung-dat"),
    ],
)  # fmt: skip
def test_a_heading_is_a_title_when_all_its_words_are(titles: list[str], kind: str | None) -> None:
    lines = [(0.35, 0.15 + 0.02 * n, title) for n, title in enumerate(titles)]
    nation = (0.3, 0.08, "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM")
    assert read(page([nation, *lines, (0.2, 0.4, "Họ và tên: Lê Thử")])).kind == kind


def test_a_word_that_was_hardly_read_may_be_another() -> None:
    lines = [(0.3, 0.08, "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM"), (0.4, 0.15, "GIẤY CHUNG SINK")]
    assert read(page(lines, confidence=0.5)).kind == "giay-chung-sinh"
