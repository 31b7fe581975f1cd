"""Killed at any call between two files in the inbox and the end of their scan: each file ends once, in one place."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from app.setup import initialise
from app.wiring import Wiring, opened
from pipeline import intake, settling, steps, two_passes
from pipeline.reconcile import reconcile
from registry import quarantine, scans
from registry.database import read, write
from registry.errors import Refused
from registry.values import ScanId, ScanState
from tests.faults.inputs import paper
from tests.faults.programs import Program
from tests.integration.test_parts import blank, bundle
from tests.integration.test_two_passes import drop, listed
from tests.servers import free_port

pytestmark = pytest.mark.slow
WATCHED = ("intake.py", "two_passes.py", "landing.py", "settling.py", "quarantine.py", "scans.py", "audit.py")


class Killed(BaseException):
    """Nothing catches it, and what was written so far stays."""


@pytest.fixture(scope="module")
def wiring(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wiring]:
    home = tmp_path_factory.mktemp("passes") / "home"
    initialise(home, demo=False, agency="UBND thử nghiệm")
    with opened(home) as wiring:
        yield wiring


def stopped_at(call: int, work: Callable[[], object]) -> bool:
    """Whether the work was stopped at its call of this number."""
    left = call

    def count(frame: FrameType, event: str, _: Any) -> None:
        nonlocal left
        code = frame.f_code
        if event == "call" and Path(code.co_filename).name in WATCHED and code.co_name.isidentifier():
            left -= 1
            if left == 0:
                raise Killed

    sys.setprofile(count)
    try:
        work()
    except Killed:
        return True
    finally:
        sys.setprofile(None)
    return False


def once(wiring: Wiring, end: Callable[[Wiring, ScanId], None]) -> None:
    """What the watch and the workers do with what they find, from the start of the program on."""
    found = listed(wiring)
    for _, scan_id in found.known:
        two_passes.see_again(wiring.workshop, scan_id)
    for pair in found.pairs:
        two_passes.take_pair(wiring.workshop, pair, actor="inbox")
    with read(wiring.engine) as conn:
        waiting = [s for state in (ScanState.CLAIMED, ScanState.IDENTIFIED) for s in scans.by_state(conn, state)]
    for scan in waiting:
        if scan.staged_path:
            end(wiring, scan.id)


def refused(wiring: Wiring, scan_id: ScanId) -> None:
    try:
        steps.identify_scan(wiring.workshop, scan_id)
    except Refused as refusal:
        settling.set_scan_aside(wiring.workshop, scan_id, refusal.reason, refusal.detail)


def archived(wiring: Wiring, scan_id: ScanId) -> None:
    """As after archiving: only then the sources leave."""
    with write(wiring.engine) as conn:
        scans.update(conn, scan_id, state=ScanState.DONE)
    intake.release(wiring.workshop, scan_id)


def lying(wiring: Wiring, folder: str) -> list[bytes]:
    return sorted(p.read_bytes() for p in wiring.folder(folder).rglob("*.pdf"))


def test_unequal_passes_end_in_quarantine_once_each(wiring: Wiring) -> None:
    for call in range(1, 1000, 2):
        fronts, backs = bundle(paper(10_000 + call)), bundle(paper(20_000 + call), paper(30_000 + call))
        drop(wiring, f"hai-luot/{call}/truoc.pdf", fronts), drop(wiring, f"hai-luot/{call}/sau.pdf", backs)
        killed = stopped_at(call, lambda: once(wiring, refused))
        once(wiring, refused)
        once(wiring, refused)
        assert not lying(wiring, "inbox")
        with read(wiring.engine) as conn:
            items = quarantine.open_items(conn)
        kept = [Path(item.kept_path).read_bytes() for item in items]
        assert kept.count(fronts) == kept.count(backs) == 1
        if not killed:
            assert call > 80, "the kills came where the work is"
            assert not reconcile(wiring).counted
            return


def test_archived_passes_leave_once_each_and_no_half_meets_the_next_file(wiring: Wiring) -> None:
    for call in range(1, 1000, 2):
        fronts, backs = bundle(paper(40_000 + call)), bundle(paper(50_000 + call))
        drop(wiring, f"hai-luot/{call}/truoc.pdf", fronts), drop(wiring, f"hai-luot/{call}/sau.pdf", backs)
        killed = stopped_at(call, lambda: once(wiring, archived))
        following = drop(wiring, f"hai-luot/{call}/ke-tiep.pdf", b"%PDF-1.7 " + fronts)
        once(wiring, archived)
        once(wiring, archived)
        done = lying(wiring, "done")
        assert done.count(fronts) == done.count(backs) == 1
        assert [w.path for w in listed(wiring).waiting] == [following], "it waits for its own other side"
        following.unlink()
        if not killed:
            assert call > 60
            return


def test_a_claim_whose_copies_were_not_noted_goes_on(wiring: Wiring) -> None:
    drop(wiring, "hai-luot/truoc.pdf", bundle(paper(61_001))), drop(wiring, "hai-luot/sau.pdf", bundle(paper(61_002)))
    [pair] = listed(wiring).pairs
    scan = two_passes.take_pair(wiring.workshop, pair, actor="inbox").scan_id or ScanId("")
    with write(wiring.engine) as conn:
        scans.update(conn, scan, staged_path=None)
    wiring.workshop.staged_pass(scan, 2).unlink()
    assert not listed(wiring).pairs and not listed(wiring).waiting
    once(wiring, archived)
    with read(wiring.engine) as conn:
        assert scans.get(conn, scan).state == ScanState.DONE
    assert not lying(wiring, "inbox")


def test_kill_9_again_and_again_while_it_runs(tmp_path: Path) -> None:
    home = tmp_path / "home"
    initialise(home, demo=False, agency="UBND thử nghiệm")
    environment = {"SOHOA_INTAKE__QUIET_S": "0.3", "SOHOA_WEB__PORT": str(free_port()), "OMP_THREAD_LIMIT": "1"}
    run = Program("run", ["run", "--home", str(home)], environment, tmp_path / "run.log")
    whole = [(bundle(paper(70_000 + n)), bundle(blank())) for n in range(4)]
    unequal = bundle(paper(71_001)), bundle(paper(71_002), blank())
    run.start()
    try:
        with opened(home) as wiring:
            for number, (fronts, backs) in enumerate((*whole, unequal)):
                drop(wiring, f"hai-luot/{number}/truoc.pdf", fronts)
                time.sleep(1.0)
                drop(wiring, f"hai-luot/{number}/sau.pdf", backs)
                time.sleep(2.5)
                run.kill(tree=True)
            deadline = time.monotonic() + 150
            while lying(wiring, "inbox") and time.monotonic() < deadline:
                time.sleep(0.5)
            assert not lying(wiring, "inbox")
            assert lying(wiring, "done") == sorted(file for pair in whole for file in pair)
            assert lying(wiring, "quarantine") == sorted(unequal)
            assert not reconcile(wiring).counted
            with read(wiring.engine) as conn:
                assert [len(scans.by_state(conn, s)) for s in (ScanState.DONE, ScanState.QUARANTINED)] == [4, 1]
    finally:
        run.stop()
