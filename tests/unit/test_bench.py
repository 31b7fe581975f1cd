"""The bench counts every process, and scores as it says."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pikepdf

from bench.memory import write_scan
from bench.pictures import Scan, scan
from bench.scoring import scores
from bench.spent import Spent, spent

BUSY = "import time\nwhile time.process_time() < 0.5: pass\n"
ORPHAN = f"""
import os, subprocess, sys
if os.fork() == 0:
    subprocess.Popen([sys.executable, "-c", {BUSY!r}])  # nobody waits for it
    os._exit(0)
"""


def ran(tmp_path: Path, *command: str, longest_s: float = 60.0) -> Spent:
    return spent(
        [sys.executable, *command], environment=os.environ, out=tmp_path / "out", log=tmp_path / "log",
        longest_s=longest_s,
    )  # fmt: skip


def test_processor_time_of_a_process_that_its_parent_left_behind_is_counted(tmp_path: Path) -> None:
    assert ran(tmp_path, "-c", ORPHAN).cpu_s >= 0.5


def test_the_largest_process_is_told_and_how_the_command_ended(tmp_path: Path) -> None:
    told = ran(tmp_path, "-c", "import sys; held = bytearray(100 << 20); print('so'); sys.exit(3)")
    assert told.code == 3
    assert 100 < told.peak_mib < 150
    assert (tmp_path / "out").read_text() == "so\n"


def test_a_command_that_never_ends_is_ended(tmp_path: Path) -> None:
    told = ran(tmp_path, "-c", "import time; time.sleep(600)", longest_s=1.0)
    assert told.code != 0
    assert told.wall_s < 30


def test_an_answer_is_scored_by_letters_words_and_fields() -> None:
    truth = {
        "fields": {"number_symbol": "15/QĐ-UBND", "place": None, "people": [{"full_name": "Lê Thị Hoà"}]},
        "pages": [{"index": 0, "text": "Số: 15/QĐ-UBND  ngày", "blank": False}],
    }
    known = [Scan("a", Path("a.jpg"), (), truth)]
    right = {"id": "a", "pages": [{"index": 0, "text": "Số:\n15/QĐ-UBND ngày"}], "fields": truth["fields"]}
    assert scores(known, [right]) == {"cer": 0.0, "wer": 0.0, "field_f1": 1.0}
    wrong = {"id": "a", "pages": [{"index": 0, "text": "Số: 15/QĐ-UBMD ngày"}], "fields": {"place": "Huế"}}
    assert scores(known, [wrong]) == {"cer": 0.0526, "wer": 0.3333, "field_f1": 0.0}
    assert scores(known, [{"id": "a", "pages": []}]) == {"cer": 1.0, "wer": 1.0, "field_f1": None}
    assert scores([Scan("b", Path("b.jpg"), ())], []) == {"cer": None, "wer": None, "field_f1": None}


def test_a_scan_of_many_pages_holds_each_picture_for_itself(tmp_path: Path) -> None:
    pages = 7
    write_scan(tmp_path / "scan.pdf", pages)
    with pikepdf.open(tmp_path / "scan.pdf") as pdf:
        pictures = {next(iter(page.get_images().values())).objgen for page in pdf.pages}
        assert len(pdf.pages) == len(pictures) == pages
    write_scan(tmp_path / "other.pdf", pages, 1)
    assert (tmp_path / "other.pdf").read_bytes() != (tmp_path / "scan.pdf").read_bytes()
    found = scan(tmp_path / "scan.pdf", tmp_path, "scan")
    assert found.pages == pages
    assert found.pictures[0].dpi == 200
