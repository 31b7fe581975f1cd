"""The development authority of `sohoa init`: root, issuing CA, agency certificate, time stamping, revocation lists.

For trying out and for tests only, and every certificate says so in its name. It signs nothing that a court should
believe: a real installation names its own key and an RFC 3161 TSA in sohoa.toml.
"""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
    pkcs12,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from registry.values import utc_now

MARK = "CHỈ ĐỂ THỬ NGHIỆM"
MARKED = f" - {MARK}"
YEAR = timedelta(days=365)
LIST_LIFE = timedelta(days=30)
LIST_RENEWAL = timedelta(hours=1)
"""A list is issued anew so often: revocation data should be about as fresh as the signature it goes with."""

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


@dataclass(frozen=True, slots=True)
class Authority:
    """Where the parts of a development authority lie."""

    folder: Path

    @property
    def root(self) -> Path:
        return self.folder / "trust" / "development-root.pem"

    @property
    def issuing(self) -> Path:
        return self.folder / "authority" / "issuing.pem"

    @property
    def agency(self) -> Path:
        return self.folder / "agency.p12"

    @property
    def passphrase(self) -> Path:
        return self.folder / "agency.passphrase"

    @property
    def timestamp_key(self) -> Path:
        return self.folder / "authority" / "timestamp.key"

    @property
    def timestamp_certificate(self) -> Path:
        return self.folder / "authority" / "timestamp.pem"

    def private(self, name: str) -> Path:
        return self.folder / "authority" / f"{name}.key"

    def revocation_list(self, name: str) -> Path:
        return self.folder / "authority" / f"{name}.crl"

    @property
    def exists(self) -> bool:
        return self.private("issuing").exists()


def create_development_authority(folder: Path, agency: str) -> Authority:
    """The whole authority lies in `folder`; one that is there already is left as it is.

    agency: the name in the signing certificate. Private files are readable by their owner only.
    """
    made = Authority(folder)
    if made.exists:
        return made
    (folder / "authority").mkdir(parents=True, exist_ok=True)
    (folder / "trust").mkdir(exist_ok=True)
    for private in (folder, folder / "authority"):
        private.chmod(0o700)
    root_key, root_name = _ec_key(), _name(f"sohoa Root CA - {MARK}")
    root = _authority(root_name, root_key, root_name, root_key, 20 * YEAR, path_length=1)
    issuing_key, issuing_name = _ec_key(), _name(f"sohoa Issuing CA - {MARK}")
    issuing = _authority(issuing_name, issuing_key, root_name, root_key, 15 * YEAR, path_length=0)
    agency_key = _ec_key()
    signer = _leaf(
        _name(f"{_cut(agency, 64 - len(MARKED.encode()))}{MARKED}", agency),
        agency_key,
        issuing_name,
        issuing_key,
        5 * YEAR,
        tsa=False,
    )
    stamp_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    stamp = _leaf(_name(f"sohoa TSA - {MARK}"), stamp_key, issuing_name, issuing_key, 10 * YEAR, tsa=True)
    passphrase = secrets.token_urlsafe(24)
    encryption = BestAvailableEncryption(passphrase.encode())
    _private(made.passphrase, passphrase.encode())
    _private(made.agency, pkcs12.serialize_key_and_certificates(b"agency", agency_key, signer, [issuing], encryption))
    _private(made.private("root"), _pem(root_key))
    made.root.write_bytes(root.public_bytes(Encoding.PEM))
    made.issuing.write_bytes(issuing.public_bytes(Encoding.PEM))
    made.timestamp_certificate.write_bytes(stamp.public_bytes(Encoding.PEM))
    _private(made.timestamp_key, _pem(stamp_key))
    _private(made.private("issuing"), _pem(issuing_key))
    refresh_revocation_lists(made)
    return made


def refresh_revocation_lists(authority: Authority, now: datetime | None = None) -> None:
    """Both lists are younger than LIST_RENEWAL. Safe to repeat and from several processes."""
    now = now or utc_now()
    for name, certificate in (("root", authority.root), ("issuing", authority.issuing)):
        path = authority.revocation_list(name)
        if path.exists():
            held = x509.load_der_x509_crl(path.read_bytes())
            if now - held.last_update_utc < LIST_RENEWAL:
                continue
        issuer = x509.load_pem_x509_certificate(certificate.read_bytes())
        key = load_pem_private_key(authority.private(name).read_bytes(), None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)  # noqa: S101 made by this module
        issued = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(issuer.subject)
            .last_update(now - timedelta(minutes=1))
            .next_update(now + LIST_LIFE)
            .add_extension(x509.CRLNumber(int(now.timestamp())), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False)
            .sign(key, hashes.SHA256())
        )
        part = path.with_suffix(f".{os.getpid()}.part")
        part.write_bytes(issued.public_bytes(Encoding.DER))
        part.replace(path)


def _authority(
    subject: x509.Name, key: Key, issuer: x509.Name, issuer_key: Key, life: timedelta, *, path_length: int
) -> x509.Certificate:
    usage = _usage(key_cert_sign=True, crl_sign=True)
    return (
        _certificate(subject, key, issuer, issuer_key, life)
        .add_extension(x509.BasicConstraints(ca=True, path_length=path_length), critical=True)
        .add_extension(usage, critical=True)
        .sign(issuer_key, hashes.SHA256())
    )


def _leaf(
    subject: x509.Name, key: Key, issuer: x509.Name, issuer_key: Key, life: timedelta, *, tsa: bool
) -> x509.Certificate:
    """A signer's certificate, or a time stamping one (RFC 3161 §2.3: that purpose alone, critical)."""
    usage = _usage(digital_signature=True, content_commitment=not tsa)
    builder = _certificate(subject, key, issuer, issuer_key, life)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(usage, critical=True)
    if tsa:
        builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), critical=True)
    return builder.sign(issuer_key, hashes.SHA256())


def _certificate(
    subject: x509.Name, key: Key, issuer: x509.Name, issuer_key: Key, life: timedelta
) -> x509.CertificateBuilder:
    start = utc_now() - timedelta(minutes=5)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + life)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
    )


def _usage(
    *,
    digital_signature: bool = False,
    content_commitment: bool = False,
    key_cert_sign: bool = False,
    crl_sign: bool = False,
) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=digital_signature,
        content_commitment=content_commitment,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=key_cert_sign,
        crl_sign=crl_sign,
        encipher_only=False,
        decipher_only=False,
    )


def _name(common: str, organisation: str = "sohoa") -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "VN"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, _cut(organisation, 64)),
            x509.NameAttribute(NameOID.COMMON_NAME, _cut(common, 64)),
        ]
    )


def _cut(text: str, most_bytes: int) -> str:
    """X.520 allows 64; the library counts bytes."""
    return text.encode()[:most_bytes].decode("utf-8", "ignore").strip()


def _ec_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def _pem(key: Key) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _private(path: Path, body: bytes) -> None:
    descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(body)
        stream.flush()
        os.fsync(stream.fileno())
