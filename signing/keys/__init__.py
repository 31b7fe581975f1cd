"""Signing keys behind one seam: PKCS#12 file, token or HSM, remote signing service; and whose key signs what."""

from __future__ import annotations

from signing.keys.pkcs12 import Pkcs12Key
from signing.keys.ring import KeyRing, KeyRole, RingKey
from signing.keys.seam import SigningKey, require_fit

__all__ = ["KeyRing", "KeyRole", "Pkcs12Key", "RingKey", "SigningKey", "require_fit"]
