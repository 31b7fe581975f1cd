"""The words of a page as OCRmyPDF's renderer takes them: lines in the order of reading, each with its words."""

from __future__ import annotations

from collections.abc import Sequence

from ocrmypdf.models.ocr_element import Baseline, BoundingBox, OcrClass, OcrElement

from pipeline.placing import turned
from registry.values import PageText, Word


def page_element(read: PageText, width: float, height: float, dpi: float, turned_deg: int = 0) -> OcrElement:
    """The words over a picture of the page, width and height in its pixels, that shows it turned clockwise so far."""
    lines: dict[int, list[Word]] = {}
    for word in read.words:
        shown = word.model_copy(update={"box": turned(word.box, turned_deg)})
        lines.setdefault(word.line, []).append(shown)
    return OcrElement(
        ocr_class=OcrClass.PAGE,
        bbox=BoundingBox(0, 0, width, height),
        dpi=dpi,
        page_number=read.index,
        children=[_line(line, width, height, turned_deg) for line in lines.values()],
    )


def _line(words: Sequence[Word], width: float, height: float, turned_deg: int) -> OcrElement:
    elements = [
        OcrElement(
            ocr_class=OcrClass.WORD,
            bbox=_bounds([word], width, height),
            text=word.text,
            confidence=word.confidence,
        )
        for word in words
    ]
    return OcrElement(
        ocr_class=OcrClass.LINE,
        bbox=_bounds(words, width, height),
        baseline=Baseline(),
        textangle=-turned_deg % 360,  # hOCR counts it counter-clockwise
        children=elements,
    )


def _bounds(words: Sequence[Word], width: float, height: float) -> BoundingBox:
    return BoundingBox(
        min(w.box.left for w in words) * width,
        min(w.box.top for w in words) * height,
        max(w.box.right for w in words) * width,
        max(w.box.bottom for w in words) * height,
    )
