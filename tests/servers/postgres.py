"""A PostgreSQL of the tests' own: a fresh cluster on loopback, gone with the test."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from tests.servers import Server, free_port

PROGRAMS = Path("/usr/lib/postgresql")
USER = "sohoa"
FAST = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")
"""Enough where no test pulls the plug of the machine: a killed server keeps what it gave to the kernel."""


class PostgresServer(Server):
    """The postmaster. `stop` ends it at once and in order, also under open connections; `kill` is a crash."""

    def start(self) -> None:
        """The server answers. After a crash it first waits for the orphans to notice, as the postmaster demands."""
        until = time.monotonic() + 10
        while True:
            try:
                return super().start()
            except AssertionError as exc:
                if "pre-existing shared memory block" not in str(exc) or time.monotonic() > until:
                    raise
                time.sleep(0.2)

    def stop(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait(60)


class Postgres:
    """A running cluster. The connecting user may do anything; connections need no password."""

    def __init__(self, server: PostgresServer, port: int, data: Path) -> None:
        self.server, self.port, self.data = server, port, data

    def url(self, database: str) -> str:
        """Address of this database for SQLAlchemy; it is created empty when there is none."""
        with psycopg.connect(self._address("postgres"), autocommit=True) as conn:
            if conn.execute("SELECT 1 FROM pg_database WHERE datname = %s", (database,)).fetchone() is None:
                conn.execute(psycopg.sql.SQL("CREATE DATABASE {}").format(psycopg.sql.Identifier(database)))
        return self.url_of(database)

    def url_of(self, database: str) -> str:
        """The same without asking the server, which may be away."""
        return f"postgresql+psycopg://{USER}@127.0.0.1:{self.port}/{database}"

    def _address(self, database: str) -> str:
        return f"postgresql://{USER}@127.0.0.1:{self.port}/{database}?connect_timeout=5"


@contextmanager
def postgres(folder: Path, *, durable: bool = False, settings: tuple[str, ...] = ()) -> Iterator[Postgres]:
    """A fresh cluster, stopped and removed afterwards. durable: fsync and full pages, for crashes of a machine.

    settings: more of postgresql.conf as `name=value`. The log is `folder/postgres.log`. The data lie in `folder` when
    the server's account can reach it, else (pytest's folders under root are closed to others) beside it in the
    system's temporary folder.
    """
    data = _data_folder(folder)
    try:
        _run("initdb", "-D", str(data), "-U", USER, "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync")
        port = free_port()
        options = ["listen_addresses=127.0.0.1", f"port={port}", "unix_socket_directories=", *settings]
        options += [] if durable else FAST
        command = [*_as_server(), str(_program("postgres")), "-D", str(data)]
        server = PostgresServer(
            [*command, *(part for option in options for part in ("-c", option))],
            answers=lambda: _answers(port),
            log=folder / "postgres.log",
        )
        try:
            yield Postgres(server, port, data)
        finally:
            server.stop()
    finally:
        shutil.rmtree(data, ignore_errors=True)


def _answers(port: int) -> bool:
    with psycopg.connect(f"postgresql://{USER}@127.0.0.1:{port}/postgres?connect_timeout=2") as conn:
        return conn.execute("SELECT 1").fetchone() is not None


def _data_folder(folder: Path) -> Path:
    if os.geteuid() != 0:
        data = folder / "postgres"
        data.mkdir(mode=0o700)
        return data
    reachable = all(part.stat().st_mode & 0o001 for part in (folder.resolve(), *folder.resolve().parents))
    data = Path(tempfile.mkdtemp(prefix="sohoa-postgres-", dir=folder if reachable else None))
    account = pwd.getpwnam("postgres")
    os.chown(data, account.pw_uid, account.pw_gid)
    return data


def _as_server() -> list[str]:
    """initdb and postgres refuse root: under root they run as the package's own account."""
    if os.geteuid() != 0:
        return []
    return ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", "--"]


def _run(name: str, *arguments: str) -> None:
    command = [*_as_server(), str(_program(name)), *arguments]
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd="/")
    assert done.returncode == 0, done.stderr[-2000:]


def _program(name: str) -> Path:
    found = sorted(PROGRAMS.glob(f"*/bin/{name}"), key=lambda path: int(path.parts[-3].split(".")[0]))
    assert found, f"{name} of PostgreSQL is not installed below {PROGRAMS}"
    return found[-1]
