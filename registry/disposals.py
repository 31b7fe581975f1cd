"""Which records are due for removal, what was decided of them and by whom, and what is left when they are gone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Select, Table, and_, delete, exists, func, insert, or_, select, update

from registry.concurrent import insert_missing
from registry.documents import event_row
from registry.errors import NotFound
from registry.tables import (
    disposal_items,
    disposals,
    documents,
    events,
    fields,
    passes,
    people,
    reuse_events,
    scans,
    signing_requests,
)
from registry.values import (
    Disposal,
    DisposedRecord,
    DocumentId,
    DocumentState,
    Event,
    ScanState,
    Value,
    utc_now,
)

PENDING, GONE, KEPT = "pending", "gone", "kept"
PROPOSED, APPROVED, REFUSED, DONE = "proposed", "approved", "refused", "done"
FOR_EVER = "9999-12-31"
MOST = 500
LEFT_OF_DOCUMENT = frozenset(
    {"page_count", "signature_level", "approved_by", "approved_at", "signed_at", "withdrawn_at", "replaced_by"}
)
LEFT_OF_SCAN = frozenset({"media_type", "page_count"})
"""What of a removed document's rows is told further on: counts, codes, officials and instants."""


class DueRow(Value):
    """A record whose days are over."""

    id: DocumentId
    scan_id: str | None
    unit: str
    kind: str | None
    title: str
    dossier_code: str | None
    retention_class: str | None
    retain_until: date
    archived_at: datetime


class Item(Value):
    """One record of a decision."""

    document_id: DocumentId
    state: str
    reason: str | None
    told: DisposedRecord
    ended_at: datetime | None


class DisposalRow(Value):
    """A decision. counted: state → number of its records."""

    id: str
    basis: str
    state: str
    proposed_by: str
    proposed_at: datetime
    decided_by: str | None
    decided_at: datetime | None
    why: str | None
    done_at: datetime | None
    counted: dict[str, int]


def due(conn: Connection, today: date, *, units: Iterable[str] | None = None, limit: int = MOST) -> list[DueRow]:
    """Records whose retention is over, those due longest ago first; not those under hold, of a dossier of which a paper
    is kept longer, reused for such a dossier, or decided on already. What is not known to end is kept (Luật Lưu trữ
    33/2024/QH15, Điều 8, 15)."""
    query = _due(today).order_by(documents.c.retain_until, documents.c.id).limit(limit)
    if units is not None:
        query = query.where(documents.c.unit.in_(list(units)))
    return [DueRow.model_validate(dict(row._mapping)) for row in conn.execute(query)]


def count_due(conn: Connection, today: date, *, units: Iterable[str] | None = None) -> int:
    """How many records `due` would give without a limit."""
    query = _due(today)
    if units is not None:
        query = query.where(documents.c.unit.in_(list(units)))
    return conn.execute(select(func.count()).select_from(query.subquery())).scalar_one()


def why_not(conn: Connection, document_id: str, today: date, *, besides: str = "") -> str | None:
    """Why the record is not due; None when it is. besides: a decision that may know it already.

    not-archived | unknown-retention | for-ever | retained | held | dossier-retained | reused | decided
    """
    row = conn.execute(select(documents).where(documents.c.id == document_id)).first()
    if row is None or row.archived_at is None:
        return "not-archived"
    return _own_reason(row, today.isoformat()) or _reason_besides(conn, row, today.isoformat(), besides)


def without_retention(conn: Connection, limit: int) -> list[DocumentId]:
    """Archived documents of which the registry does not know how long they are kept."""
    query = select(documents.c.id).where(documents.c.archived_at.is_not(None), documents.c.retain_until.is_(None))
    return [DocumentId(i) for i in conn.execute(query.order_by(documents.c.id).limit(limit)).scalars()]


