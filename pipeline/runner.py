"""The loop of `sohoa watch`: it turns listings into claims, starts what waits, and keeps the house.

Everything it does follows from the registry and the folders, so a restart needs no memory of the last run. One runner
per installation works at a time; workers (pipeline.worker) read, sign and archive, here or on other machines.
"""

from __future__ import annotations

import json
import os
import shutil
import threading
import time
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from functools import partial
from pathlib import Path

import structlog

from pipeline import decisions, deferred, intake, two_passes, workflow
from pipeline.crew import Crew
from pipeline.daily import Daily
from pipeline.dispatch import Dispatch
from pipeline.gatekeeper import Gatekeeper
from pipeline.identify import looks_complete
from pipeline.indexer import Indexer
from pipeline.intake import Receipt, Taken
from pipeline.landing import landing
from pipeline.renewal import Renewer
from pipeline.run_lock import only_runner
from pipeline.turns import Turns
from pipeline.two_passes import Found, Sides
from pipeline.watch import Arrival, Inbox, Listing, Waiting, Wakeup
from pipeline.worker import Worker
from pipeline.workshop import Workshop
from registry import audit, documents, scans, workers
from registry.database import read, write
from registry.values import DocumentState, ScanId, ScanState, utc_now, vietnam_date

log = structlog.get_logger("sohoa.runner")

STALL_PAUSE_S = 30.0
"""What stalled is tried again so often: soon enough for a person who just freed the disk."""
HOUSEKEEPING_S = 3600.0
WORKFLOWS_KEPT = timedelta(days=7)
"""Ended workflows stay so long for whoever looks into what happened."""
TAKING_S = 1.0
"""One round takes arrivals for about so long, then lets the others have their turn: a flood delays nobody's start."""


