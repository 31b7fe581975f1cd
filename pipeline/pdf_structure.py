"""Whether a PDF is whole, harmless and of a size we take; and whether somebody signed it. In a worker process only."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pikepdf
from pikepdf import Dictionary, Name

from pipeline.signature_marks import is_signed
from pipeline.soundness import PDF, Identified, IdentifyLimits, size_warnings
from registry.errors import RefusalCode, Refused

TAIL = 2048
ACTIVE = ("/JavaScript", "/Launch", "/ImportData", "/SubmitForm", "/Rendition", "/Movie", "/Sound", "/RichMediaExecute")
POINTS_PER_MM = 72 / 25.4


def pdf_is_complete(path: Path) -> bool:
    """The trailer is there and the page tree opens, without repairs."""
    with path.open("rb") as stream:
        stream.seek(max(0, path.stat().st_size - TAIL))
        tail = stream.read()
    if b"%%EOF" not in tail:
        return False
    try:
        with pikepdf.open(path, suppress_warnings=True) as pdf:
            return len(pdf.pages) >= 0
    except pikepdf.PasswordError:
        return True
    except pikepdf.PdfError:
        return False


def check_pdf(path: Path, limits: IdentifyLimits) -> Identified:
    """Pages, oddities and signature of a sound PDF. Raises Refused."""
    found: set[str] = set()
    with _opened(path, found) as pdf:
        count = len(pdf.pages)
        if count == 0:
            raise Refused(RefusalCode.ZERO_PAGES)
        if count > limits.max_pages:
            raise Refused(RefusalCode.TOO_MANY_PAGES, f"{count}")
        signed = is_signed(pdf, path)
        _refuse_active(pdf)
        if pdf.is_encrypted:
            found.add("owner_password")
        if "pdfaid" in _metadata(pdf):
            found.add("already_pdfa")
        kinds = [_check_page(page, limits, found) for page in pdf.pages]
    if "text" in kinds:
        found.add("text_layer")
        if "image" in kinds:
            found.add("mixed_text_image")
    if all(kind == "blank" for kind in kinds):
        found.add("blank")
    if signed:
        found.add("signed")
    return Identified(media_type=PDF, page_count=count, warnings=tuple(sorted(found)), signed=signed)


@contextmanager
def _opened(path: Path, found: set[str]) -> Iterator[pikepdf.Pdf]:
    data_end = _after_the_end(path)
    try:
        pdf = pikepdf.open(path, suppress_warnings=True)
    except pikepdf.PasswordError as exc:
        raise Refused(RefusalCode.ENCRYPTED) from exc
    except pikepdf.PdfError as exc:
        # a linearized file has an end-of-file marker near its beginning as well: much behind the last one is no tail
        cut = (data_end is None or data_end > 1024) and _has_objects(path)
        raise Refused(RefusalCode.TRUNCATED if cut else RefusalCode.CORRUPT, "cannot be opened") from exc
    with pdf:
        repaired = any("xref" in str(w) or "startxref" in str(w) or "recover" in str(w) for w in pdf.get_warnings())
        if data_end is None:
            raise Refused(RefusalCode.TRUNCATED if _has_objects(path) else RefusalCode.CORRUPT, "no end-of-file marker")
        if repaired:
            if not len(pdf.pages) or not _all_streams_read(pdf):
                raise Refused(RefusalCode.CORRUPT, "objects are missing")
            found.add("repaired")
        if data_end > 16:
            found.add("trailing_data")
        try:
            yield pdf
        except pikepdf.PdfError as exc:
            raise Refused(RefusalCode.CORRUPT, "an object is broken") from exc
        except (ValueError, TypeError, KeyError, RecursionError) as exc:
            raise Refused(RefusalCode.CORRUPT, type(exc).__name__) from exc


def _has_objects(path: Path) -> bool:
    with path.open("rb") as stream:
        return b" obj" in stream.read(65536)


def _after_the_end(path: Path) -> int | None:
    """How many bytes follow the last %%EOF; None when there is none near the end."""
    with path.open("rb") as stream:
        stream.seek(max(0, path.stat().st_size - 65536))
        tail = stream.read()
    place = tail.rfind(b"%%EOF")
    return None if place < 0 else len(tail[place + 5 :].strip(b"\r\n \0"))


def _all_streams_read(pdf: pikepdf.Pdf) -> bool:
    """After a repair every page's content and images must still be there."""
    try:
        for page in pdf.pages:
            for image in page.get_images().values():
                image.read_raw_bytes()
            contents = page.obj.get("/Contents")
            for part in contents if isinstance(contents, pikepdf.Array) else [contents]:
                if part is not None:
                    part.read_bytes()
    except (pikepdf.PdfError, AttributeError):
        return False
    return True


