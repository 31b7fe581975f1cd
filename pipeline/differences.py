"""Where books, folders, archive and index disagree: one function for each kind of difference.

Each looks at one moment; work goes on meanwhile, so that what it finds is a suspicion until it is found again
(pipeline.reconcile asks twice, the comparison with the archive looks again at each suspect).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

import numpy as np
from sqlalchemy import Connection, Engine

from archive.aip import iter_records
from archive.ocfl import INVENTORY, object_root
from archive.scans import is_archived
from archive.store import ObjectStore
from config.settings import Settings
from pipeline.watch import is_left_alone
from registry import reckoning
from registry.reckoning import InFlight
from registry.values import DocumentId, DocumentState, ScanId, ScanState, Value, sha256_file, utc_now
from search.index import SearchIndex

SETTLES_S = 3600.0
"""So long a file may lie where it is settled elsewhere: a copy on its way, a source about to leave."""
STUCK_S = 1800.0
"""So long work may stand in one place without anybody waiting for."""
PAGE_S = 20.0
"""What a page may take on top of that: a slow one-core machine reads it in two seconds."""
UUID = 36
"""Characters of a scan's id; a pass has its number behind it."""
BEING_ARCHIVED = frozenset(
    {DocumentState.APPROVED, DocumentState.SIGNED, DocumentState.STALLED, DocumentState.ARCHIVED}
)


class Installation(Protocol):
    """What is compared: a Workshop, or app.wiring.Wiring."""

    @property
    def settings(self) -> Settings: ...
    @property
    def engine(self) -> Engine: ...
    @property
    def store(self) -> ObjectStore: ...
    @property
    def index(self) -> SearchIndex: ...
    def folder(self, name: str) -> Path: ...


class Difference(Value):
    """One thing that is not as it should be. subject: id of a scan, document or quarantine item, or what else names it.

    detail: technical, in English, free of personal data. Sentence: config.messages, `reconcile-<code>`.
    """

    code: str
    subject: str
    unit: str = ""
    detail: str = ""


def lost_claims(_: Installation, conn: Connection) -> Iterator[Difference]:
    """Scans that the audit log has seen come in, and the registry does not know."""
    for scan, unit in reckoning.lost_claims(conn):
        yield Difference(code="claim-lost", subject=scan, unit=unit)


def done_without_document(_: Installation, conn: Connection) -> Iterator[Difference]:
    for scan, unit in reckoning.done_without_document(conn):
        yield Difference(code="done-without-document", subject=scan, unit=unit)


def refused_without_item(_: Installation, conn: Connection) -> Iterator[Difference]:
    for scan, unit in reckoning.refused_without_item(conn):
        yield Difference(code="refused-without-item", subject=scan, unit=unit)


def documents_adrift(_: Installation, conn: Connection) -> Iterator[Difference]:
    for document, unit in reckoning.documents_adrift(conn):
        yield Difference(code="document-adrift", subject=document, unit=unit)


def kept_files(home: Installation, conn: Connection) -> Iterator[Difference]:
    """The quarantine keeps each refused file, at its place and with its size."""
    _there(home, "quarantine")
    for item in reckoning.kept_items(conn):
        if item.scan_state not in (None, ScanState.QUARANTINED):
            yield Difference(code="item-outdated", subject=item.id, unit=item.unit, detail=f"scan {item.scan_state}")
        if item.code == "lost":  # a restore found no byte left of it, and the tray says so
            continue
        size = _size(Path(item.path))
        if size is None:
            yield Difference(code="kept-file-missing", subject=item.id, unit=item.unit)
        elif item.size_bytes is not None and size != item.size_bytes:
            detail = f"{size} bytes, {item.size_bytes} were kept"
            yield Difference(code="kept-file-changed", subject=item.id, unit=item.unit, detail=detail)


def staged_copies(home: Installation, conn: Connection) -> Iterator[Difference]:
    """Each scan under way has its copy in `work/scans`, or at least its source still lies in the inbox."""
    folder = _there(home, "work") / "scans"
    for scan in reckoning.in_flight(conn):
        passes = [folder.parent / "passes" / f"{scan.id}-{number}" for number in (1, 2)]
        if (folder / scan.id).exists() or all(path.exists() for path in passes):
            continue
        if not Path(scan.source_path).is_file():
            yield Difference(code="scan-lost", subject=scan.id, unit=scan.unit, detail=scan.state)
        elif scan.staged_path:
            yield Difference(code="staged-missing", subject=scan.id, unit=scan.unit, detail=scan.state)


