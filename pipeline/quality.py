"""The quality gate: whether a page was scanned well enough to be read and to stand in an archive. In a worker process.

Answers within a second of arrival, long before a page is read, while the paper still lies on the desk. Limits: at least
200 dpi (NĐ 30/2020/NĐ-CP, phụ lục I); the others are where reading was seen to break (docs/decisions/0014).
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline import imaging
from pipeline.imaging import Gray, Lean, Pixels
from pipeline.own_words_over import scan_below
from pipeline.page_source import PageImage, PageSource
from registry.values import PageQuality, Quality, ScanQuality

MM = 25.4


class Flaw(StrEnum):
    """What may be wrong with a page; each has its sentence in the catalogue."""

    LOW_DPI = "low_dpi"
    SKEWED = "skewed"
    BLURRED = "blurred"
    DARK = "dark"
    FAINT = "faint"
    CUT_EDGE = "cut_edge"
    BLANK = "blank_front"


LIMITS: dict[Flaw, tuple[float, float]] = {
    Flaw.LOW_DPI: (199, 149),
    Flaw.SKEWED: (3.0, imaging.STEEPEST_DEG),
    Flaw.BLURRED: (0.19, 0.27),
    Flaw.DARK: (140, 95),
    Flaw.FAINT: (70, 40),
    Flaw.CUT_EDGE: (3, 8),
}
"""A warning from the first value on, "scan again" from the second. Dots an inch; degrees (steeper cannot be measured);
millimetres of blur (sigma); brightness of the paper, and its distance from the ink, of 255; lines cut at an edge."""
FALLING = frozenset({Flaw.LOW_DPI, Flaw.DARK, Flaw.FAINT})
PATCH_PX, PATCHES, FEWEST = 320, 6, 3
LEAST_STEP = 50
"""From paper to ink, of 255: fainter is what shines through from the other side, and always blurred."""
EDGE_PX, LETTERS_OF_A_LINE = 2, 12


def look_at_first_page(path: Path, media_type: str, max_pixels: int) -> ScanQuality:
    """What the first page tells, and how many pages there are. Raises Refused for a picture larger than allowed."""
    with PageSource(path, media_type, max_pixels) as source:
        return whole_scan([judge(source.page(0))], source.count)


def whole_scan(pages: Iterable[PageQuality], page_count: int) -> ScanQuality:
    """The quality of a scan is that of its worst page."""
    looked_at = tuple(pages)
    return ScanQuality(quality=_worst(p.quality for p in looked_at), pages=looked_at, page_count=page_count)


def judge(page: PageImage) -> PageQuality:
    """One page as it came; a born-digital one was not scanned and always passes."""
    if page.own_text:
        below = scan_below(page)
        return judge(below) if below else PageQuality(quality=Quality.GOOD)
    small, _ = imaging.reduce(page.pixels)
    gray = imaging.to_ocr_gray(small)
    return measured(page, gray, imaging.measure(gray))


def measured(page: PageImage, gray: Gray, lean: Lean, *, first: bool = True) -> PageQuality:
    """The same where the page has been prepared for reading, at any size: gray, with paper of one brightness, its lean.

    first: an empty page is odd there; further on it is the back of a sheet.
    """
    if lean.ink < imaging.LEAST_INK:
        return empty(page, first=first)
    found: dict[Flaw, float] = {Flaw.LOW_DPI: page.dpi * page.reduced}
    even, _ = imaging.reduce(gray)
    factor = even.shape[0] / page.pixels.shape[0]
    found[Flaw.DARK], found[Flaw.FAINT] = _paper_and_contrast(page.pixels, even)
    found[Flaw.SKEWED] = abs(lean.skew_deg)
    mask, boxes = imaging.letters((even < imaging.INK_LEVEL).astype(np.uint8))
    found[Flaw.BLURRED] = _blur_px(page.pixels, mask, factor) * MM / page.dpi
    found[Flaw.CUT_EDGE] = _lines_cut(boxes, even.shape)
    return _judged(found)


def empty(page: PageImage, *, first: bool) -> PageQuality:
    """A page that shows nothing: what shines through from its other side is neither faint print nor askew."""
    return _judged({Flaw.LOW_DPI: page.dpi * page.reduced}, blank=first)


def _judged(found: dict[Flaw, float], *, blank: bool = False) -> PageQuality:
    flaws: dict[str, float] = {}
    told: list[Quality] = []
    for flaw, value in found.items():
        warn, again = LIMITS[flaw]
        sign = -1 if flaw in FALLING else 1
        if sign * value < sign * warn:
            continue
        flaws[flaw.value] = round(value, 2)
        told.append(Quality.RESCAN if sign * value >= sign * again else Quality.WARN)
    if blank:
        flaws[Flaw.BLANK.value] = 1.0
        told.append(Quality.WARN)
    return PageQuality(quality=_worst(told), flaws=flaws)


def _worst(told: Iterable[Quality]) -> Quality:
    return max(told, key=list(Quality).index, default=Quality.GOOD)


def _paper_and_contrast(pixels: Pixels, even: Gray) -> tuple[float, float]:
    """Brightness of the paper, and its distance from the darker part of the ink, before anything was evened out."""
    some = imaging.drop_seals(cv2.resize(pixels, even.shape[::-1], interpolation=cv2.INTER_NEAREST))
    paper, ink = float(np.percentile(some[::2, ::2], 80)), some[even < imaging.INK_LEVEL]
    return paper, paper - float(np.percentile(ink, 25)) if ink.size > 20 else 0.0


def _blur_px(pixels: Pixels, letters: Gray, factor: float) -> float:
    """Sigma of the blur, from the steepest edges in the places with most letters: a step of height h blurred by sigma
    rises by at most h / (sigma · √2π) a pixel. 0 where there is too little to measure."""
    inner, margin = letters.astype(np.float32), letters.shape[1] // 16
    inner[:, :margin] = inner[:, -margin:] = 0
    ink = cv2.boxFilter(inner, -1, (25, 25))
    rows = np.linspace(0, letters.shape[0], PATCHES + 1, dtype=int)
    half = PATCH_PX // 2
    sigmas = []
    for top, bottom in pairwise(rows):
        band = ink[top:bottom]
        if band.size == 0 or band.max() < 0.04:
            continue
        y, x = divmod(int(np.argmax(np.where(band < 0.45, band, 0))), band.shape[1])
        cy, cx = int((y + top) / factor), int(x / factor)
        patch = pixels[max(0, cy - half) : cy + half, max(0, cx - half) : cx + half]
        sigmas.append(_sigma(imaging.drop_seals(np.ascontiguousarray(patch))))  # seals are soft by nature
    measured_ones = [s for s in sigmas if s > 0]
    # folds and holes are soft on the sharpest scan: the sharper places tell
    return float(np.percentile(measured_ones, 25)) if len(measured_ones) >= FEWEST else 0.0


def _sigma(patch: Gray) -> float:
    soft = cv2.GaussianBlur(patch, (3, 3), 0).astype(np.float32)
    across, down = cv2.Sobel(soft, cv2.CV_32F, 1, 0, scale=0.125), cv2.Sobel(soft, cv2.CV_32F, 0, 1, scale=0.125)
    height = float(np.percentile(soft, 97) - np.percentile(soft, 1.5))
    steepest = float(np.percentile(cv2.magnitude(across, down), 99.3))
    return 0.399 * height / steepest if height > LEAST_STEP else 0.0


def _lines_cut(boxes: NDArray[np.int32], shape: tuple[int, ...]) -> float:
    """How many lines of print run into an edge of the picture, at the worst edge."""
    left, top, width, height, area = boxes.T
    letter = (area >= 6) & (height >= 5) & (height <= 30) & (width >= 3) & (width <= 40)
    boxes = np.stack([left, top, left + width, top + height], axis=1)[letter]
    tall, wide = shape
    begun = _lines_at(boxes, boxes[:, 0] <= EDGE_PX, inward=1)
    ended = _lines_at(boxes, boxes[:, 2] >= wide - EDGE_PX, inward=-1)
    # a line cut lengthwise shows as many feet or heads of letters in a row
    lengthwise = max(int((boxes[:, 1] <= EDGE_PX).sum()), int((boxes[:, 3] >= tall - EDGE_PX).sum()))
    return max(begun, ended, LIMITS[Flaw.CUT_EDGE][0] if lengthwise >= LETTERS_OF_A_LINE else 0.0)


def _lines_at(boxes: NDArray[np.int32], touching: NDArray[np.bool_], inward: int) -> float:
    """How many of the letters that touch a side go on as a line of print, inward (1: to the right, -1: to the left)."""
    lines: list[int] = []
    for box in boxes[touching]:
        middle, reach = int(box[1] + box[3]) // 2, 3 * (box[3] - box[1])
        if any(abs(middle - other) < 8 for other in lines):
            continue
        edge = box[2] if inward > 0 else box[0]
        beyond = inward * (boxes[:, 0] - edge)
        same_line = (boxes[:, 1] < middle) & (boxes[:, 3] > middle)
        if int((same_line & (beyond > -2) & (beyond < reach)).sum()) >= 2:
            lines.append(middle)
    return float(len(lines))
