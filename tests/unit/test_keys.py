"""Signing keys: the contract for files, whose certificate signs for whom, and a PIN that is used once only."""

from __future__ import annotations

import hashlib
import threading
from pathlib import Path

import pytest

from app.doctor import _pins
from app.key_ring import key_ring
from app.wiring import Wiring
from config.catalogue import SHIPPED, load_catalogue
from config.messages import sentence
from config.settings import Settings, load_settings_file
from registry.errors import (
    NoSigningKey,
    PinExposed,
    PinNeeded,
    SettingsInvalid,
    SigningFailed,
    WrongCertificate,
    WrongPin,
)
from signing.authority import Authority, create_development_authority
from signing.keys import KeyRing, KeyRole, Pkcs12Key, RingKey, SigningKey
from signing.keys.secret import Secret
from tests.contracts.signing_key import SigningKeyContract
from tests.key_homes import COMMUNE, PROVINCE, WARD, Issued, issue, one_page, pin_file, pkcs12_file


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return create_development_authority(tmp_path_factory.mktemp("keys") / "keys", COMMUNE)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return one_page(tmp_path_factory.mktemp("plain"))


class TestPkcs12Key(SigningKeyContract):
    @pytest.fixture(scope="class", params=["rsa", "ec"])
    def key(
        self, request: pytest.FixtureRequest, authority: Authority, tmp_path_factory: pytest.TempPathFactory
    ) -> SigningKey:
        path = tmp_path_factory.mktemp("p12") / "key.p12"
        return Pkcs12Key.load(pkcs12_file(path, issue(authority, COMMUNE, kind=request.param), "mat khau"), "mat khau")


def settings(home: Path, *keys: str) -> Settings:
    (home / "sohoa.toml").write_text("demo = true\n" + "\n".join(f"[[signing.keys]]\n{key}" for key in keys))
    return load_settings_file(home, home / "sohoa.toml")


def ring(home: Path, *keys: str) -> KeyRing:
    return key_ring(settings(home, *keys), load_catalogue(SHIPPED), marks=home / "marks")


def file_key(home: Path, name: str, issued: Issued, told: str = "") -> str:
    pkcs12_file(home / f"{name}.p12", issued, "mat khau")
    pin_file(home / "pin", "mat khau\n")
    return f'name = "{name}"\nkind = "pkcs12"\nfile = "{name}.p12"\npin = "file"\npin_file = "pin"\n{told}\n'


def test_each_unit_signs_with_its_own_key_and_the_rest_with_the_one_for_all(
    authority: Authority, tmp_path: Path
) -> None:
    held = ring(
        tmp_path,
        file_key(tmp_path, "xa", issue(authority, COMMUNE, kind="ec"), 'units = ["H99.32"]'),
        file_key(tmp_path, "phuong", issue(authority, WARD, kind="ec"), 'units = ["H99.34", "H99.34.01"]'),
        file_key(tmp_path, "chung", issue(authority, PROVINCE, kind="ec")),
        'name = "chu-tich"\nrole = "official"\nkind = "deferred"\nunits = ["H99.32"]',
    )
    for unit, name in (("H99.32", COMMUNE), ("H99.34.01", WARD), ("H99.33", PROVINCE)):
        assert held.key(unit).certificate.subject.native["common_name"] == name
    assert held.held("H99.32", KeyRole.OFFICIAL).deferred
    assert held.has("H99.32", KeyRole.OFFICIAL) and not held.has("H99.34", KeyRole.OFFICIAL)
    with pytest.raises(NoSigningKey):
        held.key("H99.34", KeyRole.OFFICIAL)
    with pytest.raises(NoSigningKey, match="deferred"):
        held.key("H99.32", KeyRole.OFFICIAL)


@pytest.mark.parametrize(
    ("role", "names", "fits"),
    [
        ("agency", {"common_name": COMMUNE}, True),
        ("agency", {"common_name": COMMUNE.upper(), "organisation": "Tỉnh khác"}, True),
        ("agency", {"common_name": "Dấu", "organisation": PROVINCE, "unit": COMMUNE}, True),
        ("official", {"common_name": "Nguyễn Văn An", "unit": COMMUNE}, True),
        ("official", {"common_name": "Nguyễn Văn An", "organisation": COMMUNE}, True),
        ("agency", {"common_name": WARD}, False),
        ("official", {"common_name": COMMUNE, "unit": WARD}, False),
        ("official", {"common_name": "Nguyễn Văn An", "organisation": COMMUNE, "unit": WARD}, False),
    ],
)
def test_a_certificate_of_another_unit_is_refused(
    authority: Authority, tmp_path: Path, role: str, names: dict[str, str], fits: bool
) -> None:
    held = ring(
        tmp_path,
        file_key(tmp_path, "xa", issue(authority, kind="ec", **names), f'role = "{role}"\nunits = ["H99.32"]'),  # type: ignore[arg-type]
    )
    if fits:
        assert held.key("H99.32", KeyRole(role))
    else:
        with pytest.raises(WrongCertificate):
            held.key("H99.32", KeyRole(role))


