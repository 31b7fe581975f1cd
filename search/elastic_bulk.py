"""What is written to Elasticsearch: batches of bounded size, patience with an engine that has too much to do, and
failures in our own words."""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

from elasticsearch import ApiError, Elasticsearch, TransportError

from registry.errors import ServiceUnavailable, SettingsInvalid

BATCH_BYTES = 4_000_000
"""A request holds so much at most, unless one entry alone is larger: what a node keeps in memory for each writer."""
BATCH_ENTRIES = 1000
BULK_TIMEOUT_S = 30.0
PATIENCE_S = 30.0
"""So long a batch is offered again to an engine that answers 429; then the caller hears of it and comes back later."""
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.1, 1.6
BUSY = 429
NAMED = 5

Op = Literal["index", "delete"]


@dataclass(frozen=True, slots=True)
class Change:
    """One document to write or to remove. version: who writes (see elastic_index), compared by the engine."""

    op: Op
    document_id: str
    version: int
    kept_if: Literal["external", "external_gte"]
    source: str = ""

    @property
    def lines(self) -> list[str]:
        told = {"_id": self.document_id, "version": self.version, "version_type": self.kept_if}
        return [json.dumps({self.op: told}), *([self.source] if self.op == "index" else [])]

    @property
    def size_bytes(self) -> int:
        return 200 + 2 * len(self.source)
        # two bytes a letter: about what Vietnamese takes, without encoding everything twice


class IndexGone(Exception):
    """The index asked for is not there (any more): a rebuild was swapped in, or it was deleted. Worth asking again."""


@contextmanager
def translated() -> Iterator[None]:
    """Failures of the engine in our words, without its sentences: they quote queries and texts.

    Raises SettingsInvalid when it does not know us, ServiceUnavailable for everything else.
    """
    try:
        yield
    except ApiError as exc:
        kind = error_type(exc)
        if exc.meta.status == 401 or kind == "security_exception":
            raise SettingsInvalid("Elasticsearch does not accept index.user and its password") from None
        raise ServiceUnavailable(f"Elasticsearch answered {exc.meta.status} {kind}".rstrip()) from None
    except TransportError as exc:
        raise ServiceUnavailable(f"Elasticsearch cannot be reached: {type(exc).__name__}") from None


def error_type(exc: ApiError) -> str:
    """The engine's own word for what went wrong, `index_closed_exception` for example; empty when it gives none."""
    error = exc.body.get("error") if isinstance(exc.body, dict) else None
    return str(error.get("type", "")) if isinstance(error, dict) else ""


def batches(changes: Iterable[Change]) -> Iterator[list[Change]]:
    """The changes in groups that fit a request, in order."""
    batch: list[Change] = []
    size = 0
    for change in changes:
        if batch and (len(batch) == BATCH_ENTRIES or size + change.size_bytes > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(change)
        size += change.size_bytes
    if batch:
        yield batch


def send(client: Elasticsearch, alias: str, batch: Sequence[Change], *, refresh: bool, stop: threading.Event) -> None:
    """Every change of the batch is in the index behind the alias, or an equal or newer one was there already.

    Changes that the engine has no room for are offered again, after longer and longer pauses, for PATIENCE_S.
    Raises IndexGone, SettingsInvalid, and ServiceUnavailable, naming the documents that were not taken. Repeatable.
    """
    until, pause = time.monotonic() + PATIENCE_S, FIRST_PAUSE_S
    left, refused = list(batch), dict[str, str]()
    while left:
        left, wrong = _offer(client, alias, left, refresh=refresh)
        refused |= wrong
        if not left:
            break
        # a random part, so that many writers do not come back together
        if time.monotonic() + pause > until or stop.wait(pause * (0.5 + random.random() / 2)):  # noqa: S311
            refused |= dict.fromkeys((c.document_id for c in left), "busy")
            break
        pause = min(2 * pause, LONGEST_PAUSE_S)
    if refused:
        raise ServiceUnavailable(_told(refused, len(batch)))


def _offer(
    client: Elasticsearch, alias: str, batch: Sequence[Change], *, refresh: bool
) -> tuple[list[Change], dict[str, str]]:
    """Sends the batch once: the changes to offer again, and those that will never be taken, with the engine's word."""
    lines: Any = [line for change in batch for line in change.lines]
    writer = client.options(request_timeout=BULK_TIMEOUT_S)
    try:
        answer = writer.bulk(index=alias, operations=lines, refresh=refresh, require_alias=True)
    except ApiError as exc:
        if exc.meta.status == BUSY:
            return list(batch), {}
        with translated():
            raise
    except TransportError:
        with translated():
            raise
    again: list[Change] = []
    wrong: dict[str, str] = {}
    for change, item in zip(batch, answer["items"] if answer["errors"] else (), strict=False):
        _sort_out(change, item[change.op], again, wrong)
    return again, wrong


def _sort_out(change: Change, told: dict[str, Any], again: list[Change], wrong: dict[str, str]) -> None:
    error = told.get("error")
    if error is None or told["status"] == 409:  # an equal or newer one is there
        return
    if told["status"] == BUSY:
        again.append(change)
    elif error["type"] == "index_not_found_exception":
        raise IndexGone(error["type"])
    else:
        wrong[change.document_id] = error["type"]


def _told(refused: dict[str, str], asked: int) -> str:
    named = ", ".join(f"{document_id} ({why})" for document_id, why in sorted(refused.items())[:NAMED])
    more = f" and {len(refused) - NAMED} more" if len(refused) > NAMED else ""
    return f"Elasticsearch did not take {len(refused)} of {asked} changes: {named}{more}"
