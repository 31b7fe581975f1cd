"""That a certificate led to a trusted root and was not revoked: the data that proves it, fetched once and kept a while.

What was fetched is believed only after the path was validated with it (RFC 5280 §6), at the instant it is to hold for.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from asn1crypto import crl, ocsp, x509
from pyhanko.sign.timestamps import TimeStamper
from pyhanko_certvalidator import ValidationContext
from pyhanko_certvalidator.authority import AuthorityWithCert, CertTrustAnchor
from pyhanko_certvalidator.errors import (
    DisallowedAlgorithmError,
    ExpiredError,
    InsufficientRevinfoError,
    NotYetValidError,
    PathValidationError,
    RevokedError,
)
from pyhanko_certvalidator.fetchers import Fetchers
from pyhanko_certvalidator.fetchers.requests_fetchers import RequestsFetcherBackend
from pyhanko_certvalidator.path import ValidationPath
from pyhanko_certvalidator.validate import async_validate_path

from registry.values import utc_now

LONGEST_PATH = 8
KEPT = timedelta(minutes=10)
"""Revocation data should be about as fresh as the signature it goes with; a batch fetches it once."""
MARGIN = timedelta(minutes=3)
"""Proofs that end sooner are not used again: the timestamp over them comes a little later, and a validator allows for
clocks that differ."""
FETCH_S = 10.0
NEVER = datetime.max.replace(tzinfo=UTC)
SKEW = timedelta(seconds=5)
"""A server's clock may be a little ahead of ours."""


class Unproven(Exception):
    """A certificate's standing could not be proven. why: chain-missing, revocation-unknown, revoked, expired,
    not-yet-valid, weak-algorithm, wrong-usage or path-invalid."""

    def __init__(self, why: str, revoked_at: datetime | None = None) -> None:
        super().__init__(why)
        self.why, self.revoked_at = why, revoked_at


@dataclass(frozen=True, slots=True)
class Proof:
    """A certificate's path, without the root, and what says that nothing in it was revoked."""

    path: tuple[x509.Certificate, ...]
    root: x509.Certificate
    ocsps: tuple[ocsp.OCSPResponse, ...]
    crls: tuple[crl.CertificateList, ...]
    since: datetime
    until: datetime
    """When the first of what says so is no longer fresh."""

    @property
    def ends_at(self) -> datetime:
        """When the first certificate of the path ends."""
        ends: datetime = min(c.not_valid_after for c in self.path) if self.path else self.root.not_valid_after
        return ends


class KeptProofs:
    """Proofs found lately. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: dict[bytes, Proof] = {}

    def get(self, certificate: x509.Certificate, at: datetime) -> Proof | None:
        with self._lock:
            proof = self._held.get(certificate.sha256)
        if proof is None or not -SKEW <= at - proof.since <= KEPT or at > min(proof.ends_at, proof.until - MARGIN):
            return None
        return proof

    def keep(self, certificate: x509.Certificate, proof: Proof) -> None:
        with self._lock:
            self._held = {k: p for k, p in self._held.items() if proof.since - p.since <= KEPT}
            self._held[certificate.sha256] = proof


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What levels above B-B need: who stamps time, and what proves that nothing was revoked."""

    timestamper: TimeStamper | None = None
    roots: Sequence[x509.Certificate] = ()
    others: Sequence[x509.Certificate] = ()
    revocation_lists: Sequence[crl.CertificateList] = ()
    fetch: bool = False
    """Whether CRLs, OCSP responses and issuers may be fetched from where the certificates say."""
    fetch_s: float = FETCH_S
    kept: KeptProofs = field(default_factory=KeptProofs)


def prove(
    certificate: x509.Certificate,
    evidence: Evidence,
    *,
    known: Iterable[x509.Certificate] = (),
    at: datetime | None = None,
    held_at: datetime | None = None,
    stamping: bool = False,
) -> Proof:
    """The proof that the certificate was good: now (`at`), or at the earlier instant `held_at` by today's data.

    known: certificates that may stand between. stamping: it must be for time stamping alone. Raises Unproven. Call it
    from a thread without a running event loop.
    """
    if stamping and (certificate.extended_key_usage_value is None or not _is_for_stamping(certificate)):
        raise Unproven("wrong-usage")
    now = at or utc_now()
    if held_at is None and (kept := evidence.kept.get(certificate, now)) is not None:
        return kept
    proof = asyncio.run(_proven(certificate, evidence, tuple(known), at, held_at))
    if held_at is None:
        evidence.kept.keep(certificate, proof)
    return proof


def _is_for_stamping(certificate: x509.Certificate) -> bool:
    return "time_stamping" in certificate.extended_key_usage_value.native


