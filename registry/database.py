"""Opening the registry: SQLite (WAL) or PostgreSQL, migrated to this version, refused when newer."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DataError, DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from registry.errors import Conflict, DatabaseTooNew, ServiceUnavailable

MIGRATIONS = Path(__file__).parent / "migrations"
BUSY_S = 30
CONNECTIONS, MORE_CONNECTIONS = 5, 15
"""Kept open, and opened besides when many ask at once: per process, so 20 machines stay below 500."""
SQLITE = (
    "journal_mode=WAL",
    "synchronous=FULL",
    "foreign_keys=ON",
    f"busy_timeout={BUSY_S * 1000}",
    "cache_size=-16000",
)
"""16 MB of pages per connection: the upper levels of the indexes of a million records stay at hand."""
POSTGRES = {
    "connect_timeout": 5,
    "keepalives": 1,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 25_000,
    "application_name": "sohoa",
    "options": " ".join(
        f"-c {setting}"
        for setting in ("statement_timeout=300s", "lock_timeout=30s", "idle_in_transaction_session_timeout=300s")
    ),
}
"""A server that is gone is noticed within half a minute; a question that hangs ends, so that its caller tries again."""


def open_registry(url: str, *, upto: str = "head") -> Engine:
    """The registry at `url`, with every migration of this version applied. Safe from several processes at once.

    upto: an earlier revision, for rows that were written under it. Raises DatabaseTooNew when a newer version of sohoa
    has written it; nothing was changed then. Raises ServiceUnavailable when the server does not answer.
    """
    engine = _engine(url)
    try:
        with _told(), _one_at_a_time(url):
            _migrate(engine, url, upto)
    except Exception:
        engine.dispose()
        raise
    return engine


@contextmanager
def write(engine: Engine) -> Iterator[Connection]:
    """A transaction that may write: committed at the end, undone on an error.

    On SQLite it takes the write lock at once (BEGIN IMMEDIATE), so that two processes queue instead of failing. On
    PostgreSQL each statement sees what others have committed before it (READ COMMITTED).
    Raises ServiceUnavailable when the database does not answer, is full or gives up on a lock: where that happens at
    the very end, it is unknown whether the transaction stands. Raises Conflict for a value that no column can hold.
    """
    with _told(), engine.connect() as conn:
        conn.info["immediate"] = True
        try:
            with conn.begin():
                yield conn
        finally:
            conn.info.pop("immediate", None)


@contextmanager
def read(engine: Engine) -> Iterator[Connection]:
    """A consistent view for reading: what others commit meanwhile is not seen. Raises ServiceUnavailable."""
    with _told(), engine.connect() as conn:
        if engine.dialect.name == "postgresql":
            conn.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        with conn.begin():
            yield conn


@contextmanager
def _told() -> Iterator[None]:
    """Failures of the database in the words of registry.errors, never with the values of a statement."""
    try:
        yield
    except (OperationalError, InterfaceError, PoolTimeout) as exc:
        raise ServiceUnavailable(f"the registry: {type(getattr(exc, 'orig', exc)).__name__}") from exc
    except DataError as exc:
        raise Conflict(f"a value does not fit the registry: {type(exc.orig).__name__}") from exc
    except DBAPIError as exc:
        if exc.connection_invalidated:
            raise ServiceUnavailable(f"the registry: {type(exc.orig).__name__}") from exc
        raise


def _engine(url: str) -> Engine:
    if not url.startswith("sqlite"):
        return create_engine(
            url,
            pool_size=CONNECTIONS,
            max_overflow=MORE_CONNECTIONS,
            pool_timeout=BUSY_S,
            pool_pre_ping=True,
            pool_recycle=1800,
            hide_parameters=True,
            isolation_level="READ COMMITTED",
            connect_args={**POSTGRES, **_own_arguments(url)},
        )
    engine = create_engine(
        url, hide_parameters=True, connect_args={"timeout": BUSY_S, "check_same_thread": False}, max_overflow=35
    )

    @event.listens_for(engine, "connect")
    def _prepare(dbapi: Any, _record: Any) -> None:
        dbapi.isolation_level = None  # SQLAlchemy's begin event below opens transactions, not the driver
        for pragma in SQLITE:
            dbapi.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(conn: Connection) -> None:
        conn.exec_driver_sql("BEGIN IMMEDIATE" if conn.info.get("immediate") else "BEGIN")

    return engine


def _own_arguments(url: str) -> dict[str, Any]:
    """What the address itself says of the connection stands above our defaults."""
    return {name: value for name, value in make_url(url).query.items() if name in POSTGRES}


def revision(conn: Connection) -> str:
    """The revision that the tables are at."""
    return MigrationContext.configure(conn).get_current_revision() or ""


def _migrate(engine: Engine, url: str, upto: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    known = {s.revision for s in ScriptDirectory.from_config(config).walk_revisions()}
    with engine.connect() as conn:
        current = MigrationContext.configure(conn).get_current_revision()
        conn.rollback()
    for told in (current, upto if upto != "head" else None):
        if told is not None and told not in known:
            raise DatabaseTooNew(f"the registry is at revision {told}, which this version does not know")
    with write(engine) as conn:
        config.attributes["connection"] = conn
        command.upgrade(config, upto)


@contextmanager
def _one_at_a_time(url: str) -> Iterator[None]:
    """Two processes that start together migrate one after the other (PostgreSQL locks in migrations/env.py)."""
    database = make_url(url).database
    if not url.startswith("sqlite") or not database or database == ":memory:":
        yield
        return
    with Path(f"{database}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
