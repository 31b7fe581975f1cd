"""Documents that arrive signed: archived bit for bit, judged at intake, read from a picture."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pikepdf
import pypdfium2
import pytest
from rich.console import Console

from app.kit import verifier
from app.kit.bundle import make_kit
from app.rebuild import rebuild_registry
from app.setup import initialise
from app.verdicts import advice
from app.wiring import Wiring, opened
from archive.aip import SEARCH_COPY, open_file, read_papers
from config.messages import level_sentence
from pipeline import decisions, intake, parting, settling, steps
from pipeline.renewal import renew_record
from pipeline.twin import LABEL
from pipeline.verification import verify_record
from registry import documents, dossiers, scans
from registry.database import read, write
from registry.documents import DocumentRecord
from registry.errors import RefusalCode, Refused
from registry.reads import Purpose, Reader, Why
from registry.values import (
    Description,
    DocumentId,
    DocumentState,
    FieldValue,
    PageText,
    Person,
    RecordMetadata,
    ScanId,
    Verdict,
    sha256_file,
)
from tests.faults.inputs import paper
from tests.judges import archivable
from tests.signed_inputs import AGENCY, FAILED, PASSED, Foreign, Input, make_foreign, saved, sign, signed_inputs

pytestmark = pytest.mark.slow
READ = ("visible", "two-signatures", "form-filled-then-signed")
"""Those whose text is really read; the others go the same way with a text that is given, to save time."""


@pytest.fixture(scope="module")
def by(tmp_path_factory: pytest.TempPathFactory) -> Foreign:
    return make_foreign(tmp_path_factory.mktemp("foreign") / "keys")


@pytest.fixture(scope="module")
def inputs(by: Foreign, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Input]:
    stranger = make_foreign(tmp_path_factory.mktemp("stranger") / "keys")
    return {one.name: one for one in signed_inputs(by, stranger)}


@pytest.fixture(scope="module")
def wiring(by: Foreign, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wiring]:
    home = tmp_path_factory.mktemp("arrived") / "home"
    initialise(home, demo=False, agency="UBND xã An Hòa")
    shutil.copy(by.authority.root, home / "keys" / "trust" / "foreign.pem")
    with opened(home) as wiring:
        yield wiring


@pytest.fixture(scope="module")
def taken(wiring: Wiring, inputs: dict[str, Input]) -> dict[str, DocumentRecord]:
    """Every input after its whole way."""
    found = {}
    for one in inputs.values():
        document = through(wiring, f"{one.name}.pdf", one.content, given=one.name not in READ)
        with read(wiring.engine) as conn:
            found[one.name] = documents.get(conn, document)
    return found


def through(wiring: Wiring, name: str, content: bytes, *, given: bool = True) -> DocumentId:
    """The file's way from the inbox to the archive; a person approves it where one is asked."""
    shop = wiring.workshop
    path = wiring.folder("inbox") / "xa-an-hoa" / name
    path.write_bytes(content)
    receipt = intake.take(shop, path, unit_folder="xa-an-hoa", relative=Path(name), actor="inbox")
    scan = ScanId(receipt.scan_id or "")
    signed = steps.identify_scan(shop, scan).signed
    if given:
        bench = shop.scan_bench(scan)
        bench.mkdir(parents=True)
        page = PageText(index=0, text="Quyết định", confidence=0.9, dpi=250, width_px=1458, height_px=2066)
        (bench / "pages.jsonl").write_text(page.model_dump_json() + "\n")
    parting.read_scan_pages(shop, scan)
    [document] = parting.open_documents(shop, scan, signed=signed)
    parting.write_document(shop, document, signed=signed)
    if steps.describe_document(shop, document):
        decisions.approve(shop, document, "motcua")
    steps.sign_document(shop, document)
    steps.archive_document(shop, document)
    settling.release(shop, document)
    return document


def stored(wiring: Wiring, document: DocumentId, name: str) -> bytes:
    with open_file(wiring.store, document, name) as stream:
        return stream.read()


def test_signed_files_are_archived_bit_for_bit_and_all_others_are_not(
    wiring: Wiring, inputs: dict[str, Input], taken: dict[str, DocumentRecord]
) -> None:
    assert sum(one.signed for one in inputs.values()) >= 25
    kept = {name: stored(wiring, taken[name].id, "document.pdf") == one.content for name, one in inputs.items()}
    assert kept == {name: one.signed for name, one in inputs.items()}
    originals = {name: read_papers(wiring.store, taken[name].id) for name in inputs}
    for name, papers in originals.items():
        assert papers.digests[f"original/{name}.pdf"] == papers.metadata.source.sha256 == taken[name].original_sha256


