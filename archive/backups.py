"""Backups of the registry in the archive itself: an OCFL object each, `urn:sohoa:backup:<instant>`.

The bucket that keeps the records then also keeps what is not in them; the lock on it, replication and fixity audits
hold for both (docs/decisions/0012-backup-in-the-archive.md).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import BinaryIO

from archive.ocfl import BACKUP, backup_in, each_once, root_of
from archive.one_version import checked_file_of, files_of, open_file_of, store_object
from archive.store import ObjectStore

__all__ = ["files_of"]
INSTANT = "%Y%m%dT%H%M%SZ"


def backup_id(made_at: datetime) -> str:
    """The object's id: the instant in UTC, to the second."""
    return f"{BACKUP}{made_at.astimezone(UTC):{INSTANT}}"


def made_at(identifier: str) -> datetime:
    """The instant in the id. Raises ValueError for what is no backup's id."""
    return datetime.strptime(identifier.removeprefix(BACKUP), INSTANT).replace(tzinfo=UTC)


def store_backup(
    store: ObjectStore, identifier: str, files: Mapping[str, Path], *, user: str, retain_until: date
) -> None:
    """The files stand in the store as the object's only version, every byte read back and compared, locked until that
    day. Safe to repeat with the same files: what an interrupted call left undone is done.

    Raises KeyTaken (another backup has this id), FixityMismatch, ServiceUnavailable.
    """
    created = made_at(identifier).isoformat()
    store_object(
        store, identifier, dict(files), user=user, created=created, message="backup", retain_until=retain_until
    )


def iter_backups(store: ObjectStore) -> Iterator[str]:
    """The id of every backup in the store, from the names alone: one that is not whole is among them too."""
    return each_once(store.list(""), backup_in)


def open_backup_file(store: ObjectStore, identifier: str, name: str) -> BinaryIO:
    """A stream of one file's bytes. Raises KeyNotFound, FixityMismatch."""
    return open_file_of(store, identifier, name)


def checked_backup_file(store: ObjectStore, identifier: str, name: str) -> bytes:
    """A small file, compared with the inventory. Raises KeyNotFound, FixityMismatch."""
    return checked_file_of(store, identifier, name)


def remove_backup(store: ObjectStore, identifier: str) -> None:
    """Nothing of the backup is left. Raises Retained (its lock holds; nothing was removed), KeyNotFound."""
    store.delete_tree(root_of(identifier))
