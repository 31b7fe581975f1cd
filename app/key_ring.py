"""The signing keys of an installation, as its settings tell of them: a part of the wiring.

A home's module is imported when its key is opened: nobody pays for PKCS#11 or HTTP who signs with a file.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

from config.catalogue import Catalogue
from config.settings import Settings, SigningKeySettings
from registry.errors import SettingsInvalid, SigningFailed
from signing.keys import KeyRing, KeyRole, Pkcs12Key, RingKey, SigningKey
from signing.keys.ring import Holder
from signing.keys.secret import Secret, read_private


def key_ring(settings: Settings, catalogue: Catalogue, *, marks: Path) -> KeyRing:
    """All keys, none opened. marks: folder that remembers refused PINs. Raises SettingsInvalid."""
    told = settings.signing
    if told.keys:
        return KeyRing(tuple(_ring_key(settings, key, catalogue, marks) for key in told.keys))
    return KeyRing((RingKey(name="agency", open=partial(_only_key, settings)),))


def _only_key(settings: Settings) -> SigningKey:
    """The key of `signing.key_file`."""
    told = settings.signing
    passphrase = told.passphrase.get_secret_value() if told.passphrase else None
    if passphrase is None and told.passphrase_file is not None:
        try:
            passphrase = read_private(settings.path(told.passphrase_file)).strip()
        except OSError as exc:
            raise SigningFailed(f"the passphrase file {told.passphrase_file.name} cannot be read") from exc
    return Pkcs12Key.load(settings.path(told.key_file), passphrase or "")


def _ring_key(settings: Settings, told: SigningKeySettings, catalogue: Catalogue, marks: Path) -> RingKey:
    secret = _secret(settings, told, marks)
    return RingKey(
        name=told.name,
        role=KeyRole(told.role),
        units=frozenset(told.units),
        holder=Holder(
            names=frozenset(_names(catalogue, told)), sha256=frozenset(f.lower() for f in told.certificate_sha256)
        ),
        open=None if told.kind == "deferred" else partial(_open, settings, told, secret),
        secret=secret,
        valid_for_days=told.valid_for_days,
    )


def _names(catalogue: Catalogue, told: SigningKeySettings) -> Iterable[str]:
    """What the key's units are and were called: a certificate outlives a renaming."""
    for code in told.units:
        found = [unit for unit in catalogue.units if unit.code == code]
        if not found:
            raise SettingsInvalid(f"signing key {told.name}: unit {code} is not in the catalogue")
        for unit in found:
            yield from (unit.name, *unit.aliases)


def _secret(settings: Settings, told: SigningKeySettings, marks: Path) -> Secret | None:
    if told.kind == "deferred" or told.pin == "none":
        return None
    file = settings.path(told.pin_file) if told.pin_file else None
    if told.pin_credential:
        file = Path(os.environ.get("CREDENTIALS_DIRECTORY", "/run/credentials/sohoa")) / told.pin_credential
    # a file's passphrase may be tried as often as one likes: nothing locks
    return Secret(
        told.name,
        file=file,
        credential=bool(told.pin_credential),
        marks=None if told.kind == "pkcs12" else marks,
        keep=told.kind == "csc",
    )


def _open(settings: Settings, told: SigningKeySettings, secret: Secret | None) -> SigningKey:
    return OPENED[told.kind](settings, told, secret)


def _open_file(settings: Settings, told: SigningKeySettings, secret: Secret | None) -> SigningKey:
    file = settings.path(told.file or Path())
    if secret is None:
        return Pkcs12Key.load(file, "")
    with secret.used() as passphrase:
        return Pkcs12Key.load(file, passphrase)


def _open_token(settings: Settings, told: SigningKeySettings, secret: Secret | None) -> SigningKey:
    from signing.keys.token import TokenKey, TokenPlace  # noqa: PLC0415 see above

    place = TokenPlace(
        module=settings.path(told.module or Path()),
        token=told.token,
        key_label=told.key_label,
        key_id=told.key_id,
        certificate=settings.path(told.certificate) if told.certificate else None,
    )
    return TokenKey.open(place, secret or Secret(told.name))


def _open_remote(settings: Settings, told: SigningKeySettings, secret: Secret | None) -> SigningKey:
    from signing.keys.remote import RemoteKey, RemotePlace  # noqa: PLC0415 see above

    place = RemotePlace(url=told.url, credential=told.credential)
    return RemoteKey.open(place, partial(settings.secret, None, told.access_token_file), secret)


OPENED: dict[str, Callable[[Settings, SigningKeySettings, Secret | None], SigningKey]] = {
    "pkcs12": _open_file,
    "pkcs11": _open_token,
    "csc": _open_remote,
}
