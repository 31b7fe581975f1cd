"""A second home for the archive: what it lacks is copied, object by object, then both are read and compared."""

from __future__ import annotations

import hashlib
import heapq
import itertools
import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from operator import itemgetter
from pathlib import Path
from typing import BinaryIO

from archive.disposals import iter_disposals, read_decision
from archive.ocfl import (
    INVENTORY,
    OBJECT_DECLARATION,
    SIDECAR,
    Inventory,
    backup_in,
    ensure_root,
    is_ours,
    object_root,
    parse_inventory,
    root_of,
    root_papers,
    scan_in,
    sidecar,
)
from archive.scans import retention_of, scan_object
from archive.store import Content, ObjectStore, get
from registry.errors import FixityMismatch, KeyNotFound, KeyTaken, Retained
from registry.values import Value

CHUNK = 1 << 20


class Replication(Value):
    """What was found and done. Files are counted; differing and extra name keys.

    differing: not the same on both sides, or damaged at the source and therefore not copied. extra: at the replica
    only. bytes_compared: as read at the replica. removed: backups that were removed from the source after their days
    and records that were disposed of, now gone from the replica too.
    """

    objects: int
    copied: int
    same: int
    bytes_compared: int
    removed: int
    differing: tuple[str, ...]
    extra: tuple[str, ...]

    @property
    def ok(self) -> bool:
        return not self.differing and not self.extra


@dataclass(slots=True)
class _Tally:
    objects: int = 0
    copied: int = 0
    same: int = 0
    bytes_compared: int = 0
    removed: int = 0
    differing: list[str] = field(default_factory=list)
    extra: list[str] = field(default_factory=list)


def replicate(
    source: ObjectStore,
    replica: ObjectStore,
    bench: Path,
    *,
    quick: bool = False,
    progress: Callable[[], None] = lambda: None,
) -> Replication:
    """The replica holds every record and backup of the source, under the same retention; each file was read on both
    sides and compared. quick: an object whose newest inventory stands at the replica with all its files is taken for
    the same. `bench`: a folder of our own for files on their way. `progress` is called after each object.

    Nothing at the replica is overwritten but root inventories that are older than the source's. Safe to repeat and to
    interrupt: the next call goes on. Raises ServiceUnavailable, and SettingsInvalid for a replica that has no lock.
    """
    replica.check()
    ensure_root(replica)
    tally, papers, disposed = _Tally(), root_papers(), _disposed(source)
    for root, ours, theirs in _pairs(source, replica):
        if root in papers:
            if _read(replica, root, tally) != hashlib.sha256(papers[root]).hexdigest():
                tally.differing.append(root)
        elif not ours:
            _only_there(replica, root, theirs, tally, disposed)
        elif is_ours(root) and SIDECAR in ours:  # a half-made one waits for its writer
            _bring(source, replica, root, theirs, _Bench(bench), quick, tally)
            tally.extra += [f"{root}/{name}" for name in sorted(theirs - ours)]
            tally.objects += 1
            progress()
    return Replication(
        objects=tally.objects,
        copied=tally.copied,
        same=tally.same,
        bytes_compared=tally.bytes_compared,
        removed=tally.removed,
        differing=tuple(tally.differing),
        extra=tuple(tally.extra),
    )


def _bring(
    source: ObjectStore, replica: ObjectStore, root: str, theirs: set[str], bench: _Bench, quick: bool, tally: _Tally
) -> None:
    """One object stands at the replica as it does at the source; what is damaged at the source is not spread."""
    try:
        body = get(source, f"{root}/{INVENTORY}")
        inventory = parse_inventory(body)
        names = _names(inventory)
        lacking = [n for n in names if n not in theirs]
        if quick and not lacking and get(replica, f"{root}/{INVENTORY}") == body:
            tally.same += len(names)
            return
        expected = _expected(source, root, inventory, body)
        files = {n: bench.fetch(source, f"{root}/{n}", expected[n], keep=n in lacking) for n in expected}
        files |= _root_papers(body)
        if lacking or get(replica, f"{root}/{SIDECAR}") != files[SIDECAR].content:
            with suppress(KeyTaken):  # the comparison names it
                _copy(replica, root, inventory, files, lacking, _retention(source, root, inventory))
            _hold(source, replica, root, inventory)
    except (FixityMismatch, KeyNotFound) as exc:
        tally.differing.append(f"{root}: {exc}")
        return
    finally:
        bench.clear()
    for name in names:
        if _read(replica, f"{root}/{name}", tally) != files[name].sha256:
            tally.differing.append(f"{root}/{name}")
        elif name in lacking:
            tally.copied += 1
        else:
            tally.same += 1


