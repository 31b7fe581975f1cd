"""Scans that hold several documents, as they were received: an OCFL object each, `urn:sohoa:scan:<scan id>`.

Each document's own package has only its pages; the whole file, bit for bit, lies here once, with `scan.json` that says
which pages are whose (docs/decisions/0016-scans-of-several-papers.md).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import BinaryIO

from pydantic import ValidationError

from archive.aip import read_papers, safe_name
from archive.ocfl import SCAN, SIDECAR, root_of, scan_in
from archive.one_version import checked_file_of, digest_of, files_of, open_file_of, store_object
from archive.store import Content, ObjectStore
from registry.errors import FixityMismatch, KeyNotFound
from registry.values import DocumentId, ScanId, SourceScan, Split, Value

PAPER = "scan.json"


class ArchivedScan(Value):
    """`scan.json`: documents in the order of the split's parts. withheld: why the file itself is not kept here (a page
    with a secrecy stamp); what is kept of it then lies in the documents' own packages."""

    schema_version: int = 1
    scan_id: ScanId
    unit: str
    source: SourceScan
    page_count: int
    split: Split
    documents: tuple[DocumentId, ...]
    withheld: str | None = None


def scan_object(scan_id: ScanId) -> str:
    """The OCFL object's id."""
    return f"{SCAN}{scan_id}"


def archive_scan(store: ObjectStore, told: ArchivedScan, file: Path, *, retain_until: date | None) -> None:
    """The scan stands in the store, every byte read back, locked until that day at least. Safe to repeat: a later day
    counts, so that it is kept as long as the document of it that is kept longest.

    Raises KeyTaken (another file has this id), FixityMismatch, ServiceUnavailable.
    """
    files: dict[str, Content] = {PAPER: told.model_dump_json(indent=1).encode()}
    if told.withheld is None:
        files[f"original/{safe_name(told.source.file_name)}"] = file
    store_object(
        store,
        scan_object(told.scan_id),
        files,
        user="sohoa",
        created=told.source.received_at.isoformat(timespec="seconds"),
        message="scan of several documents",
        retain_until=retain_until,
    )


def is_archived(store: ObjectStore, scan_id: ScanId) -> bool:
    """Whether the scan stands there whole."""
    return store.exists(f"{root_of(scan_object(scan_id))}/{SIDECAR}")


def read_scan(store: ObjectStore, scan_id: ScanId) -> ArchivedScan:
    """What `scan.json` says. Raises KeyNotFound, FixityMismatch."""
    body = checked_file_of(store, scan_object(scan_id), PAPER)
    try:
        return ArchivedScan.model_validate_json(body)
    except ValidationError as exc:
        raise FixityMismatch(f"{scan_id}: {PAPER} does not follow its schema") from exc


def original_digest(store: ObjectStore, scan_id: ScanId) -> str | None:
    """SHA-256 of the file as received; None where it is withheld. Raises KeyNotFound, FixityMismatch."""
    name = _original(store, scan_id)
    return digest_of(store, scan_object(scan_id), name) if name else None


def open_original(store: ObjectStore, scan_id: ScanId) -> BinaryIO:
    """A stream of the file as received. Raises KeyNotFound (also where it is withheld), FixityMismatch."""
    name = _original(store, scan_id)
    if name is None:
        raise KeyNotFound(f"{scan_id} is withheld")
    return open_file_of(store, scan_object(scan_id), name)


def _original(store: ObjectStore, scan_id: ScanId) -> str | None:
    return next((n for n in sorted(files_of(store, scan_object(scan_id))) if n.startswith("original/")), None)


def iter_scans(store: ObjectStore) -> Iterator[str]:
    """The OCFL id of every such scan in the store, from the names alone."""
    last: str | None = None
    for key in store.list(""):
        found = scan_in(key)
        if found and found != last:
            yield found
            last = found


def retention_of(store: ObjectStore, identifier: str) -> date | None:
    """The last day of the document of it that is kept longest, as their records say; None is for ever.

    For ever also where a document is not archived (yet): too long, never too short. Raises KeyNotFound, FixityMismatch.
    """
    days: list[date] = []
    for document in read_scan(store, ScanId(identifier.removeprefix(SCAN))).documents:
        try:
            until = read_papers(store, document).metadata.retain_until
        except KeyNotFound:
            return None
        if until is None:
            return None
        days.append(until)
    return max(days, default=None)
