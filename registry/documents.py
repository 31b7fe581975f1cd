"""Documents: their states, fields, people and events."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from registry.errors import NotFound
from registry.tables import documents, events, fields, people, scans
from registry.values import (
    Description,
    DocumentId,
    DocumentState,
    Event,
    FieldValue,
    Person,
    RecordMetadata,
    ScanState,
    Value,
    utc_now,
)


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
    confidence: float | None
    review_reasons: list[str]
    original_sha256: str
    pdf_sha256: str | None
    signature_level: str | None
    retention_class: str | None
    created_at: datetime
    approved_by: str | None
    approved_at: datetime | None
    signed_at: datetime | None
    archived_at: datetime | None
    indexed_at: datetime | None
    withdrawn_at: datetime | None
    withdrawn_why: str | None
    replaced_by: str | None
    verdict: str | None
    verdict_at: datetime | None
    error_code: str | None
    attempt: int
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
) -> None:
    """The document stands in state `reading`; one that is there already starts over, unless it is archived."""
    now = _now()
    row = conn.execute(select(documents.c.state).where(documents.c.id == document_id)).first()
    if row is None:
        conn.execute(
            insert(documents).values(
                id=document_id,
                scan_id=scan_id,
                unit=unit,
                dossier_code=dossier_code,
                component_code=component_code,
                original_sha256=original_sha256,
                page_count=page_count,
                state=DocumentState.READING,
                step="identified",
                created_at=now,
                updated_at=now,
            )
        )
    elif row.state not in (DocumentState.ARCHIVED, DocumentState.WITHDRAWN):
        set_state(conn, document_id, DocumentState.READING, step="identified", error_code=None, page_count=page_count)


def get(conn: Connection, document_id: str) -> DocumentRecord:
    """Raises NotFound."""
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
    """The document is in this state and the columns hold these values; updated_at is now."""
    conn.execute(
        update(documents).where(documents.c.id == document_id).values(state=state, **columns, updated_at=_now())
    )


def of_scan(conn: Connection, scan_id: str) -> list[DocumentId]:
    """The documents that a scan became."""
    return [DocumentId(i) for i in conn.execute(select(documents.c.id).where(documents.c.scan_id == scan_id)).scalars()]


def save_description(conn: Connection, document_id: DocumentId, described: Description) -> None:
    """Fields, people and the columns derived from them are exactly these."""
    conn.execute(delete(fields).where(fields.c.document_id == document_id))
    conn.execute(delete(people).where(people.c.document_id == document_id))
    rows = [{"document_id": document_id, "name": n, **_field_columns(v)} for n, v in described.fields.items()]
    if rows:
        conn.execute(insert(fields), rows)
    named = [
        {
            "document_id": document_id,
            "position": position,
            "role": person.role,
            "full_name": _plain(person.full_name),
            "id_number": _plain(person.id_number),
            "date_of_birth": _plain(person.date_of_birth),
            "evidence": person.model_dump(mode="json"),
        }
        for position, person in enumerate(described.people)
    ]
    if named:
        conn.execute(insert(people), named)
    _derive(conn, document_id, described)


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
    described = description(conn, document_id)
    if name == "kind":
        described = described.model_copy(update={"kind": value, "kind_confidence": 1.0})
    elif name.startswith("people."):
        described = described.model_copy(update={"people": _corrected_people(described.people, name, value, by)})
    else:
        corrected = dict(described.fields)
        corrected.pop(name, None)
        if value:
            corrected[name] = _by_person(described.fields.get(name), value, by)
        described = described.model_copy(update={"fields": corrected})
    save_description(conn, document_id, described)


def add_event(conn: Connection, document_id: DocumentId, event: Event) -> None:
    """The event stands once, however often it is added."""
    at = event.at.isoformat(timespec="microseconds")
    same = select(events.c.id).where(
        events.c.document_id == document_id, events.c.type == event.type, events.c.at == at
    )
    if conn.execute(same).first() is None:
        conn.execute(
            insert(events).values(
                document_id=document_id,
                type=event.type,
                at=at,
                agent=event.agent,
                outcome=event.outcome,
                detail=event.detail,
            )
        )


def by_state(conn: Connection, state: DocumentState, units: Iterable[str] | None = None) -> list[DocumentRow]:
    """Oldest first; of all units when `units` is None."""
    query = select(documents).where(documents.c.state == state).order_by(documents.c.created_at)
    if units is not None:
        query = query.where(documents.c.unit.in_(list(units)))
    return [_row(row) for row in conn.execute(query)]


def by_original(conn: Connection, sha256: str) -> list[DocumentRow]:
    """Documents made from exactly these bytes."""
    return [_row(row) for row in conn.execute(select(documents).where(documents.c.original_sha256 == sha256))]


def of_dossiers(conn: Connection, codes: Sequence[str]) -> list[DocumentRow]:
    """Documents of these dossiers, oldest first."""
    query = select(documents).where(documents.c.dossier_code.in_(codes)).order_by(documents.c.created_at)
    return [_row(row) for row in conn.execute(query)]


def archived_ids(conn: Connection) -> list[DocumentId]:
    """All documents that are in the archive."""
    query = select(documents.c.id).where(documents.c.archived_at.is_not(None)).order_by(documents.c.id)
    return [DocumentId(i) for i in conn.execute(query).scalars()]


def unindexed(conn: Connection, limit: int, *, archived_before: str) -> list[DocumentId]:
    """Archived documents that the index does not have yet."""
    query = (
        select(documents.c.id)
        .where(documents.c.archived_at < archived_before, documents.c.indexed_at.is_(None))
        .order_by(documents.c.archived_at)
        .limit(limit)
    )
    return [DocumentId(i) for i in conn.execute(query).scalars()]


def mark_indexed(conn: Connection, ids: Sequence[DocumentId]) -> None:
    """The index has these documents."""
    conn.execute(update(documents).where(documents.c.id.in_(list(ids))).values(indexed_at=_now()))


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


def restore(conn: Connection, metadata: RecordMetadata, found: Sequence[Event], *, pdf_sha256: str) -> None:
    """Scan, document, fields, people and events of an archived record stand as they did. Safe to repeat."""
    now, source = _now(), metadata.source
    scan_id = str(metadata.document_id)
    if conn.execute(select(documents.c.id).where(documents.c.id == metadata.document_id)).first() is None:
        key = "|".join((source.sha256, metadata.unit, metadata.dossier_code or "", metadata.component_code or ""))
        conn.execute(
            insert(scans).values(
                id=scan_id,
                claim_key=key,
                sha256=source.sha256,
                unit=metadata.unit,
                dossier_code=metadata.dossier_code,
                component_code=metadata.component_code,
                source_path="",
                file_name=source.file_name,
                size_bytes=source.size_bytes,
                media_type=source.media_type,
                page_count=metadata.page_count,
                warnings=list(source.warnings),
                state=ScanState.DONE,
                received_at=_text(source.received_at),
                claimed_by="rebuild",
                updated_at=now,
            )
        )
        conn.execute(
            insert(documents).values(
                id=metadata.document_id,
                scan_id=scan_id,
                unit=metadata.unit,
                dossier_code=metadata.dossier_code,
                component_code=metadata.component_code,
                state=DocumentState.ARCHIVED,
                step="archived",
                page_count=metadata.page_count,
                original_sha256=source.sha256,
                created_at=_text(source.received_at),
                updated_at=now,
            )
        )
    set_state(
        conn,
        metadata.document_id,
        DocumentState.ARCHIVED,
        pdf_sha256=pdf_sha256,
        signature_level=metadata.signature_level,
        retention_class=metadata.retention_class,
        approved_by=metadata.approved_by,
        approved_at=_text(metadata.approved_at),
        signed_at=_text(metadata.converted_at),
        archived_at=_text(metadata.archived_at),
    )
    save_description(conn, metadata.document_id, metadata.description)
    for event in found:
        add_event(conn, metadata.document_id, event)


def title_of(described: Description, otherwise: str) -> str:
    """What a person would call the document: type and number, then the subject or the first person's name."""
    head = " ".join(v for v in (described.value("document_type"), described.value("number_symbol")) if v)
    subject = described.value("subject")
    if not subject and described.people and described.people[0].full_name:
        subject = described.people[0].full_name.value
    return (": ".join(v for v in (head, subject) if v) or otherwise)[:300]


