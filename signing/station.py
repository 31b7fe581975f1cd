"""The signing station of an installation: its key, its clock, its proofs, ready to sign."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path

from asn1crypto import crl, x509
from asn1crypto.keys import PrivateKeyInfo
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from pyhanko.keys import load_cert_from_pemder
from pyhanko.sign.timestamps import TimeStamper
from pyhanko.sign.timestamps.dummy_client import DummyTimeStamper

from registry.errors import AnswerRefused, NoSigningKey, SigningFailed
from registry.signers import BARE
from registry.values import Verdict, utc_now
from signing.authority import Authority, refresh_revocation_lists
from signing.deferred import Answer, Prepared, complete_signature, prepare
from signing.detached import DetachedSignature, sign_bytes, stamp_bytes
from signing.keys import KeyRing, KeyRole, Pkcs12Key, SigningKey, require_fit
from signing.keys.secret import read_private
from signing.keys.trusted import require_trusted
from signing.proofs import Evidence, KeptProofs
from signing.reachable import Reachable, reachable
from signing.renew import RenewedPdf, renew_pdf
from signing.sign import FIELD, OFFICIALS_FIELD, Official, SignedPdf, sign_pdf
from signing.stamp import Stamp
from signing.tsa import HttpTsa
from signing.validate import TrustStore, validate_pdf

DEVELOPMENT = "development"
SIGNING_PATIENCE_S, TSA_PATIENCE_S = 20.0, 180.0
"""How long the TSA is waited for. The administration's was seen to take 2 to 131 seconds: signing waits a little, so
that archiving never waits long, and whoever raises the level later waits for all of it."""
SILENCE_S = 300.0
"""A TSA that let our whole patience pass is not asked for so long: else each scan of a back-file would wait as long."""


class SigningStation:
    """Signs with the key of each unit at one level. Safe to use from several threads."""

    def __init__(
        self,
        *,
        key: SigningKey | KeyRing,
        level: str,
        tsa: str,
        authority: Authority,
        trust: TrustStore,
        font: Path,
        patience_s: float = SIGNING_PATIENCE_S,
    ) -> None:
        self._level, self._tsa, self._authority = level, tsa, authority
        self._keys = key if isinstance(key, KeyRing) else KeyRing.of(key)
        self._trust, self._font = trust, font
        self._lock = threading.Lock()
        self._ask_again_at = 0.0
        self._timestamper = self._make_timestamper(patience_s)
        self._patient = self._make_timestamper(max(patience_s, TSA_PATIENCE_S))
        self._proofs = KeptProofs()

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
                passphrase = read_private(passphrase_file).strip()
            except OSError as exc:
                raise SigningFailed(f"the passphrase file {passphrase_file.name} cannot be read") from exc
        key = Pkcs12Key.load(key_file, passphrase or "")
        return cls(key=key, level=level, tsa=tsa, authority=Authority(authority), trust=trust, font=font)

    @property
    def trust(self) -> TrustStore:
        """The anchors that its own signatures are validated against."""
        return self._trust

    @property
    def keys(self) -> KeyRing:
        """Whose key signs what."""
        return self._keys

    def sign(
        self,
        source: Path,
        target: Path,
        *,
        stamp: Stamp | None,
        unit: str | None = None,
        role: KeyRole = KeyRole.AGENCY,
        mark: bool = False,
    ) -> SignedPdf:
        """See signing.sign.sign_pdf. While the TSA is known to be silent, B-B at once.

        unit: whose document it is; its key signs, and before it that of the unit's official, where one lies here. mark:
        whether the official's signature is seen, by name and time. Raises NoSigningKey, WrongCertificate as well.
        """
        key = self._keys.key(unit, role)
        official = self._official(unit, stamp, mark=mark) if role == KeyRole.AGENCY else None
        self.refresh()
        evidence = self._evidence()
        if time.monotonic() < self._ask_again_at:
            evidence = replace(evidence, timestamper=None)
        made = sign_pdf(
            source,
            target,
            key=key,
            stamp=stamp,
            font=self._font,
            level=self._level,
            evidence=evidence,
            official=official,
            field=FIELD if role == KeyRole.AGENCY else OFFICIALS_FIELD,
        )
        if made.silent:
            self._ask_again_at = time.monotonic() + SILENCE_S
        return made

    def prepare(
        self, source: Path, target: Path, *, certificates: Sequence[bytes], stamp: Stamp | None, field: str = FIELD
    ) -> Prepared:
        """See signing.deferred.prepare. certificates: DER, the signer's first; they lead to a trusted root.

        Raises CertificateNotTrusted, SigningFailed.
        """
        own, *chain = (x509.Certificate.load(der) for der in certificates)
        require_fit(own, utc_now())
        self.refresh()
        require_trusted(own, chain, self._evidence())
        return prepare(
            source,
            target,
            certificate=certificates[0],
            chain=certificates[1:],
            stamp=stamp,
            font=self._font,
            field=field,
        )

    def complete(self, prepared: Prepared, answer: Answer, waiting: Path, target: Path) -> SignedPdf:
        """`target` is the prepared file with the official's signature, at the level that is reachable now; validated.

        Raises AnswerRefused for what cannot become a valid signature, OSError.
        """
        self.refresh()
        evidence = self._evidence()
        if time.monotonic() < self._ask_again_at:
            evidence = replace(evidence, timestamper=None)
        made = complete_signature(prepared, answer, waiting, target, level=self._level, evidence=evidence)
        if made.silent:
            self._ask_again_at = time.monotonic() + SILENCE_S
        if validate_pdf(target, self._trust).verdict == Verdict.FAILED:
            target.unlink(missing_ok=True)
            raise AnswerRefused("answer-wrong")
        return made

    def renew(
        self, source: Path, target: Path, *, longer_than: date | None = None, at: datetime | None = None
    ) -> RenewedPdf:
        """See signing.renew.renew_pdf. The TSA is waited for patiently; that it answered is remembered."""
        self.refresh()
        made = renew_pdf(
            source,
            target,
            evidence=replace(self._evidence(), timestamper=self._patient),
            longer_than=longer_than,
            at=at,
        )
        self._ask_again_at = 0.0
        return made

    def sign_bytes(self, body: bytes) -> DetachedSignature:
        """See signing.detached.sign_bytes; where every key lies with officials, stamp_bytes. Raises SigningFailed."""
        timestamper = None if time.monotonic() < self._ask_again_at else self._timestamper
        try:
            key = self._keys.key(None)
        except NoSigningKey:
            return stamp_bytes(body, timestamper, self._evidence().others)
        return sign_bytes(body, key, timestamper)

    @property
    def own_signer(self) -> tuple[str, str]:
        """Who signs bytes here: the certificate's SHA-256 and its common name; BARE where none does without a person.

        Raises SigningFailed, ServiceUnavailable.
        """
        try:
            certificate = self._keys.key(None).certificate
        except NoSigningKey:
            return BARE, ""
        return certificate.sha256.hex(), str(certificate.subject.native.get("common_name", ""))

    def _official(self, unit: str | None, stamp: Stamp | None, *, mark: bool) -> Official | None:
        """Who signs before the unit's agency; nobody where the key lies with the official, who then signs there."""
        if unit is None or not self._keys.has(unit, KeyRole.OFFICIAL):
            return None
        held = self._keys.held(unit, KeyRole.OFFICIAL)
        if held.deferred:
            return None
        key = self._keys.opened(held)
        if not mark or stamp is None:
            return Official(key)
        name = key.certificate.subject.native.get("common_name", "")
        return Official(key, Stamp("", str(name), stamp.at))

    def reachable(
        self, certificate: x509.Certificate, chain: Sequence[x509.Certificate], patience_s: float
    ) -> Reachable:
        """See signing.reachable. The timestamp authority has `patience_s` to answer."""
        self.refresh()
        evidence = replace(self._evidence(), kept=KeptProofs())
        if self._tsa != DEVELOPMENT:
            evidence = replace(evidence, timestamper=HttpTsa(self._tsa, patience_s))
        return reachable(certificate, chain, evidence)

    @property
    def certificate(self) -> x509.Certificate:
        """The certificate of the key that signs for all, or of the first."""
        return self._keys.key(None).certificate

    def refresh(self) -> None:
        """The development authority's revocation lists are fresh; nothing to do for a real one."""
        if self._authority.exists:
            with self._lock:
                refresh_revocation_lists(self._authority)

    def _evidence(self) -> Evidence:
        own = self._authority
        if not own.exists:
            return Evidence(timestamper=self._timestamper, roots=self._trust.anchors, fetch=True, kept=self._proofs)
        lists = [crl.CertificateList.load(own.revocation_list(n).read_bytes()) for n in ("root", "issuing")]
        return Evidence(
            timestamper=self._timestamper,
            roots=self._trust.anchors,
            others=(load_cert_from_pemder(str(own.issuing)),),
            revocation_lists=lists,
            fetch=True,  # a real certificate beside the development authority that every installation has
            kept=self._proofs,
        )

    def _make_timestamper(self, patience_s: float) -> TimeStamper:
        if self._tsa != DEVELOPMENT:
            return HttpTsa(self._tsa, patience_s)
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
