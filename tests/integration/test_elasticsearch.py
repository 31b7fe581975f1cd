"""The grown index keeps the contract of every index on a real Elasticsearch, answers as tantivy does, and comes back
from what befalls a server."""

from __future__ import annotations

import http.server
import logging
import multiprocessing
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from elasticsearch import Elasticsearch

from app.wiring import Wiring
from config.settings import Index, Settings
from registry.errors import Conflict, ServiceUnavailable, SettingsInvalid
from registry.values import DocumentId
from search import elastic_index
from search.elastic_index import ElasticIndex
from search.elastic_query import MAPPING
from search.index import IndexEntry, SearchIndex, SearchRequest, SearchResult
from search.tantivy_index import TantivyIndex
from tests.contracts.search_cases import PAPERS
from tests.contracts.search_generated import bests, questions, records
from tests.contracts.search_index import SearchIndexContract, entry, found
from tests.servers import free_port
from tests.servers.elastic import Elastic, elasticsearch

pytestmark = pytest.mark.slow
PREFIX = "sohoa"


@pytest.fixture(scope="session")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Elastic]:
    with elasticsearch(tmp_path_factory.mktemp("elasticsearch")) as started:
        yield started


@pytest.fixture
def admin(node: Elastic) -> Iterator[Elasticsearch]:
    """A client of our own beside the tested one; what a test left is gone when it is asked for."""
    client = Elasticsearch(node.url, request_timeout=60)
    left = list(client.indices.get(index="*").body)
    if left:
        client.indices.delete(index=left)
    yield client
    client.close()


@pytest.fixture
def index(node: Elastic, admin: Elasticsearch) -> Iterator[ElasticIndex]:
    made = ElasticIndex([node.url], prefix=PREFIX)
    yield made
    made.close()


class TestElasticsearch(SearchIndexContract):
    """All cases of the contract."""


def test_the_settings_of_an_installation_lead_to_it(node: Elastic, admin: Elasticsearch, tmp_path: Path) -> None:
    (tmp_path / "password").write_text("a long one\n")
    told = Index(
        kind="elasticsearch", urls=(node.url,), prefix="other", user="sohoa", password_file=Path("password")
    )  # a node without accounts takes any
    wiring = Wiring(Settings(home=tmp_path, index=told))
    wiring.index.put([entry("don")])
    assert found(wiring.index, "giao đất") == {"don"}
    wiring.close()
    assert list(admin.indices.get_alias(name="other").body) == [f"other-v{elastic_index.SCHEMA}-0"]
    with pytest.raises(SettingsInvalid):
        _ = Wiring(Settings(home=tmp_path, index=told.model_copy(update={"password_file": Path("none")}))).index


# the same answers


def test_both_indexes_answer_alike(index: ElasticIndex, tmp_path: Path) -> None:
    held, asked = records(300), questions(300)
    assert len(asked) >= 150
    other = TantivyIndex(tmp_path / "index")
    for each in (index, other):
        each.put(held)
    assert {q.query: different for q in asked if (different := _differences(index, other, q))} == {}
    names = bests(300)
    assert len(names) >= 40
    for each in (index, other):
        first = {name: each.search(SearchRequest(query=name)).hits[0].document_id for name in names}
        assert first == names
    other.close()


def _differences(one: SearchIndex, two: SearchIndex, asked: SearchRequest) -> list[str]:
    a, b = one.search(asked), two.search(asked)
    told: dict[str, Callable[[SearchResult], object]] = {
        "total": lambda r: r.total,
        "facets": lambda r: r.facets,
        "fuzzy": lambda r: r.fuzzy,
        "hits": lambda r: {hit.document_id for hit in r.hits},
        "snippets": lambda r: {hit.document_id: (hit.snippet, hit.highlights) for hit in r.hits},
    }
    return [name for name, of in told.items() if of(a) != of(b)]


# aliases, schemas, rebuilds


def _indices(admin: Elasticsearch) -> list[str]:
    return sorted(admin.indices.get(index="*").body)