def learn_retention(conn: Connection, days: Iterable[tuple[DocumentId, date | None]]) -> None:
    """How long these are kept, as their metadata say; None is for ever."""
    for document_id, day in days:
        told = day.isoformat() if day else FOR_EVER
        conn.execute(update(documents).where(documents.c.id == document_id).values(retain_until=told))


def propose(conn: Connection, disposal_id: str, basis: str, by: str, records: Sequence[DisposedRecord]) -> None:
    """The proposal stands, and waits for a second person."""
    told = {"id": disposal_id, "basis": basis, "state": PROPOSED, "proposed_by": by, "proposed_at": _now()}
    conn.execute(insert(disposals).values(**told))
    rows = [
        {
            "disposal_id": disposal_id,
            "document_id": r.document_id,
            "state": PENDING,
            "told": r.model_dump(mode="json"),
        }
        for r in records
    ]
    conn.execute(insert(disposal_items), rows)


def get(conn: Connection, disposal_id: str, *, lock: bool = False) -> DisposalRow:
    """Raises NotFound. lock: it stays as it is read until the caller's write transaction ends."""
    query = select(disposals).where(disposals.c.id == disposal_id)
    row = conn.execute(query.with_for_update() if lock else query).first()
    if row is None:
        raise NotFound(f"no disposal {disposal_id}")
    return _row(conn, row)


def listing(conn: Connection, states: Iterable[str] | None = None, limit: int = 100) -> list[DisposalRow]:
    """The newest first."""
    query = select(disposals).order_by(disposals.c.proposed_at.desc()).limit(limit)
    if states is not None:
        query = query.where(disposals.c.state.in_(list(states)))
    return [_row(conn, row) for row in conn.execute(query).all()]


def items(conn: Connection, disposal_id: str, state: str | None = None, limit: int | None = None) -> list[Item]:
    """The decision's records, in order of their ids."""
    query = select(disposal_items).where(disposal_items.c.disposal_id == disposal_id)
    if state is not None:
        query = query.where(disposal_items.c.state == state)
    query = query.order_by(disposal_items.c.document_id).limit(limit)
    return [
        Item(document_id=r.document_id, state=r.state, reason=r.reason, told=r.told, ended_at=r.ended_at)
        for r in conn.execute(query)
    ]


def of_document(conn: Connection, document_id: str) -> DisposalRow | None:
    """The decision by which the document was removed."""
    query = (
        select(disposals)
        .join(disposal_items, disposal_items.c.disposal_id == disposals.c.id)
        .where(disposal_items.c.document_id == document_id, disposal_items.c.state == GONE)
    )
    row = conn.execute(query).first()
    return _row(conn, row) if row else None


def decide(conn: Connection, disposal_id: str, state: str, by: str, *, why: str | None = None) -> None:
    """The second person has decided."""
    told = {"state": state, "decided_by": by, "decided_at": _now(), "why": why}
    conn.execute(update(disposals).where(disposals.c.id == disposal_id).values(**told))


def keep(conn: Connection, disposal_id: str, document_id: str, reason: str) -> bool:
    """The record is kept after all; False when its end was told before."""
    return _end(conn, disposal_id, document_id, KEPT, reason)


def finish(conn: Connection, disposal_id: str, at: datetime) -> None:
    """Nothing is left to be done."""
    told = {"state": DONE, "done_at": at.isoformat(timespec="microseconds")}
    conn.execute(update(disposals).where(disposals.c.id == disposal_id).values(**told))


def others_of_scan(conn: Connection, scan_id: str, document_id: str) -> int:
    """How many other documents of the scan are there, or may yet come."""
    over = (DocumentState.DISPOSED, DocumentState.REJECTED)
    query = select(func.count()).where(
        documents.c.scan_id == scan_id, documents.c.id != document_id, documents.c.state.not_in(over)
    )
    return conn.execute(query).scalar_one()


