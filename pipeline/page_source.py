"""The pages of an input as pictures: the scanner's own image where a page is one, else rendered. In a worker."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import pikepdf
import pypdfium2
from PIL import Image, ImageOps

from pipeline.imaging import Pixels
from pipeline.soundness import PDF
from registry.errors import RefusalCode, Refused
from registry.values import Box

RENDER_DPI = ENOUGH_DPI = 250
LEAST_TEXT = 25
"""A born-digital page has at least so many letters of its own; fewer may be a stamp on a scan."""
LEAST_PICTURE, WORDS_OF_ITS_OWN = 0.01, 3
"""A picture of so much of a page may be a scanned piece; with so many words of the page on it, it was read before."""
MARKS = frozenset({"f", "F", "f*", "S", "s", "B", "B*", "b", "b*", "BI", "INLINE IMAGE", "sh", "Tj", "TJ", "'", '"'})
"""Operators that show something beside a picture."""
A4_LONG_IN = 11.69
NO_IMAGE: tuple[None, tuple[float, ...]] = (None, ())
Image.MAX_IMAGE_PIXELS = None


@dataclass(frozen=True, slots=True)
class OwnText:
    """A word of a born-digital page, in fractions of the page as displayed."""

    text: str
    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True, slots=True)
class PageImage:
    """A page as displayed (an orientation tag or /Rotate is followed). own_text: its words where it needs no OCR;
    scanned: the pictures beside them, in fractions of the page, that may show words it does not have.

    dpi is that of `pixels`; the file has `reduced` times as many pixels per side.
    """

    pixels: Pixels
    dpi: float
    own_text: tuple[OwnText, ...] = ()
    reduced: int = 1
    scanned: tuple[Box, ...] = ()


class PageSource:
    """Pages one at a time, so that memory does not grow with their number. A context manager."""

    def __init__(self, path: Path, media_type: str, max_pixels: int) -> None:
        self._stack = ExitStack()
        self._max_pixels = max_pixels
        self._pdf = media_type == PDF
        if self._pdf:
            self._structure = self._stack.enter_context(pikepdf.open(path, suppress_warnings=True))
            self._renderer = pypdfium2.PdfDocument(path)
            self._stack.callback(self._renderer.close)
            self.count = len(self._structure.pages)
        else:
            self._image = self._stack.enter_context(Image.open(path))
            self.count = getattr(self._image, "n_frames", 1) if self._image.format != "MPO" else 1

    def __enter__(self) -> PageSource:
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """The file is closed. Safe to call twice."""
        self._stack.close()

    def pages(self) -> Iterator[PageImage]:
        """Each page, in order. Raises Refused for a picture larger than allowed."""
        for index in range(self.count):
            yield self.page(index)

    def page(self, index: int) -> PageImage:
        """One page."""
        return self._pdf_page(index) if self._pdf else self._frame(index)

    def _frame(self, index: int) -> PageImage:
        self._image.seek(index)
        self._require_size(*self._image.size)
        dpi = float((self._image.info.get("dpi") or (0, 0))[0])
        dpi = dpi if dpi >= 50 else max(self._image.size) / A4_LONG_IN
        reduced = _decode_small(self._image, dpi)
        return PageImage(_pixels(ImageOps.exif_transpose(self._image)), dpi / reduced, reduced=reduced)

    def _pdf_page(self, index: int) -> PageImage:
        page = self._structure.pages[index]
        shown = self._renderer[index]
        own = _own_text(shown)
        picture = None if own else single_image(page)
        if picture is not None:
            image = pikepdf.PdfImage(picture)
            self._require_size(image.width, image.height)
            turned = int(page.obj.get("/Rotate", 0) or 0) % 360
            width_in = float(page.mediabox[2] - page.mediabox[0]) / 72
            try:
                opened = image.as_pil_image()
                dpi = image.width / max(width_in, 0.1)
                reduced = _decode_small(opened, dpi)
                pixels = _pixels(opened)
            except (pikepdf.PdfError, NotImplementedError, ValueError, OSError):
                return self._rendered(shown, own)
            upright = np.ascontiguousarray(np.rot90(pixels, -turned // 90))
            return PageImage(upright, dpi / reduced, reduced=reduced)
        return self._rendered(shown, own)

    def _rendered(self, shown: Any, own: tuple[OwnText, ...]) -> PageImage:
        width, height = shown.get_size()
        scale = RENDER_DPI / 72
        self._require_size(round(width * scale), round(height * scale))
        pixels = _pixels(shown.render(scale=scale).to_pil())
        return PageImage(pixels, RENDER_DPI, own, scanned=_scanned(shown, own) if own else ())

    def _require_size(self, width: int, height: int) -> None:
        if width * height > self._max_pixels:
            raise Refused(RefusalCode.TOO_LARGE_IMAGE, f"{width} x {height}")


def single_image(page: pikepdf.Page) -> Any:
    """The picture of a page that is one upright full-page picture and nothing else; None for any other page."""
    return placed_image(page)[0]


def placed_image(page: pikepdf.Page) -> tuple[Any, tuple[float, ...]]:
    """The same, and its left, bottom, width and height on the page, in points."""
    images = dict(page.get_images(recursive=False))  # a form may show more than the picture in it
    if len(images) != 1:
        return NO_IMAGE
    matrix = None
    depth: list[list[float]] = [[1, 0, 0, 1, 0, 0]]
    try:
        for instruction in pikepdf.parse_content_stream(page):
            operands, name = instruction.operands, str(instruction.operator)
            if name == "q":
                depth.append(depth[-1])
            elif name == "Q" and len(depth) > 1:
                depth.pop()
            elif name == "cm":
                depth[-1] = _multiply([float(v) for v in operands], depth[-1])
            elif name == "Do":
                if matrix is not None or str(operands[0]) not in images:
                    return NO_IMAGE
                matrix = depth[-1]
            elif name in MARKS:
                return NO_IMAGE
    except pikepdf.PdfError:
        return NO_IMAGE
    if matrix is None or abs(matrix[1]) > 0.01 or abs(matrix[2]) > 0.01 or matrix[0] <= 0 or matrix[3] <= 0:
        return NO_IMAGE
    left, bottom, right, top = (float(v) for v in page.mediabox)
    covered = matrix[0] * matrix[3] / max(1.0, (right - left) * (top - bottom))
    [image] = images.values()
    return (image, (matrix[4], matrix[5], matrix[0], matrix[3])) if covered > 0.9 else NO_IMAGE


def _multiply(a: list[float], b: list[float]) -> list[float]:
    return [
        a[0] * b[0] + a[1] * b[2],
        a[0] * b[1] + a[1] * b[3],
        a[2] * b[0] + a[3] * b[2],
        a[2] * b[1] + a[3] * b[3],
        a[4] * b[0] + a[5] * b[2] + b[4],
        a[4] * b[1] + a[5] * b[3] + b[5],
    ]


def _own_text(shown: Any) -> tuple[OwnText, ...]:
    """The words of a page that has good text of its own, by pdfium; empty when there is none or it is garbage."""
    text_page = shown.get_textpage()
    text = text_page.get_text_range()
    letters = sum(c.isalpha() for c in text)
    if letters < LEAST_TEXT or sum(c in "\ufffd\x00" for c in text) > letters * 0.05:
        return ()
    width, height = shown.get_size()
    words: list[OwnText] = []
    start: int | None = None
    for place in range(len(text) + 1):
        blank = place == len(text) or text[place].isspace()
        if not blank and start is None:
            start = place
        elif blank and start is not None:
            words += _one_word(text_page, text, start, place, width, height)
            start = None
    return tuple(words)


def _scanned(shown: Any, own: Sequence[OwnText]) -> tuple[Box, ...]:
    """Where a page with text of its own shows pictures without any: a stamp, a photograph, or a scanned piece of paper.
    None on a page turned by /Rotate, whose places would have to be turned as well."""
    if shown.get_rotation():
        return ()
    width, height = shown.get_size()
    found = []
    for picture in shown.get_objects(filter=(pypdfium2.raw.FPDF_PAGEOBJ_IMAGE,)):
        left, bottom, right, top = picture.get_bounds()
        box = Box(
            left=_fraction(left / width),
            top=_fraction(1 - top / height),
            right=_fraction(right / width),
            bottom=_fraction(1 - bottom / height),
        )
        large = (box.right - box.left) * (box.bottom - box.top) >= LEAST_PICTURE
        covered = sum(_inside(word, box) for word in own)
        if large and covered < WORDS_OF_ITS_OWN:
            found.append(box)
    return tuple(found)


def _inside(word: OwnText, box: Box) -> bool:
    across, down = (word.left + word.right) / 2, (word.top + word.bottom) / 2
    return box.left < across < box.right and box.top < down < box.bottom


def _one_word(text_page: Any, text: str, start: int, end: int, width: float, height: float) -> list[OwnText]:
    boxes = []
    for place in range(start, end):
        try:
            boxes.append(text_page.get_charbox(place))
        except (ValueError, pypdfium2.PdfiumError):
            continue
    if not boxes:
        return []
    return [
        OwnText(
            unicodedata.normalize("NFC", text[start:end]),
            _fraction(min(b[0] for b in boxes) / width),
            _fraction(1 - max(b[3] for b in boxes) / height),
            _fraction(max(b[2] for b in boxes) / width),
            _fraction(1 - min(b[1] for b in boxes) / height),
        )
    ]


def _fraction(value: float) -> float:
    return min(1.0, max(0.0, value))


def _decode_small(image: Image.Image, dpi: float) -> int:
    """A JPEG far finer than reading needs is decoded at a half, quarter or eighth: less memory, less time."""
    factor = next((f for f in (8, 4, 2) if dpi / f >= ENOUGH_DPI), 1)
    if factor == 1 or image.format != "JPEG":
        return 1
    return factor if image.draft(None, (image.width // factor, image.height // factor)) else 1


def _pixels(image: Image.Image) -> Pixels:
    """Grey (two axes) or RGB (three), eight bits."""
    if image.mode.startswith("I;16") or image.mode == "I":
        return np.asarray((np.asarray(image).astype(np.uint32) >> 8).clip(0, 255), dtype=np.uint8)
    if image.mode in ("1", "L"):
        return np.array(image.convert("L"), dtype=np.uint8)
    if image.mode in ("LA", "RGBA", "PA") or "transparency" in image.info:
        paper = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(paper, image.convert("RGBA"))
    return np.array(image.convert("RGB"), dtype=np.uint8)
