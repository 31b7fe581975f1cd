"""The pages of a scan, side by side in the worker processes: one that stalls or kills its worker harms only itself."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from pipeline.reading_options import ReadingOptions
from pipeline.workers import TaskFailed, WorkerPool
from registry.values import PageText

OPENING_S = 30.0
"""What opening the file and decoding one page may take beside reading it."""


def read_page_of(scan: Path, media_type: str, index: int, options: ReadingOptions) -> PageText:
    """One page of a scan. Runs in a worker, which keeps the file open for its next page."""
    from pipeline.open_scan import opened  # noqa: PLC0415 who asks for pages does not open them
    from pipeline.reading import read_page  # noqa: PLC0415

    return read_page(opened(scan, media_type, options.max_pixels).page(index), index, options)


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
            return PageText(index=index, text="", confidence=0.0, status=exc.reason)
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
