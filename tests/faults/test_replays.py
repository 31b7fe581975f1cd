"""A step that comes late, because a crash had it replayed or its worker was given up for dead, changes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from app.setup import initialise
from app.wiring import Wiring, opened
from archive.aip import read_papers
from pipeline import decisions, intake, parting, settling, steps, workflow
from registry import documents, quarantine, scans, tables
from registry.database import read, write
from registry.errors import RefusalCode
from registry.values import DocumentId, DocumentState, ScanId, ScanState
from tests.faults.inputs import paper, slip
from tests.faults.installation import INBOX


@pytest.fixture(scope="module")
def wiring(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wiring]:
    home = tmp_path_factory.mktemp("replays") / "home"
    initialise(home, demo=False, agency="UBND thử nghiệm")
    with opened(home) as wiring:
        yield wiring


def test_every_step_again_after_the_end_changes_nothing(wiring: Wiring) -> None:
    shop = wiring.workshop
    scan, document = described(wiring, "giay.pdf", paper(1))
    steps.sign_document(shop, document)
    steps.archive_document(shop, document)
    with write(wiring.engine) as conn:  # it had stalled, and was tried again while a replay of its first attempt ended
        scans.retry(conn, scan)
    steps.identify_scan(shop, scan)
    settling.release(shop, document)
    before = standing(wiring, scan, document)
    assert before["state"] == DocumentState.ARCHIVED and before["scan"] == ScanState.DONE
    parting.read_scan_pages(shop, scan)
    assert parting.open_documents(shop, scan) == [document]
    parting.write_document(shop, document, signed=False)
    steps.describe_document(shop, document)
    steps.sign_document(shop, document)
    steps.archive_document(shop, document)
    settling.release(shop, document)
    intake.set_aside(shop, scan, RefusalCode.TIMEOUT, "late")
    workflow._shop = shop
    workflow.stall_scan.__wrapped__(scan, "storage")  # type: ignore[attr-defined]
    workflow.stall_document.__wrapped__(document, "storage")  # type: ignore[attr-defined]
    assert standing(wiring, scan, document) == before


def test_a_record_that_the_registry_has_forgotten_is_taken_as_it_is(wiring: Wiring) -> None:
    shop = wiring.workshop
    scan, document = described(wiring, "quen.pdf", paper(6))
    steps.sign_document(shop, document)
    steps.archive_document(shop, document)
    settling.release(shop, document)
    with write(wiring.engine) as conn:  # as a database that came back older than the archive
        conn.execute(update(tables.documents).where(tables.documents.c.id == document).values(
            state="approved", step="approved", archived_at=None, pdf_sha256=None, signed_at=None))  # fmt: skip
        scans.update(conn, scan, state=ScanState.IDENTIFIED)
    steps.sign_document(shop, document)
    steps.archive_document(shop, document)
    after = standing(wiring, scan, document)
    assert (after["state"], after["scan"]) == (DocumentState.ARCHIVED, ScanState.DONE)
    assert read_papers(shop.store, document).digests["document.pdf"] == pdf_of(wiring, document)


def pdf_of(wiring: Wiring, document: DocumentId) -> str | None:
    with read(wiring.engine) as conn:
        return documents.get(conn, document).pdf_sha256


def test_a_copy_that_the_registry_was_not_told_of_is_made_again(wiring: Wiring) -> None:
    shop = wiring.workshop
    path = wiring.folder("inbox") / INBOX / "chua-ghi.pdf"
    path.write_bytes(paper(4))
    scan = ScanId(intake.take(shop, path, unit_folder=INBOX, relative=Path(path.name), actor="inbox").scan_id or "")
    with write(wiring.engine) as conn:
        scans.update(conn, scan, staged_path=None)  # as when the registry went away just then
    again = intake.take(shop, path, unit_folder=INBOX, relative=Path(path.name), actor="inbox")
    assert (again.outcome, again.scan_id) == (intake.Taken.CLAIMED, scan)
    with read(wiring.engine) as conn:
        assert scans.get(conn, scan).staged_path is not None, "it can start"


def test_what_was_signed_is_not_signed_again_when_archiving_is_tried_again(wiring: Wiring) -> None:
    shop = wiring.workshop
    _, document = described(wiring, "lan-nua.pdf", paper(3))
    steps.sign_document(shop, document)
    signed = (shop.bench(document) / "signed.pdf").read_bytes()
    workflow._shop = shop
    workflow.stall_document.__wrapped__(document, "service-unavailable")  # type: ignore[attr-defined]
    with write(wiring.engine) as conn:
        documents.set_state(conn, document, DocumentState.APPROVED, attempt=2)
    steps.sign_document(shop, document)
    assert (shop.bench(document) / "signed.pdf").read_bytes() == signed
    steps.archive_document(shop, document)
    with read(wiring.engine) as conn:
        held = documents.get(conn, document)
    assert held.state == DocumentState.ARCHIVED
    assert [event.type for event in held.events].count("digital signature generation") == 1


def test_reading_again_leaves_what_a_person_decided(wiring: Wiring) -> None:
    shop = wiring.workshop
    scan, document = described(wiring, "phieu.jpg", slip(2))
    decisions.correct(shop, document, {"kind": "quyet-dinh", "subject": "Theo lời người kiểm tra"}, "tester")
    decisions.approve(shop, document, "tester")
    before = standing(wiring, scan, document)
    parting.write_document(shop, document, signed=False)
    assert steps.describe_document(shop, document) is False, "it goes on to signing, as the person said"
    assert standing(wiring, scan, document) == before


def described(wiring: Wiring, name: str, content: bytes) -> tuple[ScanId, DocumentId]:
    shop = wiring.workshop
    path = wiring.folder("inbox") / INBOX / name
    path.write_bytes(content)
    receipt = intake.take(shop, path, unit_folder=INBOX, relative=Path(name), actor="inbox")
    scan = ScanId(receipt.scan_id or "")
    steps.identify_scan(shop, scan)
    parting.read_scan_pages(shop, scan)
    [document] = parting.open_documents(shop, scan)
    parting.write_document(shop, document, signed=False)
    steps.describe_document(shop, document)
    return scan, document


def standing(wiring: Wiring, scan: ScanId, document: DocumentId) -> dict[str, Any]:
    """All that the registry says of both, but for the events that a late step may add to its own account."""
    with read(wiring.engine) as conn:
        held = documents.get(conn, document).model_dump(exclude={"updated_at", "events"})
        found = scans.get(conn, scan)
        return {**held, "scan": found.state, "refused": quarantine.of_scan(conn, scan)}


def test_a_scan_whose_copies_are_gone_is_kept_from_its_earlier_refusal(wiring: Wiring) -> None:
    shop = wiring.workshop
    path = wiring.folder("inbox") / INBOX / "hong.pdf"
    path.write_bytes(b"%PDF-1.7 nothing")
    scan = ScanId(intake.take(shop, path, unit_folder=INBOX, relative=Path(path.name), actor="inbox").scan_id or "")
    intake.set_aside(shop, scan, RefusalCode.CORRUPT, "x")
    with write(wiring.engine) as conn:  # tried again, and the copy made for it lost
        scans.retry(conn, scan)
    intake.set_aside(shop, scan, RefusalCode.UNREADABLE, "x")
    with read(wiring.engine) as conn:
        assert scans.get(conn, scan).state == ScanState.QUARANTINED
        kept = [Path(item.kept_path) for item in quarantine.of_scan(conn, scan)]
    assert len(kept) == 2 and all(k.read_bytes() == b"%PDF-1.7 nothing" for k in kept)
