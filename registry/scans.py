"""Input files: the durable claim that makes intake happen once, and where each file is."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, func, insert, or_, select
from sqlalchemy import update as sql_update
from sqlalchemy.exc import IntegrityError

from registry.errors import NotFound
from registry.tables import documents, passes, scans
from registry.values import CopyOf, DocumentState, ScanId, ScanQuality, ScanState, Split, Value, utc_now


class ScanRow(Value):
    """One claimed input file. What is known of each of its pages is asked for by itself: of a pile it is large."""

    id: ScanId
    claim_key: str
    sha256: str
    unit: str
    dossier_code: str | None
    component_code: str | None
    source_path: str
    file_name: str
    size_bytes: int
    media_type: str | None
    page_count: int | None
    warnings: list[str]
    state: ScanState
    staged_path: str | None
    error_code: str | None
    received_at: datetime
    claimed_by: str
    updated_at: datetime
    attempt: int
    priority: int


_ROW = [column for column in scans.c if column.name in ScanRow.model_fields]


class PassRow(Value):
    """One of the two files of a scan, as it was found. in_reverse: the last page is the first of its sides."""

    number: int
    sha256: str
    size_bytes: int
    source_path: str
    file_name: str
    in_reverse: bool = False


class Claim(Value):
    """fresh: this call made the row; else it is an earlier one with the same bytes for the same component."""

    scan: ScanRow
    fresh: bool


def claim(
    conn: Connection,
    *,
    sha256: str,
    unit: str,
    dossier_code: str | None,
    component_code: str | None,
    source_path: str,
    file_name: str,
    size_bytes: int,
    claimed_by: str,
    priority: int = 0,
    sides: Sequence[PassRow] = (),
) -> Claim:
    """The bytes are claimed for this dossier component: by this call, or by an earlier one (design.md, invariant 2).

    sides: the two files of a scan that is to be collated; sha256 is then their `pair_digest`.
    """
    key = "|".join((sha256, unit, dossier_code or "", component_code or ""))
    if earlier := conn.execute(select(*_ROW).where(scans.c.claim_key == key)).first():
        return Claim(scan=_row(earlier), fresh=False)
    now = _now()
    try:
        with conn.begin_nested():
            conn.execute(
                insert(scans).values(
                    id=str(uuid.uuid4()),
                    claim_key=key,
                    sha256=sha256,
                    unit=unit,
                    dossier_code=dossier_code,
                    component_code=component_code,
                    source_path=source_path,
                    file_name=file_name,
                    size_bytes=size_bytes,
                    warnings=[],
                    state=ScanState.CLAIMED,
                    received_at=now,
                    claimed_by=claimed_by,
                    updated_at=now,
                    attempt=1,
                    priority=priority,
                )
            )
            keep_passes(conn, str(conn.execute(select(scans.c.id).where(scans.c.claim_key == key)).scalar_one()), sides)
        fresh = True
    except IntegrityError:
        fresh = False
    return Claim(scan=_row(conn.execute(select(*_ROW).where(scans.c.claim_key == key)).one()), fresh=fresh)


def withdraw_claim(conn: Connection, scan_id: ScanId) -> None:
    """The claim is gone; only for a scan that no document stands for yet."""
    claimed = select(scans.c.id).where(scans.c.id == scan_id, scans.c.state == ScanState.CLAIMED)
    conn.execute(delete(passes).where(passes.c.scan_id.in_(claimed)))
    conn.execute(delete(scans).where(scans.c.id == scan_id, scans.c.state == ScanState.CLAIMED))


def pair_digest(sides: Sequence[tuple[str, bool]]) -> str:
    """What two files are known by before they are one: SHA-256 over each one's SHA-256 and whether it is in reverse."""
    told = "|".join(f"{sha256}{'-' if turned else '+'}" for sha256, turned in sides)
    return hashlib.sha256(told.encode()).hexdigest()


def keep_passes(conn: Connection, scan_id: str, sides: Sequence[PassRow]) -> None:
    """These are the files of the scan, in place of those that it had."""
    conn.execute(delete(passes).where(passes.c.scan_id == scan_id))
    if sides:
        conn.execute(insert(passes), [{"scan_id": scan_id, **side.model_dump()} for side in sides])


def passes_of(conn: Connection, scan_id: str) -> tuple[PassRow, ...]:
    """The two files of the scan, fronts first; empty for a scan that came as one."""
    query = select(passes).where(passes.c.scan_id == scan_id).order_by(passes.c.number)
    return tuple(_pass(row) for row in conn.execute(query))


def of_pass(conn: Connection, sha256: str, source_path: str) -> ScanRow | None:
    """The scan that this very file was taken for as one of two, the latest; None where it was not."""
    query = select(scans.c.id, passes.c.source_path.label("side")).join(passes, passes.c.scan_id == scans.c.id)
    rows = conn.execute(query.where(passes.c.sha256 == sha256).order_by(scans.c.received_at.desc()))
    return next((get(conn, ScanId(row.id)) for row in rows.all() if row.side == source_path), None)


def get(conn: Connection, scan_id: ScanId, *, lock: bool = False) -> ScanRow:
    """Raises NotFound. lock: it stays as it is read until the caller's write transaction ends."""
    query = select(*_ROW).where(scans.c.id == scan_id)
    row = conn.execute(query.with_for_update() if lock else query).first()
    if row is None:
        raise NotFound(f"no scan {scan_id}")
    return _row(row)


