"""Validation of PAdES signatures in the words of ETSI EN 319 102-1, offline, from what the file itself holds."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

from asn1crypto import parser, x509
from pyhanko.keys import load_certs_from_pemder
from pyhanko.pdf_utils.misc import PdfError
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.ades.report import AdESFailure, AdESIndeterminate, AdESStatus
from pyhanko.sign.diff_analysis import ModificationLevel
from pyhanko.sign.fields import enumerate_sig_fields
from pyhanko.sign.validation import validate_pdf_timestamp
from pyhanko.sign.validation.ades import ades_lta_validation
from pyhanko.sign.validation.errors import SignatureValidationError
from pyhanko.sign.validation.pdf_embedded import EmbeddedPdfSignature
from pyhanko.sign.validation.policy_decl import (
    PdfSignatureValidationSpec,
    RevinfoOnlineFetchingRule,
    RevocationInfoGatheringSpec,
    SignatureValidationSpec,
)
from pyhanko.sign.validation.status import SignatureCoverageLevel
from pyhanko_certvalidator import ValidationContext
from pyhanko_certvalidator.authority import CertTrustAnchor
from pyhanko_certvalidator.context import CertValidationPolicySpec
from pyhanko_certvalidator.ltv.types import ValidationTimingInfo
from pyhanko_certvalidator.policy_decl import REQUIRE_REVINFO, CertRevTrustPolicy
from pyhanko_certvalidator.registry import SimpleTrustManager

from registry.errors import SettingsInvalid
from registry.values import Value, Verdict, utc_now
from signing.mended import mend_pyhanko
from signing.sealed_first import judged_when_sealed
from signing.tokens import SKEW, carrying, token_of

WORDS = {
    AdESStatus.PASSED: Verdict.PASSED,
    AdESStatus.INDETERMINATE: Verdict.INDETERMINATE,
    AdESStatus.FAILED: Verdict.FAILED,
}
FORMAT_FAILURE = "FORMAT_FAILURE"
mend_pyhanko()


class Check(Value):
    """One check. ok is None where it could not be made."""

    name: str
    ok: bool | None
    detail: str = ""


class SignatureVerdict(Value):
    """One signature. best_time: the earliest time it is proven to have existed; None without a timestamp.

    stamped: its own timestamp is trusted; archived: the newest document timestamp over it is.
    """

    field: str
    signed_by: str
    indication: Verdict
    sub_indication: str | None = None
    best_time: datetime | None = None
    modified_after: bool = False
    stamped: bool = False
    archived: bool = False


class SignatureReport(Value):
    """The verdict on a file: the worst of its signatures, and whether they reach its last byte."""

    verdict: Verdict
    sub_indication: str | None = None
    checks: tuple[Check, ...] = ()
    signatures: tuple[SignatureVerdict, ...] = ()


@dataclass(frozen=True, slots=True)
class TrustStore:
    """The trust anchors: certificates in PEM files of one folder."""

    anchors: Sequence[x509.Certificate]

    @classmethod
    def load(cls, folder: Path) -> TrustStore:
        """Raises SettingsInvalid when a file there is no certificate."""
        try:
            return cls(tuple(load_certs_from_pemder([str(p) for p in sorted(folder.glob("*.pem"))])))
        except (OSError, ValueError) as exc:
            raise SettingsInvalid(f"{folder}: a trust anchor cannot be read") from exc


def validate_pdf(path: Path, trust: TrustStore, at: datetime | None = None) -> SignatureReport:
    """The verdict on a PDF's signatures as of `at` (now). Never raises for a bad file: that is a verdict too.

    "Could not be checked" is INDETERMINATE, never TOTAL-FAILED. What came after the last signature or timestamp
    and is no validation data makes it TOTAL-FAILED / FORMAT_FAILURE. The file is read where it lies: a record of 500
    pages is some 250 MiB, and hashed in pieces.
    """
    try:
        with path.open("rb") as stream:
            return _validate(stream, trust, at or utc_now())
    except Exception as exc:
        # parsers of hostile bytes raise nearly anything; each of it means: this is not the file that was signed
        return _failed(FORMAT_FAILURE, type(exc).__name__)


def _validate(stream: BinaryIO, trust: TrustStore, at: datetime) -> SignatureReport:
    size = stream.seek(0, os.SEEK_END)
    reader = _reader(stream)
    hybrid = reader.xrefs.hybrid_xrefs_present
    embedded = list(reader.embedded_signatures)
    signatures = [s for s in embedded if str(s.sig_object.get("/Type", "/Sig")) != "/DocTimeStamp"]
    if not signatures:
        return SignatureReport(
            verdict=Verdict.INDETERMINATE,
            sub_indication="SIGNED_DATA_NOT_FOUND",
            checks=(Check(name="signature present", ok=None),),
        )
    if any(_padding_is_written_on(stream, s) or not _timestamp_holds(s) for s in embedded):
        return _failed(AdESFailure.HASH_FAILURE.standard_name, "a signature's own bytes, or a document timestamp")
    verdicts = tuple(_unless_hybrid(v, hybrid=hybrid) for v in _judge_all(signatures, embedded, trust, at))
    sealed = _is_sealed(embedded, size)
    worst = max(verdicts, key=lambda v: (v.indication == Verdict.FAILED, v.indication == Verdict.INDETERMINATE))
    checks = (
        Check(name="signature", ok=_held(worst.indication), detail=worst.sub_indication or worst.indication),
        Check(name="covered to the last byte", ok=sealed),
    )
    if not sealed and worst.indication == Verdict.PASSED:
        return SignatureReport(
            verdict=Verdict.FAILED, sub_indication=FORMAT_FAILURE, checks=checks, signatures=verdicts
        )
    return SignatureReport(
        verdict=worst.indication, sub_indication=worst.sub_indication, checks=checks, signatures=verdicts
    )


def _judge_all(
    signatures: Sequence[EmbeddedPdfSignature],
    embedded: Sequence[EmbeddedPdfSignature],
    trust: TrustStore,
    at: datetime,
) -> tuple[SignatureVerdict, ...]:
    """As of the newest timestamp where that is trusted and lives at `at`, else as of `at`."""
    if (newest := carrying(embedded, at)) is not None:
        verdicts = tuple(_judge(signature, trust, newest.at + SKEW) for signature in signatures)
        carried = (
            (v.archived for v in verdicts)
            if newest.on_document
            else (v.stamped for v in verdicts if v.field == newest.of)
        )
        if any(carried):
            return verdicts
    return tuple(_judge(signature, trust, at) for signature in signatures)


def _reader(stream: BinaryIO) -> PdfFileReader:
    """Strict, but for a hybrid-reference file (ISO 32000-1, 7.5.8.4), whose signatures a strict reader does not look
    at. One that is encrypted is read with the empty password that opens it for everybody."""
    reader = PdfFileReader(stream, strict=True)
    if reader.xrefs.hybrid_xrefs_present:
        reader = PdfFileReader(stream, strict=False)
    if reader.encrypted:
        reader.decrypt(b"")
    return reader


def _unless_hybrid(verdict: SignatureVerdict, *, hybrid: bool) -> SignatureVerdict:
    """A hybrid-reference file may show one thing to old programs and another to new ones: the bytes hold, and what was
    seen by the signer cannot be told."""
    if not hybrid or verdict.indication != Verdict.PASSED:
        return verdict
    told = AdESIndeterminate.GENERIC.standard_name
    return verdict.model_copy(update={"indication": Verdict.INDETERMINATE, "sub_indication": told})


def _judge(signature: EmbeddedPdfSignature, trust: TrustStore, at: datetime) -> SignatureVerdict:
    name, by = str(signature.field_name), _common_name(signature.signer_cert)
    try:
        result = asyncio.run(ades_lta_validation(signature, _policy(trust), ValidationTimingInfo(at, at, False)))
    except (SignatureValidationError, PdfError) as exc:
        return SignatureVerdict(
            field=name, signed_by=by, indication=Verdict.FAILED, sub_indication=_sub_indication_of(exc)
        )
    found, stamp = result.ades_subindic, result.signature_timestamp_status
    sealed_at = result.oldest_evidence_record_timestamp
    if found == AdESIndeterminate.SIG_CONSTRAINTS_FAILURE and sealed_at is not None and token_of(signature) is None:
        found = judged_when_sealed(signature, _policy(trust).signature_validation_spec, sealed_at).ades_subindic
    indication, told = WORDS[found.status], found.standard_name
    changed = _modified_after(result.api_status, signature.reader)
    if changed:
        indication, told = Verdict.FAILED, FORMAT_FAILURE
    elif result.api_status is not None and not result.api_status.intact:
        indication, told = Verdict.FAILED, AdESFailure.HASH_FAILURE.standard_name
    return SignatureVerdict(
        field=name,
        signed_by=by,
        indication=indication,
        sub_indication=None if indication == Verdict.PASSED else told,
        best_time=result.best_signature_time if stamp else sealed_at,
        modified_after=changed,
        stamped=stamp is not None and stamp.ades_subindic.status == AdESStatus.PASSED,
        archived=sealed_at is not None,
    )


def _policy(trust: TrustStore) -> PdfSignatureValidationSpec:
    """Nothing is fetched: a verdict must be the same again in ten years."""
    return PdfSignatureValidationSpec(
        SignatureValidationSpec(
            cert_validation_policy=CertValidationPolicySpec(
                trust_manager=SimpleTrustManager.build([CertTrustAnchor(c) for c in trust.anchors]),
                revinfo_policy=CertRevTrustPolicy(REQUIRE_REVINFO),
            ),
            revinfo_gathering_policy=RevocationInfoGatheringSpec(RevinfoOnlineFetchingRule.LOCAL_ONLY),
        )
    )


def _modified_after(status: Any, reader: PdfFileReader) -> bool:
    """Whether something but validation data and further signatures came after."""
    if status is None or status.coverage is None:
        return False
    if status.coverage < SignatureCoverageLevel.ENTIRE_REVISION:
        return True
    level = status.modification_level
    if level == ModificationLevel.FORM_FILLING:
        return not _only_signatures(status.diff_result, reader)
    return level is not None and level not in (ModificationLevel.NONE, ModificationLevel.LTA_UPDATES)


def _only_signatures(changes: Any, reader: PdfFileReader) -> bool:
    """Whether the form fields that changed are signatures' alone: the agency's after the official's."""
    signed = {name for name, _, _ in enumerate_sig_fields(reader, filled_status=True)}
    changed = set(getattr(changes, "changed_form_fields", None) or ())
    return bool(changed) and changed <= signed


