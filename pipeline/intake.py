"""From a file in the inbox to a durable claim, and back out: released when archived, set aside when refused.

The order decides trust (design.md): claim in the registry → copy and fsync → … → archive and read back → commit →
only then the source leaves the inbox.
"""

from __future__ import annotations

import os
import unicodedata
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from sqlalchemy import Engine

from config.messages import sentence
from pipeline.describing import parse_name
from pipeline.landing import copy_durably, landing, move_durably
from pipeline.workshop import Workshop
from registry import audit, documents, dossiers, facts, quarantine, scans
from registry.database import read, write
from registry.errors import InboxTaken, NotFound, RefusalCode
from registry.scans import ScanRow
from registry.values import CopyOf, DocumentId, ScanId, ScanState, sha256_file, utc_now, vietnam_date

BACK_FILE = 10
"""Priority of scans nobody waits for at the desk."""
OWNER_MARK = ".sohoa-inbox"


class Taken(StrEnum):
    """What became of a file that was found."""

    CLAIMED = "claimed"
    UNDER_WAY = "under-way"
    POSTPONED = "postponed"
    """The same bytes are just being looked at under another name: ask again."""
    DUPLICATE = "duplicate"
    QUARANTINED = "quarantined"


@dataclass(frozen=True, slots=True)
class Receipt:
    """The answer to one file handed in. scan_id is None only for a file refused without a claim; code says why."""

    outcome: Taken
    scan_id: ScanId | None
    code: RefusalCode | None = None


@dataclass(frozen=True, slots=True)
class Received:
    """A file that a scan came in: where it was found, where its durable copy lies, and its name in quarantine."""

    source: Path
    staged: Path
    kept_name: str
    file_name: str
    sha256: str
    size_bytes: int


class Place(Protocol):
    """Where scans come in: a Workshop, or app.wiring.Wiring."""

    @property
    def engine(self) -> Engine: ...
    def folder(self, name: str) -> Path: ...


def received(home: Place, scan: ScanRow) -> tuple[Received, ...]:
    """The file that the scan came in, or its two passes, fronts first."""
    work = home.folder("work")
    with read(home.engine) as conn:
        sides = scans.passes_of(conn, scan.id)
    if not sides:
        source = Path(scan.source_path)
        staged = work / "scans" / scan.id
        return (Received(source, staged, short_name(source.name), scan.file_name, scan.sha256, scan.size_bytes),)
    return tuple(
        Received(
            source=Path(side.source_path),
            staged=work / "passes" / f"{scan.id}-{side.number}",
            kept_name=short_name(f"{side.number}-{Path(side.source_path).name or side.file_name}"),
            file_name=side.file_name,
            sha256=side.sha256,
            size_bytes=side.size_bytes,
        )
        for side in sides
    )


def came_alone(shop: Workshop, scan: ScanRow) -> bool:
    """Whether the scan is the file that was found; else it was made of two."""
    return len(received(shop, scan)) == 1


def display_name(path: Path) -> str:
    """The file's name for screens and records: NFC, printable, at most 200 characters."""
    text = unicodedata.normalize("NFC", os.fsencode(path.name).decode("utf-8", "replace"))
    return "".join(c if c.isprintable() else "�" for c in text)[:200]


def take(
    shop: Workshop,
    path: Path,
    *,
    unit_folder: str,
    relative: Path,
    actor: str,
    dossier: str | None = None,
    component: str | None = None,
    priority: int = 0,
    copied: CopyOf | None = None,
) -> Receipt:
    """Claim one whole file; afterwards its bytes lie durably in `work/` and the registry knows it.

    The source stays where it is. The same file again changes nothing; the same bytes under another name are
    recorded as a duplicate of the scan held and moved to `done/`. A file whose folder belongs to no unit in force,
    and an empty one, goes to quarantine. Safe to repeat after a crash at any instant. copied: of pages that were taken
    from a record, what they are an extract of.
    """
    unit = shop.catalogue.unit_by_inbox(unit_folder, vietnam_date(utc_now()))
    if unit is None or path.stat().st_size == 0:  # all empty files are the same bytes: one claim would swallow them
        return _refuse_unclaimed(shop, path, unit.code if unit else None, unit_folder, actor)
    found_dossier, found_component = codes_in(relative)
    dossier, component = dossier or found_dossier, component or found_component
    digest = sha256_file(path)
    with write(shop.engine) as conn:
        if dossier:
            dossiers.ensure(conn, dossier, unit.code)
        claim = scans.claim(
            conn,
            sha256=digest,
            unit=unit.code,
            dossier_code=dossier,
            component_code=component,
            source_path=str(path),
            file_name=display_name(path),
            size_bytes=path.stat().st_size,
            claimed_by=actor,
            priority=priority,
        )
        scan = claim.scan
        if claim.fresh and copied is not None:
            scans.keep_copied(conn, scan.id, copied)
        if claim.fresh:
            audit.append(conn, actor=actor, action="claim", subject=scan.id, unit=unit.code, detail={"sha256": digest})
    at_hand = scan.staged_path is not None and shop.staged_scan(scan.id).exists()
    if claim.fresh or (scan.state == ScanState.CLAIMED and not at_hand):
        _stage(shop, scan.id, path, digest)
        return Receipt(Taken.CLAIMED, scan.id)
    if scan.state == ScanState.QUARANTINED:
        return _try_again(shop, scan.id, path, digest, actor)
    return Receipt(_again(shop, scan, path, unit.code, actor), scan.id)


