"""Whole tables, row by row: copied to another database, written to files and read back, and proven equal.

A row in canonical form is one line of JSON with sorted keys; lines stand in the byte order of the primary key, so that
both databases give the same lines. Nothing here keeps more than a batch in memory. Errors never quote a row.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, TypeVar, cast

from sqlalchemy import Column, Connection, Engine, MetaData, String, Table, delete, func, insert, select, text
from sqlalchemy.exc import OperationalError, SQLAlchemyError
from sqlalchemy.types import TypeDecorator

from registry.database import write
from registry.errors import Conflict, FixityMismatch, ServiceUnavailable
from registry.tables import facts, metadata, workers
from registry.values import Value

T = TypeVar("T")
BATCH = 2000
UNDER_WAY = "migration"
"""The fact that a move to another home has begun; it says nothing about what is moved."""

Progress = Callable[[int], None]
"""Told after every batch how many rows it had."""


class TableState(Value):
    """What a table holds: number of rows, and SHA-256 over their canonical lines."""

    rows: int
    sha256: str


def moved_tables(*, without: Iterable[str] = ()) -> tuple[Table, ...]:
    """The tables that belong to the installation, referred ones first; the processes at work are not among them.

    Their columns give what is stored, not what the program makes of it: a path is the text in the database.
    """
    left_out = {workers.name, *without}
    return tuple(_as_stored(t) for t in metadata.sorted_tables if t.name not in left_out)


@contextmanager
def snapshot(engine: Engine) -> Iterator[Connection]:
    """One view of all tables, as they were when it was first asked, however long it is kept. For reading."""
    with engine.connect() as conn:
        if conn.dialect.name == "postgresql":
            conn.execution_options(isolation_level="REPEATABLE READ")  # for this connection, until it is given back
        with conn.begin():
            _be_patient(conn)
            yield conn


@contextmanager
def frozen(engine: Engine) -> Iterator[Connection]:
    """A snapshot that is also the last word: until it is left, nobody else can write."""
    if engine.dialect.name != "postgresql":
        with write(engine) as conn:
            yield conn
        return
    with snapshot(engine) as conn:
        names = ", ".join(f'"{table.name}"' for table in moved_tables())
        conn.execute(text(f"LOCK TABLE {names} IN SHARE MODE"))
        yield conn


def states(conn: Connection, tables: Iterable[Table], progress: Progress = lambda _: None) -> dict[str, TableState]:
    """What each table holds, by its name."""
    return {table.name: _state(_lines(conn, table), progress) for table in tables}


def is_empty(conn: Connection, tables: Iterable[Table]) -> bool:
    """Whether none of the tables holds a row."""
    return all(conn.execute(select(table.c[_key(table)[0]]).limit(1)).first() is None for table in tables)


def number_of_rows(conn: Connection, tables: Iterable[Table]) -> int:
    """All rows together: what a progress bar runs up to."""
    return sum(conn.execute(select(func.count()).select_from(table)).scalar_one() for table in tables)


def clear(conn: Connection, tables: Iterable[Table]) -> None:
    """The tables hold nothing; only the mark of a move under way stays."""
    _be_patient(conn)
    for table in reversed(tuple(tables)):
        everything = delete(table)
        conn.execute(everything.where(table.c.name != UNDER_WAY) if table.name == facts.name else everything)


def forget_mark(conn: Connection) -> None:
    """No move is under way any more."""
    conn.execute(delete(facts).where(facts.c.name == UNDER_WAY))


def copy_tables(
    source: Connection, target: Engine, tables: tuple[Table, ...], progress: Progress = lambda _: None
) -> None:
    """The target's tables hold exactly the source's rows. Goes on where an interrupted copy ended, and begins anew
    when what is there is no beginning of the source.

    Raises Conflict (a row does not fit into the target), ServiceUnavailable.
    """
    held = _rows_of_beginning(source, target, tables)
    if held is None:
        with write(target) as conn:
            clear(conn, tables)
        held = {}
    for table in tables:
        done = held.get(table.name, 0)
        progress(done)
        insert_rows(target, table, _rows(source, table, skip=done), progress)


def insert_rows(
    target: Engine, table: Table, rows: Iterable[Mapping[str, Any]], progress: Progress = lambda _: None
) -> None:
    """The rows stand in the table, a batch at a time, and what numbers its rows goes on behind them.

    Raises Conflict (a row does not fit), ServiceUnavailable; the batches before it stay.
    """
    number = 0
    for batch in _batches(rows):
        with told_without_rows(table.name, number), write(target) as conn:
            conn.execute(insert(table), [dict(row) for row in batch])
        number += len(batch)
        progress(len(batch))
    counter = metadata.tables[table.name].autoincrement_column
    if counter is not None and target.dialect.name == "postgresql":
        with write(target) as conn:
            last = conn.execute(select(func.max(counter))).scalar()
            sequence = func.pg_get_serial_sequence(table.name, counter.name)
            conn.execute(select(func.setval(sequence, last or 1, last is not None)))


def dump(conn: Connection, table: Table, target: Path) -> TableState:
    """The table's canonical lines lie in `target`, gzip-compressed; the same rows always make the same file."""
    with target.open("xb") as out, gzip.GzipFile("", "wb", compresslevel=6, fileobj=out, mtime=0) as packed:
        return _state(_lines(conn, table), sink=cast("BinaryIO", packed))


