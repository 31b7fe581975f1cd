"""pyHanko parses its private key anew for every signature, and each time proves that an RSA key is one: 36 ms for 2048
bits, 115 ms for 3072, twice for the signature and twice for the development's timestamps. There is no setting for it:
hence its modules are given this way of loading, in place of cryptography's own."""

from __future__ import annotations

from functools import lru_cache
from types import SimpleNamespace
from typing import Any

from cryptography.hazmat.primitives.serialization import load_der_private_key
from pyhanko.sign.signers import pdf_cms
from pyhanko.sign.timestamps import dummy_client

MOST_KEYS = 8
"""An installation has two; more are of tests."""


@lru_cache(maxsize=MOST_KEYS)
def loaded(der: bytes, password: bytes | None = None) -> Any:
    """The key, proven once and kept. Safe to use from several threads."""
    return load_der_private_key(der, password)


def keep_keys() -> None:
    """From now on each key is parsed once in this process. Repeatable."""
    for module in (pdf_cms, dummy_client):
        module.serialization = SimpleNamespace(load_der_private_key=loaded)
