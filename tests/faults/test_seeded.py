"""The short forms of tests/faults/seeded.py: each kind of fault where it matters; `make faults` runs the long ones."""

from __future__ import annotations

import pytest

from tests.faults.installation import Installation
from tests.faults.kinds import KINDS, Kind
from tests.faults.seeded import suffer

ON_ONE_MACHINE = (
    "kill -9 of everything", "kill -9 at a step", "kill -9 at a step", "disk full: home", "disk full: vault",
    "kill -9 at a step", "disk full: inbox", "disk full: done", "disk full: quarantine", "disk full: index",
    "clock jump", "share away", "kill -9 of a reader", "page hangs", "freeze", "tsa: black hole", "tsa: lose reply",
    "half-written file", "kill -9 at random",
)  # fmt: skip
ON_MANY_MACHINES = (
    "kill -9 at random", "postgres: down", "postgres: lose reply", "kill -9: postgres", "s3: down", "s3: lose reply",
    "s3: reset", "s3: error", "kill -9: s3", "elasticsearch: down", "elasticsearch: error", "postgres: black hole",
    "s3: black hole", "postgres: error", "s3: slow", "kill -9 at a step", "kill -9 of everything",
)  # fmt: skip


@pytest.mark.slow
def test_one_machine_loses_and_doubles_nothing_whatever_breaks(embedded: Installation) -> None:
    holds(embedded, ON_ONE_MACHINE, seed=11)


@pytest.mark.slow
def test_many_machines_lose_and_double_nothing_whatever_breaks(grown: Installation) -> None:
    holds(grown, ON_MANY_MACHINES, seed=12)


def holds(at: Installation, names: tuple[str, ...], *, seed: int) -> None:
    outcome = suffer(at, [kind(name) for name in names], seed=seed)
    assert outcome["problems"] == [], outcome
    assert outcome["files"] >= 12 and outcome["archived"] >= 10, "the faults met work, on a busy machine too"


def kind(name: str) -> Kind:
    return next(k for k in KINDS if k.name == name)
