"""A scan of several papers: each its own record, one bad one harms none, and nothing depends on where it stops."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import img2pdf
import pikepdf
import pytest
from ocfl.storage_root import StorageRoot
from PIL import Image
from reportlab.pdfgen.canvas import Canvas
from rich.console import Console
from sqlalchemy import update

from app.lost_work import settle
from app.rebuild import rebuild_registry
from app.setup import initialise
from app.wiring import Wiring, opened
from archive.aip import iter_records, open_file, read_record
from archive.fixity import audit
from archive.ocfl import root_of
from archive.replication import replicate
from archive.scans import original_digests, read_scan, scan_object
from pipeline import decisions, intake, parting, settling, steps
from pipeline.landing import landing
from pipeline.reconcile import reconcile
from pipeline.splitting.covers import Cover
from pipeline.splitting.sheets import Sheet, draw, sheets_pdf
from pipeline.verification import verify_record
from registry import documents, quarantine, scans, tables, tray, users
from registry.database import read, write
from registry.errors import Conflict, RefusalCode, Refused
from registry.values import DocumentId, Role, ScanId, ScanState, Verdict
from tests.desk import PASSWORD, SOHOA, csrf, run_cli
from tests.faults.inputs import FONT, paper, slip
from tests.faults.installation import INBOX
from tests.pages import served_pages
from tests.servers import free_port

pytestmark = pytest.mark.slow
DOSSIER, OTHER = "H99.32-260805-0003", "H99.32-260901-0002"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("parts") / "home"
    initialise(home, demo=False, agency="UBND thử nghiệm")
    return home


@pytest.fixture(scope="module")
def wiring(home: Path) -> Iterator[Wiring]:
    with opened(home) as wiring:
        yield wiring


def bundle(*pages: bytes) -> bytes:
    """The pages in one PDF, as a scanner with a feeder makes it."""
    out = io.BytesIO()
    with pikepdf.new() as made:
        for page in pages:
            with pikepdf.open(io.BytesIO(page)) as one:
                made.pages.extend(one.pages)
        made.save(out, deterministic_id=True)
    return out.getvalue()


def sheet(dossier: str, component: str | None = None) -> bytes:
    return sheets_pdf([Sheet(Cover(dossier, component))], FONT)


def scanned(jpeg: bytes) -> bytes:
    made: bytes = img2pdf.convert(jpeg)
    return made


def blank() -> bytes:
    out = io.BytesIO()
    Image.new("L", (1240, 1754), 246).save(out, "JPEG", dpi=(150, 150))
    return scanned(out.getvalue())


def secret(number: int) -> bytes:
    """A paper with a secrecy stamp on its head."""
    with pikepdf.open(io.BytesIO(paper(number))) as made, pikepdf.open(io.BytesIO(_stamp())) as stamp:
        made.pages[0].add_overlay(stamp.pages[0])
        out = io.BytesIO()
        made.save(out)
    return out.getvalue()


def _stamp() -> bytes:
    out = io.BytesIO()
    canvas = Canvas(out, pagesize=(420, 595), invariant=1)
    canvas.setFont("Tinos", 16)
    canvas.drawString(40, 520, "TUYỆT MẬT")
    canvas.save()
    return out.getvalue()


def dropped(wiring: Wiring, name: str, content: bytes) -> ScanId:
    path = wiring.folder("inbox") / INBOX / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    receipt = intake.take(wiring.workshop, path, unit_folder=INBOX, relative=Path(name), actor="inbox")
    return ScanId(receipt.scan_id or "")


def parted(wiring: Wiring, scan: ScanId) -> list[DocumentId]:
    shop = wiring.workshop
    signed = steps.identify_scan(shop, scan).signed
    parting.read_scan_pages(shop, scan)
    return parting.open_documents(shop, scan, signed=signed)


def carried(wiring: Wiring, document: DocumentId) -> None:
    """One document goes its way as the workflow takes it, as far as it goes without a person."""
    shop = wiring.workshop
    try:
        parting.write_document(shop, document, signed=False)
        if not steps.describe_document(shop, document):
            preserved(wiring, document)
    except Refused as refusal:
        settling.refuse(shop, document, refusal.reason, refusal.detail)


def preserved(wiring: Wiring, document: DocumentId) -> None:
    steps.sign_document(wiring.workshop, document)
    steps.archive_document(wiring.workshop, document)
    settling.release(wiring.workshop, document)


def states(wiring: Wiring, scan: ScanId) -> list[str]:
    with read(wiring.engine) as conn:
        return [str(s) for s in documents.states_of_scan(conn, scan).values()]


def state(wiring: Wiring, scan: ScanId) -> ScanState:
    with read(wiring.engine) as conn:
        return scans.get(conn, scan).state


def test_several_dossiers_in_one_scan_become_records_of_their_own(home: Path, wiring: Wiring) -> None:
    scan_bytes = bundle(sheet(DOSSIER), blank(), paper(1), blank(), paper(2), sheet(OTHER, "TP02"), paper(3), paper(4))
    scan = dropped(wiring, "chong-giay.pdf", scan_bytes)
    found = parted(wiring, scan)
    for document in reversed(found):  # each on its own, in any order
        carried(wiring, document)
    assert state(wiring, scan) == ScanState.DONE and states(wiring, scan) == ["archived"] * 3
    assert not (wiring.folder("inbox") / INBOX / "chong-giay.pdf").exists()
    assert [p.read_bytes() for p in wiring.folder("done").rglob("*chong-giay.pdf")] == [scan_bytes]
    assert not wiring.workshop.scan_bench(scan).exists() and not wiring.workshop.staged_scan(scan).exists()
    held = [read_record(wiring.store, d).metadata for d in found]
    assert [(m.dossier_code, m.component_code, m.source.pages) for m in held] == [
        (DOSSIER, None, (2,)), (DOSSIER, None, (4,)), (OTHER, "TP02", (6, 7)),
    ]  # fmt: skip
    assert [m.source.scan.part for m in held if m.source.scan] == [0, 1, 2]
    assert {m.source.sha256 for m in held} == {hashlib.sha256(scan_bytes).hexdigest()}
    with pikepdf.open(open_file(wiring.store, found[2], "document.pdf")) as pdf:
        assert len(pdf.pages) == 2
    told = read_scan(wiring.store, scan)
    assert told.documents == tuple(found) and (told.split.covers, told.split.blanks) == ((0, 5), (1, 3))
    assert original_digests(wiring.store, scan) == (hashlib.sha256(scan_bytes).hexdigest(),)
    for document in found:
        report = verify_record(wiring.store, wiring.trust, document)
        assert report.verdict == Verdict.PASSED and {"original", "scan"} <= {c.name for c in report.checks}
    with read(wiring.engine) as conn:
        assert [documents.get(conn, d).pages for d in found] == [(2,), (4,), (6, 7)]
        assert {row.document_id for row in tray.latest(conn, None)} >= set(found)


def test_a_paper_alone_behind_its_sheet_keeps_its_scan_in_its_own_package(wiring: Wiring) -> None:
    scan_bytes = bundle(sheet(OTHER, "TP01"), paper(11), blank())
    scan = dropped(wiring, "mot-giay.pdf", scan_bytes)
    [document] = parted(wiring, scan)
    assert document == parting.document_ids(scan, 1)[0]
    carried(wiring, document)
    record = read_record(wiring.store, document)
    assert (record.metadata.source.pages, record.metadata.source.scan) == ((1,), None)
    assert (record.metadata.dossier_code, record.metadata.component_code, len(record.pages)) == (OTHER, "TP01", 1)
    assert record.digests["original/mot-giay.pdf"] == hashlib.sha256(scan_bytes).hexdigest()
    assert not wiring.store.exists(f"{root_of(scan_object(scan))}/inventory.json")
    with pikepdf.open(open_file(wiring.store, document, "document.pdf")) as pdf:
        assert len(pdf.pages) == 1


def test_one_bad_part_blocks_no_other_and_comes_back_by_itself(wiring: Wiring) -> None:
    shop = wiring.workshop
    unsure = scanned(slip(22))
    pages = (sheet(DOSSIER, "TP01"), paper(21), sheet(DOSSIER, "TP02"), unsure, sheet(OTHER, "TP01"), paper(23))
    scan = dropped(wiring, "co-giay-tra-lai.pdf", bundle(*pages))
    found = parted(wiring, scan)
    for document in found:
        carried(wiring, document)
    assert states(wiring, scan) == ["archived", "review", "archived"]
    assert state(wiring, scan) == ScanState.IDENTIFIED
    assert (wiring.folder("inbox") / INBOX / "co-giay-tra-lai.pdf").exists(), "the source waits for the last part"
    decisions.reject(shop, found[1], "không rõ", "tester")
    assert states(wiring, scan) == ["archived", "rejected", "archived"]
    assert state(wiring, scan) == ScanState.DONE
    assert not (wiring.folder("inbox") / INBOX / "co-giay-tra-lai.pdf").exists()
    decisions.finish_rejections(shop)
    with read(wiring.engine) as conn:
        [item] = [i for i in quarantine.open_items(conn) if i.document_id == found[1]]
    assert item.file_name == "co-giay-tra-lai-2.pdf"
    with pikepdf.open(item.kept_path) as kept:
        assert len(kept.pages) == 1, "its own pages, not those of the others"
    assert not reconcile(wiring).counted
    again = intake.retry(shop, item.id, "tester")
    [document] = parted(wiring, again)
    with read(wiring.engine) as conn:
        record = documents.get(conn, document)
    assert (record.dossier_code, record.component_code) == (DOSSIER, "TP02")
    assert again != scan and not reconcile(wiring).counted
    whole = wiring.folder("archive") / root_of(scan_object(scan))
    whole.rename(whole.with_name("away"))
    assert reconcile(wiring).counted["scan-missing"] == 1
    assert verify_record(wiring.store, wiring.trust, found[0]).verdict == Verdict.FAILED
    whole.with_name("away").rename(whole)
    assert verify_record(wiring.store, wiring.trust, found[0]).verdict == Verdict.PASSED


def test_a_secret_paper_among_others_is_kept_out_of_the_archive(wiring: Wiring) -> None:
    scan = dropped(wiring, "co-mat.pdf", bundle(paper(31), secret(32), paper(33)))
    found = parted(wiring, scan)
    for document in found:
        carried(wiring, document)
    assert states(wiring, scan) == ["archived", "rejected", "archived"]
    with read(wiring.engine) as conn:
        [item] = [i for i in quarantine.open_items(conn) if i.document_id == found[1]]
    assert item.code == RefusalCode.SECRET
    assert read_scan(wiring.store, scan).withheld == RefusalCode.SECRET
    assert original_digests(wiring.store, scan) == ()
    assert verify_record(wiring.store, wiring.trust, found[0]).verdict == Verdict.PASSED


def test_a_scan_of_which_every_part_is_refused_is_in_quarantine_as_a_whole(wiring: Wiring) -> None:
    content = bundle(sheet(DOSSIER, "TP01"), scanned(slip(41)), sheet(DOSSIER, "TP02"), scanned(slip(42)))
    scan = dropped(wiring, "tra-lai-het.pdf", content)
    for document in (found := parted(wiring, scan)):
        carried(wiring, document)
        decisions.reject(wiring.workshop, document, "mờ", "tester")
    assert state(wiring, scan) == ScanState.QUARANTINED
    with read(wiring.engine) as conn:
        [item] = quarantine.of_scan(conn, scan)
    assert item.document_id is None and Path(item.kept_path).read_bytes() == content
    assert not reconcile(wiring).counted
    assert intake.retry(wiring.workshop, item.id, "tester") == scan
    assert parted(wiring, scan) == found and states(wiring, scan) == ["reading", "reading"]


def test_sheets_alone_are_refused(wiring: Wiring) -> None:
    scan = dropped(wiring, "chi-co-to.pdf", bundle(sheet(DOSSIER), blank()))
    with pytest.raises(Refused) as refused:
        parted(wiring, scan)
    assert refused.value.reason == RefusalCode.ONLY_SHEETS
    settling.set_scan_aside(wiring.workshop, scan, refused.value.reason, "")
    assert state(wiring, scan) == ScanState.QUARANTINED


def test_stopped_anywhere_and_begun_again_it_ends_the_same(wiring: Wiring) -> None:
    shop = wiring.workshop
    scan = dropped(
        wiring,
        "dung-giua-chung.pdf",
        bundle(sheet(DOSSIER, "TP01"), paper(51), sheet(OTHER), paper(52), scanned(slip(53))),
    )
    found = parted(wiring, scan)
    carried(wiring, found[0])
    parting.write_document(shop, found[1], signed=False)
    with write(wiring.engine) as conn:  # it stalled, and is tried again
        scans.update(conn, scan, state=ScanState.STALLED)
        scans.retry(conn, scan)
    shutil.rmtree(shop.bench(found[1]))  # and the machine had lost a bench
    assert parted(wiring, scan) == found
    for document in found:
        carried(wiring, document)
        carried(wiring, document)
    assert states(wiring, scan) == ["archived", "archived"] or states(wiring, scan) == ["archived", "review"]
    for document in found:
        if states(wiring, scan)[-1] == "review" and document == found[-1]:
            decisions.approve(shop, document, "tester")
            preserved(wiring, document)
        settling.refuse(shop, document, RefusalCode.TIMEOUT, "late")
        preserved(wiring, document)
    assert states(wiring, scan) == ["archived", "archived"] and state(wiring, scan) == ScanState.DONE
    assert parting.open_documents(shop, scan) == found


def test_a_machine_lost_between_two_parts_goes_on_from_the_archive(wiring: Wiring) -> None:
    shop = wiring.workshop
    scan = dropped(wiring, "mat-may.pdf", bundle(sheet(DOSSIER, "TP01"), paper(81), sheet(OTHER, "TP01"), paper(82)))
    found = parted(wiring, scan)
    carried(wiring, found[0])
    shop.staged_scan(scan).unlink()
    (wiring.folder("inbox") / INBOX / "mat-may.pdf").unlink()
    shutil.rmtree(shop.scan_bench(scan))
    with write(wiring.engine) as conn:  # a registry that came back older than the parting, too
        conn.execute(update(tables.scans).where(tables.scans.c.id == scan).values(split=None))
    _, lost = settle(wiring, "tester")
    assert scan not in {one.scan_id for one in lost} and state(wiring, scan) == ScanState.CLAIMED
    assert parted(wiring, scan) == found
    for document in found:
        carried(wiring, document)
    assert states(wiring, scan) == ["archived", "archived"] and state(wiring, scan) == ScanState.DONE


def test_a_tiff_of_several_papers_is_taken_apart_pixel_by_pixel(wiring: Wiring, tmp_path: Path) -> None:
    cover = draw(Sheet(Cover(DOSSIER, "TP01")), FONT).resize((1240, 1754))
    line = Image.open(io.BytesIO(slip(61))).point(lambda v: 255 * (v > 128)).convert("1")
    path = tmp_path / "chong.tif"
    cover.save(path, save_all=True, append_images=[line, draw(Sheet(Cover(OTHER)), FONT).resize((1240, 1754)), line],
               compression="group4", dpi=(150, 150))  # fmt: skip
    scan = dropped(wiring, "chong.tif", path.read_bytes())
    found = parted(wiring, scan)
    assert len(found) == 2
    for document in found:
        carried(wiring, document)
        decisions.approve(wiring.workshop, document, "tester")
        preserved(wiring, document)
        with open_file(wiring.store, document, "original/chong.tif") as stream, Image.open(stream) as kept:
            assert kept.tobytes() == line.tobytes() and kept.info["compression"] == "group4"


def test_the_archive_alone_restores_the_parts_and_a_replica_has_them(
    home: Path, wiring: Wiring, tmp_path: Path
) -> None:
    result = audit(wiring.store)
    assert result.ok and result.scans
    root = StorageRoot(root=str(home / "archive"))
    assert root.validate(validate_objects=True, check_digests=True)
    copy = tmp_path / "copy"
    initialise(copy, demo=False, agency="UBND thử nghiệm")
    shutil.copytree(home / "archive", copy / "archive", dirs_exist_ok=True)
    same = {"scan_id", "part", "pages", "dossier_code", "component_code", "page_count", "title", "pdf_sha256"}
    with opened(copy) as after:
        assert rebuild_registry(after, "test", Console(quiet=True)).damaged == ()
        assert rebuild_registry(after, "test", Console(quiet=True)).damaged == ()
        with read(wiring.engine) as old, read(after.engine) as new:
            several = 0
            for document_id in iter_records(wiring.store):
                was, now = documents.get(old, document_id), documents.get(new, document_id)
                scan = ScanId(was.scan_id or "")
                if len(documents.states_of_scan(old, scan)) > 1:
                    assert was.model_dump(include=same) == now.model_dump(include=same)
                    assert scans.get(new, scan).claim_key == scans.get(old, scan).claim_key
                    several += 1
        assert several
        assert not {"record-unknown", "record-missing", "done-without-document"} & set(reconcile(after).counted)
    with opened(copy) as target:
        shutil.rmtree(copy / "archive")
        shutil.rmtree(copy / "archive.locks", ignore_errors=True)
        done = replicate(wiring.store, target.store, tmp_path / "bench")
        assert done.ok and done.objects == result.records + result.scans + result.backups


@pytest.mark.parametrize("after", ["read", "parted", "described", "archived"])
def test_a_service_killed_among_the_parts_ends_with_each_once(tmp_path: Path, after: str) -> None:
    home = tmp_path / "home"
    initialise(home, demo=False, agency="UBND thử nghiệm")
    inbox = home / "inbox" / INBOX
    content = bundle(
        sheet(DOSSIER, "TP01"), paper(1), sheet(DOSSIER, "TP02"), paper(2), paper(3), sheet(OTHER), paper(4)
    )
    with landing(inbox / "chong.pdf") as part:
        part.write_bytes(content)
    with service(home) as log:
        until(lambda: f"event='{after}'" in log.read_text(), after)
    with service(home):
        until(lambda: not list(inbox.glob("*.pdf")), "the source to leave the inbox")
    with opened(home) as wiring:
        held = [read_record(wiring.store, document).metadata for document in iter_records(wiring.store)]
        assert sorted(m.source.pages for m in held) == [(1,), (3, 4), (6,)]
        assert audit(wiring.store).ok and not reconcile(wiring).counted
        with read(wiring.engine) as conn:
            assert [s.page_count for s in scans.by_state(conn, ScanState.DONE)] == [7]
    assert [p.read_bytes() for p in (home / "done").rglob("*chong.pdf")] == [content]


@contextmanager
def service(home: Path) -> Iterator[Path]:
    """`sohoa run`, killed at the end; its log."""
    log = home / f"service-{time.monotonic_ns()}.log"
    environment = {**os.environ, "SOHOA_WEB__PORT": str(free_port()), "SOHOA_INTAKE__QUIET_S": "0.3"}
    with log.open("wb") as out:
        running = subprocess.Popen([*SOHOA, "run", "--home", str(home)], stdout=out, stderr=out, env=environment)
    try:
        yield log
    finally:
        running.kill()
        running.wait()


def until(holds: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + 120
    while not holds():
        assert time.monotonic() < end, f"waited too long for {what}"
        time.sleep(0.05)


@pytest.fixture
def browser(wiring: Wiring) -> Iterator[httpx.Client]:
    """An administrator's browser in front of the real server."""
    with write(wiring.engine) as conn, suppress(Conflict):
        users.add_user(conn, username="quantri2", password=PASSWORD, role=Role.ADMIN, unit=None, must_change=False)
    with (
        served_pages(wiring) as address,
        httpx.Client(base_url=address, follow_redirects=True, timeout=30) as client,
    ):
        client.post("/login", data={"username": "quantri2", "password": PASSWORD})
        yield client


