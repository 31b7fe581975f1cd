"""Documents: their states, fields, people and events."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import UTC, date, datetime
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Connection, Table, and_, delete, func, insert, or_, select, update

from registry import descriptions
from registry.concurrent import insert_missing
from registry.errors import NotFound
from registry.tables import documents, events, fields, people, scans
from registry.values import (
    ENDED,
    Arrived,
    CopyOf,
    Description,
    DocumentId,
    DocumentState,
    Event,
    FieldValue,
    LegalHold,
    Person,
    Value,
    Verdict,
    utc_now,
)

T = TypeVar("T")
title_of = descriptions.title_of

MOST_AT_ONCE = 500
"""Ids in one question: both databases take so many."""


class DocumentRow(Value):
    """The row of a document, without its fields."""

    id: DocumentId
    scan_id: str | None
    unit: str
    dossier_code: str | None
    component_code: str | None
    kind: str | None
    title: str
    number_symbol: str | None
    issuing_agency: str | None
    issued_on: str | None
    state: DocumentState
    step: str | None
    page_count: int | None
    part: int
    pages: tuple[int, ...] | None
    confidence: float | None
    review_reasons: list[str]
    original_sha256: str
    pdf_sha256: str | None
    signature_level: str | None
    retention_class: str | None
    retain_until: date | None
    held_at: datetime | None
    held_by: str | None
    held_why: str | None
    created_at: datetime
    approved_by: str | None
    approved_at: datetime | None
    signed_at: datetime | None
    archived_at: datetime | None
    indexed_at: datetime | None
    disposed_at: datetime | None
    withdrawn_at: datetime | None
    withdrawn_why: str | None
    replaced_by: str | None
    verdict: str | None
    verdict_at: datetime | None
    error_code: str | None
    attempt: int
    arrived: Arrived | None = None
    copied: CopyOf | None = None
    copied_from: str | None = None
    renew_by: date | None = None
    renew_policy: str | None = None
    level_why: str | None = None
    level_tries: int = 0
    level_after: datetime | None = None
    updated_at: datetime


class DocumentRecord(DocumentRow):
    """A document with all that the registry knows of it."""

    fields: dict[str, FieldValue]
    people: tuple[Person, ...]
    events: tuple[Event, ...]


def create(
    conn: Connection,
    *,
    document_id: DocumentId,
    scan_id: str,
    unit: str,
    dossier_code: str | None,
    component_code: str | None,
    original_sha256: str,
    page_count: int | None,
    part: int = 0,
    pages: Sequence[int] | None = None,
    copied: CopyOf | None = None,
    anew: bool = True,
) -> None:
    """The document stands in state `reading`; one that is there already starts over, unless it is archived.

    anew: False leaves alone what is past reading, or was refused.
    """
    now = _now()
    made = insert_missing(
        conn,
        documents,
        ("id",),
        {
            "id": document_id,
            "scan_id": scan_id,
            "unit": unit,
            "dossier_code": dossier_code,
            "component_code": component_code,
            "original_sha256": original_sha256,
            "page_count": page_count,
            "part": part,
            "pages": None if pages is None else list(pages),
            **copy_columns(copied),
            "state": DocumentState.READING,
            "step": "identified",
            "created_at": now,
            "updated_at": now,
        },
    )
    if made:
        return
    state = _locked_state(conn, document_id)
    if state == DocumentState.READING or (anew and state not in ENDED):
        set_state(
            conn,
            document_id,
            DocumentState.READING,
            step="identified",
            error_code=None,
            dossier_code=dossier_code,
            component_code=component_code,
            page_count=page_count,
            part=part,
            pages=None if pages is None else list(pages),
            **copy_columns(copied),
        )


def get(conn: Connection, document_id: str, *, lock: bool = False) -> DocumentRecord:
    """Raises NotFound. lock: it stays as it is read until the caller's write transaction ends."""
    if lock:
        _locked_state(conn, document_id)
    row = conn.execute(select(documents).where(documents.c.id == document_id)).first()
    if row is None:
        raise NotFound(f"no document {document_id}")
    described = description(conn, DocumentId(document_id))
    query = select(events).where(events.c.document_id == document_id).order_by(events.c.at, events.c.id)
    found = tuple(
        Event(type=e.type, at=e.at, agent=e.agent, outcome=e.outcome, detail=e.detail) for e in conn.execute(query)
    )
    return DocumentRecord.model_validate(
        {**row._mapping, "fields": described.fields, "people": described.people, "events": found}
    )


