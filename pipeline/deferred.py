"""Documents that wait for an official's signature: handed out as digests, taken back as signatures, put together.

The token lies in the official's own PC. So a document that a deferred key signs ends its workflow in state `to-sign`;
the answer, minutes or days later, starts the next. In between everything is on disk: the prepared file on the
document's bench, what was asked in the registry. What people send is parsed in worker processes.
"""

from __future__ import annotations

import base64
import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal, Self

from asn1crypto import x509
from pydantic import Base64Bytes, Field, model_validator
from sqlalchemy import Connection

from pipeline.landing import landing, sync_folder
from pipeline.signatures import FIELDS, OFFICIALS_FILE, source_of, stamp_of
from pipeline.workshop import Workshop
from registry import audit, documents, signing_requests
from registry.database import read, write
from registry.documents import DocumentRecord, DocumentRow
from registry.errors import (
    AnswerRefused,
    CertificateRevoked,
    Conflict,
    NoSigningKey,
    NotFound,
    SohoaError,
    WorkerFailed,
)
from registry.signing_requests import RequestState, SigningRequest
from registry.values import DocumentId, DocumentState, Event, Value, sha256_file, utc_now
from signing.deferred import Answer, Prepared, read_certificates, read_cms, read_signature
from signing.keys import KeyRole, RingKey, require_fit
from signing.sign import SignedPdf
from signing.stamp import Stamp

MOST_AT_ONCE = 500
STEPS = {KeyRole.AGENCY: "to-sign", KeyRole.OFFICIAL: "to-sign-official"}
READ_S = 20.0
"""Longest for a worker to look at what was sent."""


@dataclass(frozen=True, slots=True)
class Paper:
    """What is signed in a role: the file, what is stamped on it, and the name of the signature's field."""

    source: Path
    stamp: Stamp | None
    field: str


class Waiting(Value):
    """A document that waits for a signature. asked: by whom it was fetched, while that request is open."""

    document_id: DocumentId
    unit: str
    title: str
    role: str
    since: datetime
    asked_by: str | None = None
    expires_at: datetime | None = None


class ToBeSigned(Value):
    """One digest of a batch. digest: SHA-256 of to_be_signed, which is the DER of the CMS signed attributes;
    document_digest: SHA-256 of the file, for programs that make the CMS themselves. All base64."""

    request: str
    document: DocumentId
    title: str
    digest: str
    to_be_signed: str
    document_digest: str
    signature_algorithm: str


class Refusal(Value):
    """What could not be prepared or taken, and its code. subject: id of the document, or of the request."""

    subject: str
    code: str


class Batch(Value):
    """What an official's machine is asked to sign, in one go (docs/operations/deferred-signing.md)."""

    format: Literal["sohoa-signing-batch"] = "sohoa-signing-batch"
    version: int = 1
    certificate_sha256: str
    hash_algorithm: str = "SHA-256"
    expires_at: datetime | None
    requests: tuple[ToBeSigned, ...]
    refused: tuple[Refusal, ...] = ()


class Signed(Value):
    """One answer: the bare signature over `to_be_signed`, or a detached CMS over the document's digest."""

    request: str = Field(max_length=36)
    signature: Base64Bytes | None = None
    cms: Base64Bytes | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.signature is None) == (self.cms is None):
            raise ValueError("either signature or cms")
        return self


class Answers(Value):
    """The answers to a batch, in any order; more may follow later."""

    answers: tuple[Signed, ...] = Field(max_length=MOST_AT_ONCE)


class Taken(Value):
    """accepted: requests whose documents go on to the archive."""

    accepted: tuple[str, ...]
    refused: tuple[Refusal, ...]


def waiting(shop: Workshop, units: Collection[str] | None) -> list[Waiting]:
    """Documents that wait for a signature, the oldest first; of all units when `units` is None."""
    with read(shop.engine) as conn:
        rows = documents.by_state(conn, DocumentState.TO_SIGN, units)
        asked = {role: signing_requests.of_documents(conn, [row.id for row in rows], role) for role in KeyRole}
    return [_waiting(row, asked[awaited(row)].get(row.id)) for row in rows]


