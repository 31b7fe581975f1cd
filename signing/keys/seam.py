"""What signing needs of a key, wherever it lives."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from asn1crypto import x509
from pyhanko.sign.signers import Signer

from registry.errors import SigningFailed


class SigningKey(Protocol):
    """A key with its certificate, open for as many signatures as come. Safe to use from several threads.

    Signing raises SigningFailed or one of its kinds when a person must act (WrongPin, TokenLocked, PinNeeded), and
    ServiceUnavailable when the key's home does not answer now. A wrong PIN is never tried twice.
    """

    @property
    def certificate(self) -> x509.Certificate: ...

    @property
    def signer(self) -> Signer:
        """What pyHanko signs with; carries the certificate chain as far as it is known."""
        ...


def require_fit(certificate: x509.Certificate, at: datetime) -> None:
    """The certificate may sign documents at that time (TT 15/2025/TT-BKHCN: checked before signing).

    Raises SigningFailed: not valid yet, expired, or without the non-repudiation key usage.
    """
    if at < certificate.not_valid_before:
        raise SigningFailed(f"the certificate is valid only from {certificate.not_valid_before:%Y-%m-%d}")
    if at > certificate.not_valid_after:
        raise SigningFailed(f"the certificate expired on {certificate.not_valid_after:%Y-%m-%d}")
    usage = certificate.key_usage_value
    if usage is not None and "non_repudiation" not in usage.native:
        raise SigningFailed("the certificate lacks the non-repudiation key usage")
