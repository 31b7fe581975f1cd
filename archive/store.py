"""The home of archived bytes: write-once. One Protocol, one contract suite (tests/contracts/object_store.py)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO, Protocol

from registry.errors import KeyNotFound

Content = bytes | Path
"""What is stored: bytes at hand, or a file to be read."""


class ObjectStore(Protocol):
    """Write-once home of archived bytes. Keys are relative, `/`-separated. Safe to call from several threads.

    What was put is never changed or removed by any method; `replace` is for an OCFL object's root inventory and its
    sidecar only, the one pair of files that OCFL replaces.
    """

    def put_tree(self, prefix: str, files: Mapping[str, Content], sha256: Mapping[str, str]) -> None:
        """Every file stands under prefix/name, on disk. A home that can makes them appear at once; any other stores
        them in the order given. The same bytes again change nothing.

        Raises KeyTaken (other bytes are there), FixityMismatch (bytes are not those of sha256; nothing is stored),
        ServiceUnavailable (unknown what was stored; the same call again completes it).
        """
        ...

    def replace(self, key: str, body: bytes) -> None:
        """The key holds this body, atomically: a reader sees the old one or the new one."""
        ...

    def open(self, key: str) -> BinaryIO:
        """A stream of the bytes. Raises KeyNotFound."""
        ...

    def exists(self, key: str) -> bool: ...

    def list(self, prefix: str) -> Iterator[str]:
        """All keys below prefix/, in order of their names; the whole store for an empty prefix."""
        ...

    def clear_staging(self) -> None:
        """What an interrupted write left half-made is gone. Only while no other process writes to the store."""
        ...


def get(store: ObjectStore, key: str) -> bytes:
    """All bytes of a small object. Raises KeyNotFound."""
    with store.open(key) as stream:
        return stream.read()


def require_key(key: str) -> str:
    """The key itself, when it is a clean relative one. Raises KeyNotFound: nothing can be stored under another."""
    parts = key.split("/")
    if not key or any(part in ("", ".", "..") or "\0" in part or "\\" in part for part in parts):
        raise KeyNotFound("not a key")
    return key
