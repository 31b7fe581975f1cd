"""What a validation says: its checks, each signature and timestamp, and the verdict that follows from the checks."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from registry.values import Value, Verdict
from signing.revisions import Addition

FORMAT_FAILURE, HASH_FAILURE, GENERIC = "FORMAT_FAILURE", "HASH_FAILURE", "GENERIC"


class Check(Value):
    """One check. ok is None where it could not be made. decides: whether the verdict follows from it; what does not
    decide is told all the same."""

    name: str
    ok: bool | None
    detail: str = ""
    sub_indication: str | None = None
    decides: bool = True


class SignatureVerdict(Value):
    """One signature. best_time: the earliest time it is proven to have existed; None without a timestamp.

    stamped: its own timestamp is trusted; archived: the newest document timestamp over it is.
    claimed_at: what the signer says. level: as far as its parts are there (ETSI EN 319 142-1). chain: common names from
    the signer to the anchor; empty where none was found. certificate_sha256: of the signer's certificate.
    """

    field: str
    signed_by: str
    indication: Verdict
    sub_indication: str | None = None
    best_time: datetime | None = None
    modified_after: bool = False
    stamped: bool = False
    archived: bool = False
    claimed_at: datetime | None = None
    level: str = ""
    digest: str = ""
    key: str = ""
    chain: tuple[str, ...] = ()
    certificate_sha256: str = ""
    certificate_until: datetime | None = None


class DocumentTimestamp(Value):
    """One document timestamp: by whom, when, and whether it holds by itself."""

    field: str
    made_by: str
    at: datetime | None
    holds: bool
    digest: str = ""


class SignatureReport(Value):
    """The verdict on a file, from its checks. additions: pictures that later signatures put on pages, to be compared
    with the page as it was signed. signed_length: bytes of the file as of the first signature."""

    verdict: Verdict
    sub_indication: str | None = None
    checks: tuple[Check, ...] = ()
    signatures: tuple[SignatureVerdict, ...] = ()
    timestamps: tuple[DocumentTimestamp, ...] = ()
    additions: tuple[Addition, ...] = ()
    signed_length: int | None = None


def decided(checks: Sequence[Check]) -> tuple[Verdict, str | None]:
    """The verdict that follows from the checks, and the sub-indication of the first that did not hold."""
    failed = [c for c in checks if c.decides and c.ok is False]
    unsure = [c for c in checks if c.decides and c.ok is None]
    if failed:
        return Verdict.FAILED, failed[0].sub_indication or FORMAT_FAILURE
    if unsure:
        return Verdict.INDETERMINATE, unsure[0].sub_indication or GENERIC
    return Verdict.PASSED, None
