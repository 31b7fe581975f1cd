"""The embedded index keeps the contract of every index."""

from __future__ import annotations

import time
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.synthetic import POPULATION, WORDS, citizen, metadata, record
from bench.synthetic import entry as synthetic_entry
from registry.errors import ServiceUnavailable
from registry.values import DocumentId
from search.analysis import tokens, words
from search.index import IndexEntry, SearchIndex, SearchRequest
from search.snippets import snippet
from search.tantivy_index import FURTHEST, TantivyIndex
from tests.contracts.search_index import AT, SearchIndexContract, entry


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


def _put(index: SearchIndex, **told: dict[str, object]) -> None:
    index.put([IndexEntry(document_id=DocumentId(name), unit="u", archived_at=AT, **t) for name, t in told.items()])  # type: ignore[arg-type]


def _order(index: SearchIndex, query: str) -> list[str]:
    return [hit.document_id for hit in index.search(SearchRequest(query=query)).hits]


def test_names_come_before_titles_and_titles_before_the_text(index: SearchIndex) -> None:
    _put(
        index,
        text={"text": "lúa mùa", "title": "đơn", "people_names": ("Bảy",)},
        title={"text": "gạo mùa", "title": "đơn lúa", "people_names": ("Bảy",)},
        name={"text": "gạo mùa", "title": "đơn", "people_names": ("Lúa",)},
    )
    assert _order(index, "lua") == ["name", "title", "text"]


def test_words_that_stand_together_as_asked_come_first(index: SearchIndex) -> None:
    _put(
        index,
        apart={"text": "hôn lễ của bà con nhân dân địa phương"},
        together={"text": "lễ của bà con nhân dân hôn nhân phương"},
    )
    assert _order(index, "hon nhan") == ["together", "apart"]


def test_a_phrase_may_hold_a_code_and_a_code_may_be_part_of_a_longer_one(index: SearchIndex) -> None:
    _put(index, a={"text": "Căn cứ Quyết định số 245/QĐ-UBND ngày 12 tháng 9"}, b={"text": "245 ngày, QĐ số của UBND"})
    assert _order(index, '"quyết định số 245/QĐ-UBND ngày 12"') == ["a"]
    assert _order(index, "245/qd") == _order(index, "qd-ubnd") == ["a"]
    assert _order(index, '"245/QĐ"') == [], "a quoted code is that code"


def test_no_phrase_reaches_from_a_name_into_the_text(index: SearchIndex) -> None:
    _put(index, a={"people_names": ("Trần Đức",), "text": "Hòa giải"})
    assert _order(index, '"đức hòa"') == [] and _order(index, '"hòa giải"') == ["a"]


def test_a_day_that_is_none_is_indexed_as_unknown(index: SearchIndex) -> None:
    _put(index, a={"issued_on": "5/3/2024", "text": "hồ sơ"})
    found = index.search(SearchRequest(query="ho so"))
    assert found.total == 1 and found.facets["year"] == {}


def test_hits_too_far_down_are_counted_only(index: SearchIndex) -> None:
    _put(index, a={"text": "hồ sơ"})
    found = index.search(SearchRequest(query="ho so", offset=FURTHEST * 1000))
    assert found.total == 1 and found.hits == ()


def test_words_for_the_index_are_the_tokens_of_the_query() -> None:
    text = "Số: 245/QĐ–UBND, Ðỗ Thuý_Hoà ngày 05/03/2024 (NĐ 30/2020/NĐ-CP) a-b x²"
    for given in (text, unicodedata.normalize("NFD", text)):
        assert words(given) == (" ".join(t.exact for t in tokens(given)), " ".join(t.folded for t in tokens(given)))
    assert "245/qd-ubnd 245 qd ubnd do thuy hoa ngay" in words(text)[1]


@pytest.mark.parametrize(
    ("text", "asked", "marked"),
    [
        ("Theo Quyết định 245/QĐ–UBND ngày", {"245/qd-ubnd", "245", "qd", "ubnd"}, ["245/QĐ–UBND"]),
        ("ĐẶNG thị Ðào, dang dở", {"dang"}, ["ĐẶNG", "dang"]),
        (unicodedata.normalize("NFD", "nhà thuỷ tạ"), {"thuy"}, ["thuỷ"]),
        ("hòa-bình và hoàbình", {"hoa"}, ["hòa"]),
        ("đăng ký kết hôn", {"dangk"}, ["đăng"]),
        ("a_hoa b hoa", {"hoa"}, ["hoa", "hoa"]),
        ("không có gì", {"(.*"}, []),
        ("không có gì", set(), []),
    ],
)
def test_a_snippet_marks_what_was_asked(text: str, asked: set[str], marked: list[str]) -> None:
    part, spans, page = snippet(text, asked)
    assert [part[s.start : s.end] for s in spans] == marked and page == 0


def test_the_snippet_of_a_long_text_is_found_at_once_and_where_the_words_meet() -> None:
    text = "hồ sơ của xã " * 40_000 + "\fđơn xin hòa giải về đất của ông Bảy " + "đất " * 40_000
    started = time.process_time()
    part, spans, page = snippet(text, {"hoa", "giai", "bay"})
    assert page == 1 and len(spans) == 3 and "hòa giải" in part
    assert time.process_time() - started < 1


def test_invented_records_are_the_same_everywhere() -> None:
    made = record(123_456)
    assert made == record(123_456) != record(123_457)
    assert made.document_id == "8e36d617-c0f4-40bf-ab13-431222a30ab4" and made.people[0].number == "003059169323"
    assert len({record(n).document_id for n in range(1000)}) == 1000
    assert {len(record(n).text.split()) for n in range(1000)} == {WORDS}
    assert all(p.number.startswith("003") and len(p.number) == 12 for n in range(300) for p in record(n).people)
    assert len({citizen(k).number for k in range(0, POPULATION, 97)}) == len(range(0, POPULATION, 97))
    told = metadata(made)
    assert synthetic_entry(made).people_names == tuple(
        p.full_name.value for p in told.description.people if p.full_name
    )
    assert synthetic_entry(made).number_symbol == told.description.value("number_symbol")
