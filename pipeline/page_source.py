"""The pages of an input as pictures: the scanner's own image where a page is one, else rendered. In a worker."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import pikepdf
import pypdfium2
from PIL import Image, ImageOps

from pipeline import imaging
from pipeline.imaging import Pixels
from pipeline.own_text import OwnText, OwnWords, own_words, pictures
from pipeline.page_content import MARKS, page_steps, see_through, visible_box
from pipeline.placing import Placing, turned
from pipeline.resolution import at_least, letter_px, true_dpi
from pipeline.soundness import PDF
from registry.errors import RefusalCode, Refused
from registry.values import Box

RENDER_DPI = ENOUGH_DPI = 250
LEAST_PICTURE = 0.01
"""A picture of so much of a page may be a scanned piece."""
NO_IMAGE: tuple[None, tuple[float, ...]] = (None, ())
Image.MAX_IMAGE_PIXELS = None


@dataclass(frozen=True, slots=True)
class PageImage:
    """A page as displayed (an orientation tag or /Rotate is followed). own_text: its words where it needs no OCR;
    scanned: the pictures below and beside them, in fractions of the page, that may show words it does not have.

    dpi is that of `pixels`; the file, or the largest of these pictures, has `reduced` times as many pixels per side.
    turned_deg: it is displayed turned so far clockwise from where its own words are upright, as all is here.
    """

    pixels: Pixels
    dpi: float
    own_text: tuple[OwnText, ...] = ()
    reduced: float = 1
    scanned: tuple[Box, ...] = ()
    turned_deg: int = 0


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
        tagged = float((self._image.info.get("dpi") or (0, 0))[0])
        return _picture(self._image, tagged, lambda image: _pixels(ImageOps.exif_transpose(image)))

    def _pdf_page(self, index: int) -> PageImage:
        page = self._structure.pages[index]
        shown = self._renderer[index]
        own = own_words(shown, see_through(page))
        picture, place = NO_IMAGE if own.words else placed_image(page)
        if picture is not None:
            image = pikepdf.PdfImage(picture)
            self._require_size(image.width, image.height)
            turned_deg = int(page.obj.get("/Rotate", 0) or 0) % 360
            width_in = place[2] / 72
            try:
                opened = image.as_pil_image()
                return _picture(
                    opened, image.width / max(width_in, 0.1), lambda image: imaging.turn(_pixels(image), turned_deg)
                )
            except (pikepdf.PdfError, NotImplementedError, ValueError, OSError):
                return self._rendered(shown, own)
        return self._rendered(shown, own)

    def _rendered(self, shown: Any, own: OwnWords) -> PageImage:
        width, height = shown.get_size()
        scale = RENDER_DPI / 72
        self._require_size(round(width * scale), round(height * scale))
        pixels = imaging.turn(_pixels(shown.render(scale=scale).to_pil()), -own.turned_deg)
        if not own.words:
            return PageImage(pixels, RENDER_DPI)
        scanned, dpi = _pictures(shown, own)
        return PageImage(
            pixels,
            RENDER_DPI,
            own.words,
            reduced=(dpi or RENDER_DPI) / RENDER_DPI,
            scanned=scanned,
            turned_deg=own.turned_deg,
        )

    def _require_size(self, width: int, height: int) -> None:
        if width * height > self._max_pixels:
            raise Refused(RefusalCode.TOO_LARGE_IMAGE, f"{width} x {height}")


def single_image(page: pikepdf.Page) -> Any:
    """The picture of a page that is one upright full-page picture and nothing else; None for any other page."""
    return placed_image(page)[0]


def placed_image(page: pikepdf.Page) -> tuple[Any, tuple[float, ...]]:
    """The same, and its left, bottom, width and height on the page, in points. Text that nobody sees does not count."""
    images = dict(page.get_images(recursive=False))  # a form may show more than the picture in it
    if len(images) != 1:
        return NO_IMAGE
    matrix = None
    try:
        for step in page_steps(page):
            if step.hidden:
                continue
            if step.name == "Do":
                if matrix is not None or str(step.operands[0]) not in images:
                    return NO_IMAGE
                matrix = step.matrix
            elif step.name in MARKS:
                return NO_IMAGE
    except (pikepdf.PdfError, ValueError, TypeError):
        return NO_IMAGE
    if matrix is None or abs(matrix[1]) > 0.01 or abs(matrix[2]) > 0.01 or matrix[0] <= 0 or matrix[3] <= 0:
        return NO_IMAGE
    place = (matrix[4], matrix[5], matrix[0], matrix[3])
    [image] = images.values()
    return (image, place) if _fills(page, place) else NO_IMAGE


def _fills(page: pikepdf.Page, place: tuple[float, ...]) -> bool:
    """Whether the page shows nearly all of what lies there, and little beside it."""
    left, bottom, right, top = visible_box(page)
    wide = max(0.0, min(right, place[0] + place[2]) - max(left, place[0]))
    high = max(0.0, min(top, place[1] + place[3]) - max(bottom, place[1]))
    return wide * high > 0.9 * max(1.0, (right - left) * (top - bottom), place[2] * place[3])


def _pictures(shown: Any, own: OwnWords) -> tuple[tuple[Box, ...], float]:
    """Where a page with text of its own shows pictures, in fractions of the page turned upright: a stamp, a photograph,
    a scanned piece of paper, or the scan on which the text was written; and the dots an inch of the largest (or 0)."""
    placing = Placing.of(shown)
    found: dict[Box, float] = {}
    for picture, (left, bottom, right, top) in pictures(shown):
        box = turned(placing.box((left, bottom, right, top)), -own.turned_deg)
        if _area(box) >= LEAST_PICTURE:
            found[box] = math.hypot(*picture.get_px_size()) / max(1.0, math.hypot(right - left, top - bottom)) * 72
    return tuple(found), found[max(found, key=_area)] if found else 0.0


def _area(box: Box) -> float:
    return (box.right - box.left) * (box.bottom - box.top)


def _picture(image: Image.Image, tagged: float, pixels_of: Callable[[Image.Image], Pixels]) -> PageImage:
    """A page that is this picture, which its file says has so many dots an inch."""
    reduced = _decode_small(image, at_least(tagged, image.size))
    pixels = pixels_of(image)
    dpi = true_dpi(tagged / reduced, (pixels.shape[1], pixels.shape[0]), lambda: letter_px(pixels))
    return PageImage(pixels, dpi, reduced=reduced)


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
