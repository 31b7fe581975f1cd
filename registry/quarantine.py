"""What was refused: the file kept, the reason, and whether somebody settled it."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select, update

from registry.concurrent import one_at_a_time
from registry.errors import Conflict, NotFound
from registry.tables import quarantine
from registry.values import Value, utc_now


class QuarantineItem(Value):
    """One refusal. kept_path is where the file lies, as it came."""

    id: str
    scan_id: str | None
    document_id: str | None
    unit: str
    file_name: str
    kept_path: str
    sha256: str | None
    size_bytes: int | None
    code: str
    detail: str
    at: datetime
    resolved_at: datetime | None
    resolution: str | None


def add(
    conn: Connection,
    *,
    scan_id: str | None,
    unit: str,
    file_name: str,
    kept_path: str,
    sha256: str,
    size_bytes: int,
    code: str,
    detail: str,
    document_id: str | None = None,
) -> str:
    """The refusal stands in the registry, open; the same file kept at the same place again changes nothing.

    document_id: the part of the scan that was refused; None for all of it.
    """
    one_at_a_time(conn, f"quarantine {kept_path}")
    same = select(quarantine.c.id).where(quarantine.c.kept_path == kept_path, quarantine.c.resolved_at.is_(None))
    if (earlier := conn.execute(same).scalar()) is not None:
        return str(earlier)
    item_id = str(uuid.uuid4())
    conn.execute(
        insert(quarantine).values(
            id=item_id,
            scan_id=scan_id,
            document_id=document_id,
            unit=unit,
            file_name=file_name,
            kept_path=kept_path,
            sha256=sha256,
            size_bytes=size_bytes,
            code=code,
            detail=detail,
            at=utc_now().isoformat(timespec="microseconds"),
        )
    )
    return item_id


def get(conn: Connection, item_id: str) -> QuarantineItem:
    """Raises NotFound."""
    row = conn.execute(select(quarantine).where(quarantine.c.id == item_id)).first()
    if row is None:
        raise NotFound(f"no quarantine item {item_id}")
    return _item(row)


def of_scan(conn: Connection, scan_id: str) -> list[QuarantineItem]:
    """The open items of a scan."""
    query = select(quarantine).where(quarantine.c.scan_id == scan_id, quarantine.c.resolved_at.is_(None))
    return [_item(row) for row in conn.execute(query)]


def knows_document(conn: Connection, document_id: str) -> bool:
    """Whether this part of a scan was set aside by itself, ever."""
    return conn.execute(select(quarantine.c.id).where(quarantine.c.document_id == document_id)).first() is not None


def open_items(conn: Connection, units: Iterable[str] | None = None) -> list[QuarantineItem]:
    """What nobody has settled yet, newest first; of all units when `units` is None."""
    query = select(quarantine).where(quarantine.c.resolved_at.is_(None)).order_by(quarantine.c.at.desc())
    if units is not None:
        query = query.where(quarantine.c.unit.in_(list(units)))
    return [_item(row) for row in conn.execute(query)]


def resolve(conn: Connection, item_id: str, resolution: str) -> None:
    """The item is settled as `retried` or `discarded`. Raises NotFound; Conflict when it was settled before."""
    now = utc_now().isoformat(timespec="microseconds")
    still_open = update(quarantine).where(quarantine.c.id == item_id, quarantine.c.resolved_at.is_(None))
    if not conn.execute(still_open.values(resolved_at=now, resolution=resolution)).rowcount:
        raise Conflict(f"quarantine item {item_id} was {get(conn, item_id).resolution} before")


def _item(row: Any) -> QuarantineItem:
    return QuarantineItem.model_validate(dict(row._mapping))
