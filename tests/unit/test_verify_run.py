"""A verification of the whole archive: every record once, in order, however often it is stopped."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.verify_run import AHEAD, AT_ONCE, Run, RunHead, head_of, verify_all
from app.wiring import Wiring
from archive.aip import iter_records
from config.settings import load_settings
from pipeline.verification import Finding, VerificationReport
from registry import audit
from registry.database import read
from registry.errors import Conflict
from registry.values import Verdict
from tests.unit.filled import filled_home

NUMBER = 45


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return filled_home(tmp_path_factory.mktemp("whole"), NUMBER)


@pytest.fixture
def wiring(home: Path) -> Iterator[Wiring]:
    opened = Wiring(load_settings(home))
    yield opened
    opened.close()


def test_a_run_that_is_stopped_goes_on_where_it_was(home: Path, wiring: Wiring, tmp_path: Path) -> None:
    class Stopped(Exception):
        pass

    def stop(_number: int) -> None:
        raise Stopped

    with Run.open(tmp_path, head_of(wiring)) as run, pytest.raises(Stopped):
        verify_all(wiring, run, actor="an", progress=stop)
    with run.path.open("ab") as stream:
        stream.write(b'{"id": "cut off in the mid')  # killed while a line was written
    again = Wiring(load_settings(home))
    done: list[int] = []
    with Run.open(tmp_path, head_of(again)) as run:
        assert run.resumed and sum(run.counted.values()) == AT_ONCE
        end = verify_all(again, run, actor="an", progress=done.append)
        found = [report.document_id for report in run.reports()]
    assert sum(done) == NUMBER - AT_ONCE and max(done) <= AT_ONCE and AHEAD > 1
    assert (end.records, end.verdicts) == (NUMBER, {Verdict.PASSED: NUMBER})
    assert found == list(iter_records(again.store)), "each once, in the order of the store"
    with read(again.engine) as conn:
        assert audit.count(conn, "verify-all") == 1 and not audit.verify(conn)
    again.close()
    with Run.open(tmp_path, head_of(wiring)) as run:
        assert not run.resumed, "a run that is finished is not gone on with"


HEAD = RunHead(started_at="2026-11-28T05:00:00", trust_version=1, anchors=1, policy="2026.1", tools={})
LATER = HEAD.model_copy(update={"started_at": "2026-11-28T06:00:00"})


def test_only_what_asks_the_same_is_gone_on_with(tmp_path: Path) -> None:
    with Run.open(tmp_path, HEAD) as run:
        first = run.path
    with Run.open(tmp_path, LATER) as run:
        assert run.path == first and run.resumed and run.head == HEAD
    with Run.open(tmp_path, LATER, anew=True) as run:
        assert run.path != first and not run.resumed
    with Run.open(tmp_path, LATER.model_copy(update={"started_at": "7", "trust_version": 2})) as run:
        assert not run.resumed
    assert json.loads(first.read_text())["started_at"] == "2026-11-28T05:00:00"


def test_a_second_run_is_refused_and_touches_nothing_of_the_first(tmp_path: Path) -> None:
    with Run.open(tmp_path, HEAD) as run:
        run.add([found(n) for n in range(3)])
        assert run._stream is not None
        run._stream.write(b'{"id": "half of a li')  # as a second process may find it
        run._stream.flush()
        before = run.path.read_bytes()
        for anew in (False, True):
            with pytest.raises(Conflict), Run.open(tmp_path, LATER, anew=anew):
                pass
        assert run.path.read_bytes() == before and list(tmp_path.glob("*.jsonl")) == [run.path]


@pytest.mark.parametrize("damage", [b"\0" * 80 + b"\n", b'{"id": 1,\n', b'{"id": "\xff"}\n', b"[]\n", b'{"id": "x"}\n'])
def test_a_run_goes_on_before_the_first_line_that_cannot_be_read(tmp_path: Path, damage: bytes) -> None:
    with Run.open(tmp_path, HEAD) as run:
        run.add([found(0), found(1)])
    with run.path.open("ab") as stream:
        stream.write(damage)
    with Run.open(tmp_path, LATER) as run:
        assert run.resumed and run.last == found(1).document_id
        run.add([found(2)])
        assert list(run.reports()) == [found(0), found(1), found(2)]


def found(number: int) -> VerificationReport:
    check = Finding(name="fixity", ok=True, detail="Khớp")
    at = datetime(2026, 11, 28, 5, tzinfo=UTC)
    return VerificationReport(document_id=f"{number:032}", verdict=Verdict.PASSED, checks=(check,), at=at)
