"""A signed file's twin: its pages as pictures, with all that a reader is shown. In a worker process.

The signed file stays as it came. What it says is read from what it shows, not from text inside it that nobody may have
seen when it was signed; and what is made for searching is made of the twin.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import img2pdf
import pikepdf
import pypdfium2
from fpdf import FPDF

from pipeline.landing import landing
from pipeline.layer_fonts import part_of_usual_font
from pipeline.soundness import PDF
from registry.values import PageText

TWIN_DPI, LEAST_DPI, JPEG_QUALITY = 250, 30, 90
LABEL = "Bản tra cứu, không có giá trị pháp lý"
LABEL_PT, STRIP_PT = 9.0, 18.0
"""The label stands in a strip below the page: it covers nothing."""


def render_twin(signed: Path, target: Path, max_pixels: int) -> None:
    """`target` is a PDF of one picture a page, as displayed: forms, stamps and visible signatures are on it.

    A page of more than `max_pixels` is drawn coarser. Same input, same look. Safe to repeat.
    """
    with TemporaryDirectory(prefix="sohoa-twin-", dir=target.parent) as folder, landing(target) as part:
        pictures = [str(picture) for picture in _pictures(signed, Path(folder), max_pixels)]
        with part.open("wb") as out:
            img2pdf.convert(pictures, outputstream=out, nodate=True)


def write_search_copy(twin: Path, pages: Sequence[PageText], target: Path) -> None:
    """`target` is PDF/A-2b: the twin with its words below the pictures, on every page and in its metadata labelled as
    having no legal value. Safe to repeat."""
    from pipeline.pdfa import write_pdfa  # noqa: PLC0415 reading alone writes no PDF

    with TemporaryDirectory(prefix="sohoa-search-", dir=target.parent) as folder, landing(target) as part:
        plain = Path(folder) / "plain.pdf"
        write_pdfa(twin, PDF, pages, plain)
        with pikepdf.open(plain) as pdf:
            _label(pdf, Path(folder))
            with pdf.open_metadata(set_pikepdf_as_editor=False) as told:
                told["dc:title"] = LABEL
                told["dc:description"] = LABEL
            pdf.save(part, object_stream_mode=pikepdf.ObjectStreamMode.generate)


def _pictures(signed: Path, folder: Path, max_pixels: int) -> Iterator[Path]:
    pdf = pypdfium2.PdfDocument(signed)
    try:
        pdf.init_forms()
        for index in range(len(pdf)):
            width, height = pdf[index].get_size()
            inches = max(1e-6, width * height / 72**2)
            dpi = max(LEAST_DPI, min(TWIN_DPI, int((max_pixels / inches) ** 0.5)))
            picture = folder / f"{index:06d}.jpg"
            image = pdf[index].render(scale=dpi / 72, may_draw_forms=True).to_pil().convert("RGB")
            image.save(picture, "JPEG", quality=JPEG_QUALITY, dpi=(dpi, dpi))
            yield picture
    finally:
        pdf.close()


def _label(pdf: pikepdf.Pdf, folder: Path) -> None:
    """Each page is longer by a strip, on which the label stands."""
    font = folder / "label.ttf"
    font.write_bytes(part_of_usual_font(LABEL))
    strips: dict[float, pikepdf.Pdf] = {}
    for page in pdf.pages:
        left, bottom, right, top = (float(v) for v in page.mediabox)
        width = right - left
        if width not in strips:
            strips[width] = pikepdf.open(_strip(width, font, folder / f"strip-{len(strips)}.pdf"))
        page.mediabox = pikepdf.Array([left, bottom - STRIP_PT, right, top])
        page.add_overlay(strips[width].pages[0], pikepdf.Rectangle(left, bottom - STRIP_PT, right, bottom))
    for strip in strips.values():
        strip.close()


def _strip(width: float, font: Path, target: Path) -> Path:
    drawn = FPDF(unit="pt", format=(width, STRIP_PT))
    drawn.set_margin(0)
    drawn.set_auto_page_break(False)
    drawn.add_page()
    drawn.add_font("Label", fname=font)
    drawn.set_font("Label", size=LABEL_PT)
    room = 0.96 * width
    if (taken := drawn.get_string_width(LABEL)) > room:
        drawn.set_font("Label", size=LABEL_PT * room / taken)
    drawn.set_y(0)
    drawn.cell(w=width, h=STRIP_PT, text=LABEL, align="C")
    drawn.output(str(target))
    return target