def _behind(admin: Elasticsearch) -> list[str]:
    return sorted(admin.indices.get_alias(name=PREFIX).body)


def _open_and_put(url: str, name: str, start: float) -> None:
    made = ElasticIndex([url], prefix=PREFIX)
    while time.time() < start:
        time.sleep(0.001)
    made.put([entry(name)])
    assert made.search(SearchRequest(query="")).total >= 1
    made.close()


def test_processes_that_start_at_once_make_one_index_together(node: Elastic, admin: Elasticsearch) -> None:
    fresh = multiprocessing.get_context("spawn")
    start = time.time() + 5
    names = list(PAPERS)[:3]
    started = [fresh.Process(target=_open_and_put, args=(node.url, name, start)) for name in names]
    for process in started:
        process.start()
    for process in started:
        process.join(60)
    assert [process.exitcode for process in started] == [0, 0, 0]
    assert _indices(admin) == _behind(admin) == [f"{PREFIX}-v{elastic_index.SCHEMA}-0"]
    assert admin.count(index=PREFIX)["count"] == 3


def test_a_rebuild_leaves_one_index_behind_the_alias(index: ElasticIndex, admin: Elasticsearch) -> None:
    index.put([entry("don")])
    before = _behind(admin)
    index.rebuild([entry("don"), entry("so-do")])
    assert len(_behind(admin)) == 1 and _behind(admin) != before
    assert _indices(admin) == _behind(admin)
    settings = admin.indices.get_settings(index=PREFIX)[_behind(admin)[0]]["settings"]["index"]
    assert "refresh_interval" not in settings, "what a rebuild set aside for speed is set again"


def test_what_a_killed_rebuild_left_is_cleared_by_the_next(
    index: ElasticIndex, node: Elastic, admin: Elasticsearch
) -> None:
    index.put([entry("don")])
    fresh = multiprocessing.get_context("spawn")
    begun = fresh.Event()
    rebuilding = fresh.Process(target=_rebuild_for_ever, args=(node.url, begun))
    rebuilding.start()
    assert begun.wait(60)
    rebuilding.kill()
    rebuilding.join()
    assert len(_indices(admin)) == 2 and found(index, "") == {"don"}
    index.put([entry("so-do")])
    index.rebuild([entry("don"), entry("so-do")])
    assert _indices(admin) == _behind(admin) and found(index, "") == {"don", "so-do"}


def _rebuild_for_ever(url: str, begun: threading.Event) -> None:
    def entries() -> Iterator[IndexEntry]:
        yield entry("don")
        begun.set()
        threading.Event().wait()

    ElasticIndex([url], prefix=PREFIX).rebuild(entries())


def test_of_two_rebuilds_the_first_to_finish_stands(index: ElasticIndex, admin: Elasticsearch) -> None:
    def slower() -> Iterator[IndexEntry]:
        yield entry("don")
        index.rebuild([entry("so-do")])
        yield entry("to-khai")

    with pytest.raises(Conflict):
        index.rebuild(slower())
    assert found(index, "") == {"so-do"} and _indices(admin) == _behind(admin)


