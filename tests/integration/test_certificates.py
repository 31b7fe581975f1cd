"""`sohoa doctor --certificate`: which level each key reaches and why, against a PKI that answers over real HTTP."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import load_der_x509_certificate

from app.certificates import KeyReport, examine_certificates
from app.setup import initialise
from tests.desk import run_cli
from tests.key_homes import pin_file
from tests.servers.pki import SIGNERS, Pki


def office(pki: Pki, home: Path, tsa: str, *keys: str) -> Path:
    """An installation that has its development authority as every other, and these keys of its own."""
    pki.write_trust(home / "trust")
    (home / "sohoa.toml").write_text(f'[signing]\ntsa = "{tsa}"\ntrust = "trust"\n' + "\n".join(keys))
    initialise(home, demo=False, agency="Ủy ban nhân dân xã thử")
    return home


def file_key(pki: Pki, home: Path, label: str, unit: str) -> str:
    path, passphrase = pki.p12(label)
    pin_file(home / "pin", passphrase)
    return f"""[[signing.keys]]
name = "{label}"
kind = "pkcs12"
file = "{path}"
units = ["{unit}"]
certificate_sha256 = ["{pki.certificate(label).sha256.hex()}"]
pin = "file"
pin_file = "pin"
"""


def officials_key(pki: Pki) -> str:
    """A key that lies with officials, who may have any of these certificates."""
    known = ", ".join(f'"{pki.certificate(label).sha256.hex()}"' for label in SIGNERS)
    return f'[[signing.keys]]\nname = "ngoai"\nkind = "deferred"\ncertificate_sha256 = [{known}]\n'


def pem(pki: Pki, *labels: str) -> bytes:
    return b"".join(
        load_der_x509_certificate(pki.certificate(label).dump()).public_bytes(Encoding.PEM) for label in labels
    )


def wrong(report: KeyReport) -> dict[str, str]:
    assert all(finding.fix for finding in report.findings if not finding.ok)
    return {finding.name: finding.code for finding in report.findings if not finding.ok}


@pytest.fixture(scope="module")
def deferred(pki: Pki, tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("certificates") / "home"
    home.mkdir()
    return office(pki, home, pki.tsa("good"), officials_key(pki))


@pytest.mark.parametrize(
    ("label", "level", "found"),
    [
        ("official-ec", "B-LTA", {}),
        ("official-rsa", "B-LTA", {}),
        ("crl-only", "B-LTA", {}),
        ("revoked", None, {"proof": "revoked"}),
        ("wrong-usage", None, {"usage": "wrong-usage"}),
        ("missing-chain", "B-T", {"proof": "chain-missing"}),
        ("stranger", "B-T", {"proof": "chain-missing"}),
        ("stale-crl", "B-T", {"proof": "revocation-unknown"}),
    ],
)
def test_each_certificate_is_told_its_level_and_what_hinders_a_higher_one(
    pki: Pki, deferred: Path, label: str, level: str | None, found: dict[str, str]
) -> None:
    [report] = examine_certificates(deferred, pem(pki, label, *(["issuing"] if pki.chain(label) else [])), None)
    assert (report.level, wrong(report)) == (level, found)
    assert report.ok == (not found)


def test_an_expired_or_weakly_signed_certificate_says_so(pki: Pki, deferred: Path) -> None:
    [expired] = examine_certificates(deferred, pem(pki, "expired", "issuing"), None)
    assert expired.level is None and wrong(expired)["usage"] == "expired"
    [weak] = examine_certificates(deferred, pem(pki, "weak-digest", "issuing"), None)
    assert wrong(weak)["issuer-algorithm"] == "weak-algorithm" and weak.level == "B-T"


@pytest.mark.parametrize(
    ("out", "level", "found"),
    [
        (("tsa",), "B-B", {"tsa": "down"}),
        (("ocsp", "crl"), "B-T", {"proof": "revocation-unknown", "tsa-proof": "revocation-unknown"}),
    ],
)
def test_a_service_that_is_down_is_told_with_the_level_that_is_left(
    pki: Pki, deferred: Path, out: tuple[str, ...], level: str, found: dict[str, str]
) -> None:
    with pki.outage(*out):
        [report] = examine_certificates(deferred, pem(pki, "official-ec", "issuing"), None)
    assert (report.level, wrong(report)) == (level, found)


def test_the_command_tells_of_every_key_and_ends_with_3_when_one_falls_short(pki: Pki, tmp_path: Path) -> None:
    good = office(pki, tmp_path, pki.tsa("good"), file_key(pki, tmp_path, "agency-ec", "H99.32"))
    [told] = run_cli("doctor", "--certificate", "--home", str(good))["keys"]
    assert (told["key"], told["level"], told["ok"]) == ("agency-ec", "B-LTA", True)
    with (good / "sohoa.toml").open("a") as more:
        more.write(file_key(pki, tmp_path, "expired", "H99.33"))
        more.write(officials_key(pki))
    keys = run_cli("doctor", "--certificate", "--home", str(good), exit_code=3)["keys"]
    assert [(k["key"], k["level"], k["ok"]) for k in keys] == [
        ("agency-ec", "B-LTA", True), ("expired", None, False), ("ngoai", None, True),
    ]  # fmt: skip
    assert keys[1]["findings"][0]["code"] == "certificate-unfit"
