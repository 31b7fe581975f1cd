"""The scanner's own pixels stand for a page only where the page shows nothing else."""

from __future__ import annotations

import io
from collections.abc import Callable

import img2pdf
import numpy as np
import pikepdf
import pytest
from PIL import Image, ImageCms

from pipeline.scanner_picture import scanner_picture

SIZE, DPI = (331, 468), 40


def picture(mode: str = "RGB") -> Image.Image:
    pixels = np.random.default_rng(1).integers(0, 255, (SIZE[1], SIZE[0], 3), np.uint8)
    return Image.fromarray(pixels).convert(mode)


def pdf_of(image: Image.Image, kind: str = "PNG", **told: object) -> pikepdf.Pdf:
    out = io.BytesIO()
    image.save(out, kind, dpi=(DPI, DPI), **told)
    return pikepdf.open(io.BytesIO(img2pdf.convert(out.getvalue())))


@pytest.mark.parametrize(("mode", "kind"), [("RGB", "PNG"), ("RGB", "JPEG"), ("L", "JPEG"), ("1", "PNG")])
def test_a_page_that_is_a_picture_gives_its_pixels(mode: str, kind: str) -> None:
    out = io.BytesIO()
    picture(mode).save(out, kind, dpi=(DPI, DPI))
    with pdf_of(picture(mode), kind) as pdf:
        found = scanner_picture(pdf.pages[0], (DPI, DPI))
    assert found is not None and found.mode == mode
    assert np.array_equal(np.asarray(found), np.asarray(Image.open(out)))


def clip(pdf: pikepdf.Pdf) -> None:
    pdf.pages[0].contents_add(b"0 0 100 100 re W n", prepend=True)


def fade(pdf: pikepdf.Pdf) -> None:
    pdf.pages[0].contents_add(b"/Half gs", prepend=True)


def shift(pdf: pikepdf.Pdf) -> None:
    pdf.pages[0].contents_add(b"1 0 0 1 20 0 cm", prepend=True)


def crop(pdf: pikepdf.Pdf) -> None:
    pdf.pages[0].cropbox = pikepdf.Rectangle(0, 0, 300, 300)


def turn(pdf: pikepdf.Pdf) -> None:
    pdf.pages[0].obj["/Rotate"] = 90


def annotate(pdf: pikepdf.Pdf) -> None:
    pdf.pages[0].obj["/Annots"] = pikepdf.Array()


def invert(pdf: pikepdf.Pdf) -> None:
    next(iter(pdf.pages[0].get_images().values()))["/Decode"] = pikepdf.Array([1, 0, 1, 0, 1, 0])


def write(pdf: pikepdf.Pdf) -> None:
    pdf.pages[0].contents_add(b"BT (x) Tj ET")


def frame(pdf: pikepdf.Pdf) -> None:
    pdf.pages[0].contents_add(b"0 0 10 10 re S")


def wrap(pdf: pikepdf.Pdf) -> None:
    """The picture in a form, with a word over it."""
    page = pdf.pages[0]
    form = pdf.make_stream(b"q 595.8 0 0 842.4 0 0 cm /Im Do Q BT (x) Tj ET")
    form["/Type"], form["/Subtype"], form["/BBox"] = pikepdf.Name.XObject, pikepdf.Name.Form, page.mediabox
    (image,) = page.get_images().values()
    form["/Resources"] = pikepdf.Dictionary(XObject=pikepdf.Dictionary(Im=image))
    page.obj["/Resources"] = pikepdf.Dictionary(XObject=pikepdf.Dictionary(Fm=form))
    page.obj["/Contents"] = pdf.make_stream(b"q 1 0 0 1 0 0 cm /Fm Do Q")


@pytest.mark.parametrize("change", [clip, fade, shift, crop, turn, annotate, invert, write, frame, wrap])
def test_a_page_that_shows_anything_else_is_drawn(change: Callable[[pikepdf.Pdf], None]) -> None:
    with pdf_of(picture()) as pdf:
        assert scanner_picture(pdf.pages[0], (DPI, DPI)) is not None
        change(pdf)
        assert scanner_picture(pdf.pages[0], (DPI, DPI)) is None


@pytest.mark.parametrize(
    ("mode", "profiled", "dpi"), [("RGB", False, 2 * DPI), ("RGB", True, DPI), ("CMYK", False, DPI)]
)
def test_another_resolution_or_other_colours_are_drawn(mode: str, profiled: bool, dpi: int) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    told = {"icc_profile": profile} if profiled else {}
    with pdf_of(picture(mode), "JPEG", **told) as pdf:
        assert scanner_picture(pdf.pages[0], (dpi, dpi)) is None
