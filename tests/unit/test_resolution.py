"""True dots an inch: a tag that nobody set changes nothing of what is read, judged and archived."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import img2pdf
import numpy as np
import pikepdf
import pytest
from PIL import Image

from app.demo.papers import papers
from app.demo.scans import DPI, draw
from pipeline.page_source import PageSource
from pipeline.pdfa import write_pdfa
from pipeline.quality import Flaw, look_at_first_page
from pipeline.reading import MOST_PIXELS, _reading_picture, read_page
from pipeline.reading_options import ReadingOptions
from pipeline.resolution import true_dpi
from pipeline.soundness import JPEG, PDF, TIFF
from registry.values import PageText, Quality

A4_PT = (595, 842)


@cache
def paper() -> Image.Image:
    return draw(papers()[0])


def saved(folder: Path, tagged: int | None, share: float = 1.0, picture: Image.Image | None = None) -> Path:
    """A paper scanned at DPI, or a share of it, as a JPEG that says something else."""
    place = folder / "scan.jpg"
    picture = picture or paper()
    size = (round(picture.width * share), round(picture.height * share))
    told = {} if tagged is None else {"dpi": (tagged, tagged)}
    picture.resize(size, Image.Resampling.LANCZOS).save(place, quality=88, **told)  # type: ignore[arg-type]
    return place


def as_pdf(scan: Path, tagged: int) -> Path:
    place = scan.with_suffix(".pdf")
    width, height = Image.open(scan).size
    size = (width / tagged * 72, height / tagged * 72)
    place.write_bytes(img2pdf.convert(str(scan), layout_fun=lambda *_: (*size, *size)))
    return place


def dpi_of(scan: Path, media_type: str = JPEG) -> float:
    with PageSource(scan, media_type, 200_000_000) as source:
        page = source.page(0)
    return page.dpi * page.reduced


@pytest.mark.parametrize(
    ("share", "tagged", "dpi"),
    [
        (1.0, DPI, DPI),
        (1.0, None, DPI),
        (1.0, 72, DPI),
        (1.0, 96, DPI),
        (1.5, 96, 1.5 * DPI),
        (1.5, 72, 1.5 * DPI),
        (3.0, 72, 3 * DPI),  # so fine that it is decoded at a half
        (0.5, 300, DPI / 2),
        (0.75, 300, 0.75 * DPI),
    ],
)
def test_a_tag_that_makes_no_sense_is_not_believed(
    tmp_path: Path, share: float, tagged: int | None, dpi: float
) -> None:
    scan = saved(tmp_path, tagged, share)
    assert dpi_of(scan) == pytest.approx(dpi, rel=0.01)
    if tagged:
        assert dpi_of(as_pdf(scan, tagged), PDF) == pytest.approx(dpi, rel=0.01)


def test_a_piece_of_paper_without_a_tag_has_letters_of_the_usual_height(tmp_path: Path) -> None:
    piece = paper().crop((100, 100, 1500, 1300))
    assert dpi_of(saved(tmp_path, None, picture=piece)) == pytest.approx(DPI, rel=0.25)
    assert dpi_of(saved(tmp_path, DPI, picture=piece)) == DPI


@pytest.mark.parametrize(
    ("tagged", "size", "letter", "dpi"),
    [
        (300, (1016, 640), 22.0, 300),  # an identity card by itself
        (300, (1016, 640), 15.0, 300),  # with small print: no sheet is shaped like that
        (200, (2339, 3307), 23.0, 200),  # A3
        (300, (4961, 7016), 34.0, 300),  # A2, from a large scanner: its letters are as usual
        (200, (1654, 1500), 0.0, 200),  # a photograph
        (72, (3000, 4000), 0.0, 4000 / 11.69),  # a photograph taken by a telephone
        (1, (1240, 1754), 17.0, 150),
    ],
)
def test_what_is_no_usual_sheet_keeps_a_tag_that_may_be_true(
    tagged: float, size: tuple[int, int], letter: float, dpi: float
) -> None:
    assert true_dpi(tagged, size, lambda: letter) == pytest.approx(dpi, rel=0.01)


def test_a_usual_sheet_is_not_looked_at() -> None:
    def never() -> float:
        raise AssertionError("costs time")

    assert true_dpi(300, (2480, 3508), never) == 300


def test_a_wrong_tag_changes_nothing_of_what_is_read_judged_and_archived(tmp_path: Path) -> None:
    scan = saved(tmp_path, DPI)
    right = read_of(scan, JPEG)
    for wrong, media_type in ((saved(tmp_path, 96), JPEG), (as_pdf(scan, 72), PDF)):
        read = read_of(wrong, media_type)
        assert read.text == right.text
        assert read.quality == right.quality
        assert look_at_first_page(wrong, media_type, 200_000_000).quality is Quality.GOOD
        write_pdfa(wrong, media_type, [read], tmp_path / "document.pdf")
        with pikepdf.open(tmp_path / "document.pdf") as pdf:
            assert [float(v) for v in pdf.pages[0].mediabox] == pytest.approx([0, 0, *A4_PT], abs=2)
    coarse = look_at_first_page(saved(tmp_path, 300, 0.5), JPEG, 200_000_000)
    assert Flaw.LOW_DPI in coarse.pages[0].flaws


def read_of(scan: Path, media_type: str) -> PageText:
    with PageSource(scan, media_type, 200_000_000) as source:
        return read_page(source.page(0), 0, ReadingOptions())


def test_each_page_of_a_file_has_its_own_size(tmp_path: Path) -> None:
    scan = tmp_path / "scan.tif"
    whole, half = Image.new("L", (1654, 2339), 250), Image.new("L", (827, 1170), 250)
    whole.save(scan, "TIFF", save_all=True, append_images=[half])
    pages = [
        PageText(index=0, text="", confidence=0, dpi=200, width_px=1654, height_px=2339),
        PageText(index=1, text="", confidence=0, dpi=100, width_px=827, height_px=1170),
    ]
    write_pdfa(scan, TIFF, pages, tmp_path / "document.pdf")
    with pikepdf.open(tmp_path / "document.pdf") as pdf:
        for page in pdf.pages:
            assert [float(v) for v in page.mediabox][2:] == pytest.approx(A4_PT, abs=2)


def test_what_is_read_has_a_bounded_size_whatever_the_tag(tmp_path: Path) -> None:
    with PageSource(saved(tmp_path, 50, 2.0, Image.new("L", (1500, 2900), 250)), JPEG, 200_000_000) as source:
        page = source.page(0)
    for dpi in (page.dpi, 20.0):
        picture = _reading_picture(type(page)(page.pixels, dpi), 320)
        assert picture.size <= MOST_PIXELS * 1.01
    assert np.asarray(picture).dtype == np.uint8
