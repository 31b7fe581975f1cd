"""Removal of what need not be kept any more: what is due, one person's proposal, another's decision."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Form
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from app.web.visit import Visit, allowed, posted
from config.messages import sentence
from pipeline import disposal
from registry import disposals, documents
from registry.database import read
from registry.errors import NotAllowed, NotDue, SohoaError
from registry.values import DocumentId

router = APIRouter()
SHOWN = 200


@router.get("/disposal")
def overview(visit: Annotated[Visit, Depends(allowed("keeping"))]) -> HTMLResponse:
    return _page(visit)


@router.post("/disposal")
def propose(
    visit: Annotated[Visit, Depends(posted("keeping"))],
    basis: Annotated[str, Form(max_length=300)] = "",
    ids: Annotated[list[str] | None, Form()] = None,
) -> Response:
    """The proposal stands, or each record that is in its way is named with the reason."""
    if not basis.strip() or not ids:
        return _page(visit, basis=basis, problem="Hãy chọn ít nhất một tài liệu và ghi căn cứ.", status=422)
    wanted = [DocumentId(i) for i in ids]
    try:
        made = disposal.propose(visit.wiring.engine, visit.wiring.homes, wanted, basis=basis, by=visit.user.username)
    except NotDue as exc:
        return _page(visit, basis=basis, problem=sentence(exc.code), refused=exc.refused, status=409)
    return RedirectResponse(f"/disposal/{made}", status_code=303)


@router.get("/disposal/{disposal_id}")
def decision(disposal_id: str, visit: Annotated[Visit, Depends(allowed("keeping"))]) -> HTMLResponse:
    """The proposal or decision with its records."""
    return _decision(visit, disposal_id)


@router.post("/disposal/{disposal_id}")
def decide(
    disposal_id: str,
    visit: Annotated[Visit, Depends(posted("keeping"))],
    verdict: Annotated[str, Form(pattern="^(approve|refuse)$")],
    why: Annotated[str, Form(max_length=300)] = "",
) -> Response:
    """Approved: the runner carries it out within a minute. Refused: the records are due as before."""
    engine, by = visit.wiring.engine, visit.user.username
    try:
        if verdict == "approve":
            disposal.approve(engine, visit.wiring.homes, disposal_id, by=by)
        else:
            disposal.refuse(engine, disposal_id, by=by, why=why)
    except NotAllowed:
        return _decision(
            visit, disposal_id, problem="Người đề nghị không tự duyệt được: cần một người khác.", status=403
        )
    except SohoaError as exc:
        return _decision(visit, disposal_id, problem=sentence(exc.code), status=409)
    return RedirectResponse(f"/disposal/{disposal_id}", status_code=303)


def _page(
    visit: Visit, *, basis: str = "", problem: str = "", refused: dict[str, str] | None = None, status: int = 200
) -> HTMLResponse:
    with read(visit.wiring.engine) as conn:
        # of ended units too: those who may decide see every unit
        rows = disposals.due(conn, visit.today, limit=SHOWN)
        total = disposals.count_due(conn, visit.today)
        known = disposals.listing(conn)
        held = documents.held(conn, SHOWN)
    answer = visit.page(
        "disposal.html", rows=rows, total=total, known=known, held=held, basis=basis, problem=problem,
        refused=refused or {}, retention=visit.wiring.catalogue.retention,
    )  # fmt: skip
    answer.status_code = status
    return answer


def _decision(visit: Visit, disposal_id: str, *, problem: str = "", status: int = 200) -> HTMLResponse:
    with read(visit.wiring.engine) as conn:
        row = disposals.get(conn, disposal_id)
        items = disposals.items(conn, disposal_id)
    answer = visit.page(
        "disposal_decision.html", row=row, items=items, problem=problem,
        retention=visit.wiring.catalogue.retention, own=row.proposed_by.casefold() == visit.user.username.casefold(),
    )  # fmt: skip
    answer.status_code = status
    return answer
