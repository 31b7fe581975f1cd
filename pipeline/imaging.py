"""Page images for the reader's eyes only: which way is up, how far it leans, and what is ink. Runs in a worker process.

Nothing here goes into the archive: the archived page shows what was scanned.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Gray = NDArray[np.uint8]
Pixels = NDArray[np.uint8]

cv2.setNumThreads(1)  # pages are read side by side: threads of one page only wait for those of another

REDUCED_PX = 1000
"""Longest side of the page on which direction and skew are measured."""
STEEPEST_DEG = 6.0
WHITE = 255
INK_LEVEL = 150
"""On a normalised page, darker than this is ink."""
FAINTEST, DARK_ENOUGH = 55, 120
"""How far ink stands off paper of 250: below the first it is the other side's, from the second it is dark."""
INKED = 28
"""Ink has a colour if one of its channels is so much brighter than both others."""
FAINT_EDGE = 60
"""A quarter of a stamp's thin edge, of 255."""
SMALLEST_STAMP, LARGEST_STAMP, ENCLOSED = (0.055, 0.1), 0.42, 0.6
"""Sides of a stamp, in shorter sides of the page: 12 x 21 mm to 88 mm on A4; and what a ring or a frame encloses of the
rectangle around it."""
ASKED, MOST = 400, 8000
"""So many letters are asked where their neighbour stands, among so many at most: a page of specks costs no more."""
FEWEST = 40
"""So many letters at least tell how high the print of a page is."""
FEW_PARTS = 30_000
LEAST_INK = 0.0004
"""Share of ink below which a page may be blank: a single typed line of 20 letters has about 0.0006."""


@dataclass(frozen=True, slots=True)
class Lean:
    """sideways: lines run up and down. skew_deg: > 0 leans clockwise. ink: share of the page that is ink.

    letter: the mean height of its letters in pixels; 0 where there are too few to tell, and too few to be sure of the
    direction: otherwise_deg is the skew if lines run the other way.
    """

    sideways: bool
    skew_deg: float
    ink: float
    letter: float = 0.0
    otherwise_deg: float = 0.0


def to_ocr_gray(image: Pixels) -> Gray:
    """The page in grey, evenly lit, white around the paper, seals gone but not the print below them, faint print as
    dark as any."""
    return strengthen(normalise(hide_surroundings(drop_seals(image))))


def drop_seals(image: Pixels) -> Gray:
    """Grey in which red ink is as bright as in red light, and that of a blue seal or stamp as its paper: black print
    below stays, and so do lines of red print and all that is written with a blue pen."""
    if image.ndim == 2:
        return image
    red, green, blue = cv2.split(image)
    gray = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    reddish = (cv2.subtract(red, cv2.max(green, blue)) > INKED).astype(np.uint8)
    if reddish.any():
        print_ = _red_print(reddish) & (1 - _stamped(reddish, gray))
        cv2.copyTo(red, reddish & (1 - print_), gray)
    bluish = (cv2.subtract(blue, cv2.max(red, green)) > INKED).astype(np.uint8)
    if bluish.any() and (of_stamps := bluish & _stamped(bluish, gray)).any():
        level = float(np.median(blue[of_stamps > 0]))  # blue ink is no brighter than that even in blue light
        brighter = np.minimum(np.arange(256) * (WHITE / max(level, 1.0)), WHITE).astype(np.uint8)
        cv2.copyTo(cv2.LUT(blue, brighter), of_stamps, gray)
    return np.asarray(gray, dtype=np.uint8)


