"""Who starts next, who is given up, and what becomes of work that nobody does any more. On a real workflow database."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from sqlalchemy import Engine

from pipeline import dispatch as dispatching
from pipeline import workflow
from pipeline.crew import LOST_AFTER_S, Crew, worker_name
from pipeline.dispatch import Dispatch, digitising
from pipeline.turns import LEFT_BEHIND, Turns
from pipeline.workshop import Workshop
from registry import scans, workers
from registry.database import open_registry, read, write
from registry.scans import ScanRow
from registry.values import ScanId, ScanState, utc_now

DESK, BACK_FILE = 0, 10


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'registry.sqlite'}"


@pytest.fixture
def engine(url: str) -> Iterator[Engine]:
    made = open_registry(url)
    yield made
    made.dispose()


@pytest.fixture
def dispatch(url: str) -> Iterator[Dispatch]:
    made = Dispatch(url)
    yield made
    made.close()


@pytest.fixture
def shop(engine: Engine) -> Workshop:
    told = SimpleNamespace(workers=SimpleNamespace(processes=1))
    return cast(Workshop, SimpleNamespace(engine=engine, settings=told))


def claim(engine: Engine, number: int, unit: str = "H99.32", priority: int = DESK) -> ScanRow:
    with write(engine) as conn:
        made = scans.claim(
            conn, sha256=f"{unit}{number:06d}", unit=unit, dossier_code=None, component_code=None,
            source_path=f"/inbox/{number}", file_name=f"{number}.pdf", size_bytes=1, claimed_by="test",
            priority=priority,
        )  # fmt: skip
        scans.update(conn, made.scan.id, staged_path=f"/work/{number}")
        return scans.get(conn, made.scan.id)


def handed_out(dispatch: Dispatch) -> set[str]:
    return {name.removeprefix("digitise-")[:36] for name in dispatch.under_way()}


def attempt(engine: Engine, scan: ScanRow) -> int:
    with read(engine) as conn:
        return scans.get(conn, scan.id).attempt


def on_the_queue(tmp_path: Path, sql: str, *values: object) -> Any:
    with sqlite3.connect(tmp_path / "workflows.sqlite") as db:
        return db.execute(sql, values).fetchall()


def test_units_take_turns_and_a_flood_is_handed_out_in_short_stretches(
    engine: Engine, shop: Workshop, dispatch: Dispatch
) -> None:
    flood = [claim(engine, n, "H99.32") for n in range(40)]
    few = [claim(engine, n, "H99.33") for n in range(3)]
    Turns(shop, dispatch).start_waiting()
    started = handed_out(dispatch)
    assert len(started) == 8
    assert {s.id for s in few} <= started, "who came later with little is not behind the flood"
    assert len(started & {s.id for s in flood}) == 5


def test_the_desk_overtakes_a_full_queue_of_the_back_file(
    engine: Engine, shop: Workshop, dispatch: Dispatch, tmp_path: Path
) -> None:
    for n in range(30):
        claim(engine, n, priority=BACK_FILE)
    turns = Turns(shop, dispatch)
    turns.start_waiting()
    urgent = claim(engine, 99, priority=DESK)
    turns.start_waiting()
    first = on_the_queue(tmp_path, "SELECT workflow_uuid FROM workflow_status ORDER BY priority, created_at LIMIT 1")
    assert first == [(digitising(urgent.id, 1),)]


def test_what_nobody_works_on_any_more_is_started_anew(engine: Engine, shop: Workshop, dispatch: Dispatch) -> None:
    scan, turns = claim(engine, 1), Turns(shop, dispatch)
    turns.start_waiting()
    [work] = dispatch.under_way().values()
    dispatch.give_up(work)  # as after an error that could not even be written down
    for _ in range(LEFT_BEHIND - 1):
        turns.start_waiting()
    assert attempt(engine, scan) == 1, "a moment's gap between two reads is no reason"
    for _ in range(2):
        turns.start_waiting()
    assert attempt(engine, scan) == 2
    assert set(dispatch.under_way()) == {digitising(scan.id, 2)}
    for _ in range(3 * LEFT_BEHIND):
        turns.start_waiting()
    assert attempt(engine, scan) == 2, "what waits in the queue is not left behind"


def test_a_scan_whose_reading_ended_in_the_middle_is_started_anew(
    engine: Engine, shop: Workshop, dispatch: Dispatch
) -> None:
    scan, turns = claim(engine, 1), Turns(shop, dispatch)
    with write(engine) as conn:
        scans.update(conn, scan.id, state=ScanState.IDENTIFIED)
    for _ in range(LEFT_BEHIND + 2):
        turns.start_waiting()
    assert set(dispatch.under_way()) == {digitising(scan.id, 2)}


def test_work_of_a_version_that_nobody_runs_is_started_anew(
    engine: Engine, shop: Workshop, dispatch: Dispatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    scan = claim(engine, 1)
    with monkeypatch.context() as before:
        before.setattr(dispatching, "APPLICATION_VERSION", "before")
        dispatch.start_digitising(ScanId(scan.id), 1, DESK)
    register(engine, "old", version="before")
    turns = Turns(shop, dispatch)
    for _ in range(LEFT_BEHIND + 2):
        turns.start_waiting()
    assert set(dispatch.under_way()) == {digitising(scan.id, 1)}, "an old worker lives and will do it"
    with write(engine) as conn:
        workers.set_state(conn, "old", "stopped")
    for _ in range(LEFT_BEHIND + 2):
        turns.start_waiting()
    assert set(dispatch.under_way()) == {digitising(scan.id, 2)}


def register(engine: Engine, instance: str, version: str = dispatching.APPLICATION_VERSION) -> None:
    with write(engine) as conn:
        workers.register(conn, instance=instance, role="worker", host="h", version=version)


def running_at(tmp_path: Path, instance: str) -> None:
    on_the_queue(tmp_path, "UPDATE workflow_status SET status = 'PENDING', executor_id = ?", instance)


def executors(dispatch: Dispatch) -> set[str | None]:
    return {work.executor for work in dispatch.under_way().values()}


def test_work_of_one_that_stands_still_goes_back_to_the_queue(
    engine: Engine, shop: Workshop, dispatch: Dispatch, tmp_path: Path
) -> None:
    dispatch.start_digitising(ScanId(claim(engine, 1).id), 1, DESK)
    register(engine, "other")
    running_at(tmp_path, "other")
    crew = Crew(shop, dispatch, instance="me", role="worker")
    crew.look_around(100.0)
    with write(engine) as conn:
        assert workers.beat(conn, "other")
    crew.look_around(100.0 + LOST_AFTER_S)
    crew.look_around(100.0 + 2 * LOST_AFTER_S)
    assert executors(dispatch) == {"other"}, "it has beaten meanwhile"
    crew.look_around(101.0 + 2 * LOST_AFTER_S)
    assert executors(dispatch) == {None}
    with write(engine) as conn:
        assert not workers.beat(conn, "other"), "one that wakes up again learns that it was given up"


def test_work_of_one_that_stopped_is_taken_over_at_once(
    engine: Engine, shop: Workshop, dispatch: Dispatch, tmp_path: Path
) -> None:
    dispatch.start_digitising(ScanId(claim(engine, 1).id), 1, DESK)
    register(engine, "other")
    running_at(tmp_path, "other")
    with write(engine) as conn:
        workers.set_state(conn, "other", "stopped")
    Crew(shop, dispatch, instance="me", role="worker").look_around(1.0)
    assert executors(dispatch) == {None}


def test_one_that_was_given_up_decides_nothing_more(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[str] = []
    monkeypatch.setattr("pipeline.crew._end_now", lambda: ended.append("ended"))
    monkeypatch.setattr(workflow, "_shop", SimpleNamespace(engine=engine))
    monkeypatch.setattr(workflow, "_instance", "me")
    scan = claim(engine, 1)
    register(engine, "me")
    workflow.stall_scan(scan.id, "storage")
    assert not ended
    with write(engine) as conn:
        assert workers.give_up(conn, "me", 1)
    workflow.stall_scan(scan.id, "storage")
    assert ended == ["ended"]


def test_two_who_notice_a_death_take_over_once(engine: Engine, dispatch: Dispatch, tmp_path: Path) -> None:
    dispatch.start_digitising(ScanId(claim(engine, 1).id), 1, DESK)
    running_at(tmp_path, "gone")
    [work] = dispatch.under_way().values()
    assert dispatch.take_over(work)
    running_at(tmp_path, "living")
    assert not dispatch.take_over(work), "it has a living executor by now"
    assert executors(dispatch) == {"living"}


def test_a_worker_has_the_same_name_again_and_never_anothers(tmp_path: Path) -> None:
    with worker_name(tmp_path) as first, worker_name(tmp_path) as second:
        assert first != second
    with worker_name(tmp_path) as again:
        assert again == first


def test_workflows_that_ended_long_ago_are_forgotten_and_those_under_way_are_not(
    engine: Engine, shop: Workshop, dispatch: Dispatch, tmp_path: Path
) -> None:
    ended, waiting = claim(engine, 1), claim(engine, 2)
    Turns(shop, dispatch).start_waiting()
    dispatch.give_up(dispatch.under_way()[digitising(ended.id, 1)])

    assert dispatch.forget_ended(utc_now() - timedelta(days=1)) == 0, "what has just ended stays"
    assert dispatch.forget_ended(utc_now() + timedelta(minutes=1)) == 1
    assert set(dispatch.under_way()) == {digitising(waiting.id, 1)}
    assert on_the_queue(tmp_path, "SELECT count(*) FROM workflow_status") == [(1,)]
    assert on_the_queue(tmp_path, "SELECT count(*) FROM workflow_input") == [(1,)]
