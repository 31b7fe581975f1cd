"""Whether a page still looks as it was signed, outside of what later signatures drew on it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pypdfium2

from signing.revisions import Addition

SCALE = 1.0
"""Pixels a point: 72 dpi. A letter of 8 points is then eight pixels high: what is added, dropped or replaced shows."""
MARGIN_PX = 2
STRONGEST_NOISE = 24
"""Of 255: the same page drawn twice differs by less, from rounding at the edges of the boxes."""
LARGEST_SHARE = 0.25
"""A signature whose picture takes more of the page than this may hide what was signed."""


class Looks:
    """pages: those (from 0) that look different outside of the boxes. hidden: those that a signature covers so far that
    what was signed may be hidden."""

    def __init__(self, pages: tuple[int, ...], hidden: tuple[int, ...]) -> None:
        self.pages, self.hidden = pages, hidden


def compare(pdf: bytes, additions: Sequence[Addition]) -> Looks:
    """The pages that later signatures drew on, as they were signed and as they stand. Runs in a worker process where
    the file came from outside."""
    changed: set[int] = set()
    hidden: set[int] = set()
    for length, index, boxes in _by_page(additions):
        before, (width, height) = _drawn(pdf[:length], index)
        after, _ = _drawn(pdf, index)
        if before.shape != after.shape:
            changed.add(index)
            continue
        apart = np.abs(before.astype(np.int16) - after.astype(np.int16)).max(axis=2) > STRONGEST_NOISE
        for left, bottom, right, top in boxes:
            apart[_span(height - top, height - bottom), _span(left, right)] = False
            if (right - left) * (top - bottom) > LARGEST_SHARE * width * height:
                hidden.add(index)
        if apart.any():
            changed.add(index)
    return Looks(tuple(sorted(changed)), tuple(sorted(hidden)))


def _span(start: float, end: float) -> slice:
    """The pixels between two distances in points, and a little more."""
    return slice(max(0, int(start * SCALE) - MARGIN_PX), max(0, int(end * SCALE) + MARGIN_PX + 1))


def _by_page(additions: Sequence[Addition]) -> Iterator[tuple[int, int, list[tuple[float, float, float, float]]]]:
    """Each page once, against the earliest revision that has additions after it."""
    for index in sorted({a.page_index for a in additions}):
        own = [a for a in additions if a.page_index == index]
        length = min(a.length for a in own)
        yield length, index, [a.box for a in own if a.length == length]


def _drawn(body: bytes, index: int) -> tuple[np.ndarray, tuple[float, float]]:
    """A page as picture, and its size in points. A page that is not there is a picture of nothing."""
    pdf = pypdfium2.PdfDocument(body)
    try:
        pdf.init_forms()
        if index >= len(pdf):
            return np.zeros((0, 0, 3), np.uint8), (0.0, 0.0)
        page = pdf[index]
        return page.render(scale=SCALE, may_draw_forms=True).to_numpy()[:, :, :3].copy(), page.get_size()
    finally:
        pdf.close()
