"""Signing keys behind one seam: what signing.sign needs of a key, wherever it lives."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Protocol

from asn1crypto import x509
from cryptography.hazmat.primitives.serialization import pkcs12
from pyhanko.sign.signers import Signer, SimpleSigner

from registry.errors import SigningFailed
from registry.values import utc_now


class SigningKey(Protocol):
    """A key with its certificate. Safe to use from several threads."""

    @property
    def certificate(self) -> x509.Certificate: ...

    @property
    def signer(self) -> Signer:
        """What pyHanko signs with; carries the certificate chain as far as it is known."""
        ...


class Pkcs12Key:
    """A key in a PKCS#12 file; parsed once."""

    def __init__(self, signer: SimpleSigner) -> None:
        self._signer = signer

    @classmethod
    def load(cls, path: Path, passphrase: str) -> Pkcs12Key:
        """Raises SigningFailed: file missing, wrong passphrase, no key in it, certificate unfit to sign."""
        try:
            pkcs12.load_key_and_certificates(path.read_bytes(), passphrase.encode())
        except FileNotFoundError as exc:
            raise SigningFailed(f"there is no key file {path.name}") from exc
        except ValueError as exc:
            raise SigningFailed(f"{path.name}: wrong passphrase, or no PKCS#12 file") from exc
        signer = SimpleSigner.load_pkcs12(path, passphrase=passphrase.encode())
        if signer is None or signer.signing_cert is None:
            raise SigningFailed(f"{path.name} holds no key with its certificate")
        require_fit(signer.signing_cert, utc_now())
        return cls(signer)

    @property
    def certificate(self) -> x509.Certificate:
        return self._signer.signing_cert

    @property
    def signer(self) -> Signer:
        return self._signer


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