def fetch(
    shop: Workshop, ids: Sequence[str], certificate: bytes, *, actor: str, units: Collection[str] | None
) -> Batch:
    """The documents' digests, for the official with this certificate (PEM or DER, with its chain behind it).

    Asked again by the same certificate, what is open is handed out unchanged; by another, or after its time, it is
    prepared anew, and the earlier request is void. Raises AnswerRefused for a file that is no certificate; what
    hinders one document stands in `refused` and hinders no other.
    """
    try:
        found = shop.gate.run(read_certificates, certificate, timeout_s=READ_S)
    except WorkerFailed as exc:
        raise AnswerRefused("answer-unreadable") from exc
    own = x509.Certificate.load(found[0])
    asked: list[ToBeSigned] = []
    refused: list[Refusal] = []
    ends: list[datetime] = []
    for document_id in dict.fromkeys(ids[:MOST_AT_ONCE]):
        try:
            request, title = _request_for(shop, DocumentId(document_id), found, actor, units)
        except SohoaError as exc:
            refused.append(Refusal(subject=document_id, code=exc.code))
        else:
            asked.append(_to_be_signed(request, title))
            ends.append(request.expires_at)
    return Batch(
        certificate_sha256=own.sha256.hex(),
        expires_at=min(ends, default=None),
        requests=tuple(asked),
        refused=tuple(refused),
    )


def take(shop: Workshop, told: Answers, *, actor: str, units: Collection[str] | None) -> Taken:
    """Each signature that holds is kept, and its document goes on; each other is refused with its code. Repeatable."""
    accepted: list[str] = []
    refused: list[Refusal] = []
    for signed in told.answers:
        try:
            _take(shop, signed, actor, units)
        except SohoaError as exc:
            refused.append(Refusal(subject=signed.request, code=exc.code))
        else:
            accepted.append(signed.request)
    return Taken(accepted=tuple(accepted), refused=tuple(refused))


def send_back(shop: Workshop, document_id: DocumentId, *, actor: str, units: Collection[str] | None) -> None:
    """The official does not sign: the document waits for review again, and what was prepared is void.

    Raises Conflict when it does not wait for a signature, NotFound.
    """
    now = utc_now()
    with write(shop.engine) as conn:
        record = _seen(documents.get(conn, document_id, lock=True), units)
        if record.state is not DocumentState.TO_SIGN:
            raise Conflict("the document does not wait for a signature")
        signing_requests.void(conn, document_id)
        (shop.bench(document_id) / OFFICIALS_FILE).unlink(missing_ok=True)
        documents.set_state(conn, document_id, DocumentState.REVIEW, step="review", review_reasons=["not-signed"])
        documents.add_event(
            conn,
            document_id,
            Event(type="appraisal", at=now, agent=actor, outcome="failure", detail={"is": "not signed"}),
        )
        audit.append(conn, actor=actor, action="not-signed", subject=document_id, unit=record.unit)


def completed(shop: Workshop, record: DocumentRecord, target: Path, role: KeyRole) -> SignedPdf | None:
    """`target` is the paper with the official's signature; None while that is not here. Safe to repeat.

    An answer that turns out not to fit is void, and the document waits for another.
    """
    source = paper(shop, record, role).source
    with read(shop.engine) as conn:
        request = signing_requests.current(conn, record.id, role)
    if request is None or request.answer is None:
        return None
    try:
        if sha256_file(source) != request.source_sha256:
            raise AnswerRefused("answer-changed")
        return shop.station.complete(
            Prepared.model_validate_json(request.prepared),
            Answer.model_validate_json(request.answer),
            prepared_file(shop, request.document_id, request.id),
            target,
        )
    except (AnswerRefused, CertificateRevoked) as exc:
        with write(shop.engine) as conn:
            signing_requests.end(conn, request.id, RequestState.VOID, exc.code)
            audit.append(
                conn, actor="sohoa", action="signature-refused", subject=record.id, unit=record.unit,
                detail={"code": exc.code},
            )  # fmt: skip
        return None


def wait(shop: Workshop, record: DocumentRecord, role: KeyRole) -> None:
    """The document waits for the official's signature, and no worker for either. Repeatable.

    An answer that came in this very moment has started the next workflow: then nothing moves.
    """
    with write(shop.engine) as conn:
        state = documents.get(conn, record.id, lock=True).state
        request = signing_requests.current(conn, record.id, role)
        answered = request is not None and request.state is RequestState.ANSWERED
        if state in (DocumentState.APPROVED, DocumentState.TO_SIGN) and not answered:
            documents.set_state(conn, record.id, DocumentState.TO_SIGN, step=STEPS[role])


