"""The answer while the paper still lies on the desk: the first page of each scan is looked at as soon as it is claimed.

The latest scan first: its operator is the one who waits for the answer. What is not looked at in time (a flood, a
restart) is judged when it is read, with all its pages.
"""

from __future__ import annotations

import threading
from collections import deque

import structlog

from pipeline.identify import sniff
from pipeline.quality import look_at_first_page
from pipeline.workflow import error_code
from pipeline.workshop import Workshop
from registry import scans
from registry.database import write
from registry.errors import WorkerFailed
from registry.values import ScanId

log = structlog.get_logger("sohoa.gatekeeper")

MOST_WAITING = 200
LOOK_S = 20.0
"""A page that takes longer is left to reading."""


class Gatekeeper:
    """A thread of the runner."""

    def __init__(self, shop: Workshop) -> None:
        self._shop = shop
        self._waiting: deque[ScanId] = deque(maxlen=MOST_WAITING)
        self._wakeup = threading.Event()
        self._stopped = False
        self._thread = threading.Thread(target=self._work, name="gatekeeper", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Nothing is looked at any more."""
        self._stopped = True
        self._wakeup.set()
        self._thread.join(LOOK_S)

    def arrived(self, scan_id: ScanId) -> None:
        """The scan has been claimed: its first page is looked at before those that came earlier."""
        self._waiting.append(scan_id)
        self._wakeup.set()

    def look_at(self, scan_id: ScanId) -> None:
        """The quality of the first page is in the registry. A file that cannot be opened is left to identification,
        which says what is wrong with it. Raises what the registry raises."""
        path = self._shop.staged_scan(scan_id)
        if not path.exists():  # two passes that are not one yet: the fronts
            path = self._shop.staged_pass(scan_id, 1)
        try:
            with path.open("rb") as file:
                media_type = sniff(file.read(1024))
            if media_type is None:
                return
            limit = self._shop.settings.intake.max_pixels
            seen = self._shop.gate.run(look_at_first_page, path, media_type, limit, timeout_s=LOOK_S)
        except (WorkerFailed, OSError):
            return
        with write(self._shop.engine) as conn:
            scans.save_quality(conn, scan_id, seen)

    def _work(self) -> None:
        while not self._stopped:
            self._wakeup.wait()
            self._wakeup.clear()
            while self._waiting and not self._stopped:
                try:
                    self.look_at(self._waiting.pop())
                except Exception as exc:
                    # an answer that comes late or not at all holds nothing up
                    log.warning("not_looked_at", code=error_code(exc))
