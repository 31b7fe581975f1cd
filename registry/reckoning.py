"""What the books say, for counting them against the folders, the archive and the index (pipeline.reconcile, metrics).

Long results are streamed: a million scans need no memory here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, Row, Select, Table, exists, func, or_, select, text

from registry.database import read
from registry.tables import audit, documents, passes, quarantine, scans
from registry.values import DocumentState, ScanState

IN_FLIGHT = (ScanState.CLAIMED, ScanState.IDENTIFIED, ScanState.STALLED)
SETTLED = (ScanState.DONE, ScanState.DUPLICATE, ScanState.QUARANTINED)
UNFINISHED = (
    DocumentState.READING,
    DocumentState.REVIEW,
    DocumentState.APPROVED,
    DocumentState.TO_SIGN,
    DocumentState.STALLED,
    DocumentState.SIGNED,
)
PAGE = 5000
"""Rows fetched at a time from a streamed result."""
CHUNK = 500
"""Ids named in one question: SQLite and PostgreSQL both take it."""


@dataclass(frozen=True, slots=True)
class InFlight:
    """A scan that is neither archived nor refused, with its documents as (id, state, updated_at). waits_since: when it
    came in or, after a person looked at it, when that person let it go on."""

    id: str
    unit: str
    state: str
    priority: int
    staged_path: str | None
    source_path: str
    page_count: int
    received_at: str
    waits_since: str
    updated_at: str
    documents: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True, slots=True)
class Kept:
    """An open quarantine item, with the state of its scan (None when it has none, or it is a part of one)."""

    id: str
    unit: str
    path: str
    size_bytes: int | None
    code: str
    scan_state: str | None


@dataclass(frozen=True, slots=True)
class Settled:
    """A scan that is archived or refused, and where it came from."""

    scan_id: str
    unit: str
    path: str
    sha256: str
    updated_at: str


@contextmanager
def snapshot(engine: Engine) -> Iterator[Connection]:
    """One moment of the registry, however many questions are asked and however long that takes; nothing is written.

    Raises ServiceUnavailable.
    """
    with read(engine) as conn:
        if conn.dialect.name == "postgresql":  # folders and the archive are looked at between the questions
            conn.execute(text("SET LOCAL statement_timeout = 0"))
            conn.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
        yield conn


def scans_by_unit(conn: Connection) -> dict[tuple[str, str], int]:
    """(unit, state) → scans."""
    query = select(scans.c.unit, scans.c.state, func.count()).group_by(scans.c.unit, scans.c.state)
    return {(row.unit, row.state): row[2] for row in conn.execute(query)}


def scans_by_state(conn: Connection) -> dict[str, int]:
    """State → scans; the states are looked up one by one in their index, so that a million cost a few milliseconds."""
    return {state.value: _count(conn, scans, scans.c.state == state) for state in ScanState}


def documents_by_state(conn: Connection) -> dict[str, int]:
    """State → documents, in the same way."""
    return {state.value: _count(conn, documents, documents.c.state == state) for state in DocumentState}


def refused_without_claim(conn: Connection) -> dict[str, int]:
    """Unit → files that went to quarantine before they were claimed, but for those taken out again."""
    query = (
        select(quarantine.c.unit, func.count())
        .where(quarantine.c.scan_id.is_(None), func.coalesce(quarantine.c.resolution, "") != "retried")
        .group_by(quarantine.c.unit)
    )
    return {row.unit: row[1] for row in conn.execute(query)}


def copies_by_unit(conn: Connection) -> dict[str, int]:
    """Unit → files that held the bytes of an earlier scan."""
    query = select(audit.c.unit, func.count()).where(audit.c.action == "duplicate").group_by(audit.c.unit)
    return {row.unit or "": row[1] for row in conn.execute(query)}


def lost_claims(conn: Connection) -> Iterator[tuple[str, str]]:
    """(scan, unit) of claims that the audit log knows and the scans do not, though nobody withdrew them."""
    withdrawn = set(conn.execute(select(audit.c.subject).where(audit.c.action == "withdraw")).scalars())
    query = select(audit.c.subject, audit.c.unit).where(
        audit.c.action == "claim", ~exists().where(scans.c.id == audit.c.subject)
    )
    yield from ((row.subject, row.unit or "") for row in _stream(conn, query) if row.subject not in withdrawn)


def in_flight(conn: Connection) -> Iterator[InFlight]:
    """Every scan that is neither archived nor refused, in order of the ids."""
    query = (
        select(
            scans.c.id,
            scans.c.unit,
            scans.c.state,
            scans.c.priority,
            scans.c.staged_path,
            scans.c.source_path,
            scans.c.page_count,
            scans.c.received_at,
            scans.c.updated_at,
            documents.c.id.label("document_id"),
            documents.c.state.label("document_state"),
            documents.c.updated_at.label("document_updated_at"),
            documents.c.approved_at,
        )
        .select_from(scans.outerjoin(documents, documents.c.scan_id == scans.c.id))
        .where(scans.c.state.in_(IN_FLIGHT))
        # as an expression: else SQLite walks a million ids in their order to find the few
        .order_by(func.coalesce(scans.c.id, ""))
    )
    for _, rows in groupby(_stream(conn, query), key=lambda row: row.id):
        found = list(rows)
        first = found[0]
        yield InFlight(
            id=first.id,
            unit=first.unit,
            state=first.state,
            priority=first.priority,
            staged_path=first.staged_path,
            source_path=first.source_path,
            page_count=first.page_count or 0,
            received_at=first.received_at,
            waits_since=max(first.received_at, *(r.approved_at or "" for r in found)),
            updated_at=first.updated_at,
            documents=tuple((r.document_id, r.document_state, r.document_updated_at) for r in found if r.document_id),
        )


def done_without_document(conn: Connection) -> Iterator[tuple[str, str]]:
    """(scan, unit) of scans that count as archived, though no document of theirs is, or was and is disposed of."""
    there = or_(documents.c.archived_at.is_not(None), documents.c.state == DocumentState.DISPOSED)
    held = exists().where(documents.c.scan_id == scans.c.id, there)
    query = select(scans.c.id, scans.c.unit).where(scans.c.state == ScanState.DONE, ~held)
    yield from ((row.id, row.unit) for row in _stream(conn, query))


def refused_without_item(conn: Connection) -> Iterator[tuple[str, str]]:
    """(scan, unit) of scans in quarantine of which the quarantine knows nothing."""
    item = exists().where(quarantine.c.scan_id == scans.c.id, func.coalesce(quarantine.c.resolution, "") != "retried")
    query = select(scans.c.id, scans.c.unit).where(scans.c.state == ScanState.QUARANTINED, ~item)
    yield from ((row.id, row.unit) for row in _stream(conn, query))


def documents_adrift(conn: Connection) -> Iterator[tuple[str, str]]:
    """(document, unit) of documents still under way, though their scan is settled or they have none."""
    query = (
        select(documents.c.id, documents.c.unit)
        .select_from(documents.outerjoin(scans, scans.c.id == documents.c.scan_id))
        .where(documents.c.state.in_(UNFINISHED), or_(scans.c.id.is_(None), scans.c.state.in_(SETTLED)))
    )
    yield from ((row.id, row.unit) for row in _stream(conn, query))


def kept_items(conn: Connection) -> Iterator[Kept]:
    """The open items of the quarantine."""
    query = (
        select(quarantine, scans.c.state.label("scan_state"))
        .select_from(quarantine.outerjoin(scans, scans.c.id == quarantine.c.scan_id))
        .where(quarantine.c.resolved_at.is_(None))
    )
    for row in _stream(conn, query):
        yield Kept(row.id, row.unit, row.kept_path, row.size_bytes, row.code, _whole(row))


def _whole(row: Row[Any]) -> str | None:
    return row.scan_state if row.scan_id and not row.document_id else None


def refused_by_code(conn: Connection) -> dict[str, int]:
    """Code → open items of the quarantine."""
    query = (
        select(quarantine.c.code, func.count()).where(quarantine.c.resolved_at.is_(None)).group_by(quarantine.c.code)
    )
    return {row.code: row[1] for row in conn.execute(query)}


def sides_in_flight(conn: Connection) -> Iterator[tuple[str, str]]:
    """(scan, path) of the files of scans in two passes that are neither archived nor refused."""
    query = select(passes.c.scan_id, passes.c.source_path).join(scans, scans.c.id == passes.c.scan_id)
    yield from ((r.scan_id, r.source_path) for r in _stream(conn, query.where(scans.c.state.in_(IN_FLIGHT))))


def settled(conn: Connection, digests: Iterable[str]) -> Iterator[Settled]:
    """The settled scans of these bytes, also as one of two passes."""
    for some in _chunks(digests):
        query = select(scans.c.id, scans.c.unit, scans.c.source_path, scans.c.sha256, scans.c.state, scans.c.updated_at)
        # asked for both, SQLite would walk all that ever settled
        for row in (r for r in conn.execute(query.where(scans.c.sha256.in_(some))) if r.state in SETTLED):
            yield Settled(row.id, row.unit, row.source_path, row.sha256, row.updated_at)
        own = (scans.c.id, scans.c.unit, scans.c.state, scans.c.updated_at)
        sides = select(*own, passes.c.source_path, passes.c.sha256).join(passes, scans.c.id == passes.c.scan_id)
        for row in (r for r in conn.execute(sides.where(passes.c.sha256.in_(some))) if r.state in SETTLED):
            yield Settled(row.id, row.unit, row.source_path, row.sha256, row.updated_at)


def scan_states(conn: Connection, ids: Iterable[str]) -> dict[str, tuple[str, str, str]]:
    """Scan → (state, updated_at, unit), for those of `ids` that are known."""
    found: dict[str, tuple[str, str, str]] = {}
    for some in _chunks(ids):
        query = select(scans.c.id, scans.c.state, scans.c.updated_at, scans.c.unit).where(scans.c.id.in_(some))
        found |= {row.id: (row.state, row.updated_at, row.unit) for row in conn.execute(query)}
    return found


def document_states(conn: Connection, ids: Iterable[str]) -> dict[str, tuple[str, str | None, str]]:
    """Document → (state, archived_at, unit), for those of `ids` that are known."""
    found: dict[str, tuple[str, str | None, str]] = {}
    for some in _chunks(ids):
        query = select(documents.c.id, documents.c.state, documents.c.archived_at, documents.c.unit)
        found |= {
            row.id: (row.state, row.archived_at, row.unit)
            for row in conn.execute(query.where(documents.c.id.in_(some)))
        }
    return found


def archived(conn: Connection) -> Iterator[list[str]]:
    """Ids of all documents that are in the archive, some thousand at a time."""
    query = select(documents.c.id).where(documents.c.archived_at.is_not(None))
    result = conn.execution_options(stream_results=True).execute(query)
    for some in result.scalars().partitions(PAGE):
        yield [str(i) for i in some]


def archived_of_several(conn: Connection) -> Iterator[tuple[str, str]]:
    """(scan, unit) of scans of which a part that is not the first is in the archive."""
    query = select(documents.c.scan_id, documents.c.unit).where(
        documents.c.part > 0, documents.c.archived_at.is_not(None)
    )
    yield from {row.scan_id: (row.scan_id, row.unit) for row in _stream(conn, query)}.values()


def any_archived(conn: Connection) -> bool:
    """Whether a single document is in the archive."""
    query = select(documents.c.id).where(documents.c.archived_at.is_not(None)).limit(1)
    return conn.execute(query).first() is not None


def count_indexed(conn: Connection) -> int:
    """Documents that the registry believes to be in the index."""
    return _count(conn, documents, documents.c.archived_at.is_not(None)) - index_lag(conn)[0]


def index_lag(conn: Connection) -> tuple[int, str | None, str | None]:
    """How many archived documents the index does not have yet; the one archived first, and when."""
    behind = (documents.c.indexed_at.is_(None), documents.c.archived_at.is_not(None))
    count = _count(conn, documents, *behind)
    query = select(documents.c.id, documents.c.archived_at).where(*behind).order_by(documents.c.archived_at).limit(1)
    first = conn.execute(query).first()
    return (count, first.id, first.archived_at) if first else (count, None, None)


def oldest_claim(conn: Connection) -> str | None:
    """When the longest waiting scan came in."""
    return conn.execute(select(func.min(scans.c.received_at)).where(scans.c.state == ScanState.CLAIMED)).scalar()


def waiting_for_signature(conn: Connection) -> tuple[int, str | None]:
    """How many documents wait for an official's signature, and since when the first of them was approved."""
    query = select(func.count(), func.min(documents.c.approved_at)).where(documents.c.state == DocumentState.TO_SIGN)
    number, since = conn.execute(query).one()
    return number, since


