"""sohoa's reading for stock OCRmyPDF: `ocrmypdf --plugin pipeline.ocrmypdf_plugin -l vie scan.pdf out.pdf`.

Pages are read in OCRmyPDF's own worker processes, each with its warm engine. See docs/ocrmypdf.md.
"""

from __future__ import annotations

import logging
import threading
from argparse import ArgumentParser
from pathlib import Path
from typing import Any, get_args

import cv2
import pikepdf
from ocrmypdf import hookimpl
from ocrmypdf.exceptions import BadArgsError, MissingDependencyError
from ocrmypdf.models.ocr_element import OcrElement
from ocrmypdf.pluginspec import OcrEngine as OcrmypdfEngine
from ocrmypdf.pluginspec import OrientationConfidence
from PIL import Image
from pydantic import BaseModel

from pipeline import ocr
from pipeline.orientation import UNKNOWN, Orientation, looked_at, orientation
from pipeline.page_source import PageImage, PageSource
from pipeline.reading import read_page
from pipeline.reading_options import ReadingOptions
from pipeline.resolution import LEAST_DPI
from pipeline.scanner_picture import scanner_picture
from pipeline.text_layer import page_element
from registry.values import PageText

log = logging.getLogger(__name__)
cv2.setNumThreads(1)  # OCRmyPDF reads a page per core already

LANGUAGE = "vie"
SURE_ENOUGH = 14.0
"""OCRmyPDF's own threshold for turning a page; that much for a page that reads no better than on its head."""
ANY_SIZE = 1 << 40
"""OCRmyPDF limits the pixels itself (--max-image-mpixels)."""
DEVICES = {"pngmono": "1", "pngmonod": "1", "pnggray": "L", "png16m": "RGB"}
"""The pixels that a page is asked for in. The rest (a JPEG for a first look, a palette) is drawn."""
TURNS = {90: Image.Transpose.ROTATE_90, 180: Image.Transpose.ROTATE_180, 270: Image.Transpose.ROTATE_270}
"""Counter-clockwise, as OCRmyPDF counts a correction."""
ONE_AT_A_TIME = threading.Lock()
"""With --use-threads all pages share one engine."""


class SohoaOptions(BaseModel):
    """What `--sohoa-…` tells; `options.sohoa` of OCRmyPDF's options."""

    engine: ocr.EngineName = "auto"


class SohoaEngine(OcrmypdfEngine):  # type: ignore[misc]
    """sohoa's reading as an OCRmyPDF engine. `--tesseract-timeout` is the time that a page may take."""

    @staticmethod
    def version() -> str:
        return ocr.engine("auto", LANGUAGE).version()

    @staticmethod
    def creator_tag(options: Any) -> str:
        return f"sohoa, {_engine(options).version()}"

    def __str__(self) -> str:
        return f"sohoa, {self.version()}"

    @staticmethod
    def languages(options: Any) -> set[str]:
        """Those that tesseract has data for; the second reader and the rules of layout know Vietnamese papers."""
        return {path.stem for path in ocr.tessdata().glob("*.traineddata")}

    @staticmethod
    def get_orientation(input_file: Path, options: Any) -> OrientationConfidence:
        """Which way the page faces; its confidence in OCRmyPDF's units, 0 where it cannot be told."""
        told = _reading(options).model_copy(update={"page_timeout_s": options.tesseract.non_ocr_timeout})
        with ONE_AT_A_TIME:
            page = _picture(input_file)
            found = orientation(page, _engine(options), dpi=told.recognition_dpi, timeout_s=told.page_timeout_s)
            if found == UNKNOWN:  # a few letters tell only when they are read
                read = read_page(page, 0, told)
                found = Orientation(read.rotation_deg, float(bool(read.words)))
        return OrientationConfidence(angle=found.rotation_deg, confidence=SURE_ENOUGH * found.better)

    @staticmethod
    def get_deskew(input_file: Path, options: Any) -> float:
        """How far the page must be turned counter-clockwise for its lines to be level."""
        with ONE_AT_A_TIME:
            _, lean = looked_at(_picture(input_file), _reading(options).recognition_dpi)
        few = not lean.letter  # then lines are taken to run across: what else there is may outnumber the letters
        return lean.otherwise_deg if few and lean.sideways else lean.skew_deg

    @staticmethod
    def supports_generate_ocr() -> bool:
        return True

    @staticmethod
    def generate_ocr(input_file: Path, options: Any, page_number: int = 0) -> tuple[OcrElement, str]:
        """The page's words where they stand, and its text in the order of reading.

        A page that takes too long or cannot be read has no words, and the file goes on.
        """
        with ONE_AT_A_TIME:
            page = _picture(input_file)
            read = _read(page, page_number, options)
        height, width = page.pixels.shape[:2]
        return page_element(read, width, height, _told_dpi(input_file), read.rotation_deg), f"{read.text}\n"

    @staticmethod
    def generate_hocr(input_file: Path, output_hocr: Path, output_text: Path, options: Any) -> None:
        raise NotImplementedError("sohoa gives its words to the fpdf2 renderer; it writes no hOCR")

    @staticmethod
    def generate_pdf(input_file: Path, output_pdf: Path, output_text: Path, options: Any) -> None:
        raise NotImplementedError("sohoa gives its words to the fpdf2 renderer; it draws no PDF itself")


