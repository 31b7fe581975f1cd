"""Programs of an installation under a supervisor, as systemd or a container engine keeps them: what ends is started."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

SOHOA = [sys.executable, "-c", "from app.cli import main; main()"]
RESTART_PAUSE_S = 0.3
CHECK_S = 0.1


class Program:
    """One `sohoa …` process with its children. exits: how often it ended without being told to, by exit code."""

    def __init__(self, name: str, arguments: Sequence[str], environment: dict[str, str], log: Path) -> None:
        self.name, self.log = name, log
        self._command, self._environment = [*SOHOA, *arguments], {**os.environ, **environment}
        self._process: subprocess.Popen[bytes] | None = None
        self._wanted = False
        self._lock = threading.RLock()
        self.exits: dict[int, int] = {}
        self.starts = 0

    @property
    def pid(self) -> int | None:
        process = self._process
        return process.pid if process is not None and process.poll() is None else None

    def start(self) -> None:
        with self._lock:
            self._wanted = True
            self._start()

    def watch_over(self) -> None:
        """Started again when it ended by itself."""
        with self._lock:
            if not self._wanted or self._process is None or (code := self._process.poll()) is None:
                return
            self.exits[code] = self.exits.get(code, 0) + 1
            self._start()

    def kill(self, *, tree: bool) -> None:
        """kill -9 of the process, or of all its children too; it is started again at once."""
        with self._lock:
            process = self._process
            if process is None:
                return
            with suppress(ProcessLookupError):
                (os.killpg if tree else os.kill)(process.pid, signal.SIGKILL)
            process.wait()
            self._start()

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Inside the block the process and its children stand still (SIGSTOP), as on a machine that hangs."""
        process = self._process
        assert process is not None
        stopped = [process.pid, *descendants(process.pid)]
        send(signal.SIGSTOP, stopped)
        try:
            yield
        finally:
            send(signal.SIGCONT, stopped)

    def readers(self) -> list[int]:
        """The worker processes that parse bytes from outside."""
        pid = self.pid
        if pid is None:
            return []
        return [p for p in descendants(pid) if _says(p, "forkserver") and _parent(p) != pid]

    def memory_mb(self) -> int:
        """Resident memory of the process, without its children."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0]) >> 10

    def stop(self, patience_s: float = 60) -> int:
        """SIGTERM; the exit code, or -9 when it had to be killed."""
        with self._lock:
            self._wanted = False
            process = self._process
            if process is None:
                return 0
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(patience_s)
            with suppress(ProcessLookupError):  # also a reader that a test stopped and nobody missed
                os.killpg(process.pid, signal.SIGKILL)
            return process.wait()

    def _start(self) -> None:
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, stdout=log, stderr=log, env=self._environment, start_new_session=True
            )
        self.starts += 1


class Supervisor:
    """Watches over all programs until it is closed."""

    def __init__(self, programs: dict[str, Program]) -> None:
        self._programs = programs
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(CHECK_S):
            for program in self._programs.values():
                if program.pid is None:
                    time.sleep(RESTART_PAUSE_S)
                    program.watch_over()


def descendants(pid: int) -> list[int]:
    """Children, grandchildren, and so on, of a process that lives."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            parents.setdefault(_parent(int(entry.name)), []).append(int(entry.name))
    found, todo = [], [pid]
    while todo:
        for child in parents.get(todo.pop(), []):
            found.append(child)
            todo.append(child)
    return found


def send(number: signal.Signals, pids: Sequence[int]) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def _parent(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except (OSError, IndexError):
        return -1


def _says(pid: int, word: str) -> bool:
    try:
        return word.encode() in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False
