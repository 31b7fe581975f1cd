"""The small form of tests/faults/kills.py; `make faults` runs the long one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.kills import run


@pytest.mark.slow
def test_kill_nine_loses_nothing_and_doubles_nothing(tmp_path: Path) -> None:
    outcome = run(tmp_path / "home", kills=6, files=12, seed=11)
    assert outcome["problems"] == []
    assert outcome["archived"] == 11 and outcome["quarantined"] == 1
