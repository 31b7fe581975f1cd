"""One verdict on one record: its bytes, its signatures, its source and what the registry says, together.

Files from outside are parsed here: whoever calls this for other than a record of our own does so in a worker process.
"""

from __future__ import annotations

from collections.abc import MutableMapping, Sequence
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import TYPE_CHECKING, BinaryIO, cast

import pikepdf
from pydantic import Field, ValidationError

from archive.aip import EVENTS
from archive.fixity import RecordFixity, check_record, check_scan
from archive.scans import original_digests
from archive.store import ObjectStore
from pipeline.appearance import compare
from pipeline.pdfa_state import pdfa_state
from registry.errors import FixityMismatch, KeyNotFound
from registry.values import DocumentId, RecordMetadata, ScanId, Value, Verdict, sha256_file, utc_now
from signing.policy import POLICY, Policy
from signing.validate import (
    CHANGED,
    FORMAT_FAILURE,
    HASH_FAILURE,
    Check,
    DocumentTimestamp,
    SignatureReport,
    SignatureVerdict,
    TrustStore,
    decided,
    validate_pdf,
)

if TYPE_CHECKING:  # a worker process judges without the registry
    from registry.recorded import Recorded

IN_MEMORY = 32 << 20
"""A file of a record larger than this is looked into on disk."""
LONGEST_DETAIL = 500
MOST_SCANS = 4096
LOG = "audit log"
TOOLS = ("sohoa", "pyhanko", "pyhanko-certvalidator", "asn1crypto", "cryptography", "pikepdf", "pypdfium2")

Finding = Check
Scans = MutableMapping[ScanId, tuple[bool, str, tuple[str, ...]]]
"""What was found of scans of several documents: each is read once in a run, though a hundred records are of it."""


class VerificationReport(Value):
    """TOTAL-PASSED only when every check that decides held; INDETERMINATE when none failed but some could not be made.

    at: the time that it speaks of. trust_version: None for a store without a manifest. pdf_sha256: of the file that was
    validated. versions: of a record, each version with the SHA-256 of its inventory. ours: whether it is a record that
    was signed here; False for a loose file and for what came signed by others.
    """

    document_id: str
    verdict: Verdict
    sub_indication: str | None = None
    checks: tuple[Finding, ...]
    signatures: tuple[SignatureVerdict, ...] = ()
    timestamps: tuple[DocumentTimestamp, ...] = ()
    at: datetime
    policy: str = POLICY.version
    trust_version: int | None = None
    pdf_sha256: str | None = None
    versions: dict[str, str] = Field(default_factory=dict)
    ours: bool = False


def verify_record(
    store: ObjectStore, trust: TrustStore, document_id: DocumentId, scans: Scans | None = None
) -> VerificationReport:
    """The verdict on an archived record; reads every byte of it, once. Raises nothing for a damaged record: it says so.

    scans: what is known already of scans of several documents; what is found is added.
    """
    with _spool() as pdf, _spool() as metadata, _spool() as events:
        copies = {"document.pdf": pdf, "metadata.json": metadata, "events.json": events}
        fixity = check_record(store, document_id, copies)
        detail = "; ".join(fixity.findings)[:LONGEST_DETAIL]
        checks = [_held("fixity", fixity.ok, detail)]
        signature: SignatureReport | None = None
        ours = False
        try:
            told = RecordMetadata.model_validate_json(_read(metadata))
            ours = told.signature_level is not None
            EVENTS.validate_json(_read(events))
            if "document.pdf" not in fixity.digests:
                raise KeyNotFound(f"{document_id} has no document.pdf")
            signature, found = _looked_into(pdf, trust, utc_now(), POLICY)
            checks += found
            checks += _original_checks(store, told, fixity, {} if scans is None else scans)
        except (KeyNotFound, FixityMismatch, ValidationError, StopIteration) as exc:
            checks.append(_failed("record", type(exc).__name__, FORMAT_FAILURE))
    return _report(str(document_id), checks, signature, trust, fixity).model_copy(update={"ours": ours})


