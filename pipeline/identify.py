"""What a file really is, and whether it is sound: by its bytes, never by its name. Runs in a worker process."""

from __future__ import annotations

import mmap
import unicodedata
import warnings as python_warnings
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image, ImageFile, UnidentifiedImageError

from pipeline.pdf_structure import check_pdf, pdf_is_complete
from pipeline.soundness import JPEG, PDF, PNG, TIFF, Identified, IdentifyLimits, size_warnings
from registry.errors import RefusalCode, Refused

ImageFile.LOAD_TRUNCATED_IMAGES = False
Image.MAX_IMAGE_PIXELS = None  # our own limit comes first, from the header

SUFFIXES = {".pdf": PDF, ".tif": TIFF, ".tiff": TIFF, ".jpg": JPEG, ".jpeg": JPEG, ".png": PNG}
ACCEPTED = {"PDF": PDF, "TIFF": TIFF, "JPEG": JPEG, "MPO": JPEG, "PNG": PNG}
EXIF_ORIENTATION = 274


def identify(path: Path, limits: IdentifyLimits, declared_name: str) -> Identified:
    """The file's type, pages and oddities. Same file, same answer.

    Raises Refused with the code of what is wrong (design.md, "What is refused, and how").
    """
    size = path.stat().st_size
    if size == 0:
        raise Refused(RefusalCode.EMPTY)
    if size > limits.max_bytes:
        raise Refused(RefusalCode.TOO_LARGE_IMAGE, f"{size} bytes")
    head = _head(path)
    suffix = Path(declared_name).suffix.lower()
    media_type = sniff(head)
    if media_type is None:
        raise Refused(_unknown(head, suffix), "no known magic number")
    if suffix in SUFFIXES and SUFFIXES[suffix] != media_type:
        raise Refused(RefusalCode.TYPE_MISMATCH, f"{suffix} holds {media_type}")
    found = check_pdf(path, limits) if media_type == PDF else _check_image(path, media_type, limits)
    odd = ("odd_name",) if is_odd(declared_name) else ()
    return found.model_copy(update={"warnings": tuple(sorted({*found.warnings, *odd}))})


def looks_complete(path: Path) -> bool:
    """Whether the structure reaches its end: page tree and trailer of a PDF, last row of an image.

    True also for what is no document at all: waiting would not change that, identify() will say so.
    """
    media_type = sniff(_head(path))
    if media_type is None:
        return True
    try:
        if media_type == PDF:
            return pdf_is_complete(path)
        with Image.open(path) as image:
            for frame in range(getattr(image, "n_frames", 1)):
                image.seek(frame)
                if image.width * image.height > IdentifyLimits().max_pixels:
                    return True
                image.load()
    except (OSError, SyntaxError, ValueError, EOFError):
        return False
    return True


