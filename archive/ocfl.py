"""OCFL 1.1 (https://ocfl.io/1.1/spec/): where an object lies and what its inventory says.

The storage root uses the registered layout 0003-hash-and-id-n-tuple-storage-layout: any OCFL tool finds
objects, and a person reads a record's id from its folder.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

from archive.store import ObjectStore, get
from registry.errors import FixityMismatch
from registry.values import DocumentId, Value

T = TypeVar("T")

SPEC = "https://ocfl.io/1.1/spec/#inventory"
ROOT_DECLARATION = ("0=ocfl_1.1", b"ocfl_1.1\n")
OBJECT_DECLARATION = ("0=ocfl_object_1.1", b"ocfl_object_1.1\n")
LAYOUT = "0003-hash-and-id-n-tuple-storage-layout"
TUPLE_SIZE, TUPLES = 3, 3
OBJECT_FOLDER = re.compile(r"^(?:[0-9a-f]{3}/){3}urn%3auuid%3a([0-9a-f-]{36})/")
BACKUP = "urn:sohoa:backup:"
BACKUP_FOLDER = re.compile(r"^(?:[0-9a-f]{3}/){3}urn%3asohoa%3abackup%3a([0-9]{8}T[0-9]{6}Z)/")
SCAN = "urn:sohoa:scan:"
SCAN_FOLDER = re.compile(r"^(?:[0-9a-f]{3}/){3}urn%3asohoa%3ascan%3a([0-9a-f-]{36})/")
OUR_ROOT = re.compile(r"^(?:[0-9a-f]{3}/){3}urn%3a(?:(uuid)|sohoa%3a([a-z-]+))%3a[0-9A-Za-z.%-]+$")
AUDIT = "urn:sohoa:audit:"
DIGEST = "sha512"
INVENTORY, SIDECAR = "inventory.json", f"inventory.json.{DIGEST}"


class Version(Value):
    """One version of an object: logical path → SHA-512 of its bytes."""

    created: str
    message: str
    user: str
    state: dict[str, str]


class Inventory(Value):
    """The parts of an OCFL inventory that we write: one content file per digest, SHA-256 beside it as fixity."""

    id: str
    head: str
    manifest: dict[str, str]
    """SHA-512 → content path below the object's root."""
    sha256: dict[str, str]
    """content path → SHA-256."""
    versions: dict[str, Version]

    def content_path(self, logical: str, version: str | None = None) -> str | None:
        """Where the bytes of a logical file lie; None when that version has no such file."""
        digest = self.versions[version or self.head].state.get(logical)
        return self.manifest[digest] if digest else None

    def to_json(self) -> bytes:
        """The inventory as OCFL writes it."""
        body = {
            "id": self.id,
            "type": SPEC,
            "digestAlgorithm": DIGEST,
            "head": self.head,
            "contentDirectory": "content",
            "manifest": {digest: [path] for digest, path in sorted(self.manifest.items())},
            "versions": {name: _version_json(v) for name, v in self.versions.items()},
            "fixity": {"sha256": _by_digest(self.sha256)},
        }
        return json.dumps(body, ensure_ascii=False, indent=1).encode()


def parse_inventory(body: bytes) -> Inventory:
    """Raises FixityMismatch for what is no inventory of ours."""
    try:
        told = json.loads(body)
        manifest = {digest: paths[0] for digest, paths in told["manifest"].items()}
        return Inventory(
            id=told["id"],
            head=told["head"],
            manifest=manifest,
            sha256={path: d for d, paths in told["fixity"]["sha256"].items() for path in paths},
            versions={
                name: Version(
                    created=v["created"],
                    message=v["message"],
                    user=v["user"]["name"],
                    state={logical: d for d, paths in v["state"].items() for logical in paths},
                )
                for name, v in told["versions"].items()
            },
        )
    except (ValueError, KeyError, TypeError, IndexError, AttributeError) as exc:
        raise FixityMismatch("an inventory cannot be read") from exc


def object_id(document_id: DocumentId) -> str:
    """The OCFL object's id."""
    return f"urn:uuid:{document_id}"


def object_root(document_id: DocumentId) -> str:
    """The key prefix of a document's object."""
    return root_of(object_id(document_id))


def root_of(identifier: str) -> str:
    """The key prefix of the object: three tuples of the SHA-256 of its id, then the id, percent-encoded."""
    digest = hashlib.sha256(identifier.encode()).hexdigest()
    tuples = [digest[i * TUPLE_SIZE : (i + 1) * TUPLE_SIZE] for i in range(TUPLES)]
    return "/".join((*tuples, identifier.replace(":", "%3a")))


