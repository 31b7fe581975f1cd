"""When archived timestamps end, month by month, and which signatures wait for their level, and why."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.responses import HTMLResponse

from app.web.visit import Visit, allowed
from config.messages import level_sentence
from pipeline.renewal import ALARMS_DAYS
from registry import levels
from registry.database import read
from signing.policy import POLICY

router = APIRouter()


@router.get("/renewals")
def calendar(visit: Annotated[Visit, Depends(allowed("keeping"))]) -> HTMLResponse:
    """Only numbers: of all units, and of no document."""
    told = visit.wiring.settings.signing
    with read(visit.wiring.engine) as conn:
        waiting = [(group, level_sentence(group.why)) for group in levels.below(conn, told.level)]
        due = [(days, levels.count_to_renew(conn, visit.today + timedelta(days=days))) for days in ALARMS_DAYS]
        months = levels.calendar(conn)
        unknown = levels.count_unmeasured(conn, POLICY.version)
    return visit.page("renewals.html", waiting=waiting, due=due, months=months, told=told, unknown=unknown)
