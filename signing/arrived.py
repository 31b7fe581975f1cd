"""The verdict on the signatures that a document came with, whoever made them and however they are encoded.

Nothing is fetched and nothing is changed: the verdict follows from the file and the trust anchors. Runs in a worker
process: the bytes are anybody's.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from asn1crypto import x509
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.fields import enumerate_sig_fields
from pyhanko.sign.validation.pdf_embedded import EmbeddedPdfSignature

from registry.values import Arrived, ArrivedSignature, Verdict, sha256_file, utc_now
from signing.old_signatures import OLD
from signing.validate import SignatureReport, SignatureVerdict, TrustStore, validate_pdf

PADES = "/ETSI.CAdES.detached"
TIMESTAMP = "/DocTimeStamp"
MOST_NAMED = 50
"""A file with more signatures is judged whole; so many of them are named one by one."""


@dataclass(frozen=True, slots=True)
class _Fact:
    """What a signature says of itself."""

    field: str
    sub_filter: str
    signed_by: str
    claimed_at: datetime | None
    level: str | None


def judge_arrived(path: Path, trust: TrustStore, at: datetime | None = None) -> Arrived:
    """What holds of the signatures in a file as of `at` (now). Never raises for a bad file: that is a verdict too."""
    logging.getLogger("pyhanko").setLevel(logging.CRITICAL)  # its messages quote the file
    now = at or utc_now()
    report = validate_pdf(path, trust, now)
    judged = {told.field: told for told in report.signatures}
    named = tuple(_signature(judged.get(fact.field), fact, report) for fact in _facts(path))
    return Arrived(
        verdict=report.verdict,
        sub_indication=report.sub_indication,
        judged_at=now,
        sha256=sha256_file(path),
        signatures=named[:MOST_NAMED],
    )


def not_judged(path: Path) -> Arrived:
    """The verdict on a file that could not be looked at: that speaks neither for nor against it."""
    return Arrived(
        verdict=Verdict.INDETERMINATE, sub_indication="GENERIC", judged_at=utc_now(), sha256=sha256_file(path)
    )


def _signature(judged: SignatureVerdict | None, fact: _Fact, report: SignatureReport) -> ArrivedSignature:
    """Of one that was not judged by itself, since the file as a whole does not hold, the file's verdict."""
    return ArrivedSignature(
        field=fact.field[:200],
        signed_by=(judged.signed_by if judged and judged.signed_by else fact.signed_by)[:200],
        indication=judged.indication if judged else report.verdict,
        sub_indication=judged.sub_indication if judged else report.sub_indication,
        best_time=judged.best_time if judged else None,
        claimed_at=fact.claimed_at,
        level=fact.level,
        sub_filter=fact.sub_filter.removeprefix("/")[:60],
    )


def _facts(path: Path) -> list[_Fact]:
    """Every filled signature field, document timestamps aside; of a file that cannot be read as far as it goes."""
    found: list[_Fact] = []
    try:
        with path.open("rb") as stream:
            reader = PdfFileReader(stream, strict=False)
            if reader.encrypted:
                reader.decrypt(b"")
            stamps = [s for s in reader.embedded_signatures if s.sig_object_type == TIMESTAMP]
            for name, value, field in enumerate_sig_fields(reader, filled_status=True):
                signature = value.get_object()
                if signature.get("/Type") != TIMESTAMP:
                    found.append(_fact(reader, name, field, stamps))
    except Exception:  # noqa: S110 parsers of hostile bytes raise nearly anything, and the verdict is told elsewhere
        pass
    return found


def _fact(reader: PdfFileReader, name: str, field: Any, stamps: Sequence[EmbeddedPdfSignature]) -> _Fact:
    dictionary = field.get_object()["/V"]
    encoded = str(dictionary["/SubFilter"]) if "/SubFilter" in dictionary else ""
    if encoded in OLD:
        return _Fact(name, encoded, "", None, None)
    signature = EmbeddedPdfSignature(reader, field, name)
    level = _level(reader, signature, stamps) if encoded == PADES else None
    return _Fact(name, encoded, _common_name(signature.signer_cert), _aware(signature.self_reported_timestamp), level)


def _level(reader: PdfFileReader, signature: EmbeddedPdfSignature, stamps: Sequence[EmbeddedPdfSignature]) -> str:
    """The baseline level (ETSI EN 319 142-1, 6) by what is in the file; whether that holds is another matter."""
    later = [s for s in stamps if s.signed_revision > signature.signed_revision]
    if not later and not _has_timestamp(signature):
        return "B-B"
    if not _has_revocation_data(reader.root):
        return "B-T"
    covered = any(_has_revocation_data(reader.get_historical_root(s.signed_revision)) for s in later)
    return "B-LTA" if covered else "B-LT"


def _has_timestamp(signature: EmbeddedPdfSignature) -> bool:
    attributes = signature.signer_info["unsigned_attrs"].native
    return any(attribute["type"] == "signature_time_stamp_token" for attribute in attributes or ())


def _has_revocation_data(root: Any) -> bool:
    if "/DSS" not in root:
        return False
    store = root["/DSS"]  # get() would not follow a reference
    return any(len(store[key]) > 0 for key in ("/CRLs", "/OCSPs") if key in store)


def _common_name(certificate: x509.Certificate | None) -> str:
    found = certificate.subject.native.get("common_name", "") if certificate is not None else ""
    return "".join(c for c in str(found[0] if isinstance(found, list) else found) if c.isprintable())


def _aware(instant: datetime | None) -> datetime | None:
    """A date without a zone (ISO 32000-1, 7.9.4) is taken for UTC: it proves nothing anyway."""
    if instant is None:
        return None
    return (instant if instant.tzinfo else instant.replace(tzinfo=UTC)).astimezone(UTC)
