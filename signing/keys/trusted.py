"""Whether a certificate that somebody hands in is one that we may sign with."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from asn1crypto import x509
from pyhanko_certvalidator import CertificateValidator, ValidationContext
from pyhanko_certvalidator.errors import PathBuildingError, ValidationError
from pyhanko_certvalidator.fetchers.requests_fetchers import RequestsFetcherBackend

from registry.errors import CertificateNotTrusted
from signing.proofs import Evidence

FETCH_S = 10.0


def require_trusted(certificate: x509.Certificate, chain: Sequence[x509.Certificate], evidence: Evidence) -> None:
    """It leads to a trust anchor, holds now, and is not known to be revoked.

    Revocation data that cannot be had hinders nothing: it lowers the level later, when the signature is here. Raises
    CertificateNotTrusted. Call it from a thread without a running event loop.
    """
    context = ValidationContext(
        trust_roots=list(evidence.roots),
        other_certs=[*evidence.others, *chain],
        crls=list(evidence.revocation_lists),
        allow_fetching=evidence.fetch,
        fetcher_backend=RequestsFetcherBackend(per_request_timeout=FETCH_S) if evidence.fetch else None,
        revocation_mode="soft-fail",
    )
    validator = CertificateValidator(certificate, intermediate_certs=list(chain), validation_context=context)
    try:
        asyncio.run(validator.async_validate_usage(set()))
    except (PathBuildingError, ValidationError) as exc:
        raise CertificateNotTrusted(f"the certificate is not trusted: {type(exc).__name__}") from exc
