"""The registry on a real PostgreSQL: the same contract, and what happens when the server goes away."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, insert, text

from registry import audit, facts, tables
from registry.database import open_registry, read, write
from registry.errors import Conflict, ServiceUnavailable
from tests.contracts.registry import RegistryContract
from tests.servers.postgres import Postgres, postgres

pytestmark = pytest.mark.slow
numbers = itertools.count()


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    with postgres(tmp_path_factory.mktemp("postgres")) as cluster:
        yield cluster


class TestPostgres(RegistryContract):
    @pytest.fixture
    def url(self, cluster: Postgres) -> str:
        return cluster.url(f"registry{next(numbers)}")

    def test_nothing_is_written_where_reading_was_meant(self, engine: Engine) -> None:
        with pytest.raises(Exception, match="read-only"), read(engine) as conn:
            facts.put(conn, "a", 1)

    def test_a_value_that_no_column_holds_is_refused_not_cut(self, engine: Engine) -> None:
        with pytest.raises(Conflict) as told, write(engine) as conn:
            conn.execute(insert(tables.facts).values(name="geheim" * 20, value=1, at=""))
        assert "geheim" not in str(told.value)

    def test_a_long_audit_log_is_verified_without_holding_it(self, engine: Engine) -> None:
        with write(engine) as conn:
            for n in range(1200):
                audit.append(conn, actor="a", action="view", subject=str(n))
        with read(engine) as conn:
            assert audit.verify(conn) == []
        with write(engine) as conn:
            conn.execute(text("UPDATE audit SET actor = 'b' WHERE seq = 1199"))
            assert [f.seq for f in audit.verify(conn)] == [1199]


@pytest.mark.parametrize("crash", [True, False])
def test_a_server_that_goes_away_is_worth_another_try(tmp_path: Path, crash: bool) -> None:
    with postgres(tmp_path, durable=crash) as cluster:
        engine = open_registry(cluster.url("registry"))
        with write(engine) as conn:
            facts.put(conn, "kept", 1)
        with pytest.raises(ServiceUnavailable) as told, write(engine) as conn:
            facts.put(conn, "lost", 1)
            (cluster.server.kill if crash else cluster.server.stop)()
            facts.put(conn, "lost", 2)
        assert told.value.retryable
        began = time.monotonic()
        with pytest.raises(ServiceUnavailable), read(engine) as conn:
            facts.get(conn, "kept")
        with pytest.raises(ServiceUnavailable):
            open_registry(cluster.url_of("registry"))
        assert time.monotonic() - began < 5, "nobody waits long for a server that is not there"
        cluster.server.start()
        with write(engine) as conn:
            assert facts.get(conn, "kept") is not None and facts.get(conn, "lost") is None
        engine.dispose()
