"""The registry: claims happen once, the audit chain shows every tampering, a newer database is left alone."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, text

from registry import audit, dossiers, quarantine, scans, tables, users
from registry.database import open_registry, read, write
from registry.errors import Conflict, DatabaseTooNew, NotAllowed, NotFound
from registry.values import Role


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    return open_registry(f"sqlite:///{tmp_path / 'registry.sqlite'}")


def claim(engine: Engine, digest: str = "a" * 64, dossier: str | None = None) -> scans.Claim:
    with write(engine) as conn:
        return scans.claim(
            conn,
            sha256=digest,
            unit="H99.32",
            dossier_code=dossier,
            component_code=None,
            source_path="/x",
            file_name="x.pdf",
            size_bytes=1,
            claimed_by="test",
        )


def test_migrations_lead_to_exactly_the_tables(engine: Engine) -> None:
    with engine.connect() as conn:
        assert compare_metadata(MigrationContext.configure(conn), tables.metadata) == []


def test_a_newer_database_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'registry.sqlite'}"
    engine = open_registry(url)
    with write(engine) as conn:
        conn.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()
    with pytest.raises(DatabaseTooNew):
        open_registry(url)


def test_of_many_claims_at_once_one_is_fresh(engine: Engine) -> None:
    fresh: list[bool] = []
    threads = [threading.Thread(target=lambda: fresh.append(claim(engine).fresh)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(fresh) == [False] * 7 + [True]


def test_the_same_bytes_for_another_dossier_are_another_claim(engine: Engine) -> None:
    assert claim(engine).fresh
    assert not claim(engine).fresh
    assert claim(engine, dossier="H99.32-261102-0001").fresh


@pytest.mark.parametrize(
    ("tampering", "problem"),
    [
        ("UPDATE audit SET action = 'other' WHERE seq = 3", "changed"),
        ("UPDATE audit SET detail = '{\"a\": 9}' WHERE seq = 3", "changed"),
        ("DELETE FROM audit WHERE seq = 3", "missing"),
        ("UPDATE audit SET hash = (SELECT hash FROM audit WHERE seq = 2) WHERE seq = 3", "changed"),
    ],
)
def test_the_audit_chain_shows_tampering(engine: Engine, tampering: str, problem: str) -> None:
    with write(engine) as conn:
        for n in range(6):
            audit.append(conn, actor="a", action="view", subject=str(n), detail={"a": n})
    with write(engine) as conn:
        assert audit.verify(conn) == []
        conn.execute(text(tampering))
        assert any(f.seq == 3 and f.problem == problem for f in audit.verify(conn))


def test_swapped_rows_are_found(engine: Engine) -> None:
    with write(engine) as conn:
        for n in range(4):
            audit.append(conn, actor="a", action="view", subject=str(n))
        conn.execute(text("UPDATE audit SET seq = 99 WHERE seq = 2"))
        conn.execute(text("UPDATE audit SET seq = 2 WHERE seq = 3"))
        conn.execute(text("UPDATE audit SET seq = 3 WHERE seq = 99"))
        assert audit.verify(conn)


def test_a_login_needs_the_right_password_and_ends_when_the_password_changes(engine: Engine) -> None:
    with write(engine) as conn:
        users.add_user(conn, username="an", password="mot-mat-khau", role=Role.CLERK, unit="H99.32")
        assert users.verify_password(conn, "an", "sai") is None
        assert users.verify_password(conn, "ai", "mot-mat-khau") is None
        token = users.open_session(conn, "an", 1)
        session = users.session(conn, token)
        assert session is not None and session.user.must_change
        users.change_password(conn, "an", "mat-khau-khac")
        assert users.session(conn, token) is None
        with pytest.raises(NotAllowed):
            users.change_password(conn, "an", "ngan")
        with pytest.raises(Conflict):
            users.add_user(conn, username="an", password="mot-mat-khau", role=Role.CLERK, unit=None)
        stored = conn.execute(text("SELECT password_hash FROM users")).scalar_one()
        assert stored.startswith("$argon2id$")
        expired = users.open_session(conn, "an", 0)
        assert users.session(conn, expired) is None


def test_a_quarantine_item_is_settled_once(engine: Engine) -> None:
    told = {"scan_id": None, "unit": "u", "file_name": "f", "sha256": "b" * 64, "size_bytes": 1, "code": "empty"}
    with write(engine) as conn:
        item = quarantine.add(conn, kept_path="/kept", detail="", **told)  # type: ignore[arg-type]
        assert quarantine.add(conn, kept_path="/kept", detail="", **told) == item  # type: ignore[arg-type]
        quarantine.resolve(conn, item, "retried")
        with pytest.raises(Conflict):
            quarantine.resolve(conn, item, "retried")
        with pytest.raises(NotFound):
            quarantine.get(conn, "nothing")


def test_facts_of_a_dossier_are_replaced_not_doubled(engine: Engine) -> None:
    row = dossiers.DossierRow(code="H99.32-261102-0001", unit="H99.32")
    with write(engine) as conn:
        dossiers.ensure(conn, row.code, row.unit)
        assert not dossiers.upsert(conn, row.model_copy(update={"status": "resolved"}))
    with read(engine) as conn:
        assert dossiers.get(conn, row.code).status == "resolved"