class Runner:
    """Watch, turns and housekeeping of one installation; `executing`: it is a worker as well (`sohoa run`)."""

    def __init__(self, shop: Workshop, *, executing: bool = True) -> None:
        told = shop.settings.intake
        self._shop = shop
        self._executing = executing
        self._wakeup = Wakeup()
        self._inbox = Inbox(
            shop.folder("inbox"),
            quiet_s=told.quiet_s,
            give_up_s=told.give_up_incomplete_s,
            complete=self._complete,
            priority=lambda relative: intake.priority_of(shop, relative),
        )
        self._stop = threading.Event()
        self._waiting: tuple[Waiting, ...] = ()
        self._hindered: dict[Path, str] = {}
        self._taken: dict[Path, ScanId] = {}
        self._sides = Sides(shop)
        self._gatekeeper = Gatekeeper(shop)
        self._turns: Turns | None = None
        self._dispatch: Dispatch | None = None
        self._last_retry = self._last_housekeeping = 0.0

    def run(self, *, until: Callable[[], bool] = lambda: False, wait: bool = False) -> None:
        """Work until `stop()` or until `until()` holds; a failed round is logged and the next one tries again.

        wait: stand by while another runner works on the installation. Raises Conflict when one does and wait is
        False, and when the inbox belongs to another installation; ServiceUnavailable when a server does not answer.
        """
        shop, told = self._shop, self._shop.settings
        with only_runner(told.home, wait=self._stop if wait else None):
            if self._stop.is_set():
                return
            shop.store.check()
            intake.own_inbox(shop)
            make_inboxes(shop)
            with read(shop.engine) as conn:
                others = any(row.alive and row.role == "worker" for row in workers.listing(conn))
            if not others:
                shop.store.clear_staging()
            decisions.finish_rejections(shop)
            dispatch = self._dispatch = Dispatch(told.registry_url)
            self._turns = Turns(shop, dispatch)
            presence: Worker | Crew
            if self._executing:
                presence = Worker(shop, dispatch, told.instance, role="run")
            else:
                presence = Crew(shop, dispatch, instance=f"{told.instance}-watch", role="watch")
            indexer, daily, renewer = Indexer(shop), Daily(shop), Renewer(shop)
            presence.join()
            self._gatekeeper.start()
            indexer.start()
            daily.start()
            renewer.start()
            self._wakeup.watch(shop.folder("inbox"), polling=told.intake.polling_units)
            try:
                while not self._stop.is_set() and not until():
                    hurry = self._round()
                    self._wakeup.wait(0.0 if hurry else told.intake.poll_s)
            finally:
                self._wakeup.close()
                self._gatekeeper.stop()
                daily.stop()
                renewer.stop()
                presence.leave()
                indexer.stop()
                dispatch.close()

    def stop(self) -> None:
        """The loop ends after its present round. Callable from a signal handler."""
        self._stop.set()
        self._wakeup.set()

    def waiting(self) -> tuple[Waiting, ...]:
        """Files in the inbox that are not taken yet, as of the last listing."""
        return self._waiting

    def _round(self) -> bool:
        """One turn of everything; True when there is more to take at once."""
        more = False
        for part in (self._take_arrivals, self._start_waiting, self._retry_stalled, self._clear_sources, self._tidy):
            try:
                more = bool(part()) or more
            except Exception as exc:
                # nothing may end the loop: what fails is told, and tried again in the next round
                log.error("round_failed", part=part.__name__.strip("_"), code=workflow.error_code(exc))
        return more

    def _take_arrivals(self) -> bool:
        listing: Listing = self._inbox.listing(time.monotonic())
        found = self._sides.found(listing, time.monotonic())
        hindered: dict[Path, str] = self._take_sides(found)
        until, left = time.monotonic() + TAKING_S, list(found.others)
        while left and not self._stop.is_set() and time.monotonic() < until:
            arrival = left.pop(0)
            if (code := self._take(arrival)) is not None:
                hindered[arrival.path] = code
        self._hindered = {p: c for p, c in self._hindered.items() if p in {a.path for a in left}} | hindered
        since = time.monotonic()
        held_up = [Waiting(a.path, a.unit_folder, self._hindered.get(a.path, "queued"), since) for a in left]
        held_up += [Waiting(a.path, a.unit_folder, c, since) for a in listing.ready if (c := hindered.get(a.path))]
        self._waiting = (*listing.waiting, *found.waiting, *held_up)
        post_waiting(self._shop, self._waiting)
        return bool(left) or any(w.why == "queued" for w in self._waiting)

    def _take_sides(self, found: Found) -> dict[Path, str]:
        """Claims the pairs; what hinders which file."""
        hindered: dict[Path, str] = {}
        for arrival, scan_id in found.known:
            if (code := self._claim((arrival,), partial(two_passes.see_again, self._shop, scan_id))) is not None:
                hindered[arrival.path] = code
        until = time.monotonic() + TAKING_S
        for pair in found.pairs:
            if self._stop.is_set() or time.monotonic() > until:
                hindered |= {arrival.path: "queued" for arrival in pair.files}
                continue
            code = self._claim(pair.files, partial(two_passes.take_pair, self._shop, pair, actor="inbox"))
            if code is not None:
                hindered |= {arrival.path: code for arrival in pair.files}
        return hindered

    def _take(self, arrival: Arrival) -> str | None:
        """Claims the file; the code of what hinders it, None when nothing does."""
        take = partial(
            intake.take,
            self._shop,
            arrival.path,
            unit_folder=arrival.unit_folder,
            relative=arrival.relative,
            actor="inbox",
            priority=arrival.priority,
        )
        return self._claim((arrival,), take)

    def _claim(self, arrivals: Sequence[Arrival], take: Callable[[], Receipt]) -> str | None:
        """Claims the file, or both sides of one scan; the code of what hinders it, None when nothing does."""
        try:
            receipt = take()
        except FileNotFoundError:
            return None
        except Exception as exc:
            # one file harms only itself
            code = workflow.error_code(exc)
            log.error("not_taken", code=code)
            return code
        if receipt.outcome != Taken.POSTPONED:
            for arrival in arrivals:
                self._inbox.settled(arrival)
                if receipt.scan_id:
                    self._taken[arrival.path] = receipt.scan_id
            if receipt.outcome == Taken.CLAIMED and receipt.scan_id:
                self._gatekeeper.arrived(receipt.scan_id)
        return None

    def _start_waiting(self) -> None:
        with read(self._shop.engine) as conn:
            unstaged = scans.unstaged(conn)
        for scan in unstaged:
            files = intake.received(self._shop, scan)
            missing = [f for f in files if len(files) == 1 or not f.staged.exists()]
            if not missing:  # both passes are at hand, and the registry was not told
                two_passes.see_again(self._shop, ScanId(scan.id))
            elif any(not f.source.exists() and self._inbox_is_there(f.source) for f in missing):
                for file in files:
                    file.staged.unlink(missing_ok=True)
                self._forget(ScanId(scan.id))
        if self._turns is not None:
            self._turns.start_waiting()

    def _inbox_is_there(self, source: Path) -> bool:
        """Whether the unit's folder can be seen: a share that is away says nothing about the files on it."""
        inbox = self._shop.folder("inbox")
        parents = [p for p in source.parents if inbox in p.parents]
        return inbox.is_dir() and all(p.is_dir() for p in parents[-1:])

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
        deferred.go_on_where_keys_came(self._shop)

    def _clear_sources(self) -> None:
        """Sources of settled scans that could not leave the inbox then (a share was away) leave it now."""
        self._taken = {path: scan_id for path, scan_id in self._taken.items() if path.exists()}
        if not self._taken:
            return
        with read(self._shop.engine) as conn:
            ended = set(scans.settled(conn, list(self._taken.values())[:500]))
        for path, scan_id in list(self._taken.items()):
            if scan_id in ended:
                intake.clear_source(self._shop, scan_id)
                self._taken.pop(path, None)

    def _tidy(self) -> None:
        if time.monotonic() - self._last_housekeeping < HOUSEKEEPING_S and self._last_housekeeping:
            return
        self._last_housekeeping = time.monotonic()
        self._shop.station.refresh()
        with write(self._shop.engine) as conn:
            workers.forget_ended(conn)
        if self._dispatch is not None:
            self._dispatch.forget_ended(utc_now() - WORKFLOWS_KEPT)
        purge_done(
            self._shop.folder("done"), vietnam_date(utc_now()) - timedelta(days=self._shop.settings.intake.done_days)
        )

    def _complete(self, path: Path) -> bool:
        return bool(self._shop.gate.run(looks_complete, path, timeout_s=self._shop.settings.workers.page_timeout_s))


