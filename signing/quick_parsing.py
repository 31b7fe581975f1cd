"""Three places where pyHanko and asn1crypto spend half the time of a validation, done once or in one go. There is no
setting for any of them, and what they answer stays the same: what is odd goes the old way.

- A hex string is read byte by byte: 32 KiB of /Contents are a tenth of a validation, for each signature.
- Names are compared as RFC 5280 §7.1 says, from the start each time: the same dozen names, hundreds of times.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, BinaryIO

from asn1crypto import x509
from pyhanko.pdf_utils import generic

MOST_NAMES = 512
CHUNK = 1 << 14
PLAIN_HEX = re.compile(rb"\A[0-9a-fA-F]*\Z")

_slowly_read = generic.read_hex_string_from_stream
_slowly_prepared = x509.NameTypeAndValue._ldap_string_prep
_slowly_equal = x509.Name.__eq__
_compared: dict[tuple[bytes, bytes], bool] = {}


def read_hex_string(stream: BinaryIO) -> Any:
    """What pyHanko's own function reads, with the stream where that leaves it."""
    start = stream.tell()
    held = stream.read(CHUNK)
    while b">" not in held and (more := stream.read(CHUNK)):
        held += more
    end = held.find(b">")
    digits = held[1:end]
    if end < 0 or len(digits) % 2 or not PLAIN_HEX.match(digits):
        stream.seek(start)
        return _slowly_read(stream)
    stream.seek(start + end + 1)
    return generic.pdf_string(bytes.fromhex(digits.decode("ascii")))


@lru_cache(maxsize=MOST_NAMES)
def _prepared(text: str) -> str:
    return str(_slowly_prepared(None, text))


def _equal(own: x509.Name, other: object) -> bool:
    """Names of the same bytes are the same name; any others are compared as the standard says, each pair once."""
    if not isinstance(other, x509.Name):
        return False
    mine, theirs = own.chosen.contents, other.chosen.contents  # a name may stand under a tag: the tag is no part of it
    if mine is None or theirs is None:
        return bool(_slowly_equal(own, other))
    if mine == theirs:
        return True
    found = _compared.get((mine, theirs))
    if found is None:
        if len(_compared) >= MOST_NAMES:
            _compared.clear()
        found = _compared[mine, theirs] = bool(_slowly_equal(own, other))
    return found


def parse_quickly() -> None:
    """From now on in this process. Repeatable."""
    generic.read_hex_string_from_stream = read_hex_string
    x509.NameTypeAndValue._ldap_string_prep = lambda _self, text: _prepared(text)
    x509.Name.__eq__ = _equal
