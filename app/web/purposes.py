"""What documents are read for: asked once, kept for the session; and, for auditors, who read what, when and why."""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Form
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from app.web.visit import PURPOSES, Visit, allowed, posted
from registry import documents, reads
from registry.database import read
from registry.errors import NotAllowed
from registry.reads import purpose_of
from registry.values import VIETNAM

router = APIRouter()
BACK = re.compile(r"/(?:documents|review)/[0-9a-f-]{1,40}(?:/[a-z0-9./]{1,40})?|/(?:search|tray|reuse)")
SHOWN = 100


@router.get("/purpose")
def purpose_form(visit: Annotated[Visit, Depends(allowed("document"))], back: str = "/tray") -> HTMLResponse:
    return _form(visit, back)


@router.post("/purpose")
def say(
    visit: Annotated[Visit, Depends(posted("document"))],
    why: Annotated[str, Form(max_length=20)] = "",
    dossier: Annotated[str, Form(max_length=60)] = "",
    back: Annotated[str, Form(max_length=200)] = "/tray",
) -> Response:
    """The purpose holds for the session; then to where the account wanted to go."""
    try:
        purpose = purpose_of(why, dossier)
    except NotAllowed:
        return _form(visit, back, why, dossier, "Mã hồ sơ chưa đúng dạng, ví dụ H99.32-260805-0003.")
    if purpose.why not in PURPOSES[visit.user.role]:
        raise NotAllowed("not a purpose of this role")
    visit.reading_for(purpose)
    return RedirectResponse(back if BACK.fullmatch(back) else "/tray", status_code=303)


@router.get("/reads")
def who_read(
    visit: Annotated[Visit, Depends(allowed("reads"))],
    document: str = "",
    account: str = "",
    start: str = "",
    end: str = "",
    before: int | None = None,
) -> HTMLResponse:
    """Readings of documents of the account's units, the newest first."""
    with read(visit.wiring.engine) as conn:
        found = reads.find(
            conn,
            units=visit.units,
            document_id=document.strip() or None,
            account=account.strip() or None,
            begin=_begin(start, 0),
            end=_begin(end, 1),
            limit=SHOWN,
            before=before,
        )
        titles = documents.titles(conn, {i for row in found for i in (row.document_id, *row.shown)})
    asked = {"document": document, "account": account, "start": start, "end": end}
    return visit.page("reads.html", found=found, titles=titles, asked=asked, full=len(found) == SHOWN)


def _form(visit: Visit, back: str, why: str = "", dossier: str = "", problem: str = "") -> HTMLResponse:
    chosen = why or (visit.purpose.why if visit.purpose else PURPOSES[visit.user.role][0])
    dossier = dossier or (visit.purpose.dossier if visit.purpose else None) or ""
    return visit.page(
        "purpose.html", choices=PURPOSES[visit.user.role], chosen=chosen, dossier=dossier, back=back, problem=problem
    )


def _begin(told: str, later: int) -> datetime | None:
    """When the day begins in Vietnam, or so many days later; None for what is no day."""
    try:
        return datetime.combine(date.fromisoformat(told) + timedelta(days=later), time(), VIETNAM)
    except ValueError:
        return None
