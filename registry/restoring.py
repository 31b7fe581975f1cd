"""The registry's rows of what the archive holds, made from the archive's own words, many at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, bindparam, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite

from registry import descriptions
from registry.concurrent import insert_many
from registry.documents import copy_columns, event_row, portions
from registry.scans import pair_digest
from registry.tables import documents, events, fields, passes, people, scans
from registry.values import DocumentId, DocumentState, Event, RecordMetadata, ScanState, utc_now

Row = dict[str, Any]
FOR_EVER = date(9999, 12, 31)


@dataclass(frozen=True, slots=True)
class Prepared:
    """Everything that the registry says of one archived record, as plain rows: cheap to hand between processes.

    archived: the columns that the archive decides, also for a document that is known already.
    """

    document_id: DocumentId
    scan: Row
    passes: tuple[Row, ...]
    document: Row
    archived: Row
    fields: tuple[Row, ...]
    people: tuple[Row, ...]
    events: tuple[Row, ...]


def prepare(told: RecordMetadata, found: Sequence[Event], *, pdf_sha256: str) -> Prepared:
    """The rows of a record. Pure."""
    document_id, now = told.document_id, _text(utc_now())
    archived = {
        "state": DocumentState.ARCHIVED.value,
        "pdf_sha256": pdf_sha256,
        "signature_level": told.signature_level,
        "renew_by": told.renew_by.isoformat() if told.renew_by else None,
        "arrived": told.arrived.model_dump(mode="json") if told.arrived else None,
        **copy_columns(told.copied),
        "retention_class": told.retention_class,
        "retain_until": (told.retain_until or FOR_EVER).isoformat(),
        "held_at": _text(told.legal_hold.since) if told.legal_hold else None,
        "held_by": told.legal_hold.by if told.legal_hold else None,
        "held_why": told.legal_hold.why if told.legal_hold else None,
        "approved_by": told.approved_by,
        "approved_at": _text(told.approved_at),
        "signed_at": _text(told.converted_at),
        "archived_at": _text(told.archived_at),
        "updated_at": now,
        **descriptions.derived(told.description, told.source.file_name),
    }
    scan = _scan_row(told, now)
    return Prepared(
        document_id=document_id,
        scan=scan,
        passes=tuple(_pass_rows(told, scan["id"])),
        document={
            "id": document_id,
            "scan_id": scan["id"],
            "step": "archived",
            "original_sha256": told.source.sha256,
            "created_at": _text(told.source.received_at),
            "unit": told.unit,
            "dossier_code": told.dossier_code,
            "component_code": told.component_code,
            "page_count": told.page_count,
            "part": told.source.scan.part if told.source.scan else 0,
            "pages": list(told.source.pages) or None,
        },
        archived=archived,
        fields=tuple(descriptions.field_rows(document_id, told.description)),
        people=tuple(descriptions.people_rows(document_id, told.description)),
        events=tuple({(e.type, e.at): event_row(document_id, e) for e in found}.values()),
    )


def restore(conn: Connection, told: RecordMetadata, found: Sequence[Event], *, pdf_sha256: str) -> None:
    """Scan, document, fields, people and events of an archived record stand as they did. Safe to repeat.

    A document that was withdrawn stays so: the archive does not tell of that.
    """
    restore_many(conn, [prepare(told, found, pdf_sha256=pdf_sha256)])


def restore_many(conn: Connection, prepared: Iterable[Prepared]) -> None:
    """The same for many records at once. Safe to repeat."""
    given = {record.document_id: record for record in prepared}
    known: dict[str, str] = {}
    for some in portions(sorted(given)):
        query = select(documents.c.id, documents.c.state).where(documents.c.id.in_(some)).with_for_update()
        known.update((row.id, row.state) for row in conn.execute(query))
    _add([record for document_id, record in given.items() if document_id not in known], conn)
    _renew([record for document_id, record in given.items() if document_id in known], known, conn)


def _add(new: Sequence[Prepared], conn: Connection) -> None:
    taken: set[str] = set()
    known: set[str] = set()
    for some in portions([record.scan["claim_key"] for record in new]):
        taken.update(conn.execute(select(scans.c.claim_key).where(scans.c.claim_key.in_(some))).scalars())
    for some in portions([record.scan["id"] for record in new]):
        known.update(conn.execute(select(scans.c.id).where(scans.c.id.in_(some))).scalars())
    claims: list[Row] = []
    for record in new:
        if record.scan["id"] in known:  # another part's, or the scan was under way
            continue
        known.add(record.scan["id"])
        key = record.scan["claim_key"]
        # whoever claimed the same bytes before keeps the claim: this record's scan is over
        claims.append({**record.scan, "claim_key": f"restored|{record.scan['id']}" if key in taken else key})
        taken.add(key)
    if new:
        insert_many(conn, scans, claims)
        added = {row["id"] for row in claims}
        of_pairs = {row["scan_id"]: record.passes for record in new for row in record.passes if row["scan_id"] in added}
        insert_many(conn, passes, [row for rows in of_pairs.values() for row in rows])
        insert_many(conn, documents, [record.document | record.archived for record in new])
        insert_many(conn, fields, [row for record in new for row in record.fields])
        insert_many(conn, people, [row for record in new for row in record.people])
        insert_many(conn, events, [row for record in new for row in record.events])


def _renew(held: Sequence[Prepared], states: dict[str, str], conn: Connection) -> None:
    for some in portions([record.document_id for record in held]):
        conn.execute(delete(fields).where(fields.c.document_id.in_(some)))
        conn.execute(delete(people).where(people.c.document_id.in_(some)))
    rows: list[Row] = []
    for record in held:
        withdrawn = states[record.document_id] == DocumentState.WITHDRAWN
        rows.append({**record.archived, **({"state": DocumentState.WITHDRAWN.value} if withdrawn else {}),
                     "key": record.document_id})  # fmt: skip
    if rows:
        conn.execute(update(documents).where(documents.c.id == bindparam("key")), rows)
    insert_many(conn, fields, [row for record in held for row in record.fields])
    insert_many(conn, people, [row for record in held for row in record.people])
    happened = [row for record in held for row in record.events]
    if happened:
        dialect = postgresql.insert if conn.dialect.name == "postgresql" else sqlite.insert
        conn.execute(dialect(events).on_conflict_do_nothing(index_elements=["document_id", "type", "at"]), happened)


def _scan_row(told: RecordMetadata, now: str) -> Row:
    source, whole = told.source, told.source.scan
    dossier, component = (told.dossier_code, told.component_code)
    if whole:
        dossier, component = whole.dossier_code, whole.component_code
    sha256 = pair_digest([(p.sha256, p.in_reverse) for p in source.passes]) if source.passes else source.sha256
    return {
        "id": str(whole.scan_id if whole else told.document_id),
        "claim_key": "|".join((sha256, told.unit, dossier or "", component or "")),
        "unit": told.unit,
        "dossier_code": dossier,
        "component_code": component,
        "page_count": whole.page_count if whole else told.page_count,
        "sha256": source.sha256,
        "source_path": "",
        "file_name": source.file_name,
        "size_bytes": source.size_bytes,
        "media_type": source.media_type,
        "warnings": list(source.warnings),
        "state": ScanState.DONE.value,
        "received_at": _text(source.received_at),
        "claimed_by": "rebuild",
        "updated_at": now,
    }


def _pass_rows(told: RecordMetadata, scan_id: str) -> Iterator[Row]:
    for number, side in enumerate(told.source.passes, 1):
        kept = side.model_dump(include={"sha256", "size_bytes", "file_name", "in_reverse"})
        yield {"scan_id": scan_id, "number": number, "source_path": "", **kept}


def _text(instant: datetime) -> str:
    return instant.isoformat(timespec="microseconds")
