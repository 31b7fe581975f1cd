"""Reading beside bare tesserocr on the same pages, in the same run: seconds, CPU seconds, errors, peak memory.

    python -m bench.reading [FOLDER]

FOLDER holds scans with truth.json as `samples/generate.py` writes them; without it the demonstration's papers are used.
Prints one JSON object. Ratios count, not seconds: machines are noisy.
"""

from __future__ import annotations

import json
import multiprocessing
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PIL import Image
from rapidfuzz.distance import Levenshtein
from tesserocr import PSM, PyTessBaseAPI

from app.demo.scans import make_scans
from pipeline.identify import identify
from pipeline.ocr import tessdata
from pipeline.page_reading import read_page_of
from pipeline.page_source import PageSource
from pipeline.reading import ReadingOptions, write_derivative
from pipeline.soundness import IdentifyLimits
from registry.values import PageText

Scan = tuple[Path, str, str]
"""File, media type, true text (empty when it is not known)."""


def bare(scans: list[Scan]) -> list[str]:
    """What anybody gets from tesserocr: the page's picture in, text out."""
    texts = []
    with PyTessBaseAPI(path=str(tessdata()), lang="vie", psm=PSM.AUTO) as api:
        for path, media_type, _ in scans:
            with PageSource(path, media_type, 200_000_000) as source:
                pages = []
                for page in source.pages():
                    api.SetImage(Image.fromarray(page.pixels))
                    api.SetSourceResolution(int(page.dpi))
                    pages.append(api.GetUTF8Text())
                texts.append("\n".join(pages))
    return texts


def ours(scans: list[Scan]) -> list[str]:
    """Text with boxes, upright, from the same pictures."""
    return ["\n".join(p.text for p in _pages_of(path, kind)) for path, kind, _ in scans]


def ours_with_pdf(scans: list[Scan]) -> list[str]:
    """The same, and PDF/A-2b with the text layer."""
    texts = []
    with tempfile.TemporaryDirectory() as folder:
        for n, (path, kind, _) in enumerate(scans):
            pages = _pages_of(path, kind)
            write_derivative(path, kind, pages, Path(folder) / str(n))
            texts.append("\n".join(p.text for p in pages))
    return texts


def _pages_of(path: Path, kind: str) -> list[PageText]:
    return [read_page_of(path, kind, index, ReadingOptions()) for index in range(_pages(path, kind))]


def measured(task: Callable[[list[Scan]], list[str]], scans: list[Scan]) -> dict[str, Any]:
    """Time, errors and peak memory of the task in a process of its own."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_measure, (task, scans))


def _measure(task: Callable[[list[Scan]], list[str]], scans: list[Scan]) -> dict[str, Any]:
    wall, cpu = time.perf_counter(), time.process_time()
    texts = task(scans)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    known = [
        (" ".join(t.split()), " ".join(true.split())) for t, (_, _, true) in zip(texts, scans, strict=True) if true
    ]
    wrong, letters = sum(Levenshtein.distance(*pair) for pair in known), sum(len(true) for _, true in known)
    pages = sum(_pages(path, kind) for path, kind, _ in scans)
    return {
        "pages": pages,
        "seconds_per_page": round(wall / pages, 3),
        "cpu_seconds_per_page": round(cpu / pages, 3),
        "character_errors": round(wrong / letters, 4) if letters else None,
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10,
    }


def _pages(path: Path, kind: str) -> int:
    with PageSource(path, kind, 200_000_000) as source:
        return source.count


def _scans(folder: Path) -> list[Scan]:
    """Scans with their truth; the texts of several orders of reading count as the first one."""
    found: list[Scan] = []
    for told in sorted(folder.glob("*/truth.json")):
        truth = json.loads(told.read_text(encoding="utf-8"))
        if len(truth["files"]) == 1:
            path = told.parent / truth["files"][0]
            text = "\n".join(page.get("text") or "" for page in truth["pages"])
            found.append((path, identify(path, IdentifyLimits(), path.name).media_type, text))
    return found


def main() -> None:
    with tempfile.TemporaryDirectory() as made:
        if len(sys.argv) > 1:
            scans = _scans(Path(sys.argv[1]))
        else:
            paths = [path for path, _ in make_scans(Path(made))]
            scans = [(p, identify(p, IdentifyLimits(), p.name).media_type, "") for p in paths]
        results = {task.__name__: measured(task, scans) for task in (bare, ours, ours_with_pdf)}
    base = results["bare"]["cpu_seconds_per_page"]
    ratios = {f"{name}_to_bare": round(told["cpu_seconds_per_page"] / base, 2) for name, told in results.items()}
    print(json.dumps({"results": results, "cpu_ratios": ratios}, indent=1))


if __name__ == "__main__":
    main()
