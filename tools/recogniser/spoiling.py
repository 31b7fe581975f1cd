"""What a scanner, an office and time make of a line, and how it is cut out of its page for the reader."""

from __future__ import annotations

import math
from random import Random

import cv2
import numpy as np
from numpy.typing import NDArray

Gray = NDArray[np.uint8]
Real = NDArray[np.floating]
HEIGHT = 48
"""Pixels of a line as the network sees it."""
EM = 31.0
"""The font's size is then about so many of them."""
BASE, MIDDLE = 1.5, 1.17
"""Where the letters stand, and their middle, in sizes of the font below the top of the drawn line."""


def spoil(r: Random, page: Gray, size: int) -> Gray:
    """The line as it was scanned, HEIGHT high; size: of its font, in pixels of `page`."""
    g = np.random.default_rng(r.getrandbits(64))
    if r.random() < 0.25:
        _neighbour(r, page, size)
    if r.random() < 0.16:
        _rules(r, page, size)
    page = _leaning(r, page, size)
    # the size of the font and where the line stands are known only roughly
    scale, stretch = EM / size * math.exp(r.gauss(0, 0.13)), math.exp(r.gauss(0, 0.07))
    finer = r.uniform(0.75, 1.5)  # through the scanner's own resolution first
    height, width = page.shape
    wanted = (max(8, int(width * scale * stretch * finer)), max(8, int(height * scale * finer)))
    seen = _scanned(r, g, cv2.resize(page, wanted, interpolation=cv2.INTER_AREA), finer)
    wanted = (max(16, round(seen.shape[1] / finer)), max(8, round(seen.shape[0] / finer)))
    line = cv2.resize(seen, wanted, interpolation=cv2.INTER_AREA if finer > 1 else cv2.INTER_LINEAR)
    return _window(line, int(MIDDLE * size * scale - HEIGHT / 2 + r.gauss(0, 1.8)))


def _neighbour(r: Random, page: Gray, size: int) -> None:
    """Feet or heads of the line above or below."""
    shift, copy = int(size * r.uniform(1.25, 1.6)), page.copy()
    if r.random() < 0.5:
        page[:-shift] = np.minimum(page[:-shift], copy[shift:])
    else:
        page[shift:] = np.minimum(page[shift:], copy[:-shift])


def _rules(r: Random, page: Gray, size: int) -> None:
    """Of a table."""
    height, width = page.shape
    for _ in range(r.randint(1, 2)):
        ink, thick = r.randint(0, 150), max(1, size // r.randint(14, 30))
        if r.random() < 0.6:
            y = int(size * r.choice((r.uniform(0.15, 0.5), r.uniform(1.75, 2.1))))
            cv2.line(page, (0, y), (width, y), ink, thick)
        else:
            x = r.choice((r.randint(0, size // 4), width - 1 - r.randint(0, size // 3)))
            cv2.line(page, (x, 0), (x, height), ink, thick)


def _leaning(r: Random, page: Gray, size: int) -> Gray:
    lean, shear = math.tan(math.radians(r.gauss(0, 0.35))), r.gauss(0, 0.06)
    if abs(lean) <= 0.002 and r.random() >= 0.3:
        return page
    height, width = page.shape
    matrix = np.array([[1, shear, -shear * size * BASE], [lean, 1, -lean * width / 2]], np.float32)
    return np.asarray(cv2.warpAffine(page, matrix, (width, height), borderValue=255), np.uint8)


def _scanned(r: Random, g: np.random.Generator, page: Gray, finer: float) -> Gray:
    gray: Real = page.astype(np.float32)
    height, width = gray.shape
    if r.random() < 0.18:
        gray = _inked(r, g, gray)
    if r.random() < 0.5:
        gray = np.asarray(cv2.GaussianBlur(gray, (0, 0), r.uniform(0.3, 1.25) * finer))
    paper, ink = r.uniform(205, 255), r.uniform(0, 90)
    gray = ink + (paper - ink) * gray / 255
    if r.random() < 0.4:
        clouds = g.normal(0, 1, (3, max(3, width // 60))).astype(np.float32)
        gray += cv2.resize(clouds, (width, height), interpolation=cv2.INTER_CUBIC) * r.uniform(0, 14)
    if r.random() < 0.15:  # what is printed on the other side
        other = cv2.flip(np.roll(gray, r.randint(-height // 2, height // 2), axis=0), 1)
        gray = gray - (paper - cv2.GaussianBlur(other, (0, 0), 1.2)) * r.uniform(0.03, 0.16)
    gray += g.normal(0, r.uniform(0, 9), gray.shape)
    return _stored(r, np.clip(gray, 0, 255).astype(np.uint8))


def _stored(r: Random, gray: Gray) -> Gray:
    """In black and white, as JPEG, or as it is; with the paper whitened now and then."""
    if r.random() < 0.12:
        mean = cv2.ADAPTIVE_THRESH_MEAN_C
        gray = np.asarray(cv2.adaptiveThreshold(gray, 255, mean, cv2.THRESH_BINARY, 31, r.randint(8, 22)), np.uint8)
    elif r.random() < 0.5:
        _, packed = cv2.imencode(".jpg", gray, [cv2.IMWRITE_JPEG_QUALITY, r.randint(45, 92)])
        gray = np.asarray(cv2.imdecode(packed, cv2.IMREAD_GRAYSCALE), np.uint8)
    if r.random() < 0.5:
        paper = np.full_like(gray, max(60, int(np.percentile(gray, 90))))
        gray = np.asarray(cv2.divide(gray, paper, scale=250), np.uint8)
    return gray


def _inked(r: Random, g: np.random.Generator, gray: Real) -> Real:
    """A stroke of a pen over it, or what the removal of a seal leaves."""
    height, width = gray.shape
    layer = np.zeros((height, width), np.uint8)
    if r.random() < 0.5:
        steps = g.normal(0, height / 3, (r.randint(4, 10), 2))
        points = (np.cumsum(steps, axis=0) + np.array([r.uniform(0, width), height / 2])).astype(np.int32)
        cv2.polylines(layer, [points], isClosed=False, color=255, thickness=r.randint(1, 3), lineType=cv2.LINE_AA)
        strength = r.uniform(0.3, 0.9)
    else:
        for _ in range(r.randint(1, 3)):
            centre = (r.randint(0, width), r.randint(-2 * height, 3 * height))
            cv2.circle(layer, centre, r.randint(height, 4 * height), 255, r.randint(1, 4), cv2.LINE_AA)
        strength = r.uniform(0.05, 0.35)
    return gray * (1 - strength * layer.astype(np.float32) / 255)


def _window(line: Gray, top: int) -> Gray:
    out = np.full((HEIGHT, line.shape[1]), int(np.percentile(line, 85)), np.uint8)
    start, end = max(0, top), min(line.shape[0], top + HEIGHT)
    out[start - top : end - top] = line[start:end]
    return out