def set_state(conn: Connection, document_id: str, state: DocumentState, **columns: Any) -> None:
    """The document is in this state and the columns hold these values; updated_at is now.

    What is archived stays archived or is withdrawn, what is disposed of stays so: a step that comes late, because a
    crash had it replayed or its worker was given up for dead, moves it nowhere else.
    """
    change = update(documents).where(documents.c.id == document_id)
    kept = ENDED if state not in ENDED else {DocumentState.DISPOSED}
    change = change.where(documents.c.state.not_in(sorted(kept)))
    conn.execute(change.values(state=state, **columns, updated_at=_now()))


def of_scan(conn: Connection, scan_id: str) -> list[DocumentId]:
    """The documents that a scan became, in the order of their pages."""
    query = select(documents.c.id).where(documents.c.scan_id == scan_id).order_by(documents.c.part, documents.c.id)
    return [DocumentId(i) for i in conn.execute(query).scalars()]


def states_of_scan(conn: Connection, scan_id: str) -> dict[DocumentId, DocumentState]:
    """Where each of the scan's documents is."""
    query = select(documents.c.id, documents.c.state).where(documents.c.scan_id == scan_id).order_by(documents.c.part)
    return {DocumentId(row.id): DocumentState(row.state) for row in conn.execute(query)}


def save_description(conn: Connection, document_id: DocumentId, described: Description) -> None:
    """Fields, people and the columns derived from them are exactly these."""
    _locked_state(conn, document_id)
    conn.execute(delete(fields).where(fields.c.document_id == document_id))
    conn.execute(delete(people).where(people.c.document_id == document_id))
    _insert(conn, fields, descriptions.field_rows(document_id, described))
    _insert(conn, people, descriptions.people_rows(document_id, described))
    scan = select(scans.c.file_name).join(documents, documents.c.scan_id == scans.c.id)
    name = conn.execute(scan.where(documents.c.id == document_id)).scalar() or ""
    columns = {**descriptions.derived(described, name), "updated_at": _now()}
    conn.execute(update(documents).where(documents.c.id == document_id).values(**columns))


def description(conn: Connection, document_id: DocumentId) -> Description:
    """What the document says of itself, as the registry holds it now."""
    row = conn.execute(select(documents.c.kind, documents.c.confidence).where(documents.c.id == document_id)).first()
    found = {
        f.name: FieldValue(
            value=f.value,
            raw_text=f.raw_text,
            confidence=f.confidence,
            page_index=f.page_index,
            box=f.box,
            method=f.method,
            confirmed_by=f.confirmed_by,
        )
        for f in conn.execute(select(fields).where(fields.c.document_id == document_id))
    }
    query = select(people.c.evidence).where(people.c.document_id == document_id).order_by(people.c.position)
    named = tuple(Person.model_validate(evidence) for evidence in conn.execute(query).scalars())
    return Description(
        kind=row.kind if row else None,
        kind_confidence=(row.confidence or 0.0) if row else 0.0,
        fields=found,
        people=named,
    )


def correct_field(conn: Connection, document_id: DocumentId, name: str, value: str, by: str) -> None:
    """The field holds the person's value; the reading stays as raw_text. An empty value removes the field.

    name: a field, `kind`, or `people.<position>.<full_name|id_number|date_of_birth>`.
    """
    _locked_state(conn, document_id)
    save_description(conn, document_id, descriptions.corrected(description(conn, document_id), name, value, by))


def add_event(conn: Connection, document_id: DocumentId, event: Event) -> None:
    """The event stands once, however often and by however many it is added."""
    insert_missing(conn, events, ("document_id", "type", "at"), event_row(document_id, event))


def by_state(
    conn: Connection, state: DocumentState, units: Iterable[str] | None = None, *, most: int | None = None
) -> list[DocumentRow]:
    """Oldest first, no more than `most`; of all units when `units` is None."""
    query = select(documents).where(documents.c.state == state).order_by(documents.c.created_at).limit(most)
    if units is not None:
        query = query.where(documents.c.unit.in_(list(units)))
    return [_row(row) for row in conn.execute(query)]


def count_in_state(conn: Connection, state: DocumentState, units: Collection[str] | None = None) -> int:
    """How many documents `by_state` would give."""
    query = select(func.count()).select_from(documents).where(documents.c.state == state)
    if units is not None:
        query = query.where(documents.c.unit.in_(list(units)))
    return conn.execute(query).scalar_one()


def of_dossiers(conn: Connection, codes: Sequence[str]) -> list[DocumentRow]:
    """Documents of these dossiers, oldest first."""
    query = select(documents).where(documents.c.dossier_code.in_(codes)).order_by(documents.c.created_at)
    return [_row(row) for row in conn.execute(query)]


