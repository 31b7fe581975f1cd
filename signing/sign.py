"""PAdES signatures (ETSI EN 319 142-1) on PDF/A-2b, at the highest level that is reachable now."""

from __future__ import annotations

import errno
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

from asn1crypto import x509
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.misc import PdfError
from pyhanko.sign import fields
from pyhanko.sign.general import SigningError
from pyhanko.sign.signers import PdfSignatureMetadata, PdfSigner
from pyhanko.sign.timestamps import TimeStamper
from pyhanko.sign.timestamps.common_utils import TimestampRequestError

from registry.errors import CertificateRevoked, SigningFailed
from registry.values import sha256_file, utc_now
from signing.kept_keys import keep_keys
from signing.keys import SigningKey, require_fit
from signing.proofs import Evidence, Proof, Unproven, prove
from signing.seal import add_proofs, example_token, lasts_until, seal
from signing.stamp import Placed, Stamp, place, style
from signing.tsa import failure, signer_of, waited_in_vain

LEVELS = ("B-B", "B-T", "B-LT", "B-LTA")
FIELD, OFFICIALS_FIELD = "SaoY", "NguoiSao"
OF_THE_DISK = (errno.ENOENT, errno.EIO, errno.EACCES, errno.ENOSPC, errno.EROFS, errno.EDQUOT, errno.ESTALE)


# pyHanko re-serialises the XMP packet in every update it writes: the document timestamp's update would change signed
# metadata. There is no setting for it, and the timestamp's writer is made inside pyHanko: hence the class itself.
IncrementalPdfFileWriter._update_meta = lambda self: None
keep_keys()


@dataclass(frozen=True, slots=True)
class Official:
    """The official who made the copy and signs before the agency does. mark: what is seen of it, below the agency's
    stamp; None for nothing."""

    key: SigningKey
    mark: Stamp | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedPdf:
    """level: what was reached. why: the reasons when that is less than was asked for. renew_by: the day by which the
    newest timestamp must be renewed; None without one. signatures: so many were put on it."""

    path: Path
    sha256: str
    level: str
    signed_at: datetime
    why: str = ""
    silent: bool = False
    """Whether the TSA took the request and let the time pass, so that the next document had better not wait for it."""
    renew_by: date | None = None
    signatures: int = 1


def sign_pdf(
    source: Path,
    target: Path,
    *,
    key: SigningKey,
    stamp: Stamp | None,
    font: Path,
    level: str,
    evidence: Evidence,
    at: datetime | None = None,
    official: Official | None = None,
    field: str = FIELD,
) -> SignedPdf:
    """`target` is the signed file, on disk; `source` is as it was. Not twice the same bytes: a signature holds a time.

    Where an official signs as well, theirs comes first; proofs and document timestamp are of both and over both.
    Raises CertificateRevoked when the key's certificate is known to be; SigningFailed when not even B-B can be made,
    OSError when the disk hinders it. at: now. Call it from a thread without a running event loop.
    """
    signers = [official.key, key] if official else [key]
    for each in signers:
        require_fit(each.certificate, at or utc_now())
    put = _Attempt(source, target, key, stamp, font, field, official).sign
    chains = [(each.certificate, _chain_of(each)) for each in signers]
    made = reach(target, put, signers=chains, level=level, evidence=evidence, at=at)
    return replace(made, signatures=len(signers))


def reach(
    target: Path,
    put: Callable[[TimeStamper | None], None],
    *,
    signers: Sequence[tuple[x509.Certificate, Sequence[x509.Certificate]]],
    level: str,
    evidence: Evidence,
    at: datetime | None = None,
) -> SignedPdf:
    """`target` is signed, by `put`, and at the highest level that can be had now.

    First what is sure: the signature, with its timestamp when the TSA answers (B-T, else B-B). Then one update with the
    proofs that nothing was revoked (B-LT) and a document timestamp over all (B-LTA). What is missing for one of these
    lowers the level, with the reason, and blocks nothing: signing.renew raises it later. A TSA that kept us waiting in
    vain is not asked again (`silent`).

    put: makes `target`, with a timestamp on each signature or without. signers: their certificates, and those that may
    stand between them and a root. Raises as sign_pdf does.
    """
    wanted = LEVELS.index(level)
    proofs: list[Proof] = []
    reasons: list[str] = []
    for certificate, chain in signers if wanted >= 2 else ():
        found, missing = _proofs_of_signer(certificate, chain, evidence, at)
        proofs, reasons = proofs + found, reasons + [why for why in missing if why not in reasons]
    stamper, silent = evidence.timestamper if wanted else None, False
    if wanted and stamper is None:
        reasons.append("no-tsa")
    elif stamper is not None:
        try:
            token = example_token(stamper)
            put(stamper)
        except TimestampRequestError as exc:
            silent, stamper = waited_in_vain(exc), None
            reasons.append(failure(exc))
    if stamper is None:
        put(None)
        return _signed(target, 0, reasons, silent)
    if wanted < 2 or reasons:
        return _signed(target, 1, reasons, silent, lasts_until(token))
    try:
        stamping = prove(signer_of(token), evidence, known=_known(stamper), at=at, stamping=True)
    except Unproven as exc:
        return _signed(target, 1, [f"tsa-{exc.why}"], silent, lasts_until(token))
    proofs.append(stamping)
    if wanted == 3:
        try:
            token = seal(target, target, proofs, stamper)
            return _signed(target, 3, reasons, silent, lasts_until(token, stamping))
        except TimestampRequestError as exc:
            silent = waited_in_vain(exc)
            reasons.append(failure(exc))
    add_proofs(target, target, proofs)
    return _signed(target, 2, reasons, silent, lasts_until(token, stamping))


