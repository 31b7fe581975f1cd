"""Signatures: of the level asked for, whole to the last byte, and never passed after a change."""

from __future__ import annotations

import random
import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pipeline.pdfa import write_pdfa
from pipeline.soundness import JPEG
from registry.errors import SigningFailed
from registry.values import PageText, Verdict
from signing.authority import Authority, create_development_authority
from signing.kept_keys import loaded
from signing.keys import Pkcs12Key, require_fit
from signing.sign import Evidence, sign_pdf
from signing.stamp import Stamp, place, wrap
from signing.station import SigningStation
from signing.validate import TrustStore, validate_pdf
from tests.bad_inputs import encoded, sheet

FONT = Path("/usr/share/fonts/truetype/croscore/Tinos-Regular.ttf")
AGENCY = "Ủy ban nhân dân xã An Hòa"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return create_development_authority(tmp_path_factory.mktemp("keys") / "keys", AGENCY)


def station(authority: Authority, tsa: str = "development") -> SigningStation:
    return SigningStation.open(
        key_file=authority.agency, passphrase=None, passphrase_file=authority.passphrase, level="B-LTA", tsa=tsa,
        authority=authority.folder, trust=TrustStore.load(authority.folder / "trust"), font=FONT,
    )  # fmt: skip


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("plain")
    (folder / "scan.jpg").write_bytes(encoded(sheet(), "JPEG"))
    write_pdfa(folder / "scan.jpg", JPEG, [PageText(index=0, text="", confidence=0, dpi=200)], folder / "plain.pdf")
    return folder / "plain.pdf"


@pytest.fixture(scope="module")
def signed(authority: Authority, plain: Path) -> Path:
    stamp = Stamp("SAO Y", AGENCY, datetime(2026, 11, 24, 3, 0, tzinfo=UTC))
    made = station(authority).sign(plain, plain.with_name("signed.pdf"), stamp=stamp)
    assert made.level == "B-LTA" and made.why == ""
    return made.path


def test_a_fresh_signature_passes_and_the_source_is_untouched(authority: Authority, plain: Path, signed: Path) -> None:
    before = plain.read_bytes()
    report = validate_pdf(signed, TrustStore.load(authority.folder / "trust"))
    assert report.verdict == Verdict.PASSED, report
    assert signed.read_bytes().startswith(before), "an incremental update: the signed file begins with the unsigned"


def test_no_single_changed_byte_passes(authority: Authority, signed: Path, tmp_path: Path) -> None:
    whole, trust, chance = signed.read_bytes(), TrustStore.load(authority.folder / "trust"), random.Random(5)
    path = tmp_path / "flipped.pdf"
    for place_ in [*(chance.randrange(len(whole)) for _ in range(60)), 0, len(whole) - 1]:
        path.write_bytes(whole[:place_] + bytes([whole[place_] ^ (1 << chance.randrange(8))]) + whole[place_ + 1 :])
        assert validate_pdf(path, trust).verdict != Verdict.PASSED, place_