def archived_in(
    conn: Connection,
    start: str | None,
    end: str | None,
    units: Iterable[str] | None,
    *,
    after: tuple[str, str] | None = None,
) -> list[tuple[DocumentId, str]]:
    """(document, archived_at) of those archived from `start` on and before `end`, in that order, some at a time: those
    that follow on `after`, the last pair turned round."""
    query = select(documents.c.id, documents.c.archived_at).where(*_between(start, end, units))
    if after is not None:
        at, last = after
        query = query.where(
            or_(documents.c.archived_at > at, and_(documents.c.archived_at == at, documents.c.id > last))
        )
    query = query.order_by(documents.c.archived_at, documents.c.id).limit(MOST_AT_ONCE)
    return [(DocumentId(row.id), row.archived_at) for row in conn.execute(query)]


def count_archived_in(conn: Connection, start: str | None, end: str | None, units: Iterable[str] | None) -> int:
    """How many documents `archived_in` gives in all."""
    return conn.execute(select(func.count()).where(*_between(start, end, units))).scalar_one()


def _between(start: str | None, end: str | None, units: Iterable[str] | None) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = [documents.c.archived_at.is_not(None)]
    if start is not None:
        conditions.append(documents.c.archived_at >= start)
    if end is not None:
        conditions.append(documents.c.archived_at < end)
    if units is not None:
        conditions.append(documents.c.unit.in_(sorted(units)))
    return conditions


def archived_ids(conn: Connection) -> list[DocumentId]:
    """All documents that are in the archive."""
    query = select(documents.c.id).where(documents.c.archived_at.is_not(None)).order_by(documents.c.id)
    return [DocumentId(i) for i in conn.execute(query).scalars()]


def archived_between(
    conn: Connection, begin: datetime, end: datetime, units: Collection[str] | None = None
) -> list[DocumentId]:
    """Documents archived from `begin` on and before `end`, of these units or of all, in the order of archiving."""
    archived = documents.c.archived_at
    query = select(documents.c.id).where(
        archived >= _text(begin.astimezone(UTC)), archived < _text(end.astimezone(UTC))
    )
    if units is not None:
        query = query.where(documents.c.unit.in_(units))
    return [DocumentId(i) for i in conn.execute(query.order_by(archived, documents.c.id)).scalars()]


def titles(conn: Connection, ids: Collection[str]) -> dict[str, str]:
    """Document → its title, of those that are known."""
    found: dict[str, str] = {}
    for some in portions(sorted(ids)):
        query = select(documents.c.id, documents.c.title).where(documents.c.id.in_(some))
        found.update((row.id, row.title) for row in conn.execute(query))
    return found


def references(conn: Connection, ids: Collection[str]) -> dict[str, tuple[str | None, str | None]]:
    """Document → its number and symbol and its dossier's code, of those that are known."""
    number = (fields.c.document_id == documents.c.id) & (fields.c.name == "number_symbol")
    found: dict[str, tuple[str | None, str | None]] = {}
    for some in portions(sorted(ids)):
        query = select(documents.c.id, fields.c.value, documents.c.dossier_code)
        query = query.select_from(documents.outerjoin(fields, number)).where(documents.c.id.in_(some))
        found.update((row.id, (row.value, row.dossier_code)) for row in conn.execute(query))
    return found


def count_archived(conn: Connection) -> int:
    """How many documents are in the archive."""
    query = select(func.count()).select_from(documents).where(documents.c.archived_at.is_not(None))
    return conn.execute(query).scalar_one()


def archived_at(conn: Connection, ids: Sequence[DocumentId]) -> dict[DocumentId, datetime]:
    """When those of the documents that are in the archive came there."""
    found: dict[DocumentId, datetime] = {}
    for some in portions(sorted(ids)):
        query = select(documents.c.id, documents.c.archived_at).where(documents.c.id.in_(some))
        found |= {DocumentId(r.id): datetime.fromisoformat(r.archived_at) for r in conn.execute(query) if r.archived_at}
    return found


def is_disposed(conn: Connection, ids: Sequence[DocumentId]) -> bool:
    """Whether each of these was removed by a decision, or never came into the archive; False for none at all."""
    query = select(documents.c.state).where(documents.c.id.in_(list(ids)))
    states = set(conn.execute(query).scalars())
    return DocumentState.DISPOSED in states and states <= {DocumentState.DISPOSED, DocumentState.REJECTED}


def unindexed(conn: Connection, limit: int) -> list[DocumentId]:
    """Archived documents that the index does not have yet, oldest first."""
    query = (
        select(documents.c.id)
        .where(documents.c.archived_at.is_not(None), documents.c.indexed_at.is_(None))
        .order_by(documents.c.archived_at)
        .limit(limit)
    )
    return [DocumentId(i) for i in conn.execute(query).scalars()]


