"""What several processes do at once ends as if they had done it one after the other, on both databases."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Table, func, select
from sqlalchemy.dialects import postgresql, sqlite


def insert_missing(conn: Connection, table: Table, key: Sequence[str], values: dict[str, Any]) -> bool:
    """A row with this key stands; True when this call made it. A row that was there stays as it is."""
    insert = postgresql.insert if conn.dialect.name == "postgresql" else sqlite.insert
    row = insert(table).values(**values).on_conflict_do_nothing(index_elements=list(key))
    return conn.execute(row, execution_options={"preserve_rowcount": True}).rowcount > 0


def one_at_a_time(conn: Connection, what: str) -> None:
    """Until its transaction ends nobody else is past this call for the same thing.

    SQLite has one writer at a time anyway (registry.database.write). The audit chain's turn is always taken last.
    """
    if conn.dialect.name == "postgresql":
        number = int.from_bytes(hashlib.sha256(what.encode("utf-8", "replace")).digest()[:8], "big", signed=True)
        conn.execute(select(func.pg_advisory_xact_lock(number)))