def test_the_verdict_of_intake_is_right_and_stands_in_registry_archive_and_events(
    wiring: Wiring, inputs: dict[str, Input], taken: dict[str, DocumentRecord]
) -> None:
    for name, one in inputs.items():
        record = taken[name]
        if not one.signed:
            assert record.arrived is None and record.signature_level == "B-LTA", name
            continue
        assert record.arrived is not None, name
        assert record.arrived.verdict in one.verdicts, (name, record.arrived)
        assert one.told in (None, record.arrived.sub_indication), (name, record.arrived)
        assert tuple(s.level for s in record.arrived.signatures) == one.levels, (name, record.arrived)
        assert record.verdict == record.arrived.verdict and record.signature_level is None
        papers = read_papers(wiring.store, record.id)
        assert papers.metadata.arrived == record.arrived and not papers.metadata.converted_from_paper
        [event] = [e for e in papers.events if e.type == "validation"]
        assert event.detail["indication"] == record.arrived.verdict
        assert AGENCY not in str(event.detail)
    two = taken["two-signatures"].arrived
    assert two is not None and two.signatures[0].signed_by == "Lê Thị Ký Tên" and AGENCY in two.signatures[1].signed_by
    assert all(s.best_time and s.claimed_at for s in two.signatures)


def test_a_signature_that_did_not_pass_waits_for_a_person(
    inputs: dict[str, Input], taken: dict[str, DocumentRecord]
) -> None:
    for name, record in taken.items():
        if record.arrived is not None:
            doubted = record.arrived.verdict != Verdict.PASSED
            assert ("signature" in record.review_reasons) == doubted, name


def test_the_text_is_what_the_pages_show(wiring: Wiring, taken: dict[str, DocumentRecord]) -> None:
    form = stored(wiring, taken["form-filled-then-signed"].id, "text.json").decode()
    assert "QUYẾT ĐỊNH" in form and "Da nhan" in form, "what was filled into the form is shown as well"
    assert taken["two-signatures"].kind == "quyet-dinh" and taken["two-signatures"].approved_by == "sohoa"


def test_the_search_copy_is_archivable_and_labelled_on_every_page(
    wiring: Wiring, taken: dict[str, DocumentRecord], tmp_path: Path
) -> None:
    copies = []
    for name in READ:
        copies.append(tmp_path / f"{name}.pdf")
        copies[-1].write_bytes(stored(wiring, taken[name].id, SEARCH_COPY))
        with pikepdf.open(copies[-1]) as pdf, pdf.open_metadata() as told:
            assert told["dc:title"] == LABEL and str(pdf.docinfo["/Title"]) == LABEL
        shown = pypdfium2.PdfDocument(copies[-1])
        for page in shown:
            text = page.get_textpage().get_text_bounded()
            assert LABEL in text and "QUYẾT" in text
        shown.close()
    assert set(archivable(copies).values()) == {(True, "")}
    assert SEARCH_COPY not in read_papers(wiring.store, taken["unsigned"].id).digests


def test_a_paper_whose_signature_did_not_pass_is_held_but_not_reused(
    wiring: Wiring, taken: dict[str, DocumentRecord]
) -> None:
    owner = "003199000777"
    described = Description(
        kind="giay-xac-nhan-tinh-trang-hon-nhan",
        kind_confidence=1.0,
        fields={"issued_on": FieldValue(value="2026-10-11")},
        people=(Person(id_number=FieldValue(value=owner)),),
    )
    with write(wiring.engine) as conn:
        dossiers.ensure(conn, "H99.32-261120-0001", "H99.32")
        for name in ("b-b", "b-lta"):
            documents.save_description(conn, taken[name].id, described)
    [procedure, component] = _procedure_asking_for(wiring, "giay-xac-nhan-tinh-trang-hon-nhan")
    answer = wiring.records.reuse_check(
        owner, procedure, date(2026, 11, 20), None, reader=Reader(account="motcua", role="clerk"), purpose=None
    )
    [held] = [c.candidates for c in answer.components if c.code == component]
    assert {c.document_id: c.usable for c in held} == {taken["b-b"].id: False, taken["b-lta"].id: True}
    assert {c.why for c in held if not c.usable} == {"signature"}


