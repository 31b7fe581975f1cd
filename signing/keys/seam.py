"""What signing needs of a key, wherever it lives."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from asn1crypto import x509
from cryptography import x509 as pyca
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from pyhanko.sign.general import get_pyca_cryptography_hash
from pyhanko.sign.signers import Signer

from registry.errors import CertificateUnfit, WrongCertificate


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

    Raises CertificateUnfit: not valid yet, expired, or without the non-repudiation key usage.
    """
    if at < certificate.not_valid_before:
        raise CertificateUnfit(f"the certificate is valid only from {certificate.not_valid_before:%Y-%m-%d}")
    if at > certificate.not_valid_after:
        raise CertificateUnfit(f"the certificate expired on {certificate.not_valid_after:%Y-%m-%d}")
    usage = certificate.key_usage_value
    if usage is not None and "non_repudiation" not in usage.native:
        raise CertificateUnfit("the certificate lacks the non-repudiation key usage")


def require_own(certificate: x509.Certificate, signature: bytes, data: bytes, digest_algorithm: str) -> bytes:
    """The signature, which holds over the data under the certificate: the key is the certificate's.

    A token may hold several of both, and a service may sign with what it likes: an archive full of signatures that do
    not hold would be seen years later. Raises WrongCertificate.
    """
    key = pyca.load_der_x509_certificate(certificate.dump()).public_key()
    digest = get_pyca_cryptography_hash(digest_algorithm)
    try:
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(signature, data, padding.PKCS1v15(), digest)
        elif isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(signature, data, ec.ECDSA(digest))
        else:
            raise WrongCertificate("the certificate's key is of a kind that documents are not signed with")
    except InvalidSignature as exc:
        raise WrongCertificate("the signature does not hold: the key is not the certificate's") from exc
    return signature
