"""The quality gate: sound scans pass, spoilt ones are told apart, within the time that an operator waits."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest

from app.demo.papers import papers
from app.demo.scans import DPI, draw, make_scans
from pipeline.identify import sniff
from pipeline.imaging import Pixels
from pipeline.own_text import OwnText
from pipeline.page_source import PageImage
from pipeline.quality import Flaw, judge, look_at_first_page, whole_scan
from pipeline.reading import read_page
from pipeline.reading_options import ReadingOptions
from registry.values import PageQuality, Quality

ANSWER_S = 2.0
"""From arrival to the answer (issue: within 2 s); here for the look itself."""


@cache
def paper() -> Pixels:
    return np.asarray(draw(papers()[0]))


def lightened(pixels: Pixels, share: float, paper_at: int = 235) -> Pixels:
    """So much of the distance between paper and ink is left."""
    fainter = paper_at - (255 - pixels.astype(np.float32)) * share
    return np.clip(fainter + np.random.default_rng(1).normal(0, 3, pixels.shape), 0, 255).astype(np.uint8)


def leaning(pixels: Pixels, degrees: float) -> Pixels:
    height, width = pixels.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1)
    turned: Pixels = cv2.warpAffine(pixels, matrix, (width, height), borderValue=(255, 255, 255))
    return turned


def in_the_left_margin(pixels: Pixels) -> int:
    """The column in the middle of the first letters of the lines."""
    dark = (cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY) < 128).sum(axis=0)
    return int(np.argmax(dark > 0.6 * dark.max()))


SPOILT: dict[str, tuple[Callable[[Pixels], Pixels], int, Flaw, Quality]] = {
    "very blurred": (lambda p: cv2.GaussianBlur(p, (0, 0), 3.0), DPI, Flaw.BLURRED, Quality.RESCAN),
    "somewhat blurred": (lambda p: cv2.GaussianBlur(p, (0, 0), 2.0), DPI, Flaw.BLURRED, Quality.WARN),
    "coarse": (lambda p: cv2.resize(p, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), 100, Flaw.LOW_DPI,
               Quality.RESCAN),
    "a little coarse": (lambda p: cv2.resize(p, None, fx=0.9, fy=0.9, interpolation=cv2.INTER_AREA), 180, Flaw.LOW_DPI,
                        Quality.WARN),
    "dark": (lambda p: (p * 0.3).astype(np.uint8), DPI, Flaw.DARK, Quality.RESCAN),
    "faint": (lambda p: lightened(p, 0.25), DPI, Flaw.FAINT, Quality.WARN),
    "crooked": (lambda p: leaning(p, 4.5), DPI, Flaw.SKEWED, Quality.WARN),
    "very crooked": (lambda p: leaning(p, 8.0), DPI, Flaw.SKEWED, Quality.RESCAN),
    "cut off": (lambda p: p[:, in_the_left_margin(p) + 12 :].copy(), DPI, Flaw.CUT_EDGE, Quality.RESCAN),
    "empty": (lambda p: np.full_like(p, 246), DPI, Flaw.BLANK, Quality.WARN),
}  # fmt: skip


@pytest.mark.parametrize("how", SPOILT)
def test_a_spoilt_scan_is_told_by_what_is_wrong(how: str) -> None:
    spoil, dpi, flaw, quality = SPOILT[how]
    found = judge(PageImage(np.ascontiguousarray(spoil(paper())), dpi))
    assert flaw in found.flaws, found
    assert found.quality is quality, found


def test_sound_scans_pass_whatever_their_kind_and_direction(tmp_path: Path) -> None:
    made = make_scans(tmp_path)
    for path, told in made:
        media_type = sniff(path.read_bytes()[:1024])
        assert media_type is not None
        began = time.monotonic()
        found = look_at_first_page(path, media_type, 200_000_000)
        assert time.monotonic() - began < ANSWER_S
        assert found.quality is Quality.GOOD, (path.name, told.kind, found)
    sideways = judge(PageImage(np.ascontiguousarray(np.rot90(paper())), DPI))
    assert sideways.quality is Quality.GOOD, sideways


def test_faint_print_is_read_and_never_called_blank() -> None:
    clear = read_page(PageImage(paper(), DPI), 0, ReadingOptions())
    faint = read_page(PageImage(lightened(paper(), 0.25), DPI), 0, ReadingOptions())
    assert not faint.blank
    same = set(clear.text.split()) & set(faint.text.split())
    assert len(same) > 0.9 * len(set(clear.text.split()))


def test_a_back_that_is_empty_is_no_flaw_and_a_born_digital_page_neither() -> None:
    empty = read_page(PageImage(np.full_like(paper(), 246), DPI), 1, ReadingOptions())
    assert empty.quality == PageQuality(quality=Quality.GOOD)
    written = PageImage(paper(), 72, own_text=(OwnText("chữ", 0.0, 0.0, 1.0, 1.0),))
    assert judge(written).quality is Quality.GOOD


def test_a_scan_is_as_good_as_its_worst_page() -> None:
    good, bad = PageQuality(quality=Quality.GOOD), PageQuality(quality=Quality.RESCAN, flaws={"dark": 80.0})
    assert whole_scan([good, bad, good], 3).quality is Quality.RESCAN
    assert whole_scan([], 3).quality is Quality.GOOD
