"""Faults drawn from a seed while files come in; afterwards nothing is lost, doubled or stuck.

    python -m tests.faults.seeded --installation grown --faults 300 --seed 1

prints what was found as JSON and ends with 1 when something does not hold.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from tests.faults.checker import findings, finish
from tests.faults.clerk import Clerk
from tests.faults.feeder import Feeder
from tests.faults.installation import Installation, installation
from tests.faults.kinds import Kind, plan

PATIENCE_S = 420.0
"""Longer than a store keeps the place of a writer that died (archive.s3: 300 s)."""
PROGRESS_S = 20.0
MOVED = """SELECT (SELECT count(*) FROM scans), (SELECT max(updated_at) FROM scans),
           (SELECT max(updated_at) FROM documents)"""


def run(kind: str, folder: Path, *, faults: int, seed: int) -> dict[str, Any]:
    """The outcome of one run in `folder`; `problems` is empty when everything holds."""
    with installation(kind, folder) as at:
        return suffer(at, plan(kind, faults, seed), seed=seed)


def suffer(at: Installation, faults: list[Kind], *, seed: int, patience_s: float = PATIENCE_S) -> dict[str, Any]:
    """Lets the faults happen one after the other while files come in, waits until all has settled, and counts."""
    chance = random.Random(seed)
    feeder = Feeder(at, seed=seed)
    clerk = Clerk(at)
    feeder.start()
    clerk.start()
    started = time.monotonic()
    for number, fault in enumerate(faults, start=1):
        _say(f"{number:4} {time.monotonic() - started:7.1f} s  {len(at.given):4} files  {fault.name}")
        fault.act(at, chance)
        _wait_for_progress(at)
    feeder.close()
    clerk.close()
    ended = time.monotonic()
    _say(f"     {ended - started:7.1f} s  {len(at.given):4} files  settling")
    stuck = finish(at, patience_s)
    settling_s = time.monotonic() - ended
    found = findings(at)
    return {
        "installation": at.kind,
        "faults": len(faults),
        "seed": seed,
        "kinds": dict(sorted(Counter(fault.name for fault in faults).items())),
        "files": len(at.given),
        "faults_s": round(ended - started, 1),
        "settling_s": round(settling_s, 1),
        "ended_by_themselves": {p.name: p.exits for p in at.programs.values() if p.exits},
        **found,
        "problems": stuck + found["problems"],
    }


def _wait_for_progress(at: Installation) -> None:
    """Something has moved since the fault, so that the next one meets work and no program that just starts."""
    before, until = _moved(at), time.monotonic() + PROGRESS_S
    while time.monotonic() < until and _moved(at) == before:
        time.sleep(0.05)


def _moved(at: Installation) -> tuple[object, ...]:
    try:
        return tuple(at.rows(MOVED)[0].values())
    except SQLAlchemyError:
        return ()


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--installation", choices=("embedded", "grown"), default="embedded")
    parser.add_argument("--faults", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="where the logs go when something does not hold")
    told = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # unmounts and stops what was started
    with tempfile.TemporaryDirectory(prefix="sohoa-faults-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        outcome = run(told.installation, Path(folder), faults=told.faults, seed=told.seed)
        if outcome["problems"] and told.keep:
            told.keep.mkdir(parents=True, exist_ok=True)
            for log in Path(folder).glob("*.log"):
                shutil.copy(log, told.keep)
    print(json.dumps(outcome, ensure_ascii=False, indent=1))
    return 1 if outcome["problems"] else 0


if __name__ == "__main__":
    sys.exit(main())
