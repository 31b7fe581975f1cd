"""Who read which document, when, and what for: rows of the audit log, read back by document, account and day.

A purpose is one of a few words, with a dossier's code where the work is on one: nothing that somebody typed freely is
in the log, which must hold no names.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, Text, and_, cast, or_, select

from registry import audit
from registry.errors import NotAllowed
from registry.tables import audit as rows
from registry.values import Value, utc_now

READS = ("view", "review", "download", "show", "export", "extract", "report")
"""Actions of the log that are reads: the page, the form of the human check, the PDF, the command line, a kit, pages
taken out, the report of a verification."""
SHOWS = ("search", "reuse-check")
"""Actions that show a little of several documents; the row's detail names them."""
ONCE_WITHIN = timedelta(minutes=30)
"""The same reading of the same document for the same purpose in one session is told once in so long."""
DOSSIER = re.compile(r"[A-Z0-9]{1,10}(?:\.[A-Z0-9]{1,10}){0,5}-[0-9]{6}-[0-9]{4,8}")


class Why(StrEnum):
    """What a document is read for."""

    DOSSIER = "dossier"
    """A dossier that is being worked on; its code goes with it."""
    INTAKE = "intake"
    """The work on a scan that is coming in: looked at, checked, corrected."""
    INSPECTION = "inspection"
    """Somebody checks the work, or the archive."""
    COMPLAINT = "complaint"
    DIRECTION = "direction"
    """A leader follows the work of the unit."""
    REQUEST = "request"
    """A citizen asks for their own paper."""
    TRANSFER = "transfer"
    """Records are handed over to another archive."""
    OPERATION = "operation"
    """The installation is looked after."""


class Purpose(Value):
    """What for. dossier: the code, for Why.DOSSIER and only there."""

    why: Why
    dossier: str | None = None


class Reader(Value):
    """Who reads. session: a word that tells sessions apart and is worth nothing else; empty at the command line."""

    account: str
    role: str
    unit: str | None = None
    session: str = ""


class ReadRow(Value):
    """One reading, as the log has it. unit: the document's; why is empty where no purpose was said.

    document_id: empty where several documents were shown at once and none of them was asked for. shown: all of those.
    """

    seq: int
    at: str
    account: str
    action: str
    document_id: str
    unit: str | None
    role: str
    of_unit: str | None
    why: str
    dossier: str | None
    shown: tuple[str, ...] = ()


def purpose_of(why: str, dossier: str = "") -> Purpose:
    """A purpose as it was told. Raises NotAllowed: no such purpose, or a dossier's code that is none."""
    code = dossier.strip().upper()
    if why not in set(Why) or (why == Why.DOSSIER and not DOSSIER.fullmatch(code)):
        raise NotAllowed("a purpose is one of a few, and a dossier has a code")
    return Purpose(why=Why(why), dossier=code if why == Why.DOSSIER else None)


def note(
    conn: Connection,
    action: str,
    document_id: str,
    unit: str,
    reader: Reader,
    purpose: Purpose,
    more: Mapping[str, str] | None = None,
) -> None:
    """The log says that the document was read. In the caller's write transaction, as its last deed
    (registry.audit.append). more: what else the row says of it."""
    told = _detail(reader, purpose) | dict(more or {})
    audit.append(conn, actor=reader.account, action=action, subject=document_id, unit=unit, detail=told)


def note_shown(
    conn: Connection,
    action: str,
    subject: str,
    shown: Iterable[tuple[str, str]],
    reader: Reader,
    purpose: Purpose | None,
) -> None:
    """The log says which documents an answer showed, by id and nothing else: a row for each unit whose they are, so
    that who looks after a unit sees those of its documents and no others; one row of no unit for an empty answer.

    shown: unit and id of each. purpose: None where none was said yet. In the caller's write transaction, as its last
    deed.
    """
    of_unit: dict[str, dict[str, None]] = {}
    for unit, document_id in shown:
        of_unit.setdefault(unit, {})[document_id] = None
    told = _detail(reader, purpose)
    for unit, ids in of_unit.items():
        detail = {**told, "shown": list(ids)}
        audit.append(conn, actor=reader.account, action=action, subject=subject, unit=unit, detail=detail)
    if not of_unit:
        audit.append(conn, actor=reader.account, action=action, subject=subject, detail=told)


