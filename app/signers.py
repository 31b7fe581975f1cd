"""Who may sign for this installation: what the registry remembers, what the settings name, and its own keys."""

from __future__ import annotations

import string
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING

from registry import signers
from registry.database import read, write
from registry.errors import Conflict, ServiceUnavailable, SigningFailed
from registry.signers import Signer

if TYPE_CHECKING:
    from app.wiring import Wiring

WHY = {
    "used": "khóa của cơ quan đã dùng để ký",
    "first-seal": "đã ký niêm phong đầu tiên",
    "accepted": "người quản trị công nhận",
}


class OwnSigners:
    """SHA-256 of certificates that are the installation's: `in` asks the registry and the settings first, and opens the
    key that signs for no unit only for what they do not know, where nobody has to type a PIN for it."""

    def __init__(self, wiring: Wiring) -> None:
        self._wiring = wiring

    def __contains__(self, sha256: object) -> bool:
        return sha256 in self._pinned or sha256 == self._opened

    @cached_property
    def _pinned(self) -> frozenset[str]:
        return pinned(self._wiring) or frozenset()

    @cached_property
    def _opened(self) -> str:
        with suppress(SigningFailed, ServiceUnavailable, OSError):
            held = self._wiring.keys.held(None)
            if held.secret is None or not held.secret.to_be_typed:
                return str(self._wiring.keys.opened(held).certificate.sha256.hex())
        return ""


def pinned(wiring: Wiring) -> frozenset[str] | None:
    """What the registry remembers and the settings name, no key opened. None while neither says anything: then a chain
    to an anchor is all that can be asked for."""
    with read(wiring.engine) as conn:
        held = signers.fingerprints(conn)
    keys = (key for key in wiring.settings.signing.keys if key.kind != "deferred" and key.role == "agency")
    named = frozenset(sha256.lower() for key in keys for sha256 in key.certificate_sha256)
    return named | (held or frozenset()) or None


def listed(wiring: Wiring) -> tuple[Signer, ...]:
    """Those that the registry remembers."""
    with read(wiring.engine) as conn:
        return signers.known(conn) or ()


def accept(wiring: Wiring, sha256: str, *, actor: str) -> bool:
    """The certificate is one of the installation's, by a person's word: of a key that is gone and that nothing else
    vouches for. False where it was already. The next seal says so. Raises Conflict for what is no fingerprint."""
    plain = sha256.lower().replace(":", "")
    if plain != signers.BARE and (len(plain) != 64 or set(plain) - set(string.hexdigits)):
        raise Conflict("a certificate's SHA-256 has 64 hexadecimal digits")
    with write(wiring.engine) as conn:
        return signers.remember(conn, plain, name="", why="accepted", actor=actor)
