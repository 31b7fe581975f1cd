"""A hostile task costs one worker process, not the service."""

from __future__ import annotations

import ctypes
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pipeline.workers import TaskFailed, WorkerPool
from registry.errors import RefusalCode, Refused


def double(value: int) -> int:
    return 2 * value


def hang() -> None:
    time.sleep(60)


def devour() -> int:
    return len(bytearray(4 << 30))


def crash() -> None:
    ctypes.string_at(0)


def refuse() -> None:
    raise Refused(RefusalCode.CORRUPT, "broken")


def surprise() -> None:
    raise RuntimeError("Nguyễn Văn A 001199000001")


@pytest.fixture
def pool() -> Iterator[WorkerPool]:
    made = WorkerPool(processes=2, memory_mb=1500)
    yield made
    made.close()


@pytest.mark.parametrize(("task", "reason"), [(hang, "timeout"), (crash, "died"), (devour, "memory")])
def test_what_misbehaves_is_ended_and_the_pool_goes_on(pool: WorkerPool, task: object, reason: str) -> None:
    with pytest.raises(TaskFailed) as failed:
        pool.run(task, timeout_s=2)  # type: ignore[arg-type]
    assert failed.value.reason == reason
    assert pool.run(double, 21, timeout_s=10) == 42


def test_a_refusal_comes_back_as_it_is(pool: WorkerPool) -> None:
    with pytest.raises(Refused) as refused:
        pool.run(refuse, timeout_s=10)
    assert refused.value.reason == RefusalCode.CORRUPT


def test_a_foreign_error_tells_its_kind_and_never_its_text(pool: WorkerPool) -> None:
    with pytest.raises(TaskFailed) as failed:
        pool.run(surprise, timeout_s=10)
    assert "RuntimeError" in str(failed.value)
    assert "Nguyễn" not in str(failed.value) and "001199" not in str(failed.value)


def test_more_callers_than_processes_all_get_their_answer(pool: WorkerPool) -> None:
    with ThreadPoolExecutor(8) as callers:
        answers = list(callers.map(lambda n: pool.run(double, n, timeout_s=10), range(20)))
    assert answers == [2 * n for n in range(20)]


def test_a_worker_does_not_run_its_parents_program_again(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text("""
import os
from pipeline.workers import WorkerPool
print("begun", flush=True)
if __name__ == "__main__":
    pool = WorkerPool(1, 1500)
    print(pool.run(os.getpid, timeout_s=30) != os.getpid(), flush=True)
    pool.close()
""")
    root = str(Path(__file__).parents[2])
    told = subprocess.run([sys.executable, str(program)], env={"PYTHONPATH": root}, capture_output=True, check=True)
    assert told.stdout.decode().split() == ["begun", "True"]
