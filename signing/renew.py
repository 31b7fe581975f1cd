"""A signed PDF made to last longer: raised to B-LTA when a service failed at signing, or renewed before the newest
timestamp ends (ETSI EN 319 142-1 §5.5). Only an incremental update is added; every byte that was there stays."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import BinaryIO

from asn1crypto import cms, x509
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.general import extract_certificate_info
from pyhanko.sign.timestamps.common_utils import TimestampRequestError
from pyhanko.sign.validation.dss import DocumentSecurityStore
from pyhanko.sign.validation.errors import NoDSSFoundError
from pyhanko.sign.validation.pdf_embedded import EmbeddedPdfSignature

from registry.errors import SigningFailed
from registry.values import sha256_file
from signing.proofs import Evidence, Proof, Unproven, prove
from signing.seal import example_token, lasts_until, seal
from signing.tokens import is_document_timestamp, token_of
from signing.tsa import failure, signer_of

LONG_AGO = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class RenewedPdf:
    """level: what it has now. renew_by: the day by which the new timestamp must be renewed in turn."""

    path: Path
    sha256: str
    level: str
    renew_by: date


class NotRenewed(SigningFailed):
    """The file stays as it is. why: of signing.proofs.Unproven, or tsa-down, tsa-silent, tsa-wrong-answer,
    tsa-…, no-tsa, no-signature."""

    code = "not-renewed"

    def __init__(self, why: str, revoked_at: datetime | None = None) -> None:
        super().__init__(why + (f" on {revoked_at:%Y-%m-%d}" if revoked_at else ""))
        self.why, self.revoked_at = why, revoked_at


@dataclass(frozen=True, slots=True)
class _ToProve:
    """A certificate of the file, and since when it is proven that it was used; None: only now."""

    certificate: x509.Certificate
    held_at: datetime | None
    stamping: bool


def renew_pdf(
    source: Path, target: Path, *, evidence: Evidence, at: datetime | None = None, longer_than: date | None = None
) -> RenewedPdf:
    """`target` is `source`, whole, and one update after it: fresh proofs for what no document timestamp protects yet,
    and a document timestamp over all. The level is then B-LTA.

    What the file says is not validated here. at: now. longer_than: nothing is added that would not last beyond that
    day (an authority whose certificate or algorithms end no later). Raises NotRenewed, OSError. Call it from a thread
    without a running event loop.
    """
    stamper = evidence.timestamper
    if stamper is None:
        raise NotRenewed("no-tsa")
    with source.open("rb") as stream:
        open_ends, signers, known = _read(stream)
    try:
        token = example_token(stamper)
        known += tuple(stamper.cert_registry)
        stamping = _proof_of_stamper(signer_of(token), evidence, known, at)
        if longer_than is not None and lasts_until(token, stamping) <= longer_than:
            raise NotRenewed("tsa-gains-nothing")
        proofs = [
            prove(e.certificate, evidence, known=known, at=at, held_at=e.held_at, stamping=e.stamping)
            for e in open_ends
        ]
        token = seal(source, target, [*proofs, *_still_good(signers, evidence, known, at), stamping], stamper)
    except TimestampRequestError as exc:
        raise NotRenewed(failure(exc)) from exc
    except Unproven as exc:
        raise NotRenewed(exc.why, exc.revoked_at) from exc
    return RenewedPdf(path=target, sha256=sha256_file(target), level="B-LTA", renew_by=lasts_until(token, stamping))


def renew_by(path: Path) -> date | None:
    """The day by which the newest timestamp of a file must be renewed, from the file alone; None without one.

    Raises SigningFailed for a file that cannot be read.
    """
    try:
        with path.open("rb") as stream:
            embedded = list(PdfFileReader(stream, strict=True).embedded_signatures)
            tokens = [token for signature in embedded if (token := token_of(signature)) is not None]
            certificates = _certificates(embedded)
    except (OSError, SigningFailed):
        raise
    except Exception as exc:  # a parser of foreign bytes raises nearly anything
        raise SigningFailed(f"the PDF cannot be read: {type(exc).__name__}") from exc
    return lasts_until(tokens[-1], _as_held(tokens[-1], certificates)) if tokens else None


def _as_held(token: cms.ContentInfo, known: Sequence[x509.Certificate]) -> Proof | None:
    """The path of a token's certificate as the file holds it, up to a root; None where it is not whole."""
    path = [signer_of(token)]
    while path[-1].self_issued != "yes" and path[-1].subject != path[-1].issuer:
        issuer = next((c for c in known if c.subject == path[-1].issuer), None)
        if issuer is None or issuer in path:
            return None
        path.append(issuer)
    return Proof(path=tuple(path[:-1]), root=path[-1], ocsps=(), crls=(), since=LONG_AGO, until=LONG_AGO)


