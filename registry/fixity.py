"""Which objects the archive holds, when each was last read whole, and which are damaged."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, func, select, update

from registry.concurrent import insert_many
from registry.tables import fixity
from registry.values import Value, utc_now

MOST_NAMED = 1000
"""So many damaged objects are named; all of them are counted."""
AT_ONCE = 500


class Checked(Value):
    """An object's last check. findings: what does not hold, as archive.fixity names it; empty: nothing."""

    root: str
    since: datetime
    checked_at: datetime | None
    findings: tuple[str, ...]
    bytes_read: int


class Summary(Value):
    """oldest: from when on some object has not been read, None for an archive without objects."""

    damaged: int
    oldest: datetime | None


def unknown(conn: Connection, roots: Sequence[str]) -> list[str]:
    """Those of the objects (at most 500) that are not known."""
    known = set(conn.execute(select(fixity.c.root).where(fixity.c.root.in_(list(roots)))).scalars())
    return [root for root in roots if root not in known]


def note_seen(conn: Connection, roots: Mapping[str, datetime | None]) -> int:
    """These objects are known, their age counted from the instant given, or from now; how many were not before."""
    now, new = utc_now(), unknown(conn, list(roots))
    insert_many(conn, fixity, [{"root": r, "since": _text(roots[r] or now), "bytes_read": 0} for r in new])
    return len(new)


def note_checked(
    conn: Connection,
    root: str,
    findings: Sequence[str],
    bytes_read: int,
    at: datetime,
    *,
    since: datetime | None = None,
) -> str | None:
    """The object was read whole at that instant. Returns `damaged` or `mended` where that is news, else None.

    since: an instant that its age does not count from before, also where the clock was set back meanwhile.
    """
    before = conn.execute(select(fixity.c.findings).where(fixity.c.root == root).with_for_update()).first()
    told = {
        "since": _text(max(at, since or at)),
        "checked_at": _text(at),
        "findings": list(findings) or None,
        "bytes_read": bytes_read,
    }
    if before is None:
        insert_many(conn, fixity, [{"root": root, **told}])
    else:
        conn.execute(update(fixity).where(fixity.c.root == root).values(**told))
    was_damaged = before is not None and before.findings is not None
    if bool(findings) == was_damaged:
        return None
    return "damaged" if findings else "mended"


def forget(conn: Connection, roots: Collection[str]) -> None:
    """These objects were removed rightly: nobody looks for them any more."""
    conn.execute(delete(fixity).where(fixity.c.root.in_(sorted(roots))))


def due(conn: Connection, before: datetime, limit: int) -> list[str]:
    """Objects that have not been read since that instant, the damaged first, then those longest ago."""
    wanted = select(fixity.c.root).where(fixity.c.since < _text(before))
    damaged = wanted.where(fixity.c.findings.is_not(None)).order_by(fixity.c.since, fixity.c.root).limit(limit)
    found = [str(root) for root in conn.execute(damaged).scalars()]
    oldest = wanted.order_by(fixity.c.since, fixity.c.root).limit(limit)
    found += [str(root) for root in conn.execute(oldest).scalars() if root not in found]
    return found[:limit]


def count_due(conn: Connection, before: datetime) -> int:
    """How many objects `due` would give without a limit."""
    return conn.execute(select(func.count()).where(fixity.c.since < _text(before))).scalar_one()


def count(conn: Connection) -> int:
    """How many objects are known."""
    return conn.execute(select(func.count()).select_from(fixity)).scalar_one()


def count_checked(conn: Connection, since: datetime) -> int:
    """How many objects were read since that instant."""
    return conn.execute(select(func.count()).where(fixity.c.checked_at >= _text(since))).scalar_one()


def get(conn: Connection, root: str) -> Checked | None:
    """The object's last check; None for one that is not known."""
    row = conn.execute(select(fixity).where(fixity.c.root == root)).first()
    return _row(row) if row else None


def damaged(conn: Connection, limit: int = MOST_NAMED) -> list[Checked]:
    """The objects that did not hold when they were last read."""
    query = select(fixity).where(fixity.c.findings.is_not(None)).order_by(fixity.c.since, fixity.c.root).limit(limit)
    return [_row(row) for row in conn.execute(query)]


def summary(conn: Connection) -> Summary:
    """What is to be known at a glance: two looks into indexes, also with a million objects."""
    number = conn.execute(select(func.count()).where(fixity.c.findings.is_not(None))).scalar_one()
    oldest = conn.execute(select(func.min(fixity.c.since))).scalar()
    return Summary(damaged=number, oldest=datetime.fromisoformat(oldest) if oldest else None)


def _row(row: Any) -> Checked:
    return Checked.model_validate({**row._mapping, "findings": tuple(row.findings or ())})


def _text(instant: datetime) -> str:
    return instant.isoformat(timespec="microseconds")