def verify_file(path: Path, trust: TrustStore, *, name: str = "") -> VerificationReport:
    """The verdict on a loose PDF: its signatures, what came after them, and what it says of itself as PDF/A."""
    return verify_at(path, trust, utc_now(), POLICY, name=name)


def verify_at(path: Path, trust: TrustStore, at: datetime, policy: Policy, *, name: str = "") -> VerificationReport:
    """The same as of a time and by a policy: of a verdict that is to be repeated."""
    with path.open("rb") as stream:
        signature, checks = _looked_into(stream, trust, at, policy)
    made = _report(name or path.name, checks, signature, trust, None)
    return made.model_copy(update={"at": at, "policy": policy.version, "pdf_sha256": sha256_file(path)})


def judged_again(report: VerificationReport, more: Sequence[Finding]) -> VerificationReport:
    """The report with further checks, and the verdict that follows from all."""
    checks = (*report.checks, *more)
    verdict, told = decided(checks)
    return report.model_copy(update={"checks": checks, "verdict": verdict, "sub_indication": told})


def log_check(report: VerificationReport, rows: Sequence[Recorded]) -> Finding:
    """Whether the archive holds what the audit log says was written there. Rows of the log that were changed prove
    nothing, for or against; a version that the log does not know is told. One whose writer was killed before he could
    say that it stands is known by what he said he would write."""
    written = [row for row in rows if not row.intended]
    if not report.versions or not written:
        return Finding(name=LOG, ok=None, detail="no entry", decides=False)
    if not all(row.holds for row in rows):
        told = ", ".join(str(row.seq) for row in rows if not row.holds)
        return Finding(name=LOG, ok=None, detail=f"changed row {told}", sub_indication="GENERIC")
    contradicted = [found for row in written if (found := _contradiction(report, row))]
    if contradicted:
        return _failed(LOG, contradicted[0], HASH_FAILURE)
    known = {row.version for row in written} | {
        row.version for row in rows if row.intended and row.inventory_sha256 == report.versions.get(row.version)
    }
    unknown = sorted(set(report.versions) - known, key=_number)
    if unknown:
        return Finding(name=LOG, ok=None, detail=f"{', '.join(unknown)}: no entry", sub_indication="GENERIC")
    return Finding(name=LOG, ok=True, detail=f"row {written[-1].seq}")


def _contradiction(report: VerificationReport, row: Recorded) -> str | None:
    """What of a row the archive does not hold; None when it holds all of it."""
    held = report.versions.get(row.version)
    if held is None:
        return f"row {row.seq}: {row.version} is missing"
    if row.inventory_sha256 is not None and row.inventory_sha256 != held:
        return f"row {row.seq}: {row.version} is another"
    newest = row.version == max(report.versions, key=_number)
    if newest and row.pdf_sha256 not in (None, report.pdf_sha256):
        return f"row {row.seq}: document.pdf is another"
    return None


def tools() -> dict[str, str]:
    """Name → version of the programs that a verdict depends on."""
    return {name: version(name) for name in TOOLS}


def _looked_into(
    pdf: BinaryIO, trust: TrustStore, at: datetime, policy: Policy
) -> tuple[SignatureReport, list[Finding]]:
    signature = validate_pdf(pdf, trust, at, policy)
    checks = list(signature.checks)
    if signature.additions and all(c.ok is not False for c in checks if c.name == CHANGED):
        checks.append(_appearance(pdf, signature))
    checks.append(_trust_check(trust))
    checks.append(_pdfa(pdf))
    return signature, checks


def _appearance(pdf: BinaryIO, signature: SignatureReport) -> Finding:
    """Only where a later signature drew something: in any other case the comparison of objects has said it all."""
    try:
        looks = compare(_read(pdf), signature.additions)
    except Exception as exc:
        return Finding(name="appearance", ok=None, detail=type(exc).__name__, sub_indication="GENERIC")
    if looks.pages:
        told = ", ".join(str(n + 1) for n in looks.pages)
        return _failed("appearance", f"page {told}", FORMAT_FAILURE)
    if looks.hidden:
        told = ", ".join(str(n + 1) for n in looks.hidden)
        return Finding(name="appearance", ok=None, detail=f"page {told}", sub_indication="SIG_CONSTRAINTS_FAILURE")
    return Finding(name="appearance", ok=True, detail=", ".join(sorted({a.field for a in signature.additions})))


