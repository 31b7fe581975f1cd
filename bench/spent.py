"""What a command costs, with every process that it starts: seconds, processor seconds, the largest process's memory.

    python bench/spent.py TOLD.json COMMAND…

Run as a program of its own, and a small one: a process counts the memory of the one it was forked from as its own. It
adopts whatever its descendants leave behind (the fork server of a worker pool outlives those who asked for it), so that
nobody's processor time is lost. Imports nothing but the standard library.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

PR_SET_CHILD_SUBREAPER = 36
LINGER_S = 20
"""What still runs so long after the command itself ended is killed."""


@dataclass(frozen=True, slots=True)
class Spent:
    """code: how the command ended. wall_s: until it did. cpu_s: user and system, of all processes together. peak_mib:
    the largest resident set that any one of them had, shared pages counted."""

    code: int
    wall_s: float
    cpu_s: float
    peak_mib: float

    def __add__(self, other: Spent) -> Spent:
        return Spent(
            self.code or other.code,
            self.wall_s + other.wall_s,
            self.cpu_s + other.cpu_s,
            max(self.peak_mib, other.peak_mib),
        )


NOTHING = Spent(0, 0.0, 0.0, 0.0)


def spent(command: Sequence[str], *, environment: Mapping[str, str], out: Path, log: Path, longest_s: float) -> Spent:
    """Runs the command; its standard output is `out`, what it says beside it is added to `log`.

    A command that takes longer is killed, and counted as failed with what it had cost.
    """
    told = out.with_name(f"{out.name}.spent")
    with out.open("wb") as output, log.open("ab") as errors:
        meter = [sys.executable, "-I", __file__, str(told), str(longest_s), *command]
        subprocess.run(meter, stdin=subprocess.DEVNULL, stdout=output, stderr=errors, env=dict(environment), check=True)
    return Spent(**json.loads(told.read_text()))


def _metered(command: Sequence[str], longest_s: float) -> Spent:
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    signal.signal(signal.SIGALRM, _end_children)
    began = time.monotonic()
    first = subprocess.Popen(command)
    signal.setitimer(signal.ITIMER_REAL, longest_s, 1.0)
    code, wall, cpu, peak = 1, 0.0, 0.0, 0
    while True:
        try:
            pid, status, used = os.wait4(-1, 0)
        except ChildProcessError:
            break
        cpu += used.ru_utime + used.ru_stime
        peak = max(peak, used.ru_maxrss)
        if pid == first.pid:
            code, wall = os.waitstatus_to_exitcode(status), time.monotonic() - began
            signal.setitimer(signal.ITIMER_REAL, LINGER_S, 1.0)
    return Spent(code, wall, cpu, peak / 1024)


def _end_children(_number: int, _frame: object) -> None:
    """Each time once more: the children of those that were killed are then ours."""
    for pid in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split():
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(pid), signal.SIGKILL)


def main() -> None:
    found = _metered(sys.argv[3:], float(sys.argv[2]))
    told = {name: getattr(found, name) for name in Spent.__slots__}
    Path(sys.argv[1]).write_text(json.dumps(told))


if __name__ == "__main__":
    main()
