"""Archived documents straight in the registry, for rooms that only read it."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

from sqlalchemy import Connection

from registry import restoring
from registry.values import (
    Description,
    DocumentId,
    Event,
    FieldValue,
    Person,
    RecordMetadata,
    ScanOfSeveral,
    ScanPass,
    SourceScan,
)

AT = datetime(2026, 9, 1, tzinfo=UTC)


def person(name: str, number: str | None) -> Person:
    return Person(full_name=FieldValue(value=name), id_number=FieldValue(value=number) if number else None)


def archived(
    conn: Connection,
    kind: str,
    people: tuple[Person, ...] = (),
    *,
    issued_on: str | None = "2026-08-03",
    unit: str = "H99.32",
    dossier: str | None = None,
    level: str | None = "B-LTA",
    document_id: DocumentId | None = None,
    sha256: str | None = None,
    part: ScanOfSeveral | None = None,
    passes: tuple[ScanPass, ...] = (),
) -> DocumentId:
    """An archived document of this kind, naming these people."""
    document_id = document_id or DocumentId(str(uuid.uuid4()))
    fields = {"issued_on": FieldValue(value=issued_on)} if issued_on else {}
    metadata = RecordMetadata(
        document_id=document_id, unit=unit, dossier_code=dossier,
        description=Description(kind=kind, kind_confidence=1, fields=fields, people=people), page_count=1,
        source=SourceScan(file_name="scan.pdf", sha256=sha256 or uuid.uuid4().hex * 2, size_bytes=1,
                          media_type="application/pdf", received_at=AT, scan=part, passes=passes,
                          pages=(2 * part.part + 1,) if part else ()),
        retention_class="permanent", signature_level=level, converted_by_unit=unit, converted_by_person="an",
        converted_at=AT, approved_by="an", approved_at=AT, archived_at=AT,
    )  # fmt: skip
    restoring.restore(conn, metadata, [Event(type="capture", at=AT, agent="an")], pdf_sha256="c" * 64)
    return document_id