def stalled(conn: Connection) -> int:
    """Scans and documents that something around them holds up."""
    held_up = _count(conn, documents, documents.c.state == DocumentState.STALLED)
    return held_up + _count(conn, scans, scans.c.state == ScanState.STALLED)


def last_move(conn: Connection) -> str | None:
    """When a scan or a document last moved."""
    moved = (conn.execute(select(func.max(t.c.updated_at))).scalar() for t in (scans, documents))
    return max((at for at in moved if at), default=None)


def taken_since(conn: Connection, since: str) -> dict[tuple[str, int], str]:
    """(unit, priority) → when the youngest scan came in that was begun, or went on, since then."""
    # asked for state and groups as well, SQLite would walk all that was ever done to find what moved lately
    query = select(scans.c.unit, scans.c.priority, scans.c.received_at, scans.c.state)
    youngest: dict[tuple[str, int], str] = {}
    for row in _stream(conn, query.where(scans.c.updated_at >= since)):
        if row.state in (ScanState.IDENTIFIED, ScanState.DONE):
            key = (row.unit, row.priority)
            youngest[key] = max(youngest.get(key, ""), row.received_at)
    return youngest


def began(conn: Connection) -> str | None:
    """When this installation wrote its first line into the audit log."""
    return conn.execute(select(audit.c.at).order_by(audit.c.seq).limit(1)).scalar()


def _count(conn: Connection, table: Table, *conditions: ColumnElement[bool]) -> int:
    return conn.execute(select(func.count()).select_from(table).where(*conditions)).scalar_one()


def _stream(conn: Connection, query: Select[Any]) -> Iterator[Row[Any]]:
    yield from conn.execute(query, execution_options={"yield_per": PAGE})


def _chunks(ids: Iterable[str]) -> Iterator[list[str]]:
    some: list[str] = []
    for one in ids:
        some.append(one)
        if len(some) == CHUNK:
            yield some
            some = []
    if some:
        yield some
