"""An installation from its archive alone: the newest whole backup, and what was archived after it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from rich.console import Console
from sqlalchemy import Connection, MetaData, Table, select, update

from app import lost_work
from app.lost_work import LostScan
from app.rebuild import Rebuilt, rebuild_index, rebuild_registry
from app.wiring import Wiring, opened
from archive.aip import iter_records
from archive.backups import checked_backup_file, files_of, iter_backups, open_backup_file
from archive.store import ObjectStore
from config.catalogue import SHIPPED
from config.settings import Settings
from pipeline.backup import FACT, LEFT_OUT, MANIFEST, Backup, Manifest, fact_of
from pipeline.landing import landing
from pipeline.run_lock import only_runner
from pipeline.sealing import take_over_sealed
from registry import audit, documents, facts
from registry.database import open_registry, read, write
from registry.errors import Conflict, FixityMismatch, KeyNotFound
from registry.rows import UNDER_WAY, clear, dumped_rows, forget_mark, insert_rows, is_empty, moved_tables
from registry.tables import audit as audit_table
from registry.tables import facts as facts_table
from registry.values import VIETNAM, DocumentId, Value, utc_now, vietnam_date

FOLDERS = ("inbox", "done", "quarantine", "work", "archive", "index", "keys")


class Restored(Value):
    """What came back, and what did not.

    backup: the one it came from, None when there was none. broken: newer ones that are not whole. after_backup:
    records that only the archive knew. missing: documents that the registry calls archived and the archive lacks.
    cannot: in Vietnamese, what no archive can give back.
    """

    backup: str | None
    made_at: datetime | None
    broken: tuple[str, ...]
    rows: int
    records: int
    after_backup: int
    damaged: tuple[DocumentId, ...]
    missing: tuple[DocumentId, ...]
    indexed: int
    going_on: int
    lost: tuple[LostScan, ...]
    audit_rows: int
    audit_holds: bool
    cannot: tuple[str, ...]

    @property
    def whole(self) -> bool:
        """Whether everything that the archive was given is here again."""
        return self.audit_holds and not (self.broken or self.damaged or self.missing or self.lost)


@dataclass(frozen=True, slots=True)
class Found:
    """Backups in a store: the newest that is whole, newer ones that are not, and the ids of all."""

    manifest: Manifest | None
    broken: tuple[str, ...]
    identifiers: tuple[str, ...]


def restore(home: Path, *, actor: str, console: Console) -> Restored:
    """The installation in `home` is what its archive tells: registry, catalogue, trust anchors and index.

    `home` holds a sohoa.toml that names the archive; registry and index are empty, unless an earlier call was
    interrupted: then this one begins again. Raises Conflict (registry or index hold other things, a runner works
    here), SettingsInvalid, DatabaseTooNew, ServiceUnavailable.
    """
    with only_runner(home), opened(home) as wiring:
        for name in FOLDERS:
            wiring.folder(name).mkdir(parents=True, exist_ok=True)
        wiring.store.check()
        with console.status("Tìm bản sao lưu…"):
            found = newest_whole(wiring.store)
        _load(wiring, found.manifest, console)
        _restore_files(wiring, found.manifest)
        with read(wiring.engine) as conn:
            known = set(documents.archived_ids(conn))
        lost_work.foresee_documents(wiring)
        rebuilt = rebuild_registry(wiring, actor, console)
        going_on, lost = lost_work.settle(wiring, actor)
        indexed = rebuild_index(wiring, console)
        return _finish(wiring, found, known, rebuilt, indexed, going_on, lost, actor)


def newest_whole(store: ObjectStore) -> Found:
    """The newest backup of which every row is there and is what its manifest says."""
    identifiers = tuple(sorted(iter_backups(store), reverse=True))
    broken = []
    for identifier in identifiers:
        try:
            manifest = Manifest.model_validate_json(checked_backup_file(store, identifier, MANIFEST))
            for name in manifest.tables:
                for _row in _dumped(store, manifest, name):
                    pass
        except (KeyNotFound, FixityMismatch, ValidationError):
            broken.append(identifier)
        else:
            return Found(manifest, tuple(broken), identifiers)
    return Found(None, tuple(broken), identifiers)


def _load(wiring: Wiring, manifest: Manifest | None, console: Console) -> None:
    """The registry holds the backup's rows and no others; of an interrupted load nothing is left."""
    url = wiring.settings.registry_url
    engine = open_registry(url, upto=manifest.revision if manifest else "head")
    try:
        tables = moved_tables()
        with write(engine) as conn:
            mark = facts.get(conn, UNDER_WAY)
            begun = mark is not None and "restore" in mark[0]
            if not begun and (not is_empty(conn, tables) or wiring.index.count()):
                raise Conflict("registry and index must be empty: what is in them is never overwritten")
            if begun and mark and mark[0].get("loaded"):
                return
            clear(conn, tables)
            facts.put(conn, UNDER_WAY, {"restore": manifest.id if manifest else None})
        if manifest is not None:
            with console.status("Sổ đăng ký từ bản sao lưu…"):
                for table in moved_tables(without=LEFT_OUT):
                    if table.name in manifest.tables:
                        # as the tables were when the backup was made; what came later is migrated afterwards
                        then = Table(table.name, MetaData(), autoload_with=engine)
                        insert_rows(engine, then, _dumped(wiring.store, manifest, table.name))
        with write(engine) as conn:
            take_over_sealed(conn, wiring.store)
            facts.put(conn, UNDER_WAY, {"restore": manifest.id if manifest else None, "loaded": True})
    finally:
        engine.dispose()


