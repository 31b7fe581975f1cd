"""The pages of a scan, side by side in the worker processes: one that stalls or kills its worker harms only itself."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import ClassVar

from pipeline.page_source import PageSource
from pipeline.reading import ReadingOptions, read_page
from pipeline.workers import TaskFailed, WorkerPool
from registry.values import PageText

OPENING_S = 30.0
"""What opening the file and decoding one page may take beside reading it."""


def read_page_of(scan: Path, media_type: str, index: int, options: ReadingOptions) -> PageText:
    """One page of a scan. Runs in a worker, which keeps the file open for its next page."""
    return read_page(_opened(scan, media_type, options.max_pixels).page(index), index, options)


def read_through(
    pool: WorkerPool,
    scan: Path,
    media_type: str,
    options: ReadingOptions,
    count: int,
    progress: Callable[[], None] = lambda: None,
    read: Callable[[Path, str, int, ReadingOptions], PageText] = read_page_of,
) -> tuple[PageText, ...]:
    """All `count` pages, in order. Same scan, same versions: same pages. `progress` is called once a page.

    A page that took too long or killed its worker has no text, and a status that says why; the others are read.
    Raises Refused for a page larger than allowed; TaskFailed when the pool was closed, or when no page could be read.
    """
    failures: list[TaskFailed] = []

    def one(index: int) -> PageText:
        try:
            return pool.run(read, scan, media_type, index, options, timeout_s=options.page_timeout_s + OPENING_S)
        except TaskFailed as exc:
            if exc.reason == "closed":
                raise
            failures.append(exc)
            status = "timeout" if exc.reason == "timeout" else "failed"
            return PageText(index=index, text="", confidence=0.0, status=status)
        finally:
            progress()

    threads = ThreadPoolExecutor(min(pool.processes, max(1, count)), thread_name_prefix="page")
    try:
        pages = tuple(threads.map(one, range(count)))
    finally:
        threads.shutdown(cancel_futures=True)
    if pages and len(failures) == len(pages):
        raise failures[0]
    return pages


class _Kept:
    """The file this process read a page of last, open for the next: pages come one after the other."""

    known: ClassVar[tuple[object, ...]] = ()
    source: ClassVar[PageSource | None] = None


def _opened(scan: Path, media_type: str, max_pixels: int) -> PageSource:
    told = scan.stat()
    known = (scan, told.st_ino, told.st_mtime_ns, told.st_size, media_type, max_pixels)
    if _Kept.source is not None and _Kept.known == known:
        return _Kept.source
    if _Kept.source is not None:
        _Kept.source.close()
        _Kept.source = None
    opened = PageSource(scan, media_type, max_pixels)
    _Kept.known, _Kept.source = known, opened
    return opened