def _copy(
    replica: ObjectStore,
    root: str,
    inventory: Inventory,
    files: dict[str, _Fetched],
    lacking: list[str],
    retain_until: date | None,
) -> None:
    """Content before papers, each version before the next, the root's inventory and its digest last of all."""
    if SIDECAR in lacking:
        _put(replica, root, lacking, files, retain_until)
        return
    for prefix, names in itertools.groupby(lacking, key=lambda n: n.split("/")[0] if "/" in n else ""):
        _put(replica, root, list(names), files, retain_until, prefix)
    earlier = [_root_papers(get(replica, f"{root}/{v}/{INVENTORY}")) for v in inventory.versions]
    for name in (INVENTORY, SIDECAR):
        held, wanted = get(replica, f"{root}/{name}"), files[name].content
        if held != wanted and isinstance(wanted, bytes) and any(held == papers[name].content for papers in earlier):
            replica.replace(f"{root}/{name}", wanted, retain_until=retain_until)


def _put(
    replica: ObjectStore,
    root: str,
    names: list[str],
    files: dict[str, _Fetched],
    retain_until: date | None,
    version: str = "",
) -> None:
    place, start = (f"{root}/{version}", len(version) + 1) if version else (root, 0)
    contents = {n[start:]: content for n in names if (content := files[n].content) is not None}
    replica.put_tree(place, contents, {n[start:]: files[n].sha256 for n in names}, retain_until=retain_until)


def _names(inventory: Inventory) -> list[str]:
    """Every file of the object that its inventory knows of, in the order in which they are written."""
    names = [OBJECT_DECLARATION[0]]
    for version in inventory.versions:
        names += [path for path in inventory.manifest.values() if path.startswith(f"{version}/")]
        names += [f"{version}/{INVENTORY}", f"{version}/{SIDECAR}"]
    return [*names, INVENTORY, SIDECAR]


def _expected(source: ObjectStore, root: str, inventory: Inventory, body: bytes) -> dict[str, str]:
    """SHA-256 of every file below the root's own inventory: as recorded, or as it follows from the inventories.

    Raises FixityMismatch when the root's inventory is not the newest version's, KeyNotFound.
    """
    expected = {OBJECT_DECLARATION[0]: hashlib.sha256(OBJECT_DECLARATION[1]).hexdigest()}
    for version in inventory.versions:
        own = get(source, f"{root}/{version}/{INVENTORY}")
        if version == inventory.head and own != body:
            raise FixityMismatch(f"{INVENTORY} is damaged at the source")
        expected |= {path: d for path, d in inventory.sha256.items() if path.startswith(f"{version}/")}
        expected |= {f"{version}/{name}": paper.sha256 for name, paper in _root_papers(own).items()}
    return expected


def _retention(source: ObjectStore, root: str, inventory: Inventory) -> date | None:
    """The last day on which nothing may remove the object, as its own papers say, or those of a scan's documents; None
    is for ever."""
    if scan := scan_in(f"{root}/"):
        return retention_of(source, scan)
    for logical in ("metadata.json", "manifest.json"):
        if path := inventory.content_path(logical):
            told = json.loads(get(source, f"{root}/{path}")).get("retain_until")
            return date.fromisoformat(told) if told else None
    return None


def _hold(source: ObjectStore, replica: ObjectStore, root: str, inventory: Inventory) -> None:
    """The replica's record is under legal hold when its newest metadata say so, and not when they tell of a release."""
    path = inventory.content_path("metadata.json")
    if path is None or not any(version.message.startswith("legal hold") for version in inventory.versions.values()):
        return
    with suppress(KeyNotFound):
        replica.hold(root, bool(json.loads(get(source, f"{root}/{path}")).get("legal_hold")))


