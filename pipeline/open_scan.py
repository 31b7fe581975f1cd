"""The scan that a worker process reads, kept open from one page to the next."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from pipeline.page_source import PageSource


class _Kept:
    """The file this process read a page of last, open for the next: pages come one after the other."""

    known: ClassVar[tuple[object, ...]] = ()
    source: ClassVar[PageSource | None] = None


def opened(scan: Path, media_type: str, max_pixels: int) -> PageSource:
    """The scan, opened or still open."""
    told = scan.stat()
    known = (scan, told.st_ino, told.st_mtime_ns, told.st_size, media_type, max_pixels)
    if _Kept.source is not None and _Kept.known == known:
        return _Kept.source
    if _Kept.source is not None:
        _Kept.source.close()
        _Kept.source = None
    _Kept.source = PageSource(scan, media_type, max_pixels)
    _Kept.known = known
    return _Kept.source