def staged_strangers(home: Installation, conn: Connection) -> Iterator[Difference]:
    """Nothing lies in `work/scans` or `work/passes` for longer than a while that is not a scan under way."""
    folder, now = _there(home, "work") / "scans", utc_now().timestamp()
    old: list[str] = []
    for place in (folder, folder.parent / "passes"):
        if place.exists():
            with os.scandir(place) as entries:
                old += [e.name for e in entries if now - _changed(e) > SETTLES_S]
    known = reckoning.scan_states(conn, [name[:UUID] for name in old])
    for name in old:
        state, updated_at, unit = known.get(name[:UUID], ("", "", ""))
        if not state:
            yield Difference(code="staged-stranger", subject=name)
        elif state not in reckoning.IN_FLIGHT and age_s(updated_at) > SETTLES_S:
            yield Difference(code="staged-left", subject=name[:UUID], unit=unit, detail=state)


def sources_left(home: Installation, conn: Connection) -> Iterator[Difference]:
    """No source lies in the inbox for longer than a while once its scan is settled, and no whole file untaken."""
    place, now = _there(home, "inbox"), utc_now().timestamp()
    old = {path for path, changed in _inbox_files(place) if now - changed > SETTLES_S}
    if not old:
        return
    under_way = {scan.source_path for scan in reckoning.in_flight(conn)}
    under_way |= {path for _, path in reckoning.sides_in_flight(conn)}
    digests = {path: digest for path in old if str(path) not in under_way and (digest := _digest(path))}
    settled = {(s.path, s.sha256): s for s in reckoning.settled(conn, set(digests.values()))}
    for path, digest in sorted(digests.items()):
        source = settled.get((str(path), digest))
        if source is None:
            relative = path.relative_to(place)
            unit = relative.parts[0] if len(relative.parts) > 1 else ""
            # a file's name may name people: its bytes and its unit's folder are enough to find it
            yield Difference(code="not-taken", subject=f"sha256:{digest[:16]}", unit=unit)
        elif age_s(source.updated_at) > SETTLES_S:
            yield Difference(code="source-left", subject=source.scan_id, unit=source.unit)


def work_that_stands(_: Installation, conn: Connection) -> Iterator[Difference]:
    """Work that nobody but the machine could move, and that has not moved: see `stands`."""
    since = (utc_now() - timedelta(seconds=STUCK_S)).isoformat(timespec="microseconds")
    overtaking = reckoning.taken_since(conn, since)
    oldest: InFlight | None = None
    for scan in reckoning.in_flight(conn):
        why = stands(scan, overtaking)
        if why:
            yield Difference(code=why, subject=scan.id, unit=scan.unit, detail=_places(scan))
        if waits_for_machine(scan) and (oldest is None or scan.received_at < oldest.received_at):
            oldest = scan
    moved = reckoning.last_move(conn)
    if oldest and moved and age_s(moved) > STUCK_S and age_s(oldest.received_at) > STUCK_S:
        yield Difference(code="nothing-moves", subject=oldest.id, unit=oldest.unit, detail=f"since {moved[:19]}Z")


def waits_for_machine(scan: InFlight) -> bool:
    """Whether the next move is the machine's: not where a person must look."""
    return place(scan) != "review"


def place(scan: InFlight) -> str:
    """review | stalled | waiting | astray: where a scan under way is, by the document that is least far. review: with
    a person, who looks at it or signs it."""
    states = {state for _, state, _ in scan.documents}
    if scan.state == ScanState.STALLED or DocumentState.STALLED in states:
        return "stalled"
    if scan.state == ScanState.CLAIMED or not states:
        return "waiting"
    if states & {DocumentState.READING, DocumentState.APPROVED, DocumentState.SIGNED}:
        return "waiting"
    return "review" if states & {DocumentState.REVIEW, DocumentState.TO_SIGN} else "astray"


def stands(scan: InFlight, overtaking: dict[tuple[str, int], str]) -> str | None:
    """The code of the difference, when the scan stands still: what is being worked on, for longer than its pages
    explain; what waits in the queue, while much younger ones of the same unit and priority were begun; what is
    stalled, for longer than a while."""
    where = place(scan)
    if where == "review":
        return None
    if where == "stalled":
        return "stalled" if age_s(scan.waits_since) > STUCK_S else None
    if where == "astray":
        return "scan-not-closed" if _still_s(scan) > STUCK_S else None
    if scan.state == ScanState.CLAIMED or any(state == DocumentState.APPROVED for _, state, _ in scan.documents):
        youngest = overtaking.get((scan.unit, scan.priority), "")
        overtaken = youngest > _later(scan.received_at, STUCK_S)
        return "overtaken" if overtaken and _still_s(scan) > STUCK_S else None
    return "stuck" if _still_s(scan) > STUCK_S + PAGE_S * scan.page_count else None


BOOKS: tuple[Callable[[Installation, Connection], Iterator[Difference]], ...] = (
    lost_claims,
    done_without_document,
    refused_without_item,
    documents_adrift,
    kept_files,
    staged_copies,
    staged_strangers,
    sources_left,
    work_that_stands,
)
"""What books and folders say of each other; each is asked twice."""


