"""sohoa reads for stock OCRmyPDF: the real command with our plugin, on scans that lie as scans lie."""

from __future__ import annotations

import io
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import img2pdf
import numpy as np
import pikepdf
import pypdfium2
import pytest
from PIL import Image, ImageDraw, ImageFont
from rapidfuzz.fuzz import ratio

from app.demo.papers import papers
from app.demo.scans import DPI, FONTS, draw
from pipeline import imaging

LEAN_DEG = 1.2
TURNS = (0, 90, 180)
"""How far each page of the scan is turned clockwise."""


@dataclass(frozen=True)
class Done:
    pdf: Path
    exit_code: int
    said: str

    def texts(self) -> list[str]:
        with pypdfium2.PdfDocument(self.pdf) as pdf:
            return [page.get_textpage().get_text_range().replace(" \r\n", "\n") for page in pdf]

    def pictures(self) -> list[Image.Image]:
        with pypdfium2.PdfDocument(self.pdf) as pdf:
            return [page.render(scale=DPI / 72).to_pil().convert("L") for page in pdf]


def ocrmypdf(scan: Path, *told: str) -> Done:
    """Another process, as a person would call it."""
    target = scan.with_name(f"out-{len(list(scan.parent.iterdir()))}.pdf")
    command = [sys.executable, "-m", "ocrmypdf", "--plugin", "pipeline.ocrmypdf_plugin", "--language", "vie"]
    ended = subprocess.run([*command, *told, scan, target], capture_output=True, text=True, timeout=300, check=False)
    return Done(target, ended.returncode, ended.stderr)


