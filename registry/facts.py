"""What the installation knows of itself, by name: `installation`, `reconciliation`, `backup`, …"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, insert, select, update

from registry.tables import facts
from registry.values import utc_now


def put(conn: Connection, name: str, value: Any) -> None:
    """The fact is this value now. Value: JSON, free of personal data."""
    row = {"value": value, "at": utc_now().isoformat(timespec="microseconds")}
    if not conn.execute(update(facts).where(facts.c.name == name).values(**row)).rowcount:
        conn.execute(insert(facts).values(name=name, **row))


def get(conn: Connection, name: str) -> tuple[Any, str] | None:
    """The value and the instant it was put; None when it never was."""
    row = conn.execute(select(facts.c.value, facts.c.at).where(facts.c.name == name)).first()
    return (row.value, row.at) if row else None
