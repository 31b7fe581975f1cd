"""The offline kit proves itself on a machine without sohoa, and no byte of it can be changed unnoticed."""

from __future__ import annotations

import hashlib
import json
import random
import shutil
import subprocess
import sys
import venv
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from app.kit import verifier
from app.kit.bundle import Kit, make_kit
from app.setup import initialise
from app.wiring import Wiring, opened
from config.messages import sentence
from registry import audit, documents, reads
from registry.database import read, write
from registry.errors import Conflict, FixityMismatch, TargetTaken
from registry.reads import Purpose, Reader, Why
from registry.values import DocumentId, utc_now, vietnam_date
from signing.keys import KeyRing, RingKey
from tests.desk import run_cli
from tests.office import add_record

READER = Reader(account="kiemtra", role="auditor")
WHY = Purpose(why=Why.INSPECTION)
MUTATIONS = 120


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wiring]:
    home = tmp_path_factory.mktemp("kits") / "home"
    initialise(home, demo=False, agency="Ủy ban nhân dân xã An Hòa")
    with opened(home) as wiring:
        for number in range(3):
            add_record(wiring, number)
        yield wiring


@pytest.fixture(scope="module")
def ids(office: Wiring) -> list[DocumentId]:
    with read(office.engine) as conn:
        return documents.archived_ids(conn)


@pytest.fixture(scope="module")
def made(office: Wiring, ids: list[DocumentId], tmp_path_factory: pytest.TempPathFactory) -> Kit:
    folder = tmp_path_factory.mktemp("out")
    return make_kit(office, ids[:2], folder / "bo-ho-so", reader=READER, purpose=WHY)


def check(folder: Path, signer: str = "") -> verifier.Report:
    return verifier.Kit(folder, None, signer).verify()


def told(report: verifier.Report, ok: bool | None) -> list[str]:
    return [f"{c.what}: {c.detail}" for c in report.checks if c.ok is ok]


def test_a_kit_holds_and_says_all_that_it_looked_at(made: Kit) -> None:
    report = check(made.path, made.signer_sha256)
    assert told(report, False) == [] and told(report, None) == []
    right = "\n".join(told(report, True))
    assert "Ủy ban nhân dân xã An Hòa" in right and right.count("của cả tài liệu") == 2 and "dòng" in right
    assert made.stamped and made.documents == 2 and made.audit_rows >= 4
    page = (made.path / "xem.html").read_text()
    assert "Căn cứ Luật" in page or "Xác nhận" in page
    assert "003199000000" not in page, "identity numbers are masked"
    anchors = [verifier.Certificate(der) for p in made.path.glob("trust/*") for der in verifier.pem(p.read_bytes())]
    for digest in (made.verifier_sha256, made.manifest_sha256, made.signer_sha256, *(a.fingerprint for a in anchors)):
        assert digest in made.cover.read_text(), "to compare with what was printed"


