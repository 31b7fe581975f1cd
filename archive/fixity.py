"""Fixity: whether every archived byte is what the inventory says. Collects all findings, then reports."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator

from archive.aip import iter_records
from archive.backups import iter_backups
from archive.ocfl import (
    INVENTORY,
    OBJECT_DECLARATION,
    SIDECAR,
    Inventory,
    backup_in,
    each_once,
    object_id,
    parse_inventory,
    root_of,
    root_papers,
    scan_in,
    seal_in,
    sidecar,
)
from archive.scans import iter_scans, scan_object
from archive.store import ObjectStore, get
from registry.errors import FixityMismatch, KeyNotFound
from registry.values import DocumentId, ScanId, Value


class RecordFixity(Value):
    """findings: what does not hold, as `<what>: <key below the object>`. document_id: of a scan,
    backup or seal, its object's id."""

    document_id: DocumentId
    ok: bool
    findings: tuple[str, ...] = ()
    bytes_read: int = 0


class AuditResult(Value):
    """All records, scans of several documents, backups and seals of the audit log checked; `damaged` holds those with
    findings, `strays` keys of none of them or changed root files."""

    records: int
    scans: int = 0
    backups: int = 0
    seals: int = 0
    bytes_read: int
    damaged: tuple[RecordFixity, ...]
    strays: tuple[str, ...]

    @property
    def ok(self) -> bool:
        return not self.damaged and not self.strays


def check_record(store: ObjectStore, document_id: DocumentId) -> RecordFixity:
    """Every file of every version was read. A missing, changed or unexpected file is a finding; nothing is raised."""
    return _check(store, document_id, object_id(document_id))


def check_scan(store: ObjectStore, scan_id: ScanId) -> RecordFixity:
    """The same for a scan of several documents."""
    return _check(store, DocumentId(scan_object(scan_id)), scan_object(scan_id))


def _check(store: ObjectStore, document_id: DocumentId, identifier: str) -> RecordFixity:
    root = root_of(identifier)
    findings: list[str] = []
    read = 0
    try:
        body = get(store, f"{root}/{INVENTORY}")
        if get(store, f"{root}/{SIDECAR}") != sidecar(body):
            findings.append(f"changed: {INVENTORY}")
        inventory = parse_inventory(body)
    except (KeyNotFound, FixityMismatch):
        return RecordFixity(document_id=document_id, ok=False, findings=(*findings, f"unreadable: {INVENTORY}"))
    expected = {OBJECT_DECLARATION[0], INVENTORY, SIDECAR}
    if inventory.id != identifier:
        findings.append(f"foreign: {INVENTORY}")
    for digest, path in inventory.manifest.items():
        expected.add(path)
        try:
            size, sha512, sha256 = _read(store, f"{root}/{path}")
        except KeyNotFound:
            findings.append(f"missing: {path}")
            continue
        read += size
        if sha512 != digest or sha256 != inventory.sha256.get(path):
            findings.append(f"changed: {path}")
    findings += _check_papers(store, root, inventory, body, expected)
    present = {key.removeprefix(f"{root}/") for key in store.list(root)}
    findings += [f"unexpected: {name}" for name in sorted(present - expected)]
    return RecordFixity(document_id=document_id, ok=not findings, findings=tuple(findings), bytes_read=read)


def audit(store: ObjectStore, progress: Callable[[RecordFixity], None] = lambda _: None) -> AuditResult:
    """The state of the whole store; `progress` is called after each record."""
    damaged: list[RecordFixity] = []
    roots: set[str] = set()
    records = scans = backups = seals = read = 0
    for document_id, identifier in _objects(store):
        found = _check(store, document_id, identifier)
        progress(found)
        roots.add(root_of(identifier))
        read += found.bytes_read
        if backup_in(f"{root_of(identifier)}/"):
            backups += 1
        elif scan_in(f"{root_of(identifier)}/"):
            scans += 1
        elif seal_in(f"{root_of(identifier)}/"):
            seals += 1
        else:
            records += 1
        if not found.ok:
            damaged.append(found)
    strays = tuple(_strays(store, roots))
    return AuditResult(
        records=records,
        scans=scans,
        backups=backups,
        seals=seals,
        bytes_read=read,
        damaged=tuple(damaged),
        strays=strays,
    )


def _objects(store: ObjectStore) -> Iterator[tuple[DocumentId, str]]:
    """Every object by the name it goes under here and its OCFL id."""
    for document_id in iter_records(store):
        yield document_id, object_id(document_id)
    for identifier in iter_scans(store):
        yield DocumentId(identifier), identifier
    for identifier in iter_backups(store):
        yield DocumentId(identifier), identifier
    for identifier in each_once(store.list(""), seal_in):
        yield DocumentId(identifier), identifier


def _check_papers(store: ObjectStore, root: str, inventory: Inventory, body: bytes, expected: set[str]) -> list[str]:
    """The declaration, and each version's own inventory with its digest; the newest equals the root's."""
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
        if not _holds(store, f"{root}/{name}/{SIDECAR}", sidecar(own)) or (name == inventory.head and own != body):
            findings.append(f"changed: {name}/{INVENTORY}")
    return findings


def _holds(store: ObjectStore, key: str, body: bytes) -> bool:
    try:
        return get(store, key) == body
    except KeyNotFound:
        return False


def _strays(store: ObjectStore, roots: set[str]) -> list[str]:
    papers = root_papers()
    keys = list(store.list(""))
    changed = [key for key, body in papers.items() if keys and not _holds(store, key, body)]
    return changed + [k for k in keys if k not in papers and "/".join(k.split("/")[:4]) not in roots]


def _read(store: ObjectStore, key: str) -> tuple[int, str, str]:
    long, short, size = hashlib.sha512(), hashlib.sha256(), 0
    with store.open(key) as stream:
        while chunk := stream.read(1 << 20):
            long.update(chunk)
            short.update(chunk)
            size += len(chunk)
    return size, long.hexdigest(), short.hexdigest()
