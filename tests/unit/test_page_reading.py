"""Pages are read side by side, and one that is too much for its worker harms only itself."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import img2pdf
import pytest
from PIL import Image, ImageDraw, ImageFont

from app.demo.scans import FONTS
from pipeline import page_reading
from pipeline.page_reading import read_page_of, read_through
from pipeline.reading_options import ReadingOptions
from pipeline.soundness import PDF
from pipeline.workers import TaskFailed, WorkerPool
from registry.values import PageText


@pytest.fixture
def pool() -> Iterator[WorkerPool]:
    made = WorkerPool(processes=2, memory_mb=2000)
    yield made
    made.close()


def test_pages_come_in_order_and_each_is_told(pool: WorkerPool, tmp_path: Path) -> None:
    scan = _scan(tmp_path, "MOT", "HAI", "BA")
    told: list[int] = []
    pages = read_through(pool, scan, PDF, ReadingOptions(), 3, lambda: told.append(1))
    assert [p.index for p in pages] == [0, 1, 2]
    assert [word in p.text for word, p in zip(("MOT", "HAI", "BA"), pages, strict=True)] == [True] * 3
    assert len(told) == 3


@pytest.mark.parametrize("kind", ["died", "timeout"])
def test_a_page_that_is_too_much_for_its_worker_harms_only_itself(
    pool: WorkerPool, tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page_reading, "OPENING_S", 8.0)
    scan, read = _scan(tmp_path, "MOT", "HAI", "BA"), dies_of_the_second if kind == "died" else stalls_at_the_second
    pages = read_through(pool, scan, PDF, ReadingOptions(page_timeout_s=12.0), 3, read=read)
    assert [p.status for p in pages] == ["read", kind, "read"]
    assert "MOT" in pages[0].text
    assert "BA" in pages[2].text
    assert [p.index for p in pages] == [0, 1, 2]


def test_a_file_none_of_whose_pages_can_be_read_says_why(pool: WorkerPool, tmp_path: Path) -> None:
    with pytest.raises(TaskFailed):
        read_through(pool, _scan(tmp_path, "MOT"), PDF, ReadingOptions(), 1, read=dies)


def test_a_page_past_its_time_says_so(pool: WorkerPool, tmp_path: Path) -> None:
    pages = read_through(pool, _scan(tmp_path, "MOT", "HAI"), PDF, ReadingOptions(page_timeout_s=0.0), 2)
    assert [p.status for p in pages] == ["timeout", "timeout"]


def dies(scan: Path, media_type: str, index: int, options: ReadingOptions) -> PageText:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("unreachable")


def dies_of_the_second(scan: Path, media_type: str, index: int, options: ReadingOptions) -> PageText:
    return (dies if index == 1 else read_page_of)(scan, media_type, index, options)


def stalls_at_the_second(scan: Path, media_type: str, index: int, options: ReadingOptions) -> PageText:
    if index == 1:
        time.sleep(600)
    return read_page_of(scan, media_type, index, options)


def _scan(folder: Path, *texts: str) -> Path:
    scan = folder / "scan.pdf"
    scan.write_bytes(img2pdf.convert([_page(f"Trang {text} của giấy tờ") for text in texts]))
    return scan


def _page(text: str) -> bytes:
    picture = Image.new("L", (1240, 1754), 255)
    draw = ImageDraw.Draw(picture)
    for line in range(8):
        draw.text((150, 200 + 90 * line), text, 0, ImageFont.truetype(str(FONTS / "Tinos-Regular.ttf"), 48))
    out = BytesIO()
    picture.save(out, "PNG", dpi=(150, 150))
    return out.getvalue()
