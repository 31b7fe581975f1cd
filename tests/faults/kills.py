"""kill -9 of the whole process tree at random moments while scans come in; afterwards nothing is lost or doubled.

    python -m tests.faults.kills --kills 30 --files 60

prints what was found as JSON and ends with 1 when an input is missing, doubled or changed.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from app.demo.papers import papers
from app.demo.scans import draw
from app.wiring import opened
from archive.aip import iter_records, read_record
from archive.fixity import audit as audit_store
from registry import audit, documents, quarantine
from registry.database import read
from registry.values import DocumentState

SOHOA = [sys.executable, "-c", "from app.cli import main; main()"]
ENVIRONMENT = {**os.environ, "SOHOA_INTAKE__QUIET_S": "0.4", "SOHOA_INTAKE__GIVE_UP_INCOMPLETE_S": "4"}
PATIENCE_S = 300.0


def make_inputs(folder: Path, number: int) -> list[Path]:
    """`number` files, no two alike; every tenth is one that must be refused."""
    drawn = [draw(paper) for paper in papers()[: min(number, 12)]]
    made = []
    for n in range(number):
        path = folder / f"scan-{n:03d}.jpg"
        if n % 10 == 7:
            path = folder / f"scan-{n:03d}.pdf"
            path.write_bytes(b"%PDF-1.7\n" + bytes([n]) * 400)
        else:
            page = drawn[n % len(drawn)]
            page.putpixel((n, 3), (0, 0, 0))
            page.save(path, "JPEG", quality=70 + n // len(drawn), dpi=(200, 200))
        made.append(path)
    return made


def run(home: Path, *, kills: int, files: int, seed: int) -> dict[str, object]:
    """The counts after the last restart; `problems` is empty when every input is archived once or in quarantine."""
    chance = random.Random(seed)
    subprocess.run([*SOHOA, "init", str(home)], check=True, stdout=subprocess.DEVNULL)
    with tempfile.TemporaryDirectory() as made:
        inputs = make_inputs(Path(made), files)
        digests = {hashlib.sha256(p.read_bytes()).hexdigest(): p.name for p in inputs}
        inbox = next(p for p in sorted((home / "inbox").iterdir()) if p.is_dir())
        left = list(inputs)
        for n in range(kills):
            service = _start(home)
            share = left[: max(1, len(inputs) // kills)] if n < kills - 1 else left
            left = left[len(share) :]
            until = time.monotonic() + chance.uniform(0.2, 5.0)
            for path in share:
                _drop(path, inbox / path.name, chance)
            while time.monotonic() < until:
                time.sleep(0.02)
            os.killpg(service.pid, signal.SIGKILL)
            service.wait()
    service = _start(home)
    try:
        _settle(home, files)
        _approve_all(home)
        _settle(home, files, reviewed=True)
        time.sleep(3)
    finally:
        service.send_signal(signal.SIGINT)
        service.wait(60)
    return {"kills": kills, "files": files, "seed": seed, **_findings(home, inbox, digests)}


def _start(home: Path) -> subprocess.Popen[bytes]:
    with (home / "service.log").open("ab") as log:
        return subprocess.Popen(
            [*SOHOA, "watch", "--home", str(home)], stdout=log, stderr=log, env=ENVIRONMENT, start_new_session=True
        )


def _drop(source: Path, target: Path, chance: random.Random) -> None:
    """As a scanner writes: in pieces, sometimes with pauses."""
    content = source.read_bytes()
    middle = chance.randrange(len(content))
    with target.open("wb") as out:
        out.write(content[:middle])
        out.flush()
        if chance.random() < 0.3:
            time.sleep(chance.uniform(0, 0.5))
        out.write(content[middle:])


def _settle(home: Path, files: int, *, reviewed: bool = False) -> None:
    ended = ["archived"] if reviewed else ["archived", "review"]
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        time.sleep(0.5)
        with sqlite3.connect(f"file:{home / 'registry.sqlite'}?mode=ro", uri=True) as db:
            states = Counter(dict(db.execute("SELECT state, count(*) FROM documents GROUP BY state").fetchall()))
            refused = db.execute("SELECT count(*) FROM quarantine WHERE resolved_at IS NULL").fetchone()[0]
        if sum(states[s] for s in ended) + refused >= files:
            return


def _approve_all(home: Path) -> None:
    with opened(home) as wiring:
        with read(wiring.engine) as conn:
            waiting = documents.by_state(conn, DocumentState.REVIEW)
        for document in waiting:
            wiring.records.approve(document.id, "tester")


def _findings(home: Path, inbox: Path, digests: dict[str, str]) -> dict[str, object]:
    problems: list[str] = []
    with opened(home) as wiring:
        held: Counter[str] = Counter()
        for document_id in iter_records(wiring.store):
            record = read_record(wiring.store, document_id)
            held.update(d for name, d in record.digests.items() if name.startswith("original/"))
        with read(wiring.engine) as conn:
            refused = quarantine.open_items(conn)
            chain = audit.verify(conn)
            registered = documents.archived_ids(conn)
            unindexed = documents.unindexed(conn, 1000, archived_before="9")
        for item in refused:
            kept = hashlib.sha256(Path(item.kept_path).read_bytes()).hexdigest()
            if kept != item.sha256:
                problems.append(f"{item.file_name}: changed in quarantine")
        aside = Counter(item.sha256 for item in refused)
        for digest, name in digests.items():
            if held[digest] + aside[digest] != 1:
                problems.append(f"{name}: archived {held[digest]} times, in quarantine {aside[digest]} times")
        store = audit_store(wiring.store)
        problems += [f"damaged: {d.document_id}" for d in store.damaged] + [f"stray: {s}" for s in store.strays]
        problems += [f"audit row {f.seq}: {f.problem}" for f in chain]
        problems += [f"left in the inbox: {p.name}" for p in inbox.rglob("*") if p.is_file()]
        if len(registered) != sum(held.values()):
            problems.append(f"registry knows {len(registered)} records, the archive {sum(held.values())}")
        if unindexed or wiring.index.count() != len(registered):
            problems.append(f"index has {wiring.index.count()} of {len(registered)}")
        released = {hashlib.sha256(p.read_bytes()).hexdigest() for p in (home / "done").rglob("*") if p.is_file()}
        problems += [f"{digests[d]}: archived, but its source is not in done/" for d in held if d not in released]
    return {"archived": sum(held.values()), "quarantined": len(refused), "problems": problems}


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--files", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    told = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sohoa-kills-") as temporary:
        outcome = run(Path(temporary) / "home", kills=told.kills, files=told.files, seed=told.seed)
    print(json.dumps(outcome, ensure_ascii=False, indent=1))
    sys.exit(1 if outcome["problems"] else 0)
