"""A key in a PKCS#12 file."""

from __future__ import annotations

from pathlib import Path

from asn1crypto import x509
from cryptography.hazmat.primitives.serialization import pkcs12
from pyhanko.sign.signers import Signer, SimpleSigner

from registry.errors import SigningFailed
from registry.values import utc_now
from signing.keys.seam import require_fit


class Pkcs12Key:
    """A key in a PKCS#12 file; parsed once."""

    def __init__(self, signer: SimpleSigner) -> None:
        self._signer = signer

    @classmethod
    def load(cls, path: Path, passphrase: str) -> Pkcs12Key:
        """Raises SigningFailed: file missing, wrong passphrase, no key in it, certificate unfit to sign."""
        try:
            pkcs12.load_key_and_certificates(path.read_bytes(), passphrase.encode())
        except OSError as exc:
            raise SigningFailed(f"the key file {path.name} cannot be read") from exc
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