def _is_sealed(embedded: Sequence[EmbeddedPdfSignature], size: int) -> bool:
    """Some signature or timestamp covers the file to its last byte, or only a DSS update came after the last one."""
    last = embedded[-1]
    covered = int(last.byte_range[2]) + int(last.byte_range[3])
    if covered == size:
        return True
    last.compute_integrity_info()
    status = last.diff_result
    return bool(getattr(status, "modification_level", None) == ModificationLevel.LTA_UPDATES)


def _padding_is_written_on(stream: BinaryIO, signature: EmbeddedPdfSignature) -> bool:
    """Whether the one place that no signature covers, its own /Contents, holds more than a DER value and zeros."""
    start, end = int(signature.byte_range[1]), int(signature.byte_range[2])
    stream.seek(start)
    gap = stream.read(max(0, end - start))
    if gap[:1] != b"<" or gap[-1:] != b">":
        return True
    if gap not in (gap.upper(), gap.lower()):
        return True
    held = bytes.fromhex(gap[1:-1].decode("ascii"))
    _, _, _, header, content, trailer = parser.parse(held)
    return any(held[len(header) + len(content) + len(trailer) :]) is True


def _timestamp_holds(signature: EmbeddedPdfSignature) -> bool:
    """Whether a document timestamp is sound by itself, over the bytes that stand here; true for a plain signature.

    Only its mathematics: whom to trust is the policy's business.
    """
    if str(signature.sig_object.get("/Type", "/Sig")) != "/DocTimeStamp":
        return True
    context = ValidationContext(trust_roots=[], allow_fetching=False)
    status = validate_pdf_timestamp(signature, context, skip_diff=True)
    return bool(status.intact and status.valid)


def _failed(told: str, detail: str) -> SignatureReport:
    return SignatureReport(
        verdict=Verdict.FAILED, sub_indication=told, checks=(Check(name="structure", ok=False, detail=detail),)
    )


def _sub_indication_of(exc: Exception) -> str:
    told = getattr(exc, "ades_subindication", None)
    if told is not None and told.status == AdESStatus.FAILED:
        return str(told.standard_name)
    return FORMAT_FAILURE


def _held(verdict: Verdict) -> bool | None:
    return {Verdict.PASSED: True, Verdict.FAILED: False}.get(verdict)


def _common_name(certificate: x509.Certificate | None) -> str:
    return str(certificate.subject.native.get("common_name", "")) if certificate is not None else ""