def archive_against_books(home: Installation) -> Iterator[Difference]:
    """Records missing from the archive, also the scans that several of them are of, and records that the registry does
    not know.

    The archive lists its records in its own order: their ids, 16 bytes each, are sorted here (17 MB for a million).
    Raises ServiceUnavailable and OSError when the store cannot be listed.
    """
    held = np.fromiter((bytes.fromhex(i.replace("-", "")) for i in iter_records(home.store)), dtype="S16")
    held.sort()
    seen = np.zeros(len(held), dtype=bool)
    missing: list[str] = []
    with reckoning.snapshot(home.engine) as conn:
        for ids in reckoning.archived(conn):
            wanted = np.array([bytes.fromhex(i.replace("-", "")) for i in ids], dtype="S16")
            at = np.searchsorted(held, wanted)
            at[at == len(held)] = 0
            found = held[at] == wanted if len(held) else np.zeros(len(ids), dtype=bool)
            seen[at[found]] = True
            missing += [i for i, there in zip(ids, found, strict=True) if not there]
        parted = list(reckoning.archived_of_several(conn))
    unknown = [_uuid(bytes(raw)) for raw in held[~seen]]
    yield from _confirmed(home, missing, unknown)
    for scan, unit in parted:  # each was there before its parts were
        if not is_archived(home.store, ScanId(scan)):
            yield Difference(code="scan-missing", subject=scan, unit=unit)


def _confirmed(home: Installation, missing: list[str], unknown: list[str]) -> Iterator[Difference]:
    """What was archived while the listing ran is in neither list afterwards."""
    with reckoning.snapshot(home.engine) as conn:
        states = reckoning.document_states(conn, [*missing, *unknown])
    for document in missing:
        if document in states and not home.store.exists(f"{object_root(DocumentId(document))}/{INVENTORY}"):
            yield Difference(code="record-missing", subject=document, unit=states[document][2])
    for document in unknown:
        state, archived_at, unit = states.get(document, ("", None, ""))
        if archived_at is None and state not in BEING_ARCHIVED:
            yield Difference(code="record-unknown", subject=document, unit=unit, detail=state)


def index_against_books(home: Installation) -> Iterator[Difference]:
    """The index holds as many documents as were put into it, and none waits for it longer than a while.

    Raises ServiceUnavailable when the index does not answer.
    """
    with reckoning.snapshot(home.engine) as conn:
        before = reckoning.count_indexed(conn)
    found = home.index.count()
    with reckoning.snapshot(home.engine) as conn:
        after = reckoning.count_indexed(conn)
        lag, first, since = reckoning.index_lag(conn)
    # what was just put in may be found before the registry says so
    if not before <= found <= max(after, before) + lag:
        yield Difference(code="index-count", subject="index", detail=f"{found} found, {after} put in")
    if first and since and age_s(since) > STUCK_S:
        yield Difference(code="index-behind", subject=first, detail=f"{lag} documents")


def _places(scan: InFlight) -> str:
    return ", ".join((scan.state, *(state for _, state, _ in scan.documents)))


def _still_s(scan: InFlight) -> float:
    return age_s(max(scan.updated_at, *(moved for _, _, moved in scan.documents), ""))


def age_s(instant: str) -> float:
    """Seconds since an instant of the registry."""
    return (utc_now() - datetime.fromisoformat(instant)).total_seconds()


def _later(instant: str, seconds: float) -> str:
    return (datetime.fromisoformat(instant) + timedelta(seconds=seconds)).isoformat(timespec="microseconds")


def _uuid(raw: bytes) -> str:
    digits = raw.ljust(16, b"\0").hex()  # numpy drops zero bytes at the end
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except OSError:
        return None


def _changed(entry: os.DirEntry[str]) -> float:
    """When the file came to lie here, by its own clock; now, when it has left meanwhile."""
    try:
        return entry.stat(follow_symlinks=False).st_mtime
    except OSError:
        return utc_now().timestamp()


def _there(home: Installation, name: str) -> Path:
    """The folder. Raises OSError when it is away: what lies in it is then not lost, it cannot be looked at."""
    folder = home.folder(name)
    folder.stat()
    return folder


def _inbox_files(inbox: Path) -> Iterator[tuple[Path, float]]:
    """Files that the watch would take, and when they came to lie there (a copy keeps the time of its original, the
    change time of the directory entry is our own clock's)."""
    for folder, names, files in os.walk(inbox):
        names[:] = [n for n in names if not is_left_alone(n)]
        for name in files:
            path = Path(folder) / name
            if is_left_alone(name) or path.is_symlink():
                continue
            try:
                yield path, path.stat().st_ctime
            except OSError:
                continue


def _digest(path: Path) -> str | None:
    try:
        return sha256_file(path)
    except OSError:
        return None
