"""Watch and workers of one installation as processes of their own, on one PostgreSQL."""

from __future__ import annotations

import functools
import io
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PIL import Image
from sqlalchemy import Engine, create_engine, text

from app.demo.papers import papers
from app.demo.scans import draw
from tests.servers.postgres import postgres

SOHOA = [sys.executable, "-c", "from app.cli import main; main()"]
LONGEST_S = 120.0


@functools.cache
def drawn(number: int) -> Image.Image:
    return draw(papers()[number])


def page(number: int) -> bytes:
    """A scan that takes a moment to read; no two alike."""
    picture, out = drawn(number % 4).copy(), io.BytesIO()
    picture.putpixel((number, 3), (0, 0, 0))
    picture.save(out, "JPEG", quality=70 + number % 20, dpi=(200, 200))
    return out.getvalue()


@dataclass
class Cluster:
    """An installation whose watch and workers are processes of their own."""

    home: Path
    environment: dict[str, str]
    engine: Engine
    running: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(self, *arguments: str, program: list[str] = SOHOA) -> subprocess.Popen[bytes]:
        with (self.home / "service.log").open("ab") as log:
            started = subprocess.Popen(
                [*program, *arguments, "--home", str(self.home)],
                stdout=log, stderr=log, env=self.environment, start_new_session=True,
            )  # fmt: skip
        self.running.append(started)
        return started

    def drop(self, numbers: range, *folders: str) -> None:
        inbox = sorted(p for p in (self.home / "inbox").iterdir() if p.is_dir())[0].joinpath(*folders)
        inbox.mkdir(exist_ok=True, parents=True)
        for n in numbers:
            (inbox / f"{n:03d}.jpg").write_bytes(page(n))

    def rows(self, query: str) -> list[Any]:
        with self.engine.connect() as conn:
            return list(conn.execute(text(query)))

    def states(self) -> Counter[str]:
        return Counter({row[0]: row[1] for row in self.rows("SELECT state, count(*) FROM documents GROUP BY state")})

    def settled(self) -> int:
        """Documents that have reached their end, or a person."""
        return sum(n for state, n in self.states().items() if state in ("archived", "review"))

    def wait(self, done: Callable[[], bool], longest_s: float = LONGEST_S) -> None:
        until = time.monotonic() + longest_s
        while not done():
            assert time.monotonic() < until, (self.states(), (self.home / "service.log").read_text()[-3000:])
            time.sleep(0.1)

    def busy(self) -> list[str]:
        """Who runs a workflow just now."""
        return [row[0] for row in self.rows("SELECT executor_id FROM dbos.workflow_status WHERE status = 'PENDING'")]


@contextmanager
def cluster(home: Path, **settings: str) -> Iterator[Cluster]:
    """An installation on a fresh PostgreSQL; everything started in it is killed in the end."""
    with tempfile.TemporaryDirectory() as folder, postgres(Path(folder)) as server:
        url = server.url("sohoa")
        environment = {
            **os.environ, "SOHOA_REGISTRY__URL": url, "SOHOA_INTAKE__QUIET_S": "0.3", "SOHOA_WORKERS__PROCESSES": "1",
            **settings,
        }  # fmt: skip
        subprocess.run([*SOHOA, "init", str(home)], check=True, env=environment, stdout=subprocess.DEVNULL)
        made = Cluster(home, environment, create_engine(url))
        try:
            yield made
        finally:
            for process in made.running:
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGKILL)
                    process.wait()
            made.engine.dispose()
