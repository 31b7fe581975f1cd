"""Signatures over bytes that are no PDF (seals of the audit log, manifests): detached CAdES, stamped with the time."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from asn1crypto import cms, x509
from pyhanko.sign.general import SigningError
from pyhanko.sign.signers.pdf_cms import PdfCMSSignedAttributes
from pyhanko.sign.timestamps import TimeStamper
from pyhanko.sign.timestamps.common_utils import TimestampRequestError
from pyhanko.sign.validation.errors import SignatureValidationError
from pyhanko.sign.validation.generic_cms import async_validate_detached_cms, validate_tst_signed_data
from pyhanko_certvalidator import ValidationContext

from registry.errors import SigningFailed
from registry.signers import BARE
from registry.values import Value, Verdict, utc_now
from signing.keys import SigningKey, require_fit
from signing.validate import TrustStore


@dataclass(frozen=True, slots=True, kw_only=True)
class DetachedSignature:
    """A CMS signature (RFC 5652) in DER. stamped: whether an RFC 3161 token is in it. why: the reason when none is."""

    der: bytes
    stamped: bool
    signed_at: datetime
    why: str = ""


class DetachedVerdict(Value):
    """What a detached signature is worth. signer: SHA-256 of the certificate, BARE for a timestamp alone, empty where
    nothing could be read: whether it is the one that should have signed is the caller's to say. best_time: the earliest
    time it is proven to have existed."""

    indication: Verdict
    signed_by: str = ""
    signer: str = ""
    best_time: datetime | None = None
    detail: str = ""


def sign_bytes(body: bytes, key: SigningKey, timestamper: TimeStamper | None) -> DetachedSignature:
    """A signature over the body by that key. A TSA that is down lowers it to one without a time, and blocks nothing.

    Raises SigningFailed. Call it from a thread without a running event loop.
    """
    require_fit(key.certificate, utc_now())
    why = "no timestamp server to ask"
    for stamper in (timestamper, None) if timestamper else (None,):
        try:
            made = asyncio.run(_sign(body, key, stamper))
        except (TimestampRequestError, OSError) as exc:
            why = type(exc).__name__
        except SigningError as exc:
            raise SigningFailed(type(exc).__name__) from exc
        else:
            stamped = stamper is not None
            return DetachedSignature(der=made, stamped=stamped, signed_at=utc_now(), why="" if stamped else why)
    raise SigningFailed(why)


def stamp_bytes(
    body: bytes, timestamper: TimeStamper | None, others: Sequence[x509.Certificate] = ()
) -> DetachedSignature:
    """An RFC 3161 token over the body, where no key lies here that could sign without a person; with these certificates
    beside its own, which no signature covers. Raises SigningFailed."""
    if timestamper is None:
        raise SigningFailed("neither a key nor a timestamp server")
    try:
        token = asyncio.run(timestamper.async_timestamp(hashlib.sha256(body).digest(), "sha256"))
    except (TimestampRequestError, OSError) as exc:
        raise SigningFailed(f"no key, and the timestamp server: {type(exc).__name__}") from exc
    held = token["content"]["certificates"]
    known = {c.chosen.dump() for c in held}
    for certificate in others:
        if certificate.dump() not in known:
            held.append(cms.CertificateChoices("certificate", certificate))
    return DetachedSignature(
        der=token.dump(force=True), stamped=True, signed_at=utc_now(), why="no key signs unattended"
    )


def check_bytes(body: bytes, der: bytes, trust: TrustStore) -> DetachedVerdict:
    """The verdict on a detached signature, as of the time stamped on it. Raises nothing for a bad one, fetches nothing.

    Revocation data is not part of such a signature: what is known of its key stands in the records that it signed.
    """
    try:
        held = cms.ContentInfo.load(der, strict=True)
        return asyncio.run(_check(body, held["content"], trust))
    except (SignatureValidationError, ValueError, TypeError, KeyError) as exc:
        return DetachedVerdict(indication=Verdict.FAILED, detail=type(exc).__name__)


async def _sign(body: bytes, key: SigningKey, timestamper: TimeStamper | None) -> bytes:
    made = await key.signer.async_sign_general_data(
        body,
        "sha256",
        detached=True,
        use_cades=True,
        timestamper=timestamper,
        signed_attr_settings=PdfCMSSignedAttributes(signing_time=utc_now()),
    )
    der: bytes = made.dump()
    return der


async def _check(body: bytes, signed: cms.SignedData, trust: TrustStore) -> DetachedVerdict:
    """Certificates are judged as of the stamped time: an expired one was valid then."""
    if signed["encap_content_info"]["content_type"].native == "tst_info":
        return await _check_stamp(body, signed, trust)
    status = await _status(body, signed, trust, _claimed(signed))
    time = _stamped(status)
    if time is not None:
        status = await _status(body, signed, trust, time)
    told = {
        "signed_by": str(status.signing_cert.subject.native.get("common_name", "")),
        "signer": status.signing_cert.sha256.hex(),
    }
    stamp = status.timestamp_validity
    if not (status.intact and status.valid) or (stamp is not None and not (stamp.intact and stamp.valid)):
        return DetachedVerdict(indication=Verdict.FAILED, detail="HASH_FAILURE", **told)
    if not status.trusted or (stamp is not None and not stamp.trusted):
        return DetachedVerdict(
            indication=Verdict.INDETERMINATE, best_time=time, detail="NO_CERTIFICATE_CHAIN_FOUND", **told
        )
    return DetachedVerdict(indication=Verdict.PASSED, best_time=time, **told)


async def _check_stamp(body: bytes, token: cms.SignedData, trust: TrustStore) -> DetachedVerdict:
    """A bare token: nobody signed, but at that time the body was there."""
    time: datetime = token["encap_content_info"]["content"].parsed["gen_time"].native
    told = await validate_tst_signed_data(
        token, _context(trust, token, time), lambda name: hashlib.new(name, body).digest()
    )
    by = str(told["signing_cert"].subject.native.get("common_name", ""))
    if not (told["intact"] and told["valid"]):
        return DetachedVerdict(indication=Verdict.FAILED, signed_by=by, signer=BARE, detail="HASH_FAILURE")
    worth = Verdict.PASSED if told.get("validation_path") is not None else Verdict.INDETERMINATE
    return DetachedVerdict(indication=worth, signed_by=by, signer=BARE, best_time=time)


async def _status(body: bytes, signed: cms.SignedData, trust: TrustStore, moment: datetime | None) -> Any:
    """pyHanko's word. A timestamp of the development has no chain of its own: the signature's serves both."""
    return await async_validate_detached_cms(
        body,
        signed,
        signer_validation_context=_context(trust, signed, moment),
        ts_validation_context=_context(trust, signed, moment),
    )


def _context(trust: TrustStore, signed: cms.SignedData, moment: datetime | None) -> ValidationContext:
    return ValidationContext(
        trust_roots=list(trust.anchors),
        other_certs=[c.chosen for c in signed["certificates"] if c.name == "certificate"],
        allow_fetching=False,
        revocation_mode="soft-fail",
        moment=moment,
    )


def _stamped(status: Any) -> datetime | None:
    stamp = status.timestamp_validity
    time: datetime | None = stamp.timestamp if stamp is not None and stamp.intact and stamp.valid else None
    return time


def _claimed(signed: cms.SignedData) -> datetime | None:
    """The signer's own word for the time: only to come to the stamp, whose word counts."""
    attributes: Any = signed["signer_infos"][0]["signed_attrs"]
    told = [a["values"][0].native for a in attributes if a["type"].native == "signing_time"]
    return told[0] if told else None
