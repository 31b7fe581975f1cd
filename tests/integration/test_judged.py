"""Signed records of all kinds, and what programs that are not ours say of them: pyHanko's own strict validation, the
EU's DSS and veraPDF. SOHOA_JUDGED=100 judges a hundred, as `make proof` does."""

from __future__ import annotations

import asyncio
import io
import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import img2pdf
import pytest
from PIL import Image
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.ades.report import AdESPassed
from pyhanko.sign.validation import validate_pdf_signature
from pyhanko.sign.validation.ades import ades_lta_validation
from pyhanko.sign.validation.dss import DocumentSecurityStore
from pyhanko.sign.validation.policy_decl import (
    PdfSignatureValidationSpec,
    RevinfoOnlineFetchingRule,
    RevocationInfoGatheringSpec,
    SignatureValidationSpec,
)
from pyhanko_certvalidator.authority import CertTrustAnchor
from pyhanko_certvalidator.context import CertValidationPolicySpec
from pyhanko_certvalidator.policy_decl import REQUIRE_REVINFO, CertRevTrustPolicy
from pyhanko_certvalidator.registry import SimpleTrustManager

from pipeline.pdfa import write_pdfa
from pipeline.soundness import JPEG, PDF, TIFF
from registry.values import CopyForm, PageText, utc_now
from signing.deferred import complete_signature, prepare, read_signature
from signing.keys import Pkcs12Key
from signing.proofs import Evidence
from signing.renew import renew_pdf
from signing.sign import Official, sign_pdf
from signing.stamp import Seal, Stamp, agency_stamp
from signing.tsa import HttpTsa
from tests.bad_inputs import born_digital, encoded, sheet
from tests.judges import archivable, signed
from tests.servers.pki import Pki

FONT = Path("/usr/share/fonts/truetype/croscore/Tinos-Regular.ttf")
COUNT = int(os.environ.get("SOHOA_JUDGED", "24"))
A4, A5, CARD = (1654, 2339), (1165, 1654), (674, 425)
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Paper:
    """One kind of scan: its bytes, and how far each of its pages is turned."""

    name: str
    content: bytes
    media_type: str = JPEG
    turned: tuple[int, ...] = (0,)


def papers() -> list[Paper]:
    pages = [encoded(sheet(text=f"trang {n}"), "JPEG") for n in range(3)]
    several = io.BytesIO()
    first, *others = [sheet("1", text=f"to {n}") for n in range(3)]
    first.save(several, "TIFF", save_all=True, append_images=others, compression="group4", dpi=(200, 200))
    return [
        Paper("colour", encoded(sheet(), "JPEG")),
        Paper("grey", encoded(sheet("L"), "JPEG")),
        Paper("black-and-white", encoded(sheet("1"), "TIFF", compression="group4"), TIFF),
        Paper("fax-of-three", several.getvalue(), TIFF, (0, 0, 0)),
        Paper("a5", encoded(sheet(size=A5), "JPEG")),
        Paper("card", encoded(sheet(size=CARD), "JPEG")),
        Paper("landscape", encoded(sheet(size=A4[::-1]), "JPEG")),
        Paper("turned", encoded(sheet().transpose(Image.Transpose.ROTATE_90), "JPEG"), JPEG, (90,)),
        Paper("pile", img2pdf.convert(pages), PDF, (0, 0, 180)),
        Paper("born-digital", born_digital(), PDF),
        Paper("cmyk", encoded(sheet("CMYK"), "JPEG")),
    ]


def archival(paper: Paper, folder: Path) -> Path:
    scan, target = folder / f"{paper.name}.scan", folder / f"{paper.name}.pdf"
    scan.write_bytes(paper.content)
    read = [
        PageText(index=n, text="", confidence=0, dpi=200, rotation_deg=turned) for n, turned in enumerate(paper.turned)
    ]
    write_pdfa(scan, paper.media_type, read, target)
    return target


