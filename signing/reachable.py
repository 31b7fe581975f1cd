"""Which level a certificate's signatures reach, and what stands in the way of a higher one; nothing is signed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta

from asn1crypto import x509
from pyhanko.sign.timestamps import TimeStamper
from pyhanko.sign.timestamps.common_utils import TimestampRequestError

from registry.errors import SigningFailed
from registry.values import VIETNAM, Value, utc_now
from signing.keys.seam import require_fit
from signing.policy import POLICY, ends_on
from signing.proofs import Evidence, Proof, Unproven, prove
from signing.seal import example_token
from signing.sign import LEVELS
from signing.tsa import signer_of, waited_in_vain

SOON = timedelta(days=30)
RENEWED = timedelta(days=90)
"""An office needs so long to change to keys of another algorithm."""
SIGNATURES = {"rsa": "rsassa_pkcs1v15", "ec": "ecdsa"}


class Finding(Value):
    """What was looked at: usage, validity, algorithm, issuer-algorithm, proof, tsa, tsa-proof.

    why: empty when it is as it should be; else a word for what is wrong, as in signing.proofs.Unproven and
    signing.sign.SignedPdf. until: the last day, where there is one. detail: technical.
    """

    name: str
    why: str = ""
    detail: str = ""
    until: date | None = None


class Reachable(Value):
    """level: None when the certificate cannot sign at all."""

    level: str | None
    findings: tuple[Finding, ...]


def reachable(
    certificate: x509.Certificate, chain: Sequence[x509.Certificate], evidence: Evidence, at: datetime | None = None
) -> Reachable:
    """What a signature made now would reach. Call it from a thread without a running event loop."""
    now = at or utc_now()
    findings = (*_own(certificate, now), _proof(certificate, chain, evidence, at), *_stamping(evidence, at))
    wrong = {finding.name: finding.why for finding in findings if finding.why}
    if "usage" in wrong or wrong.get("proof") == "revoked":
        return Reachable(level=None, findings=findings)
    rank = 0 if "tsa" in wrong else 1 if wrong.keys() & {"proof", "tsa-proof"} else 3
    return Reachable(level=LEVELS[rank], findings=findings)


def _own(certificate: x509.Certificate, now: datetime) -> Iterator[Finding]:
    """What the certificate says of itself."""
    last = certificate.not_valid_after.astimezone(VIETNAM).date()
    try:
        require_fit(certificate, now)
        yield Finding(name="usage")
    except SigningFailed as exc:
        yield Finding(name="usage", why=_unfit(certificate, now), detail=str(exc))
    soon = certificate.not_valid_after - now < SOON
    yield Finding(name="validity", why="ends-soon" if soon else "", until=last)
    key = certificate.public_key
    kind = SIGNATURES.get(key.algorithm, key.algorithm)
    end = ends_on("sha256", kind, key)
    yield Finding(
        name="algorithm", why=_ended(end, now), detail=f"{key.algorithm.upper()} {key.bit_size}, SHA-256", until=end
    )
    told = certificate["signature_algorithm"]
    line = POLICY.digest(told.hash_algo)
    end = line.until if line else date.min
    yield Finding(name="issuer-algorithm", why=_ended(end, now), detail=str(told["algorithm"].native), until=end)


def _unfit(certificate: x509.Certificate, now: datetime) -> str:
    if now < certificate.not_valid_before:
        return "not-yet-valid"
    return "expired" if now > certificate.not_valid_after else "wrong-usage"


def _ended(end: date | None, now: datetime) -> str:
    if end is None or end - now.astimezone(VIETNAM).date() > RENEWED:
        return ""
    return "weak-algorithm"


def _proof(
    certificate: x509.Certificate, chain: Sequence[x509.Certificate], evidence: Evidence, at: datetime | None
) -> Finding:
    try:
        proof = prove(certificate, evidence, known=chain, at=at)
    except Unproven as exc:
        return Finding(name="proof", why=exc.why)
    return Finding(name="proof", detail=_sources(proof))


def _sources(proof: Proof) -> str:
    told = [f"{len(proof.path)} + root", f"OCSP {len(proof.ocsps)}" if proof.ocsps else "", f"CRL {len(proof.crls)}"]
    return ", ".join(t for t in told if t and not t.endswith(" 0"))


def _stamping(evidence: Evidence, at: datetime | None) -> Iterator[Finding]:
    """Whether somebody stamps time, and can be believed."""
    stamper: TimeStamper | None = evidence.timestamper
    if stamper is None:
        yield Finding(name="tsa", why="no-tsa")
        return
    try:
        token = example_token(stamper)
    except TimestampRequestError as exc:
        wrong = type(exc) is not TimestampRequestError
        yield Finding(name="tsa", why="silent" if waited_in_vain(exc) else "wrong-answer" if wrong else "down")
        return
    own = signer_of(token)
    yield Finding(name="tsa", until=own.not_valid_after.astimezone(VIETNAM).date())
    try:
        proof = prove(own, evidence, known=tuple(stamper.cert_registry), at=at, stamping=True)
        yield Finding(name="tsa-proof", detail=_sources(proof))
    except Unproven as exc:
        yield Finding(name="tsa-proof", why=exc.why)