def _proof_of_stamper(
    certificate: x509.Certificate, evidence: Evidence, known: Sequence[x509.Certificate], at: datetime | None
) -> Proof:
    try:
        return prove(certificate, evidence, known=known, at=at, stamping=True)
    except Unproven as exc:
        raise NotRenewed(f"tsa-{exc.why}", exc.revoked_at) from exc


def _still_good(
    signers: Sequence[x509.Certificate], evidence: Evidence, known: Sequence[x509.Certificate], at: datetime | None
) -> Iterator[Proof]:
    """Fresh proofs for the signers as far as they live. Not needed for the proof, and kind to validators that look at
    the newest answer alone."""
    for signer in signers:
        with suppress(Unproven):
            yield prove(signer, evidence, known=known, at=at)


def _read(stream: BinaryIO) -> tuple[list[_ToProve], list[x509.Certificate], tuple[x509.Certificate, ...]]:
    """What is to be proven, who signed, and the certificates that the file holds. Raises SigningFailed."""
    try:
        embedded = list(PdfFileReader(stream, strict=True).embedded_signatures)
        signers = [s.signer_cert for s in embedded if not is_document_timestamp(s)]
        return list(_unprotected(embedded)), signers, _certificates(embedded)
    except SigningFailed:
        raise
    except Exception as exc:  # a parser of foreign bytes raises nearly anything
        raise SigningFailed(f"the PDF cannot be read: {type(exc).__name__}") from exc


def _unprotected(embedded: Sequence[EmbeddedPdfSignature]) -> Iterator[_ToProve]:
    """The newest document timestamp alone, where there is one over the proofs of what came before it; else all."""
    if not embedded:
        raise NotRenewed("no-signature")
    newest = embedded[-1]
    if is_document_timestamp(newest) and _has_proofs(newest):
        yield _ToProve(newest.signer_cert, None, True)
        return
    for index, signature in enumerate(embedded):
        sealed_at = next((_time_of(token_of(s)) for s in embedded[index + 1 :] if is_document_timestamp(s)), None)
        if is_document_timestamp(signature):
            yield _ToProve(signature.signer_cert, sealed_at, True)
            continue
        token = token_of(signature)
        yield _ToProve(signature.signer_cert, _time_of(token) if token is not None else sealed_at, False)
        if token is not None:
            yield _ToProve(signer_of(token), sealed_at, True)


def _time_of(token: cms.ContentInfo | None) -> datetime | None:
    told = token["content"]["encap_content_info"]["content"].parsed["gen_time"].native if token is not None else None
    return told if isinstance(told, datetime) else None


def _has_proofs(timestamp: EmbeddedPdfSignature) -> bool:
    """Whether the revision under a document timestamp holds a DSS."""
    try:
        DocumentSecurityStore.read_dss(timestamp.reader.get_historical_resolver(timestamp.signed_revision))
    except NoDSSFoundError:
        return False
    return True


def _certificates(embedded: Sequence[EmbeddedPdfSignature]) -> tuple[x509.Certificate, ...]:
    """All that the file holds: in its signatures, their timestamps, and its DSS."""
    found: list[x509.Certificate] = []
    for signature in embedded:
        found += [signature.signer_cert, *signature.other_embedded_certs]
        token = token_of(signature)
        if token is not None:
            told = extract_certificate_info(token["content"])
            found += [told.signer_cert, *told.other_certs]
    if embedded:
        with suppress(NoDSSFoundError):
            found += DocumentSecurityStore.read_dss(embedded[-1].reader).load_certs()
    return tuple({c.sha256: c for c in found}.values())
