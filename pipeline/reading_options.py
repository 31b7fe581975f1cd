"""How pages are read: small enough to be told to a worker by those who do not read themselves."""

from __future__ import annotations

from pipeline.ocr import EngineName
from registry.values import Value


class ReadingOptions(Value):
    engine: EngineName = "auto"
    language: str = "vie"
    recognition_dpi: int = 200
    page_timeout_s: float = 180.0
    max_pixels: int = 200_000_000
