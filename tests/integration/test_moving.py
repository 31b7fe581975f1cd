"""Moving house: every row, byte and answer is at the other home, proven; or nothing has changed."""

from __future__ import annotations

import gzip
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from threading import Event, Thread

import pytest
from elasticsearch import Elasticsearch
from ocfl.storage_root import StorageRoot
from rich.console import Console
from sqlalchemy import create_engine, text

import app.migrate
import app.restore
import archive.folder
import pipeline.backup
from app.migrate import KEPT_AS, migrate
from app.restore import restore
from app.wiring import opened
from archive.backups import checked_backup_file, files_of, iter_backups, remove_backup
from archive.fixity import audit as audit_archive
from archive.ocfl import root_of
from archive.store import get
from pipeline import decisions, steps
from pipeline.backup import Backup, daily_backup, make_backup, remove_expired
from pipeline.run_lock import only_runner
from registry import audit, documents, facts, quarantine, reuse_events, scans, users, workers
from registry.database import open_registry, read, write
from registry.errors import Conflict, Retained, ServiceUnavailable
from registry.rows import moved_tables, states
from registry.values import PageText, RecordMetadata, ScanId, utc_now
from search.index import IndexEntry
from tests.desk import SOHOA, run_cli
from tests.office import DOSSIER, RECORDS, Office, add_record, answers, make_office, moved_office, preserve, settings
from tests.servers.elastic import Elastic, elasticsearch
from tests.servers.postgres import Postgres, postgres
from tests.servers.s3 import S3Server, minio

pytestmark = pytest.mark.slow
QUIET = Console(quiet=True)


@pytest.fixture(scope="module")
def pattern(tmp_path_factory: pytest.TempPathFactory) -> Office:
    return make_office(tmp_path_factory.mktemp("pattern") / "home", RECORDS)


@pytest.fixture
def office(pattern: Office, tmp_path: Path) -> Office:
    """An installation of this test's own, in a folder of its own."""
    return moved_office(pattern, tmp_path / "home")


