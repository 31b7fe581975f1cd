"""What several processes do at once ends as if they had done it one after the other, and many rows go in at once, on
both databases."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import psycopg
from psycopg import sql
from sqlalchemy import Column, Connection, Dialect, Table, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError


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


def insert_many(conn: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """All these new rows stand. On PostgreSQL they are copied in: some ten times faster than row by row."""
    if not rows:
        return
    if conn.dialect.name != "postgresql":
        conn.execute(table.insert(), [dict(row) for row in rows])
        return
    columns = [c for c in table.columns if c.name in rows[0] or c.default is not None]
    values = [_as_copied(c, conn.dialect) for c in columns]
    names = sql.SQL(", ").join(sql.Identifier(c.name) for c in columns)
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(table.name), names)
    try:
        with conn.connection.cursor() as cursor, cursor.copy(statement) as copy:  # type: ignore[attr-defined]
            for row in rows:
                copy.write_row([value(row) for value in values])
    except psycopg.Error as exc:
        raise DBAPIError.instance("COPY", None, exc, psycopg.Error, hide_parameters=True, dialect=conn.dialect) from exc


def _as_copied(column: Column[Any], dialect: Dialect) -> Callable[[Mapping[str, Any]], Any]:
    """How the column's value of a row goes over: as an insert would send it, the column's own default included."""
    name, default = column.name, getattr(column.default, "arg", None)
    process: Callable[[Any], Any] | None = column.type.dialect_impl(dialect).bind_processor(dialect)

    def value(row: Mapping[str, Any]) -> Any:
        found = row[name] if name in row else default(None) if callable(default) else default
        return process(found) if process else found

    return value