def test_a_kit_that_failed_late_leaves_nothing_and_is_made_the_next_time(
    office: Wiring, ids: list[DocumentId], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    target = tmp_path / "bo.zip"
    with monkeypatch.context() as disk:
        disk.setattr(zipfile.ZipFile, "write", full)
        with pytest.raises(OSError, match="space"):
            make_kit(office, ids[:1], target, reader=READER, purpose=WHY)
    assert list(tmp_path.iterdir()) == []
    again = make_kit(office, ids[:1], target, reader=READER, purpose=WHY)
    assert sorted(tmp_path.iterdir()) == [again.cover, target]
    target.unlink()
    with pytest.raises(TargetTaken, match=r"bo-to-bia\.html"):
        make_kit(office, ids[:1], target, reader=READER, purpose=WHY)
    assert "--output" in sentence(TargetTaken.code) and "trang" not in sentence(TargetTaken.code)


def test_nothing_of_other_documents_is_in_it(made: Kit, ids: list[DocumentId]) -> None:
    other = ids[2].encode()
    assert not [p for p in made.path.rglob("*") if p.is_file() and other in p.read_bytes()]


def test_a_machine_without_sohoa_checks_it(made: Kit, tmp_path: Path) -> None:
    venv.create(tmp_path / "bare", with_pip=False)
    shutil.copytree(made.path, tmp_path / "kit")
    asked = [str(tmp_path / "bare" / "bin" / "python"), "-I", "-S", str(tmp_path / "kit" / "verify.py")]
    done = subprocess.run(asked, capture_output=True, text=True, cwd="/", check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "CHƯA BIẾT" in done.stdout and "không có gì bị sửa" not in done.stdout
    assert made.verifier_sha256 in done.stdout and f"TỜ BÌA ĐÃ IN: {made.signer_sha256}" in done.stdout
    typed = ":".join(made.signer_sha256[i : i + 2].upper() for i in range(0, 64, 2))
    named = subprocess.run([*asked, "--signer", typed], capture_output=True, text=True, cwd="/", check=False)
    assert named.returncode == 0 and "không có gì bị sửa" in named.stdout and "CHƯA" not in named.stdout
    listed = subprocess.run([*asked, "--json"], capture_output=True, text=True, cwd="/", check=False)
    found = json.loads(listed.stdout)
    assert (found["ok"], found["signer"], found["signer_named"]) == (True, made.signer_sha256, False)
    wrong = subprocess.run([*asked, "--signer", "0" * 64], capture_output=True, text=True, cwd="/", check=False)
    assert wrong.returncode == 1 and "do chứng thư khác ký" in wrong.stdout
    short = subprocess.run([*asked, "--signer", "0" * 63], capture_output=True, text=True, cwd="/", check=False)
    assert short.returncode == 2
    target = tmp_path / "kit" / "audit" / "rows.json"
    target.write_bytes(target.read_bytes().replace(b"kiemtra", b"kiemtrA", 1))
    done = subprocess.run(asked, capture_output=True, text=True, cwd="/", check=False)
    assert done.returncode == 1 and "audit/rows.json" in done.stdout


def test_one_changed_byte_anywhere_is_found(made: Kit) -> None:
    """Two bytes of every file at least, and more of the small ones that everything hangs on."""
    drawn = random.Random(6)
    files = sorted(p for p in made.path.rglob("*") if p.is_file())
    places = [(path, drawn.randrange(path.stat().st_size)) for path in files for _ in range(2)]
    for name in ("manifest.json", "manifest.json.p7s", "SHA256SUMS", "verify.py", "audit/rows.json"):
        places += [(made.path / name, drawn.randrange((made.path / name).stat().st_size)) for _ in range(10)]
    assert len(places) >= MUTATIONS
    for path, at in places:
        body = path.read_bytes()
        path.chmod(0o644)
        path.write_bytes(body[:at] + bytes([body[at] ^ 1 << drawn.randrange(8)]) + body[at + 1 :])
        report = verifier.Kit(made.path, None)
        report.report.run("sums", report.check_sums)
        if report.report.ok:
            pytest.fail(f"{path.relative_to(made.path)} byte {at}")
        path.write_bytes(body)
    assert check(made.path).ok


def resealed(folder: Path) -> Path:
    """The kit after somebody who knows how it is made has put the sums right again."""
    files = sorted(p for p in folder.rglob("*") if p.is_file() and p.name != "SHA256SUMS")
    lines = {p.relative_to(folder).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}
    (folder / "SHA256SUMS").write_text("".join(f"{lines[name]}  {name}\n" for name in sorted(lines)))
    return folder


def remade(folder: Path) -> Path:
    """The same for the manifest as well: only the signature over it is left to find it."""
    manifest = json.loads((folder / "manifest.json").read_text())
    for name in manifest["files"]:
        body = (folder / name).read_bytes()
        manifest["files"][name] = {"sha256": hashlib.sha256(body).hexdigest(), "size": len(body)}
    (folder / "manifest.json").write_text(json.dumps(manifest, ensure_ascii=False, indent=1))
    return resealed(folder)


@pytest.mark.parametrize("mend", [resealed, remade])
@pytest.mark.parametrize("pattern", ["**/document.pdf", "**/metadata.json", "audit/rows.json", "audit/**/head.json",
                                     "**/original/*", "**/v1/inventory.json", "xem.html"])  # fmt: skip
def test_who_changes_a_file_and_mends_the_sums_is_found(made: Kit, tmp_path: Path, pattern: str, mend: object) -> None:
    folder = shutil.copytree(made.path, tmp_path / "kit")
    path = sorted(folder.glob(pattern))[0]
    body = path.read_bytes()
    path.chmod(0o644)
    at = len(body) // 3
    path.write_bytes(body[:at] + bytes([body[at] ^ 1]) + body[at + 1 :])
    wrong = told(check(mend(folder)), False)  # type: ignore[operator]
    assert wrong and any("bản kê" in text for text in wrong)
    if pattern != "xem.html":
        assert len(wrong) >= 2, "the part itself does not hold either"


@pytest.mark.parametrize("name", ["manifest.json.p7s", "audit/seals/000001/head.json.p7s"])
def test_a_signature_that_was_tampered_with_does_not_hold(made: Kit, tmp_path: Path, name: str) -> None:
    """Bytes that no signature covers (unsigned attributes, unused certificates) are in the sums all the same."""
    folder = shutil.copytree(made.path, tmp_path / "kit")
    body = (folder / name).read_bytes()
    found = 0
    for at in range(0, len(body), len(body) // 25):
        (folder / name).write_bytes(body[:at] + bytes([body[at] ^ 0x10]) + body[at + 1 :])
        found += not check(folder).ok
        if not found:
            pytest.fail(str(at))
    assert found >= 25


def test_whoever_signs_a_kit_anew_is_not_the_agency(made: Kit, tmp_path: Path) -> None:
    initialise(tmp_path / "forger", demo=False, agency="Ủy ban nhân dân xã An Hòa")
    folder = shutil.copytree(made.path, tmp_path / "kit")
    with opened(tmp_path / "forger") as forger:
        (folder / "manifest.json.p7s").write_bytes(
            forger.station.sign_bytes((folder / "manifest.json").read_bytes()).der
        )
    assert any("chuỗi chứng thư" in text for text in told(check(resealed(folder)), False))


def test_another_customer_of_an_anchor_is_not_the_agency_either(made: Kit, tmp_path: Path) -> None:
    """A public authority is an anchor: whoever has one of its certificates can change a kit and sign it anew."""
    initialise(tmp_path / "forger", demo=False, agency="Ủy ban nhân dân xã An Hòa")
    folder = shutil.copytree(made.path, tmp_path / "kit")
    shutil.copy(tmp_path / "forger/keys/trust/development-root.pem", folder / "trust" / "public.pem")
    (folder / "xem.html").write_text((folder / "xem.html").read_text().replace("An Hòa", "An Hoà"))
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"]["trust/public.pem"] = {}
    with opened(tmp_path / "forger") as forger:

        def signed(told: dict[str, object], name: str) -> None:
            (folder / name).write_text(json.dumps(told, ensure_ascii=False, indent=1))
            remade(folder)
            made_anew = forger.station.sign_bytes((folder / name).read_bytes()).der
            (folder / f"{name}.p7s").write_bytes(made_anew)
            resealed(folder)

        signed(manifest, "manifest.json")
        theirs = forger.station.own_signer[0]
        alone = verifier.Kit(folder, None)
        assert alone.verify().ok, "every part of it holds"
        assert "không có gì bị sửa" not in verifier.conclusion(alone) and theirs in verifier.conclusion(alone)
        assert any("do chứng thư khác ký" in text for text in told(check(folder, made.signer_sha256), False))
        shutil.copytree(made.path, folder, dirs_exist_ok=True)
        shutil.copy(tmp_path / "forger/keys/trust/development-root.pem", folder / "trust" / "public.pem")
        signed(json.loads((folder / "audit/seals/000001/head.json").read_text()), "audit/seals/000001/head.json")
        wrong = told(check(folder, made.signer_sha256), False)
        assert any("niêm phong 1: do chứng thư khác ký" in text for text in wrong)


def test_where_no_key_signs_the_cover_sheet_is_all_there_is(
    office: Wiring, ids: list[DocumentId], tmp_path: Path
) -> None:
    shutil.copytree(office.settings.home, tmp_path / "home")
    with opened(tmp_path / "home") as wiring:
        wiring.station._keys = KeyRing((RingKey(name="official"),))
        made = make_kit(wiring, [ids[0]], tmp_path / "kit", reader=READER, purpose=WHY)
    assert made.signer_sha256 == "" and any("SHA-256 của manifest.json trên tờ bìa" in text for text in made.unknown)
    assert "không có chữ ký của cơ quan" in made.cover.read_text()
    kit = verifier.Kit(made.path, None)
    assert kit.verify().ok and made.manifest_sha256 in verifier.conclusion(kit)
    assert not check(made.path, "0" * 64).ok


def test_an_own_anchor_is_believed_instead_of_the_kits(made: Kit, tmp_path: Path) -> None:
    initialise(tmp_path / "other", demo=False, agency="Nơi khác")
    stranger = tmp_path / "other" / "keys" / "trust" / "development-root.pem"
    assert not verifier.Kit(made.path, stranger).verify().ok
    assert verifier.Kit(made.path, next((made.path / "trust").glob("*.pem"))).verify().ok


def test_files_added_removed_or_renamed_are_found(made: Kit, tmp_path: Path) -> None:
    for misdeed in ("add", "remove", "rename"):
        folder = shutil.copytree(made.path, tmp_path / misdeed)
        target = sorted(folder.glob("archive/**/text.json"))[0]
        if misdeed == "add":
            (target.parent / "them.txt").write_text("x")
        elif misdeed == "remove":
            target.unlink()
        else:
            target.rename(target.with_name("text2.json"))
        assert len(told(check(folder), False)) >= 2
        assert not check(resealed(folder)).ok


def test_a_zip_holds_the_same(office: Wiring, ids: list[DocumentId], tmp_path: Path) -> None:
    made = make_kit(office, [ids[0]], tmp_path / "mot.zip", reader=READER, purpose=WHY)
    with zipfile.ZipFile(made.path) as packed:
        packed.extractall(tmp_path / "out")
    assert check(tmp_path / "out" / "mot").ok
    with pytest.raises(Conflict):
        make_kit(office, [ids[0]], tmp_path / "mot.zip", reader=READER, purpose=WHY)
    assert not [p for p in tmp_path.iterdir() if p.name.startswith(".")]


def test_who_took_a_kit_is_in_the_log_and_in_the_kit(office: Wiring, ids: list[DocumentId], made: Kit) -> None:
    lines = [json.loads(row["line"]) for row in json.loads((made.path / "audit" / "rows.json").read_text())]
    exported = [row for row in lines if row["action"] == "export"]
    assert {row["subject"] for row in exported} == set(ids[:2])
    assert all(row["actor"] == "kiemtra" and row["detail"]["why"] == "inspection" for row in exported)


def test_no_kit_is_made_of_what_does_not_hold(office: Wiring, ids: list[DocumentId], tmp_path: Path) -> None:
    shutil.copytree(office.settings.home, tmp_path / "home")
    [text] = (tmp_path / "home" / "archive").rglob(f"*{ids[0]}/v1/content/text.json")
    text.chmod(0o644)
    text.write_bytes(text.read_bytes() + b" ")
    with opened(tmp_path / "home") as wiring:
        with pytest.raises(FixityMismatch):
            make_kit(wiring, [ids[0]], tmp_path / "kit", reader=READER, purpose=WHY)
        with pytest.raises(Conflict):
            make_kit(wiring, [], tmp_path / "kit", reader=READER, purpose=WHY)
        with write(wiring.engine) as conn:
            audit.append(conn, actor="a", action="b", subject="c")
    assert not (tmp_path / "kit").exists()


CURVES = {ec.SECP256R1: hashes.SHA256, ec.SECP384R1: hashes.SHA384, ec.SECP521R1: hashes.SHA512}
ECDSA = {
    hashes.SHA256: "1.2.840.10045.4.3.2",
    hashes.SHA384: "1.2.840.10045.4.3.3",
    hashes.SHA512: "1.2.840.10045.4.3.4",
}
PKCS1 = {hashes.SHA256: "1.2.840.113549.1.1.11", hashes.SHA384: "1.2.840.113549.1.1.12",
         hashes.SHA512: "1.2.840.113549.1.1.13"}  # fmt: skip


def algorithm(oid: str) -> bytes:
    return verifier.der(0x30, verifier.encode_oid(oid))


def holds(key: object, oid: bytes, body: bytes, signature: bytes) -> bool:
    spki = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)  # type: ignore[attr-defined]
    return verifier.holds(spki, oid, "", body, signature)


@pytest.mark.parametrize("curve", CURVES)
def test_its_own_elliptic_curves_agree_with_openssl(curve: type[ec.EllipticCurve]) -> None:
    chosen = CURVES[curve]
    for number in range(4):
        key, body = ec.generate_private_key(curve()), f"thử {number}".encode()
        signature = key.sign(body, ec.ECDSA(chosen()))
        oid = algorithm(ECDSA[chosen])
        assert holds(key, oid, body, signature)
        assert not holds(key, oid, body + b".", signature)
        assert not holds(key, oid, body, signature[:-1] + bytes([signature[-1] ^ 1]))


@pytest.mark.parametrize("chosen", PKCS1)
@pytest.mark.parametrize("bits", [2048, 3072])
def test_its_own_rsa_agrees_with_openssl(chosen: type[hashes.SHA256], bits: int) -> None:
    key, body = rsa.generate_private_key(public_exponent=65537, key_size=bits), b"th\xe1\xbb\xad"
    signature = key.sign(body, padding.PKCS1v15(), chosen())
    assert holds(key, algorithm(PKCS1[chosen]), body, signature)
    assert not holds(key, algorithm(PKCS1[chosen]), body + b".", signature)
    name = chosen().name
    hashed = verifier.der(0x30, verifier.encode_oid(next(o for o, n in verifier.HASHES.items() if n == name)))
    mask = verifier.der(0x30, verifier.encode_oid(verifier.MGF1) + hashed)
    salt = verifier.der(0x02, bytes([chosen().digest_size]))
    told = verifier.der(0xA0, hashed) + verifier.der(0xA1, mask) + verifier.der(0xA2, salt)
    oid = verifier.der(0x30, verifier.encode_oid(verifier.PSS) + verifier.der(0x30, told))
    signature = key.sign(body, padding.PSS(padding.MGF1(chosen()), chosen().digest_size), chosen())
    assert holds(key, oid, body, signature)
    assert not holds(key, oid, body + b".", signature)
    assert not holds(key, oid, body, signature[:-1] + bytes([signature[-1] ^ 1]))


NOW = datetime(2026, 6, 1, tzinfo=UTC)
BEFORE, AFTER = NOW - timedelta(days=10), NOW + timedelta(days=10)


def certificate(name: str, key: ec.EllipticCurvePrivateKey, issuer: str, by: ec.EllipticCurvePrivateKey, *,
                authority: bool, purpose: x509.ObjectIdentifier | None = None) -> x509.Certificate:  # fmt: skip
    named = [x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, n)]) for n in (name, issuer)]
    made = (
        x509.CertificateBuilder().subject_name(named[0]).issuer_name(named[1]).public_key(key.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(BEFORE).not_valid_after(NOW + timedelta(days=400))
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
    )  # fmt: skip
    if purpose is not None:
        made = made.add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
    return made.sign(by, hashes.SHA256())


def plain(made: x509.Certificate) -> verifier.Certificate:
    return verifier.Certificate(made.public_bytes(Encoding.DER))


def answer(leaf: x509.Certificate, issuer: x509.Certificate, responder: x509.Certificate,
           by: ec.EllipticCurvePrivateKey, revoked: datetime | None) -> bytes:  # fmt: skip
    status = ocsp.OCSPCertStatus.REVOKED if revoked else ocsp.OCSPCertStatus.GOOD
    built = ocsp.OCSPResponseBuilder().add_response(
        leaf, issuer, hashes.SHA256(), status, NOW, AFTER, revoked, None
    )  # fmt: skip
    built = built.responder_id(ocsp.OCSPResponderEncoding.HASH, responder).certificates([responder])
    return built.sign(by, hashes.SHA256()).public_bytes(Encoding.DER)


def revocations(leaf: x509.Certificate, issuer: str, by: ec.EllipticCurvePrivateKey, at: datetime | None) -> bytes:
    made = x509.CertificateRevocationListBuilder().last_update(NOW).next_update(AFTER)
    made = made.issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
    if at is not None:
        gone = x509.RevokedCertificateBuilder().serial_number(leaf.serial_number).revocation_date(at).build()
        made = made.add_revoked_certificate(gone)
    return made.sign(by, hashes.SHA256()).public_bytes(Encoding.DER)


@pytest.mark.parametrize("way", ["ocsp", "delegated", "crl"])
@pytest.mark.parametrize(("revoked", "wrong"), [(None, False), (NOW - timedelta(days=1), True), (AFTER, False)])
def test_it_knows_what_was_revoked_and_when(way: str, revoked: datetime | None, wrong: bool) -> None:
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(4)]
    root = certificate("gốc", keys[0], "gốc", keys[0], authority=True)
    leaf = certificate("cơ quan", keys[1], "gốc", keys[0], authority=False)
    serving = certificate("ocsp", keys[2], "gốc", keys[0], authority=False, purpose=ExtendedKeyUsageOID.OCSP_SIGNING)
    fake = certificate("ocsp", keys[3], "gốc", keys[3], authority=False, purpose=ExtendedKeyUsageOID.OCSP_SIGNING)
    trust = verifier.Trust([plain(root)])
    path = trust.chain(plain(leaf), NOW)
    trust.answers.append(answer(leaf, root, fake, keys[3], None))  # by nobody whom the issuer names
    trust.lists.append(revocations(leaf, "gốc", keys[3], None))  # of another authority of the same name
    with pytest.raises(verifier.CannotTell):
        trust.require_not_revoked(path, NOW)
    if way == "crl":
        trust.lists.append(revocations(leaf, "gốc", keys[0], revoked))
    else:
        responder, key = (root, keys[0]) if way == "ocsp" else (serving, keys[2])
        trust.answers.append(answer(leaf, root, responder, key, revoked))
    if wrong:
        with pytest.raises(verifier.Wrong, match="thu hồi"):
            trust.require_not_revoked(path, NOW)
    else:
        trust.require_not_revoked(path, NOW)


