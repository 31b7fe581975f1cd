"""Two passes of a scanner that sees one side: one scan of both, both kept as they came, and nothing hangs on where it
stops."""

from __future__ import annotations

import hashlib
import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pikepdf
import pytest
from rich.console import Console

from app.lost_work import settle
from app.rebuild import rebuild_registry
from app.setup import initialise
from app.wiring import Wiring, opened
from archive.aip import iter_records, open_file, read_record
from archive.fixity import audit
from archive.scans import open_original, original_digests, read_scan
from pipeline import intake, parting, settling, steps, two_passes
from pipeline.intake import Taken
from pipeline.reconcile import reconcile
from pipeline.two_passes import Found, Sides
from pipeline.verification import verify_record
from pipeline.watch import Inbox
from registry import documents, quarantine, scans, users
from registry.database import read, write
from registry.errors import RefusalCode, Refused
from registry.values import DocumentId, Role, ScanId, ScanState, Verdict
from tests.desk import PASSWORD
from tests.faults.inputs import paper, slip
from tests.faults.installation import INBOX
from tests.integration.test_parts import blank, bundle, carried, scanned, sheet
from tests.pages import served_pages

pytestmark = pytest.mark.slow
DOSSIER, OTHER = "H99.32-260805-0003", "H99.32-260901-0002"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    initialise(tmp_path / "home", demo=False, agency="UBND thử nghiệm")
    return tmp_path / "home"


@pytest.fixture
def wiring(home: Path) -> Iterator[Wiring]:
    with opened(home) as wiring:
        yield wiring


def drop(wiring: Wiring, name: str, content: bytes) -> Path:
    """A file in the folder for two passes, whole, later than those before."""
    path = wiring.folder("inbox") / INBOX / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def listed(wiring: Wiring) -> Found:
    """What stands in the inbox, as the watch finds it after a start."""
    inbox = Inbox(
        wiring.folder("inbox"),
        quiet_s=0.001,
        give_up_s=60,
        complete=lambda _path: True,
        priority=lambda relative: intake.priority_of(wiring.workshop, relative),
    )
    inbox.listing(0.0)
    return Sides(wiring.workshop).found(inbox.listing(10.0), 10.0)


def taken(wiring: Wiring) -> ScanId:
    [pair] = listed(wiring).pairs
    receipt = two_passes.take_pair(wiring.workshop, pair, actor="inbox")
    assert receipt.outcome == Taken.CLAIMED and receipt.scan_id
    return receipt.scan_id


def parted(wiring: Wiring, scan: ScanId) -> list[DocumentId]:
    steps.identify_scan(wiring.workshop, scan)
    parting.read_scan_pages(wiring.workshop, scan)
    return parting.open_documents(wiring.workshop, scan)


def state(wiring: Wiring, scan: ScanId) -> ScanState:
    with read(wiring.engine) as conn:
        return scans.get(conn, scan).state


def contents(pdf: Path) -> list[bytes]:
    """What its pages show."""
    with pikepdf.open(pdf) as made:
        return [page.Contents.read_raw_bytes() for page in made.pages]


def sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def test_fronts_and_backs_become_one_scan_and_both_are_kept(home: Path, wiring: Wiring, tmp_path: Path) -> None:
    fronts = bundle(sheet(DOSSIER, "TP01"), paper(1), sheet(OTHER, "TP02"))
    backs = bundle(paper(2), blank(), blank())  # from the last sheet to the first
    first = drop(wiring, "hai-luot/truoc.pdf", fronts)
    found = listed(wiring)
    assert not found.pairs and not found.others and [w.why for w in found.waiting] == ["other-side"]
    second = drop(wiring, "hai-luot/sau.pdf", backs)
    scan = taken(wiring)
    assert not listed(wiring).waiting
    ids = parted(wiring, scan)
    shown = contents(wiring.workshop.staged_scan(scan))
    assert (shown[0::2], shown[5::-2]) == (contents(first), contents(second))
    assert first.exists() and second.exists(), "both wait until all is archived"
    for document in ids:
        carried(wiring, document)
    assert state(wiring, scan) == ScanState.DONE
    assert not first.exists() and not second.exists()
    assert sorted(sha(p.read_bytes()) for p in wiring.folder("done").rglob("*.pdf")) == sorted(
        (sha(fronts), sha(backs))
    )
    assert not list((wiring.folder("work") / "passes").iterdir()) and not wiring.workshop.staged_scan(scan).exists()
    held = [read_record(wiring.store, document).metadata for document in ids]
    assert [(m.dossier_code, m.component_code, m.source.pages) for m in held] == [
        (DOSSIER, "TP01", (2,)), (OTHER, "TP02", (5,)),
    ]  # fmt: skip
    for record in held:
        assert [(p.file_name, p.sha256, p.in_reverse, p.pages) for p in record.source.passes] == [
            ("truoc.pdf", sha(fronts), False, (0, 2, 4)), ("sau.pdf", sha(backs), True, (5, 3, 1)),
        ]  # fmt: skip
    assert original_digests(wiring.store, scan) == (sha(fronts), sha(backs))
    with open_original(wiring.store, scan, 2) as stream:
        assert stream.read() == backs
    assert read_scan(wiring.store, scan).source.passes == held[0].source.passes
    assert all(verify_record(wiring.store, wiring.trust, d).verdict == Verdict.PASSED for d in ids)
    assert audit(wiring.store).ok and not reconcile(wiring).counted
    # the same pair again, under other names: linked, and not archived twice
    drop(wiring, "hai-luot/truoc-2.pdf", fronts), drop(wiring, "hai-luot/sau-2.pdf", backs)
    [pair] = listed(wiring).pairs
    receipt = two_passes.take_pair(wiring.workshop, pair, actor="inbox")
    assert (receipt.outcome, receipt.scan_id) == (Taken.DUPLICATE, scan)
    assert not list((wiring.folder("inbox") / INBOX / "hai-luot").iterdir())
    assert len(list(iter_records(wiring.store))) == 2
    rebuilt(home, wiring, scan, fronts, backs, tmp_path)


def rebuilt(home: Path, wiring: Wiring, scan: ScanId, fronts: bytes, backs: bytes, tmp_path: Path) -> None:
    """The archive alone tells the registry of both passes, so that they are not taken once more."""
    copy = tmp_path / "copy"
    initialise(copy, demo=False, agency="UBND thử nghiệm")
    shutil.copytree(home / "archive", copy / "archive", dirs_exist_ok=True)
    with opened(copy) as after:
        for _ in range(2):
            assert rebuild_registry(after, "test", Console(quiet=True)).damaged == ()
        with read(after.engine) as new, read(wiring.engine) as old:
            assert scans.get(new, scan).claim_key == scans.get(old, scan).claim_key
            assert [p.sha256 for p in scans.passes_of(new, scan)] == [sha(fronts), sha(backs)]
        drop(after, "hai-luot/a.pdf", fronts), drop(after, "hai-luot/b.pdf", backs)
        [pair] = listed(after).pairs
        assert two_passes.take_pair(after.workshop, pair, actor="inbox").outcome == Taken.DUPLICATE


def test_a_single_paper_of_two_passes_is_an_object_too_and_order_may_be_forward(wiring: Wiring) -> None:
    fronts, backs = bundle(paper(11), blank()), bundle(blank(), blank())
    drop(wiring, f"{DOSSIER}/hai-luot-xuoi/truoc.pdf", fronts), drop(wiring, f"{DOSSIER}/hai-luot-xuoi/sau.pdf", backs)
    scan = taken(wiring)
    [document] = parted(wiring, scan)
    carried(wiring, document)
    assert state(wiring, scan) == ScanState.DONE
    told = read_record(wiring.store, document).metadata
    assert (told.dossier_code, told.source.pages, told.source.scan and told.source.scan.parts) == (DOSSIER, (0,), 1)
    assert [p.pages for p in told.source.passes] == [(0, 2), (1, 3)]
    assert original_digests(wiring.store, scan) == (sha(fronts), sha(backs))
    assert verify_record(wiring.store, wiring.trust, document).verdict == Verdict.PASSED
    with open_file(wiring.store, document, "original/truoc + sau.pdf") as stream, pikepdf.open(stream) as kept:
        assert len(kept.pages) == 1


