"""Dossiers: what the one-stop system says of each application."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, select, update

from registry.concurrent import insert_missing
from registry.errors import NotFound
from registry.tables import dossiers
from registry.values import Value, utc_now


class DossierRow(Value):
    """One application. Days as YYYY-MM-DD; applicant_id is a string of 12 or 9 digits.

    status: received | processing | resolved | returned | withdrawn | stopped.
    """

    code: str
    unit: str
    procedure: str | None = None
    applicant_name: str | None = None
    applicant_id: str | None = None
    channel: str | None = None
    status: str = "received"
    official: str | None = None
    received_on: str | None = None
    due_on: str | None = None
    resolved_on: str | None = None
    imported_at: str | None = None


def upsert(conn: Connection, row: DossierRow) -> bool:
    """The dossier holds exactly these facts; True when it was not known before. Safe to repeat."""
    values = {**row.model_dump(), "imported_at": utc_now().isoformat(timespec="microseconds")}
    changed = update(dossiers).where(dossiers.c.code == row.code).values(**values)
    if conn.execute(changed).rowcount:
        return False
    if insert_missing(conn, dossiers, ("code",), values):
        return True
    conn.execute(changed)  # somebody else made it meanwhile
    return False


def ensure(conn: Connection, code: str, unit: str) -> None:
    """The dossier is known; one that was not has no facts yet until it is imported."""
    if conn.execute(select(dossiers.c.code).where(dossiers.c.code == code)).first() is None:
        insert_missing(conn, dossiers, ("code",), {"code": code, "unit": unit, "status": "received"})


def get(conn: Connection, code: str) -> DossierRow:
    """Raises NotFound."""
    row = conn.execute(select(dossiers).where(dossiers.c.code == code)).first()
    if row is None:
        raise NotFound("no such dossier")
    return _row(row)


def by_codes(conn: Connection, codes: Sequence[str]) -> list[DossierRow]:
    """The dossiers with these codes, in order of their codes."""
    query = select(dossiers).where(dossiers.c.code.in_(codes)).order_by(dossiers.c.code)
    return [_row(row) for row in conn.execute(query)]


def of_applicant(conn: Connection, applicant_id: str) -> list[DossierRow]:
    """Newest first."""
    query = select(dossiers).where(dossiers.c.applicant_id == applicant_id).order_by(dossiers.c.received_on.desc())
    return [_row(row) for row in conn.execute(query)]


def _row(row: Any) -> DossierRow:
    return DossierRow.model_validate(dict(row._mapping))
