"""A verification of the whole archive: every record once, in order, however often it is stopped."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.setup import initialise
from app.verify_run import AHEAD, AT_ONCE, Run, RunHead, head_of, verify_all
from app.wiring import Wiring
from archive.aip import iter_records
from bench.verifying import AGENCY, fill, signed
from config.settings import load_settings
from registry import audit
from registry.database import read
from registry.errors import Conflict
from registry.values import Verdict

NUMBER = 45


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("whole")
    initialise(folder / "home", demo=False, agency=AGENCY)
    wiring = Wiring(load_settings(folder / "home"))
    fill(wiring, [signed(wiring, folder, 0)], 0, NUMBER)
    wiring.close()
    return folder / "home"


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


def test_only_what_asks_the_same_is_gone_on_with_and_by_one_alone(tmp_path: Path) -> None:
    head = RunHead(started_at="2026-11-28T05:00:00", trust_version=1, anchors=1, policy="2026.1", tools={})
    with Run.open(tmp_path, head) as run:
        later = head.model_copy(update={"started_at": "2026-11-28T06:00:00"})
        assert Run.open(tmp_path, later).path == run.path
        with pytest.raises(Conflict), Run.open(tmp_path, later):
            pass
        assert Run.open(tmp_path, later.model_copy(update={"trust_version": 2})).path != run.path
        assert Run.open(tmp_path, later, anew=True).path != run.path
    assert json.loads(run.path.read_text())["started_at"] == "2026-11-28T05:00:00"
