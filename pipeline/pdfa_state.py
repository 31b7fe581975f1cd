"""What a PDF says of itself as PDF/A, and what can be seen of that without a validator."""

from __future__ import annotations

import re
from typing import BinaryIO

import pikepdf

from registry.values import Value

CLAIM = re.compile(rb"pdfaid:(part|conformance)\s*(?:=\s*[\"']|>)\s*([0-9A-Za-z]+)")
MOST_PAGES = 50
"""Fonts are looked for on so many pages: a file of ours has the same on each."""


class PdfaState(Value):
    """claim: `2B` as the metadata say, empty for none. broken: what contradicts it."""

    claim: str = ""
    broken: tuple[str, ...] = ()


def pdfa_state(stream: BinaryIO) -> PdfaState:
    """Claim and cheap checks (ISO 19005-2 §6.1.3 encryption, §6.2.2 output intent, §6.2.11.4 fonts, §6.6.1 scripts).

    Only a validator (veraPDF) can say that a file is PDF/A; this can say that it is not. Raises pikepdf.PdfError.
    """
    with pikepdf.open(stream) as pdf:
        root = pdf.Root
        found = dict(CLAIM.findall(root.Metadata.read_bytes())) if "/Metadata" in root else {}
        claim = (found.get(b"part", b"") + found.get(b"conformance", b"")).decode()
        broken = []
        if pdf.is_encrypted:
            broken.append("encrypted")
        if "/OutputIntents" not in root:
            broken.append("no output intent")
        if "/JavaScript" in root.get("/Names", {}):
            broken.append("script")
        if any(not _is_embedded(font) for page in pdf.pages[:MOST_PAGES] for font in _fonts(page)):
            broken.append("font not embedded")
        return PdfaState(claim=claim.upper(), broken=tuple(broken))


def _fonts(page: pikepdf.Page) -> list[pikepdf.Object]:
    resources = page.obj.get("/Resources")
    fonts = resources.get("/Font") if resources is not None else None
    return [fonts[name] for name in fonts.keys()] if fonts is not None else []  # noqa: SIM118 no mapping


def _is_embedded(font: pikepdf.Object) -> bool:
    if font.get("/Subtype") == "/Type3":
        return True
    described = [font, *font.get("/DescendantFonts", [])]
    descriptors = [d.FontDescriptor for d in described if "/FontDescriptor" in d]
    return any(key in d for d in descriptors for key in ("/FontFile", "/FontFile2", "/FontFile3"))
