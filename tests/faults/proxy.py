"""A TCP proxy before a server that can be told to misbehave while everything runs: what networks and servers do.

`pass` is a wire. `down` closes every connection, old and new. `slow` trickles replies. `black hole` takes everything
and answers nothing. `reset` ends a connection in the middle of a reply. `error` answers that the server cannot just
now, without asking it. `lose reply` lets a write reach the server and ends the connection instead of passing its reply
on: the write has happened and nobody was told.
"""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from enum import StrEnum
from typing import Protocol

CHUNK = 65536
PIECE = 2048
HARD_CLOSE = struct.pack("ii", 1, 0)
UNAVAILABLE = b'<?xml version="1.0"?><Error><Code>SlowDown</Code><Message>try again</Message></Error>'


class Behaviour(StrEnum):
    PASS = "pass"
    DOWN = "down"
    SLOW = "slow"
    BLACK_HOLE = "black hole"
    RESET = "reset"
    ERROR = "error"
    LOSE_REPLY = "lose reply"


class Manners(Protocol):
    """What the proxy must know of a protocol: how its errors look, and which requests write."""

    def refuse(self, client: socket.socket, said: bytes) -> None:
        """The client has its answer: not now."""

    def writes(self, said: bytes) -> bool:
        """Whether the server changes something when it gets this."""


class Http:
    """503 to every request; a request is a write by its method, and where named, by its path."""

    def __init__(self, *writes: bytes) -> None:
        self._writes = writes or (b"PUT ", b"POST ")

    def refuse(self, client: socket.socket, said: bytes) -> None:
        head, _, body = said.partition(b"\r\n\r\n")
        missing = _content_length(head) - len(body)
        while missing > 0 and (more := client.recv(CHUNK)):
            missing -= len(more)
        told = b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/xml\r\nConnection: close\r\n"
        client.sendall(told + b"Content-Length: %d\r\n\r\n" % len(UNAVAILABLE) + UNAVAILABLE)

    def writes(self, said: bytes) -> bool:
        return any(word in said[:2000] for word in self._writes)


class Postgres:
    """FATAL 57P03 to everything; the write that matters is the COMMIT."""

    def refuse(self, client: socket.socket, said: bytes) -> None:
        if len(said) == 8:  # asks for TLS or GSS first
            client.sendall(b"N")
            client.recv(CHUNK)
        told = b"SFATAL\0VFATAL\0C57P03\0Mthe database system is starting up\0\0"
        client.sendall(b"E" + struct.pack("!I", len(told) + 4) + told)

    def writes(self, said: bytes) -> bool:
        return b"COMMIT" in said


class Proxy:
    """Listens on `port` of loopback and speaks for the server on `target`."""

    def __init__(self, target: int, manners: Manners, *, slow_s: float = 0.15) -> None:
        self._target, self._manners, self._slow = target, manners, slow_s
        self._behaviour = Behaviour.PASS
        self._changed = threading.Event()
        self._links: set[_Link] = set()
        self._lock = threading.Lock()
        self.lost = 0
        """Writes whose reply was lost."""
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def behaviour(self) -> Behaviour:
        return self._behaviour

    @property
    def slow_s(self) -> float:
        return self._slow

    @property
    def manners(self) -> Manners:
        return self._manners

    def behave(self, behaviour: Behaviour) -> None:
        """From now on like this, also towards connections that stand."""
        before, self._behaviour = self._behaviour, behaviour
        changed, self._changed = self._changed, threading.Event()
        changed.set()
        if behaviour is Behaviour.DOWN or before is Behaviour.BLACK_HOLE:
            self._abort_all()

    @contextmanager
    def during(self, behaviour: Behaviour) -> Iterator[None]:
        """Like this inside the block, a wire again afterwards."""
        self.behave(behaviour)
        try:
            yield
        finally:
            self.behave(Behaviour.PASS)

    def held(self) -> None:
        """Returns when the behaviour changes."""
        self._changed.wait()

    def close(self) -> None:
        self._listener.close()
        self._abort_all()
        self._changed.set()

    def forget(self, link: _Link) -> None:
        with self._lock:
            self._links.discard(link)

    def _abort_all(self) -> None:
        with self._lock:
            links = list(self._links)
        for link in links:
            link.abort()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        if self._behaviour is Behaviour.DOWN:
            _end(client)
            return
        try:
            server = socket.create_connection(("127.0.0.1", self._target), timeout=10)
        except OSError:
            _end(client)
            return
        server.settimeout(None)
        for side in (client, server):
            side.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        link = _Link(self, client, server)
        with self._lock:
            self._links.add(link)
        threading.Thread(target=link.down, daemon=True).start()
        link.up()


class _Link:
    """One connection through the proxy."""

    def __init__(self, proxy: Proxy, client: socket.socket, server: socket.socket) -> None:
        self._proxy, self._client, self._server = proxy, client, server
        self._writing = False

    def up(self) -> None:
        """Client to server."""
        with suppress(OSError):
            while said := self._client.recv(CHUNK):
                behaviour = self._proxy.behaviour
                if behaviour is Behaviour.BLACK_HOLE:
                    self._proxy.held()
                    break
                if behaviour is Behaviour.ERROR:
                    self._proxy.manners.refuse(self._client, said)
                    self._close()
                    return
                self._writing = self._writing or self._proxy.manners.writes(said)
                self._server.sendall(said)
        self.abort()

    def down(self) -> None:
        """Server to client."""
        with suppress(OSError):
            while told := self._server.recv(CHUNK):
                if not self._pass_on(told):
                    break
        self._close()

    def abort(self) -> None:
        """Both sides see the connection broken off."""
        self._proxy.forget(self)
        for side in (self._client, self._server):
            _end(side)

    def _pass_on(self, told: bytes) -> bool:
        behaviour = self._proxy.behaviour
        if behaviour is Behaviour.LOSE_REPLY and self._writing:
            self._proxy.lost += 1
            self.abort()
            return False
        if behaviour is Behaviour.RESET:
            self._client.sendall(told[: len(told) // 2])
            self.abort()
            return False
        if behaviour is Behaviour.BLACK_HOLE:
            self._proxy.held()
            self.abort()
            return False
        if behaviour is Behaviour.SLOW:
            for start in range(0, len(told), PIECE):
                time.sleep(self._proxy.slow_s)
                self._client.sendall(told[start : start + PIECE])
        else:
            self._client.sendall(told)
        self._writing = False
        return True

    def _close(self) -> None:
        """The client reads what it was sent before it sees the end."""
        self._proxy.forget(self)
        for side in (self._client, self._server):
            with suppress(OSError):
                side.shutdown(socket.SHUT_RDWR)
            side.close()


def _content_length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    return 0


def _end(side: socket.socket) -> None:
    with suppress(OSError):
        side.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, HARD_CLOSE)
    with suppress(OSError):
        side.shutdown(socket.SHUT_RDWR)
    side.close()
