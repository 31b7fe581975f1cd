"""What describe() reads off hand-made pages: heads, forms, lists, signatures, and nothing that is not there."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.describing import dossier_code_in, parse_name, secrecy_mark
from registry.values import Box, Description, PageText, Word
from tests.unit.written import Line, head, page, read

DECISION = [
    *head(["ỦY BAN NHÂN DÂN", "XÃ AN HÒA"], "Số: 123/QĐ-UBND", "An Hòa, ngày 05 tháng 3 năm 2024"),
    (0.45, 0.17, "QUYẾT ĐỊNH"),
    (0.30, 0.19, "Về việc trợ cấp mai táng đối với ông Trần Ví Dụ"),
    (0.33, 0.23, "ỦY BAN NHÂN DÂN XÃ AN HÒA"),
    (0.20, 0.26, "Căn cứ Nghị định số 20/2021/NĐ-CP ngày 15 tháng 3 năm 2021 của Chính phủ;"),
    (0.20, 0.30, "Điều 1. Trợ cấp cho ông Trần Ví Dụ, sinh ngày 02/03/1950, CCCD số 084050000001."),
    (0.14, 0.60, "Nơi nhận:"),
    (0.62, 0.60, "KT. CHỦ TỊCH"),
    (0.62, 0.62, "PHÓ CHỦ TỊCH"),
    (0.62, 0.75, "Nguyễn Thị Mẫu"),
]


def test_a_decision_gives_its_whole_head_and_foot() -> None:
    found = read(page(DECISION))
    assert found.kind == "quyet-dinh"
    assert {name: found.value(name) for name in found.fields} == {
        "document_type": "Quyết định",
        "type_abbreviation": "QĐ",
        "number_symbol": "123/QĐ-UBND",
        "issuing_agency": "Ủy ban nhân dân xã An Hòa",
        "place": "An Hòa",
        "issued_on": "2024-03-05",
        "subject": "Về việc trợ cấp mai táng đối với ông Trần Ví Dụ",
        "signing_authority": "KT. CHỦ TỊCH",
        "signer_title": "PHÓ CHỦ TỊCH",
        "signer_name": "Nguyễn Thị Mẫu",
    }


def test_every_value_says_where_it_stands_and_how_sure_it_is() -> None:
    for value in read(page(DECISION)).fields.values():
        assert value.page_index == 0
        assert value.box is not None
        assert value.box.left < value.box.right
        assert 0 < value.confidence <= 1
        assert value.raw_text


def test_a_person_in_the_text_gets_the_number_and_birth_date_that_follow() -> None:
    [person] = read(page(DECISION)).people
    assert person.full_name is not None and person.full_name.value == "Trần Ví Dụ"
    assert person.id_number is not None and person.id_number.value == "084050000001"
    assert person.date_of_birth is not None and person.date_of_birth.value == "1950-03-02"


def test_decomposed_letters_and_look_alikes_read_the_same() -> None:
    lines = [(x, y, unicodedata.normalize("NFD", text).replace("Đ", "Ð")) for x, y, text in DECISION]
    assert {k: v.value for k, v in read(page(lines)).fields.items()} == {
        k: v.value for k, v in read(page(DECISION)).fields.items()
    }


@pytest.mark.parametrize(
    ("printed", "read_as"),
    [
        ("Số: 123/QÐ-UBND", "123/QĐ-UBND"),
        ("Sô: l23/QĐ-UBND", "123/QĐ-UBND"),
        ("Số: 1O3/QĐ-UBND", "103/QĐ-UBND"),
        ("Số:123/QĐ-UBND", "123/QĐ-UBND"),
        ("Số: 152/2025/NQ-HĐND", "152/2025/NQ-HĐND"),
        ("Số: 34UBND-GXN", "34/UBND-GXN"),
    ],
)
def test_slips_in_a_number_are_mended_and_the_reading_is_kept(printed: str, read_as: str) -> None:
    lines = [(x, y, printed if "Số: 123" in text else text) for x, y, text in DECISION]
    value = read(page(lines)).fields["number_symbol"]
    assert value.value == read_as
    assert value.raw_text.replace(" ", "") in printed.replace(" ", "").replace("Ð", "Đ")


def test_a_slip_lowers_confidence() -> None:
    slipped = [(x, y, text.replace("Số: 123", "Số: l23")) for x, y, text in DECISION]
    assert (
        read(page(slipped)).fields["number_symbol"].confidence < read(page(DECISION)).fields["number_symbol"].confidence
    )


@pytest.mark.parametrize("printed", ["An Hòa, ngảy 05 thang 3 năm 2024", "An Hòa, ngày O5 tháng 3 năm 2024"])
def test_a_misread_date_line_is_still_a_date(printed: str) -> None:
    lines = [(x, y, printed if text.startswith("An Hòa,") else text) for x, y, text in DECISION]
    assert read(page(lines)).value("issued_on") == "2024-03-05"


def test_a_day_that_does_not_exist_is_no_date() -> None:
    lines = [(x, y, text.replace("ngày 05 tháng 3", "ngày 31 tháng 2")) for x, y, text in DECISION]
    assert read(page(lines)).value("issued_on") is None


def test_a_department_is_spelt_with_the_unit_it_belongs_to() -> None:
    lines = [
        *head(["UBND HUYỆN BÌNH AN", "PHÒNG TƯ PHÁP"], "Số: 7/TB-PTP", "Bình An, ngày 01 tháng 02 năm 2025"),
        (0.45, 0.17, "THÔNG BÁO"),
    ]
    assert read(page(lines)).value("issuing_agency") == "Phòng Tư pháp huyện Bình An"


def test_a_letter_is_known_by_its_subject_beside_the_head() -> None:
    lines = [
        *head(["ỦY BAN NHÂN DÂN", "XÃ AN HÒA"], "Số: 15/UBND-VX", "An Hòa, ngày 05 tháng 3 năm 2024"),
        (0.14, 0.16, "V/v trả lời kiến nghị"),
        (0.14, 0.178, "của công dân"),
        (0.35, 0.23, "Kính gửi: Ông Lê Thử"),
    ]
    found = read(page(lines))
    assert (found.kind, found.value("subject")) == ("cong-van", "trả lời kiến nghị của công dân")
    assert [p.full_name.value for p in found.people if p.full_name] == ["Lê Thử"]


FORM = [
    (0.30, 0.08, "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM"),
    (0.37, 0.10, "Độc lập - Tự do - Hạnh phúc"),
    (0.60, 0.12, "Mã hồ sơ: 000.00.14.H59-230601-0001"),
    (0.33, 0.15, "TỜ KHAI ĐĂNG KÝ THƯỜNG TRÚ"),
    (0.38, 0.18, "Kính gửi: Công an xã An Hòa"),
    (0.15, 0.21, "1. Họ, chữ đệm và tên: ĐỖ THỊ ỄNH ƯƠNG"),
    (0.15, 0.23, "2. Ngày, tháng, năm sinh: 01/01/1990"),
    (0.15, 0.25, "4. Số định danh cá nhân: 0 8 4 1 9 0 0 0 0 0 0 2"),
    (0.15, 0.27, "5. Số điện thoại liên hệ: 0912345678"),
    (0.15, 0.29, "7. Họ, chữ đệm và tên chủ hộ: LÊ VĂN HỘ"),
    (0.56, 0.60, "An Hòa, ngày 01 tháng 06 năm 2023"),
    (0.62, 0.62, "NGƯỜI KÊ KHAI"),
    (0.60, 0.64, "(Ký, ghi rõ họ tên)"),
    (0.62, 0.75, "Đỗ Thị Ễnh Ương"),
]


def test_a_citizens_form_has_an_addressee_and_no_agency() -> None:
    found = read(page(FORM))
    assert found.kind == "to-khai"
    assert found.value("issuing_agency") is None
    assert found.value("addressed_to") == "Công an xã An Hòa"
    assert found.value("subject") == "Đăng ký thường trú"
    assert found.value("dossier_code") == "000.00.14.H59-230601-0001"
    assert found.value("signer_title") == "NGƯỜI KÊ KHAI"


def test_digit_boxes_make_one_number_and_labels_say_the_role() -> None:
    applicant, householder = read(page(FORM)).people
    assert applicant.full_name is not None and applicant.full_name.value == "Đỗ Thị Ễnh Ương"
    assert applicant.id_number is not None and applicant.id_number.value == "084190000002"
    assert householder.role == "householder"
    assert householder.id_number is None


def test_a_number_that_contradicts_the_birth_date_is_less_sure() -> None:
    contradicted = [(x, y, text.replace("01/01/1990", "01/01/1955")) for x, y, text in FORM]
    fits, does_not = read(page(FORM)).people[0].id_number, read(page(contradicted)).people[0].id_number
    assert fits is not None and does_not is not None
    assert does_not.confidence < fits.confidence


def test_a_list_gives_each_row_as_a_person_and_joins_wrapped_names() -> None:
    rows: list[Line] = []
    for i, (name, day, number) in enumerate(
        [("Thạch Quang Ngọc", "29/12/1944", "058044000001"), ("La Thùy Gấm", "25/07/1992", "012192000002")]
    ):
        top = 0.50 + 0.03 * i
        rows += [(0.16, top, str(i + 1)), (0.20, top, name), (0.42, top, day), (0.56, top, number)]
    rows.insert(4, (0.20, 0.515, "Tiến"))
    people = read(page([*DECISION[:6], *rows])).people
    names = [person.full_name.value for person in people if person.full_name]
    assert names[-2:] == ["Thạch Quang Ngọc Tiến", "La Thùy Gấm"]
    assert [p.id_number.value for p in people if p.id_number] == ["058044000001", "012192000002"]


@pytest.mark.parametrize(
    ("printed", "told", "sure"),
    [
        ("Nguyễn Cẩm Duyên", "Nguyễn Cẩm Duyên", True),
        ("Nguyễn Bười", "Nguyễn Bưởi", False),  # no other syllable of names has these vowels
        ("Nguyễn Thảnh Duyên", "Nguyễn Thảnh Duyên", False),  # Thanh, Thành, Thạnh or Thánh
        ("Nguyễn Duyên Duyên", "Nguyễn Duyên Duyên", False),
        ("Thạch Rô Ngọc", "Thạch Rô Ngọc", True),  # like no other: a rare name, hardly less sure
    ],
)
def test_a_syllable_that_names_hardly_have_is_mended_or_doubted(printed: str, told: str, sure: bool) -> None:
    found = read(page([*DECISION[:-1], (0.62, 0.75, printed)])).fields["signer_name"]
    assert (found.value, found.raw_text, found.confidence >= 0.8) == (told, printed, sure)


def test_a_signer_of_two_syllables_may_have_lost_one() -> None:
    assert read(page([*DECISION[:-1], (0.62, 0.75, "Nguyễn Duyên")])).fields["signer_name"].confidence < 0.8


def test_a_name_cut_off_by_the_end_of_a_line_is_the_whole_one() -> None:
    lines = [(0.2, 0.32, "Ông Đỗ Thành"), (0.2, 0.36, "Theo lời khai, ông Đỗ Thành Thắng đã cư trú tại đây.")]
    names = [p.full_name.value for p in read(page([*DECISION[:4], *lines])).people if p.full_name]
    assert names == ["Đỗ Thành Thắng"]


def test_a_place_is_spelt_as_the_rest_of_the_paper_spells_it() -> None:
    body = [(0.2, 0.3 + 0.02 * n, f"xã la Thrông {n}") for n in range(3)]
    lines = [*head(["ỦY BAN NHÂN DÂN", "XÃ IATHRÔNG"], "Số: 7/TB-UBND", "Ia Thrông, ngày 01 tháng 02 năm 2025"), *body]
    assert read(page(lines)).value("issuing_agency") == "Ủy ban nhân dân xã Ia Thrông"


@pytest.mark.parametrize("mark", ["TUYỆT MẬT", "TỐI MẬT", "MẬT"])
def test_a_secrecy_stamp_is_seen(mark: str) -> None:
    assert secrecy_mark([page([*DECISION[:6], (0.16, 0.165, mark)])]) == mark


def test_ordinary_words_are_no_secrecy_stamp() -> None:
    lines = [*DECISION, (0.2, 0.32, "Giữ bí mật, bảo mật thông tin"), (0.3, 0.21, "VỀ VIỆC BẢO MẬT THÔNG TIN")]
    assert secrecy_mark([page(lines)]) is None


@pytest.mark.parametrize(
    ("name", "dossier", "component"),
    [
        ("000.19.35.H83-220610-0078_TP01", "000.19.35.H83-220610-0078", "TP01"),
        ("H56.14-240823-0001", "H56.14-240823-0001", None),
        ("TP02 giấy khai sinh", None, "TP02"),
        ("G12.012.03-260126-120001-TP03", "G12.012.03-260126-120001", "TP03"),
        ("H56.14-20240823-0001", None, None),
        ("scan0001", None, None),
    ],
)
def test_names_give_dossier_and_component(name: str, dossier: str | None, component: str | None) -> None:
    assert parse_name(name) == (dossier, component)


def test_a_dossier_code_with_an_impossible_day_is_none() -> None:
    assert dossier_code_in("hồ sơ H56.14-241323-0001") is None


def test_pages_without_words_give_nothing() -> None:
    assert read(page([])) == Description()


WORDS = st.lists(
    st.tuples(
        st.one_of(
            st.text(min_size=1, max_size=12),
            st.sampled_from(["Số:", "ngày", "tháng", "năm", "Ông", "CCCD", "Họ", "và", "tên:", "Căn", "V/v", "CHỦ",
 "TỊCH",
                             "084190000002", "01/01/1990", "15/QĐ-UBND", "QUYẾT", "ĐỊNH", "|", ":", "TM.", "sinh"]),
        ),
        st.floats(0, 0.95),
        st.floats(0, 0.95),
        st.integers(0, 6),
    ),
    max_size=60,
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(WORDS)
def test_whatever_was_read_describe_never_fails(found: list[tuple[str, float, float, int]]) -> None:
    words = tuple(
        Word(text=text, box=Box(left=x, top=y, right=x + 0.05, bottom=y + 0.012), confidence=0.5, line=line)
        for text, x, y, line in found
    )
    pages = [PageText(index=0, text="", confidence=0.5, words=words)]
    described = read(*pages)
    assert all(0 <= value.confidence <= 1 for value in described.fields.values())
    secrecy_mark(pages)


@given(st.text(max_size=80))
def test_any_name_can_be_parsed(name: str) -> None:
    parse_name(name)
