"""The tray: where each scan is, which files are still being written, what was refused and why."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.responses import HTMLResponse, RedirectResponse

from app.web.visit import Visit, allowed, posted
from pipeline.watch import Waiting
from registry import quarantine
from registry import tray as tray_rows
from registry.database import read
from registry.errors import NotFound
from registry.tray import TrayRow
from registry.values import ScanState

router = APIRouter()
SHOWN = 100


@router.get("/tray")
def tray(visit: Annotated[Visit, Depends(allowed("tray"))]) -> HTMLResponse:
    return _tray(visit, "tray.html")


@router.get("/tray/now")
def tray_now(visit: Annotated[Visit, Depends(allowed("tray"))]) -> HTMLResponse:
    """Only the moving part of the page, for refreshing it in place."""
    return _tray(visit, "tray_now.html")


@router.post("/quarantine/{item_id}/retry")
def retry(item_id: str, visit: Annotated[Visit, Depends(posted("retry"))]) -> RedirectResponse:
    """The kept file is claimed once more."""
    with read(visit.wiring.engine) as conn:
        item = quarantine.get(conn, item_id)
    if item.unit not in visit.units and not _unowned(visit, item.unit):
        raise NotFound("outside the account's units")
    visit.wiring.records.retry_quarantine(item_id, visit.user.username)
    return RedirectResponse("/tray", status_code=303)


def _tray(visit: Visit, template: str) -> HTMLResponse:
    with read(visit.wiring.engine) as conn:
        rows = tray_rows.latest(conn, visit.units, SHOWN)
        counts = tray_rows.counts(conn, visit.units)
        refused = quarantine.open_items(conn)
    settled = {ScanState.QUARANTINED, ScanState.DUPLICATE}
    return visit.page(
        template,
        scans=_by_scan([row for row in rows if row.scan_state not in settled]),
        counts=counts,
        total=sum(counts.values()),
        refused=[item for item in refused if item.unit in visit.units or _unowned(visit, item.unit)],
        waiting=[(w, int(time.monotonic() - w.since)) for w in visit.site.waiting() if _sees(visit, w)],
        shown=SHOWN,
        full=len(rows) >= SHOWN,
    )


def _by_scan(rows: Sequence[TrayRow]) -> list[list[TrayRow]]:
    """The rows of each scan together, in the order of its pages; the scan that moved last first."""
    found: dict[str, list[TrayRow]] = {}
    for row in rows:
        found.setdefault(row.scan_id, []).append(row)
    return [sorted(of_one, key=lambda row: row.part or 0) for of_one in found.values()]


def _sees(visit: Visit, waiting: Waiting) -> bool:
    unit = visit.wiring.catalogue.unit_by_inbox(waiting.unit_folder, visit.today)
    return unit.code in visit.units if unit else _unowned(visit, waiting.unit_folder)


def _unowned(visit: Visit, folder: str) -> bool:
    """Whether no unit owns the folder, and the account is one that sees all units."""
    known = {u.code for u in visit.wiring.catalogue.units} | {u.inbox for u in visit.wiring.catalogue.units}
    return folder not in known and visit.user.unit is None
