"""The audit log: append-only, each row chained to the one before by SHA-256."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select

from registry.concurrent import one_at_a_time
from registry.tables import audit
from registry.text import storable
from registry.values import Value, utc_now

GENESIS = "0" * 64
MOST_MISSING = 1000
"""A gap is told row by row up to so many."""


class AuditFinding(Value):
    """A row that does not hold: seq, and `changed` | `chain-broken` | `missing`."""

    seq: int
    problem: str


def append(
    conn: Connection,
    *,
    actor: str,
    action: str,
    subject: str,
    unit: str | None = None,
    detail: Mapping[str, Any] | None = None,
) -> None:
    """One row stands at the end of the chain, in the caller's write transaction (registry.database.write).

    detail must be free of identity numbers, names and document text. This is the last thing a transaction does:
    whoever appends waits for those before to commit, and must not hold up what they still wait for.
    """
    one_at_a_time(conn, "audit")
    last = conn.execute(select(audit.c.seq, audit.c.hash).order_by(audit.c.seq.desc()).limit(1)).first()
    row = {
        "seq": last.seq + 1 if last else 1,
        "at": utc_now().isoformat(timespec="microseconds"),
        "actor": storable(actor)[:100],
        "action": action,
        "subject": storable(subject)[:100],
        "unit": unit,
        "detail": {key: storable(v) if isinstance(v, str) else v for key, v in (detail or {}).items()},
        "previous": last.hash if last else GENESIS,
    }
    conn.execute(insert(audit).values(**row, hash=_digest(row)))


def verify(conn: Connection) -> list[AuditFinding]:
    """Every row that was changed, moved or put in, and every gap; empty when the chain holds.

    Rows cut off at the very end leave a whole, shorter chain: compare `head` with a copy kept elsewhere.
    """
    found: list[AuditFinding] = []
    previous, expected = GENESIS, 1
    for row in conn.execute(select(audit).order_by(audit.c.seq).execution_options(yield_per=1000)):
        gap = range(expected, min(row.seq, expected + MOST_MISSING))
        found += [AuditFinding(seq=seq, problem="missing") for seq in gap]
        if row.hash != _digest(_content(row)):
            found.append(AuditFinding(seq=row.seq, problem="changed"))
        elif row.previous != previous and row.seq == expected:
            found.append(AuditFinding(seq=row.seq, problem="chain-broken"))
        previous, expected = row.hash, row.seq + 1
    return found


def head(conn: Connection) -> tuple[int, str]:
    """Sequence number and hash of the last row; (0, GENESIS) for an empty log."""
    last = conn.execute(select(audit.c.seq, audit.c.hash).order_by(audit.c.seq.desc()).limit(1)).first()
    return (last.seq, last.hash) if last else (0, GENESIS)


def count(conn: Connection, action: str) -> int:
    """How many rows have this action."""
    return conn.execute(select(func.count()).where(audit.c.action == action)).scalar_one()


def _content(row: Row[Any]) -> dict[str, Any]:
    return {key: value for key, value in row._mapping.items() if key != "hash"}


def _digest(row: Mapping[str, Any]) -> str:
    canonical = json.dumps(row, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()
