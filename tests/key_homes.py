"""Certificates of an invented office and its people, and the homes their keys lie in: files and soft tokens."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pkcs11
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
    pkcs12,
)
from cryptography.x509.oid import NameOID

from pipeline.pdfa import write_pdfa
from pipeline.soundness import JPEG
from registry.values import PageText, utc_now
from signing.authority import Authority
from signing.keys.token import TokenPlace
from tests.bad_inputs import encoded, sheet

FONT = Path("/usr/share/fonts/truetype/croscore/Tinos-Regular.ttf")
SOFTHSM = Path("/usr/lib/softhsm/libsofthsm2.so")
COMMUNE, WARD, PROVINCE = "Ủy ban nhân dân xã An Hòa", "Ủy ban nhân dân phường Mỹ Lộc", "Ủy ban nhân dân tỉnh Bình Lạc"


@dataclass(frozen=True)
class Issued:
    """A certificate of the development authority, with its key."""

    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
    certificate: x509.Certificate
    issuer: x509.Certificate

    @property
    def pem(self) -> bytes:
        """The certificate and the one of its issuer."""
        return self.certificate.public_bytes(Encoding.PEM) + self.issuer.public_bytes(Encoding.PEM)

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)

    @property
    def private(self) -> bytes:
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def issue(
    authority: Authority,
    common_name: str,
    *,
    organisation: str = PROVINCE,
    unit: str | None = None,
    kind: str = "rsa",
    signs: bool = True,
    days: int = 365,
    by: Issued | None = None,
) -> Issued:
    """A certificate for documents. signs: with the non-repudiation usage. by: an issuer that nobody knows."""
    key = rsa.generate_private_key(65537, 2048) if kind == "rsa" else ec.generate_private_key(ec.SECP256R1())
    issuer = by.certificate if by else x509.load_pem_x509_certificate(authority.issuing.read_bytes())
    issuer_key = by.key if by else load_pem_private_key(authority.private("issuing").read_bytes(), None)
    told = [(NameOID.COUNTRY_NAME, "VN"), (NameOID.ORGANIZATION_NAME, organisation)]
    told += [(NameOID.ORGANIZATIONAL_UNIT_NAME, unit)] if unit else []
    usage = dict.fromkeys(
        ("key_encipherment", "data_encipherment", "key_agreement", "key_cert_sign", "crl_sign", "encipher_only",
         "decipher_only"), False
    )  # fmt: skip
    start = utc_now() - timedelta(minutes=5)
    made = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(o, v) for o, v in [*told, (NameOID.COMMON_NAME, common_name)]]))
        .issuer_name(issuer.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(min(start, start + timedelta(days=days - 1)))
        .not_valid_after(start + timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
        .add_extension(x509.KeyUsage(digital_signature=True, content_commitment=signs, **usage), critical=True)
        .sign(issuer_key, SHA256())
    )
    return Issued(key, made, issuer)


def pin_file(path: Path, pin: str) -> Path:
    """The file holds the PIN, for its owner alone: another is refused."""
    path.touch(0o600)
    path.write_text(pin)
    return path


def pkcs12_file(path: Path, issued: Issued, passphrase: str) -> Path:
    path.write_bytes(
        pkcs12.serialize_key_and_certificates(
            b"k", issued.key, issued.certificate, [issued.issuer], BestAvailableEncryption(passphrase.encode())
        )
    )
    return path


def soft_tokens(folder: Path, tokens: dict[str, tuple[str, Issued]]) -> dict[str, TokenPlace]:
    """SoftHSM with these tokens, each by its label with PIN, key and certificate. Once per process, before anything
    else of PKCS#11: the module reads its configuration and its tokens when it is loaded."""
    (folder / "tokens").mkdir(parents=True)
    configuration = folder / "softhsm2.conf"
    configuration.write_text(
        f"directories.tokendir = {folder / 'tokens'}\nobjectstore.backend = file\nlog.level = ERROR\n"
    )
    os.environ["SOFTHSM2_CONF"] = str(configuration)
    for label, (pin, issued) in tokens.items():
        key = folder / f"{label}.pem"
        key.write_bytes(issued.private)
        _softhsm("--init-token", "--free", "--label", label, "--pin", pin, "--so-pin", "12345678")
        _softhsm("--import", str(key), "--token", label, "--pin", pin, "--label", "ky", "--id", "01")
        key.unlink()
    module = pkcs11.lib(str(SOFTHSM))
    for label, (pin, issued) in tokens.items():
        with module.get_token(token_label=label).open(user_pin=pin, rw=True) as session:
            session.create_object(
                {
                    pkcs11.Attribute.CLASS: pkcs11.ObjectClass.CERTIFICATE,
                    pkcs11.Attribute.CERTIFICATE_TYPE: pkcs11.CertificateType.X_509,
                    pkcs11.Attribute.TOKEN: True,
                    pkcs11.Attribute.LABEL: "ky",
                    pkcs11.Attribute.ID: b"\x01",
                    pkcs11.Attribute.SUBJECT: issued.certificate.subject.public_bytes(),
                    pkcs11.Attribute.VALUE: issued.der,
                }
            )
    return {label: TokenPlace(module=SOFTHSM, token=label, key_label="ky") for label in tokens}


def one_page(folder: Path) -> Path:
    """A PDF/A of one page, unsigned."""
    (folder / "scan.jpg").write_bytes(encoded(sheet(), "JPEG"))
    write_pdfa(folder / "scan.jpg", JPEG, [PageText(index=0, text="", confidence=0, dpi=200)], folder / "plain.pdf")
    return folder / "plain.pdf"


def _softhsm(*arguments: str) -> None:
    subprocess.run(["softhsm2-util", *arguments], check=True, capture_output=True)