def _trust_check(trust: TrustStore) -> Finding:
    """Told, and decides nothing: whether the anchors hold is for a person to say, and doctor reminds them."""
    if trust.problem is None:
        return Finding(name="trust store", ok=True, detail=f"version {trust.version or '-'}", decides=False)
    return Finding(name="trust store", ok=None, detail=trust.problem, decides=False)


def _pdfa(pdf: BinaryIO) -> Finding:
    """Decides nothing: a signature over a file that is no PDF/A holds all the same."""
    pdf.seek(0)
    try:
        state = pdfa_state(pdf)
    except (pikepdf.PdfError, ValueError, TypeError, AttributeError, KeyError, RuntimeError) as exc:
        return Finding(name="pdfa", ok=None, detail=type(exc).__name__, decides=False)
    if not state.claim:
        return Finding(name="pdfa", ok=None, detail="no claim", decides=False)
    return Finding(name="pdfa", ok=not state.broken, detail="; ".join((state.claim, *state.broken)), decides=False)


def _original_checks(store: ObjectStore, metadata: RecordMetadata, fixity: RecordFixity, scans: Scans) -> list[Finding]:
    """Whether the file in the package is the one received; of a part of a scan, whether it is its pages and the scan
    as received stands beside it."""
    source = metadata.source
    original = next(d for name, d in fixity.digests.items() if name.startswith("original/"))
    if source.scan is None:
        return [_held("original", original == source.sha256, "as received, SHA-256")]
    checks = [_held("original", original == source.scan.extract_sha256, "its pages, SHA-256")]
    ok, detail, received = _scan(store, source.scan.scan_id, scans)
    told = tuple(side.sha256 for side in source.passes) or (source.sha256,)
    # none: a page with a secrecy stamp keeps the whole file out of the archive, and scan.json says so
    return [*checks, _held("scan", ok and received in (told, ()), detail or "as received, SHA-256")]


def _scan(store: ObjectStore, scan_id: ScanId, scans: Scans) -> tuple[bool, str, tuple[str, ...]]:
    if scan_id not in scans:
        fixity = check_scan(store, scan_id)
        detail = "; ".join(fixity.findings)[:LONGEST_DETAIL]
        try:
            found = fixity.ok, detail, original_digests(store, scan_id)
        except (KeyNotFound, FixityMismatch):
            found = False, detail, ()
        if len(scans) >= MOST_SCANS:
            scans.clear()
        scans[scan_id] = found
    return scans[scan_id]


def _report(
    name: str,
    checks: Sequence[Finding],
    signature: SignatureReport | None,
    trust: TrustStore,
    fixity: RecordFixity | None,
) -> VerificationReport:
    verdict, told = decided(checks)
    return VerificationReport(
        document_id=name,
        verdict=verdict,
        sub_indication=told,
        checks=tuple(checks),
        signatures=signature.signatures if signature else (),
        timestamps=signature.timestamps if signature else (),
        at=utc_now(),
        trust_version=trust.version,
        pdf_sha256=fixity.digests.get("document.pdf") if fixity else None,
        versions=fixity.versions if fixity else {},
    )


def _number(version: str) -> int:
    return int(version[1:]) if version[1:].isdigit() else 0


def _held(name: str, ok: bool, detail: str) -> Finding:
    return Finding(name=name, ok=True, detail=detail) if ok else _failed(name, detail, HASH_FAILURE)


def _failed(name: str, detail: str, told: str) -> Finding:
    return Finding(name=name, ok=False, detail=detail, sub_indication=told)


def _spool() -> BinaryIO:
    return cast(BinaryIO, SpooledTemporaryFile(max_size=IN_MEMORY))


def _read(stream: BinaryIO) -> bytes:
    stream.seek(0)
    return stream.read()