def release(shop: Workshop, scan_id: ScanId) -> None:
    """The source has left the inbox for `done/`, and the staged copy is gone. Only after archiving. Repeatable."""
    with read(shop.engine) as conn:
        scan = scans.get(conn, scan_id)
    files = received(shop, scan)
    for file in files:
        if inside(file.source, shop.folder("inbox")) and _still(file.source, file.sha256):
            leave_inbox(shop, file.source, scan.unit, scan.id)
    for staged in (*(file.staged for file in files), shop.staged_scan(scan_id)):
        staged.unlink(missing_ok=True)


def leave_inbox(shop: Workshop, source: Path, unit: str, scan_id: ScanId) -> None:
    """The file lies in done/<unit>/<day>/ under its own name behind the scan's id."""
    day = vietnam_date(utc_now()).isoformat()
    move_durably(source, shop.folder("done") / unit / day, f"{scan_id[:8]}-{short_name(source.name)}")


def set_aside(shop: Workshop, scan_id: ScanId, code: RefusalCode, detail: str) -> None:
    """The scan is in quarantine: file kept, reason beside it, registry row, audit event. Repeatable.

    Nothing happens to a scan that is archived: the refusal came late.
    """
    with read(shop.engine) as conn:
        scan = scans.get(conn, scan_id)
    if scan.state in (ScanState.QUARANTINED, ScanState.DONE):
        return
    files = received(shop, scan)
    folder = shop.folder("quarantine") / scan.unit / f"{scan_id[:8]}-{scan.attempt}"
    for file in files:
        if not (kept := folder / file.kept_name).exists():
            copy_durably(
                next((p for p in (file.staged, file.source) if p.exists()), _kept_before(folder, kept.name)), kept
            )
    explain(folder, code)
    with write(shop.engine) as conn:
        if scans.get(conn, scan_id, lock=True).state == ScanState.DONE:
            return  # archived this very moment, by another attempt
        for file in files:
            quarantine.add(
                conn,
                scan_id=scan_id,
                unit=scan.unit,
                file_name=file.file_name,
                kept_path=str(folder / file.kept_name),
                sha256=file.sha256,
                size_bytes=file.size_bytes,
                code=code,
                detail=detail,
            )
        scans.update(conn, scan_id, state=ScanState.QUARANTINED, error_code=code)
        audit.append(conn, actor="sohoa", action="quarantine", subject=scan_id, unit=scan.unit, detail={"code": code})
    with read(shop.engine) as conn:
        if scans.get(conn, scan_id).attempt != scan.attempt:
            return  # handed in again this very moment: file and copy belong to the next attempt
    _drop_sources(shop, files)
    for staged in (*(file.staged for file in files), shop.staged_scan(scan_id)):
        staged.unlink(missing_ok=True)


def clear_source(shop: Workshop, scan_id: ScanId) -> None:
    """A settled scan's source is out of the inbox: in `done/` when it is archived, gone when a copy is in quarantine.

    For sources that stayed behind because a folder was away. Repeatable; nothing happens to a scan under way.
    """
    with read(shop.engine) as conn:
        scan = scans.get(conn, scan_id)
    if scan.state == ScanState.DONE:
        release(shop, scan_id)
    elif scan.state == ScanState.QUARANTINED:
        _drop_sources(shop, received(shop, scan))


def _drop_sources(shop: Workshop, files: Sequence[Received]) -> None:
    for file in files:
        if inside(file.source, shop.folder("inbox")) and _still(file.source, file.sha256):
            file.source.unlink(missing_ok=True)


