"""Which way up a page lies, without reading all of it: one look at the whole, and a band of print read both ways up."""

from __future__ import annotations

import time
from dataclasses import dataclass

from pipeline import imaging
from pipeline.imaging import Gray, Lean
from pipeline.line_reading import read_level
from pipeline.ocr import OcrEngine, TooSlow
from pipeline.page_source import PageImage

PROBE_S = 20.0
CLEARLY = 1.1
"""So many times better a page must read upside down before it is held to stand on its head."""
BEYOND_DOUBT = 2.0
"""A band that reads so many times better one way up tells; otherwise the whole page is read both ways."""


@dataclass(frozen=True, slots=True)
class Orientation:
    """rotation_deg: how far the page is turned clockwise from upright (0, 90, 180, 270).

    better: how many times better it reads so than on its head; 0 where nothing could be read.
    """

    rotation_deg: int
    better: float


UNKNOWN = Orientation(0, 0.0)


def looked_at(page: PageImage, dpi: int) -> tuple[Gray, Lean]:
    """The page evenly lit at about this resolution, and how its lines run."""
    gray = imaging.rescale(imaging.to_ocr_gray(page.pixels), dpi / page.dpi)
    return gray, imaging.measure(gray)


def orientation(page: PageImage, engine: OcrEngine, *, dpi: int, timeout_s: float) -> Orientation:
    """Which way up the page lies. UNKNOWN for a blank page, one of a few letters, and one that takes too long."""
    until = time.monotonic() + timeout_s
    gray, lean = looked_at(page, dpi)
    if lean.ink < imaging.LEAST_INK or not lean.letter:
        return UNKNOWN
    rotation, gray = (270, imaging.turn(gray, 90)) if lean.sideways else (0, gray)
    level = imaging.straighten(gray, lean.skew_deg)
    try:
        upright, turned = both_ways_up(level, engine, dpi=dpi, timeout_s=min(PROBE_S, timeout_s))
        if max(upright, turned) < BEYOND_DOUBT * min(upright, turned):
            upright, turned = (
                read_level(picture, engine, dpi=dpi, timeout_s=until - time.monotonic()).sure
                for picture in (level, imaging.turn(level, 180))
            )
    except TooSlow:
        return UNKNOWN
    if turned > upright * CLEARLY:
        rotation, upright, turned = (rotation + 180) % 360, turned, upright
    return Orientation(rotation, min(100.0, upright / max(turned, upright / 100))) if upright else UNKNOWN


def both_ways_up(level: Gray, engine: OcrEngine, *, dpi: int, timeout_s: float) -> tuple[float, float]:
    """How well the band of a level page that has the most print reads as it is, and upside down. Raises TooSlow."""
    band = imaging.densest_band(level)
    scores = []
    for picture in (band, imaging.turn(band, 180)):
        words = engine.recognise(picture, dpi=dpi, timeout_s=timeout_s, single_block=True)
        scores.append(sum(w.confidence**2 * len(w.text) for w in words))
    return scores[0], scores[1]
