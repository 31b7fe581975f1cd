"""PAdES signatures (ETSI EN 319 142-1) on PDF/A-2b, at the highest level that is reachable now."""

from __future__ import annotations

import errno
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import requests
from asn1crypto import crl, x509
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.misc import PdfError
from pyhanko.sign import fields
from pyhanko.sign.general import SigningError
from pyhanko.sign.signers import PdfSignatureMetadata, PdfSigner
from pyhanko.sign.signers.pdf_signer import DSSContentSettings, TimestampDSSContentSettings
from pyhanko.sign.timestamps import TimeStamper
from pyhanko.sign.timestamps.common_utils import TimestampRequestError
from pyhanko_certvalidator import ValidationContext
from pyhanko_certvalidator.errors import PathError, ValidationError

from registry.errors import SigningFailed
from registry.values import sha256_file, utc_now
from signing.kept_keys import keep_keys
from signing.keys import SigningKey, require_fit
from signing.stamp import Placed, Stamp, place, style

LEVELS = ("B-B", "B-T", "B-LT", "B-LTA")
FIELD = "SaoY"
OF_THE_DISK = (errno.ENOENT, errno.EIO, errno.EACCES, errno.ENOSPC, errno.EROFS, errno.EDQUOT, errno.ESTALE)


# pyHanko re-serialises the XMP packet in every update it writes: the document timestamp's update would change signed
# metadata. There is no setting for it, and the timestamp's writer is made inside pyHanko: hence the class itself.
IncrementalPdfFileWriter._update_meta = lambda self: None
keep_keys()

DSS = DSSContentSettings(
    include_vri=False,
    # before the document timestamp, which then covers the file to its last byte
    next_ts_settings=TimestampDSSContentSettings(include_vri=False, update_before_ts=True),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What levels above B-B need: who stamps time, and what proves that nothing was revoked."""

    timestamper: TimeStamper | None = None
    roots: Sequence[x509.Certificate] = ()
    others: Sequence[x509.Certificate] = ()
    revocation_lists: Sequence[crl.CertificateList] = ()
    fetch: bool = False
    """Whether CRLs and OCSP responses may be fetched from where the certificates say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedPdf:
    """level: what was reached. why: the reason when that is less than was asked for."""

    path: Path
    sha256: str
    level: str
    signed_at: datetime
    why: str = ""
    silent: bool = False
    """Whether the TSA took the request and let the time pass, so that the next document had better not wait for it."""


def sign_pdf(
    source: Path, target: Path, *, key: SigningKey, stamp: Stamp | None, font: Path, level: str, evidence: Evidence
) -> SignedPdf:
    """`target` is the signed file, on disk; `source` is as it was. Not twice the same bytes: a signature holds a time.

    A TSA that is down or revocation data that is missing lowers the level, with the reason, and blocks nothing; one
    that kept us waiting in vain is not asked again for the next lower level (`silent`).
    Raises SigningFailed when not even B-B can be made, OSError when the disk hinders it. Call it from a thread without
    a running event loop.
    """
    require_fit(key.certificate, utc_now())
    reasons: list[str] = []
    silent = evidence.timestamper is None
    if silent and level != LEVELS[0]:
        reasons.append("no timestamp server to ask")
    for rank in range(LEVELS.index(level), -1, -1):
        if rank and silent:
            continue
        try:
            _sign(source, target, key, stamp, font, rank, evidence)
        except (TimestampRequestError, PathError, ValidationError, SigningError, OSError) as exc:
            if isinstance(exc, OSError) and exc.errno in OF_THE_DISK:
                raise
            reasons.append(f"{LEVELS[rank]}: {type(exc).__name__}")
            silent = silent or waited_in_vain(exc)
            continue
        except PdfError as exc:
            raise SigningFailed(f"the PDF cannot be signed: {type(exc).__name__}") from exc
        return SignedPdf(
            path=target,
            sha256=sha256_file(target),
            level=LEVELS[rank],
            signed_at=utc_now(),
            why="; ".join(reasons),
            silent=silent and evidence.timestamper is not None,
        )
    raise SigningFailed("; ".join(reasons) or "no level is reachable")


def _sign(
    source: Path, target: Path, key: SigningKey, stamp: Stamp | None, font: Path, rank: int, evidence: Evidence
) -> None:
    part = target.with_name(f".{target.name}.part")
    metadata = PdfSignatureMetadata(
        field_name=FIELD,
        md_algorithm="sha256",
        subfilter=fields.SigSeedSubFilter.PADES,
        embed_validation_info=rank >= 2,
        use_pades_lta=rank >= 3,
        validation_context=_context(evidence) if rank >= 2 else None,
        dss_settings=DSS,
    )
    try:
        with source.open("rb") as reader, part.open("w+b") as out:
            writer = IncrementalPdfFileWriter(reader)
            placed = place(stamp, font, upright_page(writer)) if stamp else None
            PdfSigner(
                metadata,
                signer=key.signer,
                timestamper=evidence.timestamper if rank >= 1 else None,
                stamp_style=style(font) if placed else None,
                new_field_spec=fields.SigFieldSpec(FIELD, on_page=0, box=placed.box if placed else None),
            ).sign_pdf(writer, output=out, appearance_text_params={"text": placed.text} if placed else None)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def waited_in_vain(exc: BaseException | None) -> bool:
    """Whether the time ran out, rather than that the TSA or the network said no."""
    while exc is not None:
        if isinstance(exc, (TimeoutError, requests.Timeout)):
            return True
        exc = exc.__cause__ or exc.__context__
    return False


def _context(evidence: Evidence) -> ValidationContext:
    """A new one for each signature: it keeps what was found for that signature."""
    return ValidationContext(
        trust_roots=list(evidence.roots),
        other_certs=list(evidence.others),
        crls=list(evidence.revocation_lists),
        allow_fetching=evidence.fetch,
        revocation_mode="hard-fail",
    )


def upright_page(writer: Any) -> tuple[float, float, float, float]:
    """The box of page 1. Raises SigningFailed for a turned page: the stamp would lie on its side."""
    crop, media, turned = _inherited(writer, "/CropBox", "/MediaBox", "/Rotate")
    if int(turned or 0) % 360:
        raise SigningFailed("page 1 is turned by /Rotate; its content must be upright before signing")
    left, bottom, right, top = (float(v) for v in crop or media)
    return min(left, right), min(bottom, top), max(left, right), max(bottom, top)


def _inherited(writer: Any, *keys: str) -> list[Any]:
    """Page attributes of page 1, looked up through the page tree; None where absent."""
    node = writer.find_page_for_modification(0)[0].get_object()
    found = dict.fromkeys(keys)
    while True:
        for key in keys:
            if found[key] is None and key in node:
                found[key] = node[key]
        if "/Parent" not in node:
            return [found[key] for key in keys]
        node = node["/Parent"]


__all__ = ["LEVELS", "Evidence", "Placed", "SignedPdf", "sign_pdf", "upright_page", "waited_in_vain"]
