"""Fixity: whether every archived byte is what the inventory says. Collects all findings, then reports."""

from __future__ import annotations

import hashlib
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import BinaryIO

from pydantic import Field

from archive.ocfl import (
    INVENTORY,
    OBJECT_DECLARATION,
    SIDECAR,
    Inventory,
    identifier_of,
    kind_of,
    object_root,
    parse_inventory,
    root_in,
    root_of,
    root_papers,
    sidecar,
)
from archive.scans import scan_object
from archive.store import ObjectStore, get
from registry.errors import FixityMismatch, KeyNotFound
from registry.values import DocumentId, ScanId, Value

GONE = "missing: the whole object"
BEING_ANNOUNCED = re.compile(rf"changed: {re.escape(INVENTORY)}")
BEING_WRITTEN = re.compile(r"unexpected: v\d+/.*")
ANNOUNCING_S, WRITING_S = (0.3,), (0.3, 2.0, 8.0)
"""When to look again: an inventory and its digest are replaced one after the other, and a store that takes file by file
has those of a new version before the inventory that names them."""


class RecordFixity(Value):
    """findings: what does not hold, as `<what>: <key below the object>`. document_id: of a scan,
    backup or seal, its object's id. digests: SHA-256 of the newest version's files, as they were read, by logical path.
    versions: SHA-256 of each version's own inventory."""

    document_id: DocumentId
    ok: bool
    findings: tuple[str, ...] = ()
    bytes_read: int = 0
    digests: dict[str, str] = Field(default_factory=dict)
    versions: dict[str, str] = Field(default_factory=dict)


class AuditResult(Value):
    """Everything checked; `damaged` holds objects with findings, `strays` keys of none of them or changed root files.
    seals: of the audit log. others: objects of further kinds."""

    records: int
    scans: int = 0
    backups: int = 0
    seals: int = 0
    others: int = 0
    bytes_read: int
    damaged: tuple[RecordFixity, ...]
    strays: tuple[str, ...]

    @property
    def ok(self) -> bool:
        return not self.damaged and not self.strays


def check_record(
    store: ObjectStore, document_id: DocumentId, copies: Mapping[str, BinaryIO] | None = None
) -> RecordFixity:
    """Every file of every version was read. A missing, changed or unexpected file is a finding; nothing is raised.

    copies: files of the newest version by logical path, whose bytes are written there as they are read: whoever looks
    into them besides need not read them again.
    """
    return check_object(store, object_root(document_id), copies)


def check_scan(store: ObjectStore, scan_id: ScanId) -> RecordFixity:
    """The same for a scan of several documents."""
    return check_object(store, root_of(scan_object(scan_id)))


def check_object(store: ObjectStore, root: str, copies: Mapping[str, BinaryIO] | None = None) -> RecordFixity:
    """The same for whatever object lies, or should lie, at this prefix. Files are read in pieces, none is kept.

    A new version that is just being written looks like damage for a moment: it is looked at again before that is said.
    """
    found = _check_once(store, root, copies)
    for pause in _under_way(found.findings):
        if found.ok:
            break
        time.sleep(pause)
        for copy in (copies or {}).values():
            copy.seek(0)
            copy.truncate()
        found = _check_once(store, root, copies)
    return found


def _under_way(findings: Sequence[str]) -> tuple[float, ...]:
    """When to look again, where a version under way would look so."""
    if not findings or not all(BEING_ANNOUNCED.fullmatch(f) or BEING_WRITTEN.fullmatch(f) for f in findings):
        return ()
    return WRITING_S if all(BEING_WRITTEN.fullmatch(f) for f in findings) else ANNOUNCING_S


