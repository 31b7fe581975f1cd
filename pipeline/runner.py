"""The loop of `sohoa run`: it turns listings into claims, starts what waits, and brings the index up to date.

Everything it does follows from the registry and the folders, so a restart needs no memory of the last run.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import threading
import time
from collections.abc import Callable
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import IO, TYPE_CHECKING

import structlog

from pipeline import decisions, intake, workflow
from pipeline.identify import looks_complete
from pipeline.intake import Taken
from pipeline.watch import Inbox, Listing, Waiting, Wakeup
from pipeline.workshop import Workshop
from registry import audit, documents, scans
from registry.database import read, write
from registry.errors import Conflict, SohoaError
from registry.values import DocumentId, DocumentState, ScanId, ScanState, utc_now, vietnam_date

if TYPE_CHECKING:
    from collections.abc import Iterator

log = structlog.get_logger("sohoa.runner")

STALL_PAUSE_S = 30.0
"""What stalled is tried again so often: soon enough for a person who just freed the disk."""
INDEX_BATCH = 50
HOUSEKEEPING_S = 3600.0


class Runner:
    """Watch, workflows and housekeeping of one installation; one runner per installation (`run.lock`)."""

    def __init__(self, shop: Workshop) -> None:
        told = shop.settings.intake
        self._shop = shop
        self._wakeup = Wakeup()
        self._inbox = Inbox(
            shop.folder("inbox"), quiet_s=told.quiet_s, give_up_s=told.give_up_incomplete_s, complete=self._complete
        )
        self._stop = threading.Event()
        self._waiting: tuple[Waiting, ...] = ()
        self._last_retry = self._last_housekeeping = 0.0

    def run(self, *, until: Callable[[], bool] = lambda: False) -> None:
        """Work until `stop()` or until `until()` holds; a failed round is logged and the next one tries again."""
        shop = self._shop
        with only_runner(shop.settings.home):
            make_inboxes(shop)
            shop.store.clear_staging()
            decisions.finish_rejections(shop)
            workflow.launch(shop)
            self._wakeup.watch(shop.folder("inbox"), polling=shop.settings.intake.polling_units)
            try:
                while not self._stop.is_set() and not until():
                    self._round()
                    self._wakeup.wait(shop.settings.intake.poll_s)
            finally:
                self._wakeup.close()
                workflow.shut_down(int(shop.settings.workers.page_timeout_s))

    def stop(self) -> None:
        """The loop ends after its present round. Callable from a signal handler."""
        self._stop.set()
        self._wakeup.set()

    def waiting(self) -> tuple[Waiting, ...]:
        """Files in the inbox that are not whole yet, as of the last listing."""
        return self._waiting

    def _round(self) -> None:
        for part in (self._take_arrivals, self._start_waiting, self._retry_stalled, self._catch_up_index, self._tidy):
            try:
                part()
            except (SohoaError, OSError) as exc:
                log.error("round_failed", part=part.__name__.strip("_"), code=workflow.error_code(exc))

    def _take_arrivals(self) -> None:
        listing: Listing = self._inbox.listing(time.monotonic())
        self._waiting = listing.waiting
        for arrival in listing.ready:
            if self._stop.is_set():
                return
            try:
                receipt = intake.take(
                    self._shop,
                    arrival.path,
                    unit_folder=arrival.unit_folder,
                    relative=arrival.relative,
                    actor="inbox",
                )
            except FileNotFoundError:
                continue
            except (SohoaError, OSError) as exc:
                log.error("not_taken", code=workflow.error_code(exc))
            else:
                if receipt.outcome != Taken.POSTPONED:
                    self._inbox.settled(arrival)

    def _start_waiting(self) -> None:
        with read(self._shop.engine) as conn:
            claimed = scans.by_state(conn, ScanState.CLAIMED)
            approved = documents.by_state(conn, DocumentState.APPROVED)
        for scan in claimed:
            if scan.staged_path:
                workflow.start_digitising(ScanId(scan.id), scan.attempt)
            elif not Path(scan.source_path).exists():
                self._forget(ScanId(scan.id))
        for document in approved:
            workflow.start_preserving(DocumentId(document.id), document.attempt)

    def _forget(self, scan_id: ScanId) -> None:
        """A claim whose file was taken back before it could be copied is withdrawn, and the audit log says so."""
        with write(self._shop.engine) as conn:
            scans.withdraw_claim(conn, scan_id)
            audit.append(conn, actor="sohoa", action="withdraw", subject=scan_id, detail={"why": "source gone"})

    def _retry_stalled(self) -> None:
        if time.monotonic() - self._last_retry < STALL_PAUSE_S:
            return
        self._last_retry = time.monotonic()
        with write(self._shop.engine) as conn:
            for scan in scans.by_state(conn, ScanState.STALLED):
                scans.retry(conn, ScanId(scan.id))
            for document in documents.by_state(conn, DocumentState.STALLED):
                documents.set_state(conn, document.id, DocumentState.APPROVED, attempt=document.attempt + 1)

    def _catch_up_index(self) -> None:
        """Documents archived while the index was away get in; those just archived are left to their workflow."""
        before = (utc_now() - timedelta(seconds=20)).isoformat(timespec="microseconds")
        with read(self._shop.engine) as conn:
            behind = documents.unindexed(conn, INDEX_BATCH, archived_before=before)
        if behind:
            workflow.index_documents(behind)

    def _tidy(self) -> None:
        if time.monotonic() - self._last_housekeeping < HOUSEKEEPING_S and self._last_housekeeping:
            return
        self._last_housekeeping = time.monotonic()
        self._shop.station.refresh()
        purge_done(
            self._shop.folder("done"), vietnam_date(utc_now()) - timedelta(days=self._shop.settings.intake.done_days)
        )

    def _complete(self, path: Path) -> bool:
        return bool(self._shop.pool.run(looks_complete, path, timeout_s=self._shop.settings.workers.page_timeout_s))


def make_inboxes(shop: Workshop) -> None:
    """Every unit in force has its inbox folder."""
    for unit in shop.catalogue.units_on(vietnam_date(utc_now())):
        (shop.folder("inbox") / unit.inbox).mkdir(parents=True, exist_ok=True)


def purge_done(done: Path, before: date) -> None:
    """Day folders of `done/<unit>/` older than `before` are gone: what lay in them is in the archive."""
    for day in done.glob("*/????-??-??"):
        if day.name < before.isoformat():
            shutil.rmtree(day)


@contextmanager
def only_runner(home: Path) -> Iterator[None]:
    """Holds the installation's run lock; a crash frees it. Raises Conflict when another runner has it."""
    lock: IO[str] = (home / "run.lock").open("a+")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as exc:
        lock.close()
        raise Conflict("another `sohoa run` works on this installation") from exc
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