class Desk:
    """Signs in each of the ways there are."""

    def __init__(self, pki: Pki, folder: Path) -> None:
        self.pki, self.folder = pki, folder
        self.proofs = Evidence(timestamper=HttpTsa(pki.tsa("good"), 10.0), roots=pki.roots, fetch=True)
        picture = folder / "seal.png"
        Image.new("RGBA", (200, 200), (200, 0, 0, 90)).save(picture)
        now = utc_now()
        long_name = "Trung tâm Phục vụ hành chính công phường Nguyễn Thị Minh Khai, thành phố Thủ Đức"
        self.stamps: list[Stamp | None] = [
            agency_stamp(CopyForm.TRUE_COPY, "UBND xã An Hòa", now),
            agency_stamp(CopyForm.COPY_OF_COPY, long_name, now),
            agency_stamp(CopyForm.EXTRACT, "UBND xã An Hòa", now),
            agency_stamp(CopyForm.TRUE_COPY, "UBND xã An Hòa", now, "tt02", Seal(picture, 36.0)),
            None,
        ]
        self.ways: list[Callable[[Path, Path, Stamp | None], None]] = [
            self.agency_ec, self.agency_rsa, self.by_list, self.both, self.deferred, self.raised, self.renewed,
        ]  # fmt: skip

    def _sign(self, source: Path, target: Path, stamp: Stamp | None, label: str, evidence: Evidence) -> None:
        key = Pkcs12Key(self.pki.signer(label))
        sign_pdf(source, target, key=key, stamp=stamp, font=FONT, level="B-LTA", evidence=evidence)

    def agency_ec(self, source: Path, target: Path, stamp: Stamp | None) -> None:
        self._sign(source, target, stamp, "agency-ec", self.proofs)

    def agency_rsa(self, source: Path, target: Path, stamp: Stamp | None) -> None:
        self._sign(source, target, stamp, "agency-rsa", self.proofs)

    def by_list(self, source: Path, target: Path, stamp: Stamp | None) -> None:
        self._sign(source, target, stamp, "crl-only", self.proofs)

    def both(self, source: Path, target: Path, stamp: Stamp | None) -> None:
        mark = Stamp("", "Trần Văn Bình", utc_now()) if stamp else None
        official = Official(Pkcs12Key(self.pki.signer("official-rsa")), mark)
        key = Pkcs12Key(self.pki.signer("agency-ec"))
        sign_pdf(
            source, target, key=key, stamp=stamp, font=FONT, level="B-LTA", evidence=self.proofs, official=official
        )

    def deferred(self, source: Path, target: Path, stamp: Stamp | None) -> None:
        waiting, signer = target.with_suffix(".waiting"), self.pki.signer("official-ec")
        chain = [c.dump() for c in self.pki.chain("official-ec")]
        asked = prepare(
            source, waiting, certificate=signer.signing_cert.dump(), chain=chain, stamp=stamp, font=FONT
        )  # fmt: skip
        answer = read_signature(asked, signer.sign_raw(asked.signed_attributes, "sha256"))
        complete_signature(asked, answer, waiting, target, level="B-LTA", evidence=self.proofs)

    def raised(self, source: Path, target: Path, stamp: Stamp | None) -> None:
        """Signed while nobody stamped time, raised when somebody did."""
        self._sign(source, target, stamp, "agency-ec", replace(self.proofs, timestamper=None))
        renew_pdf(target, target, evidence=self.proofs)

    def renewed(self, source: Path, target: Path, stamp: Stamp | None) -> None:
        self._sign(source, target, stamp, "agency-rsa", self.proofs)
        renew_pdf(target, target, evidence=replace(self.proofs, timestamper=HttpTsa(self.pki.tsa("ec"), 10.0)))


@pytest.fixture(scope="module")
def records(pki: Pki, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Path]]:
    """COUNT records; the kinds of paper, of signing and of stamp go round at different speeds, so that all meet."""
    folder = tmp_path_factory.mktemp("judged")
    desk, kinds = Desk(pki, folder), papers()
    plain = [archival(paper, folder) for paper in kinds]
    made = []
    for n in range(COUNT):
        source, way, stamp = plain[n % len(plain)], desk.ways[n % len(desk.ways)], desk.stamps[n % len(desk.stamps)]
        target = folder / f"{n:03}-{source.stem}-{way.__name__}.pdf"
        way(source, target, stamp)
        made.append(target)
    yield made


def test_every_way_of_signing_is_judged(records: Sequence[Path]) -> None:
    ways = Counter(path.stem.split("-", 1)[1] for path in records)
    assert len(ways) == min(COUNT, len(papers()) * 7)


def test_the_eus_library_passes_all(records: Sequence[Path], pki: Pki, tmp_path: Path) -> None:
    verdicts = signed(records, pki.write_trust(tmp_path / "trust") / "test-root.pem")
    assert {p.name: told for p, (ok, told) in verdicts.items() if not ok} == {}
    assert {one for _, told in verdicts.values() for one in told.split("; ")} == {
        "TOTAL_PASSED null PAdES-BASELINE-LTA"
    }


def test_verapdf_finds_pdf_a_in_all(records: Sequence[Path]) -> None:
    assert {p.name: told for p, (ok, told) in archivable(records).items() if not ok} == {}


def test_pyhanko_by_itself_passes_all(records: Sequence[Path], pki: Pki) -> None:
    strict = PdfSignatureValidationSpec(
        SignatureValidationSpec(
            cert_validation_policy=CertValidationPolicySpec(
                trust_manager=SimpleTrustManager.build([CertTrustAnchor(root) for root in pki.roots]),
                revinfo_policy=CertRevTrustPolicy(REQUIRE_REVINFO),
            ),
            revinfo_gathering_policy=RevocationInfoGatheringSpec(RevinfoOnlineFetchingRule.LOCAL_ONLY),
        )
    )
    refused = {}
    for path in records:
        with path.open("rb") as stream:
            reader = PdfFileReader(stream, strict=True)
            for signature in reader.embedded_regular_signatures:
                if path.stem.endswith("raised"):
                    # a document timestamp proves its time (ETSI EN 319 142-1 §6.3), where pyHanko's procedure for long
                    # terms wants one on the signature itself: its plain one then, with the proofs in the file
                    proofs = DocumentSecurityStore.read_dss(reader).as_validation_context(
                        {"trust_roots": list(pki.roots), "revocation_mode": "require"}
                    )
                    passed = validate_pdf_signature(signature, proofs).bottom_line
                else:
                    passed = asyncio.run(ades_lta_validation(signature, strict)).ades_subindic == AdESPassed.OK
                if not passed:
                    refused[path.name] = signature.field_name
    assert refused == {}