def _check_once(store: ObjectStore, root: str, copies: Mapping[str, BinaryIO] | None) -> RecordFixity:
    identifier = identifier_of(root)
    document_id = DocumentId(identifier.removeprefix("urn:uuid:"))
    findings: list[str] = []
    read = 0
    found: dict[str, str] = {}
    try:
        body = get(store, f"{root}/{INVENTORY}")
        if get(store, f"{root}/{SIDECAR}") != sidecar(body):
            findings.append(f"changed: {INVENTORY}")
        inventory = parse_inventory(body)
    except (KeyNotFound, FixityMismatch):
        gone = next(iter(store.list(root)), None) is None
        findings.append(GONE if gone else f"unreadable: {INVENTORY}")
        return RecordFixity(document_id=document_id, ok=False, findings=tuple(findings))
    expected = {OBJECT_DECLARATION[0], INVENTORY, SIDECAR}
    if inventory.id != identifier or root_of(identifier) != root:
        findings.append(f"foreign: {INVENTORY}")
    logical = {d: name for name, d in _state(inventory).items()}
    for digest, path in inventory.manifest.items():
        expected.add(path)
        try:
            size, sha512, sha256 = _read(store, f"{root}/{path}", (copies or {}).get(logical.get(digest, "")))
        except KeyNotFound:
            findings.append(f"missing: {path}")
            continue
        read += size
        if sha512 != digest or sha256 != inventory.sha256.get(path):
            findings.append(f"changed: {path}")
        found[digest] = sha256
    versions: dict[str, str] = {}
    findings += _check_papers(store, root, inventory, body, expected, versions)
    present = {key.removeprefix(f"{root}/") for key in store.list(root)}
    findings += [f"unexpected: {name}" for name in sorted(present - expected)]
    return RecordFixity(
        document_id=document_id,
        ok=not findings,
        findings=tuple(findings),
        bytes_read=read,
        digests={name: found[d] for name, d in _state(inventory).items() if d in found},
        versions=versions,
    )


def _state(inventory: Inventory) -> dict[str, str]:
    """Logical path → SHA-512 of the newest version; empty when the inventory does not tell of it."""
    newest = inventory.versions.get(inventory.head)
    return newest.state if newest else {}


def audit(store: ObjectStore, progress: Callable[[RecordFixity], None] = lambda _: None) -> AuditResult:
    """The state of the whole store, in one go; `progress` is called after each object. pipeline.fixity does the same
    in portions."""
    damaged: list[RecordFixity] = []
    strays: list[str] = []
    counted: Counter[str] = Counter()
    read = 0
    for root in objects(store, "", strays.append):
        found = check_object(store, root)
        progress(found)
        counted[kind_of(root)] += 1
        read += found.bytes_read
        if not found.ok:
            damaged.append(found)
    return AuditResult(
        records=counted.pop("record", 0),
        scans=counted.pop("scan", 0),
        backups=counted.pop("backup", 0),
        seals=counted.pop("audit", 0),
        others=counted.total(),
        bytes_read=read,
        damaged=tuple(damaged),
        strays=(*changed_papers(store), *strays),
    )


def objects(store: ObjectStore, part: str, stray: Callable[[str], None] = lambda _: None) -> Iterator[str]:
    """The prefix of every object in this part of the store (archive.aip.parts; all of it for an empty one), from the
    names alone, in their order; `stray` is told each key that is no object's and none of the root's own papers."""
    last, papers = "", root_papers()
    for key in store.list(part):
        root = root_in(key)
        if root is None:
            if key not in papers:
                stray(key)
        elif root != last:
            yield root
            last = root


def changed_papers(store: ObjectStore) -> tuple[str, ...]:
    """Those of the storage root's own papers that are changed or gone; none of a store that is empty."""
    if next(iter(store.list("")), None) is None:
        return ()
    return tuple(key for key, body in root_papers().items() if not _holds(store, key, body))


def _check_papers(
    store: ObjectStore, root: str, inventory: Inventory, body: bytes, expected: set[str], versions: dict[str, str]
) -> list[str]:
    """The declaration, and each version's own inventory with its digest; the newest equals the root's. `versions` holds
    the SHA-256 of each afterwards."""
    findings = []
    if not _holds(store, f"{root}/{OBJECT_DECLARATION[0]}", OBJECT_DECLARATION[1]):
        findings.append(f"changed: {OBJECT_DECLARATION[0]}")
    for name in inventory.versions:
        expected |= {f"{name}/{INVENTORY}", f"{name}/{SIDECAR}"}
        try:
            own = get(store, f"{root}/{name}/{INVENTORY}")
        except KeyNotFound:
            findings.append(f"missing: {name}/{INVENTORY}")
            continue
        versions[name] = hashlib.sha256(own).hexdigest()
        if not _holds(store, f"{root}/{name}/{SIDECAR}", sidecar(own)) or (name == inventory.head and own != body):
            findings.append(f"changed: {name}/{INVENTORY}")
    return findings


def _holds(store: ObjectStore, key: str, body: bytes) -> bool:
    try:
        return get(store, key) == body
    except KeyNotFound:
        return False


def _read(store: ObjectStore, key: str, copy: BinaryIO | None = None) -> tuple[int, str, str]:
    long, short, size = hashlib.sha512(), hashlib.sha256(), 0
    with store.open(key) as stream:
        while chunk := stream.read(1 << 20):
            long.update(chunk)
            short.update(chunk)
            size += len(chunk)
            if copy is not None:
                copy.write(chunk)
    return size, long.hexdigest(), short.hexdigest()
