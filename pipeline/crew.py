"""This process among the others of the installation: its heartbeat, and what becomes of the work of one that is gone.

A beat is a number that grows. Whoever lives watches the numbers of the others by its own steady clock, so that a jump
of anybody's wall clock declares nobody dead. Work of a process whose number stood still for LOST_AFTER_S goes back to
the queue; should that process wake up again, it finds itself given up and ends, to be started anew by its supervisor.
"""

from __future__ import annotations

import fcntl
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import structlog
from sqlalchemy import Engine

from pipeline.dispatch import APPLICATION_VERSION, Dispatch
from pipeline.workshop import Workshop
from registry import workers
from registry.database import read, write
from registry.errors import SohoaError

log = structlog.get_logger("sohoa.crew")

BEAT_S = 5.0
LOST_AFTER_S = 30.0
"""Six beats missed; with the beat's own pause, work is taken over within 40 seconds (wanted: 60)."""
GIVEN_UP = 75
"""Exit code of a process that found itself given up (EX_TEMPFAIL: start me again)."""


class Crew:
    """The heartbeat of one process, under one name, and its lookout for the others."""

    def __init__(
        self,
        shop: Workshop,
        dispatch: Dispatch,
        *,
        instance: str,
        role: str,
        when_lost: Callable[[], None] | None = None,
    ) -> None:
        self._shop, self._dispatch, self._instance, self._role = shop, dispatch, instance, role
        self._when_lost = when_lost or _end_now
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._beat_on, name="heartbeat", daemon=True)
        self._seen: dict[str, tuple[int, float]] = {}

    def join(self) -> None:
        """The process is known as working and beats from now on."""
        with write(self._shop.engine) as conn:
            workers.register(
                conn, instance=self._instance, role=self._role, host=socket.gethostname(), version=APPLICATION_VERSION
            )
        self._thread.start()

    def drain(self) -> None:
        """The others see that this process takes nothing new; it goes on beating."""
        self._tell("draining")

    def leave(self) -> None:
        """The process has ended its work; what it left under way may be taken over at once."""
        self._stop.set()
        self._thread.join(2 * BEAT_S)
        self._tell("stopped")

    def look_around(self, now: float) -> None:
        """Processes that stood still are given up, and work of those that are gone waits in the queue again.

        now: seconds of a steady clock.
        """
        with read(self._shop.engine) as conn:
            rows = workers.listing(conn)
        living = {row.instance for row in rows if row.alive}
        for row in rows:
            if row.alive and row.instance != self._instance and self._stood_still(row, now):
                with write(self._shop.engine) as conn:
                    if workers.give_up(conn, row.instance, row.beat):
                        living.discard(row.instance)
                        log.error("worker_lost", instance=row.instance)
        for work in self._dispatch.under_way().values():
            orphaned = work.executor is not None and work.executor not in living
            if orphaned and work.version == APPLICATION_VERSION and self._dispatch.take_over(work):
                log.warning("taken_over", workflow=work.workflow_id, of=work.executor)

    def _stood_still(self, row: workers.WorkerRow, now: float) -> bool:
        beat, since = self._seen.get(row.instance, (-1, now))
        if beat != row.beat:
            self._seen[row.instance] = (row.beat, now)
            return False
        return now - since > LOST_AFTER_S

    def _beat_on(self) -> None:
        while not self._stop.wait(BEAT_S):
            try:
                with write(self._shop.engine) as conn:
                    alive = workers.beat(conn, self._instance)
                if not alive:
                    log.error("given_up", instance=self._instance)
                    self._when_lost()
                    return
                self.look_around(time.monotonic())
            except SohoaError as exc:
                # while nobody can be seen, nobody's silence means anything
                self._seen.clear()
                log.warning("no_heartbeat", code=exc.code)
            except Exception as exc:
                self._seen.clear()
                log.error("no_heartbeat", code=f"internal:{type(exc).__name__}")

    def _tell(self, state: str) -> None:
        try:
            with write(self._shop.engine) as conn:
                workers.set_state(conn, self._instance, state)
        except SohoaError as exc:
            log.warning("not_told", state=state, code=exc.code)


def end_if_given_up(engine: Engine, instance: str) -> None:
    """This process goes on only while the others count on it: one that woke up from standing still ends here, before it
    decides anything about work that is theirs by now."""
    with read(engine) as conn:
        given_up = workers.is_lost(conn, instance)
    if given_up:
        log.error("given_up", instance=instance)
        _end_now()


@contextmanager
def worker_name(work: Path) -> Iterator[str]:
    """A name that no other worker of this host bears, and the same again after a restart: `<host>-<number>`.

    Kept by a lock in the shared work folder, so that what was under way goes on under the same name at once.
    """
    host = socket.gethostname()[:80]
    folder = work / "workers"
    folder.mkdir(parents=True, exist_ok=True)
    number = 1
    while True:
        lock = (folder / f"{host}-{number}.lock").open("a")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            number += 1
            continue
        try:
            yield f"{host}-{number}"
        finally:
            lock.close()
        return


def _end_now() -> None:
    os._exit(GIVEN_UP)