def test_another_schema_is_another_index_swapped_in_whole(
    index: ElasticIndex, node: Elastic, admin: Elasticsearch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A rolling upgrade: the old version searches until the new one has rebuilt; neither answers from what it does not
    understand, and what cannot be written is refused, not lost."""
    index.put([entry("don")])
    monkeypatch.setattr(elastic_index, "SCHEMA", "999")
    newer = ElasticIndex([node.url], prefix=PREFIX)
    for act in (lambda: newer.put([entry("so-do")]), lambda: newer.search(SearchRequest(query="")), newer.count):
        with pytest.raises(ServiceUnavailable, match="rebuild"):
            act()

    def entries() -> Iterator[IndexEntry]:
        yield entry("don")
        with monkeypatch.context() as older:
            older.setattr(elastic_index, "SCHEMA", "1")
            assert found(index, "") == {"don"}
            with pytest.raises(ServiceUnavailable, match="rebuild"):
                index.put([entry("so-do")])

    newer.rebuild(entries())
    assert found(newer, "") == {"don"} and _behind(admin)[0].startswith(f"{PREFIX}-v999-")
    newer.close()


# faults


def test_a_server_that_is_down_is_told_within_seconds_and_found_again(tmp_path: Path) -> None:
    with elasticsearch(tmp_path) as own:
        index = ElasticIndex([own.url], prefix=PREFIX)
        index.put([entry("don")])
        own.server.kill()
        for act in (lambda: index.put([entry("so-do")]), lambda: index.search(SearchRequest(query="x")), index.count):
            with _within(8.0), pytest.raises(ServiceUnavailable):
                act()
        with pytest.raises(ServiceUnavailable):
            index.rebuild([entry("don")])
        own.server.start()
        _eventually(lambda: found(index, "") == {"don"}, "what was put before the crash is there")
        index.put([entry("so-do")])
        assert found(index, "") == {"don", "so-do"}
        _hang(own, index)
        index.close()


def _hang(own: Elastic, index: ElasticIndex) -> None:
    """The server takes connections and never answers."""
    process = own.server._process
    assert process is not None
    process.send_signal(signal.SIGSTOP)
    try:
        with _within(12.0), pytest.raises(ServiceUnavailable):
            index.search(SearchRequest(query="giao đất"))
    finally:
        process.send_signal(signal.SIGCONT)
    _eventually(lambda: found(index, "giao đất") == {"don"}, "it answers again")


@contextmanager
def _within(seconds: float) -> Iterator[None]:
    started = time.monotonic()
    yield
    assert time.monotonic() - started < seconds


def _eventually(holds: Callable[[], bool], promise: str) -> None:
    until = time.monotonic() + 30
    while True:
        try:
            if holds():
                return
        except ServiceUnavailable:
            pass
        assert time.monotonic() < until, promise
        time.sleep(0.2)


def test_nobody_listening_is_told_at_once() -> None:
    index = ElasticIndex([f"http://127.0.0.1:{free_port()}"], prefix=PREFIX)
    with _within(3.0), pytest.raises(ServiceUnavailable):
        index.count()


def test_a_closed_index_and_a_blocked_one_are_unavailable(index: ElasticIndex, admin: Elasticsearch) -> None:
    index.put([entry("don")])
    name = _behind(admin)[0]
    admin.indices.add_block(index=name, block="write")
    with pytest.raises(ServiceUnavailable, match="don"):
        index.put([entry("don")])
    assert found(index, "") == {"don"}, "reading goes on"
    admin.indices.close(index=name)
    with pytest.raises(ServiceUnavailable):
        index.search(SearchRequest(query="x"))
    admin.indices.open(index=name, wait_for_active_shards=1)
    admin.indices.put_settings(index=name, settings={"blocks.write": False})
    index.put([entry("so-do")])
    assert found(index, "") == {"don", "so-do"}


def test_an_index_removed_by_hand_is_made_again(index: ElasticIndex, admin: Elasticsearch) -> None:
    index.put([entry("don")])
    admin.indices.delete(index=_behind(admin)[0])
    assert found(index, "") == set()
    index.put([entry("so-do")])
    assert found(index, "") == {"so-do"} and len(_behind(admin)) == 1
    admin.indices.delete(index=_behind(admin)[0])
    index.put([entry("don")])
    assert found(index, "") == {"don"} and len(_behind(admin)) == 1


@contextmanager
def _overloaded(admin: Elasticsearch) -> Iterator[Callable[[], None]]:
    """The server's own breaker answers 429 to whatever is larger than a few hundred bytes, until it is relieved."""
    breaker = ("network.breaker.inflight_requests.limit", "rest.incremental_bulk")

    def relieve() -> None:
        admin.cluster.put_settings(transient=dict.fromkeys(breaker))

    admin.cluster.put_settings(transient=dict(zip(breaker, ("500b", False), strict=True)))
    try:
        yield relieve
    finally:
        relieve()


def test_a_server_with_too_much_to_do_is_asked_again_and_takes_it(index: ElasticIndex, admin: Elasticsearch) -> None:
    index.count()
    with _overloaded(admin) as relieve:
        relief = threading.Timer(1.5, relieve)
        relief.start()
        started = time.monotonic()
        index.put([entry(name) for name in PAPERS])
        assert time.monotonic() - started > 1.0, "it was refused at first"
        relief.join()
    assert index.count() == len(PAPERS)


def test_patience_ends_and_the_documents_left_out_are_named(
    index: ElasticIndex, admin: Elasticsearch, monkeypatch: pytest.MonkeyPatch
) -> None:
    index.count()
    monkeypatch.setattr("search.elastic_bulk.PATIENCE_S", 0.5)
    with _overloaded(admin), _within(5.0), pytest.raises(ServiceUnavailable) as failed:
        index.put([entry("don"), entry("so-do")])
    assert "did not take 2 of 2 changes: don (busy), so-do (busy)" in str(failed.value)
    assert index.count() == 0


def test_one_entry_that_is_refused_is_named_and_the_others_are_taken(index: ElasticIndex, admin: Elasticsearch) -> None:
    narrow = {**MAPPING, "properties": {**MAPPING["properties"], "kind": {"type": "long"}}}
    admin.indices.create(index=f"{PREFIX}-v{elastic_index.SCHEMA}-0", mappings=narrow, aliases={PREFIX: {}})
    with pytest.raises(ServiceUnavailable, match=r"did not take 1 of 2 changes: don \(document_parsing_exception\)"):
        index.put([entry("don"), entry("khong-ro")])
    assert found(index, "") == {"khong-ro"}


def test_very_large_entries_go_in_requests_of_bounded_size(index: ElasticIndex) -> None:
    pages = "\f".join(f"trang {n} " + "thửa đất số lớn " * 400 for n in range(60))
    index.put([entry("don", text=pages).model_copy(update={"document_id": DocumentId(f"d{n}")}) for n in range(12)])
    assert index.count() == 12
    hit = index.search(SearchRequest(query='"trang 59"')).hits[0]
    assert hit.page_index == 0 or "59" in hit.snippet


class _Refuses(http.server.BaseHTTPRequestHandler):
    """A server that knows no account of ours."""

    def do_GET(self) -> None:
        body = b'{"error":{"type":"security_exception","reason":"unable to authenticate user"},"status":401}'
        self.send_response(401)
        for name, value in (
            ("X-Elastic-Product", "Elasticsearch"),
            ("Content-Type", "application/vnd.elasticsearch+json;compatible-with=9"),
            ("Content-Length", str(len(body))),
        ):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None: ...


def test_an_account_that_is_not_known_is_a_matter_of_settings() -> None:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Refuses)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    index = ElasticIndex([f"http://127.0.0.1:{server.server_port}"], prefix=PREFIX, user="u", password="p")
    try:
        with pytest.raises(SettingsInvalid):
            index.count()
    finally:
        server.shutdown()
        server.server_close()
    with pytest.raises(SettingsInvalid):
        ElasticIndex(["not an address"], prefix=PREFIX)


def test_no_question_and_no_paper_is_told_to_logs_or_errors(
    index: ElasticIndex, admin: Elasticsearch, caplog: pytest.LogCaptureFixture
) -> None:
    secret = "Nguyễn Thị Ánh Hòa"
    with caplog.at_level(logging.DEBUG):
        index.put([entry("khai-sinh")])
        assert found(index, f"{secret} 003199000001") == {"khai-sinh"}
        admin.indices.close(index=_behind(admin)[0])
        with pytest.raises(ServiceUnavailable) as failed:
            index.search(SearchRequest(query=secret))
    shown = logging.Formatter().formatException((failed.type, failed.value, failed.tb))
    for told in (caplog.text, str(failed.value), shown):
        assert not any(word in told for word in ("Ánh", "anh hoa", "003199000001"))
