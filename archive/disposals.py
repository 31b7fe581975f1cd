"""Decisions to remove records, and how they ended: objects that stay when the records are gone.

`urn:sohoa:disposal:<id>` holds `decision.json`, before the first byte is removed; `urn:sohoa:disposal-outcome:<id>`
holds `outcome.json` once nothing is left to be done. A record of a decision that is not in the store is disposed of.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from pydantic import ValidationError

from archive.fixity import objects
from archive.ocfl import SIDECAR, identifier_of, kind_of, object_root, root_of
from archive.one_version import checked_file_of, store_object
from archive.store import ObjectStore
from registry.errors import FixityMismatch
from registry.values import Disposal, DocumentId, Value

DISPOSAL, OUTCOME = "urn:sohoa:disposal:", "urn:sohoa:disposal-outcome:"
DECISION_FILE, OUTCOME_FILE = "decision.json", "outcome.json"


class Outcome(Value):
    """`outcome.json`. removed: with the instant of each. kept: after all, with the reason's code."""

    schema_version: int = 1
    id: str
    done_at: datetime
    removed: dict[DocumentId, datetime]
    kept: dict[DocumentId, str]


def decision_bytes(decision: Disposal) -> bytes:
    """`decision.json` as it is stored."""
    return decision.model_dump_json(indent=1).encode()


def archive_decision(store: ObjectStore, decision: Disposal) -> None:
    """The decision stands in the store, for ever, read back. Safe to repeat. Raises ServiceUnavailable."""
    store_object(
        store,
        f"{DISPOSAL}{decision.id}",
        {DECISION_FILE: decision_bytes(decision)},
        user=decision.approved_by,
        created=decision.approved_at.isoformat(timespec="seconds"),
        message="decision on disposal",
        retain_until=None,
    )


def archive_outcome(store: ObjectStore, outcome: Outcome) -> None:
    """The outcome stands beside the decision. Safe to repeat with the same one."""
    store_object(
        store,
        f"{OUTCOME}{outcome.id}",
        {OUTCOME_FILE: outcome.model_dump_json(indent=1).encode()},
        user="sohoa",
        created=outcome.done_at.isoformat(timespec="seconds"),
        message="outcome of disposal",
        retain_until=None,
    )


def read_decision(store: ObjectStore, disposal_id: str) -> Disposal:
    """Raises KeyNotFound, FixityMismatch."""
    try:
        return Disposal.model_validate_json(checked_file_of(store, f"{DISPOSAL}{disposal_id}", DECISION_FILE))
    except ValidationError as exc:
        raise FixityMismatch(f"{disposal_id}: {DECISION_FILE} does not follow its schema") from exc


def has_decision(store: ObjectStore, disposal_id: str) -> bool:
    """Whether the decision stands there whole."""
    return store.exists(f"{root_of(f'{DISPOSAL}{disposal_id}')}/{SIDECAR}")


def read_outcome(store: ObjectStore, disposal_id: str) -> Outcome | None:
    """None while something is left to be done. Raises FixityMismatch."""
    if not store.exists(f"{root_of(f'{OUTCOME}{disposal_id}')}/{SIDECAR}"):
        return None
    try:
        return Outcome.model_validate_json(checked_file_of(store, f"{OUTCOME}{disposal_id}", OUTCOME_FILE))
    except ValidationError as exc:
        raise FixityMismatch(f"{disposal_id}: {OUTCOME_FILE} does not follow its schema") from exc


def iter_disposals(store: ObjectStore) -> Iterator[str]:
    """The id of every decision in the store, from the names alone."""
    for root in objects(store, ""):
        if kind_of(root) == "disposal":
            yield identifier_of(root).removeprefix(DISPOSAL)


def is_left(store: ObjectStore, document_id: DocumentId) -> bool:
    """Whether anything of the record lies in the store, also what an interrupted removal has left."""
    return next(iter(store.list(object_root(document_id))), None) is not None
