"""Five thousand files at once: nobody at the desk waits for them, memory stays bounded, each is accounted for."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.checker import findings, finish, settled
from tests.faults.feeder import hand_in
from tests.faults.inputs import Input, paper, slip
from tests.faults.installation import Installation

COPIES, BROKEN, PAPERS = 4900, 80, 20
FIRST = 90_000
"""Numbers of inputs that no other test uses."""
PATIENCE_S = 240.0
MORE_MEMORY_MB = 200


@pytest.mark.slow
def test_a_flood_holds_up_nobody_at_the_desk(embedded: Installation) -> None:
    known = Input("goc.jpg", slip(FIRST), sound=True)
    give(embedded, known)
    wait(lambda: settled(embedded) >= len(embedded.given), "the first of the copies")
    flood = make_flood(embedded, known)
    at_rest = embedded.programs["run"].memory_mb()
    flood.rename(embedded.inbox / "ton-dong")
    wait(lambda: left(embedded) < COPIES + BROKEN + PAPERS, "the flood to be noticed")
    urgent = Input("gap.pdf", paper(FIRST + 1), sound=True)
    give(embedded, urgent)
    began, most = time.monotonic(), at_rest
    while not archived(embedded, urgent):
        assert time.monotonic() < began + PATIENCE_S, "the citizen waits too long"
        time.sleep(0.1)
    assert left(embedded) > 0 or backlog(embedded) > 0, "the desk was served before the flood was over"
    until = time.monotonic() + PATIENCE_S
    while left(embedded) and time.monotonic() < until:
        most = max(most, embedded.programs["run"].memory_mb())
        time.sleep(0.3)
    assert most - at_rest < MORE_MEMORY_MB
    assert finish(embedded, PATIENCE_S) + findings(embedded)["problems"] == []
    assert len(list((embedded.home / "done").rglob("*sao-*"))) == COPIES, "every copy is kept as what it is"


def make_flood(at: Installation, known: Input) -> Path:
    folder = at.inbox.parent / "flood"
    folder.mkdir()
    for n in range(COPIES):
        (folder / f"sao-{n:04d}.jpg").write_bytes(known.content)
    news = [Input(f"hong-{n}.pdf", b"%%PDF-1.7\n%d" % (FIRST + n), sound=False) for n in range(BROKEN)]
    news += [Input(f"cu-{n}.pdf", paper(FIRST + 10 + n), sound=True) for n in range(PAPERS)]
    for one in news:
        (folder / one.name).write_bytes(one.content)
    at.given.extend(news)
    return folder


def give(at: Installation, one: Input) -> None:
    assert hand_in(one, at.inbox, random.Random(0))
    at.given.append(one)


def left(at: Installation) -> int:
    """Files of the flood that are still in the inbox."""
    return sum(1 for path in (at.inbox / "ton-dong").rglob("*") if path.is_file())


def backlog(at: Installation) -> int:
    return len(at.given) - settled(at)


def archived(at: Installation, one: Input) -> bool:
    query = "SELECT count(*) AS n FROM scans WHERE sha256 = :sha256 AND state = 'done'"
    return bool(at.rows(query, sha256=one.sha256)[0]["n"])


def wait(done: Callable[[], bool], what: str) -> None:
    until = time.monotonic() + PATIENCE_S
    while not done():
        assert time.monotonic() < until, f"waited too long for {what}"
        time.sleep(0.1)
