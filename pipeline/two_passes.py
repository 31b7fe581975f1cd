"""Two files that are one scan: a scanner that sees one side reads the fronts of a stack, then its backs.

Files below a folder for two passes (`intake.two_pass_folders`) stay in the inbox, untaken, until their other side is
there; then both are one claim. What is one claim is never parted again: after a restart each file is first looked for
in the registry, so that what a crash left of one pair does not become half of another.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pipeline import intake
from pipeline.collating import Side, collate
from pipeline.intake import Receipt, Taken
from pipeline.landing import copy_durably
from pipeline.soundness import IdentifyLimits
from pipeline.watch import Arrival, Listing, Waiting
from pipeline.workshop import Workshop
from registry import audit, dossiers, quarantine, scans
from registry.database import read, write
from registry.scans import PassRow, ScanRow
from registry.values import ScanId, ScanState, sha256_file, utc_now, vietnam_date

IN_ORDER = "-xuoi"
"""Ends the name of a folder whose backs come from the first sheet to the last."""
LONGEST_STEM = 60
COLLATING_S = 600.0
"""What making one scan of two may take: all pages of both are decoded once."""
LOOKING_S = 1.0
"""One listing looks up files for about so long: a flood here delays nobody."""
SETTLED = (ScanState.DONE, ScanState.QUARANTINED)


@dataclass(frozen=True, slots=True)
class Pair:
    """Two whole files that are one scan. in_reverse: the backs come from the last sheet to the first."""

    fronts: Arrival
    backs: Arrival
    in_reverse: bool

    @property
    def files(self) -> tuple[Arrival, Arrival]:
        return self.fronts, self.backs


@dataclass(frozen=True, slots=True)
class Found:
    """A listing with its pairs taken out. known: files of pairs that were taken before. waiting: for the other side."""

    others: tuple[Arrival, ...]
    known: tuple[tuple[Arrival, ScanId], ...]
    pairs: tuple[Pair, ...]
    waiting: tuple[Waiting, ...]


class Sides:
    """Finds pairs in listings of the inbox; what it remembers only saves reading files again. For one thread."""

    def __init__(self, shop: Workshop) -> None:
        self._shop = shop
        self._strangers: dict[Path, tuple[int, int]] = {}

    def found(self, listing: Listing, now: float) -> Found:
        """The pairs of the listing, by the clock of its `now`. While a file of a folder is still being written, none of
        that folder is made: which one is older is known when all are whole. Raises what the registry raises."""
        mine: list[Arrival] = []
        others: list[Arrival] = []
        for arrival in listing.ready:
            (mine if self._is_side(arrival) else others).append(arrival)
        until = time.monotonic() + LOOKING_S
        unfinished = {w.path.parent for w in listing.waiting}
        known: list[tuple[Arrival, ScanId]] = []
        pairs: list[Pair] = []
        waiting: list[Waiting] = []
        for folder in sorted({a.path.parent for a in mine}):
            unclaimed: list[Arrival] = []
            for arrival in sorted((a for a in mine if a.path.parent == folder), key=lambda a: (a.mtime_ns, a.path)):
                if time.monotonic() > until:  # those that came first are paired meanwhile
                    waiting.append(Waiting(arrival.path, arrival.unit_folder, "queued", now))
                elif (scan_id := self._taken_before(arrival)) is not None:
                    known.append((arrival, scan_id))
                else:
                    unclaimed.append(arrival)
            if folder not in unfinished:
                while len(unclaimed) > 1:
                    fronts, backs = unclaimed.pop(0), unclaimed.pop(0)
                    pairs.append(Pair(fronts, backs, in_reverse=not _is_in_order(self._shop, fronts.relative)))
            waiting += [self._waits(arrival, now) for arrival in unclaimed]
        present = {a.path for a in mine}
        self._strangers = {path: seen for path, seen in self._strangers.items() if path in present}
        return Found(tuple(others), tuple(known), tuple(pairs), tuple(waiting))

    def _is_side(self, arrival: Arrival) -> bool:
        """Whether it is one of two. An empty file and one of no unit are refused by themselves, as everywhere."""
        if not arrival.size_bytes or _folder_of(self._shop, arrival.relative) is None:
            return False
        return self._shop.catalogue.unit_by_inbox(arrival.unit_folder, vietnam_date(utc_now())) is not None

    def _taken_before(self, arrival: Arrival) -> ScanId | None:
        """The scan that took the file. What came back after its scan was archived or refused is a file of its own."""
        seen = (arrival.size_bytes, arrival.mtime_ns)
        if self._strangers.get(arrival.path) == seen:
            return None
        try:
            digest, came = sha256_file(arrival.path), arrival.path.stat().st_ctime
        except OSError:
            return None
        with read(self._shop.engine) as conn:
            scan = scans.of_pass(conn, digest, str(arrival.path))
        if scan is None or (scan.state in SETTLED and datetime.fromtimestamp(came, UTC) > scan.updated_at):
            self._strangers[arrival.path] = seen
            return None
        return scan.id

    def _waits(self, arrival: Arrival, now: float) -> Waiting:
        try:
            waited = max(0.0, time.time() - arrival.path.stat().st_ctime)
        except OSError:
            waited = 0.0
        late = waited > self._shop.settings.intake.two_pass_patience_s
        return Waiting(arrival.path, arrival.unit_folder, "other-side-late" if late else "other-side", now - waited)


def take_pair(shop: Workshop, pair: Pair, *, actor: str) -> Receipt:
    """Claim both files as one scan; afterwards their bytes lie durably in `work/` and the registry knows them.

    As intake.take for one file: both sources stay, the same pair again changes nothing, a copy of both is a duplicate.
    """
    unit = shop.catalogue.unit_by_inbox(pair.fronts.unit_folder, vietnam_date(utc_now()))
    if unit is None:  # it ended this very moment: each is refused by itself with the next listing
        return Receipt(Taken.POSTPONED, None)
    sides = tuple(_sides(pair))
    digest = scans.pair_digest([(side.sha256, side.in_reverse) for side in sides])
    dossier, component = _codes(pair)
    with write(shop.engine) as conn:
        if dossier:
            dossiers.ensure(conn, dossier, unit.code)
        claim = scans.claim(
            conn,
            sha256=digest,
            unit=unit.code,
            dossier_code=dossier,
            component_code=component,
            source_path=str(pair.fronts.path),
            file_name=_name_of(pair),
            size_bytes=sum(side.size_bytes for side in sides),
            claimed_by=actor,
            priority=pair.fronts.priority,
            sides=sides,
        )
        scan = claim.scan
        if claim.fresh:
            told = {"sha256": digest, "passes": [side.sha256 for side in sides]}
            audit.append(conn, actor=actor, action="claim", subject=scan.id, unit=unit.code, detail=told)
    if claim.fresh or (scan.state == ScanState.CLAIMED and not _is_at_hand(shop, scan)):
        return _stage(shop, scan.id)
    if scan.state == ScanState.QUARANTINED:
        return _try_again(shop, scan.id, sides, actor)
    return Receipt(_again(shop, scan, pair, actor), scan.id)


def see_again(shop: Workshop, scan_id: ScanId) -> Receipt:
    """A file of a pair that was taken before was found: what a crash left undone for its scan is done. Repeatable."""
    with read(shop.engine) as conn:
        scan = scans.get(conn, scan_id)
    if scan.state in SETTLED:
        intake.clear_source(shop, scan_id)
        return Receipt(Taken.DUPLICATE, scan_id)
    if scan.state == ScanState.CLAIMED and not _is_at_hand(shop, scan):
        return _stage(shop, scan_id)
    return Receipt(Taken.UNDER_WAY, scan_id)


def make_one(shop: Workshop, scan: ScanRow) -> tuple[str, ...]:
    """`staged_scan` is the scan collated from its two passes, and the registry has its SHA-256; returns what is odd
    about the two. Nothing happens to a scan that came as one file. Same passes, same bytes.

    Raises Refused, WorkerFailed.
    """
    with read(shop.engine) as conn:
        sides = scans.passes_of(conn, scan.id)
    if not sides:
        return ()
    told = shop.settings.intake
    limits = IdentifyLimits(max_bytes=told.max_bytes, max_pages=told.max_pages, max_pixels=told.max_pixels)
    fronts, backs = (
        Side(shop.staged_pass(scan.id, side.number), Path(side.source_path).name or side.file_name, side.in_reverse)
        for side in sides
    )
    target = shop.staged_scan(scan.id)
    target.parent.mkdir(parents=True, exist_ok=True)
    odd = shop.pool.run(collate, fronts, backs, limits, target, timeout_s=COLLATING_S)
    with write(shop.engine) as conn:
        scans.update(conn, scan.id, sha256=sha256_file(target), size_bytes=target.stat().st_size)
    return odd


def _folder_of(shop: Workshop, relative: Path) -> str | None:
    """The innermost folder for two passes that the file lies in."""
    names = {n for name in shop.settings.intake.two_pass_folders for n in (name, name + IN_ORDER)}
    return next((part for part in reversed(relative.parts[:-1]) if part in names), None)


def _is_in_order(shop: Workshop, relative: Path) -> bool:
    return (_folder_of(shop, relative) or "") not in shop.settings.intake.two_pass_folders


def _sides(pair: Pair) -> Iterator[PassRow]:
    for number, arrival in enumerate(pair.files, 1):
        yield PassRow(
            number=number,
            sha256=sha256_file(arrival.path),
            size_bytes=arrival.path.stat().st_size,
            source_path=str(arrival.path),
            file_name=intake.display_name(arrival.path),
            in_reverse=number == 2 and pair.in_reverse,
        )


def _codes(pair: Pair) -> tuple[str | None, str | None]:
    fronts, backs = (intake.codes_in(arrival.relative) for arrival in pair.files)
    return fronts[0] or backs[0], fronts[1] or backs[1]


def _name_of(pair: Pair) -> str:
    """The scan is called by both files, and is a PDF."""
    fronts, backs = (Path(intake.display_name(a.path)).stem[:LONGEST_STEM] for a in pair.files)
    return f"{fronts} + {backs}.pdf"


def _is_at_hand(shop: Workshop, scan: ScanRow) -> bool:
    return scan.staged_path is not None and all(shop.staged_pass(scan.id, number).exists() for number in (1, 2))


def _stage(shop: Workshop, scan_id: ScanId) -> Receipt:
    """Both files lie in `work/passes`. Where one was changed since it was hashed, the claim is lost and both are looked
    at anew."""
    with read(shop.engine) as conn:
        files = intake.received(shop, scans.get(conn, scan_id))
    for file in files:
        if file.staged.exists() and sha256_file(file.staged) == file.sha256:
            continue
        if copy_durably(file.source, file.staged) != file.sha256:
            for other in files:
                other.staged.unlink(missing_ok=True)
            with write(shop.engine) as conn:
                scans.withdraw_claim(conn, scan_id)
                audit.append(conn, actor="sohoa", action="withdraw", subject=scan_id, detail={"why": "changed"})
            return Receipt(Taken.POSTPONED, None)
    with write(shop.engine) as conn:
        scans.update(conn, scan_id, staged_path=str(files[0].staged))
    return Receipt(Taken.CLAIMED, scan_id)


def _try_again(shop: Workshop, scan_id: ScanId, sides: Sequence[PassRow], actor: str) -> Receipt:
    """A pair that was refused before came in again: the operator asks for another try."""
    with write(shop.engine) as conn:
        for item in quarantine.of_scan(conn, scan_id):
            quarantine.resolve(conn, item.id, "retried")
        scans.retry(conn, scan_id)
        scans.keep_passes(conn, scan_id, sides)
        scans.update(conn, scan_id, source_path=sides[0].source_path, staged_path=None)
        audit.append(conn, actor=actor, action="retry", subject=scan_id)
    return _stage(shop, scan_id)


def _again(shop: Workshop, scan: ScanRow, pair: Pair, actor: str) -> Taken:
    """A pair that is held came in again: the same files once more, or copies of them."""
    with read(shop.engine) as conn:
        same = [side.source_path for side in scans.passes_of(conn, scan.id)] == [str(a.path) for a in pair.files]
    settled = scan.state in (ScanState.DONE, ScanState.DUPLICATE)
    if same:
        for arrival in pair.files if settled else ():
            intake.leave_inbox(shop, arrival.path, scan.unit, scan.id)
        return Taken.DUPLICATE if settled else Taken.UNDER_WAY
    if scan.state == ScanState.CLAIMED:
        return Taken.POSTPONED
    intake.record_duplicate(shop, scan.id, [arrival.path for arrival in pair.files], scan.unit, actor)
    return Taken.DUPLICATE
