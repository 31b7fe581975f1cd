"""How far the signatures of archived records reach, what hinders those that reach less far, and when they end.

The queue of what is to be raised or renewed is nothing but this: it follows from the documents, so that neither a crash
nor a rebuild loses any of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, func, or_, select, update

from registry.tables import documents
from registry.values import DocumentId, utc_now

LEVELS = ("B-B", "B-T", "B-LT", "B-LTA")
OF_SERVICES = ("tsa-", "no-tsa", "revocation-unknown")
"""How the reasons begin that are a service's, and hinder the next record as well."""
_KEPT = and_(documents.c.archived_at.is_not(None), documents.c.disposed_at.is_(None))
FIRST_PAUSE, LONGEST_PAUSE = timedelta(minutes=5), timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Below:
    """Records of a level below the wanted one. since: when the first of them was archived."""

    level: str
    why: str
    number: int
    since: str

    @property
    def heals(self) -> bool:
        """Whether it is a service that is awaited; None of our reasons yet counts as that."""
        return not self.why or self.why.startswith(OF_SERVICES)


@dataclass(frozen=True, slots=True)
class Month:
    """How many records must be renewed in it, `YYYY-MM`."""

    month: str
    number: int


def lower_than(level: str) -> tuple[str, ...]:
    """The levels below this one."""
    return LEVELS[: LEVELS.index(level)]


def below(conn: Connection, level: str) -> list[Below]:
    """Archived records that do not reach the level, by what they have and what hindered them last."""
    why = func.coalesce(documents.c.level_why, "")
    query = (
        select(documents.c.signature_level, why, func.count(), func.min(documents.c.archived_at))
        .where(_is_below(level))
        .group_by(documents.c.signature_level, why)
        .order_by(documents.c.signature_level, why)
    )
    return [Below(*row) for row in conn.execute(query)]


def to_raise(conn: Connection, level: str, limit: int, *, now: datetime | None = None) -> list[DocumentId]:
    """Those of them whose pause is over, never tried ones first. now: None takes no notice of pauses."""
    query = select(documents.c.id).where(_is_below(level)).order_by(documents.c.level_tries, documents.c.archived_at)
    return _ids(conn, _waited(now, query).limit(limit))


def to_renew(conn: Connection, until: date, limit: int, *, now: datetime | None = None) -> list[DocumentId]:
    """Archived records whose newest timestamp ends by that day, the first to end first."""
    query = select(documents.c.id).where(_ends_by(until)).order_by(documents.c.renew_by, documents.c.id)
    return _ids(conn, _waited(now, query).limit(limit))


def count_to_renew(conn: Connection, until: date) -> int:
    """How many `to_renew` would give in all, pauses or not."""
    return conn.execute(select(func.count()).select_from(documents).where(_ends_by(until))).scalar_one()


def next_end(conn: Connection) -> date | None:
    """The day on which the first timestamp of all ends."""
    told = conn.execute(select(func.min(documents.c.renew_by)).where(_KEPT)).scalar()
    return date.fromisoformat(told) if told else None


def unmeasured(conn: Connection, policy: str, limit: int, *, now: datetime | None = None) -> list[DocumentId]:
    """Archived records with a timestamp of which it was not looked up by this edition of the policy when it ends:
    written by an older version, restored, or an algorithm may end on another day now. In no order. now: as to_raise."""
    return _ids(conn, _waited(now, select(documents.c.id).where(_is_unmeasured(policy))).limit(limit))


def count_unmeasured(conn: Connection, policy: str) -> int:
    """How many `unmeasured` would give in all: so many the calendar may have in a wrong month."""
    return conn.execute(select(func.count()).select_from(documents).where(_is_unmeasured(policy))).scalar_one()


def calendar(conn: Connection) -> list[Month]:
    """Every month in which records must be renewed, the first first."""
    month = func.substr(documents.c.renew_by, 1, 7)
    query = select(month, func.count()).where(_KEPT, documents.c.renew_by.is_not(None)).group_by(month).order_by(month)
    return [Month(*row) for row in conn.execute(query)]


def reached(
    conn: Connection,
    document_id: DocumentId,
    *,
    level: str | None,
    renew_by: date | None,
    policy: str | None,
    pdf_sha256: str,
) -> None:
    """The record's newest version has this signature; what hindered it is over. It does not move in the tray.

    policy: the edition that renew_by follows from; None where that is not known, and it is measured anew.
    """
    told = {"signature_level": level, "pdf_sha256": pdf_sha256, **_ends(renew_by, policy)}
    done = {"level_why": None, "level_tries": 0, "level_after": None}
    conn.execute(update(documents).where(documents.c.id == document_id).values(**told, **done))


def measured(conn: Connection, document_id: DocumentId, renew_by: date, policy: str) -> None:
    """By this edition of the policy it is known when the record's newest timestamp ends."""
    conn.execute(update(documents).where(documents.c.id == document_id).values(**_ends(renew_by, policy)))


def postpone(conn: Connection, document_id: DocumentId, why: str) -> None:
    """It is tried again after a pause that doubles with each failure, up to a day."""
    query = select(documents.c.level_tries).where(documents.c.id == document_id)
    tries = conn.execute(query).scalar() or 0
    pause = min(FIRST_PAUSE * 2 ** min(tries, 20), LONGEST_PAUSE)
    after = (utc_now() + pause).isoformat(timespec="microseconds")
    told = {"level_why": why[:60], "level_tries": tries + 1, "level_after": after}
    conn.execute(update(documents).where(documents.c.id == document_id).values(**told))


def _is_below(level: str) -> ColumnElement[bool]:
    return and_(documents.c.signature_level.in_(lower_than(level)), _KEPT)


def _is_unmeasured(policy: str) -> ColumnElement[bool]:
    """Ranges, not "another than": an index finds the few in a registry where nearly all are measured."""
    told = documents.c.renew_policy
    return and_(or_(told.is_(None), told < policy, told > policy), documents.c.signature_level.in_(LEVELS[1:]), _KEPT)


def _ends(renew_by: date | None, policy: str | None) -> dict[str, str | None]:
    return {"renew_by": renew_by.isoformat() if renew_by else None, "renew_policy": policy}


def _ends_by(until: date) -> ColumnElement[bool]:
    return and_(documents.c.renew_by <= until.isoformat(), _KEPT)


def _waited(now: datetime | None, query: Select[Any]) -> Select[Any]:
    if now is None:
        return query
    told = now.isoformat(timespec="microseconds")
    return query.where(or_(documents.c.level_after.is_(None), documents.c.level_after <= told))


def _ids(conn: Connection, query: Select[Any]) -> list[DocumentId]:
    return [DocumentId(i) for i in conn.execute(query).scalars()]
