"""The books and the checks on real servers: reconciled on PostgreSQL and S3, told when one of them is away."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from app import checks
from app.clocks import server_clocks
from app.health import Monitor
from app.metrics import Metrics
from app.setup import initialise
from app.wiring import Wiring
from archive.s3 import S3Store
from config.settings import Registry, load_settings
from pipeline.reconcile import last, reconcile, reconcile_and_keep
from registry import workers
from registry.database import read, write
from registry.values import DocumentState, ScanState, utc_now
from tests.servers.postgres import Postgres, postgres
from tests.servers.s3 import S3Server, minio
from tests.unit.test_reconcile import Home, ago, named

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    with postgres(tmp_path_factory.mktemp("postgres")) as server:
        yield server


@pytest.fixture(scope="module")
def objects() -> Iterator[S3Server]:
    with minio() as server:
        yield server


@pytest.fixture
def wiring(tmp_path: Path, database: Postgres, objects: S3Server) -> Iterator[Wiring]:
    """An installation whose registry is in PostgreSQL and whose archive is a bucket."""
    initialise(tmp_path / "home", demo=False, agency="Ủy ban nhân dân xã")
    name = f"watched-{tmp_path.name.replace('_', '-')[-30:].lower()}"
    grown = {
        "registry": Registry(url=database.url(name.replace("-", "_"))),
        "archive": objects.settings(objects.bucket(name)),
    }
    wiring = Wiring(load_settings(tmp_path / "home").model_copy(update=grown))
    with write(wiring.engine) as conn:
        workers.register(conn, instance="main", role="run", host="may-1", version="2")
    yield wiring
    wiring.close()


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.2)


def test_the_books_agree_on_postgresql_and_s3_and_each_difference_is_found(wiring: Wiring) -> None:
    home = Home(wiring.settings, wiring.engine, wiring.store, wiring.index)  # type: ignore[arg-type]
    for _ in range(3):
        home.document(home.scan(ScanState.DONE), DocumentState.ARCHIVED)
    home.document(home.scan(ScanState.IDENTIFIED), DocumentState.REVIEW)
    home.refused()
    result = reconcile_and_keep(home)
    assert result.ok, result.differences
    assert (result.total.received, result.total.archived, result.total.review, result.total.quarantined) == (5, 3, 1, 1)
    lost = home.scan(ScanState.CLAIMED)
    home.staged(lost).unlink()
    home.drop("scans", lost)
    document = home.document(home.scan(ScanState.DONE), DocumentState.ARCHIVED)
    stranger = "3f0c4b1a-1234-4321-8765-12345678ab00"
    home.record(stranger)
    home.change("documents", document, indexed_at=None, archived_at=ago(9000))
    bucket = objects_of(wiring)
    hidden = replace(home, store=Hidden(bucket, document))  # type: ignore[type-var]
    assert named(reconcile(hidden)) == {
        ("claim-lost", lost), ("record-unknown", stranger), ("record-missing", document), ("index-behind", document),
    }  # fmt: skip
    with read(wiring.engine) as conn:
        assert last(conn)


def objects_of(wiring: Wiring) -> S3Store:
    assert isinstance(wiring.store, S3Store)
    return wiring.store


class Hidden:
    """The bucket without the keys of one record: a locked one cannot really lose them."""

    def __init__(self, inner: S3Store, document: str) -> None:
        self._inner, self._document = inner, document

    def list(self, prefix: str) -> Iterator[str]:
        return (key for key in self._inner.list(prefix) if self._document not in key)

    def exists(self, key: str) -> bool:
        return self._document not in key and self._inner.exists(key)


def test_servers_are_told_when_they_are_away_and_when_they_are_back(
    wiring: Wiring, database: Postgres, objects: S3Server
) -> None:
    monitor = Monitor(wiring)
    metrics = Metrics(wiring, monitor)
    until(lambda: monitor.health(wait_s=3).ready)
    assert "PostgreSQL" in monitor.health()["registry"].detail
    assert checks.store_in_force(wiring).ok
    assert {name for name, *_ in server_clocks(wiring)} == {"PostgreSQL", "S3"} and checks.clock(wiring).ok
    objects.server.stop()
    until(lambda: not monitor.health(wait_s=3).ready)
    assert [state.name for state in monitor.health().troubles if state.name != "index"] == ["store"]
    database.server.kill()
    until(lambda: "registry" in {state.name for state in monitor.health(wait_s=3).troubles})
    began = time.monotonic()
    told = metrics.text().decode()
    assert time.monotonic() - began < 12
    assert 'sohoa_up{check="registry"} 0.0' in told and 'sohoa_up{check="store"} 0.0' in told
    objects.server.start()
    database.server.start()
    until(lambda: monitor.health(wait_s=3).ready)


def test_a_clock_that_is_wrong_and_a_server_that_is_crowded_are_told(
    wiring: Wiring, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.clocks.utc_now", lambda: utc_now() + timedelta(seconds=90))
    found = checks.clock(wiring)
    assert not found.ok and "PostgreSQL -90" in found.detail and "S3 -" in found.detail and found.fix
    monkeypatch.setattr(checks, "CROWDED", 0.0)
    found = checks.registry(wiring)
    assert not found.ok and "max_connections" in found.fix
