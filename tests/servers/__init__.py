"""Real servers for the tests, each started on loopback in a folder of its own and stopped afterwards.

Programs are built once into the cache by `tools/install-servers`; one that is missing fails the test, never skips it.
"""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

START_S = 90.0


def free_port() -> int:
    """A port of loopback that nobody listens on just now."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


class Server:
    """A started program; `stop` ends it, `kill` does so without warning, `start` starts it again on the same data."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        answers: Callable[[], bool],
        log: Path,
        environment: dict[str, str] | None = None,
    ) -> None:
        self._command, self._answers, self._log = list(command), answers, log
        self._environment = {**os.environ, **(environment or {})}
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        """The server answers. Raises AssertionError with the end of its log when it does not."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, stdout=log, stderr=log, env=self._environment, start_new_session=True
            )
        until = time.monotonic() + START_S
        while not self._is_up():
            told = self._log.read_text(errors="replace")[-2000:]
            assert self._process.poll() is None, f"{self._command[0]} ended: {told}"
            assert time.monotonic() < until, f"{self._command[0]} does not answer: {told}"
            time.sleep(0.1)

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(60)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait(60)

    def _is_up(self) -> bool:
        try:
            return self._answers()
        except Exception:
            return False
