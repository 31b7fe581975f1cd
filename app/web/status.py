"""How the system is: servers, folders, processes, work, the last reconciliation and backup, and what to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse
from sqlalchemy import Connection

from app.health import State
from app.web.visit import Site, Visit, allowed, templates
from pipeline import reconcile
from pipeline.differences import Difference
from registry import reckoning, workers
from registry.database import read
from registry.workers import WorkerRow

router = APIRouter()


@dataclass(frozen=True, slots=True)
class Kept:
    """What the registry tells besides the checks. differences: those of the account's units, with what to do."""

    crew: tuple[WorkerRow, ...]
    result: reconcile.Reconciliation | None
    reconciled_at: str
    differences: tuple[tuple[Difference, str], ...]
    unindexed: int


@router.get("/status")
def status(visit: Annotated[Visit, Depends(allowed("status"))]) -> HTMLResponse:
    return _status(visit, "status.html")


@router.get("/status/now")
def status_now(visit: Annotated[Visit, Depends(allowed("status"))]) -> HTMLResponse:
    """Only the moving part of the page, for refreshing it in place."""
    return _status(visit, "status_now.html")


@router.get("/status/banner")
def banner(request: Request, link: bool = False) -> HTMLResponse:
    """What is wrong for all, for the frame of every page. Needs no login: it must be told when accounts cannot be
    looked up, and says no more than /readyz. link: whether the asker may open the status page."""
    site: Site = request.app.state.site
    told = {"troubles": site.monitor.health().troubles, "link": link}
    return templates.TemplateResponse(request, "banner.html", told)


def _status(visit: Visit, template: str) -> HTMLResponse:
    health = visit.site.monitor.health()
    order = sorted(health.states, key=lambda state: state.ok)
    with read(visit.wiring.engine) as conn:
        kept = _kept(conn, visit)
    return visit.page(template, states=[s for s in order if _shown(s)], kept=kept)


def _kept(conn: Connection, visit: Visit) -> Kept:
    last = reconcile.last(conn)
    found = last[0].differences if last else ()
    return Kept(
        crew=tuple(workers.listing(conn)),
        result=last[0] if last else None,
        reconciled_at=last[1] if last else "",
        differences=tuple((d, reconcile.advice(d)) for d in found if d.unit in visit.units or visit.user.unit is None),
        unindexed=reckoning.index_lag(conn)[0],
    )


def _shown(state: State) -> bool:
    """`room` is the stricter half of `disk`: told only when it is not well."""
    return state.name != "room" or not state.ok
