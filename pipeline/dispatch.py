"""The queue of workflows as the outside sees it: enqueue, look, hand over. Needs no process that runs them.

The registry is the truth about work; the queue holds only what was handed out. So a workflow can always be given up
and its scan or document started anew as its next attempt: every step is safe to run twice.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from dbos import DBOS, DBOSClient
from dbos._error import DBOSException
from dbos._utils import INTERNAL_QUEUE_NAME
from sqlalchemy.exc import SQLAlchemyError

from registry.errors import ServiceUnavailable
from registry.values import DocumentId, ScanId

APPLICATION_VERSION = "3"
"""Raised only when workflows under way cannot be finished by the new code; set by hand. Those of another version that
no living process can finish are given up and started anew (pipeline.runner)."""
QUEUE = "documents"
PRESERVE_FIRST, DIGITISE = 1, 2
"""Places in the queue: what is approved goes first; scans follow by their own priority."""
ENDED = ("SUCCESS", "ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED")
AT_ONCE = 5000
"""So many ended workflows are forgotten in one go: fewer than a database takes values in one question."""


@dataclass(frozen=True, slots=True)
class UnderWay:
    """A workflow that was handed out. executor: who runs it, None while it waits. priority: its place in the queue."""

    workflow_id: str
    executor: str | None
    version: str
    priority: int


def digitising(scan_id: str, attempt: int) -> str:
    """The workflow's id: the same scan and attempt once only."""
    return f"digitise-{scan_id}-{attempt}"


def preserving(document_id: str, attempt: int) -> str:
    """The workflow's id: the same document and attempt once only."""
    return f"preserve-{document_id}-{attempt}"


def workflow_database(registry_url: str) -> str:
    """Where the workflow engine keeps its state: beside the SQLite registry, or in the same PostgreSQL database."""
    return registry_url.replace("registry.sqlite", "workflows.sqlite")


class Dispatch:
    """Raises ServiceUnavailable when the database does not answer. Safe to call from several threads."""

    def __init__(self, registry_url: str) -> None:
        url = workflow_database(registry_url)
        quiet()
        with _answering():
            DBOS.migrate(url)
            self._client = DBOSClient(system_database_url=url, retry_connection_errors=False, application_name="sohoa")

    def start_digitising(self, scan_id: ScanId, attempt: int, priority: int) -> str:
        """Durably queued, once only; returns the workflow's id."""
        return self._enqueue("digitise", digitising(scan_id, attempt), scan_id, DIGITISE + priority)

    def start_preserving(self, document_id: DocumentId, attempt: int) -> str:
        """Durably queued, once only; returns the workflow's id."""
        return self._enqueue("preserve", preserving(document_id, attempt), document_id, PRESERVE_FIRST)

    def under_way(self) -> dict[str, UnderWay]:
        """Everything that waits in the queue or runs, by workflow id."""
        with _answering():
            found = self._client.list_workflows(
                status=["ENQUEUED", "PENDING"], load_input=False, load_output=False, application_name="sohoa"
            )
        return {
            w.workflow_id: UnderWay(
                workflow_id=w.workflow_id,
                executor=w.executor_id if w.status == "PENDING" else None,
                version=w.app_version or "",
                priority=w.priority or 0,
            )
            for w in found
        }

    def take_over(self, work: UnderWay) -> bool:
        """Work of an executor that is gone waits in the queue again; False when somebody else was first.

        DBOS offers this to its own recovery only; unlike the public resume_workflow it changes nothing when the
        workflow has a living executor meanwhile, so that two who notice the same death do not start it twice.
        """
        with _answering():
            return bool(
                self._client._sys_db.reenqueue_for_recovery(
                    work.workflow_id, [work.executor or ""], INTERNAL_QUEUE_NAME
                )
            )

    def give_up(self, work: UnderWay) -> None:
        """The workflow runs no further step."""
        with _answering():
            self._client.cancel_workflow(work.workflow_id)

    def forget_ended(self, before: datetime) -> int:
        """At most AT_ONCE workflows that were handed out before then and have ended are gone; how many.

        What they did is in the registry; kept for ever, they would outgrow it.
        """
        with _answering():
            ended = self._client.list_workflows(
                status=list(ENDED), end_time=before.isoformat(), limit=AT_ONCE,
                load_input=False, load_output=False, application_name="sohoa",
            )  # fmt: skip
            if ended:
                self._client.delete_workflows([w.workflow_id for w in ended])
        return len(ended)

    def close(self) -> None:
        self._client.destroy()

    def _enqueue(self, name: str, workflow_id: str, argument: str, priority: int) -> str:
        with _answering():
            self._client.enqueue(
                {
                    "workflow_name": name,
                    "queue_name": QUEUE,
                    "workflow_id": workflow_id,
                    "priority": priority,
                    "app_version": APPLICATION_VERSION,
                },
                argument,
            )
        return workflow_id


@contextmanager
def _answering() -> Iterator[None]:
    try:
        yield
    except (SQLAlchemyError, DBOSException, OSError) as exc:
        raise ServiceUnavailable("the workflow database does not answer") from exc


def quiet() -> None:
    """The engine's own log may quote arguments and addresses: only what is fatal passes."""
    for name in ("dbos", "dbos.client"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