def priority_of(shop: Workshop, relative: Path) -> int:
    """0 for the desk; scans below a back-file folder wait behind it."""
    back_file = set(shop.settings.intake.back_file_folders)
    return BACK_FILE if back_file.intersection(relative.parts[:-1]) else 0


def own_inbox(shop: Workshop) -> None:
    """The inbox belongs to this installation from now on, as a mark in it says. Safe to repeat.

    Raises InboxTaken when it belongs to another one: both would take every file.
    """
    with write(shop.engine) as conn:
        known = facts.get(conn, "installation")
        installation = known[0] if known else str(uuid.uuid4())
        if not known:
            facts.put(conn, "installation", installation)
    mark = shop.folder("inbox") / OWNER_MARK
    mark.parent.mkdir(parents=True, exist_ok=True)
    try:
        with os.fdopen(os.open(mark, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644), "w") as writer:
            writer.write(f"{installation}\n")
    except FileExistsError:
        owner = mark.read_text().strip()
        if owner and owner != installation:
            raise InboxTaken(f"{mark} says that another installation takes from this inbox") from None
        if not owner:  # a crash between making and filling it
            with landing(mark) as part:
                part.write_text(f"{installation}\n")


def retry(shop: Workshop, item_id: str, actor: str) -> ScanId:
    """The kept file of a quarantine item is claimed again; the item is closed. One click in the tray.

    Raises NotFound (also when the kept file is gone with its machine: the paper is scanned again), and Conflict when
    the item was already settled.
    """
    with read(shop.engine) as conn:
        item = quarantine.get(conn, item_id)
    kept = Path(item.kept_path)
    if not kept.is_file():
        raise NotFound("the file of this item is not in quarantine any more")
    if item.document_id is not None:
        return _retry_part(shop, item.id, kept, DocumentId(item.document_id), actor)
    if item.scan_id is None:
        move_durably(kept, shop.folder("inbox") / _inbox_of(shop, item.unit), kept.name)
        scan_id = ScanId("")
    else:
        scan_id = ScanId(item.scan_id)
        _stage_kept(shop, scan_id, kept)
    with write(shop.engine) as conn:
        quarantine.resolve(conn, item_id, "retried")
        if scan_id:
            for other in quarantine.of_scan(conn, scan_id):
                if other.document_id is None:  # the other one of two passes
                    quarantine.resolve(conn, other.id, "retried")
            scans.retry(conn, scan_id)
        audit.append(conn, actor=actor, action="retry", subject=item_id, unit=item.unit)
    return scan_id


def _stage_kept(shop: Workshop, scan_id: ScanId, kept: Path) -> None:
    """The copies in quarantine lie in `work/` again. Raises NotFound when the other of two passes is gone."""
    with read(shop.engine) as conn:
        files = received(shop, scans.get(conn, scan_id))
    if len(files) == 1:
        copy_durably(kept, files[0].staged)
        return
    for file in files:
        if not (one := kept.parent / file.kept_name).is_file():
            raise NotFound("the other file of this item is not in quarantine any more")
        copy_durably(one, file.staged)


def _retry_part(shop: Workshop, item_id: str, kept: Path, document_id: DocumentId, actor: str) -> ScanId:
    """The kept pages are a scan of their own from now on: the one they came from is settled without them."""
    with read(shop.engine) as conn:
        record = documents.get(conn, document_id)
    receipt = take(
        shop,
        kept,
        unit_folder=_inbox_of(shop, record.unit),
        relative=Path(kept.name),
        actor=actor,
        dossier=record.dossier_code,
        component=record.component_code,
    )
    with write(shop.engine) as conn:
        quarantine.resolve(conn, item_id, "retried")
        audit.append(conn, actor=actor, action="retry", subject=item_id, unit=record.unit)
    return receipt.scan_id or ScanId("")


def _inbox_of(shop: Workshop, unit: str) -> str:
    """The inbox folder of a unit; of a folder that no unit owns, the folder itself."""
    return next((u.inbox for u in shop.catalogue.units if u.code == unit), unit)


def _stage(shop: Workshop, scan_id: ScanId, path: Path, digest: str) -> None:
    """The bytes lie in `work/scans`. A file changed since it was hashed loses its claim and is looked at anew."""
    staged = shop.staged_scan(scan_id)
    if copy_durably(path, staged) == digest:
        with write(shop.engine) as conn:
            scans.update(conn, scan_id, staged_path=str(staged))
        return
    staged.unlink()
    with write(shop.engine) as conn:
        scans.withdraw_claim(conn, scan_id)
        audit.append(conn, actor="sohoa", action="withdraw", subject=scan_id, detail={"why": "changed"})


