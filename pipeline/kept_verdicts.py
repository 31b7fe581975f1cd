"""Verdicts that are kept beside what they are about, with all that they follow from, so that anybody can ask the same
question again: in ten years, from these files alone, and get the same answer (docs/archive-format.md)."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from pydantic import ValidationError

from archive.aip import open_file, read_back, versions_of
from archive.store import ObjectStore
from pipeline.validation_data import validation_data
from pipeline.verification import VerificationReport, tools, verify_at
from registry.errors import FixityMismatch
from registry.values import DocumentId, Sha256, Value, utc_now
from signing.policy import POLICY, Policy
from signing.trust import TrustStore

FOLDER = "validation"


class Used(Value):
    """What the file itself brought along: kind is certificates, crl or ocsp; sha256 of its DER."""

    kind: str
    sha256: Sha256


class KeptVerdict(Value):
    """`validation/<time>.json`. at: the time that the verdict speaks of. anchors: the trust anchors' DER, base64; all
    else that counts is in `document.pdf` (SHA-256 `pdf_sha256`): `used` names it. tools: what came to it."""

    schema_version: int = 1
    at: datetime
    pdf_sha256: Sha256
    policy: Policy
    trust_version: int | None
    anchors: tuple[str, ...]
    used: tuple[Used, ...]
    tools: dict[str, str]
    report: VerificationReport


class Repeated(Value):
    """A verdict asked again. same: every check that decides said the same, of the same bytes. differences: check, what
    it said then, what it says now."""

    name: str
    at: datetime
    same: bool
    verdict: str
    differences: tuple[tuple[str, str, str], ...] = ()


def judge_and_keep(pdf: Path, trust: TrustStore, name: str, at: datetime | None = None) -> bytes:
    """The verdict on a PDF as it is kept. Runs in a worker process."""
    now = at or utc_now()
    report = verify_at(pdf, trust, now, POLICY, name=name)
    kept = KeptVerdict(
        at=now,
        pdf_sha256=report.pdf_sha256 or "",
        policy=POLICY,
        trust_version=trust.version,
        anchors=tuple(base64.b64encode(anchor.dump()).decode() for anchor in trust.anchors),
        used=tuple(
            Used(kind=kind, sha256=hashlib.sha256(der).hexdigest())
            for kind, ders in sorted(validation_data(pdf).items())
            for der in ders
        ),
        tools=tools(),
        report=report,
    )
    return kept.model_dump_json(indent=1).encode()


def file_name(kept: bytes) -> str:
    """Where in a record the verdict lies."""
    at = KeptVerdict.model_validate_json(kept).at.astimezone(UTC)
    return f"{FOLDER}/{at:%Y%m%dT%H%M%SZ}.json"


def repeat(kept: KeptVerdict, pdf: Path, name: str) -> Repeated:
    """The same question again, of what was kept alone. Runs in a worker process."""
    trust = TrustStore.of([base64.b64decode(anchor) for anchor in kept.anchors])
    now = verify_at(pdf, trust, kept.at, kept.policy, name=kept.report.document_id)
    then = kept.report
    differences = [] if now.pdf_sha256 == kept.pdf_sha256 else [("document.pdf", kept.pdf_sha256, now.pdf_sha256 or "")]
    before, after = ({c.name: f"{c.ok} {c.sub_indication or ''}".strip() for c in r.checks if c.decides}
                     for r in (then, now))  # fmt: skip
    differences += [(n, before.get(n, "-"), after.get(n, "-")) for n in sorted(before.keys() | after.keys())
                    if before.get(n) != after.get(n)]  # fmt: skip
    return Repeated(
        name=name, at=kept.at, same=not differences, verdict=str(now.verdict), differences=tuple(differences)
    )


def repeat_all(store: ObjectStore, document_id: DocumentId) -> Sequence[Repeated]:
    """Every verdict that is kept in a record, asked again of the version of the file that it is about.

    Raises KeyNotFound, FixityMismatch (a byte of the record is another; or a kept verdict cannot be read, or is about a
    file that is not in the record). Runs in a worker process.
    """
    held = read_back(store, document_id)
    names = sorted(name for name in held.files if name.startswith(f"{FOLDER}/") and name.endswith(".json"))
    found = []
    by_digest = {digests["document.pdf"]: v for v, digests in versions_of(store, document_id).items()}
    with TemporaryDirectory(prefix="sohoa-repeat-") as folder:
        for name in names:
            try:
                with open_file(store, document_id, name) as stream:
                    kept = KeptVerdict.model_validate_json(stream.read())
            except ValidationError as exc:
                raise FixityMismatch(f"{name} does not follow its schema") from exc
            if kept.pdf_sha256 not in by_digest:
                raise FixityMismatch(f"{name} is about a file that is not in the record")
            pdf = Path(folder) / "document.pdf"
            with open_file(store, document_id, "document.pdf", by_digest[kept.pdf_sha256]) as stream:
                pdf.write_bytes(stream.read())
            found.append(repeat(kept, pdf, name))
    return tuple(found)
