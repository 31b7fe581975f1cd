"""A key in a PKCS#11 token or HSM. The PIN opens one session, which signs whatever comes until it breaks.

Login is a property of the program and the token, not of a key: two keys of one token share its session.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pkcs11
from asn1crypto import x509
from pkcs11 import exceptions as p11
from pkcs11.constants import TokenFlag
from pyhanko.config.pkcs11 import TokenCriteria
from pyhanko.keys import load_certs_from_pemder
from pyhanko.sign.pkcs11 import PKCS11Signer, find_token
from pyhanko.sign.signers import Signer

from registry.errors import ServiceUnavailable, SigningFailed, TokenLocked, WrongPin
from registry.values import utc_now
from signing.keys.seam import require_fit, require_own
from signing.keys.secret import Secret

BROKEN = (
    p11.DeviceError, p11.DeviceRemoved, p11.TokenNotPresent, p11.SessionHandleInvalid, p11.SessionClosed,
    p11.UserNotLoggedIn, p11.ObjectHandleInvalid, p11.KeyHandleInvalid, p11.GeneralError,
)  # fmt: skip
"""After these the session is opened anew, once: a token that was pulled out and put back."""
HASHING = {"rsa": pkcs11.Mechanism.SHA256_RSA_PKCS, "ec": pkcs11.Mechanism.ECDSA_SHA256}
_sessions: dict[tuple[str, bytes], Any] = {}
_lock = threading.RLock()
"""Few PKCS#11 modules bear several threads; a signature takes milliseconds, or as long as the person at the pad."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenPlace:
    """Which key in which token. module: the vendor's library. token: its label. key_label and key_id (hex) as they
    stand on the token; the certificate of the same name or id, or else of `certificate`, a PEM file with its chain."""

    module: Path
    token: str
    key_label: str | None = None
    key_id: str | None = None
    certificate: Path | None = None


class TokenKey:
    """A key that never leaves its token. Opened by the first thing that is asked of it."""

    def __init__(self, place: TokenPlace, secret: Secret) -> None:
        self._place, self._secret = place, secret
        self._opened: _TokenSigner | None = None

    @classmethod
    def open(cls, place: TokenPlace, secret: Secret) -> TokenKey:
        """The key, logged in and found, its certificate fit to sign. Raises SigningFailed and its kinds."""
        key = cls(place, secret)
        require_fit(key.certificate, utc_now())
        return key

    @property
    def certificate(self) -> x509.Certificate:
        return self._signer().signing_cert

    @property
    def signer(self) -> Signer:
        return self._signer()

    def _signer(self) -> _TokenSigner:
        with _lock:
            if self._opened is None:
                self._opened = _TokenSigner(self._place, self._secret)
            return self._opened