def _proofs_of_signer(
    certificate: x509.Certificate, chain: Sequence[x509.Certificate], evidence: Evidence, at: datetime | None
) -> tuple[list[Proof], list[str]]:
    """The proof for the signer's certificate, or why there is none."""
    try:
        return [prove(certificate, evidence, known=chain, at=at)], []
    except Unproven as exc:
        if exc.why == "revoked":
            raise CertificateRevoked(exc.revoked_at) from exc
        return [], [exc.why]


def _chain_of(key: SigningKey) -> Sequence[x509.Certificate]:
    return tuple(key.signer.cert_registry)


def _known(stamper: TimeStamper) -> Sequence[x509.Certificate]:
    return tuple(stamper.cert_registry)


def _signed(path: Path, rank: int, reasons: Sequence[str], silent: bool, renew_by: date | None = None) -> SignedPdf:
    return SignedPdf(
        path=path,
        sha256=sha256_file(path),
        level=LEVELS[rank],
        signed_at=utc_now(),
        why="; ".join(reasons),
        silent=silent,
        renew_by=renew_by,
    )


@dataclass(frozen=True, slots=True)
class _Attempt:
    source: Path
    target: Path
    key: SigningKey
    stamp: Stamp | None
    font: Path
    field: str
    official: Official | None = None

    def sign(self, timestamper: TimeStamper | None) -> None:
        """`target` is the signed file, B-T or B-B. Raises SigningFailed, TimestampRequestError, OSError."""
        part = self.target.with_name(f".{self.target.name}.part")
        first = self.target.with_name(f".{self.target.name}.first")
        try:
            if self.official is None:
                self._add(self.source, part, self.field, self.key, timestamper)
            else:
                self._add(self.source, first, OFFICIALS_FIELD, self.official.key, timestamper)
                self._add(first, part, self.field, self.key, timestamper)
            part.replace(self.target)
        except (PdfError, SigningError) as exc:
            raise SigningFailed(f"the PDF cannot be signed: {type(exc).__name__}") from exc
        finally:
            part.unlink(missing_ok=True)
            first.unlink(missing_ok=True)

    def _add(self, source: Path, target: Path, field: str, key: SigningKey, timestamper: TimeStamper | None) -> None:
        metadata = PdfSignatureMetadata(
            field_name=field, md_algorithm="sha256", subfilter=fields.SigSeedSubFilter.PADES
        )
        with source.open("rb") as reader, target.open("w+b") as out:
            writer = IncrementalPdfFileWriter(reader)
            placed = self._placed(writer, field)
            PdfSigner(
                metadata,
                signer=key.signer,
                timestamper=timestamper,
                stamp_style=style(self.font, placed) if placed else None,
                new_field_spec=fields.SigFieldSpec(field, on_page=0, box=placed.box if placed else None),
            ).sign_pdf(writer, output=out, appearance_text_params={"text": placed.text} if placed else None)

    def _placed(self, writer: Any, field: str) -> Placed | None:
        """What is seen of a signature, where the page has room: the agency's stamp, the official's mark below it."""
        mark = self.official.mark if self.official else None
        if self.stamp is None or (field == OFFICIALS_FIELD and mark is None):
            return None
        page = upright_page(writer)
        agency = place(self.stamp, self.font, page)
        if field != OFFICIALS_FIELD:
            return agency
        return place(mark, self.font, page, under=agency) if mark and agency else None


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


__all__ = ["LEVELS", "OF_THE_DISK", "Evidence", "Official", "Placed", "SignedPdf", "reach", "sign_pdf", "upright_page"]
