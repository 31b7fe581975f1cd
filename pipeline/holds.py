"""Legal holds: while one lies on a record nothing of it is removed, whatever its retention says.

It stands in four places: the store itself (S3's own hold, the folder's journal) forbids the removal; the record's
metadata and events tell of it, so that it outlives the registry; the registry shows it; the audit log says who laid it.
Laid, it is in the store first; lifted, it leaves the store last: a crash in between leaves the record protected.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

from sqlalchemy import Engine

from archive.aip import (
    AipPapers,
    events_json,
    inventory_sha256,
    metadata_json,
    newest_version,
    read_papers,
)
from archive.ocfl import object_root, root_of
from archive.scans import scan_object
from archive.store import ObjectStore
from pipeline.versions import write_version
from registry import audit, documents
from registry.database import read, write
from registry.documents import DocumentRecord
from registry.errors import Conflict, KeyNotFound, NotAllowed, ServiceUnavailable
from registry.recorded import version_detail
from registry.users import UserRow
from registry.values import DocumentId, Event, LegalHold, Role, ScanId, utc_now

LAID, LIFTED = "legal hold", "legal hold release"
KEEPERS = frozenset({Role.AUDITOR, Role.ADMIN})
"""Who may lay holds, lift them, and decide on disposal."""


@dataclass(frozen=True, slots=True)
class Homes:
    """Where records lie: the archive and, where there is one, its replica."""

    store: ObjectStore
    replica: ObjectStore | None = None

    def __iter__(self) -> Iterator[ObjectStore]:
        yield self.store
        if self.replica is not None:
            yield self.replica


def require_keeper(user: UserRow) -> None:
    """Raises NotAllowed for an account that may not decide on what is kept."""
    if user.role not in KEEPERS:
        raise NotAllowed(f"{user.role} may not decide on holds and disposal")


def lay(engine: Engine, homes: Homes, document_id: DocumentId, *, why: str, by: str) -> None:
    """Nothing can remove the record, in no home; the scan that it is a part of neither. Safe to repeat.

    Raises NotFound, Conflict (it is not archived, is held already, or there is no reason), ServiceUnavailable.
    """
    record = _archived(engine, document_id)
    if not why.strip():
        raise Conflict("a hold has a reason")
    if record.held_at is not None:
        raise Conflict("a legal hold lies on it already")
    _in_homes(homes, record, True)
    papers = read_papers(homes.store, document_id)
    hold = papers.metadata.legal_hold
    if hold is None:
        hold = LegalHold(since=utc_now(), by=by, why=why.strip()[:300])
        _told(engine, homes, record, papers, hold, Event(type=LAID, at=hold.since, agent=by, detail={"why": hold.why}))
        _in_homes(homes, record, True)
    _noted(engine, homes, record, hold, by=by, action="hold")


def lift(engine: Engine, homes: Homes, document_id: DocumentId, *, why: str, by: str) -> None:
    """The hold is lifted: retention alone says how long the record is kept. Safe to repeat.

    Raises NotFound, Conflict (no hold of ours lies on it, or there is no reason), ServiceUnavailable.
    """
    record = _archived(engine, document_id)
    if not why.strip():
        raise Conflict("a release has a reason")
    papers = read_papers(homes.store, document_id)
    if papers.metadata.legal_hold is not None:
        event = Event(type=LIFTED, at=utc_now(), agent=by, detail={"why": why.strip()[:300]})
        _told(engine, homes, record, papers, None, event)
    elif record.held_at is None and not any(e.type == LIFTED for e in papers.events):
        raise Conflict("no legal hold lies on it")  # one that somebody laid in the store alone is not ours to lift
    if record.held_at is not None:
        _noted(engine, homes, record, None, by=by, action="release")
    _in_homes(homes, record, False, scan=not _held_besides(engine, record))


def _told(
    engine: Engine, homes: Homes, record: DocumentRecord, papers: AipPapers, hold: LegalHold | None, event: Event
) -> None:
    """The record itself says so, as its newest version."""
    metadata = papers.metadata.model_copy(update={"legal_hold": hold, "schema_version": 4})
    changed = {"metadata.json": metadata_json(metadata), "events.json": events_json((*papers.events, event))}
    write_version(engine, homes.store, record.id, changed, actor=event.agent, unit=record.unit, message=event.type)


def _noted(
    engine: Engine, homes: Homes, record: DocumentRecord, hold: LegalHold | None, *, by: str, action: str
) -> None:
    """Registry and audit log say what the record says."""
    type_ = LAID if hold else LIFTED
    last = [e for e in read_papers(homes.store, record.id).events if e.type == type_][-1]
    with write(engine) as conn:
        documents.keep_hold(conn, record.id, hold)
        documents.add_event(conn, record.id, last)
        # the reason stands in the record: what somebody typed freely is not for the log
        version = newest_version(homes.store, record.id)
        detail = version_detail(conn, record.id, version, inventory_sha256(homes.store, record.id, version))
        audit.append(conn, actor=by, action=action, subject=record.id, unit=record.unit, detail=detail)


def _in_homes(homes: Homes, record: DocumentRecord, on: bool, *, scan: bool = True) -> None:
    """Each home that has the record, or the scan it is a part of, forbids its removal, or does no more; a replica that
    does not answer is brought up to date by the next replication."""
    homes.store.hold(object_root(record.id), on)
    with suppress(KeyNotFound):
        if scan and record.scan_id:
            homes.store.hold(_scan_root(record), on)
    if homes.replica is None:
        return
    for root in (object_root(record.id), *([_scan_root(record)] if scan and record.scan_id else [])):
        with suppress(KeyNotFound, ServiceUnavailable):
            homes.replica.hold(root, on)


def _held_besides(engine: Engine, record: DocumentRecord) -> bool:
    with read(engine) as conn:
        return any(i != record.id for i in documents.held_of_scan(conn, record.scan_id or ""))


def _scan_root(record: DocumentRecord) -> str:
    return root_of(scan_object(ScanId(record.scan_id or "")))


def _archived(engine: Engine, document_id: DocumentId) -> DocumentRecord:
    with read(engine) as conn:
        record = documents.get(conn, document_id)
    if record.archived_at is None:
        raise Conflict("the document is not archived")
    return record
