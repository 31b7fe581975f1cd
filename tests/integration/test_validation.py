"""Sub-indications of EN 319 102-1 on signatures that other tools make with what they should not, and our reports of it.

Each file is signed by pyHanko alone, as a careless tool would: nothing is asked before. Could-not-be-checked is never
called invalid.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from asn1crypto import crl, x509
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign import fields
from pyhanko.sign.signers import PdfSignatureMetadata, PdfSigner
from pyhanko.sign.validation.dss import DocumentSecurityStore

from app.reporting.etsi_xml import write_xml
from app.verdicts import advice
from config.messages import sentence
from pipeline.verification import VerificationReport, verify_at
from registry.values import Verdict
from signing.policy import POLICY
from signing.trust import TrustStore
from signing.tsa import HttpTsa
from tests.judges.reports import schema_errors
from tests.servers.pki import Pki
from tests.unit.changed_files import plain_pdf

DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return plain_pdf(tmp_path_factory.mktemp("plain"))


def signed(
    pki: Pki, plain: Path, target: Path, label: str, *, stamped: bool = True, digest: str = "sha256",
    lists: Sequence[crl.CertificateList] | None = None,
) -> Path:  # fmt: skip
    """Signed without a question; with the revocation lists of now beside it, or those given."""
    meta = PdfSignatureMetadata(field_name="Ky", md_algorithm=digest, subfilter=fields.SigSeedSubFilter.PADES)
    stamper = HttpTsa(pki.tsa(), 5.0) if stamped else None
    with plain.open("rb") as reader, target.open("w+b") as out:
        PdfSigner(meta, signer=pki.signer(label), timestamper=stamper).sign_pdf(
            IncrementalPdfFileWriter(reader), output=out
        )
    held = [pki.crl("issuing"), pki.crl("root")] if lists is None else lists
    body = io.BytesIO(target.read_bytes())
    certificates: list[x509.Certificate] = [*pki.chain(label), pki.certificate("tsa"), pki.certificate("issuing")]
    DocumentSecurityStore.add_dss(output_stream=body, sig_contents=None, certs=certificates, crls=list(held), ocsps=[])
    target.write_bytes(body.getvalue())
    return target


def judged(pki: Pki, path: Path, at: datetime | None = None) -> VerificationReport:
    return verify_at(path, TrustStore.of([c.dump() for c in pki.roots]), at or pki.now, POLICY)


@pytest.mark.parametrize(
    ("label", "check", "told"),
    [
        ("agency-ec", None, None),
        ("revoked", "revocation", "REVOKED_NO_POE"),
        ("expired", "certificate chain", "OUT_OF_BOUNDS_NO_POE"),
        ("wrong-usage", "certificate chain", "CHAIN_CONSTRAINTS_FAILURE"),
        ("weak-digest", "algorithms", "CRYPTO_CONSTRAINTS_FAILURE_NO_POE"),
        ("missing-chain", "certificate chain", "NO_CERTIFICATE_CHAIN_FOUND"),
        ("stranger", "certificate chain", "NO_CERTIFICATE_CHAIN_FOUND"),
    ],
)
def test_each_fault_has_its_own_name_and_sentence(
    pki: Pki, plain: Path, tmp_path: Path, label: str, check: str | None, told: str | None
) -> None:
    report = judged(pki, signed(pki, plain, tmp_path / "signed.pdf", label))
    assert (report.verdict, report.sub_indication) == (Verdict.INDETERMINATE if told else Verdict.PASSED, told)
    concerned = [c for c in report.checks if c.decides and c.ok is not True]
    assert [(c.name, c.ok) for c in concerned] == ([(check, None)] if check else [])
    assert all(advice(c) == sentence(told or "") for c in concerned)


def test_a_weak_digest_of_the_document_is_told_as_weak(pki: Pki, plain: Path, tmp_path: Path) -> None:
    report = judged(pki, signed(pki, plain, tmp_path / "sha1.pdf", "agency-rsa", digest="sha1"))
    assert (report.verdict, report.sub_indication) == (Verdict.INDETERMINATE, "CRYPTO_CONSTRAINTS_FAILURE_NO_POE")


def test_revoked_after_it_was_signed_is_no_matter_where_the_time_is_proven(
    pki: Pki, plain: Path, tmp_path: Path
) -> None:
    later = pki.now + 2 * DAY
    path = tmp_path / "signed.pdf"
    with pki.revoked_from("agency-rsa", pki.now + DAY):
        lists = [pki.crl("issuing", later), pki.crl("root", later)]
        signed(pki, plain, path, "agency-rsa", lists=lists)
        unproven = signed(pki, plain, tmp_path / "unproven.pdf", "agency-rsa", lists=lists, stamped=False)
    assert judged(pki, path, later).verdict is Verdict.PASSED
    told = judged(pki, unproven, later)
    assert (told.verdict, told.sub_indication) == (Verdict.INDETERMINATE, "REVOKED_NO_POE")


def test_no_word_on_revocation_or_an_old_one_is_to_be_tried_later(pki: Pki, plain: Path, tmp_path: Path) -> None:
    none = judged(pki, signed(pki, plain, tmp_path / "none.pdf", "agency-ec", lists=[]))
    old = [pki.crl("issuing", pki.now - 60 * DAY), pki.crl("root", pki.now - 60 * DAY)]
    stale = judged(pki, signed(pki, plain, tmp_path / "stale.pdf", "stale-crl", lists=old))
    for report in (none, stale):
        assert report.verdict is Verdict.INDETERMINATE
        [concerned] = [c for c in report.checks if c.decides and c.ok is not True]
        assert concerned.name == "revocation", report.sub_indication
    assert stale.sub_indication == "TRY_LATER"


def test_the_machines_report_follows_etsis_schema(pki: Pki, plain: Path, tmp_path: Path) -> None:
    reports = [judged(pki, signed(pki, plain, tmp_path / f"{n}.pdf", n)) for n in ("agency-ec", "stranger")]
    reports.append(judged(pki, plain))
    with (tmp_path / "report.xml").open("w", encoding="utf-8") as out:
        write_xml(out, reports)
    (tmp_path / "schema").mkdir()
    assert schema_errors(tmp_path / "report.xml", tmp_path / "schema") == []
