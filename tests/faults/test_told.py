"""A fault that lasts is on the screen, in the balancer's answer and in `sohoa doctor`; once over, it is gone."""

from __future__ import annotations

import html
import time
from collections.abc import Callable
from contextlib import ExitStack

import httpx
import pytest

from config.messages import sentence
from tests.faults.installation import Installation
from tests.faults.proxy import Behaviour

PATIENCE_S = 120.0


@pytest.mark.slow
def test_what_is_down_is_told_by_name_and_no_longer_than_it_lasts(grown: Installation) -> None:
    down = {"tsa": "tsa", "s3": "store", "elasticsearch": "index"}
    told = {*down.values(), "disk", "workers"}
    with ExitStack() as faults:
        for server in down:
            faults.enter_context(grown.proxies[server].during(Behaviour.DOWN))
        faults.enter_context(grown.disks["quarantine"].full())
        for name in ("worker-1", "worker-2"):
            grown.programs[name].stop()
            faults.callback(grown.programs[name].start)
        grown.programs["web"].kill(tree=True)  # asks all at its start; a TSA is asked only every few minutes else
        wait(grown, lambda: not told - alarms(grown), lambda: f"the banner to name {told - alarms(grown)}")
        assert doubts(grown) >= told
        assert readiness(grown) == 503
    wait(grown, lambda: not alarms(grown) & told, lambda: f"{alarms(grown)} to leave the banner")
    wait(grown, lambda: readiness(grown) == 200, lambda: "the balancer's answer")
    assert not doubts(grown) & told


@pytest.mark.slow
def test_a_database_that_is_down_is_told_though_nobody_can_be_looked_up(grown: Installation) -> None:
    wait(grown, lambda: readiness(grown) == 200, lambda: "the balancer's answer")
    with grown.proxies["postgres"].during(Behaviour.DOWN):
        wait(grown, lambda: "registry" in alarms(grown), lambda: "the banner to name the registry")
        assert readiness(grown) == 503
        assert "registry" in doubts(grown)
    wait(grown, lambda: readiness(grown) == 200 and "registry" not in alarms(grown), lambda: "the registry to be back")


def alarms(at: Installation) -> set[str]:
    """Which checks the banner of every page names."""
    page = html.unescape(httpx.get(f"{at.web}/status/banner", timeout=20).text)
    names = ("registry", "store", "index", "folders", "inbox", "disk", "tsa", "clock", "work", "workers")
    return {name for name in names if sentence(f"health-{name}") in page}


def doubts(at: Installation) -> set[str]:
    """Which checks `sohoa doctor` finds wanting; each says what to do."""
    wanting = [check for check in at.sohoa("doctor")["checks"] if not check["ok"]]
    assert all(check["fix"] for check in wanting)
    return {check["name"] for check in wanting}


def readiness(at: Installation) -> int:
    return httpx.get(f"{at.web}/readyz", timeout=20).status_code


def wait(at: Installation, done: Callable[[], bool], what: Callable[[], str]) -> None:
    until = time.monotonic() + PATIENCE_S
    while True:
        try:
            if done():
                return
        except httpx.TransportError:  # the pages are just starting, or found their port taken for a moment
            at.programs["web"].watch_over()
        assert time.monotonic() < until, f"waited too long for {what()}"
        time.sleep(0.3)
