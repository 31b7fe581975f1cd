"""The audit log: append-only, each row chained to the one before by SHA-256."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from sqlalchemy import Connection, Text, cast, func, insert, select

from registry.chain import GENESIS, AuditFinding, Link, check, digest_of, line_of, links
from registry.concurrent import insert_many, one_at_a_time
from registry.tables import audit
from registry.text import storable
from registry.values import utc_now

BATCH = 2000


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
    conn.execute(insert(audit).values(**row, hash=digest_of(line_of(row))))


def verify(conn: Connection, sealed: Iterable[bytes | None] = ()) -> list[AuditFinding]:
    """Every row that was changed, moved or put in, and every gap; empty when the log holds. A million rows take about
    ten seconds, and no more memory than a thousand.

    Without what was `sealed` rows cut off at the very end leave a whole, shorter chain, and a chain that was recomputed
    is one that holds.
    """
    return list(check(rows_after(conn), sealed))


def rows_after(conn: Connection, seq: int = 0) -> Iterator[Link]:
    """The rows behind that one, in order, a batch in memory at a time."""
    told = (c if c is not audit.c.detail else cast(c, Text) for c in audit.c)
    query = select(*told).where(audit.c.seq > seq).order_by(audit.c.seq)
    return links(conn.execute(query.execution_options(yield_per=BATCH)))


def take_over(conn: Connection, rows: Iterable[Link]) -> int:
    """Rows that were sealed stand behind those that are here, where they hang on the last of them; how many.

    Of rows that are here already nothing is done; where the chains differ nothing is taken over from there on.
    """
    last, digest = head(conn)
    number, batch = 0, []
    for row in rows:
        if row.seq <= last:
            continue
        if row.seq != last + 1 or row.previous != digest:
            break
        batch.append({**json.loads(row.line), "hash": row.digest})
        last, digest, number = row.seq, row.digest, number + 1
        if len(batch) == BATCH:
            insert_many(conn, audit, batch)
            batch = []
    insert_many(conn, audit, batch)
    return number


def head(conn: Connection) -> tuple[int, str]:
    """Sequence number and hash of the last row; (0, GENESIS) for an empty log."""
    last = conn.execute(select(audit.c.seq, audit.c.hash).order_by(audit.c.seq.desc()).limit(1)).first()
    return (last.seq, last.hash) if last else (0, GENESIS)


def count(conn: Connection, action: str) -> int:
    """How many rows have this action."""
    return conn.execute(select(func.count()).where(audit.c.action == action)).scalar_one()