def _try_again(shop: Workshop, scan_id: ScanId, path: Path, digest: str, actor: str) -> Receipt:
    """Bytes that were refused before came in again: the operator asks for another try."""
    with write(shop.engine) as conn:
        for item in quarantine.of_scan(conn, scan_id):
            quarantine.resolve(conn, item.id, "retried")
        scans.retry(conn, scan_id)
        scans.update(conn, scan_id, source_path=str(path), staged_path=None)
        audit.append(conn, actor=actor, action="retry", subject=scan_id)
    _stage(shop, scan_id, path, digest)
    return Receipt(Taken.CLAIMED, scan_id)


def _again(shop: Workshop, scan: ScanRow, path: Path, unit: str, actor: str) -> Taken:
    """Bytes that are held came in again: the same file once more, or another copy."""
    settled = scan.state in (ScanState.DONE, ScanState.DUPLICATE)
    if Path(scan.source_path) == path:
        if settled:
            leave_inbox(shop, path, unit, scan.id)
        return Taken.DUPLICATE if settled else Taken.UNDER_WAY
    if scan.state == ScanState.CLAIMED:  # its name may yet be why it is refused: then this copy is another try
        return Taken.POSTPONED
    record_duplicate(shop, scan.id, [path], unit, actor)
    return Taken.DUPLICATE


def record_duplicate(shop: Workshop, scan_id: ScanId, paths: Sequence[Path], unit: str, actor: str) -> None:
    """The audit log says that these bytes came once more; the file, or both passes, are in `done/`."""
    with write(shop.engine) as conn:
        audit.append(
            conn,
            actor=actor,
            action="duplicate",
            subject=scan_id,
            unit=unit,
            detail={"decision": "linked"},
        )
    for path in paths:
        if inside(path, shop.folder("inbox")):
            leave_inbox(shop, path, unit, scan_id)


def _refuse_unclaimed(shop: Workshop, path: Path, unit: str | None, unit_folder: str, actor: str) -> Receipt:
    """A file that is empty, or of no unit, is kept in quarantine under its own name, without a claim."""
    code = RefusalCode.EMPTY if unit else RefusalCode.UNKNOWN_UNIT
    digest = sha256_file(path)
    folder = shop.folder("quarantine") / (unit or "unknown-unit") / f"{digest[:8]}-{short_name(path.name)}"
    kept = folder / short_name(path.name)
    copy_durably(path, kept)
    explain(folder, code)
    with write(shop.engine) as conn:
        quarantine.add(
            conn,
            scan_id=None,
            unit=unit or unit_folder,
            file_name=display_name(path),
            kept_path=str(kept),
            sha256=digest,
            size_bytes=kept.stat().st_size,
            code=code,
            detail="",
        )
        audit.append(conn, actor=actor, action="quarantine", subject=digest[:16], unit=unit, detail={"code": code})
    if inside(path, shop.folder("inbox")):
        path.unlink()
    return Receipt(Taken.QUARANTINED, None, code)


def explain(folder: Path, code: RefusalCode) -> None:
    with landing(folder / "ly-do.txt") as part:
        part.write_text(sentence(code) + "\n", encoding="utf-8")


def codes_in(relative: Path) -> tuple[str | None, str | None]:
    """Dossier and component from the folders below the unit's and the file's name, the innermost first."""
    dossier = component = None
    for part in (relative.stem, *reversed(relative.parts[:-1])):
        found_dossier, found_component = parse_name(unicodedata.normalize("NFC", part))
        dossier, component = dossier or found_dossier, component or found_component
    return dossier, component


def short_name(name: str) -> str:
    """A name that fits a file system with a prefix: at most 180 bytes, the suffix kept."""
    raw = os.fsencode(name)
    if len(raw) <= 180:
        return name
    suffix = os.fsencode(Path(name).suffix)[:20]
    return os.fsencode(raw[: 180 - len(suffix)].decode("utf-8", "ignore")).decode() + os.fsdecode(suffix)


def inside(path: Path, folder: Path) -> bool:
    return folder in path.parents


def _still(path: Path, digest: str) -> bool:
    """Whether the file still holds these bytes: another scan may have come under the same name meanwhile."""
    try:
        return not path.is_symlink() and sha256_file(path) == digest
    except FileNotFoundError:
        return False


def _kept_before(folder: Path, name: str) -> Path:
    """The copy that an earlier attempt left in quarantine, when there is no other; `folder` is this attempt's."""
    stem = folder.name.rpartition("-")[0]
    return next((kept for f in sorted(folder.parent.glob(f"{stem}-*")) if (kept := f / name).exists()), folder / name)
