"""A remote signing service that really signs: Cloud Signature Consortium API v1.0.4, over HTTP, on a free port.

It keeps what the standard asks: a bearer token, activation data (SAD) that is bound to digests and used up by one
signature, a PIN that locks the credential after three errors.
"""

from __future__ import annotations

import base64
import json
import secrets
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from tests.key_homes import Issued

ALGORITHMS = {"rsa": ["1.2.840.113549.1.1.1", "1.2.840.113549.1.1.11"], "ec": ["1.2.840.10045.4.3.2"]}
TRIES = 3


@dataclass
class Credential:
    """One key of an account. otp: whether it wants a one-time password each time."""

    issued: Issued
    pin: str
    otp: bool = False
    status: str = "enabled"
    wrong: int = 0


@dataclass
class SigningService:
    """calls: how often each endpoint was asked. silent: it answers 503. nonsense: what it answers to everything."""

    credentials: dict[str, Credential]
    token: str = field(default_factory=lambda: secrets.token_urlsafe(16))
    url: str = ""
    calls: Counter[str] = field(default_factory=Counter)
    silent: bool = False
    nonsense: Any = None
    _sads: dict[str, tuple[str, tuple[str, ...]]] = field(default_factory=dict)

    def answer(self, path: str, told: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Status and body."""
        name = path.removeprefix("/csc/v1/")
        self.calls[name] += 1
        if self.silent:
            return 503, {}
        if self.nonsense is not None:
            return 200, self.nonsense
        if name == "credentials/list":
            return 200, {"credentialIDs": list(self.credentials)}
        held = self.credentials.get(str(told.get("credentialID")))
        if held is None:
            return 400, _wrong("Invalid parameter credentialID")
        if name == "credentials/info":
            return 200, _info(held)
        if name == "credentials/authorize":
            return self._authorize(held, told)
        if name == "signatures/signHash":
            return self._sign(held, told)
        return 404, {}

    def _authorize(self, held: Credential, told: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if held.wrong >= TRIES:
            return 400, _wrong("The PIN is locked")
        if told.get("PIN") != held.pin:
            held.wrong += 1
            return 400, _wrong("The PIN is invalid")
        held.wrong = 0
        if len(told["hash"]) != told["numSignatures"]:
            return 400, _wrong("Invalid parameter numSignatures")
        sad = secrets.token_urlsafe(16)
        self._sads[sad] = (told["credentialID"], tuple(told["hash"]))
        return 200, {"SAD": sad, "expiresIn": 60}

    def _sign(self, held: Credential, told: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        allowed = self._sads.pop(str(told.get("SAD")), None)
        if allowed != (told["credentialID"], tuple(told["hash"])):
            return 400, _wrong("Invalid parameter SAD")
        return 200, {"signatures": [_signed(held.issued, base64.b64decode(digest)) for digest in told["hash"]]}


@contextmanager
def signing_service(**credentials: Credential) -> Iterator[SigningService]:
    """The service with these credentials, answering until the end of the block."""
    service = SigningService(credentials)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            told = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or b"{}")
            if self.headers.get("Authorization") != f"Bearer {service.token}":
                status, body = 401, {"error": "invalid_token"}
            else:
                status, body = service.answer(self.path, told)
            said = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        def log_message(self, *_told: object) -> None:
            """Silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    service.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield service
    finally:
        server.shutdown()
        server.server_close()


def _info(held: Credential) -> dict[str, Any]:
    kind = "rsa" if isinstance(held.issued.key, rsa.RSAPrivateKey) else "ec"
    certificates = [held.issued.certificate, held.issued.issuer]
    return {
        "key": {"status": held.status, "algo": ALGORITHMS[kind], "len": held.issued.key.key_size},
        "cert": {"certificates": [base64.b64encode(c.public_bytes(Encoding.DER)).decode() for c in certificates]},
        "authMode": "explicit",
        "SCAL": "2",
        "PIN": {"presence": "true"},
        "OTP": {"presence": "true" if held.otp else "false"},
        "multisign": 1,
    }


def _signed(issued: Issued, digest: bytes) -> str:
    if isinstance(issued.key, rsa.RSAPrivateKey):
        made = issued.key.sign(digest, padding.PKCS1v15(), Prehashed(SHA256()))
    else:
        made = issued.key.sign(digest, ec.ECDSA(Prehashed(SHA256())))
    return base64.b64encode(made).decode()


def _wrong(why: str) -> dict[str, Any]:
    return {"error": "invalid_request", "error_description": why}
