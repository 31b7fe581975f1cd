"""Copies as NĐ 30/2020/NĐ-CP has them: SAO Y, SAO LỤC and TRÍCH SAO, signed by the official and by the agency."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pikepdf
import pypdfium2
import pytest
from PIL import Image, ImageDraw

from app.setup import initialise
from app.wiring import Wiring, opened
from archive.aip import open_file, read_papers
from pipeline import decisions, intake, parting, settling, steps
from pipeline.ocr import engine
from pipeline.pdfa import write_pdfa
from registry import documents, reads, scans
from registry.database import read
from registry.documents import DocumentRecord
from registry.errors import Conflict
from registry.reads import Purpose, Reader, Why
from registry.values import CopyForm, CopyOf, DocumentId, DocumentState, PageText, ScanId, utc_now
from signing.authority import Authority
from signing.stamp import Seal, agency_stamp
from tests.bad_inputs import encoded, sheet
from tests.faults.inputs import paper
from tests.judges import archivable, signed
from tests.key_homes import issue, pin_file, pkcs12_file
from tests.signed_inputs import make_foreign, sign

pytestmark = pytest.mark.slow
OFFICIAL, AGENCY = "Trần Văn Bình", "UBND xã An Hòa"
BY: Any = {"reader": Reader(account="vanthu", role="clerk"), "purpose": Purpose(why=Why.REQUEST)}
KEYS = """
[[signing.keys]]
name = "co-quan"
kind = "pkcs12"
file = "keys/agency.p12"
pin = "file"
pin_file = "keys/agency.passphrase"

