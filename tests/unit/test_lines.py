"""Ruling, lines, strips and the order of reading, on drawn pages; and the page read line by line."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from app.demo.scans import FONTS
from pipeline import second_reader
from pipeline.imaging import Gray
from pipeline.line_reading import read_level
from pipeline.lines import find_lines
from pipeline.ocr import RawWord, engine
from pipeline.reading_order import in_reading_order
from pipeline.ruling import Cell, find_ruling, without_ruling
from pipeline.strips import digits_of, outside, strips

PAPER = 250


class Page:
    """A page of 200 dpi to draw on, with print of 13 points."""

    def __init__(self, width: int = 1654, height: int = 1200) -> None:
        self.image = Image.new("L", (width, height), PAPER)
        self.pen = ImageDraw.Draw(self.image)

    def text(self, x: int, y: int, text: str, size: int = 36, ink: int = 20) -> int:
        """Where it ends."""
        font = ImageFont.truetype(str(FONTS / "Tinos-Regular.ttf"), size)
        self.pen.text((x, y), text, font=font, fill=ink)
        return x + round(font.getlength(text))

    def dots(self, left: int, right: int, y: int) -> None:
        for x in range(left, right, 9):
            self.pen.ellipse((x, y, x + 3, y + 3), fill=40)

    def boxes(self, left: int, top: int, digits: str) -> None:
        for n, digit in enumerate(digits):
            x = left + 36 * n
            self.pen.rectangle((x, top, x + 36, top + 42), outline=30, width=2)
            self.text(x + 9, top + 1, digit)

    def table(self, left: int, top: int, rows: list[list[str]], wide: int = 240) -> None:
        for r, row in enumerate(rows):
            for c, cell in enumerate(row):
                x, y = left + wide * c, top + 56 * r
                self.pen.rectangle((x, y, x + wide, y + 56), outline=30, width=2)
                self.text(x + 14, y + 8, cell)

    @property
    def gray(self) -> Gray:
        return np.asarray(self.image)


def told(page: Page) -> list[str]:
    """The lines as they are read, in order."""
    read = read_level(page.gray, engine("auto", "vie"), dpi=200, timeout_s=60)
    lines: dict[int, list[str]] = {}
    for word in in_reading_order(read.words, read.cells):
        lines.setdefault(word.line, []).append(word.text)
    return [" ".join(line) for line in lines.values()]


def test_rules_dots_and_boxes_are_found_and_go_while_letters_stay() -> None:
    page, bare = Page(), Page()
    for one in (page, bare):
        one.text(200, 200, "Họ, chữ đệm, tên: Nguyễn Gấm Quỳnh")
    page.pen.line((200, 238, 900, 238), fill=60, width=2)  # through the feet of g and q
    page.dots(200, 1400, 330)
    page.boxes(300, 400, "084099000001")
    page.table(200, 560, [["TT", "Họ tên"], ["1", "Lê"], ["2", "Mã"]])
    found = find_ruling(page.gray)
    assert len(found.cells) == 6
    assert [len(comb) for comb in found.combs] == [12]
    clean = without_ruling(page.gray, found)
    assert (clean[325:340] > 200).all()
    assert (clean[200:250] < 150).sum() > 0.93 * (bare.gray[200:250] < 150).sum()
    strips_left = find_ruling(clean)
    assert not strips_left.cells
    assert not strips_left.combs


def test_bold_headlines_and_print_close_together_are_no_rules() -> None:
    page = Page()
    page.text(200, 100, "ỦY BAN NHÂN DÂN TỈNH", size=60)
    page.text(200, 220, "mm nn uu iiiiiiii IIIIIIII ===== llllll", size=36)
    drawn = find_ruling(page.gray).drawn
    assert drawn[100:170].sum() == 0


def test_every_line_is_found_once_with_its_marks() -> None:
    page = Page()
    page.text(200, 200, "ỦY BAN NHÂN DÂN, XÃ ẬT THƯỢNG.")
    page.text(200, 246, "Độc lập - Tự do; ngày 5, tháng 7")
    page.text(1200, 246, "số 12")
    lines = sorted(find_lines(page.gray), key=lambda line: (line.top, line.left))
    assert len(lines) == 3
    inked = np.argwhere(page.gray < 150)
    assert min(line.top for line in lines) <= inked[:, 0].min() + 1
    ink_in_pictures = sum(int((line.picture < 150).sum()) for line in lines)
    assert ink_in_pictures == len(inked)


def test_lines_of_one_height_are_one_strip_and_know_where_they_stood() -> None:
    page = Page()
    page.text(200, 200, "Ngày sinh")
    page.text(900, 200, "Giới tính")
    page.text(200, 300, "Nơi sinh")
    first, second = strips(find_lines(page.gray))
    assert [len(first.pieces), len(second.pieces)] == [2, 1]
    assert first.pieces[1].left == pytest.approx(900, abs=12)
    assert first.piece_at(first.pieces[1].start + 3) is first.pieces[1]


@pytest.mark.parametrize("number", ["084099000001", "0123456789", "11117", "770 055"])
def test_digits_in_boxes_are_one_number(number: str) -> None:
    page = Page()
    page.text(200, 400, "Số:")
    page.boxes(300, 400, number)
    found = find_ruling(page.gray)
    clean = without_ruling(page.gray, found)
    assert len(outside(find_lines(clean, found.drawn), found.combs)) == 1
    assert digits_of(found.combs[0], clean)[1] == len(number.replace(" ", ""))
    assert told(page) == ["Số: " + number.replace(" ", "")]


def test_a_code_of_squares_is_no_print() -> None:
    page = Page()
    page.text(300, 100, "Giấy tiếp nhận hồ sơ")
    squares = np.random.default_rng(1).random((29, 29)) < 0.5
    code = Image.fromarray(np.where(squares, 10, PAPER).astype(np.uint8)).resize((145, 145), Image.Resampling.NEAREST)
    page.image.paste(code, (1100, 60))
    assert told(page) == ["Giấy tiếp nhận hồ sơ"]


def test_a_form_is_read_as_it_is_filled_in() -> None:
    page = Page()
    end = page.text(150, 120, "Họ, chữ đệm và tên: ")
    page.dots(page.text(end + 10, 118, "Nguyễn Thị Hường") + 6, 1500, 152)
    end = page.text(150, 190, "2. Ngày sinh: 02/09/1985 ")
    page.dots(end, 900, 222)
    page.dots(page.text(910, 190, "3. Giới tính: Nữ") + 4, 1500, 222)
    page.table(150, 300, [["TT", "Họ và tên", "Số định danh"], ["1", "Lê Văn Tám", "084099000001"]], wide=320)
    assert told(page) == [
        "Họ, chữ đệm và tên: Nguyễn Thị Hường",
        "2. Ngày sinh: 02/09/1985 3. Giới tính: Nữ",
        "TT Họ và tên Số định danh",
        "1 Lê Văn Tám 084099000001",
    ]


def test_strokes_of_a_signature_are_no_words() -> None:
    page = Page()
    page.text(300, 100, "NGƯỜI LÀM ĐƠN")
    points = [(320, 330), (380, 230), (400, 320), (470, 240), (480, 330), (560, 250), (640, 300), (330, 340)]
    for a, b in pairwise(points):
        page.pen.line((*a, *b), fill=60, width=3)
    page.text(300, 420, "Trần Văn Bình")
    assert told(page) == ["NGƯỜI LÀM ĐƠN", "Trần Văn Bình"]


def test_a_blank_page_has_no_words() -> None:
    assert told(Page()) == []


def words(*lines: tuple[int, int, str]) -> list[RawWord]:
    """Lines as (left, top, text), a letter 15 wide and 27 high."""
    found = []
    for number, (left, top, text) in enumerate(lines):
        x = left
        for word in text.split():
            found.append(RawWord(word, x, top, x + 15 * len(word), top + 27, 0.9, number, 0))
            x += 15 * (len(word) + 1)
    return found


def order(found: list[RawWord], cells: tuple[Cell, ...] = ()) -> list[str]:
    lines: dict[int, list[str]] = {}
    for word in in_reading_order(found, cells):
        lines.setdefault(word.line, []).append(word.text)
    return [" ".join(line) for line in lines.values()]


def test_head_columns_one_after_the_other() -> None:
    head = words(
        (205, 100, "UỶ BAN NHÂN DÂN"),
        (800, 100, "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM"),
        (250, 140, "XÃ AN HÒA"),
        (870, 140, "Độc lập - Tự do - Hạnh phúc"),
        (235, 200, "Số: 12/QĐ-UB"),
        (830, 200, "An Hòa, ngày 05 tháng 3 năm 2024"),
        (600, 300, "QUYẾT ĐỊNH"),
        (150, 380, "Căn cứ Luật Tổ chức chính quyền địa phương ngày 19 tháng 6 năm 2015 của Quốc hội;"),
    )
    assert [line.split()[0] for line in order(head)] == [
        "UỶ", "XÃ", "Số:", "CỘNG", "Độc", "An", "QUYẾT", "Căn",
    ]  # fmt: skip


@pytest.mark.parametrize("lower", [0, 13])
def test_a_head_is_known_by_the_states_name(lower: int) -> None:
    """Small letters set on one edge, a number on another, a form's number at the right; or columns led unlike."""
    head = words(
        (205, 100 + lower, "UBND xã Hòa Thuận"),
        (800, 100, "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM"),
        (205, 140 + lower, "Huyện Châu Phú"),
        (870, 140, "Độc lập - Tự do - Hạnh phúc"),
        (205, 180 + lower, "Tỉnh An Hải"),
        (150, 240, "Số: 57"),
        (1100, 240, "Mẫu TP/HT-2006-KS.1"),
        (150, 280, "Quyển số: 01/2008"),
        (620, 340, "GIẤY KHAI SINH"),
        (150, 400, "Họ và tên: ĐẶNG GIA BẢO"),
        (900, 400, "Giới tính: Nam"),
        (150, 440, "Nơi sinh: Bệnh viện đa khoa huyện Châu Phú, tỉnh An Hải"),
    )
    assert order(head) == [
        "UBND xã Hòa Thuận", "Huyện Châu Phú", "Tỉnh An Hải", "Số: 57", "Quyển số: 01/2008",
        "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM", "Độc lập - Tự do - Hạnh phúc", "Mẫu TP/HT-2006-KS.1",
        "GIẤY KHAI SINH", "Họ và tên: ĐẶNG GIA BẢO Giới tính: Nam",
        "Nơi sinh: Bệnh viện đa khoa huyện Châu Phú, tỉnh An Hải",
    ]  # fmt: skip


