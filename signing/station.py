"""The signing station of an installation: its key, its clock, its proofs, ready to sign."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from pathlib import Path

from asn1crypto import crl, x509
from asn1crypto.keys import PrivateKeyInfo
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from pyhanko.keys import load_cert_from_pemder
from pyhanko.sign.timestamps import HTTPTimeStamper, TimeStamper
from pyhanko.sign.timestamps.dummy_client import DummyTimeStamper

from registry.errors import SigningFailed
from signing.authority import Authority, refresh_revocation_lists
from signing.detached import DetachedSignature, sign_bytes
from signing.keys import Pkcs12Key, SigningKey
from signing.sign import Evidence, SignedPdf, sign_pdf
from signing.stamp import Stamp
from signing.validate import TrustStore

DEVELOPMENT = "development"
TSA_PATIENCE_S = 180
"""The administration's TSA was seen to take 2 to 131 seconds."""
SILENCE_S = 300.0
"""A TSA that let our whole patience pass is not asked for so long: else each scan of a back-file would wait as long."""


class SigningStation:
    """Signs with one key at one level. Safe to use from several threads."""

    def __init__(
        self,
        *,
        key: SigningKey,
        level: str,
        tsa: str,
        authority: Authority,
        trust: TrustStore,
        font: Path,
        patience_s: float = TSA_PATIENCE_S,
    ) -> None:
        self._key, self._level, self._tsa, self._authority = key, level, tsa, authority
        self._trust, self._font = trust, font
        self._lock = threading.Lock()
        self._patience, self._ask_again_at = patience_s, 0.0
        self._timestamper = self._make_timestamper()

    @classmethod
    def open(
        cls,
        *,
        key_file: Path,
        passphrase: str | None,
        passphrase_file: Path | None,
        level: str,
        tsa: str,
        authority: Path,
        trust: TrustStore,
        font: Path,
    ) -> SigningStation:
        """The station with its PKCS#12 key unlocked. Raises SigningFailed."""
        if passphrase is None and passphrase_file is not None:
            try:
                passphrase = passphrase_file.read_text(encoding="utf-8").strip()
            except OSError as exc:
                raise SigningFailed(f"the passphrase file {passphrase_file.name} cannot be read") from exc
        key = Pkcs12Key.load(key_file, passphrase or "")
        return cls(key=key, level=level, tsa=tsa, authority=Authority(authority), trust=trust, font=font)

    @property
    def trust(self) -> TrustStore:
        """The anchors that its own signatures are validated against."""
        return self._trust

    def sign(self, source: Path, target: Path, *, stamp: Stamp | None) -> SignedPdf:
        """See signing.sign.sign_pdf. While the TSA is known to be silent, B-B at once."""
        self.refresh()
        evidence = self._evidence()
        if time.monotonic() < self._ask_again_at:
            evidence = replace(evidence, timestamper=None)
        made = sign_pdf(
            source, target, key=self._key, stamp=stamp, font=self._font, level=self._level, evidence=evidence
        )
        if made.silent:
            self._ask_again_at = time.monotonic() + SILENCE_S
        return made

    def sign_bytes(self, body: bytes) -> DetachedSignature:
        """See signing.detached.sign_bytes. Raises SigningFailed."""
        return sign_bytes(body, self._key, None if time.monotonic() < self._ask_again_at else self._timestamper)

    @property
    def certificate(self) -> x509.Certificate:
        """The signing certificate."""
        return self._key.certificate

    def refresh(self) -> None:
        """The development authority's revocation lists are fresh; nothing to do for a real one."""
        if self._authority.exists:
            with self._lock:
                refresh_revocation_lists(self._authority)

    def _evidence(self) -> Evidence:
        own = self._authority
        if not own.exists:
            return Evidence(timestamper=self._timestamper, roots=self._trust.anchors, fetch=True)
        lists = [crl.CertificateList.load(own.revocation_list(n).read_bytes()) for n in ("root", "issuing")]
        return Evidence(
            timestamper=self._timestamper,
            roots=self._trust.anchors,
            others=(load_cert_from_pemder(str(own.issuing)),),
            revocation_lists=lists,
            fetch=False,
        )

    def _make_timestamper(self) -> TimeStamper:
        if self._tsa != DEVELOPMENT:
            return HTTPTimeStamper(self._tsa, timeout=self._patience)
        own = self._authority
        if not own.exists:
            raise SigningFailed("signing.tsa is 'development', but there is no development authority here")
        key = load_pem_private_key(own.timestamp_key.read_bytes(), None)
        der = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        return DummyTimeStamper(
            load_cert_from_pemder(str(own.timestamp_certificate)),
            PrivateKeyInfo.load(der),
            # no chain in the token: nothing signs it there; it stands in the DSS, under the document timestamp
            certs_to_embed=None,
        )