def update(conn: Connection, scan_id: ScanId, **columns: Any) -> None:
    """The columns hold these values; updated_at is now.

    What is done stays done: a step that comes late, because a crash had it replayed or an earlier attempt ended
    meanwhile, changes nothing of it.
    """
    change = sql_update(scans).where(scans.c.id == scan_id)
    if columns.get("state", ScanState.DONE) != ScanState.DONE:
        change = change.where(scans.c.state != ScanState.DONE)
    conn.execute(change.values(**columns, updated_at=_now()))


def save_quality(conn: Connection, scan_id: ScanId, found: ScanQuality) -> None:
    """How well the scan was made, as far as its pages were looked at. It does not move in the tray, and what was found
    on fewer pages does not replace what was found on more."""
    query = select(scans.c.quality).where(scans.c.id == scan_id).with_for_update()
    known = conn.execute(query).scalar()
    if known is None or len(known["pages"]) <= len(found.pages):
        told = found.model_dump(mode="json")
        conn.execute(sql_update(scans).where(scans.c.id == scan_id).values(quality=told))


def save_split(conn: Connection, scan_id: ScanId, found: Split, *, anew: bool = False) -> Split:
    """What the scan holds, as found first: it stands, since documents follow from it. Safe to repeat.

    anew: as found now, for a scan of which no document went on.
    """
    known = conn.execute(select(scans.c.split).where(scans.c.id == scan_id).with_for_update()).scalar()
    if known is not None and not anew:
        return Split.model_validate(known)
    told = found.model_dump(mode="json")
    conn.execute(sql_update(scans).where(scans.c.id == scan_id).values(split=told))
    return found


def split_of(conn: Connection, scan_id: str) -> Split | None:
    """What the scan holds; None before that was found out."""
    told = conn.execute(select(scans.c.split).where(scans.c.id == scan_id)).scalar()
    return None if told is None else Split.model_validate(told)


def keep_copied(conn: Connection, scan_id: ScanId, told: CopyOf) -> None:
    """The scan is pages of a record, taken to be an extract of it."""
    conn.execute(sql_update(scans).where(scans.c.id == scan_id).values(copied=told.model_dump(mode="json")))


def copied_of(conn: Connection, scan_id: str) -> CopyOf | None:
    """What the scan is an extract of; None for one that came from outside."""
    told = conn.execute(select(scans.c.copied).where(scans.c.id == scan_id)).scalar()
    return None if told is None else CopyOf.model_validate(told)


def retry(conn: Connection, scan_id: ScanId) -> None:
    """The scan is claimed once more, as its next attempt; one that is done meanwhile stays so."""
    conn.execute(
        sql_update(scans)
        .where(scans.c.id == scan_id, scans.c.state != ScanState.DONE)
        .values(state=ScanState.CLAIMED, attempt=scans.c.attempt + 1, error_code=None, updated_at=_now())
    )


def by_state(conn: Connection, state: ScanState) -> list[ScanRow]:
    """Oldest first."""
    query = select(*_ROW).where(scans.c.state == state).order_by(scans.c.received_at)
    return [_row(row) for row in conn.execute(query)]


def next_in_turn(conn: Connection, each: int) -> list[ScanRow]:
    """The first `each` claimed scans of every unit and priority whose bytes are at hand: those that may start next."""
    turn = func.row_number().over(partition_by=(scans.c.priority, scans.c.unit), order_by=scans.c.received_at)
    ready = (
        select(scans.c.id, turn.label("turn"))
        .where(scans.c.state == ScanState.CLAIMED, scans.c.staged_path.is_not(None))
        .subquery()
    )
    query = select(*_ROW).join(ready, ready.c.id == scans.c.id).where(ready.c.turn <= each)
    return [_row(row) for row in conn.execute(query.order_by(scans.c.priority, scans.c.received_at))]


def unstaged(conn: Connection) -> list[ScanRow]:
    """Claimed scans whose bytes are not at hand yet."""
    query = select(*_ROW).where(scans.c.state == ScanState.CLAIMED, scans.c.staged_path.is_(None))
    return [_row(row) for row in conn.execute(query)]


def being_read(conn: Connection) -> list[ScanRow]:
    """Scans that were begun and whose documents are not described yet, each once."""
    own = select(documents.c.id).where(documents.c.scan_id == scans.c.id)
    query = select(*_ROW).where(
        scans.c.state == ScanState.IDENTIFIED,
        or_(~own.exists(), own.where(documents.c.state == DocumentState.READING).exists()),
    )
    return [_row(row) for row in conn.execute(query)]


def settled(conn: Connection, ids: Sequence[ScanId]) -> list[ScanId]:
    """Those of the scans that are archived or in quarantine."""
    ended = (ScanState.DONE, ScanState.QUARANTINED)
    # asked for both, SQLite would walk all that ever ended
    rows = conn.execute(select(scans.c.id, scans.c.state).where(scans.c.id.in_(list(ids))))
    return [ScanId(row.id) for row in rows if row.state in ended]


def _pass(row: Any) -> PassRow:
    told = dict(row._mapping)
    told.pop("scan_id")
    return PassRow.model_validate(told)


def _row(row: Any) -> ScanRow:
    return ScanRow.model_validate(dict(row._mapping))


def _now() -> str:
    return utc_now().isoformat(timespec="microseconds")
