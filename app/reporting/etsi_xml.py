"""The machine-readable report: ETSI TS 119 102-2 V1.4.1, one SignatureValidationReport for each signature.

Written as a stream: an archive of a million records has no other way. Each check is a validation constraint with a URN
of ours; what concerns the record and not the signature (fixity, original, audit log) is told there too.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TextIO
from xml.sax.saxutils import escape, quoteattr

from pipeline.verification import VerificationReport
from registry.values import Verdict
from signing.policy import POLICY
from signing.validate import Check, SignatureVerdict

NAMESPACES = (
    'xmlns:vr="http://uri.etsi.org/19102/v1.4.1#" xmlns:ds="http://www.w3.org/2000/09/xmldsig#" '
    'xmlns:XAdES="http://uri.etsi.org/01903/v1.3.2#"'
)
SHA256 = "http://www.w3.org/2001/04/xmlenc#sha256"
MAIN = {
    Verdict.PASSED: "urn:etsi:019102:mainindication:total-passed",
    Verdict.INDETERMINATE: "urn:etsi:019102:mainindication:indeterminate",
    Verdict.FAILED: "urn:etsi:019102:mainindication:total-failed",
}
OF_A_CHECK = {True: "passed", None: "indeterminate", False: "failed"}


def write_xml(out: TextIO, reports: Iterable[VerificationReport]) -> None:
    """The whole report stands in `out`. Of a file without signatures one report says so."""
    certificates: set[str] = set()
    out.write(f'<?xml version="1.0" encoding="UTF-8"?>\n<vr:ValidationReport {NAMESPACES}>\n')
    for report in reports:
        for signature in report.signatures or (None,):
            _write_signature(out, report, signature)
            if signature is not None and signature.certificate_sha256:
                certificates.add(signature.certificate_sha256)
    if certificates:
        out.write("<vr:SignatureValidationObjects>\n")
        for sha256 in sorted(certificates):
            out.write(
                f"<vr:ValidationObject id={quoteattr(_certificate(sha256))}>"
                "<vr:ObjectType>urn:etsi:019102:validationObject:certificate</vr:ObjectType>"
                f"<vr:ValidationObjectRepresentation>{_digest('vr:DigestAlgAndValue', sha256)}"
                "</vr:ValidationObjectRepresentation></vr:ValidationObject>\n"
            )
        out.write("</vr:SignatureValidationObjects>\n")
    out.write("</vr:ValidationReport>\n")


def _write_signature(out: TextIO, report: VerificationReport, signature: SignatureVerdict | None) -> None:
    indication = signature.indication if signature else report.verdict
    told = signature.sub_indication if signature else report.sub_indication
    if signature is not None and indication is Verdict.PASSED:  # no signature passes in a record that does not
        indication, told = report.verdict, report.sub_indication
    place = f"{report.document_id}#{signature.field}" if signature else report.document_id
    out.write(
        "<vr:SignatureValidationReport>\n"
        "<vr:SignatureIdentifier><vr:HashOnly>false</vr:HashOnly><vr:DocHashOnly>false</vr:DocHashOnly>"
        f"<vr:DAIdentifier>{escape(place)}</vr:DAIdentifier></vr:SignatureIdentifier>\n"
        "<vr:ValidationConstraintsEvaluationReport>"
        f"{_policy()}{''.join(map(_constraint, report.checks))}</vr:ValidationConstraintsEvaluationReport>\n"
        f"<vr:ValidationTimeInfo><vr:ValidationTime>{_time(report.at)}</vr:ValidationTime>"
        f"<vr:BestSignatureTime><vr:POETime>{_time((signature and signature.best_time) or report.at)}</vr:POETime>"
        "<vr:TypeOfProof>urn:etsi:019102:poetype:validation</vr:TypeOfProof></vr:BestSignatureTime>"
        "</vr:ValidationTimeInfo>\n"
    )
    if report.pdf_sha256:
        out.write(f"<vr:SignersDocument>{_digest('vr:DigestAlgAndValue', report.pdf_sha256)}</vr:SignersDocument>\n")
    if signature is not None:
        out.write(f"{_attributes(report, signature)}{_signer(signature)}")
    process = "LTA" if signature is None or signature.archived else "LTVM" if signature.stamped else "Basic"
    out.write(
        "<vr:SignatureValidationProcess><vr:SignatureValidationProcessID>"
        f"urn:etsi:019102:validationprocess:{process}</vr:SignatureValidationProcessID></vr:SignatureValidationProcess>\n"
        f"<vr:SignatureValidationStatus>{_status(MAIN[indication], told)}</vr:SignatureValidationStatus>\n"
        "</vr:SignatureValidationReport>\n"
    )


def _policy() -> str:
    body = POLICY.model_dump_json().encode()
    return (
        "<vr:SignatureValidationPolicy><vr:SignaturePolicyIdentifier><XAdES:SignaturePolicyId><XAdES:SigPolicyId>"
        f"<XAdES:Identifier>urn:sohoa:validation-policy:{escape(POLICY.version)}</XAdES:Identifier></XAdES:SigPolicyId>"
        f"<XAdES:SigPolicyHash>{_digest_parts(hashlib.sha256(body).hexdigest())}</XAdES:SigPolicyHash>"
        "</XAdES:SignaturePolicyId></vr:SignaturePolicyIdentifier>"
        f"<vr:PolicyName>sohoa {escape(POLICY.version)}</vr:PolicyName></vr:SignatureValidationPolicy>"
    )


def _constraint(check: Check) -> str:
    applied = "applied" if check.ok is not None or check.decides else "disabled"
    told = _status(f"urn:etsi:019102:mainindication:{OF_A_CHECK[check.ok]}", check.sub_indication)
    return (
        "<vr:ValidationConstraint><vr:ValidationConstraintIdentifier>"
        f"urn:sohoa:check:{escape(check.name.replace(' ', '-'))}</vr:ValidationConstraintIdentifier>"
        f"<vr:ConstraintStatus><vr:Status>urn:etsi:019102:constraintStatus:{applied}</vr:Status></vr:ConstraintStatus>"
        f"<vr:ValidationStatus>{told}</vr:ValidationStatus></vr:ValidationConstraint>"
    )


def _attributes(report: VerificationReport, signature: SignatureVerdict) -> str:
    parts = []
    if signature.claimed_at is not None:
        parts.append(f'<vr:SigningTime Signed="true"><vr:Time>{_time(signature.claimed_at)}</vr:Time></vr:SigningTime>')
    if signature.stamped and signature.best_time is not None:
        parts.append(_stamp("SignatureTimeStamp", signature.best_time))
    parts += [_stamp("DocTimeStamp", stamp.at) for stamp in report.timestamps if stamp.at is not None]
    return f"<vr:SignatureAttributes>{''.join(parts)}</vr:SignatureAttributes>\n" if parts else ""


def _stamp(name: str, at: datetime) -> str:
    return f'<vr:{name} Signed="false"><vr:TimeStampValue>{_time(at)}</vr:TimeStampValue></vr:{name}>'


def _signer(signature: SignatureVerdict) -> str:
    if not signature.certificate_sha256:
        return ""
    return (
        "<vr:SignerInformation>"
        f"<vr:SignerCertificate VOReference={quoteattr(_certificate(signature.certificate_sha256))}/>"
        f"<vr:Signer>{escape(signature.signed_by)}</vr:Signer></vr:SignerInformation>\n"
    )


def _status(main: str, sub: str | None) -> str:
    told = f"<vr:SubIndication>urn:etsi:019102:subindication:{escape(sub)}</vr:SubIndication>" if sub else ""
    return f"<vr:MainIndication>{main}</vr:MainIndication>{told}"


def _digest(element: str, sha256: str) -> str:
    return f"<{element}>{_digest_parts(sha256)}</{element}>"


def _digest_parts(sha256: str) -> str:
    value = base64.b64encode(bytes.fromhex(sha256)).decode()
    return f'<ds:DigestMethod Algorithm="{SHA256}"/><ds:DigestValue>{value}</ds:DigestValue>'


def _certificate(sha256: str) -> str:
    return f"certificate-{sha256}"


def _time(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