def mark_indexed(conn: Connection, ids: Sequence[DocumentId]) -> None:
    """The index has these documents."""
    for some in portions(sorted(ids)):
        conn.execute(update(documents).where(documents.c.id.in_(some)).values(indexed_at=_now()))


def keep_arrived(conn: Connection, document_id: DocumentId, found: Arrived) -> None:
    """The document came signed, and this was found of its signatures; that is its last validation as well."""
    at = _text(found.judged_at)
    told = {"arrived": found.model_dump(mode="json"), "verdict": found.verdict, "verdict_at": at}
    conn.execute(update(documents).where(documents.c.id == document_id).values(**told, updated_at=_now()))


def keep_copied(conn: Connection, document_id: DocumentId, told: CopyOf) -> None:
    """The document is this kind of copy."""
    conn.execute(update(documents).where(documents.c.id == document_id).values(**copy_columns(told), updated_at=_now()))


def copies_of(conn: Connection, document_id: str) -> list[DocumentRow]:
    """The extracts that were made from this record, oldest first."""
    query = select(documents).where(documents.c.copied_from == document_id).order_by(documents.c.created_at)
    return [_row(row) for row in conn.execute(query)]


def keep_verdict(conn: Connection, document_id: DocumentId, verdict: Verdict) -> None:
    """The document's last validation ended so, just now. It does not move in the tray."""
    kept = update(documents).where(documents.c.id == document_id).values(verdict=verdict, verdict_at=_now())
    conn.execute(kept)


def keep_hold(conn: Connection, document_id: DocumentId, hold: LegalHold | None) -> None:
    """The registry knows this legal hold on the document, or that there is none."""
    told = {
        "held_at": _text(hold.since) if hold else None,
        "held_by": hold.by if hold else None,
        "held_why": hold.why if hold else None,
    }
    conn.execute(update(documents).where(documents.c.id == document_id).values(**told))


def is_held(conn: Connection, document_id: DocumentId) -> bool:
    """Whether the registry knows of a legal hold on it."""
    query = select(documents.c.id).where(documents.c.id == document_id, documents.c.held_at.is_not(None))
    return conn.execute(query).first() is not None


def held(conn: Connection, limit: int = MOST_AT_ONCE) -> list[DocumentRow]:
    """The documents that a legal hold lies on, those held longest first."""
    query = select(documents).where(documents.c.held_at.is_not(None)).order_by(documents.c.held_at, documents.c.id)
    return [_row(row) for row in conn.execute(query.limit(limit))]


def held_of_scan(conn: Connection, scan_id: str) -> list[DocumentId]:
    """The scan's documents that a legal hold lies on."""
    query = select(documents.c.id).where(documents.c.scan_id == scan_id, documents.c.held_at.is_not(None))
    return [DocumentId(i) for i in conn.execute(query).scalars()]


def withdraw(conn: Connection, document_id: DocumentId, *, why: str, replaced_by: DocumentId | None = None) -> None:
    """The document is no longer reusable; it stays in the archive."""
    set_state(
        conn,
        document_id,
        DocumentState.WITHDRAWN,
        withdrawn_at=_now(),
        withdrawn_why=why[:300],
        replaced_by=replaced_by,
    )


def copy_columns(told: CopyOf | None) -> dict[str, Any]:
    """What kind of copy it is, as columns."""
    return {
        "copied": told.model_dump(mode="json") if told else None,
        "copied_from": told.source if told else None,
    }


def event_row(document_id: str, event: Event) -> dict[str, Any]:
    """The event as `events` holds it."""
    return {
        "document_id": document_id,
        "type": event.type,
        "at": _text(event.at),
        "agent": event.agent,
        "outcome": event.outcome,
        "detail": event.detail,
    }


def _insert(conn: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    if rows:
        conn.execute(insert(table), rows)


def _locked_state(conn: Connection, document_id: str) -> str | None:
    """The document's state, held until the transaction ends (SQLite's write transactions hold all anyway)."""
    query = select(documents.c.state).where(documents.c.id == document_id).with_for_update()
    return conn.execute(query).scalar()


def portions(values: Sequence[T]) -> Iterator[Sequence[T]]:
    """The values, so many at a time as one question may name."""
    yield from (values[start : start + MOST_AT_ONCE] for start in range(0, len(values), MOST_AT_ONCE))


def _row(row: Any) -> DocumentRow:
    return DocumentRow.model_validate(dict(row._mapping))


def _text(instant: datetime) -> str:
    return instant.isoformat(timespec="microseconds")


def _now() -> str:
    return _text(utc_now())
