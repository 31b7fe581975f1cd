"""What every index must answer, in Vietnamese. A subclass gives a fixture `index` that is empty."""

from __future__ import annotations

import threading
import unicodedata
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from registry.values import DocumentId
from search.index import IndexEntry, SearchIndex, SearchRequest
from tests.contracts.search_cases import ALL, BEST, CASES, PAPERS

AT = datetime(2026, 11, 24, tzinfo=UTC)


def entry(name: str, **changed: object) -> IndexEntry:
    return IndexEntry(document_id=DocumentId(name), archived_at=AT, **{**PAPERS[name], **changed})  # type: ignore[arg-type]


def found(index: SearchIndex, query: str, **filters: object) -> set[str]:
    asked = SearchRequest(query=query, **{"limit": 100, **filters})  # type: ignore[arg-type]
    return {hit.document_id for hit in index.search(asked).hits}


class SearchIndexContract:
    """Inherit as TestX and give a fixture `index`."""

    @pytest.fixture
    def filled(self, index: SearchIndex) -> SearchIndex:
        index.put([entry(name) for name in PAPERS])
        return index

    def test_every_case_finds_these_and_no_others(self, filled: SearchIndex) -> None:
        cases = [(query, expected) for group in CASES.values() for query, expected in group]
        assert len(cases) >= 150
        wrong = {query: (got, want) for query, want in cases if (got := found(filled, query)) != want}
        assert wrong == {}

    def test_decomposed_letters_mean_the_same(self, filled: SearchIndex) -> None:
        spread = [(query, unicodedata.normalize("NFD", query)) for group in CASES.values() for query, _ in group]
        other = [(query, nfd) for query, nfd in spread if query != nfd][::2]
        assert len(other) >= 50
        assert [query for query, nfd in other if found(filled, query) != found(filled, nfd)] == []

    def test_the_clear_best_comes_first(self, filled: SearchIndex) -> None:
        first = {query: filled.search(SearchRequest(query=query)).hits[0].document_id for query, _ in BEST}
        assert first == dict(BEST)

    def test_exact_marks_come_first(self, filled: SearchIndex) -> None:
        filled.put([
            IndexEntry(document_id=DocumentId("a"), unit="u", text="hoa hồng", archived_at=AT),
            IndexEntry(document_id=DocumentId("b"), unit="u", text="hỏa hoạn", archived_at=AT),
        ])  # fmt: skip
        hits = filled.search(SearchRequest(query="hỏa", units=frozenset({"u"}))).hits
        assert [h.document_id for h in hits] == ["b", "a"]

    def test_slips_are_mended_only_when_nothing_is_as_written(self, filled: SearchIndex) -> None:
        assert filled.search(SearchRequest(query="thong baoo")).fuzzy
        assert not filled.search(SearchRequest(query="thông báo")).fuzzy
        assert not filled.search(SearchRequest(query="zzzzz")).fuzzy, "nothing found is not near either"

    def test_filters(self, filled: SearchIndex) -> None:
        assert found(filled, "ủy ban", units=frozenset({"H99.32"})) == {"khai-sinh", "quyet-dinh", "cong-van"}
        assert found(filled, "", units=frozenset({"H99"})) == {"quyet-dinh-so"}, "a unit is not its subtree"
        assert found(filled, "", kind="quyet-dinh") == {"quyet-dinh", "quyet-dinh-so"}
        assert found(filled, "", owner="003095000002") == {"hon-nhan"}
        assert found(filled, "thúy", owner="003090000003") == {"ket-hon"}
        assert found(filled, "", issued_from="2026-01-01", issued_to="2026-08-03") == {"hon-nhan", "cong-van"}
        assert found(filled, "", issued_to="2018-11-05") == {"khai-sinh", "ket-hon"}, "both days are in, no day is not"
        assert found(filled, "", issued_from="2026-09-15") == {"don", "to-khai"}
        assert found(filled, "kết hôn", units=frozenset()) == set(), "no unit, no answer"
        assert found(filled, "", units=frozenset(), kind="quyet-dinh") == set()

    def test_slips_are_mended_within_the_filters_too(self, filled: SearchIndex) -> None:
        assert found(filled, "quyet dinhh", units=frozenset({"H99"})) == {"quyet-dinh-so"}

    def test_facets_count_all_matches_not_only_the_page(self, filled: SearchIndex) -> None:
        result = filled.search(SearchRequest(query="", limit=1))
        assert result.total == len(ALL) and len(result.hits) == 1
        assert result.facets["unit"] == {"H99.32": 4, "H99.33": 4, "H99.34": 5, "H99": 1}
        assert result.facets["year"]["2026"] == 5 and sum(result.facets["year"].values()) == len(ALL) - 1
        assert result.facets["kind"]["quyet-dinh"] == 2 and "" not in result.facets["kind"]
        some = filled.search(SearchRequest(query="kết hôn", units=frozenset({"H99.33"}), limit=1))
        assert some.total == 2 and some.facets["year"] == {"2026": 1, "2018": 1}
        assert filled.search(SearchRequest(query="zzzzz")).facets == {"kind": {}, "unit": {}, "year": {}}

    def test_a_snippet_shows_why_and_on_which_page(self, filled: SearchIndex) -> None:
        hit = filled.search(SearchRequest(query="thuy loi")).hits[0]
        assert [hit.snippet[s.start : s.end] for s in hit.highlights] == ["thủy", "lợi"]
        assert hit.page_index == 1

    def test_a_hit_carries_what_the_list_shows(self, filled: SearchIndex) -> None:
        hit = filled.search(SearchRequest(query="12/GXN-UBND")).hits[0]
        paper = entry("hon-nhan")
        for name in ("title", "unit", "kind", "number_symbol", "issuing_agency", "issued_on", "dossier_code"):
            assert getattr(hit, name) == getattr(paper, name)

    def test_pages_of_results_hold_everything_once(self, filled: SearchIndex) -> None:
        pages = [filled.search(SearchRequest(query="", limit=3, offset=n)).hits for n in range(0, len(ALL) + 3, 3)]
        shown = [h.document_id for page in pages for h in page]
        assert sorted(shown) == sorted(ALL) and pages[-1] == ()
        assert filled.search(SearchRequest(query="", offset=2_000_000)).total == len(ALL)

    def test_put_again_replaces_and_delete_removes(self, filled: SearchIndex) -> None:
        filled.put([entry("thong-bao", text="khác hẳn", title="Thông báo mới")])
        filled.put([entry("thong-bao", text="khác hẳn", title="Thông báo mới")])
        assert filled.count() == len(ALL)
        assert found(filled, "nghỉ hè") == set() and found(filled, "khác hẳn") == {"thong-bao"}
        filled.delete([DocumentId("thong-bao"), DocumentId("never-there")])
        assert filled.count() == len(ALL) - 1 and found(filled, "khác hẳn") == set()
        filled.put([entry("thong-bao")])
        assert found(filled, "nghỉ hè") == {"thong-bao"}, "what was deleted can come back"
        filled.put([])
        filled.delete([])

    def test_a_rebuild_holds_exactly_what_it_was_given(self, filled: SearchIndex) -> None:
        assert filled.rebuild(entry(name) for name in ("khai-sinh", "hon-nhan")) == 2
        assert found(filled, "") == {"khai-sinh", "hon-nhan"} and filled.count() == 2
        assert filled.rebuild([]) == 0 and filled.count() == 0

    def test_what_is_put_or_deleted_during_a_rebuild_stands(self, filled: SearchIndex) -> None:
        def read_from_the_archive() -> Iterator[IndexEntry]:
            yield entry("khai-sinh")
            before = [entry("hon-nhan"), entry("don"), entry("so-do", text="chữ cũ")]
            filled.put([entry("bien-ban"), entry("so-do", text="chữ đính chính")])
            filled.delete([DocumentId("don")])
            assert found(filled, '"đính chính"') == {"so-do"}, "found at once, not only after the rebuild"
            yield from before

        filled.rebuild(read_from_the_archive())
        assert found(filled, "") == {"khai-sinh", "hon-nhan", "bien-ban", "so-do"}
        assert found(filled, '"đính chính"') == {"so-do"} and found(filled, '"chữ cũ"') == set()

    def test_a_rebuild_that_fails_changes_nothing(self, filled: SearchIndex) -> None:
        def broken() -> Iterator[IndexEntry]:
            yield entry("khai-sinh", text="chữ lạ")
            raise OSError("the archive went away")

        with pytest.raises(OSError, match="went away"):
            filled.rebuild(broken())
        assert found(filled, "") == set(ALL) and found(filled, '"chữ lạ"') == set()
        filled.put([entry("khai-sinh", text="vẫn ghi được")])
        assert found(filled, "vẫn ghi được") == {"khai-sinh"}

    def test_search_goes_on_while_the_index_is_rebuilt(self, filled: SearchIndex) -> None:
        many = [entry("hon-nhan").model_copy(update={"document_id": DocumentId(f"d{n}")}) for n in range(1500)]
        rebuild = threading.Thread(target=filled.rebuild, args=([entry("hon-nhan"), *many],))
        rebuild.start()
        while rebuild.is_alive():
            assert filled.search(SearchRequest(query="hôn nhân")).total >= 1
        rebuild.join()
        assert filled.count() == 1501

    def test_many_threads_write_and_search_at_once(self, filled: SearchIndex) -> None:
        failed: list[BaseException] = []

        def work(number: int) -> None:
            try:
                for step in range(3):
                    name = f"t{number}-{step}"
                    filled.put([entry("don").model_copy(update={"document_id": DocumentId(name)})])
                    assert name in found(filled, "giao đất")
            except BaseException as exc:
                failed.append(exc)

        threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failed == [] and filled.count() == len(ALL) + 12
