"""A hash tree over rows (RFC 6962 §2.1): one head for many, and a short proof that one of them is under it.

Who is given the proof of a row learns nothing of the other rows but hashes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

EMPTY = hashlib.sha256().digest()


class Tree:
    """A head that grows by one entry at a time. Holds 32 bytes for each power of two, not for each entry."""

    def __init__(self) -> None:
        self._peaks: list[tuple[int, bytes]] = []

    def add(self, entry: bytes) -> None:
        """The entry stands behind all others."""
        size, node = 1, leaf(entry)
        while self._peaks and self._peaks[-1][0] == size:
            _, left = self._peaks.pop()
            size, node = 2 * size, _node(left, node)
        self._peaks.append((size, node))

    def head(self) -> bytes:
        """The hash over all entries so far."""
        if not self._peaks:
            return EMPTY
        node = self._peaks[-1][1]
        for _, left in reversed(self._peaks[:-1]):
            node = _node(left, node)
        return node


def proof(entries: Sequence[bytes], index: int) -> list[bytes]:
    """What must be hashed with entries[index], from the leaf up, to come to the head (RFC 6962 §2.1.1)."""
    level = [leaf(entry) for entry in entries]
    path: list[bytes] = []
    while len(level) > 1:
        beside = index ^ 1
        if beside < len(level):  # the last of an odd level goes up as it is
            path.append(level[beside])
        pairs = [_node(level[i], level[i + 1]) for i in range(0, len(level) - 1, 2)]
        level = pairs + level[len(level) - len(level) % 2 :]
        index //= 2
    return path


def head_of(entry: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes | None:
    """The head that the proof leads to; None for a place outside, or a proof too long or too short for it."""
    if not 0 <= index < size:
        return None
    node, last, left = leaf(entry), size - 1, list(path)
    while last > 0:
        if index % 2 or index < last:
            if not left:
                return None
            beside = left.pop(0)
            node = _node(beside, node) if index % 2 else _node(node, beside)
        index, last = index // 2, last // 2
    return None if left else node


def leaf(entry: bytes) -> bytes:
    """The hash of an entry; never that of an inner node."""
    return hashlib.sha256(b"\0" + entry).digest()


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\1" + left + right).digest()
