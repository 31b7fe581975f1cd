"""A timestamp authority over HTTP (RFC 3161 §3.4): its tokens, taken only when they answer what was asked."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import time
import urllib.error
import urllib.request
from http.client import HTTPException
from typing import Any

from asn1crypto import algos, cms, core, tsp, x509
from pyhanko.sign.general import extract_certificate_info
from pyhanko.sign.timestamps import TimeStamper
from pyhanko.sign.timestamps.common_utils import TimestampRequestError
from pyhanko.sign.validation.generic_cms import validate_sig_integrity

from registry.errors import ServiceUnavailable

REQUEST_TYPE, REPLY_TYPE = "application/timestamp-query", "application/timestamp-reply"
LARGEST = 1 << 20
GRANTED = ("granted", "granted_with_mods")


class WrongToken(TimestampRequestError):  # type: ignore[misc]
    """The authority answered, but not with a sound token for what was asked."""


class HttpTsa(TimeStamper):  # type: ignore[misc]
    """pyHanko's seam. Its own client believes a token of other bytes, does not look at the token's signature, and fails
    with an AttributeError on a wrong nonce: hence ours. Safe to use from several threads."""

    def __init__(self, url: str, timeout_s: float) -> None:
        super().__init__()
        self._url, self._timeout_s = url, timeout_s

    async def async_timestamp(self, message_digest: bytes, md_algorithm: str) -> cms.ContentInfo:
        """A token for that digest. Raises TimestampRequestError: no answer in time (a TimeoutError is its cause) or a
        refusal; WrongToken."""
        nonce, asked = self.request_cms(message_digest, md_algorithm)
        body = await asyncio.to_thread(exchange, self._url, asked.dump(), self._timeout_s)
        return sound_token(body, message_digest, nonce)


def exchange(url: str, asked: bytes, timeout_s: float) -> bytes:
    """What the authority answers. Raises TimestampRequestError, of a TimeoutError when the time ran out."""
    request = urllib.request.Request(  # noqa: S310 http and https only: of the settings
        url, data=asked, headers={"Content-Type": REQUEST_TYPE, "Accept": REPLY_TYPE}
    )
    try:
        with urllib.request.urlopen(request, timeout=timeout_s) as answer:  # noqa: S310
            body: bytes = answer.read(LARGEST)
    except urllib.error.URLError as exc:
        cause = exc.reason if isinstance(exc.reason, TimeoutError) else exc
        raise TimestampRequestError("the timestamp authority") from cause
    except (HTTPException, OSError) as exc:
        raise TimestampRequestError("the timestamp authority") from exc
    return body


def sound_token(body: bytes, imprint: bytes, nonce: int | None) -> cms.ContentInfo:
    """The token in an answer, for that imprint and nonce (RFC 3161 §2.4.2), its signature holding. Whether its
    certificate is to be trusted is told elsewhere. Raises WrongToken."""
    try:
        answer = tsp.TimeStampResp.load(body)
        require(answer["status"]["status"].native in GRANTED, "the authority refused")
        token = answer["time_stamp_token"]
        signed = token["content"]
        encapsulated = signed["encap_content_info"]["content"]
        told = encapsulated.parsed
        require(told["message_imprint"]["hashed_message"].native == imprint, "the token is for other bytes")
        require(told["nonce"].native == nonce, "the token is for another request")
        (signer,) = signed["signer_infos"]
        digest = hashlib.new(signer["digest_algorithm"]["algorithm"].native, bytes(encapsulated)).digest()
        certificate = extract_certificate_info(signed).signer_cert
        intact, valid = validate_sig_integrity(signer, certificate, "tst_info", digest)
        require(intact and valid, "the token's signature does not hold")
    except TimestampRequestError:
        raise
    except Exception as exc:  # a parser of foreign bytes raises nearly anything
        raise WrongToken(type(exc).__name__) from exc
    return token


def require(holds: bool, otherwise: str) -> None:
    """Raises WrongToken unless it holds."""
    if not holds:
        raise WrongToken(otherwise)


def signer_of(token: cms.ContentInfo) -> x509.Certificate:
    """The certificate that a token was signed with. Raises ValueError when the token does not hold it."""
    return extract_certificate_info(token["content"]).signer_cert


def waited_in_vain(exc: BaseException | None) -> bool:
    """Whether the time ran out, rather than that the TSA or the network said no."""
    while exc is not None:
        if isinstance(exc, TimeoutError):
            return True
        exc = exc.__cause__ or exc.__context__
    return False


def failure(exc: TimestampRequestError) -> str:
    """What a failed request is called: tsa-silent (the time ran out), tsa-wrong-answer, tsa-down."""
    if isinstance(exc, WrongToken):
        return "tsa-wrong-answer"
    return "tsa-silent" if waited_in_vain(exc) else "tsa-down"


def probe(url: str, timeout_s: float) -> float:
    """Seconds that the authority took to stamp 32 random bytes.

    Raises ServiceUnavailable when there is no answer in time, or one that is no token for what was asked.
    """
    if not url.startswith(("http://", "https://")):
        raise ServiceUnavailable("the timestamp authority has no HTTP address")
    imprint, nonce = hashlib.sha256(secrets.token_bytes(32)).digest(), secrets.randbits(63)
    began = time.monotonic()
    try:
        sound_token(exchange(url, query(imprint, nonce), timeout_s), imprint, nonce)
    except WrongToken as exc:
        raise ServiceUnavailable("the timestamp authority answered, but not with a token") from exc
    except TimestampRequestError as exc:
        raise ServiceUnavailable(f"the timestamp authority: {type(exc.__cause__).__name__}") from exc
    return time.monotonic() - began


def query(imprint: bytes, nonce: int) -> bytes:
    """A request for a token over a SHA-256 digest, with its certificate (RFC 3161 §2.4.1)."""
    message = tsp.MessageImprint(
        {"hash_algorithm": algos.DigestAlgorithm({"algorithm": "sha256"}), "hashed_message": imprint}
    )
    asked: Any = tsp.TimeStampReq(
        {"version": "v1", "message_imprint": message, "nonce": core.Integer(nonce), "cert_req": True}
    )
    encoded: bytes = asked.dump()
    return encoded
