"""The registry with many records: fills it with N, then measures what a province does with it all day.

    python -m bench.load_registry --records 1000000 [--url postgresql+psycopg://…] [--folder /tmp/x] [--empty URL]

The first BLOCK records go in as a rebuild puts them in; the database itself multiplies them, under other ids, numbers,
dossiers and months. Prints JSON; times in milliseconds. The databases stay where they are, and filling goes on where it
ended.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, insert, select, text, update

from bench.synthetic import metadata, record
from config.catalogue import SHIPPED, Catalogue, load_catalogue
from metrics.indicators import indicators
from registry import audit, documents, restoring, scans, tray
from registry.database import open_registry, read, write
from registry.dossiers import DossierRow, upsert
from registry.reckoning import IN_FLIGHT
from registry.tables import audit as audit_table
from registry.tables import documents as document_table
from registry.tables import metadata as table_metadata
from registry.tables import people
from registry.values import DocumentId, DocumentState, Event, ScanState, Verdict, utc_now
from search import reuse

BLOCK = 20_000
HAPPENED = (
    "capture",
    "text recognition",
    "metadata extraction",
    "appraisal",
    "digital signature generation",
    "ingestion",
)
CLIENTS, THINK_S, ASK_S = 20, 2.0, 45.0
PROCEDURES = ("1.000894", "1.001776")
TODAY = date(2026, 11, 24)

COPIES = (
    """INSERT INTO scans (id, claim_key, sha256, unit, dossier_code, component_code, source_path, file_name, size_bytes,
         media_type, page_count, warnings, state, received_at, claimed_by, updated_at, attempt, priority)
       SELECT substr(id, 1, 33) || :block, substr(claim_key, 1, 61) || :block || substr(claim_key, 65),
         substr(sha256, 1, 61) || :block, unit, dossier_code || :block, component_code, source_path, file_name,
         size_bytes, media_type, page_count, warnings, state, :month || substr(received_at, 8), claimed_by,
         :month || substr(updated_at, 8), attempt, priority FROM base_scans""",
    """INSERT INTO documents (id, scan_id, unit, dossier_code, component_code, kind, title, number_symbol,
         issuing_agency, issued_on, state, step, page_count, confidence, review_reasons, original_sha256, pdf_sha256,
         signature_level, retention_class, created_at, approved_by, approved_at, signed_at, archived_at, indexed_at,
         verdict, verdict_at, attempt, updated_at)
       SELECT substr(id, 1, 33) || :block, substr(id, 1, 33) || :block, unit, dossier_code || :block, component_code,
         kind, title, number_symbol, issuing_agency, issued_on, state, step, page_count, confidence, review_reasons,
         substr(original_sha256, 1, 61) || :block, pdf_sha256, signature_level, retention_class,
         :month || substr(created_at, 8), approved_by, :month || substr(approved_at, 8), :month || substr(signed_at, 8),
         :month || substr(archived_at, 8), :month || substr(indexed_at, 8), verdict, verdict_at, attempt,
         :month || substr(updated_at, 8) FROM base_documents""",
    """INSERT INTO fields (document_id, name, value, raw_text, confidence, page_index, box, method, confirmed_by)
       SELECT substr(document_id, 1, 33) || :block, name, value, raw_text, confidence, page_index, box, method,
         confirmed_by FROM base_fields""",
    """INSERT INTO people (document_id, position, role, full_name, id_number, date_of_birth, evidence)
       SELECT substr(document_id, 1, 33) || :block, position, role, full_name, :person || substr(id_number, 4),
         date_of_birth, evidence FROM base_people""",
    """INSERT INTO events (document_id, type, at, agent, outcome, detail)
       SELECT substr(document_id, 1, 33) || :block, type, :month || substr(at, 8), agent, outcome, detail
       FROM base_events""",
    """INSERT INTO dossiers (code, unit, procedure, applicant_name, applicant_id, channel, status, received_on,
         resolved_on, imported_at)
       SELECT code || :block, unit, procedure, applicant_name, :person || substr(applicant_id, 4), channel, status,
         :month || substr(received_on, 8), :month || substr(resolved_on, 8), imported_at FROM base_dossiers""",
)  # fmt: skip

BASE = {
    "scans": "id LIKE '%000'", "documents": "id LIKE '%000'", "fields": "document_id LIKE '%000'",
    "people": "document_id LIKE '%000'", "events": "document_id LIKE '%000'", "dossiers": "length(code) = 18",
}  # fmt: skip
"""The first block's rows, set aside once."""
ROOM = {"sqlite": "PRAGMA cache_size = -1000000", "postgresql": "SET LOCAL synchronous_commit = off"}
"""For filling only: the indexes stay in memory while rows go in all over them."""


