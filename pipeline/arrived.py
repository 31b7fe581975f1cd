"""What arrives signed: archived as it came, judged before anybody relies on it, read from a picture of itself.

A signature that is weaker than ours would be is left as it is: raising it would change the file. Who wants more proof
of it adds that beside the file.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pipeline.refusals import refusal_of
from pipeline.twin import render_twin, write_search_copy
from pipeline.workers import TaskFailed
from pipeline.workshop import Workshop
from registry.errors import WorkerFailed
from registry.scans import ScanRow
from registry.values import Arrived, Event, PageQuality, PageText, Quality, ScanId, Verdict
from signing.arrived import judge_arrived, not_judged

SIGNED = "signed"
"""The warning of intake that says so."""
JUDGING_S = 120.0
"""What validating all signatures of one file may take."""
DRAWING_S = 5.0
"""What drawing or writing one page may take, and the file itself five times as much."""
OUTCOMES = {Verdict.PASSED: "success", Verdict.INDETERMINATE: "indeterminate", Verdict.FAILED: "failure"}


def came_signed(scan: ScanRow) -> bool:
    """Whether identification found a signature in it."""
    return SIGNED in scan.warnings


def twin_of(shop: Workshop, scan: ScanRow) -> Path:
    """The signed file as pictures, on the scan's bench; made once. Raises Refused, WorkerFailed."""
    target = shop.scan_bench(ScanId(scan.id)) / "twin.pdf"
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        told = (shop.staged_scan(ScanId(scan.id)), target, shop.settings.intake.max_pixels)
        try:
            shop.pool.run(render_twin, *told, timeout_s=_patience(scan))
        except WorkerFailed as exc:
            raise refusal_of(exc) from exc
    return target


def unscanned(page: PageText) -> PageText:
    """The page of a twin: nobody can scan it again, so nobody is asked to."""
    return page.model_copy(update={"quality": PageQuality(quality=Quality.GOOD)})


def judge(shop: Workshop, path: Path) -> Arrived:
    """The verdict on the file's signatures, from a worker process; INDETERMINATE when that dies of the file."""
    try:
        return shop.pool.run(judge_arrived, path, shop.station.trust, timeout_s=JUDGING_S)
    except TaskFailed as exc:
        if exc.reason == "closed":
            raise
        return not_judged(path)


def make_search_copy(shop: Workshop, scan: ScanRow, pages: Sequence[PageText], target: Path) -> bool:
    """Whether `target` is now a labelled copy for searching: one that cannot be made holds nothing up."""
    try:
        shop.pool.run(write_search_copy, twin_of(shop, scan), pages, target, timeout_s=_patience(scan))
    except TaskFailed as exc:
        if exc.reason == "closed":
            raise
        return False
    return True


def event_of(found: Arrived) -> Event:
    """The validation as an event: without the signer's name, which stands in metadata.json."""
    told = {"indication": str(found.verdict), "signatures": str(len(found.signatures)), "sha256": found.sha256}
    if found.sub_indication:
        told["sub_indication"] = found.sub_indication
    if levels := sorted({one.level for one in found.signatures if one.level}):
        told["levels"] = ", ".join(levels)
    return Event(type="validation", at=found.judged_at, agent="sohoa", outcome=OUTCOMES[found.verdict], detail=told)


def _patience(scan: ScanRow) -> float:
    return DRAWING_S * ((scan.page_count or 1) + 5)
