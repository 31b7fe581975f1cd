"""Pages as pictures for the screen."""

from __future__ import annotations

import io
from pathlib import Path

import pypdfium2

from registry.errors import NotFound

WIDEST_PX = 3000


def render_page(path: Path, page_index: int, width_px: int) -> bytes:
    """One page of a PDF as JPEG, `width_px` wide. Runs in a worker process. Raises NotFound for a page it lacks."""
    pdf = pypdfium2.PdfDocument(path)
    try:
        pdf.init_forms()  # the stamp is the signature field's appearance
        if not 0 <= page_index < len(pdf):
            raise NotFound(f"no page {page_index}")
        page = pdf[page_index]
        image = (
            page.render(scale=min(width_px, WIDEST_PX) / page.get_width(), may_draw_forms=True).to_pil().convert("RGB")
        )
    finally:
        pdf.close()
    out = io.BytesIO()
    image.save(out, "JPEG", quality=80)
    return out.getvalue()
