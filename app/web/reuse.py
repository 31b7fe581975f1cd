"""The question this is all for: which papers must the citizen at the desk not bring again?"""

from __future__ import annotations

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends, Form
from fastapi.responses import HTMLResponse

from app.web.visit import Visit, allowed, posted
from config.messages import sentence
from registry.errors import SohoaError
from registry.reads import DOSSIER, Why, purpose_of
from registry.values import DocumentId
from search.reuse import ReuseAnswer

router = APIRouter()


@router.get("/reuse")
def reuse_form(visit: Annotated[Visit, Depends(allowed("reuse"))]) -> HTMLResponse:
    return _page(visit)


@router.post("/reuse")
def check(
    visit: Annotated[Visit, Depends(posted("reuse"))],
    owner: Annotated[str, Form(max_length=20)] = "",
    procedure: Annotated[str, Form(max_length=200)] = "",
    dossier: Annotated[str, Form(max_length=60)] = "",
) -> HTMLResponse:
    """The answer for today; the number asked for stays out of address and log. A dossier that is named is what
    documents are read for from now on."""
    if DOSSIER.fullmatch(dossier.strip().upper()):
        visit = visit.reading_for(purpose_of(Why.DOSSIER, dossier))
    return _answer(visit, owner, procedure, dossier)


@router.post("/reuse/record")
def record(
    visit: Annotated[Visit, Depends(posted("reuse"))],
    document: Annotated[str, Form()],
    component: Annotated[str, Form()],
    owner: Annotated[str, Form(max_length=20)],
    procedure: Annotated[str, Form(max_length=200)],
    dossier: Annotated[str, Form(max_length=60)],
) -> HTMLResponse:
    """The reuse stands as an event; the answer is shown again beside what was done."""
    unit = visit.user.unit
    try:
        visit.wiring.records.reuse_record(DocumentId(document), dossier.strip(), component, visit.user.username, unit)
        said = f"Đã ghi nhận: thành phần {component} của hồ sơ {dossier} dùng lại giấy tờ trong kho."
        return _answer(visit, owner, procedure, dossier, said=said)
    except SohoaError as exc:
        told = "Chưa ghi nhận được: hãy nhập đúng mã hồ sơ đã tiếp nhận. " if exc.code == "not-found" else ""
        return _answer(visit, owner, procedure, dossier, problem=told + sentence(exc.code))


def _answer(
    visit: Visit, owner: str, procedure: str, dossier: str, *, said: str = "", problem: str = ""
) -> HTMLResponse:
    number, code = "".join(c for c in owner if c.isdigit()), procedure.strip().split(" ")[0]
    if len(number) not in (9, 12):
        return _page(visit, owner, procedure, dossier, problem="Số định danh có 12 chữ số, CMND có 9 chữ số.")
    try:
        answer = visit.wiring.records.reuse_check(
            number, code, visit.today, visit.units, reader=visit.reader, purpose=visit.purpose
        )
    except SohoaError:
        return _page(visit, owner, procedure, dossier, problem="Thủ tục này không có trong danh mục đang áp dụng.")
    return _page(visit, owner, procedure, dossier, answer=answer, said=said, problem=problem)


def _page(
    visit: Visit,
    owner: str = "",
    procedure: str = "",
    dossier: str = "",
    *,
    answer: ReuseAnswer | None = None,
    said: str = "",
    problem: str = "",
) -> HTMLResponse:
    return visit.page(
        "reuse.html",
        owner=owner,
        procedure=procedure,
        dossier=dossier,
        answer=answer,
        said=said,
        problem=problem,
        procedures=visit.wiring.catalogue.procedures_on(visit.today),
        today=date.isoformat(visit.today),
    )
