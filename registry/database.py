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

from registry.errors import DatabaseTooNew

MIGRATIONS = Path(__file__).parent / "migrations"
BUSY_S = 30


def open_registry(url: str) -> Engine:
    """The registry at `url`, with every migration of this version applied. Safe from several processes at once.

    Raises DatabaseTooNew when a newer version of sohoa has written it; nothing was changed then.
    """
    engine = _engine(url)
    with _one_at_a_time(url):
        _migrate(engine, url)
    return engine


@contextmanager
def write(engine: Engine) -> Iterator[Connection]:
    """A transaction that may write: committed at the end, undone on an error.

    On SQLite it takes the write lock at once (BEGIN IMMEDIATE), so that two processes queue instead of failing.
    """
    with engine.connect() as conn:
        conn.info["immediate"] = True
        try:
            with conn.begin():
                yield conn
        finally:
            conn.info.pop("immediate", None)


@contextmanager
def read(engine: Engine) -> Iterator[Connection]:
    """A consistent view for reading."""
    with engine.connect() as conn, conn.begin():
        yield conn


def _engine(url: str) -> Engine:
    if not url.startswith("sqlite"):
        return create_engine(url, pool_pre_ping=True)
    engine = create_engine(url, connect_args={"timeout": BUSY_S, "check_same_thread": False})

    @event.listens_for(engine, "connect")
    def _prepare(dbapi: Any, _record: Any) -> None:
        dbapi.isolation_level = None  # SQLAlchemy's begin event below opens transactions, not the driver
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", f"busy_timeout={BUSY_S * 1000}"):
            dbapi.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(conn: Connection) -> None:
        conn.exec_driver_sql("BEGIN IMMEDIATE" if conn.info.get("immediate") else "BEGIN")

    return engine


def _migrate(engine: Engine, url: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    known = {s.revision for s in ScriptDirectory.from_config(config).walk_revisions()}
    with engine.connect() as conn:
        current = MigrationContext.configure(conn).get_current_revision()
        conn.rollback()
    if current is not None and current not in known:
        raise DatabaseTooNew(f"the registry is at revision {current}, which this version does not know")
    with write(engine) as conn:
        config.attributes["connection"] = conn
        command.upgrade(config, "head")


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