def sniff(head: bytes) -> str | None:
    """The media type that the first bytes tell; a PDF header may stand up to 1 KiB in (ISO 32000 viewers)."""
    if head.startswith(b"\xff\xd8\xff"):
        return JPEG
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return PNG
    if head[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return TIFF
    return PDF if b"%PDF-" in head[:1024] else None


def is_odd(name: str) -> bool:
    """A name that breaks careless programs: not NFC, control or shell characters, very long, a leading dash."""
    plain = unicodedata.is_normalized("NFC", name) and name.isprintable()
    return not plain or name.startswith("-") or len(name.encode()) > 200 or any(c in "$;&`'\"%<>|*?\\�" for c in name)


def _unknown(head: bytes, suffix: str) -> RefusalCode:
    """Something else under a scanner's suffix is a mismatch; under its own suffix it is just no document."""
    if suffix in SUFFIXES:
        return RefusalCode.TYPE_MISMATCH
    return RefusalCode.NOT_A_DOCUMENT


def _check_image(path: Path, media_type: str, limits: IdentifyLimits) -> Identified:
    found: set[str] = set()
    try:
        with python_warnings.catch_warnings():
            python_warnings.simplefilter("ignore")
            with Image.open(path) as image:
                if ACCEPTED.get(image.format or "") != media_type:
                    raise Refused(RefusalCode.NOT_A_DOCUMENT, f"{image.format}")
                pages = getattr(image, "n_frames", 1) if media_type != JPEG else 1
                if media_type == PNG and pages > 1:
                    raise Refused(RefusalCode.NOT_A_DOCUMENT, "animated")
                if pages > limits.max_pages:
                    raise Refused(RefusalCode.TOO_MANY_PAGES, f"{pages}")
                if media_type == TIFF and _directories_loop(path):
                    raise Refused(RefusalCode.CORRUPT, "its directories lead back to an earlier one")
                for frame in range(pages):
                    image.seek(frame)
                    found |= _check_frame(image, limits)
    except (UnidentifiedImageError, SyntaxError, EOFError, ValueError, KeyError, TypeError, OverflowError) as exc:
        raise Refused(RefusalCode.CORRUPT, type(exc).__name__) from exc
    except OSError as exc:
        broken = RefusalCode.TRUNCATED if _cut_off(path, media_type, str(exc)) else RefusalCode.CORRUPT
        raise Refused(broken, type(exc).__name__) from exc
    if pages > 1:
        found.add("multi_frame")
    if media_type == JPEG and _trails(path):
        found.add("trailing_data")
    return Identified(media_type=media_type, page_count=pages, warnings=tuple(sorted(found)))


def _directories_loop(path: Path) -> bool:
    """Whether a TIFF's chain of pages comes back to a page it had (TIFF 6.0, section 2; BigTIFF)."""
    with path.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
        return _comes_back(data)


def _comes_back(data: mmap.mmap) -> bool:
    order: Literal["little", "big"] = "little" if data[:2] == b"II" else "big"
    big = int.from_bytes(data[2:4], order) == 43
    counter, entry, pointer = (8, 20, 8) if big else (2, 12, 4)
    seen: set[int] = set()
    at = int.from_bytes(data[8:16] if big else data[4:8], order)
    while at and at + counter <= len(data):
        if at in seen:
            return True
        seen.add(at)
        after = at + counter + entry * int.from_bytes(data[at : at + counter], order)
        at = int.from_bytes(data[after : after + pointer], order)
    return False


def _check_frame(image: Image.Image, limits: IdentifyLimits) -> set[str]:
    """The page's oddities; every row was decoded."""
    width, height = image.size
    if width * height > limits.max_pixels:
        raise Refused(RefusalCode.TOO_LARGE_IMAGE, f"{width} x {height}")
    found: set[str] = set()
    if image.mode == "CMYK":
        found.add("cmyk")
    if image.mode == "1":
        found.add("bilevel")
    if image.mode in ("I;16", "I;16B", "I;16L", "I", "F"):
        found.add("high_bit_depth")
    if image.getexif().get(EXIF_ORIENTATION, 1) != 1:
        found.add("orientation_tag")
    dpi = float((image.info.get("dpi") or (0, 0))[0])
    found |= size_warnings(width, height, dpi)
    image.load()
    if _is_even(image):
        found.add("blank")
    return found


def _is_even(image: Image.Image) -> bool:
    """One light shade all over; the page with faint print is judged later, by ink and text."""
    if image.mode.startswith("I;16"):
        image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    low, high = image.convert("L").reduce(4 if min(image.size) > 64 else 1).getextrema()
    return float(high) - float(low) < 16 and float(high) > 128  # type: ignore[arg-type]


def _cut_off(path: Path, media_type: str, message: str) -> bool:
    """Whether a picture that does not decode just ends too early."""
    tail = _tail(path, 64)
    if media_type == JPEG:
        return b"\xff\xd9" not in tail
    if media_type == PNG:
        return b"IEND" not in tail
    return "truncated" in message or "not enough" in message.lower() or "-2" in message


def _trails(path: Path) -> bool:
    with path.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
        end = data.rfind(b"\xff\xd9")
        return end >= 0 and len(data) - end - 2 > 16


def _head(path: Path) -> bytes:
    with path.open("rb") as stream:
        return stream.read(2048)


def _tail(path: Path, length: int) -> bytes:
    with path.open("rb") as stream:
        stream.seek(max(0, path.stat().st_size - length))
        return stream.read()
