"""The level that a signature reaches and keeps, against a PKI that answers over real HTTP."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest

from pipeline.pdfa import write_pdfa
from pipeline.soundness import JPEG
from registry.errors import CertificateRevoked, SigningFailed
from registry.values import PageText, Verdict
from signing.keys import Pkcs12Key, SigningKey
from signing.proofs import Evidence, prove
from signing.renew import NotRenewed, RenewedPdf, renew_by, renew_pdf
from signing.seal import seal
from signing.sign import SignedPdf, sign_pdf
from signing.tsa import HttpTsa, WrongToken, exchange, query, sound_token
from signing.validate import TrustStore, validate_pdf
from tests.bad_inputs import encoded, sheet
from tests.judges import archivable, signed
from tests.servers.pki import Pki

FONT = Path("/usr/share/fonts/truetype/croscore/Tinos-Regular.ttf")
GOOD = ("official-ec", "official-rsa", "agency-ec", "agency-rsa", "other-agency", "crl-only")
DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("plain")
    (folder / "scan.jpg").write_bytes(encoded(sheet(), "JPEG"))
    write_pdfa(folder / "scan.jpg", JPEG, [PageText(index=0, text="", confidence=0, dpi=200)], folder / "plain.pdf")
    return folder / "plain.pdf"


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "signed.pdf"


def evidence(pki: Pki, tsa: str = "good", patience_s: float = 30.0) -> Evidence:
    return Evidence(timestamper=HttpTsa(pki.tsa(tsa), patience_s), roots=pki.roots, fetch=True, fetch_s=30.0)


def key(pki: Pki, label: str) -> SigningKey:
    return Pkcs12Key(pki.signer(label))


def sign(pki: Pki, plain: Path, target: Path, label: str, *, level: str = "B-LTA", tsa: str = "good") -> SignedPdf:
    proofs = evidence(pki, tsa, 0.5 if tsa == "late" else 30.0)
    return sign_pdf(plain, target, key=key(pki, label), stamp=None, font=FONT, level=level, evidence=proofs, at=pki.now)


def test_every_kind_of_signer_reaches_the_archive_level_and_nobody_doubts_it(
    pki: Pki, plain: Path, tmp_path: Path
) -> None:
    made = [sign(pki, plain, tmp_path / f"{label}.pdf", label) for label in GOOD]
    assert {(m.level, m.why) for m in made} == {("B-LTA", "")}
    for later in (0, 1, 700):
        at, trust = pki.now + later * DAY, TrustStore(pki.roots)
        assert {validate_pdf(m.path, trust, at).verdict for m in made} == {Verdict.PASSED}, later
    judged = signed([m.path for m in made], pki.write_trust(tmp_path / "trust") / "test-root.pem")
    assert {why for _, why in judged.values()} == {"TOTAL_PASSED null PAdES-BASELINE-LTA"}
    assert all(ok for ok, _ in judged.values())
    assert {why for ok, why in archivable([m.path for m in made]).values() if not ok} == set()
    rsa_believed_until = date(2029, 1, 1)
    assert {m.renew_by for m in made} == {min(rsa_believed_until, pki.certificate("tsa").not_valid_after.date())}


def test_the_level_asked_for_is_made_and_no_more_and_the_rest_can_be_added_later(
    pki: Pki, plain: Path, tmp_path: Path
) -> None:
    levels = ("B-B", "B-T", "B-LT")
    made = [sign(pki, plain, tmp_path / f"{level}.pdf", "agency-rsa", level=level) for level in levels]
    raised = [renew(pki, low.path, tmp_path / f"{low.level}-raised.pdf") for low in made]
    assert [low.level for low in made] == [*levels]
    judged = signed([m.path for m in (*made, *raised)], pki.write_trust(tmp_path / "trust") / "test-root.pem")
    assert [judged[low.path][1].rpartition("-BASELINE-")[2] for low in made] == ["B", "T", "LT"]
    for low, high in zip(made, raised, strict=True):
        assert high.path.read_bytes().startswith(low.path.read_bytes()), "an incremental update: nothing changes"
        assert high.renew_by == renew_by(high.path) == date(2029, 1, 1)
        assert validate_pdf(high.path, TrustStore(pki.roots)).verdict == Verdict.PASSED, low.level
        assert judged[high.path] == (True, "TOTAL_PASSED null PAdES-BASELINE-LTA"), low.level


@pytest.mark.parametrize(
    ("tsa", "why", "silent"),
    [("down", "tsa-down", False), ("late", "tsa-silent", True), ("wrong-nonce", "tsa-wrong-answer", False)],
)
def test_a_timestamp_authority_that_fails_lowers_the_level(
    pki: Pki, plain: Path, target: Path, tsa: str, why: str, silent: bool
) -> None:
    made = sign(pki, plain, target, "agency-ec", tsa=tsa)
    assert (made.level, made.why, made.silent) == ("B-B", why, silent)
    assert validate_pdf(target, TrustStore(pki.roots)).verdict == Verdict.INDETERMINATE


def test_revocation_services_that_are_down_lower_the_level_and_a_list_serves_for_a_dead_responder(
    pki: Pki, plain: Path, target: Path
) -> None:
    with pki.outage("ocsp", "crl"):
        made = sign(pki, plain, target, "agency-ec")
    assert (made.level, made.why) == ("B-T", "revocation-unknown")
    with pki.outage("ocsp"):
        assert sign(pki, plain, target, "agency-ec").level == "B-LTA"


@pytest.mark.parametrize(
    ("label", "why"),
    [("stale-crl", "revocation-unknown"), ("missing-chain", "chain-missing"), ("weak-digest", "weak-algorithm"),
     ("stranger", "chain-missing")],
)  # fmt: skip
def test_a_certificate_that_proves_nothing_signs_at_a_lower_level_and_says_why(
    pki: Pki, plain: Path, target: Path, label: str, why: str
) -> None:
    made = sign(pki, plain, target, label)
    assert (made.level, made.why) == ("B-T", why)
    assert validate_pdf(target, TrustStore(pki.roots)).verdict != Verdict.PASSED


@pytest.mark.parametrize(("label", "told"), [("expired", "expired"), ("wrong-usage", "non-repudiation")])
def test_an_unfit_certificate_signs_nothing(pki: Pki, plain: Path, target: Path, label: str, told: str) -> None:
    with pytest.raises(SigningFailed, match=told):
        sign(pki, plain, target, label)
    assert not target.exists()


def test_a_revoked_certificate_signs_nothing(pki: Pki, plain: Path, target: Path) -> None:
    with pytest.raises(CertificateRevoked, match=f"{pki.revoked_at:%Y-%m-%d}"):
        sign(pki, plain, target, "revoked")
    assert not target.exists()


def test_what_was_signed_before_the_revocation_stays_good_also_when_it_is_renewed_after_it(
    pki: Pki, plain: Path, target: Path, tmp_path: Path
) -> None:
    with pki.frozen(pki.revoked_at - DAY):
        assert sign(pki, plain, target, "revoked").level == "B-LTA"
    assert validate_pdf(target, TrustStore(pki.roots)).verdict == Verdict.PASSED
    renewed = renew(pki, target, tmp_path / "renewed.pdf", "ec")
    assert validate_pdf(renewed.path, TrustStore(pki.roots)).verdict == Verdict.PASSED


def test_only_a_token_for_what_was_asked_is_taken(pki: Pki) -> None:
    imprint, other, nonce = b"\1" * 32, b"\2" * 32, 5
    body = exchange(pki.tsa(), query(imprint, nonce), 30.0)
    assert sound_token(body, imprint, nonce)["content_type"].native == "signed_data"
    flipped = body[:-1] + bytes([body[-1] ^ 1])
    for answer, asked, number in (
        (body, other, nonce),
        (body, imprint, 6),
        (flipped, imprint, nonce),
        (b"", imprint, nonce),
    ):
        with pytest.raises(WrongToken):
            sound_token(answer, asked, number)


def renew(pki: Pki, source: Path, target: Path, tsa: str = "good") -> RenewedPdf:
    return renew_pdf(source, target, evidence=evidence(pki, tsa), at=pki.now)


def test_a_record_outlives_its_first_timestamp_when_it_is_renewed_in_time(
    pki: Pki, plain: Path, target: Path, tmp_path: Path
) -> None:
    with pki.frozen(pki.began - 300 * DAY):
        first = sign(pki, plain, target, "agency-ec", tsa="past")
    assert first.level == "B-LTA" and first.renew_by == pki.certificate("tsa-past").not_valid_after.date()
    files = [target]
    for days_ago, tsa in ((150, "good"), (0, "ec")):
        with pki.frozen(pki.began - days_ago * DAY) as at:
            made = renew(pki, files[-1], tmp_path / f"renewed-{days_ago}.pdf", tsa)
        assert made.path.read_bytes().startswith(files[-1].read_bytes())
        assert made.renew_by == renew_by(made.path) and made.renew_by > at.date()
        files.append(made.path)
    assert validate_pdf(target, TrustStore(pki.roots)).verdict != Verdict.PASSED, "never renewed"
    judged = signed(files, pki.write_trust(tmp_path / "trust") / "test-root.pem")
    for renewed in files[1:]:
        assert validate_pdf(renewed, TrustStore(pki.roots)).verdict == Verdict.PASSED
        assert judged[renewed] == (True, "TOTAL_PASSED null PAdES-BASELINE-LTA")
    assert {why for ok, why in archivable(files).values() if not ok} == set()


def test_a_strangers_timestamp_does_not_turn_back_the_clock(
    pki: Pki, plain: Path, target: Path, tmp_path: Path
) -> None:
    with pki.frozen(pki.began - 200 * DAY):
        sign(pki, plain, target, "expired", level="B-B")
        other = Pki(tmp_path / "stranger")
        with other.frozen(pki.began - 200 * DAY):
            proofs = [prove(pki.certificate("expired"), evidence(pki), known=pki.chain("expired"), at=pki.now)]
            seal(target, target, proofs, HttpTsa(other.tsa(), 30.0))
        other.close()
    assert validate_pdf(target, TrustStore(pki.roots)).verdict == Verdict.INDETERMINATE


def test_a_renewal_that_gains_nothing_is_not_made(pki: Pki, plain: Path, target: Path, tmp_path: Path) -> None:
    ends = sign(pki, plain, target, "agency-ec").renew_by
    with pytest.raises(NotRenewed, match="tsa-gains-nothing"):
        renew_pdf(target, tmp_path / "renewed.pdf", evidence=evidence(pki), longer_than=ends)
    renewed = renew_pdf(target, tmp_path / "renewed.pdf", evidence=evidence(pki, "ec"), longer_than=ends)
    assert ends is not None and renewed.renew_by > ends


@pytest.mark.parametrize(("tsa", "why"), [("down", "tsa-down"), ("wrong-nonce", "tsa-wrong-answer")])
def test_a_renewal_that_fails_leaves_nothing(
    pki: Pki, plain: Path, target: Path, tmp_path: Path, tsa: str, why: str
) -> None:
    sign(pki, plain, target, "agency-ec", level="B-B")
    with pytest.raises(NotRenewed, match=why):
        renew(pki, target, tmp_path / "raised.pdf", tsa)
    assert not (tmp_path / "raised.pdf").exists() and list(tmp_path.iterdir()) == [target]


def test_a_certificate_revoked_meanwhile_is_told_unless_the_time_was_proven(
    pki: Pki, plain: Path, target: Path, tmp_path: Path
) -> None:
    unproven, stamped = tmp_path / "b-b.pdf", target
    with pki.frozen(pki.revoked_at - DAY):
        sign(pki, plain, unproven, "revoked", level="B-B")
        sign(pki, plain, stamped, "revoked", level="B-T")
    with pytest.raises(NotRenewed, match=f"revoked on {pki.revoked_at:%Y-%m-%d}"):
        renew(pki, unproven, tmp_path / "raised.pdf")
    raised = renew(pki, stamped, tmp_path / "raised.pdf")
    assert validate_pdf(raised.path, TrustStore(pki.roots)).verdict is Verdict.PASSED
    [(ok, told)] = signed([raised.path], pki.write_trust(tmp_path / "trust") / "test-root.pem").values()
    assert ok, told
