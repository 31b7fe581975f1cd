"""The archival derivative: PDF/A-2b (ISO 19005-2) with the scanner's own image and an invisible text layer.

OCRmyPDF draws the text layer and declares PDF/A; nothing is rasterised or compressed again where a page is a scan.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import cv2
import img2pdf
import numpy as np
import pikepdf
import pypdfium2
from ocrmypdf.fpdf_renderer import Fpdf2MultiPageRenderer
from ocrmypdf.pdfa import speculative_pdfa_conversion
from pikepdf.pdfa import PdfaError
from PIL import Image, ImageOps

from pipeline.landing import landing
from pipeline.layer_fonts import LayerFonts
from pipeline.own_text import is_garbled
from pipeline.page_content import drop_hidden_text, may_have_text, see_through
from pipeline.soundness import PDF
from pipeline.text_layer import page_element
from pipeline.tiff_jpeg import jpeg_of
from registry.values import PageText

LAYER_DPI, DRAWN_DPI = 200, 300
ABOUT = 0.2
"""So far (its logarithm) a page may be from life size and stay as it came: pictures do not fill pages to the point."""
NOT_AFTER_ALL = (img2pdf.ImageOpenError, img2pdf.AlphaChannelError, img2pdf.UnsupportedColorspaceError, ValueError)
"""What img2pdf says of a file whose data PDF cannot hold as it is."""
TAKEN_AS_THEY_ARE = frozenset({"JPEG", "MPO", "JPEG2000", "PNG"})
"""Files whose compressed data PDF knows; of TIFF that is black and white alone, and JPEG by its strips."""
TALKATIVE = ("img2pdf", "ocrmypdf", "fontTools")
Image.MAX_IMAGE_PIXELS = None


def write_pdfa(scan: Path, media_type: str, pages: Sequence[PageText], target: Path) -> None:
    """`target` shows every page upright, with its words where they stand. Same input, same look. Safe to repeat."""
    for library in TALKATIVE:  # only here: whoever reads by the OCRmyPDF plugin wants to see OCRmyPDF's messages
        logging.getLogger(library).setLevel(logging.ERROR)
    own_text = frozenset(p.index for p in pages if _has_own_text(p))
    garbled = frozenset(_garbled(scan, pages)) if media_type == PDF else frozenset[int]()
    with TemporaryDirectory(prefix="sohoa-pdfa-", dir=target.parent) as folder:
        done = Path(folder) / "pdfa.pdf"
        for drawn in (garbled, garbled | own_text, frozenset(p.index for p in pages)):
            plain = _compose(scan, media_type, pages, drawn, Path(folder))
            try:
                speculative_pdfa_conversion(plain, done, "pdfa-2")
                break
            except (PdfaError, pikepdf.PdfError):
                if len(drawn) == len(pages):
                    raise
        with landing(target) as part:
            done.replace(part)


def _compose(scan: Path, media_type: str, pages: Sequence[PageText], drawn: Collection[int], folder: Path) -> Path:
    """The pages with their text. `drawn`: those that PDF/A cannot hold as they are (fonts that are not embedded, odd
    colours) or whose own text says something else than they show, shown as a lossless picture of themselves instead;
    the file as it came stays in the archive beside it."""
    plain = folder / "plain.pdf"
    with _opened(scan, media_type, pages, folder) as pdf:
        _strip(pdf)
        drop_hidden_text(pdf)
        for page, read in zip(pdf.pages, pages, strict=True):
            _make_upright(page, read.rotation_deg)
            _make_life_size(page, read)
        if drawn:
            _draw(pdf, drawn, folder)
        if len(drawn) == len(pages) and "/OCProperties" in pdf.Root:
            del pdf.Root["/OCProperties"]  # the layers of pages that are pictures now
        _lay_text(pdf, [p if p.index in drawn else _without_own_text(p) for p in pages], folder)
        pdf.save(plain, object_stream_mode=pikepdf.ObjectStreamMode.generate)
    return plain


def _draw(pdf: pikepdf.Pdf, drawn: Collection[int], folder: Path) -> None:
    """These pages are pictures at DRAWN_DPI."""
    before = folder / "upright.pdf"
    pdf.save(before)
    renderer = pypdfium2.PdfDocument(before)
    try:
        for index in sorted(drawn):
            out = BytesIO()
            renderer[index].render(scale=DRAWN_DPI / 72).to_pil().convert("RGB").save(out, "PNG")
            size = tuple(float(v) for v in pdf.pages[index].mediabox)[2:]
            picture = img2pdf.convert(out.getvalue(), layout_fun=lambda *_, size=size: (*size, *size))
            with pikepdf.open(BytesIO(picture)) as one:
                pdf.pages.extend(one.pages)
            pdf.pages[index] = pdf.pages[-1]
            del pdf.pages[-1]
    finally:
        renderer.close()


def _garbled(scan: Path, pages: Sequence[PageText]) -> Iterator[int]:
    """The pages that had to be read though they have text: it would be found, or copied, beside what was read."""
    renderer = pypdfium2.PdfDocument(scan)
    try:
        with pikepdf.open(scan, suppress_warnings=True) as pdf:
            for page, read in zip(pdf.pages, pages, strict=True):
                asked = not _has_own_text(read) and may_have_text(page)
                if asked and is_garbled(renderer[read.index], see_through(page)):
                    yield read.index
    finally:
        renderer.close()


def _has_own_text(page: PageText) -> bool:
    return page.own_words > 0 or (bool(page.words) and page.confidence == 1.0)  # read by a version that did not count


def _without_own_text(page: PageText) -> PageText:
    """The page with the words only that it does not show by itself."""
    if not _has_own_text(page):
        return page
    return page.model_copy(update={"words": page.words[page.own_words or len(page.words) :]})


def _opened(scan: Path, media_type: str, pages: Sequence[PageText], folder: Path) -> pikepdf.Pdf:
    if media_type == PDF:
        return pikepdf.open(scan, suppress_warnings=True)
    told = [page.dpi for page in pages if page.dpi]
    usual = told[0] if told else LAYER_DPI
    return pikepdf.open(wrap_images(scan, [page.dpi or usual for page in pages], folder))


def wrap_images(scan: Path, dpis: Sequence[float], folder: Path) -> Path:
    """The image file as PDF, in the folder: its compressed data as it is where PDF knows it (JPEG, CCITT), lossless
    otherwise. dpis: of each of its pictures, the last for all that follow."""
    left: list[float] = []

    def layout(width_px: int, height_px: int, _dpi: Any) -> tuple[float, float, float, float]:
        dpi = left.pop() if len(left) > 1 else left[0]
        width, height = width_px / dpi * 72, height_px / dpi * 72
        return width, height, width, height

    wrapped = folder / "wrapped.pdf"
    if _is_known_to_pdf(scan):
        with suppress(*NOT_AFTER_ALL):
            left[:] = dpis[::-1]
            with wrapped.open("wb") as out:
                img2pdf.convert(str(scan), layout_fun=layout, rotation=img2pdf.Rotation.ifvalid, outputstream=out)
            return wrapped
    left[:] = dpis[::-1]
    with wrapped.open("wb") as out:
        img2pdf.convert(_plain_frames(scan, folder), layout_fun=layout, outputstream=out)
    return wrapped


def _is_known_to_pdf(scan: Path) -> bool:
    """Whether PDF may hold the file's data as it is. PDF/A wants one device colour space, and ours is not CMYK."""
    with Image.open(scan) as image:
        known = image.format in TAKEN_AS_THEY_ARE or (image.format == "TIFF" and image.mode == "1")
        return known and image.mode != "CMYK"