def test_a_form_below_the_states_name_has_no_columns() -> None:
    form = words(
        (150, 60, "Mẫu số 01"),
        (560, 100, "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM"),
        (630, 140, "Độc lập - Tự do - Hạnh phúc"),
        (750, 220, "TỜ KHAI"),
        (150, 300, "Họ và tên: Lê Thử"),
        (900, 300, "Giới tính: Nam"),
        (150, 340, "Nơi cư trú của người khai, ghi như trong giấy tờ tùy thân: xã An Hòa, huyện Bình An, tỉnh Vĩnh Hà"),
    )
    assert [line.split()[0] for line in order(form)] == ["Mẫu", "CỘNG", "Độc", "TỜ", "Họ", "Nơi"]


def test_fields_of_a_row_one_beside_the_other() -> None:
    form = words(
        (150, 100, "2. Ngày sinh: 02/09/1985"),
        (900, 100, "3. Giới tính: Nữ"),
        (150, 150, "4. Số định danh: 084099000001"),
        (150, 200, "5. Điện thoại: 0900000001"),
        (910, 200, "6. Email: a@vidu.vn"),
    )
    assert [line.split()[0] for line in order(form)] == ["2.", "4.", "5."]


def test_names_below_two_signatures_stay_with_their_titles() -> None:
    foot = words(
        (205, 100, "Ý KIẾN CỦA CHỦ HỘ"),
        (985, 100, "NGƯỜI KÊ KHAI"),
        (190, 140, "(Ký, ghi rõ họ tên)"),
        (940, 140, "(Ký, ghi rõ họ tên)"),
        (220, 380, "Trần Văn Bình"),
        (960, 380, "Lê Thị Hạnh Nhi"),
    )
    assert order(foot) == [
        "Ý KIẾN CỦA CHỦ HỘ", "(Ký, ghi rõ họ tên)", "Trần Văn Bình",
        "NGƯỜI KÊ KHAI", "(Ký, ghi rõ họ tên)", "Lê Thị Hạnh Nhi",
    ]  # fmt: skip


