"""Moving house: every row, byte and answer is at the other home, proven; or nothing has changed."""

from __future__ import annotations

import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from rich.console import Console
from sqlalchemy import Connection, text

import app.migrate
from app.migrate import KEPT_AS, migrate
from app.wiring import opened
from archive.fixity import audit as audit_archive
from pipeline.runner import only_runner
from pipeline.steps import index_entry
from registry import audit, documents
from registry.database import open_registry, read, write
from registry.errors import Conflict
from registry.rows import moved_tables, states
from registry.values import PageText, RecordMetadata
from search.index import IndexEntry
from tests.desk import SOHOA, run_cli
from tests.office import RECORDS, Office, add_record, answers, make_office, moved_office, settings
from tests.servers.elastic import Elastic, elasticsearch
from tests.servers.postgres import Postgres, postgres
from tests.servers.s3 import S3Server, minio

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
def grown(office: Office, pg: Postgres, s3: S3Server, elastic: Elastic, tmp_path: Path) -> Path:
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
        entry = index_entry(metadata, pages)
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


def another_account(conn: Connection) -> None:
    audit.append(conn, actor="x", action="x", subject="x")


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
        another_account(conn)
    engine.dispose()
    refused(other, "new registry is in use")
    (tmp_path / "archive-2").mkdir()
    (tmp_path / "archive-2" / "somebody's").write_text("x")
    refused(f'[archive]\nfolder = "{tmp_path / "archive-2"}"\n', "new archive holds")
    shutil.copytree(office.home / "index", tmp_path / "index-2")
    refused(f'[folders]\nindex = "{tmp_path / "index-2"}"\n', "new index is in use")


def test_a_machine_that_still_works_is_noticed(office: Office, tmp_path: Path) -> None:
    from threading import Event, Thread

    from registry import workers

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
