"""What must hold after every fault is over: each input once, whole, registered, findable, and nothing under way."""

from __future__ import annotations

import hashlib
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from app.wiring import Wiring, opened
from archive.aip import iter_records, read_record
from archive.fixity import audit as audit_store
from pipeline import intake
from registry import audit, documents, quarantine
from registry.database import read
from registry.errors import SohoaError
from tests.faults.clerk import approve_waiting
from tests.faults.inputs import Input
from tests.faults.installation import Installation

OUTSIDE = ("timeout", "unreadable")
"""Refusals that say something of the machine as well as of the file: an operator tries such a file again."""
SETTLED = """SELECT count(*) AS n FROM scans s LEFT JOIN documents d ON d.scan_id = s.id
             WHERE s.state IN ('done', 'quarantined') OR d.state IN ({})"""
ADRIFT = """SELECT d.state, d.step, d.error_code, d.attempt, s.state AS scan
            FROM documents d JOIN scans s ON s.id = d.scan_id WHERE d.state NOT IN ('archived', 'rejected')"""
UNSETTLED = """SELECT s.state AS scan, d.state AS document, coalesce(s.error_code, d.error_code) AS code, count(*) AS n
               FROM scans s LEFT JOIN documents d ON d.scan_id = s.id
               WHERE s.state NOT IN ('done', 'quarantined') GROUP BY 1, 2, 3"""


def settled(at: Installation, *, reviewed: bool = False) -> int:
    """How many claimed files have ended, or, before the review, wait for a person."""
    ended = "'archived'" if reviewed else "'archived', 'review'"
    return int(at.rows(SETTLED.format(ended))[0]["n"])


def finish(at: Installation, patience_s: float) -> list[str]:
    """Everything ends: a person retries what a fault refused and approves what waits. Returns what is stuck."""
    inputs = list(at.given)
    sound = {i.sha256 for i in inputs if i.sound}
    until = time.monotonic() + patience_s
    problems: list[str] = []
    while time.monotonic() < until:
        time.sleep(0.5)
        if settled(at) < len(inputs) or (left := _left_in(at.inbox, at)):
            continue
        with opened(at.home) as wiring:
            acted = _retry_refused(wiring, sound) + approve_waiting(wiring)
        if not acted and settled(at, reviewed=True) >= len(inputs) and not at.rows(ADRIFT):
            break
    else:
        left = _left_in(at.inbox, at)
        problems += [f"stuck: {row}" for query in (UNSETTLED, ADRIFT) for row in at.rows(query)]
        problems += [f"in the inbox, unclaimed: {len(left)}"] if left else []
        problems += [f"{settled(at, reviewed=True)} of {len(inputs)} settled"]
    return problems + _quiet(at, until)


def findings(at: Installation) -> dict[str, Any]:
    """Counts, and under `problems` everything that does not hold; empty when nothing is lost, doubled or changed."""
    inputs = list(at.given)
    with opened(at.home) as wiring:
        held, unreadable = _held(wiring)
        with read(wiring.engine) as conn:
            refused = quarantine.open_items(conn)
            chain = audit.verify(conn)
            registered = documents.archived_ids(conn)
            unindexed = documents.unindexed(conn, 1000)
        problems = unreadable + each_once(inputs, held, Counter(item.sha256 or "" for item in refused))
        for item in refused:
            if hashlib.sha256(Path(item.kept_path).read_bytes()).hexdigest() != item.sha256:
                problems.append(f"{item.file_name}: changed in quarantine")
        store = audit_store(wiring.store)
        problems += [f"damaged: {d.document_id} {d.findings}" for d in store.damaged]
        problems += [f"stray: {s}" for s in store.strays]
        problems += [f"audit row {f.seq}: {f.problem}" for f in chain]
        if len(registered) != sum(held.values()):
            problems.append(f"registry knows {len(registered)} records, the archive {sum(held.values())}")
        if unindexed or wiring.index.count() != len(registered):
            problems.append(f"index has {wiring.index.count()} of {len(registered)}, {len(unindexed)} unmarked")
    problems += [f"left in the inbox: {p.name}" for p in _left_in(at.inbox, at)]
    problems += _released(at.home, inputs, held)
    levels = {r["signature_level"]: r["n"] for r in at.rows(LEVELS)}
    return {"archived": sum(held.values()), "quarantined": len(refused), "levels": levels, "problems": problems}


