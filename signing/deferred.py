"""Signatures made elsewhere: the file is prepared here, an official's machine signs a digest, and here it is put in.

What is signed are the CMS signed attributes (RFC 5652 §5.4), which hold the digest of the whole file but for the place
of the signature, and the certificate (ESS, RFC 5035): a signature of another file or by another certificate does not
fit. An answer is the bare signature over them, or a CMS that the official's program made over the file's digest.
"""

from __future__ import annotations

import asyncio
import hashlib
import shutil
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

from asn1crypto import algos, cms, pem, x509
from cryptography import x509 as pyca
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from pydantic import ConfigDict
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.misc import PdfError
from pyhanko.sign import fields
from pyhanko.sign.general import SigningError
from pyhanko.sign.signers import PdfSignatureMetadata, PdfSigner
from pyhanko.sign.signers.pdf_byterange import PreparedByteRangeDigest
from pyhanko.sign.signers.pdf_cms import ExternalSigner
from pyhanko.sign.timestamps import TimeStamper
from pyhanko_certvalidator.registry import SimpleCertificateStore

from registry.errors import AnswerRefused, SigningFailed
from registry.values import Sha256, Value, sha256_file
from signing.proofs import Evidence
from signing.sign import FIELD, SignedPdf, reach, upright_page
from signing.stamp import Stamp, place, style

DIGEST = "sha256"
RESERVED = 49_152
"""Hex digits kept free for the CMS: signature, certificates and a timestamp; those seen take less than half of that."""
MOST_ANSWER = 16_384
"""Bytes of an answer: what comes is put together anew, with a timestamp beside it, and must still fit."""
MOST_CERTIFICATES = 8
MOST_CERTIFICATE_BYTES = 65_536
SIGNATURE_BYTES = 512
ALGORITHMS = {"rsa": "sha256WithRSAEncryption", "ec": "ecdsa-with-SHA256"}
"""RFC 8017 PKCS#1 v1.5 and RFC 5754: what the tokens in use make."""


class _Kept(Value):
    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_bytes="base64", val_json_bytes="base64")


class Prepared(_Kept):
    """A file that waits for its signature. prepared_sha256: of that file. start, end: where the signature goes.

    signed_attributes: DER, what is to be signed. certificate, chain: DER, the signer's and what it leads through.
    """

    prepared_sha256: Sha256
    document_digest: bytes
    start: int
    end: int
    signed_attributes: bytes
    certificate: bytes
    chain: tuple[bytes, ...] = ()

    @property
    def digest(self) -> bytes:
        """SHA-256 of what is to be signed."""
        return hashlib.sha256(self.signed_attributes).digest()

    @property
    def algorithm(self) -> str:
        """How the signature is to be made, as ALGORITHMS calls it."""
        return ALGORITHMS[x509.Certificate.load(self.certificate).public_key.algorithm]


class Answer(_Kept):
    """A signature that was verified. signed_attributes: those it is over."""

    signature: bytes
    signed_attributes: bytes
    chain: tuple[bytes, ...] = ()


def read_certificates(told: bytes) -> tuple[bytes, ...]:
    """The certificates in a PEM or DER file, the signer's first, as DER. For worker processes: the bytes are strange.

    Raises AnswerRefused for anything else.
    """
    if len(told) > MOST_CERTIFICATE_BYTES:
        raise AnswerRefused("answer-too-large")
    try:
        found = [der for _, _, der in pem.unarmor(told, multiple=True)] if pem.detect(told) else [told]
        loaded = [pyca.load_der_x509_certificate(der) for der in found]
        kinds = [x509.Certificate.load(der, strict=True).public_key.algorithm for der in found]
    except (ValueError, TypeError) as exc:
        raise AnswerRefused("answer-unreadable") from exc
    if not 0 < len(loaded) <= MOST_CERTIFICATES or kinds[0] not in ALGORITHMS:
        raise AnswerRefused("answer-unreadable")
    return tuple(found)