@hookimpl  # type: ignore[untyped-decorator]
def get_ocr_engine(options: Any) -> OcrmypdfEngine | None:
    """sohoa reads, unless another engine is asked for by name."""
    return SohoaEngine() if options is None or options.ocr_engine == "auto" else None


@hookimpl  # type: ignore[untyped-decorator]
def add_options(parser: ArgumentParser) -> None:
    """`--sohoa-engine`."""
    group = parser.add_argument_group("sohoa", "Reading of Vietnamese office papers")
    group.add_argument(
        "--sohoa-engine",
        choices=get_args(ocr.EngineName),
        default="auto",
        help="tesserocr: tesseract in process; pytesseract: its program, slower; auto: the first where it is installed",
    )


@hookimpl  # type: ignore[untyped-decorator]
def register_options() -> dict[str, type[BaseModel]]:
    """`options.sohoa`."""
    return {"sohoa": SohoaOptions}


@hookimpl  # type: ignore[untyped-decorator]
def check_options(options: Any) -> None:
    """Before the first page: the engine works, and is asked for what it can do."""
    if options.ocr_engine != "auto":
        return
    if options.pdf_renderer == "sandwich":
        raise BadArgsError("sohoa lays its text with --pdf-renderer fpdf2, not sandwich")
    if LANGUAGE not in options.languages:
        log.warning("sohoa reads Vietnamese papers: give -l vie, or -l vie+eng")
    try:
        _engine(options)
    except (ocr.EngineMissing, FileNotFoundError) as exc:
        raise MissingDependencyError(str(exc)) from exc


@hookimpl  # type: ignore[untyped-decorator]
def rasterize_pdf_page(
    input_file: Path,
    output_file: Path,
    raster_device: str,
    raster_dpi: Any,
    pageno: int,
    page_dpi: Any,
    rotation: int | None,
    filter_vector: bool,
    options: Any,
    use_cropbox: bool,
) -> Path | None:
    """The scanner's own pixels where a page is one picture at that resolution; None: OCRmyPDF's renderers draw it."""
    mode = DEVICES.get(str(raster_device))
    if mode is None or use_cropbox or options is None or options.ocr_engine != "auto" or options.rasterizer != "auto":
        return None
    with pikepdf.open(input_file) as pdf:
        image = scanner_picture(pdf.pages[pageno - 1], (float(raster_dpi.x), float(raster_dpi.y)))
        if image is None or image.mode not in (mode, "1"):
            return None
        upright = image.convert(mode).transpose(TURNS[rotation]) if rotation else image.convert(mode)
    dpi = page_dpi or raster_dpi
    upright.save(output_file, "PNG", dpi=(float(dpi.x), float(dpi.y)), compress_level=1)
    return output_file


def _read(page: PageImage, index: int, options: Any) -> PageText:
    nothing = PageText(index=index, text="", confidence=0.0, status="timeout")
    if options.tesseract.timeout == 0:  # by custom: no reading, only the rest of OCRmyPDF's work
        return nothing
    try:
        read = read_page(page, index, _reading(options))
    except Exception as exc:  # one page never costs the file
        log.error("page left without text: %s", type(exc).__name__)
        return nothing
    if read.status != "read":
        log.warning("page left without text: it took longer than --tesseract-timeout %g", options.tesseract.timeout)
    return read


def _reading(options: Any) -> ReadingOptions:
    return ReadingOptions(
        engine=options.sohoa.engine,
        language="+".join(options.languages),
        page_timeout_s=options.tesseract.timeout,
    )


def _engine(options: Any) -> ocr.OcrEngine:
    told = _reading(options)
    return ocr.engine(told.engine, told.language)


def _picture(input_file: Path) -> PageImage:
    with PageSource(input_file, "image/png", ANY_SIZE) as source:
        return source.page(0)


def _told_dpi(input_file: Path) -> float:
    """That of the page as OCRmyPDF lays it out, be it true or not."""
    with Image.open(input_file) as image:
        return float((image.info.get("dpi") or (LEAST_DPI, 0))[0])
