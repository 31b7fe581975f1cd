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
        (["HUYỆN BÌNH AN", "VĂN PHÒNG HĐND VÀ UBND"],
         "Văn phòng Hội đồng nhân dân và Ủy ban nhân dân huyện Bình An"),
        (["HỘI NÔNG DÂN XÃ AN PHÚ", "BAN CHẤP HÀNH"], "Ban chấp hành Hội nông dân xã An Phú"),
        (["TÒA ÁN NHÂN DÂN", "HUYỆN BÌNH AN"], "Tòa án nhân dân huyện Bình An"),
        (["ỦY BÁN NHẬN DÂN", "XÃ AN PHÚ"], "Ủy ban nhân dân xã An Phú"),
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


@pytest.mark.parametrize(
    ("printed", "place", "day"),
    [
        ("An Phú, ngày 05/3/2024", "An Phú", "2024-03-05"),
        ("An Phú, ngày 5 - 3 - 2024", "An Phú", "2024-03-05"),
        ("thị xã Duyên An, ngày 5 tháng 3 năm 2024", "thị xã Duyên An", "2024-03-05"),
        ("TP. Bình An, ngày 8 tháng 3 năm 2024", "TP. Bình An", "2024-03-08"),
        ("Ngày 05/03/2024", None, "2024-03-05"),
        ("ngày 05 tháng 03 năm 2024", None, "2024-03-05"),
        ("Ngày: 05/03/2024", None, None),  # a stamp of arrival, a label
        ("hết hạn, ngày 05/03/2024", None, None),
    ],
)
def test_the_day_of_a_head_may_have_slashes_and_no_place(printed: str, place: str | None, day: str | None) -> None:
    found = read(page(paper(["ỦY BAN NHÂN DÂN", "XÃ AN PHÚ"], "Số: 7/QĐ-UBND", printed)))
    assert (found.value("place"), found.value("issued_on")) == (place, day)


APPLICATION: list[Line] = [
    (0.30, 0.08, "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM"),
    (0.37, 0.10, "Độc lập - Tự do - Hạnh phúc"),
    (0.40, 0.15, "ĐƠN ĐỀ NGHỊ"),
    (0.15, 0.20, "Tôi tên: Sơn Minh Tâm"),
    (0.55, 0.22, "Chủ hộ:"),
    (0.60, 0.50, "ngày 5/3/2024"),
    (0.60, 0.52, "Người làm đơn"),
    (0.58, 0.54, "(ký và ghi rõ họ tên)"),
    (0.60, 0.62, "Sơn Minh Tâm"),
]


def test_a_citizen_signs_under_a_title_in_small_letters_that_the_catalogue_has() -> None:
    found = read(page(APPLICATION))
    assert found.value("signer_title") == "Người làm đơn"
    assert found.fields["signer_name"].confidence >= 0.8
    assert found.value("issued_on") == "2024-03-05"
    other = [(x, y, text.replace("làm đơn", "làm chứng")) for x, y, text in APPLICATION]
    assert read(page(other)).value("signer_title") is None


@pytest.mark.parametrize(
    ("title", "label", "number"),
    [
        ("GIẤY CHỨNG NHẬN ĐĂNG KÝ HỘ KINH DOANH", "Mã số hộ kinh doanh: 8123456789-001", "8123456789-001"),
        ("GIẤY CHỨNG NHẬN ĐĂNG KÝ HỘ KINH DOANH", "Mã số thuế: 8123456789", None),
        ("GIẤY XÁC NHẬN KHUYẾT TẬT", "Số hiệu: 84/5/1234567", "84/5/1234567"),
        ("GIẤY KHAI SINH", "Số: 57", "57"),
        ("GIẤY KHAI SINH", "Số: 57/2008 Quyển số: 01/2008", "57/2008"),
        ("GIẤY KHAI SINH", "Số 57, đường Trần Phú", None),
        ("GIẤY KHAI SINH", "Số CCCD: 084195003579", None),
        ("QUYẾT ĐỊNH", "Số: 57", None),
    ],
)
def test_a_kind_has_its_number_where_the_catalogue_says(title: str, label: str, number: str | None) -> None:
    nation = (0.3, 0.08, "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM")
    assert read(page([nation, (0.3, 0.15, title), (0.3, 0.18, label)])).value("number_symbol") == number


@pytest.mark.parametrize(
    ("printed", "sure"), [("8123456789", True), ("56I8001234", True), ("5618001234", False), ("5628001234", True)]
)
def test_a_number_whose_letter_may_be_read_as_a_digit_is_left_to_a_person(printed: str, sure: bool) -> None:
    lines = [(0.3, 0.08, "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM"), (0.2, 0.15, "GIẤY CHỨNG NHẬN ĐĂNG KÝ HỘ KINH DOANH")]
    number = read(page([*lines, (0.2, 0.18, f"Số: {printed}")])).fields["number_symbol"]
    assert (number.value, number.confidence >= 0.8) == (printed, sure)


def test_a_number_at_the_right_edge_is_the_certificates() -> None:
    lines = [(0.3, 0.08, "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM"), (0.35, 0.15, "GIẤY CHỨNG NHẬN KẾT HÔN")]
    assert read(page([*lines, (0.82, 0.18, "Số: 34/2021")])).value("number_symbol") == "34/2021"


def test_number_and_day_of_a_stamp_of_arrival_are_not_the_papers() -> None:
    lines = [
        (0.5, 0.08, "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM"),
        (0.55, 0.10, "Độc lập - Tự do - Hạnh phúc"),
        (0.62, 0.13, "CÔNG VĂN ĐẾN"),
        (0.62, 0.145, "Số: 1207"),
        (0.62, 0.16, "Ngày 13/11/2023"),
        (0.42, 0.20, "GIẤY CHỨNG SINH"),
    ]
    found = read(page(lines))
    assert found.kind == "giay-chung-sinh"
    assert found.value("number_symbol") is None
    assert found.value("issued_on") is None
