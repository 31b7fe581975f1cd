"""Backups of the registry in the archive itself: an OCFL object each, `urn:sohoa:backup:<instant>`.

The bucket that keeps the records then also keeps what is not in them; the lock on it, replication and fixity audits
hold for both (docs/decisions/0012-backup-in-the-archive.md).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import BinaryIO

from archive.ocfl import (
    BACKUP,
    INVENTORY,
    OBJECT_DECLARATION,
    SIDECAR,
    Inventory,
    Version,
    backup_in,
    ensure_root,
    inventory_of,
    root_of,
    sidecar,
)
from archive.store import Content, ObjectStore
from registry.errors import FixityMismatch, KeyNotFound

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
    ensure_root(store)
    tree, sha256 = _tree(identifier, files, user)
    store.put_tree(root_of(identifier), tree, sha256, retain_until=retain_until)
    for name, expected in sha256.items():
        if _read_back(store, f"{root_of(identifier)}/{name}") != expected:
            raise FixityMismatch(f"{identifier}: {name}")


def iter_backups(store: ObjectStore) -> Iterator[str]:
    """The id of every backup in the store, from the names alone: one that is not whole is among them too."""
    last: str | None = None
    for key in store.list(""):
        found = backup_in(key)
        if found and found != last:
            yield found
            last = found


def files_of(store: ObjectStore, identifier: str) -> frozenset[str]:
    """The names of the files in a backup. Raises KeyNotFound, FixityMismatch."""
    inventory = inventory_of(store, root_of(identifier))
    return frozenset(inventory.versions[inventory.head].state)


def open_backup_file(store: ObjectStore, identifier: str, name: str) -> BinaryIO:
    """A stream of one file's bytes. Raises KeyNotFound, FixityMismatch."""
    path = inventory_of(store, root_of(identifier)).content_path(name)
    if path is None:
        raise KeyNotFound(f"{identifier} has no {name}")
    return store.open(f"{root_of(identifier)}/{path}")


def checked_backup_file(store: ObjectStore, identifier: str, name: str) -> bytes:
    """A small file, compared with the inventory. Raises KeyNotFound, FixityMismatch."""
    inventory = inventory_of(store, root_of(identifier))
    path = inventory.content_path(name)
    if path is None:
        raise KeyNotFound(f"{identifier} has no {name}")
    with store.open(f"{root_of(identifier)}/{path}") as stream:
        body = stream.read()
    if hashlib.sha256(body).hexdigest() != inventory.sha256[path]:
        raise FixityMismatch(f"{identifier}: {name}")
    return body


def remove_backup(store: ObjectStore, identifier: str) -> None:
    """Nothing of the backup is left. Raises Retained (its lock holds; nothing was removed), KeyNotFound."""
    store.delete_tree(root_of(identifier))


def _tree(identifier: str, files: Mapping[str, Path], user: str) -> tuple[dict[str, Content], dict[str, str]]:
    """Every file of the object, its root's papers last, and the SHA-256 of each. The same files: the same tree."""
    state: dict[str, str] = {}
    manifest: dict[str, str] = {}
    fixity: dict[str, str] = {}
    tree: dict[str, Content] = {}
    for name, path in sorted(files.items()):
        with path.open("rb") as stream:
            state[name] = hashlib.file_digest(stream, "sha512").hexdigest()
        if state[name] in manifest:
            continue
        place = f"v1/content/{name}"
        with path.open("rb") as stream:
            fixity[place] = hashlib.file_digest(stream, "sha256").hexdigest()
        manifest[state[name]], tree[place] = place, path
    version = Version(created=made_at(identifier).isoformat(), message="backup", user=user, state=state)
    inventory = Inventory(
        id=identifier, head="v1", manifest=manifest, sha256=fixity, versions={"v1": version}
    ).to_json()
    papers = {INVENTORY: inventory, SIDECAR: sidecar(inventory)}
    declaration = {OBJECT_DECLARATION[0]: OBJECT_DECLARATION[1]}
    for name, body in ({f"v1/{k}": v for k, v in papers.items()} | declaration | papers).items():
        tree[name], fixity[name] = body, hashlib.sha256(body).hexdigest()
    return tree, fixity


def _read_back(store: ObjectStore, key: str) -> str:
    digest = hashlib.sha256()
    with store.open(key) as stream:
        while chunk := stream.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()
