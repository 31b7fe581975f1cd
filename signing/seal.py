"""What makes a signature last: the proofs that nothing was revoked, in the file's DSS, and a document timestamp over
all of it (ETSI EN 319 142-1 §5.4, §5.5). Both come as one incremental update; what was there stays byte for byte."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any, BinaryIO

from asn1crypto import cms
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign.signers import PdfTimeStamper
from pyhanko.sign.timestamps import TimeStamper
from pyhanko.sign.validation.dss import DocumentSecurityStore

from registry.values import VIETNAM
from signing.policy import ends_on
from signing.proofs import Proof
from signing.tsa import signer_of

DIGEST = "sha256"


def seal(source: Path, target: Path, proofs: Sequence[Proof], stamper: TimeStamper) -> cms.ContentInfo:
    """`target` is `source` with the proofs and a document timestamp over both; the timestamp's token.

    They may be the same file: on an error it is as it was. Raises TimestampRequestError, OSError.
    """
    heard = _Heard(stamper)

    def write(writer: IncrementalPdfFileWriter, out: BinaryIO) -> None:
        _supply(writer, proofs)
        PdfTimeStamper(heard).timestamp_pdf(writer, DIGEST, output=out)

    _update(source, target, write)
    return heard.last


def add_proofs(source: Path, target: Path, proofs: Sequence[Proof]) -> None:
    """`target` is `source` with the proofs; they may be the same file. Raises OSError."""

    def write(writer: IncrementalPdfFileWriter, out: BinaryIO) -> None:
        _supply(writer, proofs)
        writer.write(out)

    _update(source, target, write)


def example_token(stamper: TimeStamper) -> cms.ContentInfo:
    """A token as the authority makes them; it is asked once for each `stamper`. Raises TimestampRequestError."""
    return asyncio.run(stamper.async_dummy_response(DIGEST))


def lasts_until(token: cms.ContentInfo, proof: Proof | None = None) -> date:
    """The day in Vietnam on which a timestamp stops proving anything: a certificate of its path, or an algorithm used
    by the token or by one of those certificates, has come to its end. Before that day it is renewed.

    Without a proof only the token itself is looked at. The root is believed for as long as it is in the trust store.
    """
    return min(_ends(token, proof))


def _ends(token: cms.ContentInfo, proof: Proof | None) -> Iterator[date]:
    own = signer_of(token)
    (signer,) = token["content"]["signer_infos"]
    imprint = token["content"]["encap_content_info"]["content"].parsed["message_imprint"]
    used = [
        (digest["algorithm"].native, signer["signature_algorithm"].signature_algo, own.public_key)
        for digest in (signer["digest_algorithm"], imprint["hash_algorithm"])
    ]
    path = proof.path if proof else (own,)
    for certificate, issuer in zip(path, (*path[1:], *((proof.root,) if proof else ())), strict=False):
        told = certificate["signature_algorithm"]
        used.append((told.hash_algo, told.signature_algo, issuer.public_key))
    yield from (c.not_valid_after.astimezone(VIETNAM).date() for c in path)
    yield from (end for digest, kind, key in used if (end := ends_on(digest, kind, key)) is not None)


class _Heard(TimeStamper):  # type: ignore[misc]
    """Another authority, and its last token."""

    def __init__(self, inner: TimeStamper) -> None:
        super().__init__()
        self._inner = inner
        self.last: cms.ContentInfo

    async def async_dummy_response(self, md_algorithm: str) -> Any:
        return await self._inner.async_dummy_response(md_algorithm)

    async def async_timestamp(self, message_digest: bytes, md_algorithm: str) -> Any:
        token = await self._inner.async_timestamp(message_digest, md_algorithm)
        self.last = token
        return token


def _supply(writer: IncrementalPdfFileWriter, proofs: Sequence[Proof]) -> None:
    DocumentSecurityStore.supply_dss_in_writer(
        writer,
        None,
        certs=[c for proof in proofs for c in (*proof.path, proof.root)],
        ocsps=[o for proof in proofs for o in proof.ocsps],
        crls=[c for proof in proofs for c in proof.crls],
    )


def _update(source: Path, target: Path, write: Callable[[IncrementalPdfFileWriter, BinaryIO], None]) -> None:
    part = target.with_name(f".{target.name}.part")
    try:
        with source.open("rb") as stream, part.open("w+b") as out:
            write(IncrementalPdfFileWriter(stream), out)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
