"""A verdict that is kept is the same again, from what lies beside it alone; and a report of it can be filed."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pikepdf
import pypdfium2
import pytest

from app.reporting.etsi_xml import write_xml
from app.reporting.facts import MOST_NAMED, MOST_WHOLE, collect, head
from app.reporting.page import page
from app.reporting.paper import paper
from app.verdicts import CHECKS, advice
from archive.aip import add_version
from config.messages import known_codes
from pipeline.kept_verdicts import KeptVerdict, file_name, judge_and_keep, repeat_all
from pipeline.verification import Finding, VerificationReport, verify_file, verify_record
from registry.errors import FixityMismatch
from registry.values import Verdict
from signing.authority import Authority, create_development_authority
from signing.trust import TrustStore
from signing.validate import ABOUT
from tests.unit import changed_files as files
from tests.unit.changed_files import Kept
from tests.unit.packages import ID

NOW = datetime(2026, 11, 28, 6, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return create_development_authority(tmp_path_factory.mktemp("keys") / "keys", files.AGENCY)


@pytest.fixture(scope="module")
def kept(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Kept:
    folder = tmp_path_factory.mktemp("signed")
    made = files.station(authority).sign(files.plain_pdf(folder), folder / "signed.pdf", stamp=files.stamp())
    return files.record(folder / "archive", made.path, TrustStore.load(authority.folder / "trust"))


@pytest.fixture(scope="module")
def report(kept: Kept) -> VerificationReport:
    return verify_file(kept.folder / "v1/content/document.pdf", kept.trust, name="Giấy <1> & 2")


def test_a_kept_verdict_is_the_same_again(kept: Kept, tmp_path: Path) -> None:
    copy = kept.copied(tmp_path / "archive")
    body = judge_and_keep(copy.folder / "v1/content/document.pdf", copy.trust, ID)
    told = KeptVerdict.model_validate_json(body)
    assert told.report.verdict is Verdict.PASSED and told.anchors and told.tools["pyhanko"]
    assert {used.kind for used in told.used} == {"certificates", "crl"}
    add_version(copy.store, ID, {file_name(body): body}, user="an", message="validation kept")
    add_version(copy.store, ID, {"document.pdf": b"%PDF another"}, user="an", message="renewed")
    (again,) = repeat_all(copy.store, ID)
    assert again.same and again.verdict == Verdict.PASSED, "of the file that it is about, though a newer one is there"


def test_what_a_kept_verdict_follows_from_decides_it(kept: Kept, tmp_path: Path) -> None:
    body = judge_and_keep(kept.folder / "v1/content/document.pdf", kept.trust, ID)
    told = KeptVerdict.model_validate_json(body)
    other = create_development_authority(tmp_path / "keys", "Khác")
    stranger = judge_and_keep(kept.folder / "v1/content/document.pdf", TrustStore.load(other.folder / "trust"), ID)
    swapped = told.model_copy(update={"anchors": KeptVerdict.model_validate_json(stranger).anchors})
    elsewhere = told.model_copy(update={"pdf_sha256": "0" * 64})
    for made, same in ((told, True), (swapped, False)):
        copy = kept.copied(tmp_path / "archive")
        changed = made.model_dump_json().encode()
        add_version(copy.store, ID, {file_name(changed): changed}, user="an", message="kept")
        (again,) = repeat_all(copy.store, ID)
        assert again.same is same
        assert same or [name for name, _, _ in again.differences] == ["certificate chain"] or again.differences
    copy = kept.copied(tmp_path / "archive")
    add_version(copy.store, ID, {"validation/x.json": elsewhere.model_dump_json().encode()}, user="an", message="kept")
    with pytest.raises(FixityMismatch, match="not in the record"):
        repeat_all(copy.store, ID)


def test_each_sub_indication_and_each_check_has_its_sentence() -> None:
    assert {sub for subs in ABOUT.values() for sub in subs} <= known_codes()
    for name in CHECKS:
        assert advice(Finding(name=name, ok=False, sub_indication="GENERIC")), name
    assert advice(Finding(name="integrity", ok=True)) == "" == advice(Finding(name="x", ok=None, decides=False))


UNPROVEN = (
    *("TRY_LATER", "NO_POE", "REVOCATION_OUT_OF_BOUNDS_NO_POE", "OUT_OF_BOUNDS_NO_POE", "OUT_OF_BOUNDS_NOT_REVOKED"),
    *("CRYPTO_CONSTRAINTS_FAILURE_NO_POE", "REVOKED_NO_POE", "REVOKED_CA_NO_POE", "EXPIRED"),
)


@pytest.mark.parametrize("told", UNPROVEN)
def test_what_others_signed_and_what_was_signed_here_is_mended_in_different_ways(told: str) -> None:
    """Nobody adds proofs to a file that came signed, and nobody asks an agency to send us our own record."""
    check = Finding(name="revocation", ok=None, sub_indication=told)
    theirs, ours = advice(check), advice(check, ours=True)
    assert "nơi phát hành" in theirs and "bản giấy" in theirs
    assert not [word for word in ("archive renew", "khi có danh sách", "khi có mạng") if word in theirs]
    assert "nơi phát hành" not in ours and ("archive renew" in ours or "người có thẩm quyền" in ours)


def test_a_report_says_whether_the_record_was_signed_here(kept: Kept, report: VerificationReport) -> None:
    assert verify_record(kept.store, kept.trust, ID).ours and not report.ours
    unsure = Finding(name="revocation", ok=None, sub_indication="TRY_LATER")
    for ours in (True, False):
        shown = report.model_copy(update={"checks": (unsure,), "ours": ours})
        told = page(facts([shown]))
        assert ("archive renew" in told, "nơi phát hành" in told) == (ours, not ours)


def facts(reports: list[VerificationReport]):  # type: ignore[no-untyped-def]
    return collect(head("UBND xã An Hòa", "Kho", "an", NOW, "1 chứng thư"), reports)


def test_the_page_says_all_and_nothing_that_is_no_text(report: VerificationReport) -> None:
    told = page(facts([report]))
    HTMLParser().feed(told)
    assert "Giấy &lt;1&gt; &amp; 2" in told and "<1>" not in told
    for name in ("Nội dung đúng như lúc ký", "ETSI EN 319 102-1", "UBND XÃ AN HÒA", "pyhanko", "2026.1", "B-LTA"):
        assert name in told
    assert "http" not in told.replace("http://www.w3.org", ""), "nothing is fetched when it is read"


def test_the_paper_is_a_pdf_that_can_be_read_and_searched(report: VerificationReport) -> None:
    body = paper(facts([report] * 3), files.FONT)
    with pikepdf.open(io.BytesIO(body)) as opened:
        assert len(opened.pages) >= 2
    document = pypdfium2.PdfDocument(body)
    text = "\n".join(document[n].get_textpage().get_text_range() for n in range(len(document)))
    document.close()
    assert "BÁO CÁO KIỂM TRA CHỮ KÝ SỐ" in text and "Nội dung đúng như lúc ký" in text and "Trang 1/" in text


def test_of_many_only_those_that_did_not_pass_are_told_one_by_one(report: VerificationReport) -> None:
    bad = report.model_copy(update={"verdict": Verdict.FAILED, "sub_indication": "HASH_FAILURE"})
    told = facts([report] * MOST_WHOLE + [bad] * (MOST_NAMED + 5))
    assert (told.number, len(told.shown), told.left_out) == (MOST_WHOLE + MOST_NAMED + 5, MOST_NAMED, 5)
    assert told.counted == {"TOTAL-PASSED": MOST_WHOLE, "INDETERMINATE": 0, "TOTAL-FAILED": MOST_NAMED + 5}


def test_the_machines_report_tells_each_signature(report: VerificationReport) -> None:
    out = io.StringIO()
    write_xml(out, [report, report.model_copy(update={"signatures": ()})])
    root = ElementTree.fromstring(out.getvalue())
    space = {"vr": "http://uri.etsi.org/19102/v1.4.1#"}
    status = root.findall("vr:SignatureValidationReport/vr:SignatureValidationStatus/vr:MainIndication", space)
    assert [s.text for s in status] == ["urn:etsi:019102:mainindication:total-passed"] * 2
    referred = root.find(".//vr:SignerCertificate", space)
    held = root.find("vr:SignatureValidationObjects/vr:ValidationObject", space)
    assert referred is not None and held is not None and referred.attrib["VOReference"] == held.attrib["id"]