@pytest.mark.parametrize("change", [lambda b: b + b"\n%%EOF more", lambda b: b[:-20], lambda b: b[: len(b) // 2]])
def test_nothing_hung_on_or_cut_off_passes(authority: Authority, signed: Path, tmp_path: Path, change: object) -> None:
    path = tmp_path / "changed.pdf"
    path.write_bytes(change(signed.read_bytes()))  # type: ignore[operator]
    assert validate_pdf(path, TrustStore.load(authority.folder / "trust")).verdict != Verdict.PASSED


def test_a_stranger_is_indeterminate_never_failed(signed: Path, plain: Path, tmp_path: Path) -> None:
    other = create_development_authority(tmp_path / "other", "Khác")
    assert validate_pdf(signed, TrustStore.load(other.folder / "trust")).verdict == Verdict.INDETERMINATE
    assert validate_pdf(plain, TrustStore.load(other.folder / "trust")).verdict == Verdict.INDETERMINATE
    assert validate_pdf(Path(__file__), TrustStore.load(other.folder / "trust")).verdict == Verdict.FAILED


def test_a_timestamp_server_that_is_down_lowers_the_level_and_says_so(authority: Authority, plain: Path) -> None:
    made = station(authority, tsa="http://127.0.0.1:9/tsa").sign(plain, plain.with_name("low.pdf"), stamp=None)
    assert (made.level, made.why, made.renew_by) == ("B-B", "tsa-down", None)


def test_a_timestamp_server_that_stays_silent_makes_one_document_wait_not_all(
    authority: Authority, plain: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        asking = SigningStation(
            key=Pkcs12Key.load(authority.agency, authority.passphrase.read_text()), level="B-LTA", patience_s=0.3,
            tsa=f"http://127.0.0.1:{mute.getsockname()[1]}/", authority=authority,
            trust=TrustStore.load(authority.folder / "trust"), font=FONT,
        )  # fmt: skip
        first, second = (asking.sign(plain, plain.with_name("mute.pdf"), stamp=None) for _ in range(2))
    assert (first.level, first.why, first.silent) == ("B-B", "tsa-silent", True)
    assert (second.level, second.why, second.silent) == ("B-B", "no-tsa", False)


def test_a_wrong_passphrase_and_an_expired_certificate_are_told(authority: Authority) -> None:
    with pytest.raises(SigningFailed, match="passphrase"):
        Pkcs12Key.load(authority.agency, "sai")
    certificate = Pkcs12Key.load(authority.agency, authority.passphrase.read_text()).certificate
    with pytest.raises(SigningFailed, match="expired"):
        require_fit(certificate, datetime.now(UTC) + timedelta(days=365 * 30))


def test_private_files_are_their_owners_alone(authority: Authority) -> None:
    for path in (authority.agency, authority.passphrase, authority.private("root"), authority.timestamp_key):
        assert path.stat().st_mode & 0o077 == 0, path.name


def test_the_stamp_says_form_agency_and_time_in_the_top_right_corner() -> None:
    told = place(Stamp("SAO Y", AGENCY, datetime(2026, 11, 24, 3, 0, tzinfo=UTC)), FONT, (0, 0, 595, 842))
    assert told is not None
    assert told.text.splitlines() == ["SAO Y", AGENCY, "2026-11-24T10:00:00+07:00"]
    left, bottom, right, top = told.box
    assert left > 595 / 2 and right <= 595 and bottom > 842 - 57 and top <= 842, "within the top margin of 20 mm"


def test_a_long_agency_is_wrapped_and_a_letter_the_font_lacks_is_refused() -> None:
    assert len(wrap("Trung tâm Phục vụ hành chính công " * 3, FONT, 220)) >= 3
    with pytest.raises(SigningFailed, match="lacks"):
        place(Stamp("SAO Y", "漢", datetime(2026, 1, 1, tzinfo=UTC)), FONT, (0, 0, 595, 842))


def test_a_disk_that_takes_nothing_is_told_as_that(authority: Authority, plain: Path) -> None:
    with pytest.raises(FileNotFoundError):
        station(authority).sign(plain, plain.parent / "no such folder" / "signed.pdf", stamp=None)


def test_no_level_at_all_is_an_error(authority: Authority, tmp_path: Path) -> None:
    (tmp_path / "x.pdf").write_bytes(b"no pdf")
    key = Pkcs12Key.load(authority.agency, authority.passphrase.read_text())
    with pytest.raises(SigningFailed):
        sign_pdf(
            tmp_path / "x.pdf", tmp_path / "y.pdf", key=key, stamp=None, font=FONT, level="B-B", evidence=Evidence()
        )


def test_a_private_key_is_parsed_once_however_often_it_signs(authority: Authority, plain: Path) -> None:
    at = station(authority)
    at.sign(plain, plain.with_name("once.pdf"), stamp=None)
    before = loaded.cache_info()
    at.sign(plain, plain.with_name("twice.pdf"), stamp=None)
    after = loaded.cache_info()
    assert after.misses == before.misses
    assert after.hits >= before.hits + 2, "its own key and the timestamp authority's"
