"""One verdict on one record: its bytes, its signature, its source and what the registry says, together."""

from __future__ import annotations

import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

from archive.aip import AipRecord, open_file, read_record
from archive.fixity import check_record, check_scan
from archive.scans import original_digest
from archive.store import ObjectStore
from registry.errors import FixityMismatch, KeyNotFound
from registry.values import DocumentId, Value, Verdict
from signing.validate import SignatureReport, TrustStore, validate_pdf


class Finding(Value):
    """One check. ok is None where it could not be made: that is never "invalid" and never "fine"."""

    name: str
    ok: bool | None
    detail: str = ""


class VerificationReport(Value):
    """TOTAL-PASSED only when every check held; INDETERMINATE when none failed but some could not be made."""

    document_id: str
    verdict: Verdict
    sub_indication: str | None = None
    checks: tuple[Finding, ...]


def verify_record(store: ObjectStore, trust: TrustStore, document_id: DocumentId) -> VerificationReport:
    """The verdict on an archived record; reads every byte of it. Raises nothing for a damaged record: it says so."""
    fixity = check_record(store, document_id)
    checks = [Finding(name="fixity", ok=fixity.ok, detail="; ".join(fixity.findings)[:500])]
    sub_indication = None if fixity.ok else "HASH_FAILURE"
    try:
        record = read_record(store, document_id)
        with TemporaryDirectory(prefix="sohoa-verify-") as folder:
            pdf = Path(folder) / "document.pdf"
            with open_file(store, document_id, "document.pdf") as stream, pdf.open("wb") as copy:
                shutil.copyfileobj(stream, copy, 1 << 20)
            signature = validate_pdf(pdf, trust)
        checks += _signature_checks(signature)
        sub_indication = sub_indication or signature.sub_indication
        checks += _original_checks(store, record)
    except (KeyNotFound, FixityMismatch, ValueError, StopIteration) as exc:
        checks.append(Finding(name="record", ok=False, detail=type(exc).__name__))
        sub_indication = sub_indication or "FORMAT_FAILURE"
    return VerificationReport(
        document_id=document_id, verdict=_verdict(checks), sub_indication=sub_indication, checks=tuple(checks)
    )


def _original_checks(store: ObjectStore, record: AipRecord) -> list[Finding]:
    """Whether the file in the package is the one received; of a part of a scan, whether it is its pages and the scan
    as received stands beside it."""
    source = record.metadata.source
    original = next(d for name, d in record.digests.items() if name.startswith("original/"))
    if source.scan is None:
        return [Finding(name="original", ok=original == source.sha256, detail="as received, SHA-256")]
    checks = [Finding(name="original", ok=original == source.scan.extract_sha256, detail="its pages, SHA-256")]
    fixity = check_scan(store, source.scan.scan_id)
    detail = "; ".join(fixity.findings)[:500]
    try:
        received = original_digest(store, source.scan.scan_id)
        # None: a page with a secrecy stamp keeps the whole file out of the archive, and scan.json says so
        holds = fixity.ok and received in (source.sha256, None)
    except (KeyNotFound, FixityMismatch):
        holds = False
    return [*checks, Finding(name="scan", ok=holds, detail=detail or "as received, SHA-256")]


def verify_file(path: Path, trust: TrustStore) -> VerificationReport:
    """The verdict on a loose PDF: its signatures only."""
    report = validate_pdf(path, trust)
    checks = _signature_checks(report)
    return VerificationReport(
        document_id=path.name, verdict=report.verdict, sub_indication=report.sub_indication, checks=tuple(checks)
    )


def _signature_checks(report: SignatureReport) -> list[Finding]:
    return [Finding(name=c.name, ok=c.ok, detail=c.detail) for c in report.checks]


def _verdict(checks: list[Finding]) -> Verdict:
    if any(c.ok is False for c in checks):
        return Verdict.FAILED
    return Verdict.INDETERMINATE if any(c.ok is None for c in checks) else Verdict.PASSED