[[signing.keys]]
name = "nguoi-sao"
role = "official"
kind = "pkcs12"
file = "keys/official.p12"
pin = "file"
pin_file = "keys/official.passphrase"
"""


@pytest.fixture(scope="module")
def wiring(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wiring]:
    home = tmp_path_factory.mktemp("copies") / "home"
    initialise(home, demo=False, agency=AGENCY)
    pkcs12_file(home / "keys" / "official.p12", issue(Authority(home / "keys"), OFFICIAL, unit=AGENCY), "mot-hai-ba")
    pin_file(home / "keys" / "official.passphrase", "mot-hai-ba")
    toml = home / "sohoa.toml"
    toml.write_text(toml.read_text().replace("[signing]", "[signing]\nofficial_mark = true") + KEYS)
    with opened(home) as wiring:
        yield wiring


def decision(pages: int) -> bytes:
    """A paper of so many pages, no two alike."""
    made, out = pikepdf.new(), BytesIO()
    for number in range(pages):
        made.pages.extend(pikepdf.open(BytesIO(paper(8000 + number))).pages)
    made.save(out)
    return out.getvalue()


def hand_in(wiring: Wiring, name: str, content: bytes) -> ScanId:
    """The file in the inbox, claimed."""
    path = wiring.folder("inbox") / "xa-an-hoa" / name
    path.write_bytes(content)
    receipt = intake.take(wiring.workshop, path, unit_folder="xa-an-hoa", relative=Path(name), actor="inbox")
    return receipt.scan_id or ScanId("")


def to_review(wiring: Wiring, scan: ScanId, *, pages: int, blank: int | None = None) -> DocumentId:
    """Read, as far as its text is given, and waiting for a person: nobody can tell what it is."""
    shop = wiring.workshop
    arrived = steps.identify_scan(shop, scan).signed
    bench = shop.scan_bench(scan)
    bench.mkdir(parents=True, exist_ok=True)
    texts = [PageText(index=n, text=f"trang {n + 1}", confidence=0.9, dpi=250, blank=n == blank) for n in range(pages)]
    (bench / "pages.jsonl").write_text("".join(page.model_dump_json() + "\n" for page in texts))
    [document] = parting.open_documents(shop, scan, signed=arrived)
    parting.write_document(shop, document, signed=arrived)
    assert steps.describe_document(shop, document)
    return document


def preserved(wiring: Wiring, document: DocumentId, copied: CopyOf | None = None) -> DocumentRecord:
    """Approved by a person as that kind of copy, signed, and archived."""
    shop = wiring.workshop
    decisions.approve(shop, document, "vanthu", copied)
    steps.sign_document(shop, document)
    steps.archive_document(shop, document)
    settling.release(shop, document)
    return record(wiring, document)


def record(wiring: Wiring, document: DocumentId) -> DocumentRecord:
    with read(wiring.engine) as conn:
        return documents.get(conn, document)


@pytest.fixture(scope="module")
def source(wiring: Wiring) -> DocumentRecord:
    """A true copy of a paper of four pages."""
    return preserved(wiring, to_review(wiring, hand_in(wiring, "quyet-dinh.pdf", decision(4)), pages=4))


@pytest.fixture(scope="module")
def copy_of_copy(wiring: Wiring) -> DocumentRecord:
    document = to_review(wiring, hand_in(wiring, "sao-luc.pdf", decision(2)), pages=2)
    return preserved(wiring, document, CopyOf(form=CopyForm.COPY_OF_COPY, number="07/SL-UBND"))


@pytest.fixture(scope="module")
def extract(wiring: Wiring, source: DocumentRecord) -> DocumentRecord:
    """Pages 2 and 4 of the true copy."""
    receipt = wiring.records.make_extract(source.id, (3, 1), **BY, number="08/TrS-UBND")
    return preserved(wiring, to_review(wiring, receipt.scan_id or ScanId(""), pages=2))


def stored(wiring: Wiring, document: str, folder: Path) -> Path:
    path = folder / f"{document}.pdf"
    with open_file(wiring.store, DocumentId(document), "document.pdf") as stream, path.open("wb") as copy:
        shutil.copyfileobj(stream, copy)
    return path


def stamped(path: Path) -> str:
    """What a reader sees on page 1 on top of the scan, whose print lies under the stamp on so small a page."""
    pdf = pypdfium2.PdfDocument(path)
    pdf.init_forms()
    with_stamps, without = (
        np.asarray(pdf[0].render(scale=300 / 72, may_draw_forms=forms, draw_annots=forms).to_pil().convert("L"))
        for forms in (True, False)
    )
    pdf.close()
    shown = 255 - (without.astype(np.int16) - with_stamps).clip(0, 255)
    words = engine("auto", "vie").recognise(shown.astype(np.uint8), dpi=300, timeout_s=30)
    return " ".join(word.text for word in words)


def test_every_copy_says_which_it_is_and_who_made_it(
    wiring: Wiring, source: DocumentRecord, copy_of_copy: DocumentRecord, extract: DocumentRecord
) -> None:
    told = {r.id: read_papers(wiring.store, r.id) for r in (source, copy_of_copy, extract)}
    assert [p.metadata.copied for p in told.values()] == [
        CopyOf(), CopyOf(form=CopyForm.COPY_OF_COPY, number="07/SL-UBND"),
        CopyOf(form=CopyForm.EXTRACT, number="08/TrS-UBND", source=source.id, source_pages=(1, 3)),
    ]  # fmt: skip
    for papers in told.values():
        [event] = [e for e in papers.events if e.type == "digital signature generation"]
        assert event.detail["form"] == papers.metadata.copied.form and event.detail["signatures"] == "2"
        assert papers.metadata.signature_level == "B-LTA"


def sealed(wiring: Wiring, folder: Path) -> list[Path]:
    """Pages of three sizes under the stamp with the seal, and the official's mark."""
    picture = Image.new("RGBA", (400, 400), (0, 0, 0, 0))
    ImageDraw.Draw(picture).ellipse((8, 8, 392, 392), outline=(220, 20, 20, 255), width=12)
    picture.save(folder / "dau.png")
    stamp = agency_stamp(CopyForm.TRUE_COPY, AGENCY, utc_now(), "tt02", Seal(folder / "dau.png", 36))
    made = []
    for name, size in {"a4": (1654, 2339), "the": (674, 425), "bien-lai": (456, 1200)}.items():
        (folder / "scan.jpg").write_bytes(encoded(sheet(size=size), "JPEG"))
        page = PageText(index=0, text="", confidence=0, dpi=200)
        write_pdfa(folder / "scan.jpg", "image/jpeg", [page], folder / "plain.pdf")
        signed = wiring.station.sign(
            folder / "plain.pdf", folder / f"{name}.pdf", stamp=stamp, unit="H99.32", mark=True
        )
        assert (signed.level, signed.signatures) == ("B-LTA", 2)
        made.append(signed.path)
    return made


def test_both_signatures_hold_for_us_and_for_strangers(
    wiring: Wiring, source: DocumentRecord, copy_of_copy: DocumentRecord, extract: DocumentRecord, tmp_path: Path
) -> None:
    files = [stored(wiring, r.id, tmp_path) for r in (source, copy_of_copy, extract)]
    files += sealed(wiring, tmp_path)
    for each in (source, copy_of_copy, extract):
        assert wiring.records.verify(each.id).verdict == "TOTAL-PASSED"
    assert set(archivable(files).values()) == {(True, "")}
    verdicts = signed(files, wiring.settings.home / "keys" / "trust" / "development-root.pem")
    assert all(ok for ok, _ in verdicts.values()), verdicts
    for file in files:
        with pikepdf.open(file) as pdf:
            assert [str(f.T) for f in pdf.Root.AcroForm.Fields][:2] == ["NguoiSao", "SaoY"]


def test_the_stamp_is_read_off_the_page(
    wiring: Wiring, copy_of_copy: DocumentRecord, extract: DocumentRecord, tmp_path: Path
) -> None:
    text = stamped(stored(wiring, copy_of_copy.id, tmp_path))
    assert text.startswith("SAO LỤC") and OFFICIAL in text
    assert "TRÍCH SAO" in stamped(stored(wiring, extract.id, tmp_path))