def test_a_fingerprint_in_the_settings_decides_alone(authority: Authority, tmp_path: Path) -> None:
    right, other = issue(authority, WARD, kind="ec"), issue(authority, COMMUNE, kind="ec")
    bound = f'units = ["H99.32"]\ncertificate_sha256 = ["{hashlib.sha256(right.der).hexdigest()}"]'
    assert ring(tmp_path, file_key(tmp_path, "xa", right, bound)).key("H99.32")
    with pytest.raises(WrongCertificate):
        ring(tmp_path, file_key(tmp_path, "xa", other, bound)).key("H99.32")


def test_one_key_that_does_not_open_hinders_no_other(authority: Authority, tmp_path: Path) -> None:
    held = ring(
        tmp_path,
        file_key(tmp_path, "xa", issue(authority, COMMUNE, kind="ec"), 'units = ["H99.32"]'),
        file_key(tmp_path, "cu", issue(authority, WARD, kind="ec", days=-1), 'units = ["H99.34"]'),
        file_key(tmp_path, "khac", issue(authority, WARD, kind="ec", signs=False), 'units = ["H99.33"]'),
        'name = "go"\nkind = "pkcs12"\nfile = "xa.p12"\nunits = ["H99.31"]',
    )
    assert [name for name, _ in held.unlock(None)] == ["cu", "khac", "go"]
    assert held.key("H99.32")
    for unit in ("H99.34", "H99.33"):
        with pytest.raises(SigningFailed):
            held.key(unit)


def test_a_home_that_is_slow_to_open_holds_up_no_other_key(authority: Authority, tmp_path: Path) -> None:
    held = ring(tmp_path, file_key(tmp_path, "xa", issue(authority, COMMUNE, kind="ec"), 'units = ["H99.32"]'))
    opening, may_open = threading.Event(), threading.Event()

    def slow() -> SigningKey:
        opening.set()
        assert may_open.wait(30)
        return held.key("H99.32")

    both = KeyRing((*held.keys, RingKey(name="cham", units=frozenset({"H99.33"}), open=slow)))
    waiting = threading.Thread(target=both.key, args=("H99.33",))
    waiting.start()
    assert opening.wait(30)
    assert both.key("H99.32")
    may_open.set()
    waiting.join(30)
    assert not waiting.is_alive()


def test_a_typed_pin_is_asked_for_once_and_told_to_nobody(authority: Authority, tmp_path: Path) -> None:
    pkcs12_file(tmp_path / "xa.p12", issue(authority, COMMUNE, kind="ec"), "mat khau")
    told = 'name = "xa"\nkind = "pkcs12"\nfile = "xa.p12"\nunits = ["H99.32"]'
    held, asked = ring(tmp_path, told), []

    def ask(name: str) -> str:
        asked.append(name)
        return "mat khau"

    assert held.unlock(ask) == [] and held.unlock(ask) == []
    assert asked == ["xa"]
    assert held.key("H99.32") and "mat khau" not in repr(held)
    assert not (tmp_path / "marks").exists()


def test_a_wrong_pin_is_used_once_also_after_a_restart_until_the_file_changes(tmp_path: Path) -> None:
    pin, tries = tmp_path / "pin", []

    def refuse() -> None:
        with Secret("xa", file=pin, marks=tmp_path / "marks").used() as told:
            tries.append(told)
            if told == "sai":
                raise WrongPin("no")

    pin_file(pin, "sai\n")
    for _ in range(3):
        with pytest.raises(WrongPin):
            refuse()
    assert tries == ["sai"]
    assert "sai" not in (tmp_path / "marks" / "xa.wrong-pin").read_text()
    pin_file(tmp_path / "new", "dung\n").replace(pin)
    refuse()
    assert tries == ["sai", "dung"]


@pytest.mark.parametrize("mode", [0o666, 0o640, 0o604, 0o620])
def test_a_pin_that_others_can_read_is_not_used(authority: Authority, tmp_path: Path, mode: int) -> None:
    pin = pin_file(tmp_path / "pin", "mat khau")
    pin.chmod(mode)
    with pytest.raises(PinExposed, match="chmod 600"), Secret("xa", file=pin).used():
        raise AssertionError("not reached")
    assert "chmod 600" in sentence(PinExposed.code)
    pin.chmod(0o600)
    with Secret("xa", file=pin).used() as told:
        assert told == "mat khau"
    held = ring(tmp_path, file_key(tmp_path, "xa", issue(authority, COMMUNE, kind="ec"), 'units = ["H99.32"]'))
    pin.chmod(mode)
    [(name, why)] = held.unlock(None)
    assert (name, why.code) == ("xa", "pin-exposed")


def test_the_passphrase_of_the_only_key_is_held_to_the_same(tmp_path: Path) -> None:
    own = create_development_authority(tmp_path / "keys", COMMUNE)
    (tmp_path / "sohoa.toml").write_text("demo = true\n")
    told = load_settings_file(tmp_path, tmp_path / "sohoa.toml")
    assert key_ring(told, load_catalogue(SHIPPED), marks=tmp_path / "marks").key(None)
    own.passphrase.chmod(0o644)
    with pytest.raises(PinExposed):
        key_ring(told, load_catalogue(SHIPPED), marks=tmp_path / "marks").key(None)


def test_a_credential_of_the_service_manager_may_have_an_acl(
    authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """systemd gives the service's account an ACL: the mode then has its mask where a group's rights would stand."""
    pkcs12_file(tmp_path / "xa.p12", issue(authority, COMMUNE, kind="ec"), "mat khau")
    pin_file(tmp_path / "ma-pin", "mat khau").chmod(0o440)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    told = 'name = "xa"\nkind = "pkcs12"\nfile = "xa.p12"\npin = "file"\npin_credential = "ma-pin"\nunits = ["H99.32"]'
    assert ring(tmp_path, told).key("H99.32")


def test_the_doctor_warns_of_pins_in_files(authority: Authority, tmp_path: Path) -> None:
    xa = file_key(tmp_path, "xa", issue(authority, COMMUNE, kind="ec"))
    token = 'name = "usb"\nunits = ["H99.34"]\nkind = "pkcs11"\nmodule = "m.so"\ntoken = "t"\nkey_label = "k"\n'
    token += 'pin = "file"\n'
    assert _pins(Wiring(settings(tmp_path, xa))).ok, "a passphrase beside its own file hides nothing more"
    found = _pins(Wiring(settings(tmp_path, xa, token + 'pin_file = "pin"')))
    assert not found.ok and "usb" in found.detail and "typed" in found.fix and "pin_credential" in found.fix
    assert _pins(Wiring(settings(tmp_path, token + 'pin_credential = "ma-pin"'))).ok
    (tmp_path / "pin").chmod(0o640)
    found = _pins(Wiring(settings(tmp_path, xa)))
    assert not found.ok and f"chmod 600 {tmp_path / 'pin'}" in found.fix


def test_a_typed_pin_is_given_once_or_kept_in_memory_for_homes_that_want_it(tmp_path: Path) -> None:
    once, kept = Secret("a"), Secret("b", keep=True)
    for secret in (once, kept):
        with pytest.raises(PinNeeded), secret.used():
            pass
        secret.typed("1234")
        with secret.used() as told:
            assert told == "1234"
    with pytest.raises(PinNeeded), once.used():
        pass
    with kept.used() as told:
        assert told == "1234"
    with pytest.raises(WrongPin), kept.used():
        raise WrongPin("no")
    with pytest.raises(WrongPin, match="type the right one"), kept.used():
        raise AssertionError("not reached")


@pytest.mark.parametrize(
    "told",
    [
        'name = "xa"\nkind = "pkcs11"\nmodule = "x.so"\ntoken = "t"',
        'name = "xa"\nkind = "csc"\nurl = "http://ky.example.vn"\npin = "none"',
        'name = "xa"\nkind = "pkcs12"\nfile = "a"\npin = "file"',
        'name = "xa"\nkind = "pkcs12"\nfile = "a"\nunits = ["H00"]',
        'name = "xa"\nkind = "deferred"',
        "[[signing.keys]]\n".join(f'name = "{name}"\nkind = "deferred"\nunits = ["H99"]\n' for name in "ab"),
    ],
)
def test_settings_that_contradict_themselves_stop_the_start(tmp_path: Path, told: str) -> None:
    with pytest.raises(SettingsInvalid):
        ring(tmp_path, told)