class _TokenSigner(PKCS11Signer):  # type: ignore[misc]
    """One at a time, and with errors that say what to do."""

    pkcs11_session: Any
    _signing_cert: x509.Certificate | None

    def __init__(self, place: TokenPlace, secret: Secret) -> None:
        self._place, self._secret = place, secret
        chain = _chain(place)
        super().__init__(
            _session(place, secret),
            key_label=place.key_label,
            key_id=bytes.fromhex(place.key_id) if place.key_id else None,
            signing_cert=chain[0] if chain else None,
            ca_chain=chain[1:],
            other_certs_to_pull=None,
        )
        self._find()
        algorithm = self.signing_cert.public_key.algorithm
        # many tokens hash nothing by themselves; every one signs what was hashed
        self.use_raw_mechanism = HASHING.get(algorithm) not in self.pkcs11_session.token.slot.get_mechanisms()

    async def async_sign_raw(self, data: bytes, digest_algorithm: str, dry_run: bool = False) -> bytes:
        if dry_run:
            return bytes(self.estimate_raw_signature_size_bytes())
        with _lock:
            try:
                return self._sign(data, digest_algorithm)
            except BROKEN:
                self._reopen()
            try:
                return self._sign(data, digest_algorithm)
            except p11.PKCS11Error as exc:
                raise ServiceUnavailable(f"the token does not sign: {type(exc).__name__}") from exc

    def _sign(self, data: bytes, digest_algorithm: str) -> bytes:
        spec = self._select_pkcs11_signing_params(digest_algorithm, sign_kwargs=self.sign_kwargs(data))
        offered = spec.pre_sign_transform(data) if spec.pre_sign_transform else data
        try:
            made = self._key_handle.sign(offered, **spec.sign_kwargs)
        except BROKEN:
            raise
        except p11.PKCS11Error as exc:
            raise SigningFailed(f"the token refuses to sign: {type(exc).__name__}") from exc
        signature = bytes(spec.post_sign_transform(made) if spec.post_sign_transform else made)
        return require_own(self.signing_cert, signature, data, digest_algorithm)

    def _reopen(self) -> None:
        _forget(self.pkcs11_session)
        self.pkcs11_session = _session(self._place, self._secret)
        self._find()

    def _find(self) -> None:
        """Key and certificate are at hand; everything else that the token holds goes into the chain."""
        try:
            if self._signing_cert is None:
                self._signing_cert = self._pull_single_cert(self.cert_label, self.cert_id)
            self._cert_registry.register(self._signing_cert)
            self._key_handle = self._pull_signing_key_handle()
            self._init_cert_registry()
        except p11.PKCS11Error as exc:
            raise SigningFailed(f"the token {self._place.token} lacks the key, or its certificate") from exc
        self._loaded = True


def _chain(place: TokenPlace) -> list[x509.Certificate]:
    if place.certificate is None:
        return []
    try:
        found = list(load_certs_from_pemder([str(place.certificate)]))
    except (OSError, ValueError) as exc:
        raise SigningFailed(f"the certificate file {place.certificate.name} cannot be read") from exc
    if not found:
        raise SigningFailed(f"the certificate file {place.certificate.name} holds none")
    return found


def _session(place: TokenPlace, secret: Secret) -> Any:
    """The one session of this program with the token, logged in."""
    with _lock:
        token = _token(place)
        known = _sessions.get((str(place.module), token.serial))
        if known is not None:
            return known
        session = _login(token, place, secret)
        _sessions[str(place.module), token.serial] = session
        return session


def _token(place: TokenPlace) -> Any:
    try:
        found = find_token(pkcs11.lib(str(place.module)).get_slots(), token_criteria=TokenCriteria(label=place.token))
    except p11.PKCS11Error as exc:
        raise SigningFailed(f"the module {place.module.name} does not work: {type(exc).__name__}") from exc
    if found is None:
        raise ServiceUnavailable(f"no token is called {place.token}; is it plugged in?")
    return found


def _login(token: Any, place: TokenPlace, secret: Secret) -> Any:
    if token.flags & TokenFlag.USER_PIN_LOCKED:
        raise TokenLocked(f"the token {place.token} is locked")
    if token.flags & TokenFlag.USER_PIN_FINAL_TRY and not secret.to_be_typed:
        raise TokenLocked(f"one more wrong PIN locks the token {place.token}: let a person type it")
    with secret.used() as pin:
        try:
            return token.open(user_pin=pin)
        except (p11.PinIncorrect, p11.PinInvalid, p11.PinLenRange) as exc:
            raise WrongPin(f"the token {place.token} refuses the PIN") from exc
        except p11.PinLocked as exc:
            raise TokenLocked(f"the token {place.token} is locked") from exc
        except p11.PKCS11Error as exc:
            raise ServiceUnavailable(f"the token {place.token}: {type(exc).__name__}") from exc


def _forget(session: Any) -> None:
    """The session is no longer offered; what it held on the token is given up as far as the token is there."""
    for place, known in list(_sessions.items()):
        if known is session:
            del _sessions[place]
    try:
        session.close()
    except p11.PKCS11Error:
        return