@pytest.fixture(scope="module")
def pg(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    with postgres(tmp_path_factory.mktemp("pg")) as server:
        yield server


@pytest.fixture(scope="module")
def s3() -> Iterator[S3Server]:
    with minio() as server:
        yield server


@pytest.fixture(scope="module")
def elastic(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Elastic]:
    with elasticsearch(tmp_path_factory.mktemp("elastic")) as server:
        yield server


@pytest.fixture
def grown(pg: Postgres, s3: S3Server, elastic: Elastic, tmp_path: Path) -> Path:
    """Settings of a province, for this office."""
    name = tmp_path.name.replace("_", "-").strip("-")[:40]
    store = s3.settings(name)
    toml = tmp_path / "grown.toml"
    toml.write_text(settings(registry=pg.url(name), store=store, secret=s3.secret, urls=[elastic.url], prefix=name))
    return toml


def rows(home: Path) -> dict[str, tuple[int, str]]:
    with opened(home) as wiring, read(wiring.engine) as conn:
        return {n: (s.rows, s.sha256) for n, s in states(conn, moved_tables()).items()}


def test_an_office_grows_into_a_province_and_back(office: Office, grown: Path) -> None:
    before, told = rows(office.home), answers(office.home)
    done = migrate(office.home, grown, actor="t", console=QUIET)
    assert done.equal and done.differences == () and done.moved == ("registry", "archive", "index")
    assert done.records == RECORDS and done.questions >= 8 * RECORDS and done.objects >= 10 * RECORDS
    assert (office.home / "sohoa.toml").read_bytes() == grown.read_bytes()
    assert (office.home / KEPT_AS).exists()
    after = rows(office.home)
    assert {n for n in before if before[n] != after[n]} == {"audit"}, "only the row that tells of the move is new"
    assert answers(office.home) == told
    with opened(office.home) as wiring:
        assert audit_archive(wiring.store).ok
        with read(wiring.engine) as conn:
            assert audit.verify(conn) == []
            assert documents.get(conn, office.in_review).state == "review", "what waits for a person still does"
        office.archived.append(add_record(wiring, RECORDS))  # rows are numbered on behind those that came along
    with pytest.raises(Conflict, match="nothing to move"):
        migrate(office.home, grown, actor="t", console=QUIET)
    told = answers(office.home)
    back = office.home / "back.toml"
    url = f"sqlite:///{office.home / 'registry-2.sqlite'}"
    back.write_text(f'[registry]\nurl = "{url}"\n[archive]\nfolder = "archive-2"\n[folders]\nindex = "index-2"\n')
    assert migrate(office.home, back, actor="t", console=QUIET).equal
    assert answers(office.home) == told
    with opened(office.home) as wiring, read(wiring.engine) as conn:
        assert audit.verify(conn) == [] and audit.count(conn, "migrate") == 2
        assert documents.archived_ids(conn) == sorted(office.archived)


def test_a_registry_that_took_other_values_is_found_and_the_old_settings_stay(
    office: Office, grown: Path, pg: Postgres, tmp_path: Path
) -> None:
    new = open_registry(app.migrate.load_settings_file(office.home, grown).registry_url)
    with write(new) as conn:
        conn.execute(text(
            "CREATE FUNCTION lower_names() RETURNS trigger AS "
            "$$ BEGIN NEW.full_name := lower(NEW.full_name); RETURN NEW; END $$ LANGUAGE plpgsql"
        ))  # fmt: skip
        conn.execute(text("CREATE TRIGGER x BEFORE INSERT ON people FOR EACH ROW EXECUTE FUNCTION lower_names()"))
    toml = (office.home / "sohoa.toml").read_bytes()
    done = run_cli("migrate", "--to", str(grown), "--home", str(office.home), exit_code=3)
    assert not done["equal"]
    assert [(d["what"], d["where"]) for d in done["differences"]] == [("registry", "people")]
    assert (office.home / "sohoa.toml").read_bytes() == toml and not (office.home / KEPT_AS).exists()
    with write(new) as conn:
        conn.execute(text("DROP TRIGGER x ON people"))
    new.dispose()
    assert migrate(office.home, grown, actor="t", console=QUIET).equal, "the same command puts it right"


def test_an_index_that_lost_a_name_and_an_archive_that_lost_a_byte_are_found(
    office: Office, elastic: Elastic, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    toml = tmp_path / "new.toml"
    toml.write_text(
        settings(urls=[elastic.url], prefix="forgetful") + f'[archive]\nfolder = "{tmp_path / "archive-2"}"\n'
    )
    forgotten = office.archived[3]

    def forgetful(metadata: RecordMetadata, pages: tuple[PageText, ...]) -> IndexEntry:
        entry = steps.index_entry(metadata, pages)
        return entry.model_copy(update={"text": ""}) if entry.document_id == forgotten else entry

    before = (office.home / "sohoa.toml").read_bytes()
    with monkeypatch.context() as patched:
        patched.setattr(app.migrate, "index_entry", forgetful)
        done = migrate(office.home, toml, actor="t", console=QUIET)
    assert {d.what for d in done.differences} == {"answers"}
    assert f"{forgotten}: phrase" in {d.where for d in done.differences}
    damaged = next((tmp_path / "archive-2").rglob("document.pdf"))
    damaged.chmod(0o644)
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"x")
    done = migrate(office.home, toml, actor="t", console=QUIET)
    assert {d.what for d in done.differences} == {"archive"}
    assert all("document.pdf" in d.where for d in done.differences)
    assert (office.home / "sohoa.toml").read_bytes() == before


def test_a_move_killed_in_the_middle_goes_on(office: Office, grown: Path, s3: S3Server) -> None:
    bucket = app.migrate.load_settings_file(office.home, grown).archive.bucket
    command = [*SOHOA, "migrate", "--to", str(grown), "--home", str(office.home)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        until = time.monotonic() + 60
        while sum(1 for _ in s3.client.list_objects(bucket, recursive=True)) < 40:
            assert process.poll() is None and time.monotonic() < until, "it must be killed while it copies"
        process.send_signal(signal.SIGKILL)
    assert not (office.home / KEPT_AS).exists()
    held = sum(1 for _ in s3.client.list_objects(bucket, recursive=True))
    before = rows(office.home)
    done = migrate(office.home, grown, actor="t", console=QUIET)
    assert done.equal and done.objects > held >= 40
    assert {n for n, told in rows(office.home).items() if told != before[n]} == {"audit"}


def test_a_move_killed_between_the_proof_and_the_new_settings_goes_on(
    office: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    toml = tmp_path / "new.toml"
    toml.write_text(f'[registry]\nurl = "sqlite:///{tmp_path / "new.sqlite"}"\n')

    def die(home: Path, to: Path) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(app.migrate, "_switch", die)
        migrate(office.home, toml, actor="t", console=QUIET)
    assert migrate(office.home, toml, actor="t", console=QUIET).equal
    with opened(office.home) as wiring, read(wiring.engine) as conn:
        assert audit.verify(conn) == [] and audit.count(conn, "migrate") == 1


def test_what_is_in_use_is_neither_moved_nor_overwritten(office: Office, tmp_path: Path) -> None:
    def refused(toml: str, why: str, prepare: Callable[[], None] = lambda: None) -> None:
        prepare()
        (tmp_path / "new.toml").write_text(toml)
        with pytest.raises(Conflict, match=why):
            migrate(office.home, tmp_path / "new.toml", actor="t", console=QUIET)

    other = f'[registry]\nurl = "sqlite:///{tmp_path / "other.sqlite"}"\n'
    with only_runner(office.home):
        refused(other, "another `sohoa run`")
    refused('[folders]\ninbox = "elsewhere"\n' + other, "folders.inbox must stay")
    engine = open_registry(f"sqlite:///{tmp_path / 'other.sqlite'}")
    with write(engine) as conn:
        audit.append(conn, actor="x", action="x", subject="x")
    engine.dispose()
    refused(other, "new registry is in use")
    (tmp_path / "archive-2").mkdir()
    (tmp_path / "archive-2" / "somebody's").write_text("x")
    refused(f'[archive]\nfolder = "{tmp_path / "archive-2"}"\n', "new archive holds")
    shutil.copytree(office.home / "index", tmp_path / "index-2")
    refused(f'[folders]\nindex = "{tmp_path / "index-2"}"\n', "new index is in use")


def test_a_machine_that_still_works_is_noticed(office: Office, tmp_path: Path) -> None:
    stop = Event()
    with opened(office.home) as wiring:
        with write(wiring.engine) as conn:
            workers.register(conn, instance="far", role="worker", host="far", version="2")

        def beat() -> None:
            while not stop.wait(1.0):
                with write(wiring.engine) as conn:
                    workers.beat(conn, "far")

        far = Thread(target=beat)
        far.start()
        try:
            (tmp_path / "new.toml").write_text(f'[registry]\nurl = "sqlite:///{tmp_path / "new.sqlite"}"\n')
            with pytest.raises(Conflict, match="still works"):
                migrate(office.home, tmp_path / "new.toml", actor="t", console=QUIET)
        finally:
            stop.set()
            far.join()


def emptied(office: Office) -> Path:
    """Another home beside, of which only the archive is left; the old one and its inbox are gone."""
    home = office.home.with_name("fresh")
    home.mkdir()
    for name in ("archive", "archive.locks"):
        (office.home / name).rename(home / name)
    shutil.rmtree(office.home)
    (home / "sohoa.toml").write_text("")
    return home


def back_up(home: Path) -> Backup:
    with opened(home) as wiring:
        return make_backup(wiring.settings, wiring.engine, wiring.store, actor="t")


def test_after_the_loss_of_everything_but_the_bucket_all_is_there_again(
    grown: Path, pg: Postgres, elastic: Elastic, tmp_path: Path
) -> None:
    office = make_office(tmp_path / "province", RECORDS, toml=grown.read_text())
    backup = back_up(office.home)
    with opened(office.home) as wiring:
        late = add_record(wiring, 41)
        decisions.approve(wiring.workshop, office.in_review, "motcua")
        preserve(wiring, office.in_review)
        with read(wiring.engine) as conn:
            was = {i: documents.get(conn, i) for i in documents.archived_ids(conn)}
            accounts, reuse = users.list_users(conn), reuse_events.of_dossier(conn, DOSSIER)
        database = wiring.settings.registry.url.rpartition("/")[2]
    told = answers(office.home)
    # everything goes but the bucket
    shutil.rmtree(office.home)
    server = create_engine(pg.url("postgres"), isolation_level="AUTOCOMMIT")
    with server.connect() as conn:
        conn.execute(text(f'DROP DATABASE "{database}" WITH (FORCE)'))
    server.dispose()
    with Elasticsearch(elastic.url) as client:
        client.indices.delete(index=list(client.indices.get(index=f"{database}-*")))
    home = tmp_path / "new"
    home.mkdir()
    pg.url(database)
    (home / "sohoa.toml").write_bytes(grown.read_bytes())
    back = run_cli("restore", "--home", str(home), exit_code=3)
    assert back["backup"] == backup.id and back["broken"] == back["damaged"] == back["missing"] == []
    assert back["records"] == back["indexed"] == len(was) == RECORDS + 2 and back["after_backup"] == 2
    assert [scan["scan_id"] for scan in back["lost"]] == [office.under_way], "why it is not wholly ok"
    assert back["audit_holds"] and any("agency.p12" in sentence for sentence in back["cannot"])
    assert answers(home) == told
    # what only the registry knew of the records that came after the backup: when work began, its verdict and policy
    same = set(documents.DocumentRecord.model_fields) - {"indexed_at", "updated_at", "scan_id", "step"}
    same -= {"created_at", "verdict", "verdict_at", "renew_policy"}
    with opened(home) as wiring:
        assert audit_archive(wiring.store).ok
        with read(wiring.engine) as conn:
            assert set(documents.archived_ids(conn)) == set(was) >= {late, office.in_review}
            for document_id, record in was.items():
                now = documents.get(conn, document_id)
                assert now.model_dump(include=same) == record.model_dump(include=same), document_id
            assert users.list_users(conn) == accounts and reuse_events.of_dossier(conn, DOSSIER) == reuse
            assert audit.verify(conn) == [] and audit.count(conn, "restore") == 1
            lost = scans.get(conn, ScanId(office.under_way))
            assert (lost.state, lost.error_code) == ("quarantined", "lost"), "the tray says: scan it again"
            assert {item.code for item in quarantine.open_items(conn)} == {"empty", "lost"}
        with pytest.raises(Retained):
            remove_backup(wiring.store, backup.id)
        for key in wiring.store.list(""):
            path = tmp_path / "disk" / key
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(get(wiring.store, key))
    root = StorageRoot(root=str(tmp_path / "disk"))
    assert root.validate(validate_objects=True, check_digests=True) and root.num_objects == RECORDS + 3


def test_a_backup_holds_no_secret(office: Office, tmp_path: Path) -> None:
    toml = office.home / "sohoa.toml"
    toml.write_text(toml.read_text() + '[index]\npassword = "rat-bi-mat"\n')
    with opened(office.home) as wiring:
        with write(wiring.engine) as conn:
            users.open_session(conn, "motcua", 9)
        made = make_backup(wiring.settings, wiring.engine, wiring.store, actor="t")
        names = files_of(wiring.store, made.id)
        bodies = {name: checked_backup_file(wiring.store, made.id, name) for name in names}
    whole = b"".join(gzip.decompress(b) if n.endswith(".gz") else b for n, b in bodies.items())
    assert b"rat-bi-mat" not in whole and b"PRIVATE KEY" not in whole and b"agency.passphrase" in whole
    assert not any("session" in n or n.endswith((".p12", ".key")) for n in names)
    assert {"manifest.json", "sohoa.toml", "catalogue/units.yaml", "trust/development-root.pem"} <= names


def test_the_newest_backup_that_is_whole_is_taken_and_the_broken_one_named(office: Office) -> None:
    whole = back_up(office.home)
    with opened(office.home) as wiring, write(wiring.engine) as conn:
        audit.append(conn, actor="t", action="later", subject="x")
    broken = back_up(office.home)
    home = emptied(office)
    damaged = home / "archive" / root_of(broken.id) / "v1" / "content" / "registry" / "audit.jsonl.gz"
    damaged.chmod(0o644)
    damaged.write_bytes(damaged.read_bytes()[:-30])
    back = restore(home, actor="t", console=QUIET)
    assert back.backup == whole.id and back.broken == (broken.id,) and not back.whole and back.audit_holds
    with pytest.raises(Conflict, match="must be empty"):
        restore(home, actor="t", console=QUIET)


def test_a_restore_that_was_interrupted_begins_again(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    back_up(office.home)
    home = emptied(office)

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    for place in ("insert_rows", "rebuild_index"):
        with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
            patched.setattr(app.restore, place, die)
            restore(home, actor="t", console=QUIET)
    back = restore(home, actor="t", console=QUIET)
    assert back.records == RECORDS and back.audit_holds and back.missing == back.damaged == ()


def test_scans_whose_bytes_survived_go_on(office: Office) -> None:
    back_up(office.home)
    home = office.home.with_name("fresh")
    home.mkdir()
    for name in ("archive", "archive.locks", "work", "inbox"):
        (office.home / name).rename(home / name)
    (home / "sohoa.toml").write_text("")
    back = restore(home, actor="t", console=QUIET)
    assert back.whole and back.going_on == 2 and back.lost == ()
    with opened(home) as wiring, read(wiring.engine) as conn:
        assert documents.get(conn, office.in_review).state == "review"
        again = scans.get(conn, ScanId(office.under_way))
        assert (again.state, again.attempt) == ("claimed", 2) and Path(str(again.staged_path)).is_file()


def test_without_a_backup_the_records_come_back_alone(office: Office) -> None:
    back = restore(emptied(office), actor="t", console=QUIET)
    assert back.backup is None and back.records == back.after_backup == back.indexed == RECORDS and back.whole
    assert any("Không có bản sao lưu" in sentence for sentence in back.cannot)


def test_one_backup_a_day_and_each_as_long_as_told(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    with opened(office.home) as wiring:
        shop, settled = wiring.workshop, utc_now()

        def at(days: int) -> Backup | None:
            with monkeypatch.context() as patched:
                for room in (pipeline.backup, archive.folder):
                    patched.setattr(room, "utc_now", lambda: settled + timedelta(days=days))
                return daily_backup(shop)

        first = at(0)
        assert first is not None and at(0) is None
        second, last = at(1), at(36)
        assert second is not None and second.removed == ()
        assert last is not None and last.removed == (first.id,)
        assert set(iter_backups(shop.store)) == {second.id, last.id}
        with read(shop.engine) as conn:
            known = facts.get(conn, "backup")
        assert known is not None and known[0]["kept"] == [second.id, last.id] and known[0]["id"] == last.id
        assert remove_expired(shop.settings, shop.engine, shop.store, [last.id], actor="t") == ()
        with pytest.raises(Retained):
            remove_backup(shop.store, last.id)


def test_a_backup_that_was_interrupted_is_completed_by_the_next(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: object, **__: object) -> None:
        raise ServiceUnavailable("gone")

    with opened(office.home) as wiring:
        with monkeypatch.context() as patched, pytest.raises(ServiceUnavailable):
            patched.setattr(pipeline.backup, "store_backup", die)
            make_backup(wiring.settings, wiring.engine, wiring.store, actor="t")
        assert list(iter_backups(wiring.store)) == []
        make_backup(wiring.settings, wiring.engine, wiring.store, actor="t")
        assert len(list(iter_backups(wiring.store))) == 2
        assert audit_archive(wiring.store).backups == 2 and audit_archive(wiring.store).ok
        assert [p.name for p in (wiring.folder("work") / "backup").iterdir()] == ["lock"]