def _restore_files(wiring: Wiring, manifest: Manifest | None) -> None:
    """Catalogue and trust anchors lie where the settings say, and the backup's settings beside ours, to compare.

    A catalogue that is there already and differs is kept as `catalogue.before-restore`.
    """
    catalogue = wiring.folder("catalogue")
    trust = wiring.settings.path(wiring.settings.signing.trust)
    names = sorted(files_of(wiring.store, manifest.id)) if manifest else []
    bodies = {n: checked_backup_file(wiring.store, manifest.id, n) for n in names if _is_small(n)} if manifest else {}
    told = {n.removeprefix("catalogue/"): body for n, body in bodies.items() if n.startswith("catalogue/")}
    held = {p.name: p.read_bytes() for p in catalogue.glob("*.yaml")}
    if told and held and held != told:
        aside = catalogue.with_name(f"{catalogue.name}.before-restore")
        shutil.rmtree(aside, ignore_errors=True)
        catalogue.rename(aside)
    if not told and not held:
        shutil.copytree(SHIPPED, catalogue, ignore=shutil.ignore_patterns("messages.yaml"), dirs_exist_ok=True)
    for name, body in told.items():
        _write(catalogue / name, body)
    for name, body in bodies.items():
        if name.startswith("trust/"):
            _write(trust / name.removeprefix("trust/"), body)
    if "sohoa.toml" in bodies:
        _write(wiring.settings.home / "sohoa.toml.from-backup", bodies["sohoa.toml"])
    for unit in wiring.catalogue.units_on(vietnam_date(utc_now())):
        (wiring.folder("inbox") / unit.inbox).mkdir(parents=True, exist_ok=True)


def _finish(
    wiring: Wiring,
    found: Found,
    known: set[DocumentId],
    rebuilt: Rebuilt,
    indexed: Rebuilt,
    going_on: int,
    lost: tuple[LostScan, ...],
    actor: str,
) -> Restored:
    """The chain is checked and goes on with this restore; the mark that it is under way is gone."""
    manifest = found.manifest
    in_archive = set(iter_records(wiring.store))
    with write(wiring.engine) as conn:
        archived = set(documents.archived_ids(conn))
        holds = not audit.verify(conn) and (manifest is None or _head_is(conn, manifest))
        after = len(archived - known)
        audit.append(
            conn,
            actor=actor,
            action="restore",
            subject=manifest.id if manifest else "archive",
            detail={"records": rebuilt.records, "after_backup": after, "lost": len(lost)},
        )
        if manifest is not None:
            kept = Backup(
                id=manifest.id,
                made_at=manifest.made_at,
                retain_until=manifest.retain_until,
                rows=sum(state.rows for state in manifest.tables.values()),
            )
            facts.put(conn, FACT, fact_of(kept, found.identifiers))
            made_at = manifest.made_at.isoformat(timespec="microseconds")  # so that the next one is due at once
            conn.execute(update(facts_table).where(facts_table.c.name == FACT).values(at=made_at))
        forget_mark(conn)
        rows, _ = audit.head(conn)
    return Restored(
        backup=manifest.id if manifest else None,
        made_at=manifest.made_at if manifest else None,
        broken=found.broken,
        rows=sum(state.rows for state in manifest.tables.values()) if manifest else 0,
        records=rebuilt.records,
        after_backup=after,
        damaged=rebuilt.damaged,
        missing=tuple(sorted(archived - in_archive)),
        indexed=indexed.records,
        going_on=going_on,
        lost=lost,
        audit_rows=rows,
        audit_holds=holds,
        cannot=tuple(_cannot(wiring.settings, found, lost_work.quarantine_gone(wiring))),
    )


def _cannot(settings: Settings, found: Found, quarantine_gone: int) -> Iterator[str]:
    key = settings.path(settings.signing.key_file)
    if not key.exists():
        yield f"Khóa ký không bao giờ nằm trong bản sao lưu: hãy đặt lại {key.name} và mật khẩu từ nơi cất giữ."
    if found.manifest is None:
        yield (
            "Không có bản sao lưu nào còn nguyên: tài khoản, hồ sơ một cửa, lượt tái sử dụng và nhật ký kiểm toán"
            " không khôi phục được. Hãy tạo lại tài khoản bằng `sohoa users add` và nhập lại hồ sơ."
        )
    else:
        at = found.manifest.made_at.astimezone(VIETNAM)
        yield (
            f"Việc làm sau {at:%H:%M ngày %d/%m/%Y} (bản sao lưu cuối) mà không phải là lưu kho: tài khoản, hồ sơ,"
            " lượt tái sử dụng, nhật ký chưa niêm phong. Tệp nhận sau đó mà chưa lưu kho: hãy quét lại."
        )
        yield "Phiên đăng nhập: mọi người đăng nhập lại."
    if quarantine_gone:
        yield f"Tệp trong khu cách ly: {quarantine_gone} tệp không còn, lý do vẫn ghi ở khay xử lý; hãy quét lại."


def _head_is(conn: Connection, manifest: Manifest) -> bool:
    """Whether the chain still runs through the row that was its last when the backup was made."""
    if not manifest.audit_rows:
        return True
    told = conn.execute(select(audit_table.c.hash).where(audit_table.c.seq == manifest.audit_rows)).scalar()
    return told == manifest.audit_head


def _dumped(store: ObjectStore, manifest: Manifest, name: str) -> Iterator[dict[str, Any]]:
    with open_backup_file(store, manifest.id, f"registry/{name}.jsonl.gz") as stream:
        yield from dumped_rows(stream, manifest.tables[name])


def _is_small(name: str) -> bool:
    return name == "sohoa.toml" or name.startswith(("catalogue/", "trust/"))


def _write(path: Path, body: bytes) -> None:
    with landing(path) as part:
        part.write_bytes(body)