def post_waiting(shop: Workshop, waiting: tuple[Waiting, ...]) -> None:
    """What waits in the inbox stands in the work folder, for the pages of other processes. Repeatable."""
    now, posted = time.monotonic(), shop.folder("work") / "waiting.json"
    rows = [[os.fsencode(w.path).hex(), w.unit_folder, w.why, round(now - w.since, 1)] for w in waiting[:500]]
    if not rows and not posted.exists():
        return
    with landing(posted) as part:
        part.write_text(json.dumps({"at": time.time(), "files": rows}), encoding="utf-8", errors="replace")


def posted_waiting(shop: Workshop) -> tuple[Waiting, ...]:
    """What the runner posted last; nothing when it never did."""
    try:
        told = json.loads((shop.folder("work") / "waiting.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return ()
    ago, now = time.time() - told["at"], time.monotonic()
    return tuple(
        Waiting(Path(os.fsdecode(bytes.fromhex(path))), unit, why, now - waited - ago)
        for path, unit, why, waited in told["files"]
    )


def make_inboxes(shop: Workshop) -> None:
    """Every unit in force has its inbox folder."""
    for unit in shop.catalogue.units_on(vietnam_date(utc_now())):
        (shop.folder("inbox") / unit.inbox).mkdir(parents=True, exist_ok=True)


def purge_done(done: Path, before: date) -> None:
    """Day folders of `done/<unit>/` older than `before` are gone: what lay in them is in the archive."""
    for day in done.glob("*/????-??-??"):
        if day.name < before.isoformat():
            shutil.rmtree(day)
