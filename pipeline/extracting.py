"""Some pages of a scan as a file of their own, every pixel as it was scanned. Runs in a worker process."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pikepdf
from PIL import Image, ImageChops

from pipeline.landing import landing
from pipeline.soundness import PDF
from pipeline.tiff_frames import NotCopied, copy_frames
from registry.errors import RefusalCode, Refused

DAMAGED = (OSError, EOFError, SyntaxError, TypeError, ValueError, KeyError, OverflowError)
"""What Pillow raises for a damaged TIFF."""


def extract(scan: Path, media_type: str, pages: Sequence[int], target: Path) -> None:
    """`target` holds these pages (from 0), in this order, in the scan's own format. Same input, same bytes.

    A PDF's pages are copied with all they use, streams as they are; a TIFF's frames with their compressed data, or,
    where that cannot be, without loss. Raises Refused (unreadable) when a frame would not show the same pixels.
    """
    with landing(target) as part:
        if media_type == PDF:
            _pages_of_pdf(scan, pages, part)
        else:
            _frames(scan, pages, part)


def _pages_of_pdf(scan: Path, pages: Sequence[int], target: Path) -> None:
    with pikepdf.open(scan, suppress_warnings=True) as source, pikepdf.new() as made:
        for index in pages:
            made.pages.append(source.pages[index])
        for page in made.pages:
            for key in ("/B", "/AA", "/Annots", "/StructParents"):  # they lead to pages that are not here
                if key in page.obj:
                    del page.obj[key]
        made.remove_unreferenced_resources()
        made.save(
            target,
            deterministic_id=True,
            compress_streams=False,
            stream_decode_level=pikepdf.StreamDecodeLevel.none,
            object_stream_mode=pikepdf.ObjectStreamMode.generate,
        )


def _frames(scan: Path, frames: Sequence[int], target: Path) -> None:
    try:
        copy_frames(scan, frames, target)
        if _show_the_same(scan, frames, target):
            return
    except (NotCopied, *DAMAGED):
        pass
    try:
        _decoded(scan, frames, target)
        if _show_the_same(scan, frames, target):
            return
    except DAMAGED as exc:
        raise Refused(RefusalCode.UNREADABLE, f"a frame cannot be decoded: {type(exc).__name__}") from exc
    raise Refused(RefusalCode.UNREADABLE, "its frames cannot be taken apart without loss")


def _decoded(scan: Path, frames: Sequence[int], target: Path) -> None:
    """The frames' pixels, compressed without loss."""
    with Image.open(scan) as image:
        taken = []
        for index in frames:
            image.seek(index)
            frame = image.copy()
            frame.info["dpi"] = image.info.get("dpi", (0, 0))
            taken.append(frame)
        first, *others = taken
        dpi = first.info["dpi"] if all(first.info["dpi"]) else None
        told = {"dpi": dpi} if dpi else {}
        first.save(target, "TIFF", save_all=True, append_images=others, compression="tiff_adobe_deflate", **told)


def _show_the_same(scan: Path, frames: Sequence[int], target: Path) -> bool:
    with Image.open(scan) as source, Image.open(target) as made:
        if getattr(made, "n_frames", 1) != len(frames):
            return False
        for place, index in enumerate(frames):
            source.seek(index)
            made.seek(place)
            if source.mode != made.mode or source.size != made.size or source.getpalette() != made.getpalette():
                return False
            if ImageChops.difference(source.convert(_plain(source)), made.convert(_plain(made))).getbbox():
                return False
    return True


def _plain(image: Image.Image) -> str:
    """A mode in which two pictures can be compared."""
    return {"1": "L", "P": "RGBA", "PA": "RGBA", "I;16": "I", "I;16B": "I"}.get(image.mode, image.mode)
