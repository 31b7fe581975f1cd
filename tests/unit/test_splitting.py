"""What a scan is parted into: sheets and their codes, blank backs, and papers with no sheet between them."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
import pypdfium2
import pytest
import zxingcpp
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageFont

from app.demo.papers import papers
from app.demo.scans import FONTS
from app.demo.scans import draw as draw_paper
from pipeline import blanks
from pipeline.page_source import PageImage
from pipeline.reading import read_page
from pipeline.reading_options import ReadingOptions
from pipeline.splitting.codes import read_codes
from pipeline.splitting.covers import Cover, check_field, cover_of, is_ours, payload
from pipeline.splitting.openings import Signs, opens, signs_of
from pipeline.splitting.parts import split_scan
from pipeline.splitting.sheets import Sheet, draw, sheets_pdf
from registry.values import Box, PageQuality, PageText, Part, Quality, Word

FONT = FONTS / "Tinos-Regular.ttf"
DOSSIER, OTHER = "H99.32-260805-0003", "000.17.22.H56-210531-0001"
DPI = 200


# covers


@given(
    st.from_regex(
        r"[A-Y][0-9]{2}(\.[0-9A-Z]{1,3}){0,3}-2[0-9](0[1-9]|1[0-2])(0[1-9]|1[0-9])-[0-9]{4,6}", fullmatch=True
    ),
    st.none() | st.from_regex(r"TP(0[1-9]|[1-9][0-9])", fullmatch=True),
)
def test_what_a_sheet_carries_is_read_from_it(dossier: str, component: str | None) -> None:
    cover = Cover(dossier, component)
    assert cover_of(payload(cover)) == cover
    assert cover_of(payload(cover).rpartition("|")[0]) == cover, "the check field may be absent"


def test_a_sheet_whose_check_does_not_fit_is_none() -> None:
    told = payload(Cover(DOSSIER))
    assert cover_of(told[:-1] + ("0" if told[-1] != "0" else "1")) is None
    assert cover_of(told.replace("0003", "0004")) is None
    assert is_ours(told)


@pytest.mark.parametrize(
    "code",
    [
        "084099000001|334000001|NGUYỄN VĂN MẪU|02031999|Nam|Ấp 1, xã An Hòa|15062021",
        "https://example.vn/SOHOA1|H|x|TP00",
        f"SOHOA2|H|{DOSSIER}|TP00",
        f"SOHOA1|X|{DOSSIER}|TP00",
        "SOHOA1|H|khong phai ma|TP00",
        f"SOHOA1|H|{DOSSIER}|",
        f"SOHOA1|H|{DOSSIER}|TP 01",
        f"SOHOA1|H|{DOSSIER}|TP01|{check_field('x')}",
        f"SOHOA1|H|{DOSSIER}|TP01|0000|0",
        "",
    ],
)
def test_codes_of_others_and_broken_ones_are_no_covers(code: str) -> None:
    assert cover_of(code) is None


@pytest.mark.parametrize("component", ["", "TP 01", "x" * 60, "TP|01"])
def test_codes_that_no_sheet_can_carry_are_refused(component: str) -> None:
    with pytest.raises(ValueError, match="not a code"):
        payload(Cover(DOSSIER, component or "|"))


# codes


def a4(inset: Image.Image | None = None, at: tuple[int, int] = (400, 400)) -> np.ndarray:
    page = Image.new("RGB", (1654, 2339), (246, 244, 238))
    if inset:
        page.paste(inset, at)
    return np.asarray(page)


def code(text: str, size_px: int, level: str = "M") -> Image.Image:
    made = zxingcpp.create_barcode(text, zxingcpp.BarcodeFormat.QRCode, ec_level=level)
    return Image.fromarray(np.asarray(made.to_image(scale=1))).convert("RGB").resize((size_px, size_px), Image.NEAREST)


@pytest.mark.parametrize("degrees", [0, 3, -4, 90, 180, 273])
def test_a_printed_sheet_is_read_whichever_way_it_lies(degrees: int) -> None:
    sheet = draw(Sheet(Cover(DOSSIER, "TP03")), FONT).convert("RGB").resize((1654, 2339))
    page = np.asarray(sheet.rotate(degrees, expand=True, fillcolor=(250, 250, 250)))
    assert [cover_of(c) for c in read_codes(page)] == [Cover(DOSSIER, "TP03")]


def test_a_soiled_torn_sheet_is_read() -> None:
    page = np.asarray(draw(Sheet(Cover(DOSSIER)), FONT).convert("RGB").resize((1240, 1754))).copy()
    cv2.line(page, (300, 660), (950, 560), (40, 40, 160), 8)  # a pen stroke across the code
    cv2.circle(page, (640, 760), 28, (235, 235, 235), -1)  # a punched hole in it
    page = cv2.GaussianBlur(page, (0, 0), 1.2)
    page = np.clip(page * 0.55 + 60 + np.random.default_rng(1).normal(0, 8, page.shape), 0, 255).astype(np.uint8)
    assert [cover_of(c) for c in read_codes(page)] == [Cover(DOSSIER)]


def test_a_small_code_and_one_of_others_are_both_read() -> None:
    page = Image.fromarray(a4(code(payload(Cover(DOSSIER)), 120), (1400, 60)))
    page.paste(code("084099000001||LÊ THỬ|02031999|Nam|Ấp 3", 200), (200, 1500))
    found = read_codes(np.asarray(page))
    assert len(found) == 2
    assert [cover_of(c) for c in found if is_ours(c)] == [Cover(DOSSIER)]


def test_a_page_without_code_has_none() -> None:
    assert read_codes(np.asarray(draw_paper(papers()[0]))) == ()


# blanks


def scanned(page: np.ndarray, contrast: float = 1.0, noise: float = 2.0) -> np.ndarray:
    paper = np.array([246, 244, 238], dtype=np.float32)
    faint = paper + (page.astype(np.float32) - 250) * contrast
    faint = cv2.GaussianBlur(faint, (0, 0), 0.8)
    return np.clip(faint + np.random.default_rng(2).normal(0, noise, page.shape), 0, 255).astype(np.uint8)


PRINTED = np.asarray(draw_paper(papers()[0]).convert("RGB"))


def shining_through(front: np.ndarray, strength: float) -> np.ndarray:
    back = cv2.GaussianBlur(front[:, ::-1], (0, 0), 2.4)
    return scanned(np.clip(250 - (250.0 - back) * strength, 0, 255))


@pytest.mark.parametrize("strength", [0.0, 0.05, 0.1, 0.18])
def test_a_back_with_the_front_shining_through_is_blank(strength: float) -> None:
    assert blanks.is_blank(shining_through(PRINTED, strength), DPI)


def test_what_shines_through_is_no_flaw_of_the_scan() -> None:
    """It is faint and leans the other way, and nobody need scan that again."""
    back = read_page(PageImage(shining_through(PRINTED, 0.15), DPI), 1, ReadingOptions())
    assert (back.blank, back.quality) == (True, PageQuality(quality=Quality.GOOD))


def test_holes_staples_specks_folds_and_a_dark_bed_leave_a_page_blank() -> None:
    page = a4().copy()
    random = np.random.default_rng(4)
    for y in (850, 1480):
        cv2.circle(page, (75, y), 23, (60, 60, 60), -1)
    cv2.line(page, (40, 70), (120, 40), (90, 90, 95), 5)
    for x, y in random.integers(100, 1500, (40, 2)):
        cv2.circle(page, (int(x), int(y)), int(random.integers(0, 3)), (90, 90, 90), -1)
    page[1165:1170] = (page[1165:1170] * 0.86).astype(np.uint8)
    page[:, 700:702] = (page[:, 700:702] * 0.85).astype(np.uint8)
    page[-40:], page[:, -30:] = 30, 30
    assert blanks.is_blank(page, DPI)


@pytest.mark.parametrize("contrast", [0.5, 0.2, 0.1])
def test_faint_print_is_never_blank(contrast: float) -> None:
    assert not blanks.is_blank(scanned(PRINTED, contrast), DPI)


def test_one_faint_line_on_a_back_is_not_blank() -> None:
    page = Image.fromarray(shining_through(PRINTED, 0.1))
    font = ImageFont.truetype(str(FONT), 36)
    ImageDraw.Draw(page).text((500, 1200), "đã đối chiếu bản chính", font=font, fill=(205, 205, 210))
    assert not blanks.is_blank(np.asarray(page), DPI)


@pytest.mark.parametrize("colour", [(200, 60, 60), (90, 110, 190), (170, 170, 175)])
def test_a_seal_a_signature_or_a_pencil_stroke_alone_is_not_blank(colour: tuple[int, int, int]) -> None:
    page = a4().copy()
    cv2.ellipse(page, (800, 1300), (130, 130), 0, 0, 340, colour, 4, cv2.LINE_AA)
    assert not blanks.is_blank(page, DPI)


# openings and parts


def page(index: int, *lines: str, codes: tuple[str, ...] = (), blank: bool = False, top: float = 0.06) -> PageText:
    """A page with these lines from `top` on, centred, a word a tenth of a letter height apart."""
    words = []
    for number, line in enumerate(lines):
        y, left = top + 0.02 * number, 0.5 - len(line) * 0.006
        for text in line.split():
            right = left + len(text) * 0.012
            box = Box(left=max(0, left), top=y, right=min(1, right), bottom=y + 0.012)
            words.append(Word(text=text, box=box, confidence=0.95, line=number))
            left = right + 0.006
    return PageText(
        index=index, text="\n".join(lines), confidence=0.95, words=tuple(words), codes=codes, blank=blank,
        width_px=1654, height_px=2339,
    )  # fmt: skip


HEAD = ("CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM", "Độc lập - Tự do - Hạnh phúc")
BODY = ("Tôi tên là Nguyễn Văn Mẫu sinh năm 1990 hiện ở xã An Hòa", "đề nghị xem xét giải quyết việc nêu trên") * 3
CARD = (
    "CĂN CƯỚC CÔNG DÂN",
    "Họ và tên Full name",
    "NGUYỄN VĂN MẪU",
    "Date of birth 01/01/1990",
    "Quê quán Place of origin",
)
CARD_BACK = ("Đặc điểm nhân dạng Personal identification", "Nốt ruồi cách mép phải", "Ngày tháng năm Date month year",
             "IDVNM0868854634060086885463<<2", "NGUYEN<<VAN<MAU<<<<<<<<<")  # fmt: skip
LAND = ("I. Người sử dụng đất, chủ sở hữu nhà ở và tài sản khác gắn liền với đất", *BODY)


def first(index: int, *more: str, **told: object) -> PageText:
    return page(index, *HEAD, *more, *BODY, **told)  # type: ignore[arg-type]


def pages_of(*pages: PageText) -> list[tuple[int, ...]]:
    return [part.pages for part in split_scan(pages).parts]


def sheet(index: int, dossier: str = DOSSIER, component: str | None = None) -> PageText:
    return page(index, "TỜ PHÂN CÁCH", dossier, codes=(payload(Cover(dossier, component)),), top=0.1)


def empty(index: int, **told: object) -> PageText:
    return page(index, blank=True, **told)  # type: ignore[arg-type]


def test_a_head_opens_and_a_page_without_one_goes_on() -> None:
    assert pages_of(first(0), page(1, *BODY), first(2, "ĐƠN ĐỀ NGHỊ"), page(3, "2", *BODY)) == [(0, 1), (2, 3)]


def test_a_page_number_goes_on_whatever_stands_below_it() -> None:
    assert pages_of(first(0), page(1, "2", *HEAD, *BODY)) == [(0, 1)]


def test_a_page_that_could_not_be_read_stays_where_it_is() -> None:
    lost = PageText(index=1, text="", confidence=0, status="timeout")
    assert pages_of(first(0), lost, first(2)) == [(0, 1), (2,)]


def test_the_state_s_name_in_the_text_opens_nothing() -> None:
    assert pages_of(first(0), page(1, *BODY, *BODY, *HEAD, top=0.1)) == [(0, 1)]


def test_copies_of_an_identity_card_are_told_apart() -> None:
    both = page(1, *CARD, *CARD_BACK)
    assert pages_of(first(0), both, page(2, *BODY), page(3, *BODY)) == [(0,), (1,), (2, 3)]
    assert pages_of(page(0, *CARD), page(1, *CARD_BACK), page(2, *CARD)) == [(0, 1), (2,)]
    assert pages_of(first(0, "số căn cước công dân 003199000001"), page(1, *BODY)) == [(0, 1)]


def test_cards_of_every_law_are_told_apart() -> None:
    """The card of 9 digits, and that of July 2024, which has its place of residence on the back."""
    old = ("GIẤY CHỨNG MINH NHÂN DÂN", "SỐ 334567890", "Họ tên: LÂM THỊ MẪU", "Sinh ngày 12-03-1985 An Hải")
    old_back = ("Dân tộc: Kinh Tôn giáo: Không", "DẤU VẾT RIÊNG VÀ DỊ HÌNH", "Nốt ruồi", "NGÓN TRỎ TRÁI")
    new = ("CĂN CƯỚC", "IDENTITY CARD", "Số định danh cá nhân / Personal identification number", "LÂM THỊ MẪU")
    new_back = ("Nơi cư trú / Place of residence: An Hải", "Nơi đăng ký khai sinh / Place of birth: An Hải",
                "Ngày, tháng, năm cấp / Date of issue: 05/09/2024", "BỘ CÔNG AN")  # fmt: skip
    for front, back in ((old, old_back), (new, new_back)):
        assert pages_of(page(0, *front), page(1, *back), page(2, *front)) == [(0, 1), (2,)]
    assert pages_of(first(0, "Giấy chứng minh nhân dân số 334567890", "Nguyên quán: An Hải"), page(1, *BODY)) == [
        (0, 1)
    ]


def test_a_land_certificate_opens_with_its_title_or_its_first_section() -> None:
    title = page(1, *HEAD, "GIẤY CHỨNG NHẬN", "QUYỀN SỬ DỤNG ĐẤT QUYỀN SỞ HỮU NHÀ Ở VÀ TÀI SẢN KHÁC GẮN LIỀN VỚI ĐẤT")
    plan = page(3, "III. Sơ đồ thửa đất nhà ở và tài sản khác gắn liền với đất", *BODY)
    assert pages_of(first(0), page(1, *LAND), plan.model_copy(update={"index": 2})) == [(0,), (1, 2)]
    misread = page(1, LAND[0].replace("I.", "LI."), *BODY)
    assert pages_of(first(0), misread) == [(0,), (1,)]
    assert pages_of(first(0), title, page(2, *LAND), plan) == [(0,), (1, 2, 3)]


def test_few_words_open_nothing() -> None:
    assert not opens(signs_of(page(1, HEAD[0])), [Signs(headed=True, words=200)])


def test_sheets_part_dossiers_and_components() -> None:
    split = split_scan([
        first(0), sheet(1), empty(2), first(3), empty(4), page(5, *CARD, *CARD_BACK),
        sheet(6, OTHER, "TP02"), first(7), first(8),
    ])  # fmt: skip
    assert split.parts == (
        Part(pages=(0,)),
        Part(pages=(3,), dossier_code=DOSSIER),
        Part(pages=(5,), dossier_code=DOSSIER),
        Part(pages=(7, 8), dossier_code=OTHER, component_code="TP02"),
    ), "a component's sheet holds all up to the next one together"
    assert (split.covers, split.blanks, split.warnings) == ((1, 6), (2, 4), ())


def test_the_back_of_a_sheet_is_part_of_it() -> None:
    shines = empty(1, codes=(payload(Cover(DOSSIER)),))
    printed = sheet(1)
    assert split_scan([sheet(0), shines, first(2)]).blanks == (1,)
    twice = split_scan([sheet(0), printed, first(2), empty(3)])
    assert (twice.covers, twice.blanks, len(twice.parts), twice.warnings) == ((0, 1), (3,), 1, ())


def test_a_sheet_for_the_dossier_before_those_of_its_components_is_nothing_odd() -> None:
    split = split_scan([sheet(0), sheet(1, component="TP01"), first(2), sheet(3, component="TP02"), first(4)])
    assert [(p.pages, p.component_code) for p in split.parts] == [((2,), "TP01"), ((4,), "TP02")]
    assert split.warnings == ()


def test_a_sheet_with_nothing_behind_it_is_told() -> None:
    assert split_scan([sheet(0, component="TP01"), sheet(1, component="TP02"), first(2)]).warnings == ("cover_empty",)
    assert split_scan([first(0), sheet(1)]).warnings == ("cover_empty",)


def test_a_sheet_with_a_wrong_check_is_no_sheet_and_a_person_looks() -> None:
    wrong = page(1, "TỜ PHÂN CÁCH", codes=(payload(Cover(DOSSIER))[:-4] + "XXXX",))
    split = split_scan([first(0), wrong, first(2)])
    assert split.covers == () and split.warnings == ("cover_check",)
    assert [(p.pages, p.doubts) for p in split.parts] == [((0, 1), ("cover",)), ((2,), ("cover",))]


def test_a_page_with_two_sheets_codes_is_followed_to_neither() -> None:
    both = page(0, "TỜ PHÂN CÁCH", codes=(payload(Cover(DOSSIER)), payload(Cover(OTHER))))
    split = split_scan([both, first(1)], DOSSIER)
    assert split.parts == (Part(pages=(1,), doubts=("cover",)),)
    assert split.warnings == ("cover_ambiguous",)


def test_a_paper_with_a_sheets_code_stuck_on_it_is_kept_and_opens_a_part() -> None:
    stuck = first(1, *BODY, *BODY, codes=(payload(Cover(DOSSIER, "TP01")),))
    split = split_scan([first(0), stuck, page(2, *BODY)])
    assert [(p.pages, p.component_code) for p in split.parts] == [((0,), None), ((1, 2), "TP01")]
    assert split.covers == ()


def test_a_sheet_counts_before_the_folder_and_the_difference_is_told() -> None:
    split = split_scan([sheet(0, component="TP02"), first(1)], OTHER, "TP01")
    assert split.parts == (Part(pages=(1,), dossier_code=DOSSIER, component_code="TP02"),)
    assert split.warnings == ("cover_differs",)
    assert split_scan([sheet(0), first(1)], DOSSIER, "TP01").warnings == ()
    assert split_scan([first(0)], OTHER, "TP01").parts == (Part(pages=(0,), dossier_code=OTHER, component_code="TP01"),)


def test_a_component_named_by_the_folder_is_one_document() -> None:
    assert split_scan([first(0), first(1)], DOSSIER, "TP01").parts == (
        Part(pages=(0, 1), dossier_code=DOSSIER, component_code="TP01"),
    )


def test_a_scan_of_blank_pages_is_one_part_and_one_of_sheets_none() -> None:
    assert split_scan([empty(0), empty(1)]).parts == (Part(pages=(0, 1)),)
    assert split_scan([sheet(0), empty(1)]).parts == ()


@given(
    st.lists(
        st.sampled_from(["first", "more", "blank", "whole", "component", "spoilt", "card"]), min_size=1, max_size=14
    )
)
def test_every_page_is_in_one_place(kinds: list[str]) -> None:
    def make(index: int, kind: str) -> PageText:
        match kind:
            case "first":
                return first(index)
            case "blank":
                return empty(index)
            case "whole":
                return sheet(index)
            case "component":
                return sheet(index, OTHER, "TP01")
            case "spoilt":
                return page(index, codes=("SOHOA1|H|x|y",))
            case _:
                return page(index, *(CARD if kind == "card" else BODY))

    made = [make(index, kind) for index, kind in enumerate(kinds)]
    split = split_scan(made)
    placed = [i for part in split.parts for i in part.pages] + [*split.covers, *split.blanks]
    assert sorted(placed) == list(range(len(kinds)))
    assert all(list(part.pages) == sorted(part.pages) and part.pages for part in split.parts)


# sheets


def test_the_pdf_of_sheets_is_read_back_as_what_it_was_made_for() -> None:
    asked = [Cover(DOSSIER), Cover(DOSSIER, "TP01"), Cover(OTHER, "TP12")]
    long = "Giấy tờ làm căn cứ thay đổi, cải chính, bổ sung thông tin hộ tịch, xác định lại dân tộc theo quy định"
    pdf = pypdfium2.PdfDocument(BytesIO(sheets_pdf([Sheet(c, long, long) for c in asked], FONT)))
    assert [tuple(round(v) for v in p.get_size()) for p in pdf] == [(595, 842)] * 3
    found = [read_codes(np.asarray(p.render(scale=150 / 72).to_pil())) for p in pdf]
    assert [[cover_of(c) for c in codes] for codes in found] == [[c] for c in asked]
    pdf.close()


def test_a_font_without_a_bold_brother_will_do(tmp_path: Path) -> None:
    alone = tmp_path / "Chu.ttf"
    alone.write_bytes(FONT.read_bytes())
    assert draw(Sheet(Cover(DOSSIER)), alone).size == (2480, 3508)
