"""Whose key signs what: key, certificate, role and unit belong together, and a certificate of somebody else is refused.

A certificate belongs to a unit when it is the very one that the settings name (SHA-256 of its DER), or when it names
the unit: in its organizational units, where it has none of these in its organisation, or, of an agency's own
certificate, in its common name. So a commune's certificate below "O = province" does not sign for the province.
"""

from __future__ import annotations

import threading
import unicodedata
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from asn1crypto import x509

from registry.errors import (
    NoSigningKey,
    ServiceUnavailable,
    SigningFailed,
    SohoaError,
    WrongCertificate,
    WrongPin,
)
from signing.keys.seam import SigningKey
from signing.keys.secret import Secret


class KeyRole(StrEnum):
    """agency: the seal of the administration. official: the person who made the copy (NĐ 30/2020/NĐ-CP, Điều 25)."""

    AGENCY = "agency"
    OFFICIAL = "official"


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """Who a certificate must belong to. names: of the unit and what else it is called; sha256: of certificates that
    are taken without looking at their names. With neither, any certificate is taken: the one key of a small office."""

    names: frozenset[str] = frozenset()
    sha256: frozenset[str] = frozenset()

    def require(self, certificate: x509.Certificate, role: KeyRole) -> None:
        """Raises WrongCertificate for one that is not theirs."""
        if not self.names and not self.sha256:
            return
        if certificate.sha256.hex() in self.sha256:
            return
        if not self.sha256 and {_plain(n) for n in self.names} & _names_in(certificate, role):
            return
        raise WrongCertificate("the certificate is not of the unit that it is to sign for")


@dataclass(frozen=True, slots=True, kw_only=True)
class RingKey:
    """A key of the installation. units: codes that it signs for; empty for all that have none of their own.
    open: None for a key that lies with the official (deferred signing). secret: what a person may have to type.
    valid_for_days: how long what was prepared for an official may be answered."""

    name: str
    role: KeyRole = KeyRole.AGENCY
    units: frozenset[str] = frozenset()
    holder: Holder = Holder()
    open: Callable[[], SigningKey] | None = None
    secret: Secret | None = None
    valid_for_days: int = 7

    @property
    def deferred(self) -> bool:
        """Whether the signature comes from the official's own machine, minutes or days later."""
        return self.open is None


@dataclass(slots=True)
class KeyRing:
    """All keys of an installation, each opened when it is first needed. Safe to use from several threads."""

    keys: Sequence[RingKey]
    _opened: dict[str, SigningKey] = field(default_factory=dict, repr=False)
    _locks: dict[str, threading.Lock] = field(init=False, repr=False)
    """One for each key: a home that does not answer holds up its own signatures only."""

    def __post_init__(self) -> None:
        self._locks = {key.name: threading.Lock() for key in self.keys}

    @classmethod
    def of(cls, key: SigningKey) -> KeyRing:
        """One key that signs for everybody."""
        return cls((RingKey(name="agency", open=lambda: key),))

    def held(self, unit: str | None, role: KeyRole = KeyRole.AGENCY) -> RingKey:
        """The key that signs for the unit: its own before one for all. unit: None for what is no unit's, as the audit
        log: the one for all, or the first, of those that lie here.

        Raises NoSigningKey.
        """
        of_role = [key for key in self.keys if key.role == role and not (unit is None and key.deferred)]
        found = [key for key in of_role if unit in key.units] or [key for key in of_role if not key.units]
        if not found and unit is None:
            found = of_role
        if not found:
            raise NoSigningKey(f"no key of role {role} signs for {unit or 'any unit'}")
        return found[0]

    def has(self, unit: str, role: KeyRole) -> bool:
        """Whether somebody signs for the unit in this role."""
        return any(key.role == role and (unit in key.units or not key.units) for key in self.keys)

    def key(self, unit: str | None, role: KeyRole = KeyRole.AGENCY) -> SigningKey:
        """The same, opened, its certificate that of the unit. Raises NoSigningKey, WrongCertificate, SigningFailed and
        its kinds, ServiceUnavailable."""
        return self.opened(self.held(unit, role))

    def opened(self, held: RingKey) -> SigningKey:
        """This key, opened once. Raises as `key` does; NoSigningKey for one that lies with the official."""
        if held.open is None:
            raise NoSigningKey(f"the key {held.name} lies with the official: the signature is deferred")
        with self._locks[held.name]:
            known = self._opened.get(held.name)
            if known is None:
                known = held.open()
                held.holder.require(known.certificate, held.role)
                self._opened[held.name] = known
            return known

    def unlock(self, ask: Callable[[str], str] | None, *, only: RingKey | None = None) -> list[tuple[str, SohoaError]]:
        """Every key that lies here is open, or that one, as far as it can be; those that are not, with the reason.

        PINs that no file holds are asked for, once each. ask: what a person types for the key of that name; None where
        nobody sits at a terminal. Raises WrongPin for one just typed: the person is there to do something about it.
        """
        failed: list[tuple[str, SohoaError]] = []
        for held in self.keys:
            if held.deferred or held.name in self._opened or (only is not None and held is not only):
                continue
            asked = held.secret is not None and held.secret.to_be_typed and ask is not None
            if asked and held.secret is not None and ask is not None:
                held.secret.typed(ask(held.name))
            try:
                self.opened(held)
            except (SigningFailed, ServiceUnavailable) as exc:
                if asked and isinstance(exc, WrongPin):
                    raise
                failed.append((held.name, exc))
        return failed


def _names_in(certificate: x509.Certificate, role: KeyRole) -> set[str]:
    """What the certificate says whose it is."""
    subject = certificate.subject.native
    told = _all(subject.get("organizational_unit_name")) or _all(subject.get("organization_name"))
    if role == KeyRole.AGENCY:
        told += _all(subject.get("common_name"))
    return {_plain(name) for name in told}


def _all(value: str | Collection[str] | None) -> list[str]:
    if value is None:
        return []
    return [value] if isinstance(value, str) else list(value)


def _plain(name: str) -> str:
    return " ".join(unicodedata.normalize("NFC", name).casefold().split())
