"""Validation of PAdES signatures in the words of ETSI EN 319 102-1, offline, from what the file itself holds.

Each check is told by itself, and the verdict follows from them: TOTAL-FAILED where one that decides did not hold,
INDETERMINATE where one that decides could not be made, TOTAL-PASSED where all held.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

from asn1crypto import cms, parser, x509
from pyhanko.pdf_utils.misc import PdfError
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.ades.report import AdESFailure, AdESIndeterminate, AdESPassed, AdESStatus
from pyhanko.sign.fields import SigSeedSubFilter, enumerate_sig_fields
from pyhanko.sign.validation import validate_pdf_timestamp
from pyhanko.sign.validation.ades import AdESLTAValidationResult, ades_lta_validation
from pyhanko.sign.validation.dss import DocumentSecurityStore
from pyhanko.sign.validation.errors import NoDSSFoundError, SignatureValidationError
from pyhanko.sign.validation.pdf_embedded import EmbeddedPdfSignature
from pyhanko.sign.validation.policy_decl import (
    PdfSignatureValidationSpec,
    RevinfoOnlineFetchingRule,
    RevocationInfoGatheringSpec,
    SignatureValidationSpec,
)
from pyhanko.sign.validation.settings import KeyUsageConstraints
from pyhanko_certvalidator import ValidationContext
from pyhanko_certvalidator.authority import CertTrustAnchor
from pyhanko_certvalidator.context import CertValidationPolicySpec
from pyhanko_certvalidator.ltv.types import ValidationTimingInfo
from pyhanko_certvalidator.policy_decl import REQUIRE_REVINFO, CertRevTrustPolicy
from pyhanko_certvalidator.registry import SimpleTrustManager

from registry.values import Verdict, utc_now
from signing.canonical import oddity
from signing.findings import (
    FORMAT_FAILURE,
    GENERIC,
    HASH_FAILURE,
    Check,
    DocumentTimestamp,
    SignatureReport,
    SignatureVerdict,
    decided,
)
from signing.mended import mend_pyhanko
from signing.old_signatures import OLD, judge_old
from signing.policy import POLICY, Policy, StrengthPolicy, weak_on
from signing.quick_parsing import parse_quickly
from signing.revisions import Addition, Changes, added_boxes, changed_after, entry, is_sealed, what_changed
from signing.sealed_first import judged_when_sealed
from signing.tokens import SKEW, carrying, is_document_timestamp, token_of
from signing.trust import TrustStore

__all__ = [
    "FORMAT_FAILURE",
    "HASH_FAILURE",
    "Check",
    "DocumentTimestamp",
    "SignatureReport",
    "SignatureVerdict",
    "TrustStore",
    "decided",
    "validate_pdf",
]

for _name in ("pyhanko", "pyhanko_certvalidator"):
    # what they warn of names people; it comes back as a verdict
    logging.getLogger(_name).setLevel(logging.CRITICAL)

mend_pyhanko()
parse_quickly()
WORDS = {
    AdESStatus.PASSED: Verdict.PASSED,
    AdESStatus.INDETERMINATE: Verdict.INDETERMINATE,
    AdESStatus.FAILED: Verdict.FAILED,
}
NO_PAST = (AdESIndeterminate.NO_POE, AdESIndeterminate.CERTIFICATE_CHAIN_GENERAL_FAILURE)
"""What pyHanko tells where the past proves nothing, though EN 319 102-1 §5.6.2.4.4 wants what was found as of now."""
NOT_FOUND = "SIGNED_DATA_NOT_FOUND"
INTEGRITY, CHAIN, REVOCATION, TIMESTAMPS, ALGORITHMS, CHANGED, SEALED, RULES = (
    "integrity",
    "certificate chain",
    "revocation",
    "timestamps",
    "algorithms",
    "changes after signing",
    "covered to the last byte",
    "validation rules",
)
ABOUT = {
    INTEGRITY: ("FORMAT_FAILURE", "HASH_FAILURE", "SIG_CRYPTO_FAILURE", "SIGNED_DATA_NOT_FOUND"),
    CHAIN: (
        "NO_SIGNING_CERTIFICATE_FOUND",
        "NO_CERTIFICATE_CHAIN_FOUND",
        "CERTIFICATE_CHAIN_GENERAL_FAILURE",
        "CHAIN_CONSTRAINTS_FAILURE",
        "EXPIRED",
        "NOT_YET_VALID",
        "OUT_OF_BOUNDS_NO_POE",
        "OUT_OF_BOUNDS_NOT_REVOKED",
    ),
    REVOCATION: (
        "REVOKED",
        "REVOKED_NO_POE",
        "REVOKED_CA_NO_POE",
        "REVOCATION_OUT_OF_BOUNDS_NO_POE",
        "TRY_LATER",
    ),
    TIMESTAMPS: ("TIMESTAMP_ORDER_FAILURE", "NO_POE"),
    ALGORITHMS: ("CRYPTO_CONSTRAINTS_FAILURE", "CRYPTO_CONSTRAINTS_FAILURE_NO_POE"),
}
"""Which check a sub-indication (EN 319 102-1 §5.1.3, tables 5 and 6) speaks of; what is not here is about the rules."""


def validate_pdf(
    source: Path | BinaryIO, trust: TrustStore, at: datetime | None = None, policy: Policy = POLICY
) -> SignatureReport:
    """The verdict on a PDF's signatures as of `at` (now). Never raises for a bad file: that is a verdict too.

    "Could not be checked" is INDETERMINATE, never TOTAL-FAILED. What came after the last signature or timestamp
    and is no validation data makes it TOTAL-FAILED / FORMAT_FAILURE. The file is read where it lies: a record of 500
    pages is some 250 MiB, and hashed in pieces.
    """
    at = at or utc_now()
    try:
        if isinstance(source, Path):
            with source.open("rb") as stream:
                return _validate(stream, trust, at, policy)
        return _validate(source, trust, at, policy)
    except Exception as exc:
        # parsers of hostile bytes raise nearly anything; each of it means: this is not the file that was signed
        return _of((Check(name="structure", ok=False, detail=type(exc).__name__, sub_indication=FORMAT_FAILURE),))


@dataclass(frozen=True, slots=True)
class _Opened:
    """A file with its signatures. apart: what is found of those that pyHanko passes over. odd: why it could not be read
    by the letter of the standard; empty when it could."""

    stream: BinaryIO
    size: int
    embedded: Sequence[EmbeddedPdfSignature]
    apart: tuple[SignatureVerdict, ...]
    odd: str = ""

    @property
    def signatures(self) -> list[EmbeddedPdfSignature]:
        return [s for s in self.embedded if not is_document_timestamp(s)]


def _validate(stream: BinaryIO, trust: TrustStore, at: datetime, policy: Policy) -> SignatureReport:
    opened = _open(stream)
    if isinstance(opened, SignatureReport):
        return opened
    if not opened.signatures and not opened.apart:
        return _of((Check(name="signature present", ok=None, sub_indication=NOT_FOUND),))
    broken = [s for s in opened.embedded if _padding_is_written_on(stream, s) or not _timestamp_holds(s)]
    timestamps = tuple(_told(s, s not in broken) for s in opened.embedded if is_document_timestamp(s))
    if broken:
        detail = f"{broken[0].field_name}: the signature's own bytes, or a document timestamp"
        found = Check(name=INTEGRITY, ok=False, detail=detail, sub_indication=HASH_FAILURE)
        return _of((found,), signatures=opened.apart, timestamps=timestamps)
    apart = [_Judged(verdict) for verdict in opened.apart]
    if not opened.signatures:
        return _of((*_strictness(opened), *_signature_checks(apart)), signatures=opened.apart, timestamps=timestamps)
    changes = Changes()
    judged = _judge_all(opened, _spec(trust, policy, changes), at, policy)
    checks = (
        *_strictness(opened),
        *_uncovered(opened, trust),
        *_signature_checks([*judged, *apart]),
        _timestamp_check(opened, judged),
        _changes_check(judged),
        is_sealed_check(opened, changes),
    )
    first = opened.signatures[0]
    return _of(
        tuple(checks),
        signatures=(*(_final(j, opened) for j in judged), *opened.apart),
        timestamps=timestamps,
        additions=tuple(a for j in judged for a in j.additions),
        signed_length=int(first.byte_range[2]) + int(first.byte_range[3]),
    )


def _of(checks: tuple[Check, ...], **parts: Any) -> SignatureReport:
    verdict, told = decided(checks)
    return SignatureReport(verdict=verdict, sub_indication=told, checks=checks, **parts)


def _open(stream: BinaryIO) -> _Opened | SignatureReport:
    """The file with its signatures; a report where it cannot be looked into. What only a lenient reader understands is
    judged too, and can never pass: two programs may see two documents in it."""
    size = stream.seek(0, os.SEEK_END)
    try:
        reader = PdfFileReader(stream, strict=True)
        if reader.encrypted and reader.decrypt(b"").status.name == "FAILED":
            return _of((Check(name="structure", ok=None, detail="encrypted", sub_indication=GENERIC),))
        if reader.xrefs.hybrid_xrefs_present:
            raise PdfError("hybrid cross-references")
        return _Opened(stream, size, list(reader.embedded_signatures), tuple(_apart(reader)))
    except PdfError as exc:
        strictly = exc
    stream.seek(0)
    reader = PdfFileReader(stream, strict=False)
    if reader.encrypted:
        reader.decrypt(b"")
    odd = "hybrid" if reader.xrefs.hybrid_xrefs_present else type(strictly).__name__
    return _Opened(stream, size, list(reader.embedded_signatures), tuple(_apart(reader)), odd)


def _apart(reader: PdfFileReader) -> Iterator[SignatureVerdict]:
    """The verdicts on the filled signature fields that are not among pyHanko's: encoded as before PAdES, or in a way
    that nobody here reads, which is then not known to hold."""
    for name, value, _ in enumerate_sig_fields(reader, filled_status=True):
        dictionary = value.get_object()
        if _is_read(dictionary):
            continue
        if str(entry(dictionary, "/SubFilter")) in OLD:
            yield judge_old(reader.stream, dictionary, str(name))
        else:
            yield SignatureVerdict(
                field=str(name), signed_by="", indication=Verdict.INDETERMINATE, sub_indication=GENERIC
            )


def _is_read(dictionary: Any) -> bool:
    """Whether pyHanko takes it for a signature; it asks so, without following a reference."""
    try:
        SigSeedSubFilter(dictionary.get("/SubFilter"))
    except ValueError:
        return False
    return True


def _strictness(opened: _Opened) -> Iterator[Check]:
    if opened.odd:
        yield Check(name="structure", ok=None, detail=opened.odd, sub_indication=GENERIC)


def _uncovered(opened: _Opened, trust: TrustStore) -> Iterator[Check]:
    """What nothing covers, of the last signature or timestamp: it was touched, or its maker did not keep to the letter.
    The signature holds all the same, so that neither can be said for sure."""
    last = max(opened.embedded, key=lambda s: s.signed_revision)
    der = _value_of(last.pkcs7_content)
    try:
        known = list(DocumentSecurityStore.read_dss(last.reader).load_certs())
    except NoDSSFoundError:
        known = []
    if told := oddity(cms.ContentInfo.load(der), der, [*known, *trust.anchors]):
        yield Check(name="structure", ok=None, detail=f"{last.field_name}: {told}", sub_indication=GENERIC)


@dataclass(frozen=True, slots=True)
class _Judged:
    """A signature with what pyHanko found. weak: the algorithm that was too weak when it was made. stamp_sub: what
    kept its timestamp from counting."""

    verdict: SignatureVerdict
    changed: str = ""
    altered: bool = False
    weak: str = ""
    weak_chain: bool = False
    stamp_sub: str | None = None
    additions: tuple[Addition, ...] = ()


def _judge_all(opened: _Opened, spec: PdfSignatureValidationSpec, at: datetime, policy: Policy) -> list[_Judged]:
    """As of the newest timestamp where that is trusted and lives at `at`, else as of `at`."""
    if (newest := carrying(opened.embedded, at)) is not None:
        judged = [_judge(s, opened, spec, newest.at + SKEW, policy) for s in opened.signatures]
        told = [j.verdict for j in judged]
        carried = (v.archived if newest.on_document else v.stamped and v.field == newest.of for v in told)
        if any(carried):
            return judged
    return [_judge(s, opened, spec, at, policy) for s in opened.signatures]


def _judge(
    signature: EmbeddedPdfSignature,
    opened: _Opened,
    spec: PdfSignatureValidationSpec,
    at: datetime,
    policy: Policy,
) -> _Judged:
    try:
        result = asyncio.run(ades_lta_validation(signature, spec, ValidationTimingInfo(at, at, False)))
    except (SignatureValidationError, PdfError) as exc:
        told = _sub_indication_of(exc)
        indication = Verdict.FAILED if told in ABOUT[INTEGRITY] else Verdict.INDETERMINATE
        return _Judged(_described(signature, opened, indication, told, None))
    found, sealed_at = result.ades_subindic, result.oldest_evidence_record_timestamp
    alone = found == AdESIndeterminate.SIG_CONSTRAINTS_FAILURE and token_of(signature) is None
    if alone and sealed_at is not None:
        found = judged_when_sealed(signature, spec.signature_validation_spec, sealed_at).ades_subindic
    status = result.api_status
    if found in NO_PAST or (alone and sealed_at is None):
        found = _as_of_now(signature, spec, at, result)
    indication, told = WORDS[found.status], found.standard_name
    if status is not None and not status.intact:
        indication, told = Verdict.FAILED, AdESFailure.HASH_FAILURE.standard_name
    elif status is not None and not status.valid:
        indication, told = Verdict.FAILED, AdESFailure.SIG_CRYPTO_FAILURE.standard_name
    altered = status is not None and changed_after(signature, status)
    stamp = result.signature_timestamp_status
    stamped = stamp is not None and WORDS[stamp.ades_subindic.status] is Verdict.PASSED
    verdict = _described(signature, opened, indication, None if indication is Verdict.PASSED else told, result)
    return _Judged(
        verdict=verdict.model_copy(update={"modified_after": altered}),
        changed=what_changed(signature) if altered else "",
        altered=altered,
        weak=_weakness(verdict, signature, policy, at),
        stamp_sub=None if stamped or stamp is None else stamp.ades_subindic.standard_name,
        additions=() if altered else added_boxes(signature, opened.embedded),
    )


def _as_of_now(
    signature: EmbeddedPdfSignature, spec: PdfSignatureValidationSpec, at: datetime, result: AdESLTAValidationResult
) -> Any:
    """The sub-indication of basic validation, where the past proves nothing; a revocation is none where a timestamp
    says that the signature is older (EN 319 102-1 §5.5.4 step 4). Where the file says nothing at all of revocation that
    is to be tried later (§5.2.6.4), not a fault of the chain."""
    basic = judged_when_sealed(signature, spec.signature_validation_spec, at - SKEW)
    found, details = basic.ades_subindic, basic.api_status.revocation_details if basic.api_status else None
    stamp = result.signature_timestamp_status
    stamped = stamp is not None and WORDS[stamp.ades_subindic.status] is Verdict.PASSED
    older = details is not None and stamped and result.best_signature_time < details.revocation_date
    if found == AdESIndeterminate.CERTIFICATE_CHAIN_GENERAL_FAILURE and not _speaks_of_revocation(signature):
        return AdESIndeterminate.TRY_LATER
    return AdESPassed.OK if found == AdESIndeterminate.REVOKED_NO_POE and older else found


def _speaks_of_revocation(signature: EmbeddedPdfSignature) -> bool:
    """Whether the file has revocation lists or OCSP answers, in its document security store or in the signature."""
    dss = entry(signature.reader.root, "/DSS")
    attributes = {attribute["type"].native for attribute in signature.signer_info["signed_attrs"]}
    stored = dss is not None and any(entry(dss, key) for key in ("/CRLs", "/OCSPs"))
    return stored or "adobe_revocation_info_archival" in attributes


def _final(judged: _Judged, opened: _Opened) -> SignatureVerdict:
    """The verdict on a signature with what the file around it says: a signature over something else than what is seen
    does not pass, though by itself it holds."""
    if judged.altered:
        return judged.verdict.model_copy(update={"indication": Verdict.FAILED, "sub_indication": FORMAT_FAILURE})
    if opened.odd and judged.verdict.indication is Verdict.PASSED:
        return judged.verdict.model_copy(update={"indication": Verdict.INDETERMINATE, "sub_indication": GENERIC})
    return judged.verdict


def _described(
    signature: EmbeddedPdfSignature,
    opened: _Opened,
    indication: Verdict,
    told: str | None,
    result: AdESLTAValidationResult | None,
) -> SignatureVerdict:
    certificate = signature.signer_cert
    status = result.api_status if result else None
    path = status.validation_path if status else None
    stamp = result.signature_timestamp_status if result else None
    sealed_at = result.oldest_evidence_record_timestamp if result else None
    digest, cipher, bits = _algorithms(signature)
    return SignatureVerdict(
        field=str(signature.field_name),
        signed_by=_common_name(certificate),
        indication=indication,
        sub_indication=told,
        best_time=result.best_signature_time if result is not None and stamp is not None else sealed_at,
        stamped=stamp is not None and WORDS[stamp.ades_subindic.status] is Verdict.PASSED,
        archived=sealed_at is not None,
        claimed_at=signature.self_reported_timestamp,
        level=_level(signature, opened, token_of(signature) is not None),
        digest=digest,
        key=f"{cipher} {bits}".strip(),
        chain=tuple(_common_name(c) for c in reversed(list(path.iter_certs(include_root=True)))) if path else (),
        certificate_sha256=certificate.sha256.hex(),
        certificate_until=certificate.not_valid_after,
    )


def _level(signature: EmbeddedPdfSignature, opened: _Opened, stamped: bool) -> str:
    """How far the parts of the file reach; whether they hold is told by the verdict."""
    later = any(is_document_timestamp(s) and s.signed_revision > signature.signed_revision for s in opened.embedded)
    if not stamped and not later:
        return "B-B"
    if not _speaks_of_revocation(signature):
        return "B-T"
    return "B-LTA" if later else "B-LT"


def _spec(trust: TrustStore, policy: Policy, changes: Changes) -> PdfSignatureValidationSpec:
    """Nothing is fetched: a verdict must be the same again in ten years."""
    strength = StrengthPolicy(policy)
    return PdfSignatureValidationSpec(
        SignatureValidationSpec(
            cert_validation_policy=CertValidationPolicySpec(
                trust_manager=SimpleTrustManager.build([CertTrustAnchor(c) for c in trust.anchors]),
                revinfo_policy=CertRevTrustPolicy(REQUIRE_REVINFO),
                algorithm_usage_policy=strength,
            ),
            revinfo_gathering_policy=RevocationInfoGatheringSpec(RevinfoOnlineFetchingRule.LOCAL_ONLY),
            signature_algorithm_policy=strength,
            key_usage_settings=KeyUsageConstraints(key_usage={"non_repudiation"}),
        ),
        diff_policy=changes,
    )


def _signature_checks(judged: Sequence[_Judged]) -> Iterator[Check]:
    """Integrity, chain, revocation, algorithms, and what is left over; each the worst of all signatures."""
    yield _aggregated(INTEGRITY, judged)
    yield _aggregated(CHAIN, judged)
    yield _aggregated(REVOCATION, judged)
    weak = next((j for j in judged if j.weak), None)
    check = _aggregated(ALGORITHMS, judged)
    if weak is not None and check.ok is True:
        check = check.model_copy(update={"detail": f"{weak.verdict.field}: {weak.weak}"})
    yield check
    rest = _aggregated(RULES, judged)
    if rest.ok is not True and rest.decides:
        yield rest


def _aggregated(name: str, judged: Sequence[_Judged]) -> Check:
    """ok only where every signature got that far: one that ended at an earlier check says nothing of this one."""
    concerned = [j for j in judged if _about(j) == name]
    if concerned:
        worst = max(concerned, key=lambda j: j.verdict.indication is Verdict.FAILED)
        ok = False if worst.verdict.indication is Verdict.FAILED else None
        told = worst.verdict.sub_indication
        return Check(name=name, ok=ok, detail=f"{worst.verdict.field}: {told}", sub_indication=told)
    if name == INTEGRITY or all(j.verdict.indication is Verdict.PASSED for j in judged):
        return Check(name=name, ok=True, detail=f"{len(judged)}")
    if name == CHAIN and all(j.verdict.chain for j in judged):
        return Check(name=name, ok=True, detail=f"{len(judged)}")
    return Check(name=name, ok=None, detail="not reached", decides=False)


def _about(judged: _Judged) -> str | None:
    """Which check the signature's sub-indication speaks of; what its timestamp lacks is about the timestamp."""
    told = judged.verdict.sub_indication
    if told is None:
        return None
    if judged.stamp_sub == told and told not in ABOUT[INTEGRITY] and not judged.verdict.chain:
        return TIMESTAMPS
    return next((name for name, subs in ABOUT.items() if told in subs), RULES)


