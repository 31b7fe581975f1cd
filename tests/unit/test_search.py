"""The embedded index keeps the contract of every index."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from registry.errors import ServiceUnavailable
from search.index import SearchIndex, SearchRequest
from search.tantivy_index import TantivyIndex
from tests.contracts.search_index import SearchIndexContract, entry


@pytest.fixture
def index(tmp_path: Path) -> Iterator[SearchIndex]:
    made = TantivyIndex(tmp_path / "index")
    yield made
    made.close()


class TestTantivy(SearchIndexContract):
    """All cases of the contract."""


def test_another_process_sees_what_was_put_and_what_was_rebuilt(tmp_path: Path) -> None:
    writer, reader = TantivyIndex(tmp_path / "i"), TantivyIndex(tmp_path / "i")
    assert reader.count() == 0
    writer.put([entry("quyet-dinh")])
    assert reader.count() == 1
    writer.rebuild([entry("quyet-dinh"), entry("hon-nhan")])
    assert reader.count() == 2


def test_a_broken_index_says_so(tmp_path: Path) -> None:
    TantivyIndex(tmp_path / "i").put([entry("quyet-dinh")])
    for path in (tmp_path / "i").rglob("meta.json"):
        path.write_text("{")
    with pytest.raises(ServiceUnavailable, match="rebuild"):
        TantivyIndex(tmp_path / "i").search(SearchRequest(query="x"))
