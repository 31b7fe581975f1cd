"""Whether a full archive slows the path of a scan: the same scans into an empty installation and into one of N records.

    python -m bench.ingest --records 1000000 [--folder F] [--scans 40] [--rounds 4]

One machine's installation, `sohoa run` on SQLite, folder and embedded index. The full one's registry and index hold N
invented records, and its archive their folders, without files. Both are given the same scans, turn by turn, so that
both meet the same machine. Prints JSON: scans a second from the inbox until they can be found, and processor seconds
of one. The full installation stays in the folder, and filling goes on where it ended.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sqlite3
import statistics
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from archive.ocfl import object_root
from bench.load_registry import fill
from bench.load_search import build
from bench.synthetic import metadata, record
from registry.database import open_registry
from registry.values import utc_now
from search.tantivy_index import TantivyIndex
from tests.cluster import SOHOA, page

WARM_UP = 4
"""Scans before the clock starts: workers import and fork."""
LONGEST_S = 300.0
SETTLED = """SELECT count(*) FROM documents
    WHERE updated_at > ? AND (indexed_at IS NOT NULL OR state = 'review')"""
ENVIRONMENT = {**os.environ, "SOHOA_WEB__PORT": "0", "SOHOA_INTAKE__QUIET_S": "0.3"}


@dataclass(frozen=True, slots=True)
class Run:
    """What one lot of scans took."""

    scans_a_second: float
    processor_s: float


def make_installation(home: Path, records: int) -> None:
    """An installation stands in `home` with so many records in registry, index and the archive's tree."""
    if not (home / "sohoa.toml").exists():
        subprocess.run([*SOHOA, "init", str(home)], check=True, env=ENVIRONMENT, stdout=subprocess.DEVNULL)
    if records == 0:
        return
    engine = open_registry(f"sqlite:///{home / 'registry.sqlite'}")
    fill(engine, records)
    engine.dispose()
    built = home / "built.json"
    if not built.exists() or json.loads(built.read_text())["records"] != records:
        index = TantivyIndex(home / "index")
        build(index, records, built)
        index.close()
    grown = home / "grown"
    for n in range(int(grown.read_text()) if grown.exists() else 0, records):
        (home / "archive" / object_root(metadata(record(n)).document_id)).mkdir(parents=True, exist_ok=True)
    grown.write_text(str(records))


def run(home: Path, numbers: range) -> Run:
    """These scans go from the inbox to where they can be found; the clock runs from the first few to the last."""
    inbox = sorted(p for p in (home / "inbox").iterdir() if p.is_dir())[0]
    for n in numbers:
        (inbox / f"{n:03d}.jpg").write_bytes(page(n))
    began_at = utc_now().isoformat(timespec="microseconds")
    with (home / "service.log").open("ab") as log:
        service = subprocess.Popen([*SOHOA, "run", "--home", str(home)], stdout=log, stderr=log, env=ENVIRONMENT)
    with sqlite3.connect(home / "registry.sqlite", timeout=30) as db:

        def wait_for(number: int) -> int:
            until = time.monotonic() + LONGEST_S
            while (settled := db.execute(SETTLED, (began_at,)).fetchone()[0]) < number:
                if time.monotonic() > until or service.poll() is not None:
                    raise SystemExit(f"only {settled} of {number} settled; see {home / 'service.log'}")
                time.sleep(0.1)
            return int(settled)

        first = wait_for(WARM_UP)
        began = time.monotonic()
        last = wait_for(len(numbers) - 1)
        took = time.monotonic() - began
        wait_for(len(numbers))
    service.send_signal(signal.SIGTERM)
    _, _, used = os.wait4(service.pid, 0)
    service.returncode = 0
    return Run((last - first) / took, (used.ru_utime + used.ru_stime) / len(numbers))


def measure(empty: Path, full: Path, scans: int, rounds: int) -> dict[str, Any]:
    """Lots of scans turn by turn, whoever was second being first the next time."""
    runs: dict[Path, list[Run]] = {empty: [], full: []}
    given = full / "given"
    for turn in range(rounds):
        start = int(given.read_text()) if given.exists() else 0
        given.write_text(str(start + scans))  # never twice: scans that were seen before are copies
        for home in (empty, full) if turn % 2 else (full, empty):
            runs[home].append(run(home, range(start, start + scans)))
    told: dict[str, Any] = {}
    for name, home in (("empty", empty), ("full", full)):
        told[name] = {
            "scans a second": [round(r.scans_a_second, 3) for r in runs[home]],
            "processor s a scan": [round(r.processor_s, 3) for r in runs[home]],
        }
    for name, of in (("throughput, full to empty", "scans_a_second"), ("processor, full to empty", "processor_s")):
        full_one, empty_one = (statistics.mean(getattr(r, of) for r in runs[home]) for home in (full, empty))
        told[name] = round(full_one / empty_one, 3)
    return told


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--records", type=int, default=100_000)
    asked.add_argument("--folder", type=Path, default=Path("/tmp/sohoa-load-ingest"))
    asked.add_argument("--scans", type=int, default=40)
    asked.add_argument("--rounds", type=int, default=4)
    told = asked.parse_args()
    full = told.folder / "full"
    make_installation(full, told.records)
    with tempfile.TemporaryDirectory(dir=told.folder) as folder:
        make_installation(Path(folder) / "empty", 0)
        found = measure(Path(folder) / "empty", full, told.scans, told.rounds)
    print(json.dumps({"records": told.records, **found}, indent=1))


if __name__ == "__main__":
    main()
