"""What a person decides about a document that waits: approve, correct, reject. The runner does the rest."""

from __future__ import annotations

import re
from collections.abc import Mapping

from pipeline import settling
from pipeline.workshop import Workshop
from registry import audit, documents
from registry.database import read, write
from registry.errors import Conflict, RefusalCode
from registry.values import CopyForm, CopyOf, DocumentId, DocumentState, Event, utc_now

NUMBER = re.compile(r"\d{1,6}/([A-Za-z]{2,3})-\S{1,24}")
"""Of a copy: its number in the register, the kind's abbreviation, the office's."""


def approve(shop: Workshop, document_id: DocumentId, actor: str, copied: CopyOf | None = None) -> None:
    """The document goes on to signing, as that kind of copy where one is told. Raises Conflict when it does not wait
    for review or cannot be such a copy, NotFound."""
    now = utc_now()
    with write(shop.engine) as conn:
        record = _in_review(documents.get(conn, document_id, lock=True))
        told = _decided(record, copied)
        if told is not None:
            documents.keep_copied(conn, document_id, told)
        detail = {"is": "approved", **({"form": str(told.form)} if told else {})}
        documents.set_state(
            conn,
            document_id,
            DocumentState.APPROVED,
            step="approved",
            approved_by=actor,
            approved_at=now.isoformat(timespec="microseconds"),
        )
        documents.add_event(conn, document_id, Event(type="appraisal", at=now, agent=actor, detail=detail))
        form = {"form": str(told.form)} if told else {}
        audit.append(conn, actor=actor, action="approve", subject=document_id, unit=record.unit, detail=form)


def correct(shop: Workshop, document_id: DocumentId, values: Mapping[str, str], actor: str) -> None:
    """The values are the person's; what was read stays beside them. Raises Conflict, NotFound."""
    now = utc_now()
    with write(shop.engine) as conn:
        record = _in_review(documents.get(conn, document_id, lock=True))
        for name, value in values.items():
            documents.correct_field(conn, document_id, name, value, actor)
        names = ",".join(sorted(values))
        documents.add_event(
            conn, document_id, Event(type="metadata modification", at=now, agent=actor, detail={"fields": names})
        )
        audit.append(
            conn, actor=actor, action="correct", subject=document_id, unit=record.unit, detail={"fields": names}
        )


def reject(shop: Workshop, document_id: DocumentId, why: str, actor: str) -> None:
    """The document is in quarantine as rejected, with its scan or, of a scan of several, by itself; `why` is in the
    audit log. Raises Conflict."""
    now = utc_now()
    with write(shop.engine) as conn:
        record = _in_review(documents.get(conn, document_id, lock=True))
        documents.set_state(conn, document_id, DocumentState.REJECTED, step="rejected", error_code=RefusalCode.REJECTED)
        documents.add_event(conn, document_id, Event(type="appraisal", at=now, agent=actor, outcome="failure"))
        audit.append(
            conn, actor=actor, action="reject", subject=document_id, unit=record.unit, detail={"why": why[:300]}
        )
    settling.refuse(shop, document_id, RefusalCode.REJECTED, "by a person")


def finish_rejections(shop: Workshop) -> None:
    """What was rejected just before a crash is in quarantine as well. Repeatable."""
    with read(shop.engine) as conn:
        left = [d for d in documents.by_state(conn, DocumentState.REJECTED) if d.error_code == RefusalCode.REJECTED]
    for document in left:
        settling.refuse(shop, DocumentId(document.id), RefusalCode.REJECTED, "by a person")


def _decided(record: documents.DocumentRecord, told: CopyOf | None) -> CopyOf | None:
    """What kind of copy the document is to be: as it was told, on top of what stands. Raises Conflict.

    What arrived signed is no copy of ours. An extract is made of chosen pages of a record (pipeline.copies), and is
    nothing else.
    """
    if told is None:
        return None
    if record.arrived is not None:
        raise Conflict("a document that came signed is kept as it came: it is no copy")
    held = record.copied or CopyOf()
    if (held.source is not None) != (told.form is CopyForm.EXTRACT):
        raise Conflict("an extract is made of pages of a record, and stays one")
    require_number(told)
    return held.model_copy(update={"form": told.form, "number": told.number or held.number})


def require_number(told: CopyOf) -> None:
    """Raises Conflict for a number that is not one of such copies (NĐ 30/2020/NĐ-CP, Annex I)."""
    if told.number is None:
        return
    found = NUMBER.fullmatch(told.number)
    if found is None or found[1] not in told.form.abbreviations:
        raise Conflict(f"the number of such a copy is written as 05/{min(told.form.abbreviations)}-UBND")


def _in_review(record: documents.DocumentRecord) -> documents.DocumentRecord:
    if record.state != DocumentState.REVIEW:
        raise Conflict(f"the document is {record.state}, not in review")
    return record