def object_in(key: str) -> DocumentId | None:
    """The document whose object a key belongs to; None for a key of the root's own papers."""
    found = OBJECT_FOLDER.search(key)
    return DocumentId(found[1]) if found else None


def backup_in(key: str) -> str | None:
    """The id of the backup whose object a key belongs to; None for every other key."""
    found = BACKUP_FOLDER.search(key)
    return f"{BACKUP}{found[1]}" if found else None


def scan_in(key: str) -> str | None:
    """The id of the scan of several papers whose object a key belongs to; None for every other key."""
    found = SCAN_FOLDER.search(key)
    return f"{SCAN}{found[1]}" if found else None


def each_once(keys: Iterable[str], named: Callable[[str], T | None]) -> Iterator[T]:
    """What the keys are named after, each once: keys come in order, those of an object one after the other."""
    last: T | None = None
    for key in keys:
        found = named(key)
        if found is not None and found != last:
            yield found
            last = found


def is_ours(root: str) -> bool:
    """Whether a key prefix is that of an object of ours, of whatever kind."""
    return OUR_ROOT.match(root) is not None


def kind_of(root: str) -> str:
    """What an object is: `record`, or the word in its id (`scan`, `backup`, `disposal`, …). Raises ValueError for a
    prefix that is no object's."""
    found = OUR_ROOT.match(root)
    if found is None:
        raise ValueError("not the prefix of an object")
    return "record" if found[1] else found[2]


def identifier_of(root: str) -> str:
    """The OCFL id of the object at this prefix: `root_of` turned round."""
    return root.rpartition("/")[2].replace("%3a", ":")


def root_in(key: str) -> str | None:
    """The prefix of the object that a key belongs to; None for a key of none."""
    root = "/".join(key.split("/")[:4])
    return root if root != key and is_ours(root) else None


def ensure_root(store: ObjectStore) -> None:
    """The store is an OCFL storage root. Safe to repeat."""
    if store.exists(ROOT_DECLARATION[0]):
        return
    for key, body in root_papers().items():
        store.replace(key, body)


def root_papers() -> dict[str, bytes]:
    """The files of the storage root itself, the declaration last."""
    layout = {"extension": LAYOUT, "description": "Hashed truncated n-tuple trees with object ids, SHA-256"}
    config = {
        "extensionName": LAYOUT,
        "digestAlgorithm": "sha256",
        "tupleSize": TUPLE_SIZE,
        "numberOfTuples": TUPLES,
    }
    return {
        f"extensions/{LAYOUT}/config.json": _pretty(config),
        "ocfl_layout.json": _pretty(layout),
        ROOT_DECLARATION[0]: ROOT_DECLARATION[1],
    }


def sidecar(inventory: bytes) -> bytes:
    """The digest file that goes with an inventory."""
    return f"{hashlib.sha512(inventory).hexdigest()} {INVENTORY}\n".encode()


def read_inventory(store: ObjectStore, document_id: DocumentId) -> Inventory:
    """The root inventory of a document's object. See inventory_of."""
    return inventory_of(store, object_root(document_id))


def inventory_of(store: ObjectStore, root: str) -> Inventory:
    """The object's root inventory, checked against its sidecar. Raises KeyNotFound, FixityMismatch.

    Inventory and sidecar are two files: between their replacements the newest version's own pair, written before
    them, vouches for the inventory.
    """
    body = get(store, f"{root}/{INVENTORY}")
    inventory = parse_inventory(body)
    if get(store, f"{root}/{SIDECAR}") != sidecar(body):
        own = f"{root}/{inventory.head}"
        if get(store, f"{own}/{INVENTORY}") != body or get(store, f"{own}/{SIDECAR}") != sidecar(body):
            raise FixityMismatch(f"{root}/{INVENTORY} does not fit its digest")
    return inventory


def _version_json(version: Version) -> dict[str, Any]:
    return {
        "created": version.created,
        "message": version.message,
        "user": {"name": version.user, "address": f"urn:sohoa:agent:{version.user}"},
        "state": _by_digest(version.state),
    }


def _by_digest(paths: dict[str, str]) -> dict[str, list[str]]:
    turned: dict[str, list[str]] = {}
    for path, digest in sorted(paths.items()):
        turned.setdefault(digest, []).append(path)
    return turned


def _pretty(body: dict[str, Any]) -> bytes:
    return json.dumps(body, indent=1).encode() + b"\n"
