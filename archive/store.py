"""The home of archived bytes: write-once. One Protocol, one contract suite (tests/contracts/object_store.py)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import BinaryIO, Protocol

from archive.locks import Lock
from registry.errors import KeyNotFound

Content = bytes | Path
"""What is stored: bytes at hand, or a file to be read."""


class ObjectStore(Protocol):
    """Write-once home of archived bytes. Keys are relative, `/`-separated. Safe to call from several threads.

    What was put is never changed, and removed only by `delete_tree` after its retention; `replace` is for an OCFL
    object's root inventory and its sidecar only, the one pair of files that OCFL replaces: on S3 their earlier
    versions stay under lock. retain_until: the last day (in Vietnam) on which nothing can remove what was put; None is
    for ever. A later day given for what stands there extends its retention, an earlier one does not shorten it.
    """

    def check(self) -> None:
        """The home can be written to and protects what it holds. Raises SettingsInvalid (versioning or object lock is
        not in force: nothing may be stored here), ServiceUnavailable."""
        ...

    def put_tree(
        self, prefix: str, files: Mapping[str, Content], sha256: Mapping[str, str], *, retain_until: date | None = None
    ) -> None:
        """Every file stands under prefix/name, on disk. A home that can makes them appear at once; any other stores
        them in the order given: the last one says that all are there. The same bytes again change nothing.

        A home that cannot make them appear at once lets other bytes replace those of a tree whose last file is missing,
        once they are so old that their writer must have died; until then the call raises ServiceUnavailable.
        Raises KeyTaken (other bytes are there), FixityMismatch (bytes are not those of sha256; nothing is stored),
        ServiceUnavailable (unknown what was stored; the same call again completes it).
        """
        ...

    def replace(self, key: str, body: bytes, *, retain_until: date | None = None) -> None:
        """The key holds this body, atomically: a reader sees the old one or the new one."""
        ...

    def hold(self, prefix: str, on: bool) -> None:
        """A legal hold lies on everything that stands below prefix, or is lifted: while it lies there nothing of it can
        be removed, whatever the day. Safe to repeat. Raises KeyNotFound, ServiceUnavailable."""
        ...

    def lock(self, prefix: str) -> Lock:
        """The strongest of the locks on what stands below prefix, in whatever version: the latest day, and whether a
        hold lies on any of it. Raises KeyNotFound, ServiceUnavailable."""
        ...

    def delete_tree(self, prefix: str) -> None:
        """Nothing is left below prefix, in no version. Raises Retained (the retention of a file runs, or a hold is on
        it; nothing was removed), KeyNotFound, ServiceUnavailable (the same call again completes it)."""
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
