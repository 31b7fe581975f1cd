"""Memory and time against pages: scans of 5, 50 and 500 pages, each size its own, on the whole path.

Of small scans so many are handed in that there are PAGES of each size at least: what a start costs differs by seconds
from one to the next, and would be most of what five pages take.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import img2pdf
import numpy as np
import pikepdf
from PIL import Image

from app.demo.papers import papers
from app.demo.scans import DPI, draw
from bench.candidates import WholePath
from bench.pictures import Scan

PAGES = 100
KINDS_OF_PAGES = 5
GRAIN = 6.0
QUALITY = 85
"""With the grain of a scanner's picture a page is half a megabyte, as real ones are."""


def against_pages(path: WholePath, sizes: Sequence[int], folder: Path) -> list[dict[str, Any]]:
    """For each size: seconds and processor seconds a page, start-up set apart, and the largest process."""
    told = []
    start_up = path.start_up(_empty(folder / "start-up"))
    for pages in sizes:
        files = [folder / f"{pages}-{number}.pdf" for number in range(max(1, PAGES // pages))]
        for number, file in enumerate(files):
            write_scan(file, pages, number)
        scans, all_pages = [Scan(file.stem, file, ()) for file in files], pages * len(files)
        given = path.give(scans, _empty(folder / f"path-{pages}"))
        told.append(
            {
                "pages": pages,
                "scans": len(files),
                "mib": round(files[0].stat().st_size / 2**20, 1),
                "wall_s_per_page": round((given.spent.wall_s - start_up.wall_s) / all_pages, 3),
                "cpu_s_per_page": round((given.spent.cpu_s - start_up.cpu_s) / all_pages, 3),
                "peak_mib": round(given.spent.peak_mib),
                "failed": given.failed,
            }
        )
    return told


def write_scan(target: Path, pages: int, number: int = 0) -> None:
    """A PDF of so many scanned pages, the same few in turn, so that every size is of the same mixture; each is stored
    for itself. Of another number it is another file."""
    few = target.with_name("few.pdf")
    if not few.exists():
        few.write_bytes(img2pdf.convert([_page(n, few) for n in range(KINDS_OF_PAGES)]))
    with pikepdf.new() as whole:
        while len(whole.pages) < pages:
            with pikepdf.open(few) as own:  # opened anew: of pages copied twice from one the pictures would be shared
                whole.pages.extend(own.pages[: pages - len(whole.pages)])
        whole.docinfo["/Title"] = str(number)
        whole.save(target)


def _page(number: int, beside: Path) -> str:
    picture = np.asarray(draw(papers()[number]), dtype=np.float32)
    grain = np.random.default_rng(number).normal(0.0, GRAIN, picture.shape).astype(np.float32)
    path = beside.with_name(f"page-{number}.jpg")
    Image.fromarray((picture + grain).clip(0, 255).astype(np.uint8)).save(path, "JPEG", quality=QUALITY, dpi=(DPI, DPI))
    return str(path)


def _empty(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder
