"""The misbehaving proxy does what it says, so that the tests that use it can fail."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest

from tests.faults.checker import each_once
from tests.faults.inputs import Input
from tests.faults.proxy import Behaviour, Http, Proxy

BODY = b"x" * 20_000


class Remembers(ThreadingHTTPServer):
    daemon_threads = True
    written = 0

    def handle_error(self, *_: object) -> None:
        """Whoever asked has gone."""


class Answer(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(BODY)))
        self.end_headers()
        self.wfile.write(BODY)

    def do_PUT(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.server.written += 1  # type: ignore[attr-defined]
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture
def server() -> Iterator[Remembers]:
    made = Remembers(("127.0.0.1", 0), Answer)
    threading.Thread(target=made.serve_forever, daemon=True).start()
    yield made
    made.shutdown()
    made.server_close()


@pytest.fixture
def proxy(server: Remembers) -> Iterator[Proxy]:
    made = Proxy(server.server_address[1], Http(), slow_s=0.02)
    yield made
    made.close()


def test_each_behaviour_is_felt_and_ends(server: Remembers, proxy: Proxy) -> None:
    url = f"http://127.0.0.1:{proxy.port}/"
    for behaviour in (Behaviour.DOWN, Behaviour.BLACK_HOLE, Behaviour.RESET):
        with proxy.during(behaviour), pytest.raises(httpx.TransportError):
            httpx.get(url, timeout=0.5)
        assert httpx.get(url).content == BODY, behaviour
    with proxy.during(Behaviour.ERROR):
        assert httpx.put(url, content=BODY).status_code == 503
        assert server.written == 0, "the server was not asked"
    with proxy.during(Behaviour.SLOW):
        answer = httpx.get(url)
        assert answer.content == BODY and answer.elapsed.total_seconds() > 0.1


def test_a_lost_reply_is_of_a_write_that_has_happened(server: Remembers, proxy: Proxy) -> None:
    url = f"http://127.0.0.1:{proxy.port}/"
    with proxy.during(Behaviour.LOSE_REPLY):
        assert httpx.get(url).content == BODY, "what only reads is let through"
        with pytest.raises(httpx.TransportError):
            httpx.put(url, content=BODY)
    assert (server.written, proxy.lost) == (1, 1)


def test_the_checker_sees_what_is_lost_and_what_is_doubled() -> None:
    good, bad = Input("a.pdf", b"a", sound=True), Input("b.pdf", b"b", sound=False)
    assert each_once([good, bad], {good.sha256: 1}, {bad.sha256: 1}) == []
    for held, aside in (
        ({}, {bad.sha256: 1}),
        ({good.sha256: 2}, {bad.sha256: 1}),
        ({good.sha256: 1}, {}),
        ({good.sha256: 1}, {good.sha256: 1, bad.sha256: 1}),
        ({good.sha256: 1, bad.sha256: 1}, {}),
        ({good.sha256: 1, "stranger": 1}, {bad.sha256: 1}),
    ):
        assert each_once([good, bad], held, aside)
