"""Where something on a PDF page stands on the page as it is displayed: /Rotate, /CropBox and origin are followed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from registry.values import Box

Bounds = tuple[float, float, float, float]
"""Left, bottom, right, top, in points of the page's own coordinates, which know nothing of /Rotate."""


@dataclass(frozen=True, slots=True)
class Placing:
    """The part of the page that is shown, and how far it is shown turned clockwise (0, 90, 180, 270)."""

    shown: Bounds
    turned_deg: int

    @classmethod
    def of(cls, page: Any) -> Placing:
        """That of a page of pypdfium2."""
        return cls(page.get_bbox(), page.get_rotation() % 360)

    def box(self, bounds: Bounds) -> Box:
        """In fractions of the page as displayed; what hangs over an edge ends there."""
        left, bottom, right, top = self.shown
        wide, high = max(right - left, 1e-6), max(top - bottom, 1e-6)
        as_it_lies = Box(
            left=_fraction((bounds[0] - left) / wide),
            top=_fraction((top - bounds[3]) / high),
            right=_fraction((bounds[2] - left) / wide),
            bottom=_fraction((top - bounds[1]) / high),
        )
        return turned(as_it_lies, self.turned_deg)


def turned(box: Box, clockwise_deg: int) -> Box:
    """Where a box of the upright page lies on the page turned clockwise, in fractions of the turned page."""
    for _ in range(clockwise_deg // 90 % 4):
        box = Box(left=1 - box.bottom, top=box.left, right=1 - box.top, bottom=box.right)
    return box


def _fraction(value: float) -> float:
    return min(1.0, max(0.0, value))
