"""The registry's backup: one consistent picture of every table, kept in the archive itself.

What the archive cannot tell (dossiers, accounts, work under way, reuse, the audit chain) is dumped row by row, with the
catalogue, the settings without their secrets and the public trust anchors. Private keys and sessions are never in it.
"""

from __future__ import annotations

import fcntl
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from archive.backups import backup_id, made_at, remove_backup, store_backup
from archive.store import ObjectStore
from config.plain_toml import without_secrets
from config.settings import Settings
from pipeline.landing import sync_file, sync_folder
from pipeline.workshop import Workshop
from registry import audit, facts
from registry.database import read, revision, write
from registry.errors import KeyNotFound, Retained
from registry.rows import TableState, dump, moved_tables, snapshot
from registry.values import Value, utc_now, vietnam_date

MANIFEST = "manifest.json"
FACT = "backup"
FORMAT = 1
LEFT_OUT = ("sessions",)
"""Whoever is logged in logs in again: nobody should find a living session in an old backup."""


class Manifest(Value):
    """`manifest.json` of a backup. revision: of the tables; audit_rows, audit_head: the end of the audit chain."""

    format: int = FORMAT
    id: str
    made_at: datetime
    retain_until: date
    program: str
    revision: str
    audit_rows: int
    audit_head: str
    tables: dict[str, TableState]


class Backup(Value):
    """A backup that stands in the archive. size_bytes: packed, where it is known. removed: those past their days."""

    id: str
    made_at: datetime
    retain_until: date
    rows: int
    size_bytes: int | None = None
    removed: tuple[str, ...] = ()


def daily_backup(shop: Workshop) -> Backup | None:
    """Today's backup stands in the archive and those past their days are gone; None when it stood there already.

    Safe to repeat and to interrupt. May take minutes: for a thread of its own. Raises ServiceUnavailable, OSError.
    """
    with read(shop.engine) as conn:
        known = facts.get(conn, FACT)
    if known and vietnam_date(datetime.fromisoformat(known[0]["made_at"])) == vietnam_date(utc_now()):
        return None
    made = make_backup(shop.settings, shop.engine, shop.store, actor="sohoa")
    removed = remove_expired(shop.settings, shop.engine, shop.store, kept(shop.engine), actor="sohoa")
    return made.model_copy(update={"removed": removed})


def make_backup(settings: Settings, engine: Engine, store: ObjectStore, *, actor: str) -> Backup:
    """A new backup stands in the archive, read back and compared; one that was interrupted is completed before.

    The registry knows it as the fact `backup`, with all that are kept. One at a time: a second call waits.
    """
    folder = settings.path(settings.folders.work) / "backup"
    with _alone(folder):
        for half in folder.glob("*.part"):
            shutil.rmtree(half)
        for left in sorted(p for p in folder.iterdir() if p.is_dir()):
            _keep(engine, store, left, actor)
        return _keep(engine, store, _dump(settings, engine, folder), actor)


def remove_expired(
    settings: Settings, engine: Engine, store: ObjectStore, identifiers: Iterable[str], *, actor: str
) -> tuple[str, ...]:
    """Of these backups, those past their days are gone; never the newest, however old, and none that is locked."""
    today = vietnam_date(utc_now())
    removed = []
    for identifier in sorted(identifiers)[:-1]:
        if _until(settings, made_at(identifier)) < today:
            try:
                remove_backup(store, identifier)
            except Retained:
                continue
            except KeyNotFound:
                pass  # removed before, only not noted
            removed.append(identifier)
    if removed:
        with write(engine) as conn:
            known = facts.get(conn, FACT)
            if known:
                left = [i for i in known[0]["kept"] if i not in removed]
                facts.put(conn, FACT, {**known[0], "kept": left})
            audit.append(conn, actor=actor, action="remove-backups", subject="archive", detail={"ids": removed})
    return tuple(removed)


def kept(engine: Engine) -> tuple[str, ...]:
    """The ids of the backups that the registry knows of, oldest first."""
    with read(engine) as conn:
        known = facts.get(conn, FACT)
    return tuple(sorted(known[0]["kept"])) if known else ()


def _dump(settings: Settings, engine: Engine, folder: Path) -> Path:
    """Everything that belongs to the backup lies in a folder named after its instant, on disk."""
    instant = utc_now().replace(microsecond=0)
    if before := kept(engine):
        instant = max(instant, made_at(before[-1]) + timedelta(seconds=1))  # ids are told apart by the second
    part = folder / f"{instant:%Y%m%dT%H%M%SZ}.part"
    (part / "registry").mkdir(parents=True)
    with snapshot(engine) as conn:
        rows, head = audit.head(conn)
        tables = {
            table.name: dump(conn, table, part / "registry" / f"{table.name}.jsonl.gz")
            for table in moved_tables(without=LEFT_OUT)
        }
        manifest = Manifest(
            id=backup_id(instant),
            made_at=instant,
            retain_until=_until(settings, instant),
            program=version("sohoa"),
            revision=revision(conn),
            audit_rows=rows,
            audit_head=head,
            tables=tables,
        )
    _copy_folder(settings.path(settings.folders.catalogue), part / "catalogue", "*.yaml")
    for kind in ("*.pem", "manifest.*"):
        _copy_folder(settings.path(settings.signing.trust), part / "trust", kind)
    toml = settings.home / "sohoa.toml"
    if toml.exists():
        (part / "sohoa.toml").write_text(without_secrets(toml.read_text(encoding="utf-8")), encoding="utf-8")
    (part / MANIFEST).write_text(manifest.model_dump_json(indent=1), encoding="utf-8")
    for path in part.rglob("*"):
        sync_folder(path) if path.is_dir() else sync_file(path)
    whole = part.with_suffix("")
    part.rename(whole)
    sync_folder(folder)
    return whole


def _keep(engine: Engine, store: ObjectStore, folder: Path, actor: str) -> Backup:
    """The dumped backup stands in the archive, and the registry knows it; its files here are gone."""
    manifest = Manifest.model_validate_json((folder / MANIFEST).read_bytes())
    files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    store_backup(store, manifest.id, files, user="sohoa", retain_until=manifest.retain_until)
    made = Backup(
        id=manifest.id,
        made_at=manifest.made_at,
        retain_until=manifest.retain_until,
        rows=sum(state.rows for state in manifest.tables.values()),
        size_bytes=sum(path.stat().st_size for path in files.values()),
    )
    with write(engine) as conn:
        known = facts.get(conn, FACT)
        facts.put(conn, FACT, fact_of(made, {*(known[0]["kept"] if known else ()), made.id}))
        audit.append(conn, actor=actor, action="backup", subject=made.id, detail={"rows": made.rows})
    shutil.rmtree(folder)
    return made


def fact_of(newest: Backup, all_kept: Iterable[str]) -> dict[str, Any]:
    """What the registry knows of its backups, as the fact `backup`."""
    return {**newest.model_dump(mode="json", exclude={"removed"}), "kept": sorted(all_kept)}


def _copy_folder(source: Path, target: Path, pattern: str) -> None:
    """The plain files of that pattern, never one that holds a private key."""
    for path in sorted(source.glob(pattern)):
        body = path.read_bytes() if path.is_file() and not path.is_symlink() else b"PRIVATE KEY"
        if b"PRIVATE KEY" not in body:
            target.mkdir(exist_ok=True)
            (target / path.name).write_bytes(body)


def _until(settings: Settings, instant: datetime) -> date:
    return vietnam_date(instant) + timedelta(days=settings.registry.backup_days)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """No other process makes a backup meanwhile."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
