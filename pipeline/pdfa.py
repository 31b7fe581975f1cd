"""The archival derivative: PDF/A-2b (ISO 19005-2) with the scanner's own image and an invisible text layer.

OCRmyPDF draws the text layer and declares PDF/A; nothing is rasterised or compressed again where a page is a scan.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import img2pdf
import ocrmypdf
import pikepdf
from ocrmypdf.font import MultiFontManager
from ocrmypdf.fpdf_renderer import Fpdf2MultiPageRenderer
from ocrmypdf.models.ocr_element import Baseline, BoundingBox, OcrClass, OcrElement
from ocrmypdf.pdfa import speculative_pdfa_conversion
from pikepdf.pdfa import PdfaError
from PIL import Image, ImageOps

from pipeline.landing import landing
from pipeline.soundness import PDF
from registry.values import PageText, Word

LAYER_DPI = 200
logging.getLogger("img2pdf").setLevel(logging.ERROR)
logging.getLogger("ocrmypdf").setLevel(logging.ERROR)
logging.getLogger("fontTools").setLevel(logging.ERROR)
Image.MAX_IMAGE_PIXELS = None


def write_pdfa(scan: Path, media_type: str, pages: Sequence[PageText], target: Path) -> None:
    """`target` shows every page upright, with its words where they stand. Same input, same look. Safe to repeat."""
    with TemporaryDirectory(prefix="sohoa-pdfa-", dir=target.parent) as folder:
        plain, done = Path(folder) / "plain.pdf", Path(folder) / "pdfa.pdf"
        with _opened(scan, media_type, pages) as pdf:
            _strip(pdf)
            for page, read in zip(pdf.pages, pages, strict=True):
                _make_upright(page, read.rotation_deg)
            _lay_text(pdf, pages, Path(folder))
            pdf.save(plain, object_stream_mode=pikepdf.ObjectStreamMode.generate)
        try:
            speculative_pdfa_conversion(plain, done, "pdfa-2")
        except (PdfaError, pikepdf.PdfError):
            _convert_the_long_way(plain, done)
        with landing(target) as part:
            part.write_bytes(done.read_bytes())


def _opened(scan: Path, media_type: str, pages: Sequence[PageText]) -> pikepdf.Pdf:
    if media_type == PDF:
        return pikepdf.open(scan, suppress_warnings=True)
    return pikepdf.open(BytesIO(_wrap_images(scan, pages)))


def _wrap_images(scan: Path, pages: Sequence[PageText]) -> bytes:
    """The image file as PDF, its compressed data as it is where PDF knows it (JPEG, CCITT), lossless otherwise."""

    def layout(width_px: int, height_px: int, _dpi: Any) -> tuple[float, float, float, float]:
        dpi = pages[0].dpi or LAYER_DPI
        width, height = width_px / dpi * 72, height_px / dpi * 72
        return width, height, width, height

    try:
        wrapped: bytes = img2pdf.convert(str(scan), layout_fun=layout, rotation=img2pdf.Rotation.ifvalid)
    except (img2pdf.ImageOpenError, img2pdf.AlphaChannelError, img2pdf.UnsupportedColorspaceError, ValueError):
        wrapped = img2pdf.convert(_plain_frames(scan), layout_fun=layout)
    return wrapped


def _plain_frames(scan: Path) -> list[bytes]:
    """Frames that PDF cannot hold as they are, as lossless RGB or grey on white paper."""
    frames = []
    with Image.open(scan) as image:
        for index in range(getattr(image, "n_frames", 1)):
            image.seek(index)
            frame = ImageOps.exif_transpose(image)
            if frame.mode in ("RGBA", "LA", "PA", "P"):
                frame = Image.alpha_composite(Image.new("RGBA", frame.size, "white"), frame.convert("RGBA"))
            out = BytesIO()
            frame.convert("L" if frame.mode in ("1", "L", "LA") else "RGB").save(out, "PNG", compress_level=6)
            frames.append(out.getvalue())
    return frames


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


def _lay_text(pdf: pikepdf.Pdf, pages: Sequence[PageText], folder: Path) -> None:
    """Words that were recognised lie invisibly over their pictures; born-digital pages keep their own."""
    layers = []
    for page, read in zip(pdf.pages, pages, strict=True):
        if read.words and read.confidence < 1.0:
            width, height = float(page.mediabox[2]), float(page.mediabox[3])
            layers.append((read.index, _ocr_page(read, width / 72 * LAYER_DPI, height / 72 * LAYER_DPI), LAYER_DPI))
    if not layers:
        return
    path = folder / "text.pdf"
    Fpdf2MultiPageRenderer(layers, MultiFontManager()).render(path)
    with pikepdf.open(path) as text:
        for (index, _, _), layer in zip(layers, text.pages, strict=True):
            page = pdf.pages[index]
            page.add_overlay(layer, pikepdf.Rectangle(page.mediabox))


def _ocr_page(read: PageText, width: float, height: float) -> OcrElement:
    lines: dict[int, list[Word]] = {}
    for word in read.words:
        lines.setdefault(word.line, []).append(word)
    return OcrElement(
        ocr_class=OcrClass.PAGE,
        bbox=BoundingBox(0, 0, width, height),
        dpi=LAYER_DPI,
        children=[_ocr_line(line, width, height) for line in lines.values()],
    )


def _ocr_line(words: Sequence[Word], width: float, height: float) -> OcrElement:
    elements = [
        OcrElement(ocr_class=OcrClass.WORD, bbox=_bounds([word], width, height), text=word.text) for word in words
    ]
    return OcrElement(
        ocr_class=OcrClass.LINE, bbox=_bounds(words, width, height), baseline=Baseline(), children=elements
    )


def _bounds(words: Sequence[Word], width: float, height: float) -> BoundingBox:
    return BoundingBox(
        min(w.box.left for w in words) * width,
        min(w.box.top for w in words) * height,
        max(w.box.right for w in words) * width,
        max(w.box.bottom for w in words) * height,
    )


def _convert_the_long_way(plain: Path, done: Path) -> None:
    """What declaring alone does not make PDF/A (fonts not embedded, odd colours) goes through Ghostscript."""
    ocrmypdf.ocr(
        plain,
        done,
        output_type="pdfa-2",
        ocr_engine="none",
        skip_text=True,
        optimize=0,
        jobs=1,
        use_threads=True,
        progress_bar=False,
    )