def go_on_where_keys_came(shop: Workshop) -> int:
    """Documents that wait for an official go on where the settings meanwhile name a key that lies here; how many.
    Repeatable."""
    with read(shop.engine) as conn:
        rows = documents.by_state(conn, DocumentState.TO_SIGN)
    found = [row for row in rows if _lies_here(shop, row)]
    for row in found:
        with write(shop.engine) as conn:
            record = documents.get(conn, row.id, lock=True)
            if record.state is DocumentState.TO_SIGN:
                signing_requests.void(conn, row.id, awaited(record))
                documents.set_state(conn, row.id, DocumentState.APPROVED, step="approved", attempt=record.attempt + 1)
    return len(found)


def _lies_here(shop: Workshop, row: DocumentRow) -> bool:
    role = awaited(row)
    if role is KeyRole.OFFICIAL and not shop.station.keys.has(row.unit, role):
        return True  # no official signs for the unit any more: the agency does alone
    try:
        return not shop.station.keys.held(row.unit, role).deferred
    except NoSigningKey:
        return False


def note_used(conn: Connection, document_id: DocumentId, role: KeyRole) -> str | None:
    """The answer stands in the signed file, which the registry is told of in the same transaction; who gave it."""
    request = signing_requests.current(conn, document_id, role)
    if request is None:
        return None
    signing_requests.end(conn, request.id, RequestState.USED)
    return request.answered_by


def awaited(row: DocumentRow) -> KeyRole:
    """Whose signature a document in state `to-sign` waits for."""
    return next((role for role, step in STEPS.items() if step == row.step), KeyRole.AGENCY)


def paper(shop: Workshop, record: DocumentRow, role: KeyRole) -> Paper:
    """What is signed in this role. The official's own signature is not seen: the agency's stamp takes the place."""
    stamp = stamp_of(shop, record) if role is KeyRole.AGENCY else None
    return Paper(source_of(shop, record, role), stamp, FIELDS[role])


def prepared_file(shop: Workshop, document_id: DocumentId, request_id: str) -> Path:
    """Where the file lies that a request is about."""
    return shop.bench(document_id) / f"to-sign-{request_id}.pdf"


def _request_for(
    shop: Workshop, document_id: DocumentId, certificates: Sequence[bytes], actor: str, units: Collection[str] | None
) -> tuple[SigningRequest, str]:
    with read(shop.engine) as conn:
        record = _seen(documents.get(conn, document_id), units)
        held = shop.station.keys.held(record.unit, awaited(record))
        request = signing_requests.current(conn, document_id, held.role)
    if record.state is not DocumentState.TO_SIGN or (request is not None and request.state is RequestState.ANSWERED):
        raise AnswerRefused("answer-late")
    own = x509.Certificate.load(certificates[0])
    held.holder.require(own, held.role)
    if request is not None and request.certificate_sha256 == own.sha256.hex() and utc_now() < request.expires_at:
        prepared = Prepared.model_validate_json(request.prepared)
        if _is_unchanged(shop, record, request, prepared):  # handed out again, as it is
            return request, record.title
    return _prepare(shop, record, held, certificates, actor), record.title


def _prepare(
    shop: Workshop, record: DocumentRecord, held: RingKey, certificates: Sequence[bytes], actor: str
) -> SigningRequest:
    """The file is prepared and on disk before the request is made: who has a digest can rely on the file."""
    told = paper(shop, record, held.role)
    new = shop.bench(record.id) / f"to-sign-{uuid.uuid4()}.new"
    digest = sha256_file(told.source)
    try:
        with landing(new) as part:
            prepared = shop.station.prepare(
                told.source, part, certificates=certificates, stamp=told.stamp, field=told.field
            )
        return _open(shop, record, held, new, digest, prepared, actor)
    finally:
        new.unlink(missing_ok=True)