def prepare(
    source: Path,
    target: Path,
    *,
    certificate: bytes,
    chain: Iterable[bytes],
    stamp: Stamp | None,
    font: Path,
    field: str = FIELD,
) -> Prepared:
    """`target` is `source` with stamp and an empty signature that fits this certificate alone; not flushed to disk.

    The stamp's time is that of the preparation: it is inside of what is signed. Raises SigningFailed.
    """
    try:
        return asyncio.run(_prepare(source, target, certificate, tuple(chain), stamp, font, field))
    except (PdfError, SigningError) as exc:
        raise SigningFailed(f"the PDF cannot be signed: {type(exc).__name__}") from exc


async def _prepare(
    source: Path,
    target: Path,
    certificate: bytes,
    chain: tuple[bytes, ...],
    stamp: Stamp | None,
    font: Path,
    field: str,
) -> Prepared:
    signer = _signer(certificate, chain, bytes(SIGNATURE_BYTES))
    metadata = PdfSignatureMetadata(field_name=field, md_algorithm=DIGEST, subfilter=fields.SigSeedSubFilter.PADES)
    with source.open("rb") as reader, target.open("w+b") as out:
        writer = IncrementalPdfFileWriter(reader)
        placed = place(stamp, font, upright_page(writer)) if stamp else None
        digested, _, _ = await PdfSigner(
            metadata,
            signer=signer,
            stamp_style=style(font, placed) if placed else None,
            new_field_spec=fields.SigFieldSpec(field, on_page=0, box=placed.box if placed else None),
        ).async_digest_doc_for_signing(
            writer,
            bytes_reserved=RESERVED,
            appearance_text_params={"text": placed.text} if placed else None,
            output=out,
        )
    attributes = await signer.signed_attrs(digested.document_digest, DIGEST, use_pades=True)
    return Prepared(
        prepared_sha256=sha256_file(target),
        document_digest=digested.document_digest,
        start=digested.reserved_region_start,
        end=digested.reserved_region_end,
        signed_attributes=attributes.dump(),
        certificate=certificate,
        chain=chain,
    )


def read_signature(prepared: Prepared, signature: bytes) -> Answer:
    """The answer in a bare signature, once it holds. For worker processes. Raises AnswerRefused.

    Of an ECDSA key also r and s side by side are taken, as tokens give them.
    """
    if len(signature) > SIGNATURE_BYTES * 2:
        raise AnswerRefused("answer-too-large")
    return Answer(
        signature=_verified(prepared, signature, prepared.signed_attributes),
        signed_attributes=prepared.signed_attributes,
        chain=prepared.chain,
    )


def read_cms(prepared: Prepared, told: bytes) -> Answer:
    """The answer in a detached CMS over the file's digest, once it holds. For worker processes.

    Raises AnswerRefused: no CMS, of another file or signer, or not as PAdES has it (ETSI EN 319 142-1 §6.3: signing
    certificate as a signed attribute, no signing time).
    """
    if len(told) > MOST_ANSWER:
        raise AnswerRefused("answer-too-large")
    try:
        content = cms.ContentInfo.load(told, strict=True)["content"]
        (signer,) = content["signer_infos"]
        attributes = signer["signed_attrs"].untag()
        values = {a["type"].native: a["values"][0] for a in attributes}
        detached = content["encap_content_info"]["content"].native is None
        digest = signer["digest_algorithm"]["algorithm"].native
        certificates = tuple(c.chosen.dump() for c in content["certificates"] if c.name == "certificate")
        signature = signer["signature"].native
        bound = _bound_certificate(values)
    except (ValueError, TypeError, KeyError, IndexError) as exc:
        raise AnswerRefused("answer-unreadable") from exc
    if not detached or digest != DIGEST or "signing_time" in values or bound is None:
        raise AnswerRefused("answer-not-pades")
    if bound != hashlib.sha256(prepared.certificate).digest():
        raise AnswerRefused("answer-wrong")
    if "message_digest" not in values or values["message_digest"].native != prepared.document_digest:
        raise AnswerRefused("answer-wrong")
    return Answer(
        signature=_verified(prepared, signature, attributes.dump()),
        signed_attributes=attributes.dump(),
        chain=tuple(c for c in (*prepared.chain, *certificates) if c != prepared.certificate)[:MOST_CERTIFICATES],
    )


