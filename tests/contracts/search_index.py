"""What every index must answer, in Vietnamese. A subclass gives a fixture `index` that is empty."""

from __future__ import annotations

import threading
import unicodedata
from datetime import UTC, datetime

import pytest

from registry.values import DocumentId
from search.index import IndexEntry, SearchIndex, SearchRequest

AT = datetime(2026, 11, 24, tzinfo=UTC)
PAPERS: dict[str, dict[str, object]] = {
    "khai-sinh": {
        "kind": "giay-khai-sinh", "unit": "H99.32", "title": "Giấy khai sinh 07/1999: Nguyễn Thị Ánh Hòa",
        "number_symbol": "07/1999", "issuing_agency": "Ủy ban nhân dân xã An Hòa", "issued_on": "1999-04-20",
        "people_names": ("Nguyễn Thị Ánh Hòa", "Đinh Thị Lụa"), "owner_ids": ("003199000001",),
        "text": "GIẤY KHAI SINH\nHọ, chữ đệm, tên: Nguyễn Thị Ánh Hòa\nnơi sinh: Trạm y tế xã An Hòa",
    },
    "hon-nhan": {
        "kind": "giay-xac-nhan-tinh-trang-hon-nhan", "unit": "H99.33", "title": "Giấy xác nhận tình trạng hôn nhân",
        "number_symbol": "12/GXN-UBND", "issuing_agency": "Ủy ban nhân dân xã Tân Thuận", "issued_on": "2026-08-03",
        "people_names": ("Trần Hữu Đức",), "owner_ids": ("003095000002",), "dossier_code": "H99.33-260805-0003",
        "text": "GIẤY XÁC NHẬN TÌNH TRẠNG HÔN NHÂN\nHiện tại chưa đăng ký kết hôn với ai.\f trang hai nói về thủy lợi",
    },
    "quyet-dinh": {
        "kind": "quyet-dinh", "unit": "H99.32", "title": "Quyết định 245/QĐ-UBND: Về việc trợ cấp xã hội",
        "number_symbol": "245/QĐ-UBND", "issuing_agency": "Ủy ban nhân dân xã An Hòa", "issued_on": "2026-09-12",
        "subject": "Về việc trợ cấp xã hội cho trẻ em mồ côi", "signer_name": "Huỳnh Quang Minh",
        "text": "QUYẾT ĐỊNH\nĐiều 1. Giải quyết chế độ đối với ông (bà): Nguyễn Trần Gia Khang",
    },
    "thong-bao": {
        "kind": "thong-bao", "unit": "H99.34", "title": "Thông báo 27/TB-UBND", "number_symbol": "27/TB-UBND",
        "issuing_agency": "Ủy ban nhân dân phường Mỹ Lộc", "issued_on": "2025-01-15",
        "text": "THÔNG BÁO\nVề việc nghỉ hè của hội đồng. Toán và tóan, hoa hoà bình, quý khách",
    },
}  # fmt: skip
ALL = frozenset(PAPERS)

