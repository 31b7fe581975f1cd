"""What is known of an input that is sound, and the limits it was held to."""

from __future__ import annotations

from registry.values import Value

PDF, TIFF, JPEG, PNG = "application/pdf", "image/tiff", "image/jpeg", "image/png"
A4_SHORT_MM, A4_LONG_MM = 210, 297
MM = 25.4


class IdentifyLimits(Value):
    max_bytes: int = 500_000_000
    max_pages: int = 1000
    max_pixels: int = 200_000_000


class Identified(Value):
    """A sound input. warnings: the words of docs/operations (odd but taken). signed: it came with a signature."""

    media_type: str
    page_count: int
    warnings: tuple[str, ...]
    signed: bool = False


def size_warnings(width: int, height: int, dpi: float) -> set[str]:
    """no_dpi, low_dpi (< 200, NĐ 30/2020/NĐ-CP), high_dpi (> 600), odd_size (not A4 or A5 within 12 %)."""
    if dpi < 50:
        return {"no_dpi"}
    found = {"low_dpi"} if dpi < 199 else {"high_dpi"} if dpi > 601 else set()
    short, long = sorted((width / dpi * MM, height / dpi * MM))
    sheets = ((A4_SHORT_MM, A4_LONG_MM), (148, 210), (216, 330))
    if not any(abs(short / a - 1) < 0.12 and abs(long / b - 1) < 0.12 for a, b in sheets):
        found.add("odd_size")
    return found