async def _proven(
    certificate: x509.Certificate,
    evidence: Evidence,
    known: tuple[x509.Certificate, ...],
    at: datetime | None,
    held_at: datetime | None,
) -> Proof:
    fetchers = RequestsFetcherBackend(per_request_timeout=evidence.fetch_s).get_fetchers() if evidence.fetch else None
    path, root = await _path(certificate, evidence, known, fetchers)
    ocsps: list[ocsp.OCSPResponse] = []
    crls: list[crl.CertificateList] = []
    for child, issuer in zip(path, (*path[1:], root), strict=True):
        if child.ocsp_no_check_value is None:
            await _add_revocation(child, issuer, evidence, fetchers, ocsps, crls)
    now = at or utc_now()  # after the fetching: an answer must not be from the future
    found = ValidationPath(CertTrustAnchor(root), list(reversed(path[1:])), path[0])

    def context(moment: datetime) -> ValidationContext:
        return ValidationContext(
            trust_roots=[root],
            other_certs=[*path, *known],
            ocsps=ocsps,
            crls=crls,
            allow_fetching=False,
            revocation_mode="hard-fail",
            moment=moment,
            time_tolerance=SKEW,
            retroactive_revinfo=moment != now,
        )

    try:
        await _require_valid(found, context(now))
    except Unproven as exc:
        # what ended or was revoked since then was good then
        if held_at is None or exc.why not in ("expired", "revoked") or (exc.revoked_at or now) <= held_at:
            raise
        if exc.why == "expired":
            await _require_valid(found, context(held_at))
    until = min((*_ends_of(ocsps), *(c["tbs_cert_list"]["next_update"].native or now for c in crls)), default=NEVER)
    return Proof(path=path, root=root, ocsps=tuple(ocsps), crls=tuple(crls), since=now, until=until)


def _ends_of(ocsps: Iterable[ocsp.OCSPResponse]) -> Iterator[datetime]:
    """Until when the answers count; RFC 6960 §4.2.2.1: one that does not say may be replaced at any time."""
    for answer in ocsps:
        for told in answer.response_data["responses"]:
            yield told["next_update"].native or told["this_update"].native


async def _require_valid(path: ValidationPath, context: ValidationContext) -> None:
    try:
        await async_validate_path(context, path)
    except RevokedError as exc:
        raise Unproven("revoked", exc.revocation_dt) from exc
    except ExpiredError as exc:
        raise Unproven("expired") from exc
    except NotYetValidError as exc:
        raise Unproven("not-yet-valid") from exc
    except InsufficientRevinfoError as exc:
        raise Unproven("revocation-unknown") from exc
    except DisallowedAlgorithmError as exc:
        raise Unproven("weak-algorithm") from exc
    except PathValidationError as exc:
        raise Unproven("path-invalid") from exc


async def _path(
    certificate: x509.Certificate,
    evidence: Evidence,
    known: tuple[x509.Certificate, ...],
    fetchers: Fetchers | None,
) -> tuple[tuple[x509.Certificate, ...], x509.Certificate]:
    """From the certificate up to below the root, and the root. Signatures are not looked at yet."""
    path = [certificate]
    while len(path) <= LONGEST_PATH:
        child = path[-1]
        if (root := _issuer_among(child, evidence.roots)) is not None:
            return tuple(path), root
        issuer = _issuer_among(child, (*known, *evidence.others))
        if issuer is None and fetchers is not None:
            issuer = _issuer_among(child, await _fetched_issuers(child, fetchers))
        if issuer is None:
            break
        path.append(issuer)
    raise Unproven("chain-missing")


def _issuer_among(child: x509.Certificate, candidates: Iterable[x509.Certificate]) -> x509.Certificate | None:
    wanted = child.authority_key_identifier
    for candidate in candidates:
        if candidate.subject == child.issuer and (wanted is None or candidate.key_identifier in (None, wanted)):
            return candidate
    return None


async def _fetched_issuers(child: x509.Certificate, fetchers: Fetchers) -> list[x509.Certificate]:
    try:
        return [found async for found in fetchers.cert_fetcher.fetch_cert_issuers(child)]
    except Exception:
        return []  # a server that is away, or bytes that are no certificate: the chain is missing


async def _add_revocation(
    child: x509.Certificate,
    issuer: x509.Certificate,
    evidence: Evidence,
    fetchers: Fetchers | None,
    ocsps: list[ocsp.OCSPResponse],
    crls: list[crl.CertificateList],
) -> None:
    """One answer about the certificate is among them. Raises Unproven when there is none."""
    if given := [found for found in (*evidence.revocation_lists, *crls) if found.issuer == issuer.subject]:
        crls += [found for found in given if found not in crls]
        return
    if fetchers is None:
        raise Unproven("revocation-unknown")
    with suppress(Exception):  # a server that is away, or bytes that are no answer: the next source is asked
        if child.ocsp_urls:
            ocsps.append(await fetchers.ocsp_fetcher.fetch(child, AuthorityWithCert(issuer)))
            return
    with suppress(Exception):
        if found := list(await fetchers.crl_fetcher.fetch(child, use_deltas=False)):
            crls += found
            return
    raise Unproven("revocation-unknown")
