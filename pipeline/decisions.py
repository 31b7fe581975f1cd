"""What a person decides about a document that waits: approve, correct, reject. The runner does the rest."""

from __future__ import annotations

from collections.abc import Mapping

from pipeline import settling
from pipeline.workshop import Workshop
from registry import audit, documents
from registry.database import read, write
from registry.errors import Conflict, RefusalCode
from registry.values import DocumentId, DocumentState, Event, utc_now


def approve(shop: Workshop, document_id: DocumentId, actor: str) -> None:
    """The document goes on to signing. Raises Conflict when it does not wait for review, NotFound."""
    now = utc_now()
    with write(shop.engine) as conn:
        record = _in_review(documents.get(conn, document_id, lock=True))
        documents.set_state(
            conn,
            document_id,
            DocumentState.APPROVED,
            step="approved",
            approved_by=actor,
            approved_at=now.isoformat(timespec="microseconds"),
        )
        documents.add_event(conn, document_id, Event(type="appraisal", at=now, agent=actor, detail={"is": "approved"}))
        audit.append(conn, actor=actor, action="approve", subject=document_id, unit=record.unit)


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


def _in_review(record: documents.DocumentRecord) -> documents.DocumentRecord:
    if record.state != DocumentState.REVIEW:
        raise Conflict(f"the document is {record.state}, not in review")
    return record