def _timestamp_check(opened: _Opened, judged: Sequence[_Judged]) -> Check:
    """Every timestamp that is there counts; that there is none is told, and decides nothing (a B-B signature)."""
    concerned = [j for j in judged if _about(j) == TIMESTAMPS]
    if concerned:
        told = concerned[0].verdict.sub_indication
        return Check(name=TIMESTAMPS, ok=None, detail=f"{concerned[0].verdict.field}: {told}", sub_indication=told)
    documents = [s for s in opened.embedded if is_document_timestamp(s)]
    doubted = [j for j in judged if j.stamp_sub or (documents and not j.verdict.archived and _has_later(j, opened))]
    if doubted:
        told = doubted[0].stamp_sub or "NO_POE"
        return Check(
            name=TIMESTAMPS, ok=None, detail=f"{doubted[0].verdict.field}: {told}", sub_indication=told, decides=False
        )
    if any(j.verdict.best_time is None for j in judged):
        return Check(name=TIMESTAMPS, ok=None, detail="none", decides=False)
    return Check(name=TIMESTAMPS, ok=True, detail=f"{len(judged)} + {len(documents)}")


def _has_later(judged: _Judged, opened: _Opened) -> bool:
    own = next(s for s in opened.signatures if s.field_name == judged.verdict.field)
    return any(is_document_timestamp(s) and s.signed_revision > own.signed_revision for s in opened.embedded)