@pytest.fixture(scope="module")
def scan(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three papers in one PDF, each a little askew, the second on its side, the third on its head."""
    pages = []
    for number, turn in enumerate(TURNS):
        page = draw(papers()[number]).rotate(-LEAN_DEG, resample=Image.Resampling.BICUBIC, fillcolor="white")
        out = io.BytesIO()
        page.rotate(-turn, expand=True).save(out, "JPEG", quality=80, dpi=(DPI, DPI))
        pages.append(out.getvalue())
    path = tmp_path_factory.mktemp("scan") / "scan.pdf"
    path.write_bytes(img2pdf.convert(pages))
    return path


@pytest.fixture(scope="module")
def straightened(scan: Path) -> Done:
    return ocrmypdf(scan, "--rotate-pages", "--deskew", "--sidecar", str(scan.with_name("text.txt")))


def printed(number: int) -> list[str]:
    """What stands on a paper, in lines."""
    return [" ".join(line.split()) for line in papers()[number].body]


def test_pages_become_searchable_with_what_is_printed_on_them(straightened: Done) -> None:
    assert straightened.exit_code == 0, straightened.said
    sidecar = straightened.pdf.with_name("text.txt").read_text(encoding="utf-8").split("\f")
    for number, texts in enumerate(zip(straightened.texts(), sidecar, strict=True)):
        for text in texts:
            lines = [" ".join(line.split()) for line in text.splitlines()]
            for line in printed(number):
                assert max(ratio(line, found) for found in lines) > 95, line


def test_turned_pages_stand_upright_and_level(straightened: Done) -> None:
    for number, picture in enumerate(straightened.pictures()):
        drawn = draw(papers()[number]).convert("L").resize(picture.size)
        strayed = np.abs(np.asarray(picture, np.int16) - np.asarray(drawn, np.int16)).mean()
        assert strayed < 0.5 * np.abs(np.asarray(picture.rotate(180), np.int16) - np.asarray(drawn, np.int16)).mean()
        lean = imaging.measure(np.asarray(picture))
        assert not lean.sideways and abs(lean.skew_deg) <= 0.2


def test_a_page_of_one_line_and_punched_holes_is_turned_by_what_it_says(tmp_path: Path) -> None:
    page = Image.new("L", (1654, 2339), 245)
    pen, font = ImageDraw.Draw(page), ImageFont.truetype(str(FONTS / "Tinos-Italic.ttf"), 36)
    pen.text((390, 170), "(Danh sách gồm 34 người)", font=font, fill=60)
    for y in (790, 1420):
        pen.ellipse((70, y, 116, y + 46), fill=40)
    for y in range(900, 1180, 24):
        pen.arc((1500, y, 1530, y + 18), 90, 250, fill=90, width=3)
    page.rotate(90, expand=True).save(tmp_path / "page.png", dpi=(DPI, DPI))
    scan = tmp_path / "scan.pdf"
    scan.write_bytes(img2pdf.convert(str(tmp_path / "page.png")))
    done = ocrmypdf(scan, "--rotate-pages", "--deskew")
    assert done.exit_code == 0, done.said
    assert done.texts()[0].strip() == "(Danh sách gồm 34 người)"
    assert np.asarray(done.pictures()[0])[150:230, 380:800].min() < 128, "the line stands at the head of the page"


def test_words_lie_where_they_are_printed(straightened: Done) -> None:
    with pypdfium2.PdfDocument(straightened.pdf) as pdf:
        for page, picture in zip(pdf, straightened.pictures(), strict=True):
            text, pixels = page.get_textpage(), np.asarray(picture)
            height, inked = page.get_size()[1], []
            for place in range(0, text.count_chars(), 7):
                left, bottom, right, top = (v * DPI / 72 for v in text.get_charbox(place))
                if text.get_text_range(place, 1).isalnum() and right > left:
                    rows = slice(int(height * DPI / 72 - top) - 3, int(height * DPI / 72 - bottom) + 4)
                    inked.append(pixels[rows, int(left) - 6 : int(right) + 7].min() < 128)
            assert len(inked) > 50 and np.mean(inked) > 0.97


def test_pages_that_lie_as_they_were_scanned_keep_the_scanners_picture(scan: Path) -> None:
    done = ocrmypdf(scan, "--output-type", "pdf", "--optimize", "0")
    assert done.exit_code == 0, done.said
    with pikepdf.open(scan) as before, pikepdf.open(done.pdf) as after:
        for one, other in zip(before.pages, after.pages, strict=True):
            pictures = [next(iter(page.get_images().values())).read_raw_bytes() for page in (one, other)]
            assert pictures[0] == pictures[1]
    upright, on_its_side, _ = done.texts()
    for number, text in ((0, upright), (1, on_its_side)):
        assert papers()[number].number in text, "the words of a page on its side are read, and lie on their side"


def test_a_page_that_takes_too_long_has_no_text_and_the_file_goes_on(scan: Path) -> None:
    done = ocrmypdf(scan, "--tesseract-timeout", "0.01")
    assert done.exit_code == 0, done.said
    assert done.texts() == ["", "", ""]
    assert done.said.count("page left without text") == 3


def test_without_tesserocr_the_program_reads(scan: Path) -> None:
    done = ocrmypdf(scan, "--sohoa-engine", "pytesseract", "--use-threads", "--pages", "1")
    assert done.exit_code == 0, done.said
    assert papers()[0].number in done.texts()[0]
    with pikepdf.open(done.pdf) as pdf:
        assert "sohoa, pytesseract " in str(pdf.docinfo["/Creator"])


@pytest.mark.parametrize(
    ("told", "why"),
    [
        (("--pdf-renderer", "sandwich"), "fpdf2"),
        (("--language", "xxx"), "xxx"),
        (("--sohoa-engine", "other"), "choose"),
    ],
)
def test_what_it_cannot_do_is_told_before_the_first_page(scan: Path, told: tuple[str, ...], why: str) -> None:
    done = ocrmypdf(scan, *told)
    assert done.exit_code != 0 and why in done.said and not done.pdf.exists()


def test_another_engine_asked_for_by_name_reads_instead(scan: Path) -> None:
    done = ocrmypdf(scan, "--ocr-engine", "none")
    assert done.exit_code == 0 and done.texts() == ["", "", ""]
