"""What starts next: the desk before the back-file, the units in turn, and anew what nobody works on any more.

The registry holds all that waits; only a short stretch of it is handed to the queue at a time. So a unit that drops
five thousand scans takes its turns between the others, and a citizen at the desk waits behind a few pages at most.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import structlog

from pipeline.dispatch import APPLICATION_VERSION, DIGITISE, Dispatch, UnderWay, digitising, preserving
from pipeline.workshop import Workshop
from registry import documents, scans, workers
from registry.database import read, write
from registry.documents import DocumentRow
from registry.scans import ScanRow
from registry.values import DocumentId, DocumentState, ScanId

log = structlog.get_logger("sohoa.turns")

LEAST_WINDOW = 8
LEFT_BEHIND = 3
"""So many rounds in a row nobody may work on something that is under way, before it is started anew."""


class Turns:
    """Starts what waits. One per installation: the runner's."""

    def __init__(self, shop: Workshop, dispatch: Dispatch) -> None:
        self._shop, self._dispatch = shop, dispatch
        self._idle_rounds: Counter[str] = Counter()

    def start_waiting(self) -> None:
        """Approved documents and the next scans in turn are handed to the queue; what was left behind starts anew."""
        with read(self._shop.engine) as conn:
            alive = [row for row in workers.listing(conn) if row.alive]
            window = max(LEAST_WINDOW, 4 * self._shop.settings.workers.processes * max(1, len(alive)))
            begun = scans.being_read(conn)
            preserving_now = documents.by_state(conn, DocumentState.SIGNED, most=4 * window)
            approved = documents.by_state(conn, DocumentState.APPROVED, most=4 * window)
        work = self._finishable(self._dispatch.under_way(), alive)
        with read(self._shop.engine) as conn:
            claimed = scans.next_in_turn(conn, window)
        idle: set[str] = set()
        for document in (*approved, *preserving_now)[: 4 * window]:
            self._preserve(document, work, idle)
        for scan in begun:
            if (workflow := digitising(scan.id, scan.attempt)) not in work:
                idle.add(workflow)
                self._restart_scan(scan, workflow)
        for scan in self._choose(claimed, begun, work, window):
            workflow = digitising(scan.id, scan.attempt)
            idle.add(workflow)
            if not self._restart_scan(scan, workflow):
                self._dispatch.start_digitising(ScanId(scan.id), scan.attempt, scan.priority)
        self._idle_rounds = Counter({name: n for name, n in self._idle_rounds.items() if name in idle})

    def _finishable(self, work: Mapping[str, UnderWay], alive: list[workers.WorkerRow]) -> dict[str, UnderWay]:
        """What will be finished by somebody. Workflows of a version that no living process runs are given up: the
        registry still knows what they were for (a rolling upgrade)."""
        versions = {row.version for row in alive} | {APPLICATION_VERSION}
        names = {row.instance for row in alive}
        kept = {}
        for name, entry in work.items():
            if entry.version in versions or entry.executor in names:
                kept[name] = entry
            else:
                self._dispatch.give_up(entry)
                log.warning("given_up", workflow=name, version=entry.version)
        return kept

    def _choose(
        self, claimed: list[ScanRow], begun: list[ScanRow], work: Mapping[str, UnderWay], window: int
    ) -> list[ScanRow]:
        """The next scans: by priority, then by how many of their unit's stand before them, then by age."""
        busy = Counter(scan.unit for scan in begun)
        waiting: list[tuple[int, int, str, ScanRow]] = []
        for scan in claimed:
            if digitising(scan.id, scan.attempt) in work:
                busy[scan.unit] += 1
        for scan in claimed:
            if digitising(scan.id, scan.attempt) not in work:
                waiting.append((scan.priority, busy[scan.unit], scan.received_at.isoformat(), scan))
                busy[scan.unit] += 1
        chosen: list[ScanRow] = []
        handed_out = [entry.priority for entry in work.values()]
        for priority, _, _, scan in sorted(waiting, key=lambda entry: entry[:3]):
            # an urgent scan finds room behind urgent ones only: a full queue of the back-file does not hold it up
            before = sum(1 for p in handed_out if p <= DIGITISE + priority)
            if before < window:
                chosen.append(scan)
                handed_out.append(DIGITISE + priority)
        return chosen

    def _preserve(self, document: DocumentRow, work: Mapping[str, UnderWay], idle: set[str]) -> None:
        workflow = preserving(document.id, document.attempt)
        if workflow in work:
            return
        idle.add(workflow)
        if self._left_behind(workflow):
            with write(self._shop.engine) as conn:
                documents.set_state(conn, document.id, DocumentState.APPROVED, attempt=document.attempt + 1)
        elif document.state == DocumentState.APPROVED:
            self._dispatch.start_preserving(DocumentId(document.id), document.attempt)

    def _restart_scan(self, scan: ScanRow, workflow: str) -> bool:
        """The scan is claimed as its next attempt, when nobody has worked on this one for some rounds."""
        if not self._left_behind(workflow):
            return False
        with write(self._shop.engine) as conn:
            scans.retry(conn, ScanId(scan.id))
        return True

    def _left_behind(self, workflow: str) -> bool:
        self._idle_rounds[workflow] += 1
        if self._idle_rounds[workflow] <= LEFT_BEHIND:
            return False
        log.warning("left_behind", workflow=workflow)
        return True