def _changes_check(judged: Sequence[_Judged]) -> Check:
    altered = next((j for j in judged if j.altered), None)
    if altered is None:
        return Check(name=CHANGED, ok=True)
    detail = f"{altered.verdict.field}: {altered.changed}"
    return Check(name=CHANGED, ok=False, detail=detail, sub_indication=FORMAT_FAILURE)


def is_sealed_check(opened: _Opened, changes: Changes) -> Check:
    sealed = is_sealed(opened.embedded, opened.size, changes)
    if sealed is None:
        return Check(name=SEALED, ok=None, detail="something else", sub_indication=GENERIC)
    return Check(name=SEALED, ok=sealed, sub_indication=None if sealed else FORMAT_FAILURE)


def _weakness(verdict: SignatureVerdict, signature: EmbeddedPdfSignature, policy: Policy, at: datetime) -> str:
    """What of its algorithms is weak now, though it may have been strong when it is proven to have been made."""
    digest, cipher, bits = _algorithms(signature)
    return weak_on(policy, digest, cipher, bits, at.date()) or ""


def _algorithms(signature: EmbeddedPdfSignature) -> tuple[str, str, int]:
    """Digest, kind of key and its bits."""
    key = signature.signer_cert.public_key
    cipher = str(key.algorithm)
    cipher = "rsa" if cipher.startswith("rsa") else cipher
    bits = int(key.bit_size) if cipher in ("rsa", "dsa", "ec") else 0
    return str(signature.md_algorithm), cipher, bits


