"""The tray: what moved last, and how much there is of everything. Every clerk's screen asks every few seconds."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import ColumnElement, Connection, Engine, Table, and_, exists, func, select

from registry.tables import documents, scans
from registry.values import ScanId, ScanQuality, ScanState, Split, Value

FEW_UNITS = 12
"""So many are asked one by one, each at the end of its own index; more of them are nearly all that moves."""
MANY = 50_000
REMEMBERED_S = 60.0
_counted: WeakKeyDictionary[Engine, dict[frozenset[str] | None, tuple[int, float]]] = WeakKeyDictionary()


class TrayRow(Value):
    """A scan with one of its documents, as the tray shows it. pages: those of the scan that are the document's, from 0;
    None for all of them. several: the scan holds more than this one."""

    scan_id: ScanId
    document_id: str | None
    unit: str
    file_name: str
    title: str | None
    scan_state: ScanState
    document_state: str | None
    page_count: int | None
    part: int | None = None
    pages: tuple[int, ...] | None = None
    scan_pages: int | None = None
    split: Split | None = None
    error_code: str | None
    warnings: list[str]
    quality: ScanQuality | None
    dossier_code: str | None
    received_at: datetime
    updated_at: datetime

    @property
    def several(self) -> bool:
        return self.split is not None and len(self.split.parts) > 1


def latest(conn: Connection, units: Collection[str] | None, limit: int = 200) -> list[TrayRow]:
    """Scans and their documents, the latest moved first; of all units when `units` is None.

    Read from the ends of two indexes, documents by their last move and scans without a document by theirs: the time
    does not grow with the archive.
    """
    moved = _newest(conn, documents, units, limit)
    since = moved[-1].updated_at if len(moved) == limit else ""
    alone = and_(
        scans.c.updated_at >= since,
        scans.c.state != ScanState.DONE,
        ~exists().where(documents.c.scan_id == scans.c.id),
    )
    unread = _newest(conn, scans, units, limit, alone)
    query = select(
        scans.c.id.label("scan_id"),
        documents.c.id.label("document_id"),
        scans.c.unit,
        scans.c.file_name,
        documents.c.title,
        scans.c.state.label("scan_state"),
        documents.c.state.label("document_state"),
        func.coalesce(documents.c.page_count, scans.c.page_count).label("page_count"),
        documents.c.part,
        documents.c.pages,
        scans.c.page_count.label("scan_pages"),
        func.coalesce(documents.c.error_code, scans.c.error_code).label("error_code"),
        scans.c.warnings,
        func.coalesce(documents.c.dossier_code, scans.c.dossier_code).label("dossier_code"),
        scans.c.received_at,
        func.coalesce(documents.c.updated_at, scans.c.updated_at).label("updated_at"),
    )
    own = documents.c.scan_id == scans.c.id
    with_document = query.select_from(documents.join(scans, own)).where(documents.c.id.in_([row.id for row in moved]))
    without = query.select_from(scans.outerjoin(documents, own)).where(scans.c.id.in_([row.id for row in unread]))
    found = [*conn.execute(with_document), *conn.execute(without)]
    found.sort(key=lambda row: row.updated_at, reverse=True)
    shown = found[:limit]
    about = _about_scans(conn, {row.scan_id for row in shown})
    return [TrayRow.model_validate({**row._mapping, **about[row.scan_id]}) for row in shown]


def _about_scans(conn: Connection, ids: Collection[str]) -> dict[str, dict[str, Any]]:
    """What is known of each scan's pages, unpacked once for each and not for each paper of a pile."""
    query = select(scans.c.id, scans.c.split, scans.c.quality).where(scans.c.id.in_(list(ids)))
    return {
        row.id: {
            "split": None if row.split is None else Split.model_validate(row.split),
            "quality": None if row.quality is None else ScanQuality.model_validate(row.quality),
        }
        for row in conn.execute(query)
    }


def counts(conn: Connection, units: Collection[str] | None = None) -> dict[str, int]:
    """Scans per state, in the units given or in all.

    What is done is counted anew each time while it is little; from MANY on, the number may be REMEMBERED_S old.
    """
    others = [state for state in ScanState if state != ScanState.DONE]  # "not done" could not be looked up in an index
    query = select(scans.c.state, func.count()).where(scans.c.state.in_(others)).group_by(scans.c.state)
    if units is not None:
        query = query.where(scans.c.unit.in_(list(units)))
    found = {row.state: row[1] for row in conn.execute(query)}
    if done := _done(conn, None if units is None else frozenset(units)):
        found[ScanState.DONE] = done
    return found


def _done(conn: Connection, units: frozenset[str] | None) -> int:
    remembered = _counted.setdefault(conn.engine, {})
    number, at = remembered.get(units, (0, 0.0))
    if number >= MANY and time.monotonic() - at < REMEMBERED_S:
        return number
    query = select(func.count()).select_from(scans).where(scans.c.state == ScanState.DONE)
    if units is not None:
        query = query.where(scans.c.unit.in_(list(units)))
    number = conn.execute(query).scalar_one()
    remembered[units] = (number, time.monotonic())
    return number


def _newest(
    conn: Connection, table: Table, units: Collection[str] | None, limit: int, *conditions: ColumnElement[bool]
) -> Sequence[Any]:
    """id and updated_at of the rows that moved last."""
    query = select(table.c.id, table.c.updated_at).where(*conditions).order_by(table.c.updated_at.desc()).limit(limit)
    if units is None:
        return conn.execute(query).all()
    if len(units) > FEW_UNITS:
        # as an expression it cannot be looked up in an index of units, whose rows would all have to be sorted
        return conn.execute(query.where((table.c.unit + "").in_(list(units)))).all()
    found = [row for unit in units for row in conn.execute(query.where(table.c.unit == unit))]
    return sorted(found, key=lambda row: row.updated_at, reverse=True)[:limit]
