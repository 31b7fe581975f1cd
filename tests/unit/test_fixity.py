"""Reading the archive again: by age, in portions, resumable; damage is an alarm until it is mended."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import Engine, update

from app.cli.fixity import size_in_bytes
from archive.aip import archive_record
from archive.backups import store_backup
from archive.fixity import check_object
from archive.folder import FolderStore
from archive.ocfl import BACKUP, identifier_of, kind_of, object_root, root_in, root_of
from pipeline import fixity as rolling
from registry import audit, facts, fixity, tables
from registry.database import open_registry, read, write
from registry.values import DocumentId, utc_now, vietnam_date
from tests.unit.packages import content

IDS = [DocumentId(str(UUID(int=n, version=4))) for n in range(1, 7)]
LATER = timedelta(seconds=1)


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    return open_registry(f"sqlite:///{tmp_path / 'registry.sqlite'}")


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    store = FolderStore(tmp_path / "archive", staging=tmp_path / "staging")
    for number, document_id in enumerate(IDS):
        put = content(tmp_path / "in", b"scan %d" % number, document_id)
        archive_record(store, put, user="an", message="archived")
    return store


def flipped(tmp_path: Path, document_id: DocumentId) -> Iterator[None]:
    [pdf] = (tmp_path / "archive" / object_root(document_id)).rglob("document.pdf")
    whole = pdf.read_bytes()
    pdf.chmod(0o600)
    pdf.write_bytes(bytes([whole[0] ^ 1]) + whole[1:])
    yield
    pdf.write_bytes(whole)
    yield


def check_all(engine: Engine, store: FolderStore, **limits: int) -> rolling.Portion:
    return rolling.check_due(engine, store, before=utc_now() + LATER, **limits)


def aged(engine: Engine, days: int, root: str | None = None) -> None:
    """As if so much time had passed since the last check of everything, or of one object."""
    at = (utc_now() - timedelta(days=days)).isoformat(timespec="microseconds")
    change = update(tables.fixity).values(since=at, checked_at=at)
    with write(engine) as conn:
        conn.execute(change.where(tables.fixity.c.root == root) if root else change)


def test_the_names_tell_the_objects() -> None:
    backup = root_of(f"{BACKUP}20260901T000000Z")
    assert [kind_of(r) for r in (object_root(IDS[0]), backup, root_of("urn:sohoa:disposal:x"))] == [
        "record", "backup", "disposal"]  # fmt: skip
    assert identifier_of(backup) == f"{BACKUP}20260901T000000Z"
    assert root_in(f"{backup}/v1/inventory.json") == backup and root_in(backup) is None
    assert root_in("extensions/a/b/c/d") is None


def test_an_interrupted_audit_goes_on_and_each_object_is_read_once(engine: Engine, store: FolderStore) -> None:
    assert rolling.list_objects(engine, store).new == len(IDS)
    before, resumed = rolling.begin_run(engine, anew=False)
    assert not resumed
    seen: list[DocumentId] = []
    for _ in range(3):
        again, resumed = rolling.begin_run(engine, anew=False)
        assert resumed and again == before
        rolling.check_due(engine, store, before=before, at_most=2, progress=lambda f: seen.append(f.document_id))
    assert sorted(seen) == sorted(IDS)
    assert rolling.check_due(engine, store, before=before).checked == 0
    rolling.end_run(engine)
    assert rolling.begin_run(engine, anew=False)[1] is False
    assert rolling.list_objects(engine, store).new == 0
    assert rolling.last_listing(engine) == rolling.Listing(objects=len(IDS), new=0, strays=(), stray_count=0)


def test_the_oldest_are_read_first_and_limits_hold(engine: Engine, store: FolderStore) -> None:
    rolling.list_objects(engine, store)
    check_all(engine, store)
    aged(engine, 5)
    aged(engine, 50, object_root(IDS[3]))
    seen: list[DocumentId] = []
    long_ago = utc_now() - timedelta(days=30)
    rolling.check_due(engine, store, before=long_ago, progress=lambda f: seen.append(f.document_id))
    assert seen == [IDS[3]]
    assert check_all(engine, store, at_most_bytes=1).checked == 1
    assert rolling.check_due(engine, store, before=utc_now(), for_s=0).checked == 0
    assert rolling.check_due(engine, store, before=utc_now(), stop=lambda: True).checked == 0


def test_damage_stays_an_alarm_until_it_is_mended(engine: Engine, store: FolderStore, tmp_path: Path) -> None:
    rolling.list_objects(engine, store)
    change = flipped(tmp_path, IDS[2])
    next(change)
    found = check_all(engine, store)
    assert (found.checked, found.damaged) == (len(IDS), 1)
    for _ in range(2):
        with read(engine) as conn:
            assert fixity.summary(conn).damaged == 1
            [(identifier, told)] = rolling.damaged(conn)
            assert identifier == f"urn:uuid:{IDS[2]}" and told.findings == ("changed: v1/content/document.pdf",)
            assert audit.count(conn, "fixity-damaged") == 1, "news is told once"
        check_all(engine, store, at_most=1)
    next(change)
    assert check_all(engine, store, at_most=1).mended == 1, "the damaged are read first"
    with read(engine) as conn:
        assert fixity.summary(conn).damaged == 0 and audit.count(conn, "fixity-mended") == 1


def test_an_object_that_is_gone_is_damage_and_a_backup_past_its_days_is_not(
    engine: Engine, store: FolderStore, tmp_path: Path
) -> None:
    (tmp_path / "file").write_bytes(b"rows")
    backup, yesterday = f"{BACKUP}20260901T000000Z", vietnam_date(utc_now()) - timedelta(days=1)
    store_backup(store, backup, {"manifest.json": tmp_path / "file"}, user="sohoa", retain_until=yesterday)
    with write(engine) as conn:
        facts.put(conn, "backup", {"kept": []})
    assert rolling.list_objects(engine, store).new == len(IDS) + 1
    store.delete_tree(root_of(backup))
    (tmp_path / "archive" / object_root(IDS[0])).rename(tmp_path / "lost")
    assert check_all(engine, store).damaged == 1
    with read(engine) as conn:
        [(identifier, told)] = rolling.damaged(conn)
        assert fixity.count(conn) == len(IDS)
    assert identifier == f"urn:uuid:{IDS[0]}" and told.findings == ("missing: the whole object",)


def test_an_object_that_lies_elsewhere_is_found(store: FolderStore, tmp_path: Path) -> None:
    root = object_root(IDS[0])
    elsewhere = f"fff/fff/fff/{root.rpartition('/')[2]}"
    (tmp_path / "archive" / elsewhere).parent.mkdir(parents=True)
    (tmp_path / "archive" / root).rename(tmp_path / "archive" / elsewhere)
    assert not check_object(store, elsewhere).ok


def test_a_day_reads_its_share_and_ninety_days_read_all(
    engine: Engine, store: FolderStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rolling, "ROUND_DAYS", 3)
    start = utc_now().replace(hour=1)
    clock: list[datetime] = [start]
    monkeypatch.setattr(rolling, "utc_now", lambda: clock[0])
    for day in range(1, 5):
        clock[0] = start + timedelta(days=day)
        done = rolling.daily_share(engine, store)
        assert done is not None and done.checked == 2
        assert rolling.daily_share(engine, store) is None, "the share was read"
        with read(engine) as conn:
            oldest = fixity.summary(conn).oldest
        assert oldest is not None and clock[0] - oldest <= timedelta(days=3)


def test_a_long_standstill_is_caught_up_with(engine: Engine, store: FolderStore) -> None:
    rolling.list_objects(engine, store)
    check_all(engine, store)
    aged(engine, 100)
    done = rolling.daily_share(engine, store)
    assert done is not None and done.checked == len(IDS)


def test_a_clock_set_back_meanwhile_ends_the_audit_all_the_same(
    engine: Engine, store: FolderStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    rolling.list_objects(engine, store)
    before = utc_now() + LATER
    monkeypatch.setattr(rolling, "utc_now", lambda: before - timedelta(days=700))
    assert rolling.check_due(engine, store, before=before).checked == len(IDS)


@pytest.mark.parametrize(("told", "size"), [("500", 500), ("2K", 2048), ("1.5GB", 3 << 29), ("1 TiB", 1 << 40)])
def test_sizes_are_read_as_people_write_them(told: str, size: int) -> None:
    assert size_in_bytes(told) == size