def _stamped(ink: Gray, gray: Gray) -> Gray:
    """1 inside of seals and stamps: rings and frames of this ink that close, as large as stamps are. Print that crosses
    one is part of it."""
    quarter = (max(1, gray.shape[1] // 4), max(1, gray.shape[0] // 4))
    small = cv2.resize(ink * WHITE, quarter, interpolation=cv2.INTER_AREA) > FAINT_EDGE
    dark = cv2.resize(gray, quarter, interpolation=cv2.INTER_AREA) < INK_LEVEL
    crossing = dark & (cv2.dilate(small.astype(np.uint8), np.ones((9, 9), np.uint8)) > 0)
    closed = cv2.morphologyEx((small | crossing).astype(np.uint8), cv2.MORPH_CLOSE, np.ones((5, 5)))
    contours, _ = cv2.findContours(closed, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    short, inside = min(small.shape), np.zeros_like(closed)
    for contour in contours:
        _, _, width, height = cv2.boundingRect(contour)
        low, high = sorted((width, height))
        if low < SMALLEST_STAMP[0] * short or high < SMALLEST_STAMP[1] * short or high > LARGEST_STAMP * short:
            continue
        if cv2.contourArea(contour) > ENCLOSED * width * height:  # what is written encloses little
            cv2.drawContours(inside, [contour], -1, 1, cv2.FILLED)
    if not inside.any():
        return np.zeros_like(ink)
    return np.asarray(cv2.resize(inside, ink.shape[::-1], interpolation=cv2.INTER_NEAREST))


def _red_print(reddish: Gray) -> Gray:
    """1 where red ink is a line of print, a title of a certificate: long, low, and alone; seals and stamps are not."""
    small = cv2.resize(reddish, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
    near = max(3, max(reddish.shape) // 4 // 120) | 1
    runs = cv2.morphologyEx(small, cv2.MORPH_CLOSE, np.ones((1, near), np.uint8))
    labels, stats = components(runs)
    width, height = stats[:, cv2.CC_STAT_WIDTH], stats[:, cv2.CC_STAT_HEIGHT]
    highest = max(reddish.shape) / 4 * 0.03
    low = (height <= highest) & (width >= 2 * height)
    low[0] = False
    mask = cv2.resize(low[labels].astype(np.uint8), reddish.shape[::-1], interpolation=cv2.INTER_NEAREST)
    return np.asarray(mask)


def hide_surroundings(gray: Gray) -> Gray:
    """A dark scanner bed beside the paper is painted in the paper's shade; a page without one is as it was."""
    small, _ = reduce(gray)
    border = np.concatenate([small[:6].ravel(), small[-6:].ravel(), small[:, :6].ravel(), small[:, -6:].ravel()])
    paper = float(np.percentile(small, 80))
    if np.mean(border < paper * 0.55) < 0.12:
        return gray
    bright = (cv2.GaussianBlur(small, (15, 15), 0) > paper * 0.7).astype(np.uint8)
    bright = cv2.morphologyEx(bright, cv2.MORPH_CLOSE, np.ones((25, 25), np.uint8))
    contours, _ = cv2.findContours(bright, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    if not contours:
        return gray
    sheet = max(contours, key=cv2.contourArea)
    if cv2.contourArea(sheet) < 0.25 * small.size:
        return gray
    mask = np.zeros_like(small)
    cv2.drawContours(mask, [cv2.convexHull(sheet)], -1, WHITE, cv2.FILLED)
    mask = cv2.erode(mask, np.ones((5, 5), np.uint8))
    whole = cv2.resize(mask, (gray.shape[1], gray.shape[0]), interpolation=cv2.INTER_NEAREST)
    return np.where(whole > 0, gray, np.uint8(paper)).astype(np.uint8)


def normalise(gray: Gray) -> Gray:
    """Paper becomes white everywhere: each place is divided by the brightness of the paper around it."""
    small, _ = reduce(gray, 600)
    paper = cv2.medianBlur(cv2.dilate(small, np.ones((9, 9), np.uint8)), 21)
    paper = cv2.resize(paper, (gray.shape[1], gray.shape[0]), interpolation=cv2.INTER_LINEAR)
    even: Gray = cv2.divide(gray, cv2.max(paper, 40), scale=250)
    return even


def strengthen(gray: Gray) -> Gray:
    """Faint print on an evenly lit page becomes dark; what is fainter still shines through from the other side."""
    small, _ = reduce(gray)
    ink = small[letters(_darker_than_around(small))[0] > 0]
    if ink.size < 200:
        return gray
    contrast = 250 - float(np.percentile(ink, 20))
    if not FAINTEST < contrast < DARK_ENOUGH:
        return gray
    ramp = 250 - (250 - np.arange(256)) * (DARK_ENOUGH / contrast)
    stronger: Gray = cv2.LUT(gray, np.clip(ramp, 0, 255).astype(np.uint8))
    return stronger


def measure(gray: Gray) -> Lean:
    """Direction and skew of the lines on an evenly lit page; tens of milliseconds."""
    small, factor = reduce(gray)
    ink, boxes = letters(_darker_than_around(small))
    share = float(np.mean(small < INK_LEVEL))
    ys, xs = np.nonzero(ink)
    if len(ys) < 60:
        return Lean(sideways=False, skew_deg=0.0, ink=share)
    flat, flat_score = _best_angle(xs, ys)
    upright, upright_score = _best_angle(-ys, xs)
    sideways = _runs_down(boxes, upright_score > flat_score * 1.15)
    heights = boxes[:, 2 if sideways else 3]
    heights = heights[heights >= 4]
    letter = float(heights.mean()) / factor if len(heights) >= FEWEST else 0.0
    skews = (upright, flat) if sideways else (flat, upright)
    return Lean(sideways=sideways, skew_deg=skews[0], otherwise_deg=skews[1], ink=share, letter=letter)


def turn(image: Pixels, clockwise_deg: int) -> Pixels:
    """The image turned by a multiple of 90 degrees."""
    turned: Pixels = np.ascontiguousarray(np.rot90(image, -(clockwise_deg // 90) % 4))
    return turned


def straighten(gray: Gray, skew_deg: float) -> Gray:
    """The page with its lines level, same size; what comes in from outside is white."""
    if abs(skew_deg) < 0.08:
        return gray
    height, width = gray.shape
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), skew_deg, 1.0)
    level: Gray = cv2.warpAffine(gray, matrix, (width, height), flags=cv2.INTER_LINEAR, borderValue=WHITE)
    return level


def rescale(image: Pixels, factor: float) -> Pixels:
    """The page at another resolution."""
    if 0.95 < factor < 1.05:
        return image
    size = (max(1, round(image.shape[1] * factor)), max(1, round(image.shape[0] * factor)))
    scaled: Pixels = cv2.resize(image, size, interpolation=cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC)
    return scaled


def reduce(gray: Gray, longest: int = REDUCED_PX) -> tuple[Gray, float]:
    """The page with its longest side at most `longest`, and the factor it was reduced by."""
    factor = min(1.0, longest / max(gray.shape))
    return rescale(gray, factor), factor


def densest_band(gray: Gray, share: float = 0.16) -> Gray:
    """The horizontal band with the most ink, for a quick look at which way up the letters are."""
    rows = np.asarray((gray < INK_LEVEL).mean(axis=1))
    height = max(60, int(gray.shape[0] * share))
    sums = np.convolve(np.minimum(rows, 0.25), np.ones(min(height, len(rows))), "valid")
    start = int(np.argmax(sums))
    return gray[start : start + height]


def _darker_than_around(small: Gray) -> Gray:
    darker: Gray = cv2.adaptiveThreshold(small, 1, cv2.ADAPTIVE_THRESH_MEAN_C, cv2.THRESH_BINARY_INV, 31, 18)
    return darker


def components(mask: Gray, connectivity: int = 8) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """The number of each pixel's connected part, 0 for none, and (left, top, width, height, area) of each part.

    With numbers of two bytes, which takes a third of the time, wherever they are enough.
    """
    above = np.zeros_like(mask)
    above[1:] = cv2.dilate(mask[:-1], np.ones((1, 3), np.uint8)) if connectivity == 8 else mask[:-1]
    above[:, 1:] |= mask[:, :-1]
    beginnings = cv2.countNonZero(mask & (1 - above))  # no part has fewer
    width = cv2.CV_16U if beginnings < FEW_PARTS else cv2.CV_32S
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=connectivity, ltype=width)
    return np.asarray(labels), np.asarray(stats)


def letters(ink: Gray) -> tuple[Gray, NDArray[np.int32]]:
    """Without specks, rules, frames and pictures: what has about the size of letters on a reduced page, and the (left,
    top, width, height, area) of each."""
    labels, stats = components(ink)
    width, height, area = stats[:, cv2.CC_STAT_WIDTH], stats[:, cv2.CC_STAT_HEIGHT], stats[:, cv2.CC_STAT_AREA]
    fits = (area >= 4) & (height >= 3) & (height <= 40) & (width <= 90) & (width >= 2)
    fits[0] = False
    return np.asarray(fits[labels], dtype=np.uint8), stats[fits]


def _runs_down(boxes: NDArray[np.int32], otherwise: bool) -> bool:
    """Whether the next letter mostly stands above or below: the columns of a table are sharper lines than its rows, but
    letters of a word stand closer than lines. `otherwise` where that does not tell."""
    size = np.maximum(boxes[:, 2], boxes[:, 3])
    whole = boxes[size > 0.6 * np.median(size)][:MOST].astype(np.float32)  # without marks above and below letters
    if len(whole) < 40:
        return otherwise
    middles, halves = whole[:, :2] + whole[:, 2:4] / 2, whole[:, 2:4] / 2
    step = len(whole) // ASKED + 1
    gaps = np.abs(middles[::step, None] - middles[None]) - halves[::step, None] - halves[None]
    gaps = np.maximum(gaps, 0)
    far = np.hypot(gaps[..., 0], gaps[..., 1])
    far[np.arange(len(far)), np.arange(len(far)) * step] = np.inf
    across, down = gaps[np.arange(len(far)), far.argmin(axis=1)].T
    beside, below = int((across > down).sum()), int((down > across).sum())
    return below > beside if max(beside, below) > 1.5 * min(beside, below) else otherwise


def _best_angle(xs: NDArray[np.int64], ys: NDArray[np.int64]) -> tuple[float, float]:
    """The angle at which ink falls into the sharpest lines, and how sharp they are."""
    if len(xs) > 30_000:
        step = len(xs) // 30_000 + 1
        xs, ys = xs[::step], ys[::step]
    coarse = np.arange(-STEEPEST_DEG, STEEPEST_DEG + 0.01, 0.5)
    scores = [_sharpness(xs[::3], ys[::3], a) for a in coarse]
    best = float(coarse[int(np.argmax(scores))])
    fine = np.arange(best - 0.5, best + 0.51, 0.05)
    scores = [_sharpness(xs, ys, a) for a in fine]
    place = int(np.argmax(scores))
    return round(float(fine[place]), 2), float(scores[place])


def _sharpness(xs: NDArray[np.int64], ys: NDArray[np.int64], angle_deg: float) -> float:
    slope = float(np.tan(np.radians(angle_deg)))
    rows = np.round(ys - xs * slope).astype(np.int64)
    profile = np.bincount(rows - rows.min()).astype(np.float64)
    return float(np.sum(np.diff(profile) ** 2) / len(xs) ** 1.5)