def _disposed(source: ObjectStore) -> set[str]:
    """Prefixes of the records and scans that decisions at the source have removed."""
    found: set[str] = set()
    for disposal_id in iter_disposals(source):
        with suppress(FixityMismatch, KeyNotFound):
            for record in read_decision(source, disposal_id).records:
                found.add(object_root(record.document_id))
                if record.scan_id:
                    found.add(root_of(scan_object(record.scan_id)))
    return found


def _only_there(replica: ObjectStore, root: str, theirs: set[str], tally: _Tally, disposed: set[str]) -> None:
    """What the source does not have is named; a backup past its days and what was disposed of are removed here as they
    were there."""
    if backup_in(f"{root}/") or root in disposed:
        with suppress(Retained, KeyNotFound):
            replica.delete_tree(root)
            tally.removed += 1
            return
    tally.extra += [f"{root}/{name}" for name in sorted(theirs)] if is_ours(root) else [root]


def _pairs(source: ObjectStore, replica: ObjectStore) -> Iterator[tuple[str, set[str], set[str]]]:
    """Each object's root (or a key outside of objects) with the names of its files on both sides."""
    both = heapq.merge(
        ((root, 0, names) for root, names in _groups(source)),
        ((root, 1, names) for root, names in _groups(replica)),
        key=itemgetter(0, 1),
    )
    for root, sides in itertools.groupby(both, key=itemgetter(0)):
        found = {side: names for _, side, names in sides}
        yield root, found.get(0, set()), found.get(1, set())


def _groups(store: ObjectStore) -> Iterator[tuple[str, set[str]]]:
    def root_of_key(key: str) -> str:
        root = "/".join(key.split("/")[:4])
        return root if root != key and is_ours(root) else key

    for root, keys in itertools.groupby(store.list(""), key=root_of_key):
        yield root, {key[len(root) + 1 :] or key for key in keys}


@dataclass(frozen=True, slots=True)
class _Fetched:
    sha256: str
    content: Content | None
    """None: read and not kept."""


def _root_papers(inventory: bytes) -> dict[str, _Fetched]:
    bodies = {INVENTORY: inventory, SIDECAR: sidecar(inventory)}
    return {name: _Fetched(hashlib.sha256(body).hexdigest(), body) for name, body in bodies.items()}


class _Bench:
    """Files on their way from one store to the other: small ones in memory, large ones in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._number = folder, 0

    def fetch(self, store: ObjectStore, key: str, expected: str | None, *, keep: bool) -> _Fetched:
        """The file's digest and, when it is kept, its bytes. Raises FixityMismatch, KeyNotFound."""
        digest = hashlib.sha256()
        with store.open(key) as stream:
            first = stream.read(CHUNK)
            digest.update(first)
            content: Content | None = first if keep else None
            if len(first) == CHUNK:
                content = self._rest(first, stream, digest.update, keep)
        found = digest.hexdigest()
        if expected is not None and found != expected:
            raise FixityMismatch(f"{key.rpartition('/')[2]} is damaged at the source")
        return _Fetched(found, content)

    def clear(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)

    def _rest(self, first: bytes, stream: BinaryIO, seen: Callable[[bytes], None], keep: bool) -> Path | None:
        self._folder.mkdir(parents=True, exist_ok=True)
        self._number += 1
        path = self._folder / str(self._number)
        with path.open("wb") as writer:
            writer.write(first)
            while chunk := stream.read(CHUNK):
                seen(chunk)
                if keep:
                    writer.write(chunk)
        return path if keep else None


def _read(store: ObjectStore, key: str, tally: _Tally) -> str | None:
    digest = hashlib.sha256()
    try:
        with store.open(key) as stream:
            while chunk := stream.read(CHUNK):
                digest.update(chunk)
                tally.bytes_compared += len(chunk)
    except KeyNotFound:
        return None
    return digest.hexdigest()
