"""The timestamps of a PDF: document timestamps, and those attached to signatures (RFC 3161 tokens)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from asn1crypto import cms, x509
from pyhanko.sign.general import extract_certificate_info
from pyhanko.sign.validation.pdf_embedded import EmbeddedPdfSignature

SKEW = timedelta(minutes=1)
"""The clocks of a TSA and of an OCSP responder may differ by so much."""


@dataclass(frozen=True, slots=True)
class Stamped:
    """A token. of: the field that carries it; on_document: a document timestamp, else one attached to a signature."""

    of: str
    on_document: bool
    at: datetime
    token: cms.ContentInfo

    @property
    def certificate(self) -> x509.Certificate:
        return extract_certificate_info(self.token["content"]).signer_cert


def is_document_timestamp(signature: EmbeddedPdfSignature) -> bool:
    return str(signature.sig_object.get("/Type", "/Sig")) == "/DocTimeStamp"


def token_of(signature: EmbeddedPdfSignature) -> cms.ContentInfo | None:
    """A document timestamp's own token, or the one attached to a signature."""
    if is_document_timestamp(signature):
        return cms.ContentInfo({"content_type": "signed_data", "content": signature.signed_data})
    for attribute in signature.signer_info["unsigned_attrs"]:
        if attribute["type"].native == "signature_time_stamp_token":
            return attribute["values"][0]
    return None


def stamped(embedded: Sequence[EmbeddedPdfSignature]) -> Iterator[Stamped]:
    """The tokens of a file, in the order of its revisions."""
    for signature in embedded:
        token = token_of(signature)
        if token is not None:
            at: datetime = token["content"]["encap_content_info"]["content"].parsed["gen_time"].native
            yield Stamped(str(signature.field_name), is_document_timestamp(signature), at, token)


def carrying(embedded: Sequence[EmbeddedPdfSignature], at: datetime) -> Stamped | None:
    """The newest token, when it carries what the file proves from its own instant to `at`: its certificate still lives.

    Then the file is judged as of that instant (and SKEW), when its proofs were whole and fresh: judged as of `at` an
    OCSP answer of ten minutes counts for nothing the next day. Whoever does so must see that the token itself is
    trusted: else a stranger's token of an earlier day would turn back the clock. None: it is judged as of `at`.
    """
    newest = max(stamped(embedded), key=lambda s: s.at, default=None)
    if newest is None or newest.at + SKEW >= at or not newest.certificate.not_valid_before <= at:
        return None
    return newest if at <= newest.certificate.not_valid_after else None