def test_the_screens_show_a_scan_with_its_parts(wiring: Wiring, browser: httpx.Client) -> None:
    content = bundle(sheet(DOSSIER, "TP01"), paper(91), paper(92), blank(), sheet(OTHER), scanned(slip(93)))
    scan = dropped(wiring, "tren-man-hinh.pdf", content)
    found = parted(wiring, scan)
    for document in found:
        carried(wiring, document)
    page = browser.get("/tray").text
    assert "2 giấy tờ · 2 tờ phân cách · 1 trang trắng" in page
    assert "trang 2–3" in page and "trang 6" in page and f"hồ sơ {OTHER}" in page
    told = {"csrf": csrf(browser.get("/purpose").text), "why": "operation", "back": f"/documents/{found[0]}"}
    page = browser.post("/purpose", data=told).text
    assert "Trang 2–3 của tệp quét tren-man-hinh.pdf (6 trang, 2 giấy tờ)" in page
    assert page.count('<figure class="page"') == 2 and "Tệp quét chung còn nguyên" in page
    page = browser.get(f"/review/{found[1]}").text
    assert "Trang 6 của tệp quét tren-man-hinh.pdf" in page and page.count('<figure class="page"') == 1


def test_the_command_line_tells_all_documents(home: Path, tmp_path: Path) -> None:
    path = tmp_path / "hai-giay.pdf"
    path.write_bytes(bundle(sheet(DOSSIER, "TP03"), paper(71), sheet(OTHER), paper(72)))
    told: Any = run_cli("read", str(path))
    assert [(d["first_page"], d["last_page"], d["dossier_code"], d["component_code"]) for d in told["documents"]] == [
        (1, 1, DOSSIER, "TP03"), (3, 3, OTHER, None),
    ]  # fmt: skip
    assert [d["fields"]["number_symbol"] for d in told["documents"]] == ["71/QĐ-UBND", "72/QĐ-UBND"]
    [answer] = run_cli("ingest", str(path), "--unit", "H99.32", "--wait", "--home", str(home))
    assert answer["status"] == "archived" and len(answer["documents"]) == 2
    shown: Any = run_cli("show", answer["documents"][1], "--home", str(home))
    assert (shown["pages"], shown["part"]) == ([3], 1)


def test_covers_are_printed_and_read(home: Path, tmp_path: Path) -> None:
    target = tmp_path / "to.pdf"
    made: Any = run_cli("covers", "--dossier", DOSSIER, "--component", "TP01", "--component", "TP02", "-o", str(target),
                        "--home", str(home))  # fmt: skip
    assert len(made["sheets"]) == 2
    with pikepdf.open(target) as pdf:
        assert len(pdf.pages) == 2