def test_an_extract_has_the_chosen_pages_as_they_came(
    wiring: Wiring, source: DocumentRecord, extract: DocumentRecord, tmp_path: Path
) -> None:
    with open_file(wiring.store, DocumentId(extract.id), "original/" + name_of(wiring, extract)) as stream:
        taken = pikepdf.open(BytesIO(stream.read()))
    with open_file(wiring.store, source.id, "original/quyet-dinh.pdf") as stream:
        whole = pikepdf.open(BytesIO(stream.read()))
    assert [p.Contents.read_raw_bytes() for p in taken.pages] == [
        whole.pages[n].Contents.read_raw_bytes() for n in (1, 3)
    ]
    with read(wiring.engine) as conn:
        assert [r.id for r in documents.copies_of(conn, source.id)] == [extract.id]
        [read_for] = [r for r in reads.find(conn, document_id=source.id) if r.action == "extract"][-1:]
    assert (read_for.account, read_for.why, read_for.unit) == ("vanthu", "request", source.unit)
    assert extract.dossier_code == source.dossier_code and extract.unit == source.unit


def name_of(wiring: Wiring, document: DocumentRecord) -> str:
    with read(wiring.engine) as conn:
        return scans.get(conn, ScanId(document.scan_id or "")).file_name


def test_a_blank_back_that_was_left_out_is_not_counted(wiring: Wiring) -> None:
    source = preserved(wiring, to_review(wiring, hand_in(wiring, "mat-sau.pdf", decision(5)), pages=5, blank=1))
    assert source.page_count == 4
    receipt = wiring.records.make_extract(source.id, (1,), **BY)
    with pikepdf.open(wiring.workshop.staged_scan(receipt.scan_id or ScanId(""))) as taken:
        shown = taken.pages[0].Contents.read_raw_bytes()
    with pikepdf.open(BytesIO(decision(5))) as whole:
        assert shown == whole.pages[2].Contents.read_raw_bytes(), "its second page is the third of the scan"


def test_an_extract_of_a_signed_file_shows_its_pages_and_has_no_signature_of_it(wiring: Wiring, tmp_path: Path) -> None:
    content = sign(decision(3), make_foreign(tmp_path / "foreign"), level="B-LTA")
    source = preserved(wiring, to_review(wiring, hand_in(wiring, "da-ky.pdf", content), pages=3))
    assert source.arrived is not None and source.copied is None
    receipt = wiring.records.make_extract(source.id, (2,), **BY)
    again = wiring.records.make_extract(source.id, (2,), **BY)
    assert again.scan_id == receipt.scan_id
    extract = preserved(wiring, to_review(wiring, receipt.scan_id or ScanId(""), pages=1))
    assert extract.arrived is None and extract.copied == CopyOf(
        form=CopyForm.EXTRACT, source=source.id, source_pages=(2,)
    )
    assert wiring.records.verify(extract.id).verdict == "TOTAL-PASSED"


def test_the_same_extract_again_is_the_same_document(
    wiring: Wiring, source: DocumentRecord, extract: DocumentRecord
) -> None:
    again = wiring.records.make_extract(source.id, (1, 3), **BY)
    assert again.scan_id == extract.scan_id and again.outcome is intake.Taken.DUPLICATE
    after = record(wiring, extract.id)
    assert (after.state, after.events, after.copied) == (extract.state, extract.events, extract.copied)


@pytest.mark.parametrize("pages", [(), (0, 1, 2, 3), (4,), (-1,)])
def test_what_is_no_part_of_the_record_is_no_extract(
    wiring: Wiring, source: DocumentRecord, pages: tuple[int, ...]
) -> None:
    with pytest.raises(Conflict):
        wiring.records.make_extract(source.id, pages, **BY)


def test_a_number_of_another_kind_of_copy_is_not_taken(wiring: Wiring, source: DocumentRecord) -> None:
    with pytest.raises(Conflict, match="05/"):
        wiring.records.make_extract(source.id, (1,), **BY, number="08/SY-UBND")


def test_what_kind_of_copy_it_is_is_decided_before_it_is_signed(wiring: Wiring, source: DocumentRecord) -> None:
    with pytest.raises(Conflict):
        decisions.approve(wiring.workshop, source.id, "vanthu", CopyOf(form=CopyForm.COPY_OF_COPY))
    document = to_review(wiring, hand_in(wiring, "cho-duyet.pdf", decision(3)), pages=3)
    with pytest.raises(Conflict):
        decisions.approve(wiring.workshop, document, "vanthu", CopyOf(form=CopyForm.EXTRACT))
    with pytest.raises(Conflict):
        wiring.records.make_extract(document, (1,), **BY)
    assert record(wiring, document).state is DocumentState.REVIEW
