"""Signatures encoded as programs did before PAdES: adbe.pkcs7.sha1 and adbe.x509.rsa_sha1 (ISO 32000-1, 12.8.3).

Both rest on SHA-1, which proves nothing of today any more: a whole one is INDETERMINATE, and said to be weak, never
passed and never called broken. Decrees of years ago are signed so, and are valid where they were stamped in time.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Any, BinaryIO

from asn1crypto import cms, core, x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.serialization import load_der_public_key
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.misc import PdfError
from pyhanko.sign.general import byte_range_digest, extract_signer_info
from pyhanko.sign.validation.errors import SignatureValidationError
from pyhanko.sign.validation.generic_cms import extract_certs_for_validation, validate_sig_integrity
from pyhanko.sign.validation.pdf_embedded import extract_contents

from registry.values import Verdict
from signing.findings import SignatureVerdict

PKCS7_SHA1, X509_RSA_SHA1 = "/adbe.pkcs7.sha1", "/adbe.x509.rsa_sha1"
OLD = frozenset({PKCS7_SHA1, X509_RSA_SHA1})
WEAK = "CRYPTO_CONSTRAINTS_FAILURE_NO_POE"
CHANGED, FORGED, MALFORMED = "HASH_FAILURE", "SIG_CRYPTO_FAILURE", "FORMAT_FAILURE"


def judge_old(stream: BinaryIO, signature: Any, field: str) -> SignatureVerdict:
    """The verdict on a signature dictionary in the file `stream`: WEAK where its mathematics hold. Never raises for
    what stands in the file."""
    certificate: x509.Certificate | None = None
    try:
        _, digest = byte_range_digest(stream, byte_range=signature.raw_get("/ByteRange"), md_algorithm="sha1")
        if str(signature["/SubFilter"]) == PKCS7_SHA1:
            certificate, told = _pkcs7(extract_contents(signature), digest)
        else:
            certificate, told = _bare(extract_contents(signature), signature, digest)
    except (PdfError, SignatureValidationError, ValueError, TypeError, KeyError, IndexError, OSError):
        told = MALFORMED
    indication = Verdict.INDETERMINATE if told == WEAK else Verdict.FAILED
    return SignatureVerdict(
        field=field,
        signed_by=_name(certificate) if certificate else "",
        indication=indication,
        sub_indication=told,
        digest="sha1",
        certificate_sha256=certificate.sha256.hex() if certificate else "",
        certificate_until=certificate.not_valid_after if certificate else None,
    )


def _pkcs7(contents: bytes, digest: bytes) -> tuple[x509.Certificate, str]:
    """The CMS message holds the SHA-1 of the range as its content, and signs that."""
    signed = cms.ContentInfo.load(contents)["content"]
    certificate = extract_certs_for_validation(signed).signer_cert
    held = signed["encap_content_info"]["content"].native
    if not isinstance(held, bytes) or not hmac.compare_digest(held, digest):
        return certificate, CHANGED
    signer = extract_signer_info(signed)
    algorithm = signer["digest_algorithm"]["algorithm"].native
    intact, valid = validate_sig_integrity(signer, certificate, "data", hashlib.new(algorithm, held).digest())
    return certificate, WEAK if intact and valid else FORGED


def _bare(contents: bytes, signature: Any, digest: bytes) -> tuple[x509.Certificate, str]:
    """A PKCS #1 signature without an envelope; the certificate stands beside it as /Cert."""
    held = signature["/Cert"]
    first = held[0] if isinstance(held, generic.ArrayObject) else held
    certificate = x509.Certificate.load(first.original_bytes)
    key = load_der_public_key(certificate.public_key.dump())
    if not isinstance(key, rsa.RSAPublicKey):
        return certificate, MALFORMED
    try:
        key.verify(core.OctetString.load(contents).native, digest, PKCS1v15(), Prehashed(SHA1()))  # noqa: S303 its own
    except InvalidSignature:
        return certificate, CHANGED
    return certificate, WEAK


def _name(certificate: x509.Certificate) -> str:
    return str(certificate.subject.native.get("common_name", ""))
