"""What every home of a signing key promises (signing.keys.seam). A home inherits this and gives `key`, `authority`."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from registry.values import Verdict
from signing.authority import Authority
from signing.keys import SigningKey
from signing.station import SigningStation
from signing.validate import TrustStore, validate_pdf
from tests.key_homes import FONT


def raw(key: SigningKey, data: bytes, *, dry_run: bool = False) -> bytes:
    """What the key makes of the data, as pyHanko asks for it."""
    made: bytes = asyncio.run(key.signer.async_sign_raw(data, "sha256", dry_run=dry_run))
    return made


def verify(key: SigningKey, signature: bytes, data: bytes) -> None:
    """Raises InvalidSignature."""
    public = x509.load_der_x509_certificate(key.certificate.dump()).public_key()
    if isinstance(public, rsa.RSAPublicKey):
        public.verify(signature, data, padding.PKCS1v15(), hashes.SHA256())
    else:
        assert isinstance(public, ec.EllipticCurvePublicKey)
        public.verify(signature, data, ec.ECDSA(hashes.SHA256()))


class SigningKeyContract:
    def test_what_it_signs_holds_under_its_certificate(self, key: SigningKey) -> None:
        verify(key, raw(key, b"van ban"), b"van ban")

    def test_a_rehearsal_makes_room_enough_and_signs_nothing(self, key: SigningKey) -> None:
        # an ECDSA signature of P-256 has 68 to 72 bytes, by chance; pyHanko leaves more than that beside it
        assert len(raw(key, b"x", dry_run=True)) + 4 >= len(raw(key, b"x"))

    def test_a_batch_from_several_threads_at_once(self, key: SigningKey) -> None:
        papers = [f"van ban {n}".encode() for n in range(12)]
        with ThreadPoolExecutor(4) as threads:
            made: Sequence[bytes] = list(threads.map(lambda paper: raw(key, paper), papers))
        for paper, signature in zip(papers, made, strict=True):
            verify(key, signature, paper)

    def test_a_pdf_signed_by_it_passes_at_the_highest_level(
        self, key: SigningKey, authority: Authority, plain: Path, tmp_path: Path
    ) -> None:
        trust = TrustStore.load(authority.folder / "trust")
        station = SigningStation(key=key, level="B-LTA", tsa="development", authority=authority, trust=trust, font=FONT)
        made = station.sign(plain, tmp_path / "signed.pdf", stamp=None)
        assert (made.level, made.why) == ("B-LTA", "")
        assert validate_pdf(made.path, trust).verdict == Verdict.PASSED
