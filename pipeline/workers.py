"""Worker processes for everything that parses bytes from outside: limited in memory, time and file size.

One hostile file costs one worker, never the service. Children are forked from a clean server process that has the
heavy imports done, die with their parent (also after kill -9), and are replaced after a number of tasks.
"""

from __future__ import annotations

import contextlib
import ctypes
import multiprocessing
import os
import pickle
import resource
import select
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess
from types import ModuleType
from typing import Any, ParamSpec, TypeVar

from registry.errors import SohoaError, WorkerFailed

P = ParamSpec("P")
T = TypeVar("T")

PR_SET_PDEATHSIG, PR_SET_NO_NEW_PRIVS = 1, 38
LARGEST_FILE = 4 << 30
NICE = 5
"""Reading gives way to the screens of the people at the desk."""


DEATHS = 3
"""A child that dies may have been killed by others (out of memory, a person): only so many deaths blame the task."""
_STARTING = threading.Lock()


class TaskFailed(WorkerFailed):
    """reason: `timeout` | `died` | `memory` | `closed` | `raised:<type>`. Never carries text of the file."""

    def __init__(self, task: str, reason: str) -> None:
        super().__init__(f"{task}: {reason}")
        self.task, self.reason = task, reason

    def __reduce__(self) -> tuple[type[TaskFailed], tuple[str, str]]:
        return TaskFailed, (self.task, self.reason)


class WorkerPool:
    """`processes` limited children. `run` may be called from many threads; each call waits for a free child."""

    def __init__(
        self, processes: int, memory_mb: int, tasks_per_process: int = 200, preload: tuple[str, ...] = ()
    ) -> None:
        self._context: ForkServerContext = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(list(preload))
        self._memory = memory_mb << 20
        self._tasks = tasks_per_process
        self.processes = processes
        self._free = threading.Semaphore(processes)
        self._lock = threading.Lock()
        self._idle: list[_Child] = []
        self._busy: set[_Child] = set()
        self._closed = False

    def run(self, function: Callable[P, T], *args: P.args, timeout_s: float, **kwargs: P.kwargs) -> T:  # type: ignore[valid-type]
        """The function's result from a worker process; function and arguments must pickle. It may run more than once:
        a child that dies is replaced, twice.

        Raises the SohoaError that the function raised, or TaskFailed (`closed`: the pool was closed meanwhile).
        """
        for death in range(1, DEATHS + 1):
            try:
                return self._once(function, args, kwargs, timeout_s)
            except TaskFailed as exc:
                if self._closed:
                    raise TaskFailed(exc.task, "closed") from exc
                if exc.reason != "died" or death == DEATHS:
                    raise
        raise AssertionError("unreachable")

    def _once(self, function: Callable[..., T], args: Any, kwargs: Any, timeout_s: float) -> T:
        with self._free:
            child = self._take()
            try:
                outcome: T = child.call(function, args, kwargs, timeout_s)
            finally:
                self._give_back(child)
            return outcome

    def close(self) -> None:
        """All children have ended; tasks under way fail as `died`. Safe to call twice."""
        with self._lock:
            self._closed = True
            children, self._idle = [*self._idle, *self._busy], []
        for child in children:
            child.kill()

    def _take(self) -> _Child:
        with self._lock:
            if self._closed:
                raise TaskFailed("pool", "closed")
            child = self._idle.pop() if self._idle else _Child(self._context, self._memory)
            self._busy.add(child)
        return child

    def _give_back(self, child: _Child) -> None:
        with self._lock:
            self._busy.discard(child)
            if child.alive and child.done < self._tasks and not self._closed:
                self._idle.append(child)
                return
        child.kill()


class _Child:
    """One worker process and the pipe to it."""

    def __init__(self, context: ForkServerContext, memory: int) -> None:
        self._pipe, theirs = context.Pipe()
        self._process: BaseProcess = context.Process(target=_serve, args=(theirs, memory, os.getpid()), daemon=True)
        with _no_main_module():
            self._process.start()
        theirs.close()
        self.done = 0
        self.alive = True

    def call(self, function: Callable[..., Any], args: Any, kwargs: Any, timeout_s: float) -> Any:
        task = function.__name__
        try:
            self._pipe.send((function, args, kwargs))
            if not self._pipe.poll(timeout_s):
                self.kill()
                raise TaskFailed(task, "timeout")
            kind, value = self._pipe.recv()
        except (EOFError, BrokenPipeError, ConnectionResetError, pickle.UnpicklingError) as exc:
            self.kill()
            raise TaskFailed(task, "died") from exc
        self.done += 1
        if kind == "result":
            return value
        if kind == "refusal":
            raise value
        raise TaskFailed(task, value)

    def kill(self) -> None:
        self.alive = False
        with contextlib.suppress(ValueError, AttributeError):
            self._process.kill()
            self._process.join(5)
        self._pipe.close()


@contextlib.contextmanager
def _no_main_module() -> Iterator[None]:
    """multiprocessing runs the parent's own program again in every child it starts, for functions that are defined in
    it. No task is: of `sohoa` it was the whole command line, imported anew by each worker for 3.5 seconds."""
    with _STARTING:
        own = sys.modules["__main__"]
        sys.modules["__main__"] = ModuleType("__main__")
        try:
            yield
        finally:
            sys.modules["__main__"] = own


def _serve(pipe: Connection, memory: int, parent: int) -> None:
    """The life of a worker process: limits first, then one task after the other until the pipe closes."""
    _confine(memory, parent)
    while True:
        try:
            function, args, kwargs = pipe.recv()
        except (EOFError, OSError):
            return
        pipe.send(_outcome(function, args, kwargs))


def _outcome(function: Callable[..., Any], args: Any, kwargs: Any) -> tuple[str, Any]:
    try:
        return "result", function(*args, **kwargs)
    except SohoaError as exc:
        return "refusal", exc
    except MemoryError:
        return "failure", "memory"
    except Exception as exc:
        return "failure", f"raised:{type(exc).__name__}"


def _confine(memory: int, parent: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which drains first
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    threading.Thread(target=_die_with, args=(parent,), daemon=True).start()
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (LARGEST_FILE, LARGEST_FILE))
    os.umask(0o077)
    os.nice(NICE)


def _die_with(parent: int) -> None:
    """Ends this process when the one that uses it is gone; its death signal would be the fork server's, not its."""
    try:
        watched = os.pidfd_open(parent)
    except OSError:
        os._exit(1)
    select.select([watched], [], [])
    os._exit(1)