def _derive(conn: Connection, document_id: DocumentId, described: Description) -> None:
    scan = select(scans.c.file_name).join(documents, documents.c.scan_id == scans.c.id)
    name = conn.execute(scan.where(documents.c.id == document_id)).scalar() or ""
    conn.execute(
        update(documents)
        .where(documents.c.id == document_id)
        .values(
            kind=described.kind,
            confidence=described.kind_confidence,
            title=title_of(described, name),
            number_symbol=(described.value("number_symbol") or "")[:60] or None,
            issuing_agency=(described.value("issuing_agency") or "")[:200] or None,
            issued_on=described.value("issued_on"),
            updated_at=_now(),
        )
    )


def _corrected_people(named: tuple[Person, ...], path: str, value: str, by: str) -> tuple[Person, ...]:
    _, position, part = path.split(".", 2)
    if part not in ("full_name", "id_number", "date_of_birth"):
        raise NotFound(f"a person has no {part}")
    changed = list(named)
    while len(changed) <= int(position):
        changed.append(Person())
    held = changed[int(position)]
    corrected = _by_person(getattr(held, part), value, by) if value else None
    changed[int(position)] = held.model_copy(update={part: corrected})
    return tuple(changed)


def _by_person(read: FieldValue | None, value: str, by: str) -> FieldValue:
    before = read or FieldValue(value="", raw_text="")
    return before.model_copy(update={"value": value, "confidence": 1.0, "method": "person", "confirmed_by": by})


def _field_columns(value: FieldValue) -> dict[str, Any]:
    return {**value.model_dump(exclude={"box"}), "box": value.box.model_dump() if value.box else None}


def _plain(value: FieldValue | None) -> str | None:
    return value.value if value else None


def _row(row: Any) -> DocumentRow:
    return DocumentRow.model_validate(dict(row._mapping))


def _text(instant: datetime) -> str:
    return instant.isoformat(timespec="microseconds")


def _now() -> str:
    return _text(utc_now())
