"""Moving an installation to other homes of its registry, archive and index, in place, and proving that all is there.

The old homes are only read. Everything is copied, then both sides are compared while nobody can write to the old
registry; only when all is equal do the new settings take the place of the old ones.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import Field
from rich.console import Console
from rich.progress import Progress
from sqlalchemy import Connection, Engine, delete
from sqlalchemy.engine import make_url

from app.equality import (
    Difference,
    compare_answers,
    compare_tables,
    foreign_keys,
    one_sided,
    questions,
)
from app.rebuild import read_all
from app.wiring import Wiring
from archive.aip import iter_records, read_texts
from archive.replication import replicate
from config.settings import Settings, Store, load_settings, load_settings_file
from pipeline.crew import BEAT_S
from pipeline.landing import copy_durably, landing
from pipeline.run_lock import only_runner
from pipeline.steps import index_entry
from registry import audit, documents, facts, workers
from registry.database import open_registry, read, write
from registry.errors import Conflict
from registry.rows import UNDER_WAY, copy_tables, frozen, is_empty, moved_tables, number_of_rows, snapshot, states
from registry.tables import audit as audit_table
from registry.values import DocumentId, Value
from search.index import IndexEntry

QUESTIONS = 200
STAYS = ("inbox", "done", "quarantine", "work", "catalogue", "keys")
"""Folders that a move leaves where they are: the registry holds paths into them."""
BATCH = 200
KEPT_AS = "sohoa.toml.before-migration"
REGISTRY, ARCHIVE, INDEX = "registry", "archive", "index"


class Migrated(Value):
    """What was moved and compared. equal: nothing differs, and the new settings are in force. tables: rows of each."""

    moved: tuple[str, ...]
    equal: bool
    tables: dict[str, int] = Field(default_factory=dict)
    objects: int = 0
    records: int = 0
    questions: int = 0
    audit_rows: int = 0
    audit_head: str = ""
    differences: tuple[Difference, ...] = ()
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Move:
    """Two installations in one home, and what differs between them. registry: the new one, None when it stays."""

    source: Wiring
    target: Wiring
    registry: Engine | None
    parts: tuple[str, ...]
    progress: Progress


def migrate(home: Path, to: Path, *, actor: str, console: Console, number: int = QUESTIONS) -> Migrated:
    """The installation in `home` lives where the settings in `to` say, proven equal; or its settings are as they were,
    and the differences are named. An interrupted call is resumed by the same call; safe to repeat.

    Raises Conflict: a process works on the installation, nothing would move, or a target holds other things. Raises
    SettingsInvalid, ServiceUnavailable.
    """
    started = time.monotonic()
    old, new = load_settings(home), load_settings_file(home, to)
    parts = _what_moves(old, new)
    with ExitStack() as stack:
        stack.enter_context(only_runner(home))
        source, target = stack.enter_context(_wired(old)), stack.enter_context(_wired(new))
        registry = stack.enter_context(_registry(new)) if REGISTRY in parts else None
        progress = stack.enter_context(Progress(console=console, transient=True))
        move = Move(source, target, registry, parts, progress)
        _require_idle(source.engine)
        _begin(move, _address(new))
        if INDEX in parts:
            _catch_up_index(source)
        with frozen(source.engine) as conn:
            result = _carry_over(move, conn, number)
            if result.equal:
                _finish(move, conn, result, actor)
                _switch(home, to)  # while the old registry still takes no writes: none can be lost between
    return result.model_copy(update={"seconds": round(time.monotonic() - started, 1)})


def _what_moves(old: Settings, new: Settings) -> tuple[str, ...]:
    for name in STAYS:
        if old.path(getattr(old.folders, name)) != new.path(getattr(new.folders, name)):
            raise Conflict(f"folders.{name} must stay where it is: the registry holds paths into it")
    before, after = _address(old), _address(new)
    parts = tuple(part for part in (REGISTRY, ARCHIVE, INDEX) if before[part] != after[part])
    if not parts:
        raise Conflict("registry, archive and index would stay where they are: there is nothing to move")
    return parts


def _address(settings: Settings) -> dict[str, list[str]]:
    """Where registry, archive and index are, without secrets."""
    url = make_url(settings.registry_url).set(password=None).render_as_string()
    told = settings.index
    index = [told.kind, *sorted(told.urls), told.prefix] if told.urls else [str(settings.path(settings.folders.index))]
    return {REGISTRY: [url], ARCHIVE: _place(settings, settings.archive), INDEX: index}


def _place(settings: Settings, told: Store) -> list[str]:
    if told.kind == "s3":
        return [told.kind, told.endpoint, told.bucket]
    return [told.kind, str(settings.path(told.folder or settings.folders.archive))]


def _require_idle(engine: Engine) -> None:
    """Raises Conflict when some process, on whatever machine, still beats."""
    with read(engine) as conn:
        seen = {row.instance: row.beat for row in workers.listing(conn) if row.alive}
    until = time.monotonic() + 2 * BEAT_S
    while seen and time.monotonic() < until:
        time.sleep(0.5)
        with read(engine) as conn:
            now = {row.instance: row.beat for row in workers.listing(conn) if row.alive}
        if any(beat != seen.get(instance) for instance, beat in now.items()):
            raise Conflict("a process still works on this installation: stop run, watch, worker and web everywhere")


def _begin(move: Move, address: dict[str, list[str]]) -> None:
    """Both registries carry the mark of this move, so that it can be resumed. Raises Conflict for a target in use."""
    with read(move.source.engine) as conn:
        known = facts.get(conn, UNDER_WAY)
    resumed = known is not None and known[0].get("to") == address
    mark = known[0] if known and resumed else {"id": str(uuid.uuid4()), "to": address}
    if ARCHIVE in move.parts:
        move.target.store.check()
        if stray := next(foreign_keys(move.source.store, move.target.store), None):
            raise Conflict(f"the new archive holds what the old one does not: {stray}")
    if INDEX in move.parts and not resumed and move.target.index.count():
        raise Conflict("the new index is in use: name another one")
    if move.registry is not None:
        _mark_target(move.source.engine, move.registry, mark)
    with write(move.source.engine) as conn:
        facts.put(conn, UNDER_WAY, mark)


def _mark_target(source: Engine, target: Engine, mark: dict[str, Any]) -> None:
    with read(source) as conn:
        last, _ = audit.head(conn)
    with write(target) as conn:
        known = facts.get(conn, UNDER_WAY)
        if known is None or known[0].get("id") != mark["id"]:
            if not is_empty(conn, moved_tables()):
                raise Conflict("the new registry is in use: name an empty database")
        elif known[0].get("finished"):
            # proven equal, but interrupted before the settings were replaced: only its own row may have come since
            if audit.head(conn)[0] > last + 1:
                raise Conflict("the new registry has been worked with since it was moved there")
            conn.execute(delete(audit_table).where(audit_table.c.seq > last))
        facts.put(conn, UNDER_WAY, mark)


def _catch_up_index(source: Wiring) -> None:
    """The old index has every archived document: what it answers is then what the new one must answer."""
    while True:
        with read(source.engine) as conn:
            behind = documents.unindexed(conn, BATCH)
        if not behind:
            return
        records = [read_texts(source.store, document_id) for document_id in behind]
        source.index.put([index_entry(r.metadata, r.pages) for r in records])
        with write(source.engine) as conn:
            documents.mark_indexed(conn, behind)


def _carry_over(move: Move, conn: Connection, number: int) -> Migrated:
    """Everything is copied and compared; nothing of the old installation has changed."""
    found: list[Difference] = []
    tables, objects, records, asked = {}, 0, 0, 0
    last, head = audit.head(conn)
    if move.registry is not None:
        tables = _copy_registry(move, conn, move.registry, found)
    if ARCHIVE in move.parts:
        objects = _copy_archive(move, found)
    if INDEX in move.parts:
        records, asked = _make_index(move, conn, number, found)
    return Migrated(
        moved=move.parts,
        equal=not found,
        tables=tables,
        objects=objects,
        records=records,
        questions=asked,
        audit_rows=last,
        audit_head=head,
        differences=tuple(found),
    )


def _copy_registry(move: Move, conn: Connection, target: Engine, found: list[Difference]) -> dict[str, int]:
    tables = moved_tables()
    total = number_of_rows(conn, tables)
    task = move.progress.add_task("Sổ đăng ký: chép…", total=total)
    copy_tables(conn, target, tables, lambda rows: move.progress.advance(task, rows))
    task = move.progress.add_task("Sổ đăng ký: so sánh…", total=2 * total)
    here = states(conn, tables, lambda rows: move.progress.advance(task, rows))
    with snapshot(target) as there:
        found += compare_tables(here, states(there, tables, lambda rows: move.progress.advance(task, rows)))
        if audit.verify(there) or audit.head(there) != audit.head(conn):
            told = [f"{seq}, {digest}" for seq, digest in (audit.head(conn), audit.head(there))]
            found.append(Difference(what="audit", where="chain", source=told[0], target=told[1]))
    return {name: state.rows for name, state in here.items()}


def _copy_archive(move: Move, found: list[Difference]) -> int:
    """How many files were read on both sides and compared."""
    task = move.progress.add_task("Kho lưu trữ: chép và so sánh…", total=None)
    here, there = move.source.store, move.target.store
    bench = move.source.folder("work") / "migration"
    copied = replicate(here, there, bench, progress=lambda: move.progress.advance(task))
    for key in (*copied.differing, *copied.extra):
        found.append(Difference(what="archive", where=key, source="", target="differs"))
    if copied.ok:
        for key, ours in one_sided(here, there):
            told = ("there", "missing") if ours else ("missing", "there")
            found.append(Difference(what="archive", where=key, source=told[0], target=told[1]))
    return copied.same + copied.copied


def _make_index(move: Move, conn: Connection, number: int, found: list[Difference]) -> tuple[int, int]:
    """Records in the new index, made of the new archive, and how many questions both were asked."""
    held = documents.archived_ids(conn)
    task = move.progress.add_task("Chỉ mục: lập…", total=len(held))
    unreadable: list[DocumentId] = []

    def entries() -> Iterator[IndexEntry]:
        for _, record in read_all(move.target.store, iter_records(move.target.store), unreadable):
            move.progress.advance(task)
            yield index_entry(record.metadata, record.pages)

    records = move.target.index.rebuild(entries())
    found += [Difference(what="index", where=i, source="", target="unreadable") for i in unreadable]
    counts = move.source.index.count(), move.target.index.count()
    if counts[0] != counts[1]:
        found.append(Difference(what="index", where="records", source=str(counts[0]), target=str(counts[1])))
    task = move.progress.add_task("Chỉ mục: hỏi cả hai…", total=None)
    asked = questions(conn, move.target.store, number)
    found += compare_answers(move.source.index, move.target.index, asked)
    return records, len(asked)


def _finish(move: Move, conn: Connection, result: Migrated, actor: str) -> None:
    """The registry that is in force from now on tells of the move."""
    detail = {"moved": list(result.moved), "rows": sum(result.tables.values()), "objects": result.objects}
    detail |= {"records": result.records, "questions": result.questions}
    if move.registry is None:
        audit.append(conn, actor=actor, action="migrate", subject="installation", detail=detail)
        return
    known = facts.get(conn, UNDER_WAY)
    with write(move.registry) as there:
        audit.append(there, actor=actor, action="migrate", subject="installation", detail=detail)
        facts.put(there, UNDER_WAY, {**(known[0] if known else {}), "finished": True})


def _switch(home: Path, to: Path) -> None:
    """The new settings are in force; the old ones are kept beside them. Either is whole at every instant."""
    toml = home / "sohoa.toml"
    copy_durably(toml, home / KEPT_AS)
    (home / KEPT_AS).chmod(0o600)
    with landing(toml) as part:
        part.touch(0o600)
        part.write_bytes(to.read_bytes())


@contextmanager
def _wired(settings: Settings) -> Iterator[Wiring]:
    wiring = Wiring(settings)
    try:
        yield wiring
    finally:
        wiring.close()


@contextmanager
def _registry(settings: Settings) -> Iterator[Engine]:
    """The new registry, its tables made. Not through the wiring, which would write the units in force into it."""
    engine = open_registry(settings.registry_url)
    try:
        yield engine
    finally:
        engine.dispose()
