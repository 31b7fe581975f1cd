"""Signing on the official's own PC: the page with what waits, and the same for signing programs as JSON."""

# no `from __future__ import annotations` here: FastAPI must see the dependencies made inside functions
from typing import Annotated

from fastapi import APIRouter, Depends, File, Form, Request, UploadFile
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from pydantic import Base64Bytes, BaseModel, ConfigDict, Field, ValidationError

from app.web.visit import Visit, allowed, posted, require_token
from pipeline import deferred
from pipeline.deferred import MOST_AT_ONCE, Answers
from registry.errors import AnswerRefused
from registry.values import DocumentId

router = APIRouter()
MOST_BYTES = 4 << 20
"""Of an uploaded file: five hundred answers with certificates take two megabytes."""


class Wanted(BaseModel):
    """What a signing program asks for. certificate: PEM or DER, in base64; documents: none for all that wait."""

    model_config = ConfigDict(extra="forbid")

    certificate: Base64Bytes
    documents: list[Annotated[str, Field(max_length=36)]] = Field(default=[], max_length=MOST_AT_ONCE)


def told(what: str) -> object:
    """A dependency for programs: the session's token comes in the header X-Csrf. Raises NotAllowed."""

    def check(request: Request, visit: Annotated[Visit, Depends(allowed(what))]) -> Visit:
        require_token(visit, request.headers.get("x-csrf", ""))
        return visit

    return check


@router.get("/signing")
def signing(visit: Annotated[Visit, Depends(allowed("sign"))]) -> HTMLResponse:
    return visit.page("signing.html", waiting=deferred.waiting(visit.wiring.workshop, visit.units), taken=None)


@router.post("/signing/batch")
def batch(
    visit: Annotated[Visit, Depends(posted("sign"))],
    certificate: Annotated[UploadFile, File()],
    documents: Annotated[list[str] | None, Form()] = None,
) -> Response:
    """The batch as a file, for the signing program."""
    made = deferred.fetch(
        visit.wiring.workshop, documents or [], _content(certificate), actor=visit.user.username, units=visit.units
    )
    headers = {"Content-Disposition": 'attachment; filename="goi-ky.json"'}
    return Response(made.model_dump_json(indent=1), media_type="application/json", headers=headers)


@router.post("/signing/answers")
def answers(visit: Annotated[Visit, Depends(posted("sign"))], file: Annotated[UploadFile, File()]) -> HTMLResponse:
    """What the signing program made; the page says which signatures count, and why others do not."""
    try:
        given = Answers.model_validate_json(_content(file))
    except ValidationError as exc:
        raise AnswerRefused("answer-unreadable") from exc
    shop = visit.wiring.workshop
    taken = deferred.take(shop, given, actor=visit.user.username, units=visit.units)
    return visit.page("signing.html", waiting=deferred.waiting(shop, visit.units), taken=taken)


@router.post("/signing/{document_id}/back")
def back(document_id: str, visit: Annotated[Visit, Depends(posted("sign"))]) -> RedirectResponse:
    """The official does not sign it: it is looked at once more."""
    deferred.send_back(visit.wiring.workshop, DocumentId(document_id), actor=visit.user.username, units=visit.units)
    return RedirectResponse("/signing", status_code=303)


@router.get("/api/signing")
def api_waiting(visit: Annotated[Visit, Depends(allowed("sign"))]) -> JSONResponse:
    """What waits, and the token that the two others want in the header X-Csrf."""
    found = deferred.waiting(visit.wiring.workshop, visit.units)
    return JSONResponse({"csrf": visit.csrf, "waiting": [w.model_dump(mode="json") for w in found]})


@router.post("/api/signing/batch")
def api_batch(wanted: Wanted, visit: Annotated[Visit, Depends(told("sign"))]) -> JSONResponse:
    shop = visit.wiring.workshop
    ids = wanted.documents or [w.document_id for w in deferred.waiting(shop, visit.units)]
    made = deferred.fetch(shop, ids, wanted.certificate, actor=visit.user.username, units=visit.units)
    return JSONResponse(made.model_dump(mode="json"))


@router.post("/api/signing/answers")
def api_answers(given: Answers, visit: Annotated[Visit, Depends(told("sign"))]) -> JSONResponse:
    taken = deferred.take(visit.wiring.workshop, given, actor=visit.user.username, units=visit.units)
    return JSONResponse(taken.model_dump(mode="json"))


def _content(file: UploadFile) -> bytes:
    content = file.file.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise AnswerRefused("answer-too-large")
    return content
