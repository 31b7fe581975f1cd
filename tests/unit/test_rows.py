"""Rows that move: the same on both sides, resumed where they stopped, and never quoted in an error."""

from __future__ import annotations

import gzip
import tomllib
from pathlib import Path

import pytest
from sqlalchemy import Engine, MetaData, Table, text
from sqlalchemy.exc import OperationalError

from config.plain_toml import without_secrets
from registry import audit, facts
from registry.database import open_registry, read, write
from registry.errors import Conflict, FixityMismatch
from registry.rows import (
    UNDER_WAY,
    TableState,
    clear,
    copy_tables,
    dump,
    dumped_rows,
    frozen,
    insert_rows,
    is_empty,
    moved_tables,
    snapshot,
    states,
)
from tests.unit.records import archived, person

TABLES = moved_tables()


def registry(path: Path, number: int = 0) -> Engine:
    engine = open_registry(f"sqlite:///{path}")
    with write(engine) as conn:
        for n in range(number):
            document_id = archived(conn, "quyet-dinh", (person("Nguyễn Thị Ánh", f"0123456789{n:02}"),))
            audit.append(conn, actor="an", action="archive", subject=document_id, detail={"n": n, "share": 0.1})
    return engine


def held(engine: Engine) -> dict[str, TableState]:
    with read(engine) as conn:
        return states(conn, TABLES)


@pytest.fixture
def source(tmp_path: Path) -> Engine:
    return registry(tmp_path / "source.sqlite", 7)


def copied(source: Engine, target: Engine) -> list[int]:
    told: list[int] = []
    with frozen(source) as conn:
        copy_tables(conn, target, TABLES, told.append)
    return told


def test_a_copy_goes_on_where_it_was_interrupted(source: Engine, tmp_path: Path) -> None:
    target = registry(tmp_path / "target.sqlite")
    with read(source) as conn:
        first = [dict(row._mapping) for row in conn.execute(text("SELECT * FROM audit ORDER BY seq LIMIT 3"))]
    with write(target) as conn:
        facts.put(conn, UNDER_WAY, {"id": "this move"})
        columns = ", ".join(f":{name}" for name in first[0])
        for row in first:
            conn.execute(text(f"INSERT INTO audit VALUES ({columns})"), row)
    assert 3 in copied(source, target), "three rows were there"
    assert held(target) == held(source)
    with read(target) as conn:
        assert facts.get(conn, UNDER_WAY) is not None and audit.verify(conn) == []


def test_what_is_no_beginning_of_the_source_is_cleared_first(source: Engine, tmp_path: Path) -> None:
    target = registry(tmp_path / "target.sqlite", 2)
    with write(target) as conn:
        facts.put(conn, UNDER_WAY, {"id": "this move"})
    copied(source, target)
    assert held(target) == held(source)
    with write(target) as conn:
        clear(conn, TABLES)
        assert is_empty(conn, [t for t in TABLES if t.name != "facts"])
        assert facts.get(conn, UNDER_WAY) is not None


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE people SET full_name = 'Nguyen Thi Anh' WHERE id_number LIKE '%03'",
        "DELETE FROM events WHERE id = 4",
        "UPDATE fields SET confidence = confidence - 0.0000001",
        "UPDATE documents SET verdict = NULL, withdrawn_why = '' WHERE id = (SELECT min(id) FROM documents)",
    ],
)
def test_every_changed_value_shows(source: Engine, tmp_path: Path, change: str) -> None:
    target = registry(tmp_path / "target.sqlite")
    copied(source, target)
    with write(target) as conn:
        assert conn.execute(text(change)).rowcount > 0
    before, after = held(source), held(target)
    assert len([name for name in before if before[name] != after[name]]) == 1


def test_nobody_writes_while_the_last_word_is_read(source: Engine) -> None:
    impatient = open_registry(str(source.url))
    with frozen(source) as conn:
        before = states(conn, TABLES)
        with impatient.connect() as other:
            other.exec_driver_sql("PRAGMA busy_timeout=50")
            with pytest.raises(OperationalError, match="locked"):
                other.exec_driver_sql("UPDATE units SET name = 'x'")
        assert states(conn, TABLES) == before


def test_a_dump_gives_the_same_rows_and_the_same_file(source: Engine, tmp_path: Path) -> None:
    target = registry(tmp_path / "target.sqlite")
    for table in TABLES:
        with snapshot(source) as conn:
            state = dump(conn, table, tmp_path / table.name)
            assert dump(conn, table, tmp_path / f"{table.name}-again") == state
        assert (tmp_path / table.name).read_bytes() == (tmp_path / f"{table.name}-again").read_bytes()
        with (tmp_path / table.name).open("rb") as stream:
            insert_rows(target, Table(table.name, MetaData(), autoload_with=target), dumped_rows(stream, state))
    assert held(target) == held(source)


@pytest.mark.parametrize("damage", ["cut", "flipped", "a row less"])
def test_a_damaged_dump_is_found(source: Engine, tmp_path: Path, damage: str) -> None:
    people = next(t for t in TABLES if t.name == "people")
    with snapshot(source) as conn:
        state = dump(conn, people, tmp_path / "people")
    whole = (tmp_path / "people").read_bytes()
    half = len(whole) // 2
    damaged = {
        "cut": whole[:half],
        "flipped": whole[:half] + bytes([whole[half] ^ 1]) + whole[half + 1 :],
        "a row less": gzip.compress(b"".join(gzip.decompress(whole).splitlines(keepends=True)[:-1])),
    }
    (tmp_path / "people").write_bytes(damaged[damage])
    with (tmp_path / "people").open("rb") as stream, pytest.raises(FixityMismatch):
        list(dumped_rows(stream, state))


def test_a_row_that_does_not_fit_is_named_by_its_table_alone(source: Engine, tmp_path: Path) -> None:
    target = registry(tmp_path / "target.sqlite")
    people = next(t for t in TABLES if t.name == "people")
    orphan = {"document_id": "nobody", "position": 0, "role": "", "full_name": "Lê Văn Lộ", "evidence": {}}
    with pytest.raises(Conflict, match="people") as refused:
        insert_rows(target, people, [orphan])
    assert "Lộ" not in str(refused.value) and refused.value.__cause__ is None


def test_settings_are_kept_without_their_secrets() -> None:
    told = """
    demo = false
    [registry]
    url = "postgresql+psycopg://sohoa:mat@db/sohoa"
    password = "mat"
    password_file = "keys/db"
    [archive]
    access_key = "ai"
    secret_key = "mat"
    [index]
    urls = ["https://u:mat@es:9200", "https://es2:9200"]
    [signing]
    passphrase = "mat"
    passphrase_file = "keys/agency.passphrase"
    [folders]
    "thư mục" = { "a b" = 1.5, secret = "mat", days = [1, 2] }
    """
    kept = without_secrets(told)
    assert "mat" not in kept
    assert tomllib.loads(kept) == {
        "demo": False,
        "registry": {"url": "postgresql+psycopg://sohoa@db/sohoa", "password_file": "keys/db"},
        "archive": {"access_key": "ai"},
        "index": {"urls": ["https://u@es:9200", "https://es2:9200"]},
        "signing": {"passphrase_file": "keys/agency.passphrase"},
        "folders": {"thư mục": {"a b": 1.5, "days": [1, 2]}},
    }