def _open(
    shop: Workshop, record: DocumentRecord, held: RingKey, new: Path, digest: str, prepared: Prepared, actor: str
) -> SigningRequest:
    """The request stands, and the file `new` lies where it is looked for."""
    with write(shop.engine) as conn:
        if documents.get(conn, record.id, lock=True).state is not DocumentState.TO_SIGN:
            raise AnswerRefused("answer-late")
        made = signing_requests.open_request(
            conn,
            document_id=record.id,
            unit=record.unit,
            role=held.role,
            asked_by=actor,
            certificate_sha256=x509.Certificate.load(prepared.certificate).sha256.hex(),
            source_sha256=digest,
            prepared=prepared.model_dump_json(),
            expires_at=utc_now() + timedelta(days=held.valid_for_days),
        )
        new.replace(prepared_file(shop, record.id, made.id))
        sync_folder(new.parent)
        audit.append(
            conn, actor=actor, action="signature-asked", subject=record.id, unit=record.unit,
            detail={"request": made.id, "certificate_sha256": made.certificate_sha256},
        )  # fmt: skip
    return made


def _take(shop: Workshop, signed: Signed, actor: str, units: Collection[str] | None) -> None:
    try:
        with read(shop.engine) as conn:
            request = signing_requests.get(conn, signed.request)
            record = _seen(documents.get(conn, request.document_id), units)
    except NotFound as exc:
        raise AnswerRefused("answer-unknown") from exc
    _require_open(request)
    prepared = Prepared.model_validate_json(request.prepared)
    answer = _read(shop, prepared, signed)
    if not _is_unchanged(shop, record, request, prepared):
        raise AnswerRefused("answer-changed")
    require_fit(x509.Certificate.load(prepared.certificate), utc_now())
    with write(shop.engine) as conn:
        record = documents.get(conn, request.document_id, lock=True)
        _require_open(signing_requests.get(conn, request.id, lock=True))
        if record.state is not DocumentState.TO_SIGN:
            raise AnswerRefused("answer-late")
        signing_requests.answer(conn, request.id, answer.model_dump_json(), actor)
        documents.set_state(
            conn, record.id, DocumentState.APPROVED, step="approved", attempt=record.attempt + 1, error_code=None
        )
        audit.append(
            conn, actor=actor, action="signature-given", subject=record.id, unit=record.unit,
            detail={"request": request.id, "certificate_sha256": request.certificate_sha256},
        )  # fmt: skip


def _require_open(request: SigningRequest) -> None:
    if request.state is not RequestState.OPEN:
        raise AnswerRefused("answer-late")
    if utc_now() >= request.expires_at:
        raise AnswerRefused("answer-expired")


def _read(shop: Workshop, prepared: Prepared, signed: Signed) -> Answer:
    try:
        if signed.cms is not None:
            return shop.gate.run(read_cms, prepared, signed.cms, timeout_s=READ_S)
        return shop.gate.run(read_signature, prepared, signed.signature or b"", timeout_s=READ_S)
    except WorkerFailed as exc:
        raise AnswerRefused("answer-unreadable") from exc


def _is_unchanged(shop: Workshop, record: DocumentRow, request: SigningRequest, prepared: Prepared) -> bool:
    """Whether the file that was prepared, and what it was prepared from, are as they were."""
    source = paper(shop, record, KeyRole(request.role)).source
    try:
        return (
            sha256_file(prepared_file(shop, request.document_id, request.id)) == prepared.prepared_sha256
            and sha256_file(source) == request.source_sha256
        )
    except FileNotFoundError:
        return False


def _seen(record: DocumentRecord, units: Collection[str] | None) -> DocumentRecord:
    """Raises NotFound also for one of other units: nobody must learn that it exists."""
    if units is not None and record.unit not in units:
        raise NotFound("outside the account's units")
    return record


def _waiting(row: DocumentRow, asked: SigningRequest | None) -> Waiting:
    return Waiting(
        document_id=row.id,
        unit=row.unit,
        title=row.title,
        role=awaited(row),
        since=row.approved_at or row.updated_at,
        asked_by=asked.asked_by if asked else None,
        expires_at=asked.expires_at if asked else None,
    )


def _to_be_signed(request: SigningRequest, title: str) -> ToBeSigned:
    prepared = Prepared.model_validate_json(request.prepared)
    return ToBeSigned(
        request=request.id,
        document=request.document_id,
        title=title,
        digest=base64.b64encode(prepared.digest).decode(),
        to_be_signed=base64.b64encode(prepared.signed_attributes).decode(),
        document_digest=base64.b64encode(prepared.document_digest).decode(),
        signature_algorithm=prepared.algorithm,
    )