def _refuse_active(pdf: pikepdf.Pdf) -> None:
    """Scripts, launches, attachments, forms with code: a scan has none of them. Links and signatures are sound."""
    root = pdf.Root
    names = root.get("/Names")
    if isinstance(names, Dictionary) and ("/JavaScript" in names or "/EmbeddedFiles" in names):
        raise Refused(RefusalCode.ACTIVE_CONTENT, "name tree")
    if len(pdf.attachments):
        raise Refused(RefusalCode.ACTIVE_CONTENT, "attachment")
    form = root.get("/AcroForm")
    if isinstance(form, Dictionary) and "/XFA" in form:
        raise Refused(RefusalCode.ACTIVE_CONTENT, "XFA")
    for holder in (root, *(page.obj for page in pdf.pages)):
        _refuse_actions(holder)
        annotations = holder.get("/Annots")
        for annotation in annotations if isinstance(annotations, pikepdf.Array) else ():
            if isinstance(annotation, Dictionary):
                _refuse_actions(annotation)
                if annotation.get("/Subtype") in (Name.RichMedia, Name.FileAttachment, Name.Screen, Name("/3D")):
                    raise Refused(RefusalCode.ACTIVE_CONTENT, "annotation")


def _refuse_actions(holder: Any) -> None:
    for key in ("/OpenAction", "/A"):
        _refuse_action(holder.get(key), 0)
    additional = holder.get("/AA")
    if isinstance(additional, Dictionary):
        for action in additional.values():
            _refuse_action(action, 0)


def _refuse_action(action: Any, depth: int) -> None:
    if not isinstance(action, Dictionary) or depth > 20:
        return
    if str(action.get("/S", "")) in ACTIVE or "/JS" in action:
        raise Refused(RefusalCode.ACTIVE_CONTENT, "action")
    following = action.get("/Next")
    for each in following if isinstance(following, pikepdf.Array) else [following]:
        _refuse_action(each, depth + 1)


def _check_page(page: pikepdf.Page, limits: IdentifyLimits, found: set[str]) -> str:
    """`text`, `image` or `blank`; sizes are looked at before anything is decoded."""
    box = [float(v) for v in page.mediabox]
    width_in, height_in = abs(box[2] - box[0]) / 72, abs(box[3] - box[1]) / 72
    images = list(page.get_images().values())
    dpi = 0.0
    for image in images:
        width, height = int(image.get("/Width", 0)), int(image.get("/Height", 0))
        if width * height > limits.max_pixels:
            raise Refused(RefusalCode.TOO_LARGE_IMAGE, f"{width} x {height}")
        if width_in and height_in:
            dpi = max(dpi, min(width / width_in, height / height_in))
        if image.get("/BitsPerComponent") == 1:
            found.add("bilevel")
        if image.get("/ColorSpace") == Name.DeviceCMYK:
            found.add("cmyk")
    found |= size_warnings(round(width_in * 200), round(height_in * 200), 200.0)
    if _has_fonts(page):
        return "text"
    if not images:
        return "blank" if not _paints(page) else "text"
    found |= size_warnings(round(width_in * dpi), round(height_in * dpi), dpi)
    return "image"


def _has_fonts(page: pikepdf.Page) -> bool:
    resources = page.obj.get("/Resources")
    fonts = resources.get("/Font") if isinstance(resources, Dictionary) else None
    return isinstance(fonts, Dictionary) and len(fonts.keys()) > 0


def _paints(page: pikepdf.Page) -> bool:
    contents = page.obj.get("/Contents")
    parts = contents if isinstance(contents, pikepdf.Array) else [contents]
    return any(part is not None and part.read_bytes().strip() for part in parts)


def _metadata(pdf: pikepdf.Pdf) -> str:
    packet = pdf.Root.get("/Metadata")
    return packet.read_bytes().decode("utf-8", "replace") if isinstance(packet, pikepdf.Stream) else ""
