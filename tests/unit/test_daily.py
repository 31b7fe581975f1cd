"""What is due once a day is done once a day, by clocks that may jump, and hourly while something does not hold."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from sqlalchemy import Engine

from pipeline import backup, daily, disposal, fixity, reconcile, sealing
from pipeline.daily import AFTER_FAILURE_S, Daily
from pipeline.reconcile import Account, Reconciliation
from pipeline.workshop import Workshop
from registry import facts
from registry.database import open_registry, write
from registry.errors import PinNeeded, ServiceUnavailable
from registry.values import utc_now

done: list[str] = []
"""Chores that were carried out, by name."""


def account(*, ok: bool) -> dict[str, object]:
    told = Reconciliation(
        at="",
        took_s=0.0,
        total=Account(unit="", received=0),
        units=(),
        counted={} if ok else {"claim-lost": 1},
        differences=(),
    )
    return cast(dict[str, object], told.model_dump(mode="json"))


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    return open_registry(f"sqlite:///{tmp_path / 'registry.sqlite'}")


@pytest.fixture
def chores(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Daily:
    done.clear()

    def keep(name: str, value: object) -> None:
        done.append(name)
        with write(engine) as conn:
            facts.put(conn, name, value)

    monkeypatch.setattr(reconcile, "reconcile_and_keep", lambda _shop: keep(reconcile.FACT, account(ok=True)))
    monkeypatch.setattr(backup, "daily_backup", lambda _shop: keep(backup.FACT, {}))
    monkeypatch.setattr(sealing, "seal_log", lambda _shop, due: keep(sealing.FACT, {}))
    monkeypatch.setattr(Daily, "_site", lambda _self: None)
    monkeypatch.setattr(disposal, "learn_retention", lambda *_: 0)
    monkeypatch.setattr(disposal, "carry_out_approved", lambda _site: None)
    monkeypatch.setattr(fixity, "daily_share", lambda *_, **__: None)
    return Daily(cast(Workshop, SimpleNamespace(engine=engine, store=None)))


def jump(monkeypatch: pytest.MonkeyPatch, by: timedelta) -> datetime:
    at = utc_now() + by
    monkeypatch.setattr(daily, "utc_now", lambda: at)
    return at


def test_once_a_day(chores: Daily, monkeypatch: pytest.MonkeyPatch) -> None:
    chores.run_due(0.0)
    chores.run_due(60.0)
    assert done == [reconcile.FACT, backup.FACT, sealing.FACT]
    jump(monkeypatch, timedelta(hours=25))
    chores.run_due(120.0)
    assert done == 2 * [reconcile.FACT, backup.FACT, sealing.FACT]


def test_a_worker_seals_what_the_runner_could_not(
    chores: Daily, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A watch without the PIN leaves it alone; who knows it waits an hour for the runner, and does nothing else."""
    beside = Daily(cast(Workshop, SimpleNamespace(engine=engine, store=None)), standing_in=True)
    chores.run_due(0.0)
    chores_done, seal = list(done), sealing.seal_log

    def closed(_shop: object, due: object) -> None:
        raise PinNeeded("nobody typed it here")

    monkeypatch.setattr(sealing, "seal_log", closed)
    jump(monkeypatch, timedelta(hours=24, minutes=30))
    chores.run_due(60.0)
    assert done == [*chores_done, reconcile.FACT, backup.FACT]
    monkeypatch.setattr(sealing, "seal_log", seal)
    beside.run_due(0.0)
    assert done[-1] == backup.FACT, "the runner first"
    jump(monkeypatch, timedelta(hours=25, minutes=30))
    beside.run_due(60.0)
    assert done[len(chores_done) :] == [reconcile.FACT, backup.FACT, sealing.FACT]


def test_a_clock_set_back_by_years_does_not_stop_it(chores: Daily, monkeypatch: pytest.MonkeyPatch) -> None:
    chores.run_due(0.0)
    jump(monkeypatch, timedelta(days=-3000))
    chores.run_due(60.0)
    assert len(done) == 6


def test_hourly_while_something_does_not_hold(chores: Daily, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    chores.run_due(0.0)
    with write(engine) as conn:
        facts.put(conn, reconcile.FACT, account(ok=False))
    chores.run_due(60.0)
    assert len(done) == 3
    jump(monkeypatch, timedelta(minutes=61))
    chores.run_due(120.0)
    assert done[3:] == [reconcile.FACT]


def test_what_fails_is_due_again_in_an_hour_and_holds_up_nothing_else(
    chores: Daily, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[float] = []

    def fail(_shop: Workshop) -> None:
        tried.append(1)
        raise ServiceUnavailable("away")

    monkeypatch.setattr(reconcile, "reconcile_and_keep", fail)
    for now in (0.0, 60.0, AFTER_FAILURE_S - 1, AFTER_FAILURE_S + 1):
        chores.run_due(now)
    assert len(tried) == 2
    assert done == [backup.FACT, sealing.FACT]
