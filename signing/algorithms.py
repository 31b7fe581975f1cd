"""How long an algorithm is believed (ETSI TS 119 312; the dates are those of the policy of the EU's DSS 6.4).

A table with a version, kept in the program: what counts as weak must be the same for who signs and who judges.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from asn1crypto import keys

VERSION = "2026-11"

DIGESTS = {"md2": date(2005, 8, 1), "md5": date(2005, 8, 1), "sha1": date(2012, 8, 1), "sha224": date(2029, 1, 1)}
"""Digests not named have no end."""
RSA_PKCS1_ENDS = date(2029, 1, 1)
"""RSASSA-PKCS1-v1_5, of any size."""
RSA_SIZES = ((1900, date(2010, 8, 1)), (3000, date(2029, 1, 1)))
"""Keys of fewer bits than that, until then."""
EC_SIZES = ((256, date(2013, 8, 1)),)


def ends_on(digest: str, signature: str, key: keys.PublicKeyInfo) -> date | None:
    """The day from which a signature made so is no longer believed; None while there is none.

    digest: as asn1crypto calls it; signature: the algorithm's kind, `rsassa_pkcs1v15`, `rsassa_pss`, `ecdsa`, ….
    """
    return min(_ends(digest, signature, key), default=None)


def _ends(digest: str, signature: str, key: keys.PublicKeyInfo) -> Iterator[date]:
    if digest in DIGESTS:
        yield DIGESTS[digest]
    if signature == "rsassa_pkcs1v15":
        yield RSA_PKCS1_ENDS
    sizes = RSA_SIZES if key.algorithm in ("rsa", "rsassa_pss") else EC_SIZES if key.algorithm == "ec" else ()
    yield from (end for size, end in sizes if key.bit_size < size)
