"""Turns at writing, between processes of one machine: who has it keeps it until another asks, so that a writer with
work in the background is not closed for nothing and nobody waits for ever.

Two locks of the kernel, which it frees when a process dies: `writer.lock` is held by whose turn it is, `asking.lock`
by who wants it next.
"""

from __future__ import annotations

import fcntl
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from registry.errors import ServiceUnavailable

LOOK_S = 0.3
"""So often who has the turn looks whether somebody asks for it."""
TRY_S = 0.02


class FileLock:
    """An advisory lock on a file. Not shared by threads: each needs its own."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._open: int | None = None

    def take(self) -> bool:
        """Whether it is ours now; never waits. Raises OSError."""
        if self._open is None:
            self._open = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        try:
            fcntl.flock(self._open, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def is_taken(self) -> bool:
        """Whether somebody else has it. Raises OSError."""
        try:
            return not self.take()
        finally:
            self.free()

    def free(self) -> None:
        """It is anybody's. Safe to repeat."""
        if self._open is not None:
            os.close(self._open)
            self._open = None


class Turns:
    """This process's turns at writing in `folder`. `stop` is called before a turn is given away; it must not fail."""

    def __init__(self, folder: Path, stop: Callable[[], None]) -> None:
        self._ours, self._asking, self._others = (
            FileLock(folder / name) for name in ("writer.lock", "asking.lock", "asking.lock")
        )
        self._stop = stop
        self._threads = threading.Lock()
        self._has = False
        self._given = threading.Event()

    @contextmanager
    def taken(self, patience_s: float) -> Iterator[None]:
        """It is this thread's turn, alone on this machine. Raises ServiceUnavailable when it was not in that time."""
        until = time.monotonic() + patience_s
        if not self._threads.acquire(timeout=patience_s):
            raise ServiceUnavailable("another thread writes the index")
        try:
            if not self._has:
                self._ask(until)
            yield
        finally:
            self._threads.release()

    def give_up(self) -> None:
        """The turn is anybody's. Safe to repeat."""
        with self._threads:
            self._give()

    def _ask(self, until: float) -> None:
        try:
            for lock in (self._asking, self._ours):
                while not lock.take():
                    if time.monotonic() > until:
                        raise ServiceUnavailable("another process writes the index")
                    time.sleep(TRY_S)
        except OSError as exc:
            raise ServiceUnavailable("the index's folder cannot be written") from exc
        finally:
            self._asking.free()
        self._has, self._given = True, threading.Event()
        threading.Thread(target=self._look_out, args=(self._given,), name="index-turn", daemon=True).start()

    def _look_out(self, given: threading.Event) -> None:
        """Gives the turn away when another process asks."""
        while not given.wait(LOOK_S):
            if self._threads.acquire(blocking=False):
                try:
                    if not given.is_set() and self._is_wanted():
                        self._give()
                finally:
                    self._threads.release()

    def _is_wanted(self) -> bool:
        try:
            return self._others.is_taken()
        except OSError:
            return False

    def _give(self) -> None:
        if self._has:
            self._stop()
            self._ours.free()
            self._has = False
            self._given.set()
