"""The work itself: a process that runs workflows, known to the others by its heartbeat, until it is told to stop.

Stopping drains: nothing new is begun, what runs ends, and whatever is left then goes on with the others at once.
"""

from __future__ import annotations

import threading

import structlog

from pipeline import workflow
from pipeline.crew import Crew
from pipeline.daily import Daily
from pipeline.dispatch import Dispatch
from pipeline.workshop import Workshop

log = structlog.get_logger("sohoa.worker")


class Worker:
    """Runs workflows of one installation under one name. `when_lost` of the crew ends a process that was given up."""

    def __init__(self, shop: Workshop, dispatch: Dispatch, instance: str, *, role: str = "worker") -> None:
        self._shop, self._instance = shop, instance
        self._crew = Crew(shop, dispatch, instance=instance, role=role)
        self._stop = threading.Event()

    def join(self) -> None:
        """Known to the others first, at work then. Raises ServiceUnavailable."""
        self._crew.join()
        workflow.launch(self._shop, self._instance)
        log.info("working", instance=self._instance)

    def leave(self) -> None:
        """Drained: what ran had the time of a page to end."""
        self._crew.drain()
        workflow.shut_down(int(self._shop.settings.workers.page_timeout_s))
        self._crew.leave()
        log.info("stopped", instance=self._instance)

    def run(self) -> None:
        """Work until `stop()`."""
        self.join()
        daily = Daily(self._shop, standing_in=True)
        daily.start()
        try:
            self._stop.wait()
        finally:
            daily.stop()
            self.leave()

    def stop(self) -> None:
        """Callable from a signal handler."""
        self._stop.set()
