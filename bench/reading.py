"""Reading beside bare tesserocr and stock OCRmyPDF on the same scans, turn by turn in one run: cost and errors.

    python -m bench.reading [FOLDER] [--scans N] [--rounds 3] [--evaluate PROGRAM] [--memory [5,50,500]] [--only-memory]

FOLDER holds scans with truth.json as `samples/generate.py` writes them; without it the demonstration's papers are used,
of which no truth is told. PROGRAM scores in place of our own plain rules: `samples/evaluate.py` or one that is called
the same. Prints one JSON object.

Each candidate is run as a person would run it, every process it starts is counted, and all take turns on each portion
of the scans, whoever was first being later the next time: the machine is noisy, so ratios count, not seconds. What it
costs to start and read nothing is measured every round and told apart; `ratios` are with it, `ratios without start-up`
without. Of the whole path, a service, the start-up is more: a paper for each worker. The pictures that bare tesserocr
gets are uncompressed before its clock starts.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from app.demo.scans import make_scans
from bench.candidates import Candidate, Given, candidates, whole_path
from bench.memory import against_pages
from bench.pictures import Scan, known_scans, scan
from bench.scoring import evaluated, scores
from bench.spent import Spent

SIZES = "5,50,500"


def measure(of: Sequence[Candidate], scans: Sequence[Scan], rounds: int, folder: Path) -> dict[str, list[Given]]:
    """What each made of each portion of the scans, in order."""
    found: dict[str, list[Given]] = {c.name: [] for c in of}
    for turn, portion in enumerate(_portions(scans, rounds)):
        first = turn % len(of)
        for candidate in (*of[first:], *of[:first]):
            idle, busy = (folder / f"{turn}-{of.index(candidate)}{what}" for what in ("-idle", ""))
            idle.mkdir()
            busy.mkdir()
            once, starts = candidate.start_up(idle), candidate.starts(portion)
            given = candidate.give(portion, busy)
            given.start_up = Spent(once.code, once.wall_s * starts, once.cpu_s * starts, once.peak_mib)
            found[candidate.name].append(given)
            shutil.rmtree(idle)
            shutil.rmtree(busy)
    return found


def told(found: dict[str, list[Given]], score: Callable[[list[Any]], Any]) -> dict[str, Any]:
    """Figures of each, and how many times those of bare tesserocr and of OCRmyPDF they are."""
    names = list(found)
    results = {name: {**_cost(given), **score([a for g in given for a in g.answers])} for name, given in found.items()}
    compared: dict[str, Any] = {}
    for title, without in (("ratios", False), ("ratios without start-up", True)):
        each = {name: _per_page(given, without=without) for name, given in found.items()}
        compared[title] = {
            name: {
                f"to {base}": {
                    "cpu": _ratio(each[name][1], each[base][1]),
                    "wall": _ratio(each[name][0], each[base][0]),
                }
                for base in names
                if base != name and not base.startswith("sohoa")
            }
            for name in names
        }
    return {"results": results, **compared}


def _cost(given: Sequence[Given]) -> dict[str, Any]:
    wall, cpu = _per_page(given, without=False)
    warm_wall, warm_cpu = _per_page(given, without=True)
    return {
        "pages": sum(g.pages for g in given),
        "wall_s_per_page": wall,
        "cpu_s_per_page": cpu,
        "wall_s_per_page_without_start_up": warm_wall,
        "cpu_s_per_page_without_start_up": warm_cpu,
        "cpu_s_per_page_each_round": [_per_page([g], without=False)[1] for g in given],
        "peak_mib": round(max(g.spent.peak_mib for g in given)),
        "failed": [name for g in given for name in g.failed],
    }


def _per_page(given: Sequence[Given], *, without: bool) -> tuple[float, float]:
    """Seconds and processor seconds."""
    pages = sum(g.pages for g in given)
    wall = sum(g.spent.wall_s - without * g.start_up.wall_s for g in given)
    cpu = sum(g.spent.cpu_s - without * g.start_up.cpu_s for g in given)
    return round(wall / pages, 3), round(cpu / pages, 3)


def _ratio(own: float, base: float) -> float | None:
    return round(own / base, 3) if base > 0 else None


def _portions(scans: Sequence[Scan], rounds: int) -> Iterator[Sequence[Scan]]:
    """As many as there are rounds, of about as many scans each; every portion is of all kinds."""
    rounds = min(rounds, len(scans))
    for n in range(rounds):
        yield scans[n::rounds]


def _scans(asked: argparse.Namespace, folder: Path) -> list[Scan]:
    pictures = folder / "pictures"
    pictures.mkdir()
    if asked.folder:
        return known_scans(asked.folder.resolve(), pictures, asked.scans)
    made = make_scans(folder / "demonstration")[: asked.scans]
    return [scan(path, pictures, f"{n:03d}") for n, (path, _) in enumerate(made)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("--scans", type=int, help="only so many")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=2, help="processes of each candidate")
    parser.add_argument("--evaluate", type=Path)
    parser.add_argument("--memory", nargs="?", const=SIZES, help="and the whole path of scans of so many pages")
    parser.add_argument("--only-memory", action="store_true")
    asked = parser.parse_args()
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="sohoa-bench-") as made:
        folder, report = Path(made), {}
        if not asked.only_memory:
            scans = _scans(asked, folder)
            found = measure(candidates(folder, asked.jobs), scans, asked.rounds, folder)
            program = asked.evaluate
            report = told(found, lambda a: evaluated(program.resolve(), scans, a) if program else scores(scans, a))
        if asked.memory or asked.only_memory:
            sizes = [int(n) for n in (asked.memory or SIZES).split(",")]
            report["memory"] = against_pages(whole_path(asked.jobs, folder), sizes, folder / "memory")
    report["machine"] = {"cores": os.cpu_count(), "load before": load, "load after": os.getloadavg()[0]}
    print(json.dumps(report, indent=1, ensure_ascii=False))


if __name__ == "__main__":
    main()
