"""A page as it was scanned, whichever way it lay."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import img2pdf
import numpy as np
import pikepdf
import pypdfium2
import pytest
from PIL import Image, ImageDraw, ImageFont
from reportlab.lib.utils import ImageReader
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen import canvas

from app.demo.scans import FONTS
from pipeline import imaging
from pipeline.page_source import PageImage, PageSource
from pipeline.pdfa import write_pdfa
from pipeline.quality import look_at_first_page
from pipeline.reading import read_page
from pipeline.reading_options import ReadingOptions
from pipeline.soundness import PDF
from pipeline.spelling import is_legible
from registry.values import PageText, Quality


@pytest.mark.parametrize("turned", [0, 90, 180, 270])
def test_a_page_of_one_line_is_turned_by_what_it_says(turned: int) -> None:
    """Two punched holes and a seal's arcs stand in columns, and outnumber the letters' neighbours."""
    page = Image.new("L", (1654, 2339), 245)
    pen = ImageDraw.Draw(page)
    font = ImageFont.truetype(str(FONTS / "Tinos-Italic.ttf"), 36)
    pen.text((390, 170), "(Danh sách gồm 34 người)", font=font, fill=60)
    for y in (790, 1420):
        pen.ellipse((70, y, 116, y + 46), fill=40)
    for y in range(900, 1180, 24):
        pen.arc((1500, y, 1530, y + 18), 90, 250, fill=90, width=3)
    picture = imaging.turn(np.asarray(page), turned)
    read = read_page(PageImage(pixels=picture, dpi=200.0), 0, ReadingOptions())
    assert read.rotation_deg == turned
    assert read.text == "(Danh sách gồm 34 người)"


def own(folder: Path, picture: Image.Image, over: tuple[str, ...] = ()) -> Path:
    """A page that a program made, with a picture on it; over: words of the page that lie on the print of a piece."""
    place = folder / "scan.pdf"
    pdfmetrics.registerFont(TTFont("Tinos", str(FONTS / "Tinos-Regular.ttf")))
    page = canvas.Canvas(str(place), pagesize=(595, 842))
    page.setFont("Tinos", 13)
    page.drawString(80, 760, "Giấy này do máy tính làm ra, chữ của nó là chữ thật.")
    page.drawInlineImage(picture, 80, 400, 400, 200)
    page.setFont("Tinos", 38 * 0.36)
    for n, line in enumerate(over):
        page.drawString(80 + 60 * 0.36, 600 - (154 + 90 * n) * 0.36, line)
    page.save()
    return place


PRINT = ("Xác nhận chữ ký của bà Trần Thị Mẫu", "Ngày 05 tháng 3 năm 2024")


def piece() -> Image.Image:
    """A piece of paper that somebody scanned and put into the page."""
    picture = Image.new("RGB", (1111, 555), (250, 250, 245))
    pen = ImageDraw.Draw(picture)
    font = ImageFont.truetype(str(FONTS / "Tinos-Regular.ttf"), 38)
    for line, text in enumerate(PRINT):
        pen.text((60, 120 + 90 * line), text, font=font, fill=(40, 40, 40))
    return picture


def read_of(scan: Path) -> PageText:
    with PageSource(scan, PDF, 200_000_000) as source:
        return read_page(source.page(0), 0, ReadingOptions())


def test_of_a_page_with_words_of_its_own_only_the_picture_is_read(tmp_path: Path) -> None:
    scan = own(tmp_path, piece())
    read = read_of(scan)
    assert read.text.splitlines() == [
        "Giấy này do máy tính làm ra, chữ của nó là chữ thật.",
        "Xác nhận chữ ký của bà Trần Thị Mẫu",
        "Ngày 05 tháng 3 năm 2024",
    ]
    assert [w.confidence for w in read.words[: read.own_words]] == [1.0] * 13
    assert len(read.words) > read.own_words
    write_pdfa(scan, PDF, [read], tmp_path / "document.pdf")
    told = pypdfium2.PdfDocument(tmp_path / "document.pdf")[0].get_textpage().get_text_range()
    assert [told.count(word) for word in ("tính", "Mẫu", "tháng")] == [1, 1, 1]


def test_a_picture_that_was_read_before_is_not_read_again(tmp_path: Path) -> None:
    """Its words stand on its print; where they stand on half of it, the other half is read."""
    read = read_of(own(tmp_path, piece(), over=PRINT))
    assert len(read.words) == read.own_words
    assert read.text.splitlines()[1:] == list(PRINT)
    half = read_of(own(tmp_path, piece(), over=PRINT[:1]))
    assert half.text.splitlines()[1:] == list(PRINT)
    assert [word.text for word in half.words[half.own_words :]] == PRINT[1].split()


def test_a_form_that_shows_more_than_its_picture_is_drawn(tmp_path: Path) -> None:
    """What a form draws beside the picture in it is on the page as well."""
    with pikepdf.open(BytesIO(img2pdf.convert(jpeg(piece())))) as pdf:
        page = pdf.pages[0]
        form = pikepdf.Stream(pdf, page.Contents.read_bytes() + b" 0 0 1 rg 0 0 90 60 re f")
        form.update({"/Type": pikepdf.Name.XObject, "/Subtype": pikepdf.Name.Form, "/BBox": page.mediabox})
        form["/Resources"] = page.obj["/Resources"]
        page.obj["/Resources"] = pikepdf.Dictionary(XObject=pikepdf.Dictionary(F=pdf.make_indirect(form)))
        page.Contents = pikepdf.Stream(pdf, b"/F Do")
        pdf.save(tmp_path / "scan.pdf")
    with PageSource(tmp_path / "scan.pdf", PDF, 200_000_000) as source:
        pixels = source.page(0).pixels
    assert pixels[-5, 5].tolist() == [0, 0, 255]


def jpeg(picture: Image.Image) -> bytes:
    out = BytesIO()
    picture.save(out, "JPEG", dpi=(200, 200))
    return out.getvalue()


def test_a_photograph_has_no_words(tmp_path: Path) -> None:
    noise = np.random.default_rng(3).integers(0, 255, (60, 110, 3), np.uint8)
    read = read_of(own(tmp_path, Image.fromarray(noise).resize((1110, 600), Image.Resampling.BICUBIC)))
    assert len(read.words) == read.own_words
    assert read.confidence == 1.0


LAID: dict[str, tuple[str, tuple[int, ...], tuple[int, ...], int, int]] = {
    # how the content is moved, /MediaBox, /CropBox, /Rotate, and how far it is then seen turned clockwise
    "as it is": ("1 0 0 1 0 0", (0, 0, 595, 842), (0, 0, 595, 842), 0, 0),
    "from another origin": ("1 0 0 1 300 -200", (300, -200, 895, 642), (300, -200, 895, 642), 0, 0),
    "cut out": ("1 0 0 1 100 50", (0, 0, 900, 1000), (100, 50, 695, 892), 0, 0),
    "stored on its side, shown upright": ("0 1 -1 0 942 70", (100, 70, 942, 665), (100, 70, 942, 665), 90, 0),
    "stored on its head, shown upright": ("-1 0 0 -1 595 842", (0, 0, 595, 842), (0, 0, 595, 842), 180, 0),
    "shown on its side": ("1 0 0 1 0 0", (0, 0, 595, 842), (0, 0, 595, 842), 90, 90),
    "cut out, shown on its other side": ("1 0 0 1 100 50", (0, 0, 900, 1000), (100, 50, 695, 892), 270, 270),
    "shown on its head": ("1 0 0 1 0 0", (0, 0, 595, 842), (0, 0, 595, 842), 180, 180),
}


def laid(scan: Path, how: str) -> Path:
    """The same page, stored and shown otherwise."""
    matrix, media, crop, rotate, _ = LAID[how]
    with pikepdf.open(scan, allow_overwriting_input=True) as pdf:
        page = pdf.pages[0]
        page.contents_add(f"q {matrix} cm\n".encode(), prepend=True)
        page.contents_add(b"\nQ")
        page.obj["/MediaBox"], page.obj["/CropBox"] = pikepdf.Array(media), pikepdf.Array(crop)
        page.obj["/Rotate"] = rotate
        pdf.save(scan)
    return scan


@pytest.fixture(scope="module")
def wanted(tmp_path_factory: pytest.TempPathFactory) -> PageText:
    return read_of(own(tmp_path_factory.mktemp("wanted"), piece()))


@pytest.mark.parametrize("how", LAID)
def test_a_page_with_words_of_its_own_is_read_however_it_is_stored_and_shown(
    tmp_path: Path, how: str, wanted: PageText
) -> None:
    scan = laid(own(tmp_path, piece()), how)
    read = read_of(scan)
    assert read.text == wanted.text
    assert read.rotation_deg == LAID[how][4]
    assert (read.width_px, read.height_px) == pytest.approx((wanted.width_px, wanted.height_px), abs=1)
    for word, other in zip(read.words, wanted.words, strict=True):
        assert word.box.left == pytest.approx(other.box.left, abs=0.01)
        assert word.box.bottom == pytest.approx(other.box.bottom, abs=0.01)
    write_pdfa(scan, PDF, [read], tmp_path / "document.pdf")
    shown = pypdfium2.PdfDocument(tmp_path / "document.pdf")[0]
    assert shown.get_size() == pytest.approx((595, 842), abs=1)
    told = shown.get_textpage()
    assert told.get_text_bounded(70, 740, 500, 780).split() == read.text.splitlines()[0].split()


def test_of_a_scan_only_the_part_that_is_shown_counts(tmp_path: Path) -> None:
    with pikepdf.open(BytesIO(img2pdf.convert(jpeg(piece())))) as pdf:
        left, bottom, right, top = (float(v) for v in pdf.pages[0].mediabox)
        pdf.pages[0].obj["/CropBox"] = pikepdf.Array([left, bottom + (top - bottom) * 2 / 3, right, top])
        pdf.save(tmp_path / "scan.pdf")
    with PageSource(tmp_path / "scan.pdf", PDF, 200_000_000) as source:
        height, width = source.page(0).pixels.shape[:2]
    assert height / width == pytest.approx(555 / 3 / 1111, abs=0.01)


MISREAD = ("Xac nhan chu kf cua ba Tran Thj Mau", "Ngay 05 thang 3 nam 2O24, dang kf lai")
LEGACY = ("X¸c nhËn ch÷ ký cña bµ TrÇn ThÞ MÉu", "Ngµy th¸ng n¨m ®¨ng ký l¹i khai sinh cña céng hßa")


def with_layer(folder: Path, how: str) -> Path:
    """A scan to which a machine added its own reading, as such machines do."""
    place = folder / "scan.pdf"
    pdfmetrics.registerFont(TTFont("Tinos", str(FONTS / "Tinos-Regular.ttf")))
    page = canvas.Canvas(str(place), pagesize=(400, 200))
    picture = piece()

    def written() -> None:
        for n, line in enumerate(MISREAD):
            text = page.beginText(22, 140 - 32 * n)
            text.setFont("Tinos", 13)
            text.setTextRenderMode(0 if how == "below" else 3)
            text.textOut(line)
            page.drawText(text)

    if how == "below":
        written()
    page.drawInlineImage(picture, 0, 0, 400, 200) if how == "inline" else page.drawImage(
        ImageReader(picture), 0, 0, 400, 200
    )
    if how == "in a form":
        page.beginForm("layer", 0, 0, 400, 200)
        written()
        page.endForm()
        page.doForm("layer")
    elif how != "below":
        written()
    page.save()
    return place


@pytest.mark.parametrize("how", ["above", "below", "in a form", "inline"])
def test_a_layer_of_text_that_nobody_sees_is_no_text_of_the_page(tmp_path: Path, how: str) -> None:
    """Read by the scanner's own program, with nothing to tell how well; the picture is read instead, and only this
    reading is in the archived file."""
    scan = with_layer(tmp_path, how)
    read = read_of(scan)
    assert read.own_words == 0
    assert read.text.splitlines()[0] == PRINT[0]
    assert 0 < read.confidence < 1
    write_pdfa(scan, PDF, [read], tmp_path / "document.pdf")
    told = pypdfium2.PdfDocument(tmp_path / "document.pdf")[0].get_textpage().get_text_range()
    assert "Mẫu" in told
    assert "Mau" not in told
    if how != "inline":  # the scanner's own picture, at its own resolution
        assert (read.width_px, read.height_px) == (1111, 555)
        with pikepdf.open(tmp_path / "document.pdf") as pdf:
            [picture] = pdf.pages[0].get_images().values()
            assert (picture.Width, picture.Height) == (1111, 555)


def test_text_in_a_code_of_its_font_alone_is_read_from_what_it_looks_like(tmp_path: Path) -> None:
    """TCVN3: what is copied from it is no Vietnamese, whatever is seen. (Its letters look right only in its fonts.)"""
    place = tmp_path / "scan.pdf"
    pdfmetrics.registerFont(TTFont("Tinos", str(FONTS / "Tinos-Regular.ttf")))
    page = canvas.Canvas(str(place), pagesize=(595, 842))
    page.setFont("Tinos", 13)
    for n, line in enumerate(LEGACY):
        page.drawString(80, 760 - 20 * n, line)
    page.save()
    read = read_of(place)
    assert read.own_words == 0
    assert read.words
    write_pdfa(place, PDF, [read], tmp_path / "document.pdf")
    told = pypdfium2.PdfDocument(tmp_path / "document.pdf")[0].get_textpage().get_text_range()
    assert told.split() == [word.text for word in read.words]


@pytest.mark.parametrize(
    ("text", "legible"),
    [
        ("Cộng hòa xã hội chủ nghĩa Việt Nam, số 12/QĐ-UBND của Ủy ban nhân dân huyện Krông Bông", True),
        ("Quỳnh, giếng, quýt, nghiêng, khuỷu, huỳnh, gìn giữ, Đắk Lắk, ĐỒNG THÁP", True),
        ("The council of the city of Paris, à l'hôtel de ville", True),
        ("ព្រះរាជាណាចក្រកម្ពុជា 中华人民共和国", True),
        ("Céng hßa x· héi chñ nghÜa ViÖt Nam, §éc lËp - Tù do - H¹nh phóc", False),
        ("COÄNG HOØA XAÕ HOÄI CHUÛ NGHÓA VIEÄT NAM, Ñoäc laäp - Töï do - Haïnh phuùc", False),
        ("\ue001\ue002\ue003 \ue004\ue005 \ufffd\ufffd", False),
    ],
)
def test_text_of_a_wrong_code_page_is_told_from_languages(text: str, legible: bool) -> None:
    assert is_legible(text) is legible


SIGNED = "Ký bởi: Sở Tư pháp tỉnh Vĩnh Hà, thời gian ký: 09/11/2023 15:20:11"
FOOT = "Trang 1/3 - mã hồ sơ 000.00.12.H01-231109-0001"


def written_on(folder: Path, line: str, y: float, turned_deg: int = 0) -> Path:
    """A scan of a whole page, maybe put into the scanner on its head, on which a program wrote a line."""
    scan = Image.new("RGB", (1654, 2339), (250, 250, 245))
    pen = ImageDraw.Draw(scan)
    font = ImageFont.truetype(str(FONTS / "Tinos-Regular.ttf"), 38)
    for n in range(6):
        pen.text((240, 300 + 200 * n), PRINT[n % 2], font=font, fill=(40, 40, 40))
    place = folder / "scan.pdf"
    pdfmetrics.registerFont(TTFont("Tinos", str(FONTS / "Tinos-Regular.ttf")))
    page = canvas.Canvas(str(place), pagesize=(595, 842))
    page.drawImage(ImageReader(scan.rotate(-turned_deg, expand=True)), 0, 0, 595, 842)
    page.setFont("Tinos", 9)
    page.drawString(60, y, line)
    page.save()
    return place


@pytest.mark.parametrize(
    ("line", "y", "turned"), [(SIGNED, 810, 0), (FOOT, 20, 0), (SIGNED, 640, 0), (SIGNED, 810, 180)]
)
def test_a_scan_on_which_a_program_wrote_a_line_is_read(tmp_path: Path, line: str, y: float, turned: int) -> None:
    scan = written_on(tmp_path, line, y, turned)
    read = read_of(scan)
    assert read.text.splitlines() == [line, *PRINT * 3]
    assert read.own_words == len(line.split())
    assert 0 < read.confidence < 1
    assert read.rotation_deg == turned
    assert read.quality is not None
    assert read.dpi == pytest.approx(200, abs=1)
    write_pdfa(scan, PDF, [read], tmp_path / "document.pdf")
    told = pypdfium2.PdfDocument(tmp_path / "document.pdf")[0].get_textpage().get_text_range()
    assert [told.count(word) for word in (line.split(maxsplit=1)[0], "Xác", "2024")] == [1, 3, 3]


def test_a_coarse_scan_on_which_a_program_wrote_a_line_does_not_pass_the_gate(tmp_path: Path) -> None:
    scan = written_on(tmp_path, SIGNED, 810)
    assert look_at_first_page(scan, PDF, 200_000_000).quality is Quality.GOOD
    with pikepdf.open(scan, allow_overwriting_input=True) as pdf:
        [picture] = pdf.pages[0].get_images().values()
        coarse = pikepdf.PdfImage(picture).as_pil_image().resize((827, 1170))
        picture.write(jpeg(coarse), filter=pikepdf.Name.DCTDecode)
        picture.Width, picture.Height = coarse.size
        pdf.save(scan)
    assert look_at_first_page(scan, PDF, 200_000_000).quality is Quality.RESCAN


def test_print_that_was_drawn_as_curves_is_read_beside_a_line_of_text(tmp_path: Path) -> None:
    """No picture, no text: what a program that keeps its fonts to itself leaves of letters."""
    scan = written_on(tmp_path, SIGNED, 810)
    with pikepdf.open(scan, allow_overwriting_input=True) as pdf:
        page = pdf.pages[0]
        [picture] = page.get_images().values()
        image = pikepdf.PdfImage(picture).as_pil_image().convert("L")
        rows = []
        for y, x in zip(*np.nonzero(np.asarray(image) < 128), strict=True):
            rows.append(f"{x * 595 / 1654:.2f} {842 - y * 842 / 2339:.2f} .37 .37 re")
        picture.write(jpeg(Image.new("RGB", (100, 100), "white")), filter=pikepdf.Name.DCTDecode)
        picture.Width, picture.Height = 100, 100
        page.contents_add(("q 0 g " + " ".join(rows) + " f Q").encode())
        pdf.save(scan)
    assert read_of(scan).text.splitlines() == [SIGNED, *PRINT * 3]