def dumped_rows(stream: BinaryIO, expected: TableState) -> Iterator[dict[str, Any]]:
    """The rows of a dump. Raises FixityMismatch at its end when they are not those expected, or it cannot be read."""
    digest, number = hashlib.sha256(), 0
    try:
        with gzip.GzipFile(fileobj=stream) as packed:
            for line in packed:
                digest.update(line)
                number += 1
                yield json.loads(line)
    except (OSError, EOFError, ValueError, zlib.error) as exc:
        raise FixityMismatch("a dump cannot be read") from exc
    if TableState(rows=number, sha256=digest.hexdigest()) != expected:
        raise FixityMismatch("a dump holds other rows than its manifest says")


@contextmanager
def told_without_rows(table: str, number: int) -> Iterator[None]:
    """Errors of the database name the table and how far it came, never the values of a row."""
    try:
        yield
    except OperationalError:
        raise ServiceUnavailable(f"the database did not answer while {table} was written") from None
    except (SQLAlchemyError, ValueError) as exc:
        raise Conflict(f"a row of {table} after number {number} does not fit: {type(exc).__name__}") from None


def _rows_of_beginning(source: Connection, target: Engine, tables: tuple[Table, ...]) -> dict[str, int] | None:
    """How many rows of each table the target has already; None when they are not the source's first ones."""
    held: dict[str, int] = {}
    with snapshot(target) as conn:
        for table in tables:
            there = _state(_lines(conn, table))
            if there != _state(islice(_lines(source, table), there.rows)):
                return None
            held[table.name] = there.rows
    return held


def _be_patient(conn: Connection) -> None:
    """All rows of a province take longer than any question of the program is given."""
    if conn.dialect.name == "postgresql":
        conn.execute(text("SET LOCAL statement_timeout = 0"))
        conn.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))


def _state(lines: Iterable[bytes], progress: Progress = lambda _: None, sink: BinaryIO | None = None) -> TableState:
    digest, number = hashlib.sha256(), 0
    for batch in _batches(lines):
        body = b"".join(batch)
        digest.update(body)
        if sink is not None:
            sink.write(body)
        number += len(batch)
        progress(len(batch))
    return TableState(rows=number, sha256=digest.hexdigest())


def _lines(conn: Connection, table: Table) -> Iterator[bytes]:
    for row in _rows(conn, table):
        line = json.dumps(row, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        yield line.encode("utf-8", "surrogatepass") + b"\n"


def _rows(conn: Connection, table: Table, *, skip: int = 0) -> Iterator[dict[str, Any]]:
    query = select(table).order_by(*_order(conn, table))
    if table.name == facts.name:
        query = query.where(table.c.name != UNDER_WAY)
    if skip:
        query = query.offset(skip)
    for row in conn.execute(query, execution_options={"yield_per": BATCH}):
        yield dict(row._mapping)


def _order(conn: Connection, table: Table) -> list[Any]:
    """By bytes: the database's own collation may sort hyphens and capitals otherwise."""
    columns = [table.c[name] for name in _key(table)]
    if conn.dialect.name != "postgresql":
        return list(columns)
    return [c.collate("C") if isinstance(c.type, String) else c for c in columns]


def _key(table: Table) -> list[str]:
    return [column.name for column in table.primary_key.columns]


def _as_stored(table: Table) -> Table:
    columns = [
        Column(c.name, c.type.impl if isinstance(c.type, TypeDecorator) else c.type, primary_key=c.primary_key)
        for c in table.columns
    ]
    return Table(table.name, MetaData(), *columns)


def _batches(items: Iterable[T]) -> Iterator[list[T]]:
    left = iter(items)
    while batch := list(islice(left, BATCH)):
        yield batch