def complete_signature(
    prepared: Prepared, answer: Answer, waiting: Path, target: Path, *, level: str, evidence: Evidence
) -> SignedPdf:
    """`target` is the signed file, at the highest level that can be had now (signing.sign.reach).

    Raises as `complete` does, but for a timestamp that cannot be had; CertificateRevoked.
    """
    return reach(
        target,
        partial(complete, prepared, answer, waiting, target),
        signers=[(x509.Certificate.load(prepared.certificate), [x509.Certificate.load(der) for der in answer.chain])],
        level=level,
        evidence=evidence,
    )


def complete(prepared: Prepared, answer: Answer, waiting: Path, target: Path, timestamper: TimeStamper | None) -> None:
    """`target` is the prepared file `waiting` with its signature, and a timestamp over that where somebody makes one.

    `waiting` is as it was. Raises AnswerRefused when it is not the file that was prepared, TimestampRequestError,
    OSError.
    """
    try:
        if sha256_file(waiting) != prepared.prepared_sha256:
            raise AnswerRefused("answer-changed")
    except FileNotFoundError as exc:
        raise AnswerRefused("answer-changed") from exc
    made = asyncio.run(_cms(prepared, answer, timestamper))
    if 2 * len(made) > prepared.end - prepared.start - 2:
        raise AnswerRefused("answer-too-large")
    part = target.with_name(f".{target.name}.part")
    try:
        shutil.copyfile(waiting, part)
        with part.open("r+b") as out:
            PreparedByteRangeDigest(prepared.document_digest, prepared.start, prepared.end).fill_with_cms(out, made)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


async def _cms(prepared: Prepared, answer: Answer, timestamper: TimeStamper | None) -> bytes:
    signer = _signer(prepared.certificate, answer.chain, answer.signature)
    attributes = cms.CMSAttributes.load(answer.signed_attributes)
    made = await signer.async_sign_prescribed_attributes(DIGEST, attributes, timestamper=timestamper)
    encoded: bytes = made.dump()
    return encoded


def _signer(certificate: bytes, chain: Iterable[bytes], signature: bytes) -> ExternalSigner:
    own = x509.Certificate.load(certificate)
    store = SimpleCertificateStore()
    store.register_multiple([own, *(x509.Certificate.load(der) for der in chain)])
    mechanism = {"rsa": "sha256_rsa", "ec": "sha256_ecdsa"}[own.public_key.algorithm]
    return ExternalSigner(
        own,
        store,
        signature_value=signature,
        signature_mechanism=algos.SignedDigestAlgorithm({"algorithm": mechanism}),
        embed_roots=False,
    )


def _bound_certificate(values: dict[str, Any]) -> bytes | None:
    """SHA-256 of the certificate that the signed attributes name; None where they name none, or by a weak digest."""
    if "signing_certificate_v2" not in values:
        return None
    first = values["signing_certificate_v2"]["certs"][0]
    if first["hash_algorithm"]["algorithm"].native != DIGEST:
        return None
    digest: bytes = first["cert_hash"].native
    return digest


def _verified(prepared: Prepared, signature: bytes, signed: bytes) -> bytes:
    """The signature as CMS has it, once it holds over what was signed. Raises AnswerRefused."""
    key = pyca.load_der_x509_certificate(prepared.certificate).public_key()
    try:
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(signature, signed, padding.PKCS1v15(), hashes.SHA256())
            return signature
        if isinstance(key, ec.EllipticCurvePublicKey):
            return _verified_ecdsa(key, signature, signed)
    except InvalidSignature as exc:
        raise AnswerRefused("answer-wrong") from exc
    raise AnswerRefused("answer-wrong")


def _verified_ecdsa(key: ec.EllipticCurvePublicKey, signature: bytes, signed: bytes) -> bytes:
    size = (key.curve.key_size + 7) // 8
    if len(signature) == 2 * size:
        r, s = (int.from_bytes(half, "big") for half in (signature[:size], signature[size:]))
        side_by_side = encode_dss_signature(r, s)
        try:
            key.verify(side_by_side, signed, ec.ECDSA(hashes.SHA256()))
        except InvalidSignature:
            pass  # by chance a DER signature may be as long
        else:
            return side_by_side
    key.verify(signature, signed, ec.ECDSA(hashes.SHA256()))
    return signature
