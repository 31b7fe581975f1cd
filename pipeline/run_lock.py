"""The lock that one runner of an installation holds: `run.lock` of its home."""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from registry.errors import Conflict


@contextmanager
def only_runner(home: Path, wait: threading.Event | None = None) -> Iterator[None]:
    """Holds the installation's run lock; a crash frees it. Raises Conflict when another runner has it.

    wait: stand by instead until the lock is free, or this event is set.
    """
    lock: IO[str] = (home / "run.lock").open("a+")
    while not _locked(lock):
        if wait is None:
            lock.close()
            raise Conflict("another `sohoa run` works on this installation")
        if wait.wait(1.0):
            break
    try:
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield
    finally:
        lock.close()


def runner_is_alive(home: Path) -> bool:
    """Whether some process works on this installation now."""
    try:
        with only_runner(home):
            return False
    except Conflict:
        return True


def _locked(lock: IO[str]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
