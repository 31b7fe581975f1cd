"""Scans of several documents or of two passes, as they were received: an OCFL object each, `urn:sohoa:scan:<scan id>`.

Each document's own package has only its pages; the whole file, bit for bit, lies here once, with `scan.json` that says
which pages are whose (docs/decisions/0016-scans-of-several-papers.md).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import BinaryIO

from pydantic import ValidationError

from archive.aip import read_papers, safe_name
from archive.ocfl import SCAN, SIDECAR, each_once, root_of, scan_in
from archive.one_version import checked_file_of, digest_of, files_of, open_file_of, store_object
from archive.store import Content, ObjectStore
from registry.errors import FixityMismatch, KeyNotFound
from registry.values import DocumentId, ScanId, SourceScan, Split, Value

PAPER = "scan.json"


class ArchivedScan(Value):
    """`scan.json`: documents in the order of the split's parts. withheld: why the file itself is not kept here (a page
    with a secrecy stamp); what is kept of it then lies in the documents' own packages. `source.passes`: the two files
    that lie here, where the scan was collated from two; it can be made from them at any time."""

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


def archive_scan(
    store: ObjectStore, told: ArchivedScan, received: Sequence[Path], *, retain_until: date | None
) -> None:
    """The scan stands in the store, every byte read back, locked until that day at least. Safe to repeat: a later day
    counts, so that it is kept as long as the document of it that is kept longest. received: the file or two passes.

    Raises KeyTaken (another file has this id), FixityMismatch, ServiceUnavailable.
    """
    files: dict[str, Content] = {PAPER: _paper(told)}
    if told.withheld is None:
        files |= {f"original/{name}": file for name, file in zip(_names(told.source), received, strict=True)}
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


def original_digests(store: ObjectStore, scan_id: ScanId) -> tuple[str, ...]:
    """SHA-256 of the file as received, or of the two passes; none where it is withheld.

    Raises KeyNotFound, FixityMismatch.
    """
    return tuple(digest_of(store, scan_object(scan_id), name) for name in _originals(store, scan_id))


def open_original(store: ObjectStore, scan_id: ScanId, number: int = 1) -> BinaryIO:
    """A stream of the file as received, or of that pass of it. Raises KeyNotFound (also where it is withheld),
    FixityMismatch."""
    names = _originals(store, scan_id)
    if len(names) < number:
        raise KeyNotFound(f"{scan_id} is withheld")
    return open_file_of(store, scan_object(scan_id), names[number - 1])


def _paper(told: ArchivedScan) -> bytes:
    """`scan.json`; of a scan that came as one file as the first schema has it, so that what stands is written again."""
    if told.source.passes:
        return told.model_copy(update={"schema_version": 2}).model_dump_json(indent=1).encode()
    return told.model_dump_json(indent=1, exclude={"source": {"passes"}}).encode()


def _names(source: SourceScan) -> list[str]:
    if not source.passes:
        return [safe_name(source.file_name)]
    return [safe_name(f"{number}-{side.file_name}") for number, side in enumerate(source.passes, 1)]


def _originals(store: ObjectStore, scan_id: ScanId) -> list[str]:
    return sorted(n for n in files_of(store, scan_object(scan_id)) if n.startswith("original/"))


def iter_scans(store: ObjectStore) -> Iterator[str]:
    """The OCFL id of every such scan in the store, from the names alone."""
    return each_once(store.list(""), scan_in)


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
