"""The scanner's own picture of a PDF page, where drawing the page would give nothing else. Parses untrusted bytes."""

from __future__ import annotations

from typing import Any

import pikepdf
from PIL import Image

from pipeline.page_source import placed_image

HIDES = frozenset({"W", "W*", "gs", "BDC"})
"""Operators after which a page may show less than its picture: clips, transparency, layers."""
CHANGES = ("/SMask", "/Mask", "/ImageMask", "/Decode", "/OC", "/Matte")
"""Entries of a picture that make it look other than its pixels."""
MODES = {"1", "L", "RGB"}
ABOUT_PX, ABOUT_PT = 1, 0.2
"""So far the drawn page may be off from the picture, by rounding."""


def scanner_picture(page: pikepdf.Page, dpi: tuple[float, float]) -> Image.Image | None:
    """The picture that is all of this page and, drawn at this resolution, is shown pixel for pixel; else None.

    Grey, RGB or bilevel, in the colours of the device: what needs a colour profile is left to a renderer.
    """
    picture, place = placed_image(page)
    if picture is None or not _shown_whole(page) or not _shown_as_it_is(picture) or not _fills(page, place):
        return None
    if any(
        abs(pixels - points / 72 * told) > ABOUT_PX
        for pixels, points, told in zip((picture.Width, picture.Height), place[2:], dpi, strict=True)
    ):
        return None
    try:
        image = pikepdf.PdfImage(picture).as_pil_image()
    except (pikepdf.PdfError, NotImplementedError, ValueError, OSError):
        return None
    return image if image.mode in MODES else None


def _shown_whole(page: pikepdf.Page) -> bool:
    if any(key in page.obj for key in ("/Annots", "/UserUnit")) or int(page.obj.get("/Rotate", 0) or 0) % 360:
        return False
    if list(page.cropbox) != list(page.mediabox) or len(page.get_images(recursive=False)) != 1:
        return False
    if len(page.resources.get("/XObject", {})) != 1:  # a form may show more than the picture in it
        return False
    return not any(str(instruction.operator) in HIDES for instruction in pikepdf.parse_content_stream(page))


def _shown_as_it_is(picture: Any) -> bool:
    space = picture.get("/ColorSpace")
    plain = isinstance(space, pikepdf.Name) and str(space) in ("/DeviceRGB", "/DeviceGray")
    return plain and not any(key in picture for key in CHANGES)


def _fills(page: pikepdf.Page, place: tuple[float, ...]) -> bool:
    left, bottom, width, height = place
    edges = (left, bottom, left + width, bottom + height)
    return all(abs(float(told) - edge) < ABOUT_PT for told, edge in zip(page.mediabox, edges, strict=True))