def _told(signature: EmbeddedPdfSignature, holds: bool) -> DocumentTimestamp:
    try:
        at = signature.signed_data["encap_content_info"]["content"].parsed["gen_time"].native
    except (ValueError, TypeError, KeyError, AttributeError):
        at = None
    return DocumentTimestamp(
        field=str(signature.field_name),
        made_by=_common_name(signature.signer_cert),
        at=at,
        holds=holds,
        digest=str(signature.external_md_algorithm),
    )


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
    return any(held[len(_value_of(held)) :])


def _value_of(padded: bytes) -> bytes:
    """The encoded value at the start of the bytes."""
    _, _, _, header, content, trailer = parser.parse(padded)
    return bytes(padded[: len(header) + len(content) + len(trailer)])


def _timestamp_holds(signature: EmbeddedPdfSignature) -> bool:
    """Whether a document timestamp is sound by itself, over the bytes that stand here; true for a plain signature.

    Only its mathematics: whom to trust is the policy's business.
    """
    if not is_document_timestamp(signature):
        return True
    context = ValidationContext(trust_roots=[], allow_fetching=False)
    status = validate_pdf_timestamp(signature, context, skip_diff=True)
    return bool(status.intact and status.valid)


def _sub_indication_of(exc: Exception) -> str:
    told = getattr(exc, "ades_subindication", None)
    return str(told.standard_name) if told is not None else GENERIC


def _common_name(certificate: x509.Certificate | None) -> str:
    return str(certificate.subject.native.get("common_name", "")) if certificate is not None else ""