def _procedure_asking_for(wiring: Wiring, kind: str) -> tuple[str, str]:
    for procedure in wiring.catalogue.procedures_on(date(2026, 11, 20)):
        for component in procedure.components_on(date(2026, 11, 20)):
            if kind in component.kinds and component.reusable:
                return procedure.code, component.code
    raise AssertionError(f"no procedure asks for {kind}")


def test_a_rebuilt_registry_knows_the_verdict_of_intake(
    wiring: Wiring, taken: dict[str, DocumentRecord], tmp_path: Path
) -> None:
    metadata = RecordMetadata.model_validate_json(stored(wiring, taken["b-lta"].id, "metadata.json"))
    home = tmp_path / "anew"
    shutil.copytree(wiring.settings.home, home, ignore=shutil.ignore_patterns("registry.sqlite*", "work", "inbox"))
    for name in ("work", "inbox"):
        (home / name).mkdir()
    with opened(home) as anew:
        rebuild_registry(anew, "admin", Console(quiet=True))
        with read(anew.engine) as conn:
            assert documents.get(conn, taken["b-lta"].id).arrived == metadata.arrived == taken["b-lta"].arrived


def test_a_signed_file_with_a_password_is_refused_with_the_sentence(wiring: Wiring, by: Foreign) -> None:
    locked = saved(paper(7900), encryption=pikepdf.Encryption(user="mo", owner="chu", R=6))
    with pytest.raises(Refused) as refusal:
        through(wiring, "co-mat-khau.pdf", sign(locked, by, password=b"mo"))
    assert refusal.value.reason is RefusalCode.ENCRYPTED


def test_judging_again_says_the_same_and_changes_no_byte(
    wiring: Wiring, by: Foreign, taken: dict[str, DocumentRecord], inputs: dict[str, Input]
) -> None:
    shop = wiring.workshop
    record = taken["visible"]
    parting.write_document(shop, record.id, signed=True)
    steps.sign_document(shop, record.id)
    steps.archive_document(shop, record.id)
    with read(wiring.engine) as conn:
        after = documents.get(conn, record.id)
        scan = scans.get(conn, ScanId(record.scan_id or ""))
    assert after.arrived == record.arrived and after.state == DocumentState.ARCHIVED
    [done] = wiring.folder("done").rglob("*visible.pdf")
    assert scan.sha256 == sha256_file(done)
    assert done.read_bytes() == inputs["visible"].content == stored(wiring, record.id, "document.pdf")


def test_nobody_is_sent_to_renew_what_others_signed(wiring: Wiring, taken: dict[str, DocumentRecord]) -> None:
    """The archive holds it byte for byte: what to do is what a person can do elsewhere."""
    for record in taken.values():
        if record.archived_at is None or record.arrived is None:
            continue
        report = verify_record(wiring.store, wiring.trust, DocumentId(record.id))
        assert not report.ours
        told = " ".join(advice(check, ours=report.ours) for check in report.checks)
        assert "archive renew" not in told
        refused = renew_record(wiring.workshop, DocumentId(record.id), due=False)
        assert not refused.ok and "sao y" in level_sentence(refused.why)


ALTERED = {"changed", "pkcs7-sha1-changed", "broken-xref"}
"""Whose signed bytes themselves are not those that were signed: what a program can tell that knows no PDF."""


def test_an_offline_kit_of_all_of_them_tells_right_from_wrong_from_unknown(
    wiring: Wiring, taken: dict[str, DocumentRecord], inputs: dict[str, Input], tmp_path: Path
) -> None:
    names = {record.id: name for name, record in taken.items() if record.archived_at is not None}
    reader, why = Reader(account="kiemtra", role="auditor"), Purpose(why=Why.INSPECTION)
    made = make_kit(wiring, [DocumentId(i) for i in names], tmp_path / "kit", reader=reader, purpose=why)
    report = verifier.Kit(made.path, None).verify()
    assert report.ok, "what came altered was known to be so when the kit was made"
    for document_id, name in names.items():
        checks = [c for c in report.checks if document_id in c.what and "chữ ký" in c.what]
        altered = {word for word in ("bị sửa", "của nội dung này", "bị cụt") for c in checks if word in c.detail}
        assert bool(altered) == (name in ALTERED), (name, checks)
        if inputs[name].verdicts == (PASSED,):
            assert checks and all(c.ok for c in checks), (name, checks)
        if inputs[name].verdicts == (FAILED,):
            assert any(c.ok is None for c in report.checks if document_id in c.what), name