def gone(conn: Connection, disposal_id: str, told: DisposedRecord, by: str, at: datetime) -> bool:
    """The document is disposed of: what it said of people is in no table any more, what the decision keeps of it is.

    Its scan, with its last document, has no name left, and its bytes may come again as new ones. Safe to repeat; False
    when it was told before, by another who carried out the same.
    """
    first = _end(conn, disposal_id, told.document_id, GONE, None)
    for table in (fields, people, events, signing_requests):
        conn.execute(delete(table).where(table.c.document_id == told.document_id))
    row = _tombstone(told, at)
    if told.scan_id:
        insert_missing(conn, scans, ("id",), _scan_row(told))
    if not insert_missing(conn, documents, ("id",), {"id": told.document_id, **row}):
        conn.execute(update(documents).where(documents.c.id == told.document_id).values(**row))
    event = Event(type="deletion", at=at, agent=by, detail={"disposal": disposal_id})
    insert_missing(conn, events, ("document_id", "type", "at"), event_row(told.document_id, event))
    if told.scan_id and not others_of_scan(conn, told.scan_id, told.document_id):
        conn.execute(update(scans).where(scans.c.id == told.scan_id).values(**_nameless_scan(told.scan_id)))
        conn.execute(update(passes).where(passes.c.scan_id == told.scan_id).values(file_name="", source_path=""))
    return first


def restore(conn: Connection, decision: Disposal, removed: dict[DocumentId, datetime], kept: dict[DocumentId, str],
            done_at: datetime | None) -> None:  # fmt: skip
    """What the archive tells of a decision stands in the registry. removed: those of its records that are gone."""
    row = {
        "id": decision.id,
        "basis": decision.basis,
        "state": DONE if done_at else APPROVED,
        "proposed_by": decision.proposed_by,
        "proposed_at": _text(decision.proposed_at),
        "decided_by": decision.approved_by,
        "decided_at": _text(decision.approved_at),
        "done_at": _text(done_at) if done_at else None,
    }
    insert_missing(conn, disposals, ("id",), row)
    for told in decision.records:
        item = {
            "disposal_id": decision.id,
            "document_id": told.document_id,
            "state": PENDING,
            "told": told.model_dump(mode="json"),
        }
        insert_missing(conn, disposal_items, ("disposal_id", "document_id"), item)
        if told.document_id in kept:
            keep(conn, decision.id, told.document_id, kept[told.document_id])
        elif at := removed.get(told.document_id):
            gone(conn, decision.id, told, decision.approved_by, at)


def _own_reason(row: Any, day: str) -> str | None:
    if row.held_at is not None:
        return "held"
    if row.retain_until is None:
        return "unknown-retention"
    if row.retain_until < day:
        return None
    return "for-ever" if row.retain_until == FOR_EVER else "retained"


def _reason_besides(conn: Connection, row: Any, day: str, besides: str) -> str | None:
    other = documents.alias()
    same = (other.c.dossier_code == row.dossier_code, other.c.id != row.id)
    if row.dossier_code and conn.execute(select(other.c.id).where(*same, _is_kept(other.c, day)).limit(1)).first():
        return "dossier-retained"
    if conn.execute(_used_by(other, row.id, day).limit(1)).first():
        return "reused"
    return "decided" if conn.execute(_open_item(row.id, besides).limit(1)).first() else None


def _due(today: date) -> Select[Any]:
    day = today.isoformat()
    other = documents.alias()
    longer = exists().where(
        other.c.dossier_code == documents.c.dossier_code, other.c.id != documents.c.id, _is_kept(other.c, day)
    )
    used = _used_by(documents.alias(), documents.c.id, day).exists()
    decided = exists().where(
        disposal_items.c.document_id == documents.c.id,
        disposal_items.c.state == PENDING,
        disposals.c.id == disposal_items.c.disposal_id,
        disposals.c.state.in_((PROPOSED, APPROVED)),
    )
    return select(*(documents.c[name] for name in DueRow.model_fields)).where(
        documents.c.retain_until < day,
        documents.c.archived_at.is_not(None),
        documents.c.held_at.is_(None),
        ~longer,
        ~used,
        ~decided,
    )


