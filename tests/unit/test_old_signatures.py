"""Signatures encoded as before PAdES: intake and verification say the same of them, and a new signature hides none."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from app.reporting.etsi_xml import write_xml
from pipeline.verification import verify_file
from registry.values import Verdict
from signing.arrived import judge_arrived
from signing.trust import TrustStore
from signing.validate import ALGORITHMS, INTEGRITY, RULES, validate_pdf
from tests.faults.inputs import paper
from tests.signed_inputs import Foreign, by_hand, flipped, make_foreign, pkcs7_sha1, sign

WEAK = "CRYPTO_CONSTRAINTS_FAILURE_NO_POE"


@pytest.fixture(scope="module")
def by(tmp_path_factory: pytest.TempPathFactory) -> Foreign:
    return make_foreign(tmp_path_factory.mktemp("foreign") / "keys")


@pytest.fixture(scope="module")
def old(by: Foreign) -> bytes:
    return by_hand(paper(7003), "/adbe.pkcs7.sha1", pkcs7_sha1(by))


@pytest.mark.parametrize("signed_again", [False, True], ids=["alone", "signed-again"])
@pytest.mark.parametrize("kind", ["sound", "changed", "unknown"])
def test_intake_and_verification_say_the_same(
    by: Foreign, old: bytes, kind: str, signed_again: bool, tmp_path: Path
) -> None:
    content = {
        "sound": lambda: old,
        "changed": lambda: flipped(old),
        "unknown": lambda: by_hand(paper(7003), "/vn.sohoa.nobody", pkcs7_sha1(by)),
    }[kind]()
    name, ok, told = {
        "sound": (ALGORITHMS, None, WEAK),
        "changed": (INTEGRITY, False, "HASH_FAILURE"),
        "unknown": (RULES, None, "GENERIC"),
    }[kind]
    path = tmp_path / "old.pdf"
    path.write_bytes(sign(content, by, level="B-LTA") if signed_again else content)
    trust = TrustStore.load(by.authority.folder / "trust")

    report = validate_pdf(path, trust)
    check = next(c for c in report.checks if c.name == name)
    assert (check.ok, check.sub_indication, check.decides) == (ok, told, True), report
    assert "ChuKy" in check.detail
    verdict = Verdict.FAILED if ok is False else Verdict.INDETERMINATE
    assert (report.verdict, report.sub_indication) == (verdict, told)
    found = {s.field: (s.indication, s.sub_indication) for s in report.signatures}
    expected = {"ChuKy": (verdict, told)} | ({"Signature1": (Verdict.PASSED, None)} if signed_again else {})
    assert found == expected

    arrived = judge_arrived(path, trust)
    assert (arrived.verdict, arrived.sub_indication) == (report.verdict, report.sub_indication)
    assert {s.field: (s.indication, s.sub_indication) for s in arrived.signatures} == expected
    if kind != "unknown":
        official = by.official.signing_cert.subject.native["common_name"]
        assert {s.field: s.signed_by for s in arrived.signatures}["ChuKy"] == official


def test_a_report_names_no_certificate_that_it_does_not_know(by: Foreign, tmp_path: Path) -> None:
    path = tmp_path / "unknown.pdf"
    path.write_bytes(sign(by_hand(paper(7003), "/vn.sohoa.nobody", pkcs7_sha1(by)), by, level="B-LTA"))
    report = verify_file(path, TrustStore.load(by.authority.folder / "trust"))
    out = io.StringIO()
    write_xml(out, [report])
    assert len(report.signatures) == 2 and out.getvalue().count("VOReference=") == 1
    assert 'certificate-"' not in out.getvalue()