def fill(engine: Engine, number: int) -> None:
    """The registry holds at least `number` records, with dossiers and an audit row for each."""
    with read(engine) as conn:
        held = documents.count_archived(conn)
    if held == 0:
        _base(engine, min(number, BLOCK))
        held = min(number, BLOCK)
    if number - held > 5 * BLOCK:
        _indexes(engine, "drop")  # building them over all rows at the end is much faster than row by row
    for k in range(held // BLOCK, number // BLOCK):
        told = {"block": f"{k:03x}", "month": f"{2021 + k // 12:04d}-{k % 12 + 1:02d}", "person": f"{300 + k // 5}"}
        with write(engine) as conn:
            conn.execute(text(ROOM[engine.dialect.name]))
            for name, which in BASE.items():
                conn.execute(text(f"CREATE TEMP TABLE IF NOT EXISTS base_{name} AS SELECT * FROM {name} WHERE {which}"))
            for copy in COPIES:
                conn.execute(text(copy), told)
    _chain(engine, number)
    _indexes(engine, "create")
    if engine.dialect.name == "postgresql":  # it does so by itself; nobody does for SQLite
        with write(engine) as conn:
            conn.execute(text("ANALYZE"))


def _indexes(engine: Engine, do: str) -> None:
    with write(engine) as conn:
        for table in table_metadata.tables.values():
            for index in table.indexes:
                getattr(index, do)(conn, checkfirst=True)


def _base(engine: Engine, number: int) -> None:
    now = utc_now().isoformat(timespec="microseconds")
    for start in range(0, number, 1000):
        with write(engine) as conn:
            made = [record(n) for n in range(start, start + 1000)]
            restoring.restore_many(conn, [_prepared(m) for m in made])
            for m in made:
                if m.dossier_code:
                    upsert(conn, DossierRow(
                        code=m.dossier_code, unit=m.unit, procedure=PROCEDURES[m.number % 2], channel="direct",
                        applicant_name=m.people[0].name, applicant_id=m.people[0].number, status="resolved",
                        received_on=m.archived_at.date().isoformat(), resolved_on=m.archived_at.date().isoformat(),
                    ))  # fmt: skip
    with write(engine) as conn:
        at = document_table.c.archived_at
        conn.execute(
            update(document_table).values(indexed_at=at, updated_at=at, verdict=Verdict.PASSED, verdict_at=now)
        )
        conn.execute(text("UPDATE scans SET updated_at = received_at"))


def _prepared(made: Any) -> restoring.Prepared:
    """With an id and a digest that end in 000: those of the copies end in the number of their block."""
    told = metadata(made)
    source = told.source.model_copy(update={"sha256": f"{told.source.sha256[:61]}000"})
    told = told.model_copy(update={"document_id": DocumentId(f"{told.document_id[:33]}000"), "source": source})
    found = [Event(type=kind, at=made.archived_at, agent="sohoa", detail={"n": "1"}) for kind in HAPPENED]
    return restoring.prepare(told, found, pdf_sha256="c" * 64)


def _chain(engine: Engine, number: int) -> None:
    """The audit log is as long as the archive."""
    with read(engine) as conn:
        seq, previous = audit.head(conn)
    while seq < number:
        rows = []
        for _ in range(min(10_000, number - seq)):
            seq += 1
            row = {
                "seq": seq, "at": "2026-01-01T00:00:00.000000+00:00", "actor": "sohoa", "action": "archive",
                "subject": f"{seq:036d}", "unit": "H99.32", "detail": {"version": "v1"}, "previous": previous,
            }  # fmt: skip
            previous = audit._digest(row)
            rows.append({**row, "hash": previous})
        with write(engine) as conn:
            conn.execute(insert(audit_table), rows)


def measure(engine: Engine, empty: Engine, catalogue: Catalogue) -> dict[str, Any]:
    """What each question and each write costs with the records that are there, and writes also with none."""
    with read(engine) as conn:
        number = documents.count_archived(conn)
        owners = _owners(conn)
    everywhere = [f"H99.{n}" for n in range(32, 100)]
    told: dict[str, Any] = {"database": engine.dialect.name, "records": number}
    for name, units in (
        ("commune", {"H99.50"}),
        ("three communes", set(everywhere[:3])),
        ("province", set(everywhere)),
    ):
        told[f"tray, {name}"] = _timed(lambda units=units: _read(engine, lambda c: tray.latest(c, units, 100)), 100)
        told[f"counts, {name}"] = _timed(lambda units=units: _read(engine, lambda c: tray.counts(c, units)), 100)
    told["tray of a unit that has nothing"] = _timed(
        lambda: _read(engine, lambda c: tray.latest(c, {"H99.00"}, 100)), 50)  # fmt: skip
    told["to review, province"] = _timed(
        lambda: _read(engine, lambda c: documents.count_in_state(c, DocumentState.REVIEW, everywhere)), 50
    )
    told["in flight"] = _timed(lambda: _read(engine, lambda c: [scans.by_state(c, s) for s in IN_FLIGHT]), 50)
    told["not indexed yet"] = _timed(
        lambda: _read(engine, lambda c: documents.unindexed(c, 50)), 50)  # fmt: skip
    told["archived, counted"] = _timed(lambda: _read(engine, documents.count_archived), 5)
    told["audit append"] = _timed(lambda: _append(engine), 200)
    told["reuse check, 20 clients"] = _crowd(engine, catalogue, owners)
    told["indicators, commune, a year"] = _timed(lambda: _indicators(engine, catalogue, "H99.32"), 5)
    told["indicators, province, a year"] = _timed(lambda: _indicators(engine, catalogue, "H99"), 2)
    told |= _ingest(engine, empty)
    return told | _restore(engine, empty)


def _owners(conn: Connection) -> list[str]:
    numbers = conn.execute(select(people.c.id_number).where(people.c.position == 0).limit(200_000)).scalars().all()
    return [n for n in random.Random(1).sample(numbers, min(5000, len(numbers))) if n]


def _crowd(engine: Engine, catalogue: Catalogue, owners: list[str]) -> dict[str, float]:
    """CLIENTS who ask, read for THINK_S, and ask again; each question is in the audit log, as at the desk."""
    offered = [0]

    def never(_id: DocumentId) -> Verdict:
        raise AssertionError("every verdict is kept")

    def client(k: int) -> list[float]:
        chance, spent, until = random.Random(k), [], time.monotonic() + ASK_S
        time.sleep(chance.random() * 1.9)
        while time.monotonic() < until:
            began = time.perf_counter()
            with write(engine) as conn:
                audit.append(conn, actor="an", action="reuse-check", subject="p", unit="H99.32")
            with read(engine) as conn:
                answer = reuse.check(
                    conn, catalogue, owner=chance.choice(owners), procedure=chance.choice(PROCEDURES), on=TODAY,
                    units=frozenset({"H99.32"}), verdict_of=never,
                )  # fmt: skip
            spent.append(time.perf_counter() - began)
            offered[0] += sum(len(c.candidates) for c in answer.components)
            time.sleep(THINK_S * (0.9 + 0.09 * chance.random()))
        return spent

    with ThreadPoolExecutor(CLIENTS) as pool:
        spent = [s for some in pool.map(client, range(CLIENTS)) for s in some]
    return {**_spread(spent), "candidates per check": round(offered[0] / len(spent), 2)}


def _ingest(engine: Engine, empty: Engine) -> dict[str, Any]:
    """All that the path of one document writes, turn by turn here and there, so that both meet the same machine."""
    spent: dict[Engine, list[float]] = {engine: [], empty: []}
    for n in range(400):
        for where in (engine, empty) if n % 2 else (empty, engine):
            began = time.perf_counter()
            _one_document(where)
            spent[where].append(time.perf_counter() - began)
    full, none = (statistics.median(spent[e]) for e in (engine, empty))
    return {
        "one document's writes": _spread(spent[engine]),
        "one document's writes, empty registry": _spread(spent[empty]),
        "ratio": round(full / none, 3),
    }


def _one_document(engine: Engine) -> None:
    made = record(random.randrange(10**9, 2 * 10**9))
    told, now = metadata(made), utc_now()
    with write(engine) as conn:
        claim = scans.claim(
            conn, sha256=told.source.sha256, unit=told.unit, dossier_code=None, component_code=None, source_path="/x",
            file_name="x.pdf", size_bytes=1, claimed_by="inbox",
        )  # fmt: skip
        audit.append(conn, actor="inbox", action="claim", subject=claim.scan.id, unit=told.unit)
    scan = claim.scan.id
    with write(engine) as conn:
        scans.update(conn, scan, staged_path="/y")
    with write(engine) as conn:
        scans.update(conn, scan, media_type="application/pdf", page_count=1, state=ScanState.IDENTIFIED)
    with write(engine) as conn:
        documents.create(
            conn, document_id=told.document_id, scan_id=scan, unit=told.unit, dossier_code=None, component_code=None,
            original_sha256=told.source.sha256, page_count=1,
        )  # fmt: skip
        documents.add_event(conn, told.document_id, Event(type="capture", at=now, agent="inbox"))
    with write(engine) as conn:
        documents.save_description(conn, told.document_id, told.description)
        documents.add_event(conn, told.document_id, Event(type="metadata extraction", at=now, agent="sohoa"))
        documents.set_state(conn, told.document_id, DocumentState.APPROVED, step="approved", approved_by="sohoa")
    with write(engine) as conn:
        documents.set_state(conn, told.document_id, DocumentState.SIGNED, step="signed", pdf_sha256="c" * 64)
        documents.add_event(conn, told.document_id, Event(type="digital signature generation", at=now, agent="sohoa"))
    with write(engine) as conn:
        found = [Event(type="ingestion", at=now, agent="sohoa")]
        restoring.restore(conn, told, found, pdf_sha256="c" * 64)
        documents.keep_verdict(conn, told.document_id, Verdict.PASSED)
        scans.update(conn, scan, state=ScanState.DONE)
        audit.append(conn, actor="sohoa", action="archive", subject=told.document_id, unit=told.unit)
    with write(engine) as conn:
        documents.mark_indexed(conn, [told.document_id])


def _restore(engine: Engine, empty: Engine) -> dict[str, Any]:
    """What a rebuild writes, without reading the archive: records a second."""
    told = {}
    for name, where in (("restored a second", engine), ("restored a second, empty registry", empty)):
        start = random.randrange(2 * 10**9, 3 * 10**9)
        found = [Event(type=kind, at=utc_now(), agent="sohoa") for kind in HAPPENED]
        made = [restoring.prepare(metadata(record(n)), found, pdf_sha256="c" * 64) for n in range(start, start + 5000)]
        began = time.perf_counter()
        for k in range(0, len(made), 500):
            with write(where) as conn:
                restoring.restore_many(conn, made[k : k + 500])
        told[name] = round(len(made) / (time.perf_counter() - began))
    return told


def _append(engine: Engine) -> None:
    with write(engine) as conn:
        audit.append(conn, actor="an", action="view", subject="x")


def _indicators(engine: Engine, catalogue: Catalogue, unit: str) -> Any:
    return _read(engine, lambda conn: indicators(conn, catalogue, unit, date(2024, 1, 1), date(2024, 12, 31)))


def _read(engine: Engine, ask: Callable[[Connection], Any]) -> Any:
    with read(engine) as conn:
        return ask(conn)


def _timed(act: Callable[[], Any], times: int) -> dict[str, float]:
    spent = []
    for _ in range(times):
        began = time.perf_counter()
        act()
        spent.append(time.perf_counter() - began)
    return _spread(spent)


def _spread(spent: list[float]) -> dict[str, float]:
    ordered = sorted(spent)
    at = {"p50": 0.5, "p95": 0.95, "most": 1.0}
    return {name: round(1000 * ordered[min(len(ordered) - 1, int(q * len(ordered)))], 2) for name, q in at.items()}


@contextmanager
def _opened(url: str) -> Iterator[Engine]:
    engine = open_registry(url)
    try:
        yield engine
    finally:
        engine.dispose()


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--records", type=int, default=100_000)
    asked.add_argument("--folder", type=Path, default=Path("/tmp/sohoa-load-registry"))
    asked.add_argument("--url", default="", help="another database than SQLite in the folder")
    asked.add_argument("--empty", default="", help="a second, empty one to compare with")
    told = asked.parse_args()
    told.folder.mkdir(parents=True, exist_ok=True)
    url = told.url or f"sqlite:///{told.folder / 'full.sqlite'}"
    spare = told.empty or f"sqlite:///{told.folder / 'empty.sqlite'}"
    with _opened(url) as engine, _opened(spare) as empty:
        began = time.monotonic()
        fill(engine, told.records)
        filled = round(time.monotonic() - began)
        print(json.dumps({"filled in s": filled, **measure(engine, empty, load_catalogue(SHIPPED))}, indent=1))


if __name__ == "__main__":
    main()
