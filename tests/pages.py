"""The pages of an installation from the real server, in this process."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import uvicorn

from app.web.application import create_app
from app.wiring import Wiring
from pipeline.watch import Waiting
from tests.servers import free_port

START_S = 30.0


@contextmanager
def served_pages(wiring: Wiring, waiting: Sequence[Waiting] = ()) -> Iterator[str]:
    """Their address. waiting: files of the inbox that the tray tells of."""
    port, told = free_port(), tuple(waiting)
    config = uvicorn.Config(create_app(wiring, waiting=lambda: told), port=port, log_level="critical", lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    until = time.monotonic() + START_S
    while not server.started:
        assert time.monotonic() < until, "the pages do not start"
        time.sleep(0.01)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(10)
