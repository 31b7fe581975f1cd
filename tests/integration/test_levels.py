"""The level that a signature reaches, against a PKI that answers over real HTTP."""

from __future__ import annotations

from pathlib import Path

import pytest
from pyhanko.sign.timestamps import HTTPTimeStamper

from pipeline.pdfa import write_pdfa
from pipeline.soundness import JPEG
from registry.values import PageText, Verdict
from signing.keys import Pkcs12Key
from signing.sign import Evidence, SignedPdf, sign_pdf
from signing.validate import TrustStore, validate_pdf
from tests.bad_inputs import encoded, sheet
from tests.servers.pki import Pki

FONT = Path("/usr/share/fonts/truetype/croscore/Tinos-Regular.ttf")


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("plain")
    (folder / "scan.jpg").write_bytes(encoded(sheet(), "JPEG"))
    write_pdfa(folder / "scan.jpg", JPEG, [PageText(index=0, text="", confidence=0, dpi=200)], folder / "plain.pdf")
    return folder / "plain.pdf"


def signed(pki: Pki, plain: Path, target: Path, label: str, level: str = "B-LTA", tsa: str = "good") -> SignedPdf:
    evidence = Evidence(timestamper=HTTPTimeStamper(pki.tsa(tsa), timeout=1.0), roots=pki.roots, fetch=True)
    key = Pkcs12Key.load(*pki.p12(label))
    return sign_pdf(plain, target, key=key, stamp=None, font=FONT, level=level, evidence=evidence)


@pytest.mark.parametrize(
    "label", ["official-ec", "official-rsa", "agency-ec", "agency-rsa", "other-agency", "crl-only"]
)
def test_every_kind_of_signer_reaches_the_archive_level(pki: Pki, plain: Path, tmp_path: Path, label: str) -> None:
    made = signed(pki, plain, tmp_path / "signed.pdf", label)
    assert (made.level, made.why) == ("B-LTA", "")
    report = validate_pdf(made.path, TrustStore(pki.roots))
    assert report.verdict == Verdict.PASSED, report
