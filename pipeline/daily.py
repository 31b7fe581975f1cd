"""What is done once a day beside the work: count what came in against where it is, keep a backup in the archive,
seal the audit log there, and read a share of the archive again.

While the last count had differences it is made every hour: what was mended does not stay on the screen for a day.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta

import structlog

from pipeline import backup, disposal, fixity, reconcile, sealing
from pipeline.holds import Homes
from pipeline.workflow import error_code
from pipeline.workshop import Workshop
from registry import facts
from registry.database import read
from registry.errors import PinNeeded
from registry.values import utc_now

log = structlog.get_logger("sohoa.daily")

FIRST_S = 600.0
"""A start is busy enough: what is overdue waits so long."""
PAUSE_S = 60.0
AFTER_FAILURE_S = 3600.0
DAY, HOUR = timedelta(hours=24), timedelta(hours=1)


class Daily:
    """A thread of the runner. When something is due follows from the registry, so restarts neither skip nor repeat.

    standing_in: a thread of a worker, which does what the runner could not do an hour after it was due: it seals the
    audit log where the PIN of the key is typed, and was typed to the workers.
    """

    def __init__(self, shop: Workshop, *, standing_in: bool = False) -> None:
        self._shop = shop
        self._standing_in = standing_in
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, name="daily", daemon=True)
        self._not_before: dict[str, float] = {}

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Nothing is begun any more; what runs is safe to interrupt and done again after the next start."""
        self._stop.set()
        self._thread.join(5)

    def run_due(self, now: float) -> None:
        """What is due is done; what fails is told and due again in an hour. now: seconds of a steady clock."""
        chores: tuple[tuple[str, Callable[[], object]], ...] = (
            (reconcile.FACT, lambda: reconcile.reconcile_and_keep(self._shop)),
            (backup.FACT, lambda: backup.daily_backup(self._shop)),
            ("retention", lambda: self._learn_retention(now)),
            ("disposal", lambda: disposal.carry_out_approved(self._site())),
            # a portion at a time: how much of the day's share is left it knows itself
            ("fixity", lambda: fixity.daily_share(self._shop.engine, self._shop.store, stop=self._stop.is_set)),
            (sealing.FACT, lambda: self._seal(now)),
        )
        for name, chore in chores[-1:] if self._standing_in else chores:
            if self._stop.is_set() or now < self._not_before.get(name, 0.0):
                continue
            try:
                if self._is_due(name):
                    chore()
            except Exception as exc:
                self._not_before[name] = now + AFTER_FAILURE_S
                log.error("daily_failed", chore=name, code=error_code(exc))

    def _seal(self, now: float) -> None:
        """Where nobody typed the PIN to this process, it is left to those to whom it was typed."""
        try:
            sealing.seal_log(self._shop, due=lambda: self._is_due(sealing.FACT))
        except PinNeeded as exc:
            self._not_before[sealing.FACT] = now + AFTER_FAILURE_S
            log.warning("sealing_left_to_workers", code=exc.code)

    def _learn_retention(self, now: float) -> None:
        """Of what was archived before the registry was told; what cannot be read is asked again in an hour."""
        if not disposal.learn_retention(self._shop.engine, self._shop.store):
            self._not_before["retention"] = now + AFTER_FAILURE_S

    def _site(self) -> disposal.Site:
        shop = self._shop
        return disposal.Site(shop.engine, Homes(shop.store, shop.replica), shop.index, shop.folder("work"))

    def _is_due(self, name: str) -> bool:
        """Whether it was a day ago, by a clock that may have jumped either way; what has no fact always is."""
        with read(self._shop.engine) as conn:
            known = facts.get(conn, name)
            account = reconcile.last(conn) if name == reconcile.FACT else None
        every = DAY if account is None or account[0].ok else HOUR
        if self._standing_in:
            every += HOUR
        return known is None or abs(utc_now() - datetime.fromisoformat(known[1])) >= every

    def _work(self) -> None:
        pause = FIRST_S
        while not self._stop.wait(pause):
            self.run_due(time.monotonic())
            pause = PAUSE_S
