"""Keys in a token and at a remote signing service: the contract, one PIN, and nothing tried twice that may lock."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256

from app.setup import initialise
from registry.errors import ServiceUnavailable, SigningFailed, WrongCertificate, WrongPin
from signing.authority import Authority, create_development_authority
from signing.keys import SigningKey
from signing.keys.remote import RemoteKey, RemotePlace
from signing.keys.secret import Secret
from signing.keys.token import TokenKey, TokenPlace
from tests.contracts.signing_key import SigningKeyContract, raw, verify
from tests.desk import SOHOA, typed_at_a_terminal
from tests.key_homes import COMMUNE, Issued, issue, one_page, pin_file, soft_tokens
from tests.servers.csc import Credential, SigningService, signing_service

PIN = "271828"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return create_development_authority(tmp_path_factory.mktemp("keys") / "keys", COMMUNE)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return one_page(tmp_path_factory.mktemp("plain"))


@pytest.fixture(scope="module")
def issued(authority: Authority) -> dict[str, Issued]:
    return {kind: issue(authority, COMMUNE, kind=kind) for kind in ("rsa", "ec")}


@pytest.fixture(scope="module")
def tokens(issued: dict[str, Issued], tmp_path_factory: pytest.TempPathFactory) -> dict[str, TokenPlace]:
    held = {"rsa": (PIN, issued["rsa"]), "ec": (PIN, issued["ec"]), "another": (PIN, issued["ec"])}
    held["mixed"] = (PIN, replace(issued["rsa"], key=rsa.generate_private_key(65537, 2048)))
    return soft_tokens(tmp_path_factory.mktemp("softhsm") / "hsm", held)


@pytest.fixture(scope="module")
def service(issued: dict[str, Issued]) -> Iterator[SigningService]:
    with signing_service(
        rsa=Credential(issued["rsa"], PIN),
        ec=Credential(issued["ec"], PIN),
        otp=Credential(issued["ec"], PIN, otp=True),
    ) as running:
        yield running


def typed(pin: str, *, keep: bool = False) -> Secret:
    secret = Secret("agency", keep=keep)
    secret.typed(pin)
    return secret


class TestTokenKey(SigningKeyContract):
    @pytest.fixture(scope="class", params=["rsa", "ec"])
    def key(self, request: pytest.FixtureRequest, tokens: dict[str, TokenPlace]) -> SigningKey:
        return TokenKey.open(tokens[request.param], typed(PIN))


class TestRemoteKey(SigningKeyContract):
    @pytest.fixture(scope="class", params=["rsa", "ec"])
    def key(self, request: pytest.FixtureRequest, service: SigningService) -> SigningKey:
        return remote(service, request.param, typed(PIN, keep=True))


def remote(service: SigningService, credential: str, secret: Secret) -> RemoteKey:
    place = RemotePlace(url=service.url, credential=credential, timeout_s=10)
    return RemoteKey.open(place, lambda: service.token, secret)


def test_a_token_refuses_a_wrong_pin_once_and_takes_the_right_one_when_the_file_changes(
    tokens: dict[str, TokenPlace], tmp_path: Path
) -> None:
    pin = pin_file(tmp_path / "pin", "000000\n")
    for _ in range(2):
        with pytest.raises(WrongPin):
            TokenKey.open(tokens["another"], Secret("another", file=pin, marks=tmp_path / "marks"))
    pin.write_text(f"{PIN}\n")
    key = TokenKey.open(tokens["another"], Secret("another", file=pin, marks=tmp_path / "marks"))
    verify(key, raw(key, b"x"), b"x")
    assert not list((tmp_path / "marks").iterdir())


def test_a_person_at_a_terminal_types_the_pin_once_and_it_stays_nowhere(
    tokens: dict[str, TokenPlace], issued: dict[str, Issued], tmp_path: Path
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "sohoa.toml").write_text(
        'demo = true\n[[signing.keys]]\nname = "xa"\nkind = "pkcs11"\nunits = ["H99.32"]\n'
        f'module = "{tokens["rsa"].module}"\ntoken = "rsa"\nkey_label = "ky"\n'
        f'certificate_sha256 = ["{issued["rsa"].certificate.fingerprint(SHA256()).hex()}"]\n'
    )
    initialise(home, demo=False, agency=COMMUNE)
    code, screen = typed_at_a_terminal([*SOHOA, "doctor", "--certificate", "--home", str(home)], PIN)
    assert screen.count("Mã PIN của khóa ký xa") == 1 and PIN not in screen
    assert "chứng thư dùng được" in screen, screen
    assert code == 3, "a certificate of another authority than this installation trusts: B-T"
    kept = [p for p in home.rglob("*") if p.is_file() and PIN.encode() in p.read_bytes()]
    assert kept == []


def test_a_token_that_broke_off_is_opened_anew_once(tokens: dict[str, TokenPlace], tmp_path: Path) -> None:
    pin = pin_file(tmp_path / "pin", PIN)
    key = TokenKey.open(tokens["rsa"], Secret("rsa", file=pin))
    key.signer.pkcs11_session.close()
    verify(key, raw(key, b"again"), b"again")


def test_a_missing_token_module_or_key_is_told_as_that(tokens: dict[str, TokenPlace]) -> None:
    known = tokens["rsa"]
    with pytest.raises(ServiceUnavailable, match="plugged in"):
        TokenKey.open(TokenPlace(module=known.module, token="không có", key_label="ky"), typed(PIN))
    with pytest.raises(SigningFailed, match="module"):
        TokenKey.open(TokenPlace(module=Path("/no/such.so"), token="rsa", key_label="ky"), typed(PIN))
    with pytest.raises(SigningFailed, match="lacks the key"):
        TokenKey.open(TokenPlace(module=known.module, token="rsa", key_label="khác"), typed(PIN))


def test_a_key_that_is_not_the_certificates_signs_nothing(
    tokens: dict[str, TokenPlace], issued: dict[str, Issued]
) -> None:
    mixed = replace(issued["ec"], key=ec.generate_private_key(ec.SECP256R1()))
    with signing_service(mixed=Credential(mixed, PIN)) as service:
        for key in (TokenKey.open(tokens["mixed"], typed(PIN)), remote(service, "mixed", typed(PIN, keep=True))):
            with pytest.raises(WrongCertificate):
                raw(key, b"x")


def test_a_service_that_answers_nonsense_is_told_as_away(service: SigningService) -> None:
    key = remote(service, "ec", typed(PIN, keep=True))
    for nonsense in ({"SAD": 7}, {"signatures": ["?"]}, []):
        service.nonsense = nonsense
        with pytest.raises((ServiceUnavailable, WrongCertificate)):
            raw(key, b"x")
    service.nonsense = None
    verify(key, raw(key, b"x"), b"x")


def test_a_remote_pin_is_refused_once_and_the_credential_is_not_locked(service: SigningService) -> None:
    key = remote(service, "rsa", typed("111111", keep=True))
    before = service.calls["credentials/authorize"]
    for _ in range(5):
        with pytest.raises(WrongPin):
            raw(key, b"x")
    assert service.calls["credentials/authorize"] == before + 1
    good = remote(service, "rsa", typed(PIN, keep=True))
    verify(good, raw(good, b"x"), b"x")


def test_a_service_that_is_away_or_wants_a_person_is_told_as_that(
    service: SigningService, issued: dict[str, Issued]
) -> None:
    with pytest.raises(SigningFailed, match="one-time password"):
        remote(service, "otp", typed(PIN))
    with pytest.raises(SigningFailed, match="3 credentials"):
        remote(service, "", typed(PIN))
    with signing_service(only=Credential(issued["ec"], PIN)) as other:
        key = remote(other, "", typed(PIN, keep=True))
        other.silent = True
        with pytest.raises(ServiceUnavailable):
            raw(key, b"x")
        other.silent = False
        verify(key, raw(key, b"x"), b"x")
    with pytest.raises(ServiceUnavailable):
        raw(key, b"x")
