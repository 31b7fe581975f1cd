"""Whether a timestamp authority answers (RFC 3161 over HTTP)."""

from __future__ import annotations

import hashlib
import secrets
import time
import urllib.error
import urllib.request
from http.client import HTTPException

from asn1crypto import algos, core, tsp

from registry.errors import ServiceUnavailable

REQUEST_TYPE, REPLY_TYPE = "application/timestamp-query", "application/timestamp-reply"
LARGEST = 1 << 20


def probe(url: str, timeout_s: float) -> float:
    """Seconds that the authority took to stamp 32 random bytes.

    The token's signature is not looked at here: signing does that with every one it uses. Raises ServiceUnavailable
    when there is no answer in time, or one that is no token for what was asked (RFC 3161 §2.4.2: imprint and nonce).
    """
    if not url.startswith(("http://", "https://")):
        raise ServiceUnavailable("the timestamp authority has no HTTP address")
    imprint, nonce = hashlib.sha256(secrets.token_bytes(32)).digest(), secrets.randbits(63)
    request = urllib.request.Request(  # noqa: S310 http and https only, see above
        url, data=_query(imprint, nonce), headers={"Content-Type": REQUEST_TYPE, "Accept": REPLY_TYPE}
    )
    began = time.monotonic()
    try:
        with urllib.request.urlopen(request, timeout=timeout_s) as answer:  # noqa: S310
            body: bytes = answer.read(LARGEST)
    except (urllib.error.URLError, HTTPException, OSError) as exc:
        raise ServiceUnavailable(f"the timestamp authority: {type(exc).__name__}") from exc
    if not _is_answer(body, imprint, nonce):
        raise ServiceUnavailable("the timestamp authority answered, but not with a token")
    return time.monotonic() - began


def _query(imprint: bytes, nonce: int) -> bytes:
    message = tsp.MessageImprint(
        {"hash_algorithm": algos.DigestAlgorithm({"algorithm": "sha256"}), "hashed_message": imprint}
    )
    query = tsp.TimeStampReq(
        {"version": "v1", "message_imprint": message, "nonce": core.Integer(nonce), "cert_req": False}
    )
    encoded: bytes = query.dump()
    return encoded


def _is_answer(body: bytes, imprint: bytes, nonce: int) -> bool:
    try:
        answer = tsp.TimeStampResp.load(body)
        if answer["status"]["status"].native not in ("granted", "granted_with_mods"):
            return False
        stamped = answer["time_stamp_token"]["content"]["encap_content_info"]["content"].parsed
        return bool(stamped["message_imprint"]["hashed_message"].native == imprint and stamped["nonce"].native == nonce)
    except (ValueError, TypeError, KeyError, AttributeError):
        return False