def test_a_chain_needs_authorities_in_it_and_days_in_force() -> None:
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(3)]
    root = certificate("gốc", keys[0], "gốc", keys[0], authority=True)
    officer = certificate("cán bộ", keys[1], "gốc", keys[0], authority=False)
    forged = certificate("ai đó", keys[2], "cán bộ", keys[1], authority=False)
    trust = verifier.Trust([plain(root)])
    assert [c.name for c in trust.chain(plain(officer), NOW)] == ["cán bộ", "gốc"]
    with pytest.raises(verifier.NoChain):
        trust.chain(plain(forged), NOW, [plain(officer)])
    with pytest.raises(verifier.CannotTell, match="không còn hạn"):
        trust.chain(plain(officer), NOW + timedelta(days=4000))


def test_it_imports_nothing_but_pythons_own() -> None:
    source = Path(verifier.__file__).read_text()
    names = {line.split()[1].split(".")[0] for line in source.splitlines() if line.startswith(("import ", "from "))}
    assert names <= set(sys.stdlib_module_names)
    compile(source, "verify.py", "exec", dont_inherit=True)


def test_the_command_line_makes_one_of_a_period(office: Wiring, ids: list[DocumentId], tmp_path: Path) -> None:
    home, target, today = str(office.settings.home), tmp_path / "ky.zip", vietnam_date(utc_now()).isoformat()
    told = run_cli("archive", "kit", "--from", today, "--to", today, "--unit", "H99.32", "--output", str(target),
                   "--dossier", "H99.32-260805-0003", "--home", home)  # fmt: skip
    assert told["documents"] == len(ids) and Path(told["path"]).is_file() and Path(told["cover"]).is_file()
    with read(office.engine) as conn:
        [newest] = reads.find(conn, limit=1)
    assert (newest.action, newest.why, newest.dossier) == ("export", "dossier", "H99.32-260805-0003")
