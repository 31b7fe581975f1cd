"""Whether somebody signed a PDF, asked before anything else is made of it. In a worker process only.

Asked three ways, any of which is enough: what is wrongly taken for signed is kept as it came and looked at by a
person, while what is wrongly taken for unsigned would lose its signature.
"""

from __future__ import annotations

import mmap
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pikepdf
from pikepdf import Array, Dictionary, Name

DEEPEST = 20
BYTE_RANGE = re.compile(rb"/ByteRange\s*\[\s*(\d+)\s+(\d+)\s+(\d+)\s+(\d+)\s*\]")
CONTENTS = re.compile(rb"/Contents\s*<\s*[0-9A-Fa-f]*[1-9A-Fa-f]")
NEARBY = 65536
"""A signature dictionary has its entries within so many bytes of each other."""


def is_signed(pdf: pikepdf.Pdf, path: Path) -> bool:
    """Whether a signature or document timestamp stands in the form, on a page, in the permissions, or anywhere in the
    bytes: an update may have hidden it, and a repair may not find it. An empty signature field is none."""
    return _in_form(pdf) or _on_a_page(pdf) or _in_permissions(pdf) or has_signature_bytes(path)


def has_signature_bytes(path: Path) -> bool:
    """Whether the bytes hold a signature dictionary, in any revision and however broken the file is.

    It cannot hide in a compressed stream: /ByteRange leaves out the bytes of the signature's own /Contents
    (ISO 32000-1, 12.8.1), so that both stand in the file as they are, also in an encrypted one.
    """
    if path.stat().st_size == 0:
        return False
    with path.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
        return any(_is_filled(data, found) for found in BYTE_RANGE.finditer(data))


def _is_filled(data: mmap.mmap, found: re.Match[bytes]) -> bool:
    """Whether a signature stands in the gap that the range tells of, or, in a damaged file, beside it."""
    end, start = int(found[1]) + int(found[2]), int(found[3])
    if end < start <= len(data) and data[end : end + 1] == b"<" and data[start - 1 : start] == b">":
        return bool(data[end + 1 : start - 1].strip(b"0 \r\n\t"))
    return CONTENTS.search(data, max(0, found.start() - NEARBY), found.end() + NEARBY) is not None


def _in_form(pdf: pikepdf.Pdf) -> bool:
    form = pdf.Root.get("/AcroForm")
    return isinstance(form, Dictionary) and any(_fields(form.get("/Fields"), None, 0))


def _fields(entries: Any, kind: Any, depth: int) -> Iterator[bool]:
    """For each field whether it is a signature's, with a value; /FT is inherited (ISO 32000-1, 12.7.3.1)."""
    if not isinstance(entries, Array) or depth > DEEPEST:
        return
    for entry in entries:
        if isinstance(entry, Dictionary):
            own = entry.get("/FT", kind)
            yield own == Name.Sig and entry.get("/V") is not None
            yield from _fields(entry.get("/Kids"), own, depth + 1)


def _on_a_page(pdf: pikepdf.Pdf) -> bool:
    """A widget that the form forgot, as some programs leave it."""
    for page in pdf.pages:
        annotations = page.obj.get("/Annots")
        for widget in annotations if isinstance(annotations, Array) else ():
            if not isinstance(widget, Dictionary):
                continue
            if _inherited(widget, "/FT") == Name.Sig and _inherited(widget, "/V") is not None:
                return True
    return False


def _inherited(field: Any, key: str) -> Any:
    for _ in range(DEEPEST):
        if (found := field.get(key)) is not None:
            return found
        field = field.get("/Parent")
        if not isinstance(field, Dictionary):
            break
    return None


def _in_permissions(pdf: pikepdf.Pdf) -> bool:
    """A certification or a usage-rights signature: both break when the file is written anew."""
    permissions = pdf.Root.get("/Perms")
    held = (permissions.get(key) for key in ("/DocMDP", "/UR3", "/UR")) if isinstance(permissions, Dictionary) else ()
    return any(isinstance(each, Dictionary) for each in held)