def test_unequal_passes_are_refused_both_and_come_back_with_one_click(wiring: Wiring) -> None:
    fronts, backs = bundle(paper(21), paper(22)), scanned(slip(23))
    drop(wiring, "hai-luot/truoc.pdf", fronts), drop(wiring, "hai-luot/sau.pdf", backs)
    scan = taken(wiring)
    with pytest.raises(Refused) as refused:
        steps.identify_scan(wiring.workshop, scan)
    assert refused.value.reason == RefusalCode.SIDES_DIFFER
    settling.set_scan_aside(wiring.workshop, scan, refused.value.reason, refused.value.detail)
    with read(wiring.engine) as conn:
        items = quarantine.of_scan(conn, scan)
    assert sorted(Path(i.kept_path).read_bytes() for i in items) == sorted((fronts, backs))
    assert not list((wiring.folder("inbox") / INBOX / "hai-luot").iterdir())
    assert not reconcile(wiring).counted
    assert intake.retry(wiring.workshop, items[1].id, "tester") == scan
    with read(wiring.engine) as conn:
        assert not quarantine.of_scan(conn, scan) and scans.get(conn, scan).state == ScanState.CLAIMED
    assert not reconcile(wiring).counted
    with pytest.raises(Refused):
        steps.identify_scan(wiring.workshop, scan)
    settling.set_scan_aside(wiring.workshop, scan, RefusalCode.SIDES_DIFFER, "")
    # handed in again under the same names with the backs made anew: another scan
    drop(wiring, "hai-luot/truoc.pdf", fronts), drop(wiring, "hai-luot/sau.pdf", bundle(blank(), paper(24)))
    again = taken(wiring)
    assert again != scan and len(parted(wiring, again)) >= 1


def test_a_long_wait_is_told_and_nothing_is_decided(wiring: Wiring) -> None:
    path = drop(wiring, "hai-luot/truoc.pdf", paper(31))
    drop(wiring, "thuong.pdf", paper(32))
    patient = wiring.settings.model_copy(
        update={"intake": wiring.settings.intake.model_copy(update={"two_pass_patience_s": 0.05})}
    )
    wiring.__dict__["settings"] = patient
    time.sleep(0.1)
    found = listed(wiring)
    assert [(w.path, w.why) for w in found.waiting] == [(path, "other-side-late")]
    assert [a.path.name for a in found.others] == ["thuong.pdf"] and path.exists()
    page = tray_of(wiring, found)
    assert "Đợi mặt sau đã lâu" in page and "truoc.pdf" in page


def tray_of(wiring: Wiring, found: Found) -> str:
    """The tray as the administrator sees it; the listing's clock stands at 10."""
    told = tuple(replace(w, since=time.monotonic() - 10 + w.since) for w in found.waiting)
    with write(wiring.engine) as conn:
        users.add_user(conn, username="quantri2", password=PASSWORD, role=Role.ADMIN, unit=None, must_change=False)
    with (
        served_pages(wiring, told) as address,
        httpx.Client(base_url=address, follow_redirects=True, timeout=30) as client,
    ):
        client.post("/login", data={"username": "quantri2", "password": PASSWORD})
        page = client.get("/tray").text
    return page


def test_older_files_are_paired_first_and_an_empty_one_stands_alone(wiring: Wiring) -> None:
    for age, name in enumerate(("d.pdf", "a.pdf", "c.pdf", "b.pdf", "e.pdf")):
        path = drop(wiring, f"hai-luot/{name}", paper(40 + age))
        os.utime(path, ns=(1_700_000_000_000_000_000 + age, 1_700_000_000_000_000_000 + age))
    drop(wiring, "hai-luot/rong.pdf", b"")
    inbox = Inbox(wiring.folder("inbox"), quiet_s=0.001, give_up_s=5, complete=lambda _path: True)
    inbox.listing(0.0)
    found = Sides(wiring.workshop).found(inbox.listing(10.0), 10.0)
    assert [(p.fronts.path.name, p.backs.path.name) for p in found.pairs] == [("d.pdf", "a.pdf"), ("c.pdf", "b.pdf")]
    assert [w.path.name for w in found.waiting] == ["e.pdf"] and [a.path.name for a in found.others] == ["rong.pdf"]


def test_a_lost_machine_takes_both_passes_back_from_the_archive(wiring: Wiring) -> None:
    shop = wiring.workshop
    drop(wiring, "hai-luot/truoc.pdf", bundle(sheet(DOSSIER, "TP01"), sheet(OTHER, "TP01")))
    drop(wiring, "hai-luot/sau.pdf", bundle(paper(52), paper(51)))
    scan = taken(wiring)
    ids = parted(wiring, scan)
    carried(wiring, ids[0])
    for folder in ("passes", "scans", "pages", "documents"):
        shutil.rmtree(wiring.folder("work") / folder, ignore_errors=True)
    shutil.rmtree(wiring.folder("inbox") / INBOX / "hai-luot")
    _, lost = settle(wiring, "tester")
    assert scan not in {one.scan_id for one in lost} and state(wiring, scan) == ScanState.CLAIMED
    assert parted(wiring, scan) == ids
    for document in ids:
        carried(wiring, document)
    assert state(wiring, scan) == ScanState.DONE
    with read(shop.engine) as conn:
        assert {documents.get(conn, d).state for d in ids} == {"archived"}
