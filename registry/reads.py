"""Who read which document, when, and what for: rows of the audit log, read back by document, account and day.

A purpose is one of a few words, with a dossier's code where the work is on one: nothing that somebody typed freely is
in the log, which must hold no names.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from sqlalchemy import Connection, select

from registry import audit
from registry.errors import NotAllowed
from registry.tables import audit as rows
from registry.values import Value, utc_now

READS = ("view", "review", "download", "show", "export", "report")
"""Actions of the log that are reads: the page, the form of the human check, the PDF, the command line, a kit, the
report of a verification."""
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
    """One reading, as the log has it. unit: the document's; why is empty in rows older than purposes."""

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


def purpose_of(why: str, dossier: str = "") -> Purpose:
    """A purpose as it was told. Raises NotAllowed: no such purpose, or a dossier's code that is none."""
    code = dossier.strip().upper()
    if why not in set(Why) or (why == Why.DOSSIER and not DOSSIER.fullmatch(code)):
        raise NotAllowed("a purpose is one of a few, and a dossier has a code")
    return Purpose(why=Why(why), dossier=code if why == Why.DOSSIER else None)


def note(conn: Connection, action: str, document_id: str, unit: str, reader: Reader, purpose: Purpose) -> None:
    """The log says that the document was read. In the caller's write transaction, as its last deed
    (registry.audit.append)."""
    told = _detail(reader, purpose)
    audit.append(conn, actor=reader.account, action=action, subject=document_id, unit=unit, detail=told)


def is_noted(conn: Connection, action: str, document_id: str, reader: Reader, purpose: Purpose) -> bool:
    """Whether the log has had the same reading of this session and purpose lately: it need not say so again."""
    since = (utc_now() - ONCE_WITHIN).isoformat(timespec="microseconds")
    lately = select(rows.c.detail).where(
        rows.c.subject == document_id, rows.c.action == action, rows.c.actor == reader.account, rows.c.at > since
    )
    told = _detail(reader, purpose)
    return any(detail == told for detail in conn.execute(lately).scalars())


def _detail(reader: Reader, purpose: Purpose) -> dict[str, str]:
    told = {"why": purpose.why.value, "role": reader.role}
    more = (("dossier", purpose.dossier), ("of", reader.unit), ("session", reader.session))
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
    """Readings, the newest first. units: of the documents, None for all. before: only rows with a smaller seq."""
    query = select(rows).where(rows.c.action.in_(READS))
    if units is not None:
        query = query.where(rows.c.unit.in_(units))
    for column, value in ((rows.c.subject, document_id), (rows.c.actor, account)):
        if value:
            query = query.where(column == value)
    if begin is not None:
        query = query.where(rows.c.at >= begin.astimezone(UTC).isoformat(timespec="microseconds"))
    if end is not None:
        query = query.where(rows.c.at < end.astimezone(UTC).isoformat(timespec="microseconds"))
    if before is not None:
        query = query.where(rows.c.seq < before)
    return [_row(row) for row in conn.execute(query.order_by(rows.c.seq.desc()).limit(limit))]


def _row(row: object) -> ReadRow:
    told = row._asdict()  # type: ignore[attr-defined]
    detail = told["detail"] if isinstance(told["detail"], dict) else {}
    return ReadRow(
        seq=told["seq"],
        at=told["at"],
        account=told["actor"],
        action=told["action"],
        document_id=told["subject"],
        unit=told["unit"],
        role=str(detail.get("role", "")),
        of_unit=detail.get("of"),
        why=str(detail.get("why", "")),
        dossier=detail.get("dossier"),
    )
