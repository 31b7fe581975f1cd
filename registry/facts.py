"""What the installation knows of itself, by name: `installation`, `reconciliation`, `backup`, …"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, select, update

from registry.concurrent import insert_missing
from registry.tables import facts
from registry.values import utc_now


def put(conn: Connection, name: str, value: Any) -> None:
    """The fact is this value now. Value: JSON, free of personal data."""
    row = {"value": value, "at": utc_now().isoformat(timespec="microseconds")}
    changed = update(facts).where(facts.c.name == name).values(**row)
    if not conn.execute(changed).rowcount and not insert_missing(conn, facts, ("name",), {"name": name, **row}):
        conn.execute(changed)  # somebody else put it first meanwhile


def get(conn: Connection, name: str) -> tuple[Any, str] | None:
    """The value and the instant it was put; None when it never was."""
    row = conn.execute(select(facts.c.value, facts.c.at).where(facts.c.name == name)).first()
    return (row.value, row.at) if row else None