def is_noted(conn: Connection, action: str, document_id: str, reader: Reader, purpose: Purpose) -> bool:
    """Whether the log has had the same reading of this session and purpose lately: it need not say so again."""
    since = (utc_now() - ONCE_WITHIN).isoformat(timespec="microseconds")
    lately = select(rows.c.detail).where(
        rows.c.subject == document_id, rows.c.action == action, rows.c.actor == reader.account, rows.c.at > since
    )
    told = _detail(reader, purpose)
    return any(detail == told for detail in conn.execute(lately).scalars())


def was_shown(conn: Connection, document_id: str, reader: Reader, purpose: Purpose) -> bool:
    """Whether the log has had lately that an answer showed the document in this session for this purpose."""
    since = (utc_now() - ONCE_WITHIN).isoformat(timespec="microseconds")
    lately = select(rows.c.detail).where(rows.c.action.in_(SHOWS), rows.c.at > since, rows.c.actor == reader.account)
    told = _detail(reader, purpose)
    return any(
        told.items() <= detail.items() and document_id in detail.get("shown", ())
        for detail in conn.execute(lately).scalars()
    )


def _detail(reader: Reader, purpose: Purpose | None) -> dict[str, str]:
    told = {"role": reader.role} if purpose is None else {"why": purpose.why.value, "role": reader.role}
    more = (("dossier", purpose.dossier if purpose else None), ("of", reader.unit), ("session", reader.session))
    return told | {name: value for name, value in more if value}


def find(
    conn: Connection,
    *,
    units: Collection[str] | None = None,
    document_id: str | None = None,
    account: str | None = None,
    begin: datetime | None = None,
    end: datetime | None = None,
    limit: int = 200,
    before: int | None = None,
) -> list[ReadRow]:
    """Readings, the newest first. units: of the documents, None for all. before: only rows with a smaller seq.

    document_id: what was read, or was among what an answer showed.
    """
    query = select(rows)
    if units is not None:
        query = query.where(rows.c.unit.in_(units))
    if account:
        query = query.where(rows.c.actor == account)
    if begin is not None:
        query = query.where(rows.c.at >= begin.astimezone(UTC).isoformat(timespec="microseconds"))
    if end is not None:
        query = query.where(rows.c.at < end.astimezone(UTC).isoformat(timespec="microseconds"))
    if before is not None:
        query = query.where(rows.c.seq < before)
    query = query.order_by(rows.c.seq.desc()).limit(limit)
    listing = and_(rows.c.action.in_(SHOWS), cast(rows.c.detail, Text).contains('"shown"'))
    if not document_id:
        return [_row(row) for row in conn.execute(query.where(or_(rows.c.action.in_(READS), listing)))]
    # two questions, each from its own index: one with "or" would be answered from neither
    read = conn.execute(query.where(rows.c.subject == document_id, rows.c.action.in_(READS)))
    named = cast(rows.c.detail, Text).contains(f'"{document_id}"', autoescape=True)
    found = [_row(row) for row in read]
    for row in conn.execute(query.where(listing, named)):
        told = _row(row)
        if document_id in told.shown:
            found.append(told.model_copy(update={"document_id": document_id}))
    return sorted(found, key=lambda row: -row.seq)[:limit]


def _row(row: Row[Any]) -> ReadRow:
    told = row._asdict()
    detail = told["detail"] if isinstance(told["detail"], dict) else {}
    return ReadRow(
        seq=told["seq"],
        at=told["at"],
        account=told["actor"],
        action=told["action"],
        document_id="" if told["action"] in SHOWS else told["subject"],
        unit=told["unit"],
        role=str(detail.get("role", "")),
        of_unit=detail.get("of"),
        why=str(detail.get("why", "")),
        dossier=detail.get("dossier"),
        shown=tuple(detail.get("shown", ())) if told["action"] in SHOWS else (),
    )