ASKED: list[tuple[str, set[str]]] = [
    # with marks, without, in capitals, in any order
    ("hôn nhân", {"hon-nhan"}), ("hon nhan", {"hon-nhan"}), ("HON NHAN", {"hon-nhan"}), ("nhân hôn", {"hon-nhan"}),
    ("Nguyễn Thị Ánh Hòa", {"khai-sinh"}), ("nguyen thi anh hoa", {"khai-sinh"}), ("Hoa Anh Thi Nguyen", {"khai-sinh"}),
    ("trần hữu đức", {"hon-nhan"}), ("tran huu duc", {"hon-nhan"}), ("duc tran", {"hon-nhan"}), ("Đức", {"hon-nhan"}),
    ("đinh thị lụa", {"khai-sinh"}), ("dinh thi lua", {"khai-sinh"}), ("lua dinh", {"khai-sinh"}),
    # đ and d
    ("quyet dinh", {"quyet-dinh"}), ("quyết định", {"quyet-dinh"}), ("dang ky ket hon", {"hon-nhan"}),
    ("chế độ", {"quyet-dinh"}), ("che do", {"quyet-dinh"}), ("hội đồng", {"thong-bao"}), ("hoi dong", {"thong-bao"}),
    # both ways of placing the tone
    ("thuỷ lợi", {"hon-nhan"}), ("thủy lợi", {"hon-nhan"}), ("thuy loi", {"hon-nhan"}),
    ("Ánh Hoà", {"khai-sinh"}), ("uỷ ban nhân dân xã Tân Thuận", {"hon-nhan"}), ("hòa bình", {"thong-bao"}),
    ("quy khach", {"thong-bao"}),
    # numbers and symbols, whole and in parts
    ("245/QĐ-UBND", {"quyet-dinh"}), ("245/qd-ubnd", {"quyet-dinh"}), ("245/QD", {"quyet-dinh"}),
    ("245", {"quyet-dinh"}),
    ("12/GXN-UBND", {"hon-nhan"}), ("12/gxn", {"hon-nhan"}), ("27/TB-UBND", {"thong-bao"}), ("07/1999", {"khai-sinh"}),
    ("H99.33-260805-0003", {"hon-nhan"}), ("h99.33-260805-0003", {"hon-nhan"}),
    # phrases
    ('"trợ cấp xã hội"', {"quyet-dinh"}), ('"tro cap xa hoi"', {"quyet-dinh"}), ('"xã hội trợ cấp"', set()),
    ('"chưa đăng ký kết hôn"', {"hon-nhan"}), ('"trạm y tế" sinh', {"khai-sinh"}), ('"trạm y tế" kết', set()),
    ("“trẻ em mồ côi”", {"quyet-dinh"}),
    # an identity number is an owner, exactly
    ("003199000001", {"khai-sinh"}), ("003095000002", {"hon-nhan"}), ("003199000009", set()),
    ("hòa 003199000001", {"khai-sinh"}), ("hôn nhân 003199000001", set()),
    # agency, subject, signer
    ("Mỹ Lộc", {"thong-bao"}), ("my loc", {"thong-bao"}), ("mồ côi", {"quyet-dinh"}), ("huynh quang", {"quyet-dinh"}),
    ("huynh minh", {"quyet-dinh"}), ("gia khang", {"quyet-dinh"}),
    # typing slips are mended when nothing fits as written
    ("thong baoo", {"thong-bao"}), ("nguyenx thi anh", {"khai-sinh"}), ("trợ câps", {"quyet-dinh"}),
    # nothing there
    ("giấy phép xây dựng", set()), ("zzz", set()),
    # odd input never breaks
    ("   hôn    nhân ", {"hon-nhan"}), ("hôn AND nhân", set()), ("hôn* nhân?", {"hon-nhan"}),
    ("(hôn nhân", {"hon-nhan"}),
    ("title:hôn nhân", set()), ('"hôn nhân', {"hon-nhan"}), ("\\", set()), ("+-&&||!(){}[]^\"~*?:\\/", set()),
]  # fmt: skip


def entry(name: str) -> IndexEntry:
    return IndexEntry(document_id=DocumentId(name), archived_at=AT, **PAPERS[name])  # type: ignore[arg-type]


def found(index: SearchIndex, query: str, **filters: object) -> set[str]:
    return {hit.document_id for hit in index.search(SearchRequest(query=query, **filters)).hits}  # type: ignore[arg-type]


