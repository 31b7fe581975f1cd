"""What is kept and for how long: legal holds on a document."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Form
from fastapi.responses import RedirectResponse, Response

from app.web.visit import Visit, posted
from pipeline import holds
from registry.values import DocumentId

router = APIRouter()


@router.post("/documents/{document_id}/hold")
def hold(
    document_id: str, visit: Annotated[Visit, Depends(posted("keeping"))], why: Annotated[str, Form(max_length=300)]
) -> Response:
    """A legal hold lies on the document; its page says so."""
    record = visit.record(document_id)
    holds.lay(visit.wiring.engine, visit.wiring.homes, DocumentId(record.id), why=why, by=visit.user.username)
    return RedirectResponse(f"/documents/{record.id}", status_code=303)


@router.post("/documents/{document_id}/release")
def release(
    document_id: str, visit: Annotated[Visit, Depends(posted("keeping"))], why: Annotated[str, Form(max_length=300)]
) -> Response:
    """The legal hold is lifted."""
    record = visit.record(document_id)
    holds.lift(visit.wiring.engine, visit.wiring.homes, DocumentId(record.id), why=why, by=visit.user.username)
    return RedirectResponse(f"/documents/{record.id}", status_code=303)