UNINDEXED = "SELECT count(*) AS n FROM documents WHERE archived_at IS NOT NULL AND indexed_at IS NULL"
LEVELS = "SELECT signature_level, count(*) AS n FROM documents WHERE archived_at IS NOT NULL GROUP BY signature_level"


def _held(wiring: Wiring) -> tuple[Counter[str], list[str]]:
    """How often each original is in the archive, and which records cannot be read."""
    held: Counter[str] = Counter()
    unreadable = []
    for document_id in iter_records(wiring.store):
        try:
            record = read_record(wiring.store, document_id)
        except SohoaError as exc:
            unreadable.append(f"record {document_id}: {exc.code}")
            continue
        held.update(d for name, d in record.digests.items() if name.startswith("original/"))
    return held, unreadable


def each_once(inputs: list[Input], held: Mapping[str, int], aside: Mapping[str, int]) -> list[str]:
    """What is sound and not archived exactly once, what is not and not refused exactly once, and what nobody gave."""
    problems = []
    for one in inputs:
        archived, kept = held.get(one.sha256, 0), aside.get(one.sha256, 0)
        if (archived, kept) != ((1, 0) if one.sound else (0, 1)):
            problems.append(f"{one.name}: archived {archived} times, in quarantine {kept} times")
    known = {one.sha256 for one in inputs}
    strangers = [d for d in (*held, *aside) if d not in known]
    return problems + ([f"{len(strangers)} files that nobody handed in"] if strangers else [])


def _released(home: Path, inputs: list[Input], held: Counter[str]) -> list[str]:
    """Sources of what is archived are kept: in done/, or in quarantine/ where a person had it tried again."""
    places = (home / "done", home / "quarantine")
    lie = {hashlib.sha256(p.read_bytes()).hexdigest() for place in places for p in place.rglob("*") if p.is_file()}
    missing = [i.name for i in inputs if held[i.sha256] and i.sha256 not in lie]
    return [f"{name}: archived, but its source is not in done/" for name in missing]


def _retry_refused(wiring: Wiring, sound: set[str]) -> int:
    """The operator's click on "try again" beside what is sound; returns how many there were."""
    with read(wiring.engine) as conn:
        items = [q for q in quarantine.open_items(conn) if q.sha256 in sound and q.code in OUTSIDE]
    for item in items:
        intake.retry(wiring.workshop, item.id, "tester")
    return len(items)


def _quiet(at: Installation, until: float) -> list[str]:
    """No workflow is left under way, and the index has caught up."""
    schema = "dbos." if at.kind == "grown" else ""
    query = f"SELECT status, count(*) AS n FROM {schema}workflow_status WHERE status IN ({{}}) GROUP BY status"
    active = query.format("'PENDING', 'ENQUEUED', 'DELAYED', 'MAX_RECOVERY_ATTEMPTS_EXCEEDED'")
    until = max(until, time.monotonic() + 20)
    while time.monotonic() < until:
        with at.workflows.connect() as conn:
            left = [dict(row._mapping) for row in conn.exec_driver_sql(active)]
        behind = at.rows(UNINDEXED)[0]["n"]
        if not left and not behind:
            return []
        time.sleep(0.5)
    return [f"workflows: {row['n']} {row['status']}" for row in left] + ([f"{behind} not indexed"] if behind else [])


def _left_in(folder: Path, at: Installation) -> list[Path]:
    """Files still in the inbox but for those whose document waits for a person: these leave when it is archived."""
    with_people = {
        Path(row["source_path"]).name
        for row in at.rows(
            "SELECT s.source_path FROM scans s JOIN documents d ON d.scan_id = s.id WHERE d.state = 'review'"
        )
    }
    return [p for p in folder.rglob("*") if p.is_file() and p.name not in with_people]