def _is_kept(columns: Any, day: str) -> Any:
    """A paper of a dossier keeps the others: a file is kept as long as that of its papers which is kept longest."""
    kept = or_(columns.retain_until.is_(None), columns.retain_until >= day, columns.held_at.is_not(None))
    return and_(columns.archived_at.is_not(None), kept)


def _used_by(other: Any, document_id: Any, day: str) -> Select[Any]:
    """A paper that was reused is one of that dossier's papers too: `other` is one of them that is kept."""
    return (
        select(reuse_events.c.id)
        .join(other, other.c.dossier_code == reuse_events.c.dossier_code)
        .where(
            reuse_events.c.document_id == document_id,
            reuse_events.c.outcome == "reused",
            other.c.id != document_id,
            _is_kept(other.c, day),
        )
    )


def _open_item(document_id: str, besides: str) -> Select[Any]:
    return (
        select(disposal_items.c.disposal_id)
        .join(disposals, disposals.c.id == disposal_items.c.disposal_id)
        .where(
            disposal_items.c.document_id == document_id,
            disposal_items.c.state == PENDING,
            disposals.c.state.in_((PROPOSED, APPROVED)),
            disposals.c.id != besides,
        )
    )


def _end(conn: Connection, disposal_id: str, document_id: str, state: str, reason: str | None) -> bool:
    item = (disposal_items.c.disposal_id == disposal_id, disposal_items.c.document_id == document_id)
    told = {"state": state, "reason": reason, "ended_at": _now()}
    change = update(disposal_items).where(*item, disposal_items.c.state == PENDING).values(**told)
    return conn.execute(change).rowcount > 0


def _tombstone(told: DisposedRecord, at: datetime) -> dict[str, Any]:
    return {
        **_nothing(documents, LEFT_OF_DOCUMENT),
        "scan_id": told.scan_id,
        "unit": told.unit,
        "kind": told.kind,
        "title": "",
        "state": DocumentState.DISPOSED,
        "step": "disposed",
        "review_reasons": [],
        "original_sha256": told.original_sha256,
        "pdf_sha256": told.files.get("document.pdf"),
        "retention_class": told.retention_class,
        "retain_until": told.retain_until.isoformat(),
        "created_at": _text(told.archived_at),
        "disposed_at": _text(at),
        "updated_at": _now(),
    }


def _scan_row(told: DisposedRecord) -> dict[str, Any]:
    """The scan of a document that only the decision knows any more."""
    scan_id, at = str(told.scan_id), _text(told.archived_at)
    return {
        "id": scan_id,
        "sha256": told.original_sha256,
        "unit": told.unit,
        "size_bytes": 0,
        "state": ScanState.DONE,
        "received_at": at,
        "claimed_by": "rebuild",
        "updated_at": at,
        **_nameless_scan(scan_id),
    }


def _nameless_scan(scan_id: str) -> dict[str, Any]:
    nothing = _nothing(scans, LEFT_OF_SCAN)
    return {**nothing, "file_name": "", "source_path": "", "claim_key": f"disposed|{scan_id}", "warnings": []}


def _nothing(table: Table, left: frozenset[str]) -> dict[str, None]:
    """Every column that may be empty is, but for those left: also one that a later version adds."""
    return {c.name: None for c in table.columns if c.nullable and c.name not in left}


def _row(conn: Connection, row: Any) -> DisposalRow:
    query = (
        select(disposal_items.c.state, func.count())
        .where(disposal_items.c.disposal_id == row.id)
        .group_by(disposal_items.c.state)
    )
    counted = {found[0]: found[1] for found in conn.execute(query)}
    return DisposalRow.model_validate({**row._mapping, "counted": counted})


def _text(instant: datetime) -> str:
    return instant.isoformat(timespec="microseconds")


def _now() -> str:
    return _text(utc_now())
