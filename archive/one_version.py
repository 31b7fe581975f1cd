"""OCFL objects of one version beside the records: written whole, read back, never added to."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import BinaryIO

from archive.ocfl import (
    INVENTORY,
    OBJECT_DECLARATION,
    SIDECAR,
    Inventory,
    Version,
    ensure_root,
    inventory_of,
    root_of,
    sidecar,
)
from archive.store import Content, ObjectStore
from registry.errors import FixityMismatch, KeyNotFound


def store_object(
    store: ObjectStore,
    identifier: str,
    files: Mapping[str, Content],
    *,
    user: str,
    created: str,
    message: str,
    retain_until: date | None,
) -> None:
    """The files stand in the store as the object's only version, every byte read back and compared, locked until that
    day. Safe to repeat with the same files: what an interrupted call left undone is done, a later day counts.

    Raises KeyTaken (other bytes have this id), FixityMismatch, ServiceUnavailable.
    """
    ensure_root(store)
    tree, sha256 = _tree(identifier, files, Version(created=created, message=message, user=user, state={}))
    store.put_tree(root_of(identifier), tree, sha256, retain_until=retain_until)
    for name, expected in sha256.items():
        if _read_back(store, f"{root_of(identifier)}/{name}") != expected:
            raise FixityMismatch(f"{identifier}: {name}")


def files_of(store: ObjectStore, identifier: str) -> frozenset[str]:
    """The names of the files in an object. Raises KeyNotFound, FixityMismatch."""
    inventory = inventory_of(store, root_of(identifier))
    return frozenset(inventory.versions[inventory.head].state)


def digest_of(store: ObjectStore, identifier: str, name: str) -> str:
    """SHA-256 of a file as the inventory records it. Raises KeyNotFound, FixityMismatch."""
    inventory = inventory_of(store, root_of(identifier))
    path = inventory.content_path(name)
    if path is None:
        raise KeyNotFound(f"{identifier} has no {name}")
    return inventory.sha256[path]


def open_file_of(store: ObjectStore, identifier: str, name: str) -> BinaryIO:
    """A stream of one file's bytes. Raises KeyNotFound, FixityMismatch."""
    path = inventory_of(store, root_of(identifier)).content_path(name)
    if path is None:
        raise KeyNotFound(f"{identifier} has no {name}")
    return store.open(f"{root_of(identifier)}/{path}")


def checked_file_of(store: ObjectStore, identifier: str, name: str) -> bytes:
    """A small file, compared with the inventory. Raises KeyNotFound, FixityMismatch."""
    with open_file_of(store, identifier, name) as stream:
        body = stream.read()
    if hashlib.sha256(body).hexdigest() != digest_of(store, identifier, name):
        raise FixityMismatch(f"{identifier}: {name}")
    return body


def _tree(identifier: str, files: Mapping[str, Content], version: Version) -> tuple[dict[str, Content], dict[str, str]]:
    """Every file of the object, its root's papers last, and the SHA-256 of each. The same files: the same tree."""
    state: dict[str, str] = {}
    manifest: dict[str, str] = {}
    fixity: dict[str, str] = {}
    tree: dict[str, Content] = {}
    for name, content in sorted(files.items()):
        state[name], sha256 = _digest(content, "sha512"), _digest(content, "sha256")
        if state[name] in manifest:
            continue
        place = f"v1/content/{name}"
        fixity[place] = sha256
        manifest[state[name]], tree[place] = place, content
    inventory = Inventory(
        id=identifier,
        head="v1",
        manifest=manifest,
        sha256=fixity,
        versions={"v1": version.model_copy(update={"state": state})},
    ).to_json()
    papers = {INVENTORY: inventory, SIDECAR: sidecar(inventory)}
    declaration = {OBJECT_DECLARATION[0]: OBJECT_DECLARATION[1]}
    for name, body in ({f"v1/{k}": v for k, v in papers.items()} | declaration | papers).items():
        tree[name], fixity[name] = body, hashlib.sha256(body).hexdigest()
    return tree, fixity


def _digest(content: Content, algorithm: str) -> str:
    if isinstance(content, Path):
        with content.open("rb") as stream:
            return hashlib.file_digest(stream, algorithm).hexdigest()
    return hashlib.new(algorithm, content).hexdigest()


def _read_back(store: ObjectStore, key: str) -> str:
    digest = hashlib.sha256()
    with store.open(key) as stream:
        while chunk := stream.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()