class SearchIndexContract:
    """Inherit as TestX and give a fixture `index`."""

    @pytest.fixture
    def filled(self, index: SearchIndex) -> SearchIndex:
        index.put([entry(name) for name in PAPERS])
        return index

    @pytest.mark.parametrize(("query", "expected"), ASKED)
    def test_answers(self, filled: SearchIndex, query: str, expected: set[str]) -> None:
        blank = not any(c.isalnum() for c in query)
        assert found(filled, query) == (ALL if blank else expected)

    @pytest.mark.parametrize("query", ["hôn nhân", "Nguyễn Thị Ánh Hòa", "245/QĐ-UBND", '"trợ cấp xã hội"'])
    def test_decomposed_letters_mean_the_same(self, filled: SearchIndex, query: str) -> None:
        assert found(filled, unicodedata.normalize("NFD", query)) == found(filled, query) != set()

    def test_exact_marks_come_first(self, filled: SearchIndex) -> None:
        filled.put([
            IndexEntry(document_id=DocumentId("a"), unit="u", text="hoa hồng", archived_at=AT),
            IndexEntry(document_id=DocumentId("b"), unit="u", text="hỏa hoạn", archived_at=AT),
        ])  # fmt: skip
        hits = filled.search(SearchRequest(query="hỏa", units=frozenset({"u"}))).hits
        assert [h.document_id for h in hits] == ["b", "a"]

    def test_filters(self, filled: SearchIndex) -> None:
        assert found(filled, "ủy ban", units=frozenset({"H99.32"})) == {"khai-sinh", "quyet-dinh"}
        assert found(filled, "", kind="thong-bao") == {"thong-bao"}
        assert found(filled, "", owner="003095000002") == {"hon-nhan"}
        assert found(filled, "", issued_from="2026-01-01", issued_to="2026-08-03") == {"hon-nhan"}
        assert found(filled, "hôn nhân", units=frozenset()) == set(), "no unit, no answer"

    def test_facets_count_all_matches_not_only_the_page(self, filled: SearchIndex) -> None:
        result = filled.search(SearchRequest(query="", limit=1))
        assert result.total == 4 and len(result.hits) == 1
        assert result.facets["unit"] == {"H99.32": 2, "H99.33": 1, "H99.34": 1}
        assert result.facets["year"]["2026"] == 2
        assert result.facets["kind"]["quyet-dinh"] == 1

    def test_a_snippet_shows_why_and_on_which_page(self, filled: SearchIndex) -> None:
        hit = filled.search(SearchRequest(query="thuy loi")).hits[0]
        assert [hit.snippet[s.start : s.end] for s in hit.highlights] == ["thủy", "lợi"]
        assert hit.page_index == 1

    def test_pages_of_results_hold_everything_once(self, filled: SearchIndex) -> None:
        pages = [filled.search(SearchRequest(query="", limit=1, offset=n)).hits for n in range(5)]
        assert {h.document_id for page in pages for h in page} == ALL and pages[4] == ()

    def test_put_again_replaces_and_delete_removes(self, filled: SearchIndex) -> None:
        filled.put([entry("thong-bao").model_copy(update={"text": "khác hẳn", "title": "Thông báo mới"})])
        assert filled.count() == 4
        assert found(filled, "nghỉ hè") == set() and found(filled, "khác hẳn") == {"thong-bao"}
        filled.delete([DocumentId("thong-bao")])
        assert filled.count() == 3 and found(filled, "khác hẳn") == set()

    def test_a_rebuild_holds_exactly_what_it_was_given(self, filled: SearchIndex) -> None:
        assert filled.rebuild(entry(name) for name in ("khai-sinh", "hon-nhan")) == 2
        assert found(filled, "") == {"khai-sinh", "hon-nhan"}

    def test_search_goes_on_while_the_index_is_rebuilt(self, filled: SearchIndex) -> None:
        many = [entry("hon-nhan").model_copy(update={"document_id": DocumentId(f"d{n}")}) for n in range(1500)]
        rebuild = threading.Thread(target=filled.rebuild, args=([entry("hon-nhan"), *many],))
        rebuild.start()
        while rebuild.is_alive():
            assert filled.search(SearchRequest(query="hôn nhân")).total >= 1
        rebuild.join()
        assert filled.count() == 1501