def _plain_frames(scan: Path, folder: Path) -> list[str]:
    """Frames that PDF does not know as they are, as files that it knows: JPEG data of a TIFF as one JPEG, else lossless
    RGB or grey on white paper."""
    frames = []
    with Image.open(scan) as image:
        for index in range(getattr(image, "n_frames", 1)):
            image.seek(index)
            if jpeg := jpeg_of(image, scan):
                out = folder / f"frame-{index}.jpg"
                out.write_bytes(jpeg)
            else:
                out = folder / f"frame-{index}.png"
                _write_png(ImageOps.exif_transpose(image), out)
            frames.append(str(out))
    return frames


def _write_png(frame: Image.Image, out: Path) -> None:
    """Lossless, in a fifth of the time that Pillow takes, and no larger."""
    if frame.mode == "1":
        frame.save(out, "PNG")
        return
    if frame.mode in ("RGBA", "LA", "PA", "P"):
        frame = Image.alpha_composite(Image.new("RGBA", frame.size, "white"), frame.convert("RGBA"))
    if frame.mode.startswith("I"):
        pixels = np.asarray(frame).astype(np.uint16)
    elif frame.mode == "L":
        pixels = np.asarray(frame)
    else:
        pixels = cv2.cvtColor(np.asarray(frame.convert("RGB")), cv2.COLOR_RGB2BGR)
    fast = [cv2.IMWRITE_PNG_COMPRESSION, 1, cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_RLE]
    if not cv2.imwrite(str(out), pixels, fast):
        raise OSError(f"not written: {out.name}")


