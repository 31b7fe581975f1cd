"""Signatures asked of officials: at most one request of a document and role is open or answered at a time."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, insert, select, update

from registry.documents import portions
from registry.errors import NotFound
from registry.tables import signing_requests
from registry.values import DocumentId, Value, utc_now


class RequestState(StrEnum):
    """open: handed out. answered: the signature is here, and was verified. used: it stands in the document. void: a
    newer request took its place, or it could not be used."""

    OPEN = "open"
    ANSWERED = "answered"
    USED = "used"
    VOID = "void"


class SigningRequest(Value):
    """prepared, answer: JSON of signing.deferred.Prepared and Answer."""

    id: str
    document_id: DocumentId
    unit: str
    role: str
    state: RequestState
    asked_by: str
    certificate_sha256: str
    source_sha256: str
    prepared: str
    prepared_at: datetime
    expires_at: datetime
    answer: str | None
    answered_by: str | None
    answered_at: datetime | None
    error_code: str | None


def open_request(
    conn: Connection,
    *,
    document_id: DocumentId,
    unit: str,
    role: str,
    asked_by: str,
    certificate_sha256: str,
    source_sha256: str,
    prepared: str,
    expires_at: datetime,
) -> SigningRequest:
    """It stands open, and an earlier one of the document and role is void."""
    void(conn, document_id, role)
    now = utc_now()
    made = SigningRequest(
        id=str(uuid.uuid4()),
        document_id=document_id,
        unit=unit,
        role=role,
        state=RequestState.OPEN,
        asked_by=asked_by,
        certificate_sha256=certificate_sha256,
        source_sha256=source_sha256,
        prepared=prepared,
        prepared_at=now,
        expires_at=expires_at,
        answer=None,
        answered_by=None,
        answered_at=None,
        error_code=None,
    )
    conn.execute(insert(signing_requests).values(**_row(made)))
    return made


def get(conn: Connection, request_id: str, *, lock: bool = False) -> SigningRequest:
    """Raises NotFound. lock: it stays as it is read until the caller's write transaction ends."""
    query = select(signing_requests).where(signing_requests.c.id == request_id)
    row = conn.execute(query.with_for_update() if lock else query).first()
    if row is None:
        raise NotFound("no such signing request")
    return _request(row)


def current(conn: Connection, document_id: str, role: str) -> SigningRequest | None:
    """The one that is open or answered."""
    found = of_documents(conn, [document_id], role)
    return found.get(DocumentId(document_id))


def of_documents(conn: Connection, ids: Sequence[str], role: str) -> dict[DocumentId, SigningRequest]:
    """The same for many documents."""
    found: dict[DocumentId, SigningRequest] = {}
    for some in portions(list(ids)):
        query = select(signing_requests).where(
            signing_requests.c.document_id.in_(some),
            signing_requests.c.role == role,
            signing_requests.c.state.in_((RequestState.OPEN, RequestState.ANSWERED)),
        )
        found |= {row.document_id: _request(row) for row in conn.execute(query)}
    return found


def answer(conn: Connection, request_id: str, answer: str, by: str) -> None:
    """The signature is kept with its request."""
    now = utc_now().isoformat(timespec="microseconds")
    _set(conn, request_id, state=RequestState.ANSWERED, answer=answer, answered_by=by, answered_at=now)


def end(conn: Connection, request_id: str, state: RequestState, error_code: str | None = None) -> None:
    """It is used, or void for a reason."""
    _set(conn, request_id, state=state, error_code=error_code)


def void(conn: Connection, document_id: str, role: str | None = None) -> None:
    """No request of the document is open or answered any more; of this role, or of any."""
    change = update(signing_requests).where(
        signing_requests.c.document_id == document_id,
        signing_requests.c.state.in_((RequestState.OPEN, RequestState.ANSWERED)),
    )
    if role is not None:
        change = change.where(signing_requests.c.role == role)
    conn.execute(change.values(state=RequestState.VOID))


def _set(conn: Connection, request_id: str, **columns: Any) -> None:
    conn.execute(update(signing_requests).where(signing_requests.c.id == request_id).values(**columns))


def _request(row: Any) -> SigningRequest:
    return SigningRequest.model_validate(dict(row._mapping))


def _row(request: SigningRequest) -> dict[str, Any]:
    told = request.model_dump()
    return {k: v.isoformat(timespec="microseconds") if isinstance(v, datetime) else v for k, v in told.items()}