def test_tables_row_by_row_and_cells_of_several_lines_whole() -> None:
    cells = tuple(
        Cell(x, y, x + 300, y + high) for y, high in ((100, 90), (200, 50)) for x in (100, 410, 720)
    )  # fmt: skip
    found = words(
        (120, 130, "TT"), (430, 110, "Ngày, tháng,"), (430, 145, "năm sinh"), (740, 130, "Quan hệ"),
        (120, 210, "1"), (430, 210, "02/09/1985"), (740, 210, "Con"), (100, 300, "Sau bảng"),
    )  # fmt: skip
    assert order(found, cells) == ["TT", "Ngày, tháng,", "năm sinh", "Quan hệ", "1 02/09/1985 Con", "Sau bảng"]


def test_every_word_comes_once() -> None:
    found = words((150, 100, "một hai"), (900, 100, "ba"), (150, 160, "bốn"), (150, 230, "năm sáu bảy"))
    assert sorted(w.text for w in in_reading_order(found)) == sorted(w.text for w in found)
    assert in_reading_order([]) == []


def test_the_second_reader_reads_print_too() -> None:
    page = Page(900, 80)
    page.text(20, 15, "Nơi sinh: Trạm Y tế xã An Hòa")
    found = second_reader.read_line(page.gray, letter=19, base=48)
    assert " ".join(f.text for f in found) == "Nơi sinh: Trạm Y tế xã An Hòa"
    assert [f.left for f in found] == sorted(f.left for f in found)
    assert all(0 <= f.confidence <= 1 for f in found)