def _strip(pdf: pikepdf.Pdf) -> None:
    """Only what is seen stays: no actions, forms, annotations, thumbnails, private data."""
    for key in ("/OpenAction", "/AA", "/Names", "/AcroForm", "/PieceInfo", "/Outlines", "/Threads", "/Metadata"):
        if key in pdf.Root:
            del pdf.Root[key]
    if "/Info" in pdf.trailer:
        del pdf.trailer["/Info"]
    for page in pdf.pages:
        for key in ("/AA", "/Annots", "/PieceInfo", "/Thumb", "/B", "/Trans"):
            if key in page.obj:
                del page.obj[key]


def _make_upright(page: pikepdf.Page, rotation_deg: int) -> None:
    """The page's content is turned upright and /Rotate is gone; pixels stay as they are."""
    shown = int(page.obj.get("/Rotate", 0) or 0) % 360
    clockwise = (shown - rotation_deg) % 360
    left, bottom, right, top = (float(v) for v in page.cropbox)
    width, height = right - left, top - bottom
    matrix = {
        0: (1, 0, 0, 1, -left, -bottom),
        90: (0, -1, 1, 0, -bottom, right),
        180: (-1, 0, 0, -1, right, top),
        270: (0, 1, -1, 0, top, -left),
    }[clockwise]
    if clockwise % 180:
        width, height = height, width
    if clockwise or left or bottom:
        page.contents_add(f"q {' '.join(f'{v:.4f}' for v in matrix)} cm\n".encode(), prepend=True)
        page.contents_add(b"\nQ")
    page.mediabox = pikepdf.Array([0, 0, width, height])
    for key in ("/Rotate", "/CropBox", "/TrimBox", "/BleedBox", "/ArtBox"):
        if key in page.obj:
            del page.obj[key]
    page.obj["/Rotate"] = 0


def _make_life_size(page: pikepdf.Page, read: PageText) -> None:
    """An upright page whose picture has another resolution than its size tells gets the size of the paper."""
    width, height = float(page.mediabox[2]), float(page.mediabox[3])
    if not read.dpi or not read.width_px:
        return
    factor = read.width_px / read.dpi * 72 / width
    if abs(math.log(factor)) < ABOUT:
        return
    page.contents_add(f"q {factor:.6f} 0 0 {factor:.6f} 0 0 cm\n".encode(), prepend=True)
    page.contents_add(b"\nQ")
    page.mediabox = pikepdf.Array([0, 0, width * factor, height * factor])


def _lay_text(pdf: pikepdf.Pdf, pages: Sequence[PageText], folder: Path) -> None:
    """The words of these pages lie invisibly over their pictures."""
    layers = []
    for read in pages:
        page = pdf.pages[read.index]
        if read.words:
            width, height = float(page.mediabox[2]), float(page.mediabox[3])
            layers.append(
                (read.index, page_element(read, width / 72 * LAYER_DPI, height / 72 * LAYER_DPI, LAYER_DPI), LAYER_DPI)
            )
    if not layers:
        return
    path = folder / "text.pdf"
    letters = {letter for page in pages for word in page.words for letter in word.text}
    Fpdf2MultiPageRenderer(layers, LayerFonts(folder, letters)).render(path)
    with pikepdf.open(path) as text:
        for (index, _, _), layer in zip(layers, text.pages, strict=True):
            page = pdf.pages[index]
            page.add_overlay(layer, pikepdf.Rectangle(page.mediabox))
