"""The registry on SQLite, and what is pure in it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, text

from registry import facts
from registry.database import read, write
from registry.errors import ServiceUnavailable
from registry.text import path_of, path_text, storable
from tests.contracts.registry import RegistryContract


class TestSqlite(RegistryContract):
    @pytest.fixture
    def url(self, tmp_path: Path) -> str:
        return f"sqlite:///{tmp_path / 'registry.sqlite'}"

    def test_a_full_disk_is_worth_another_try_and_leaves_nothing_half_written(self, engine: Engine) -> None:
        with pytest.raises(ServiceUnavailable) as told, write(engine) as conn:
            facts.put(conn, "small", 1)
            conn.execute(text("PRAGMA max_page_count = 1"))  # no more than there is
            facts.put(conn, "large", "x" * 1_000_000)
        assert told.value.retryable and "xxx" not in str(told.value)
        with read(engine) as conn:
            assert facts.get(conn, "small") is None


@given(st.binary(min_size=1, max_size=40).filter(lambda raw: b"\0" not in raw))
def test_any_path_comes_back_to_the_byte(raw: bytes) -> None:
    for path in (os.fsdecode(raw), os.fsdecode(b"os-bytes:" + raw)):
        kept = path_text(path)
        kept.encode()
        assert os.fsencode(path_of(kept)) == os.fsencode(path)


@given(st.text(st.characters(exclude_categories=())))
def test_any_text_becomes_storable_and_stays_so(told: str) -> None:
    kept = storable(told)
    assert ("\0" not in kept and kept.encode() and storable(kept) == kept) or not told
    assert len(kept) == len(told)
    assert [a for a, b in zip(told, kept, strict=True) if a != b and b != "�"] == []
