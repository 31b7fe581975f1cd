"""A key at a remote signing service: Cloud Signature Consortium API v1.0.4 (credentials and signHash).

The service gets digests only, never a document. A credential that asks for a one-time password with each signature
cannot be used here: nobody stands beside the machine to type it. That is what deferred signing is for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import aiohttp
from asn1crypto import x509
from pyhanko.sign.general import SigningError
from pyhanko.sign.signers import Signer
from pyhanko.sign.signers.csc_signer import (
    CSCAuthorizationInfo,
    CSCAuthorizationManager,
    CSCCredentialInfo,
    CSCServiceSessionInfo,
    CSCSigner,
    fetch_certs_in_csc_credential,
)

from registry.errors import ServiceUnavailable, SigningFailed, WrongPin
from registry.values import utc_now
from signing.keys.seam import require_fit, require_own
from signing.keys.secret import Secret

BAD_REQUEST = 400
BROKEN = (SigningError, aiohttp.ClientError, TimeoutError, ValueError, TypeError, AttributeError)
"""No answer, or one that is not what the standard says."""
SIGNATURE_BYTES = 512
"""Room for RSA 4096, the largest in use."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RemotePlace:
    """Where the service is. url: before `/csc/v1/…`. credential: its id; empty where the account has one only.
    timeout_s: one request, until its answer is here; services were seen to take half a minute."""

    url: str
    credential: str = ""
    timeout_s: float = 60.0


class RemoteKey:
    """A key that a signing service keeps for us."""

    def __init__(self, signer: _RemoteSigner) -> None:
        self._signer = signer

    @classmethod
    def open(cls, place: RemotePlace, token: Callable[[], str | None], secret: Secret | None) -> RemoteKey:
        """The credential as the service tells of it, fit to sign. Nothing is signed yet, and no PIN used.

        token: the bearer token of the account, asked for with each request, since it is renewed by others.
        secret: the credential's PIN, kept in memory; None where it has none.
        Raises SigningFailed for a credential that cannot be used, ServiceUnavailable.
        """
        told = asyncio.run(_credential(place, token()))
        key = cls(_RemoteSigner(place, token, secret, told))
        require_fit(key.certificate, utc_now())
        return key

    @property
    def certificate(self) -> x509.Certificate:
        return self._signer.signing_cert

    @property
    def signer(self) -> Signer:
        return self._signer


class _Pinned(CSCAuthorizationManager):  # type: ignore[misc]
    """Asks for each signature's activation data, pinned to its digest (SCAL 2 wants that, SCAL 1 bears it)."""

    def __init__(
        self,
        http: aiohttp.ClientSession,
        session: CSCServiceSessionInfo,
        info: CSCCredentialInfo,
        secret: Secret | None,
    ) -> None:
        super().__init__(session, info)
        self._http, self._secret = http, secret

    async def authorize_signature(self, hash_b64s: list[str]) -> CSCAuthorizationInfo:
        if self._secret is None:
            return await self._ask(self.format_csc_auth_request(hash_b64s=hash_b64s))
        with self._secret.used() as pin:
            return await self._ask(self.format_csc_auth_request(hash_b64s=hash_b64s, pin=pin))

    async def _ask(self, request: dict[str, Any]) -> CSCAuthorizationInfo:
        url = self.csc_session_info.endpoint_url("credentials/authorize")
        async with self._http.post(url, headers=self.auth_headers, json=request) as answer:
            told = await answer.json() if answer.content_type == "application/json" else {}
            if answer.status == BAD_REQUEST and "PIN" in str(told.get("error_description", "")):
                raise WrongPin("the signing service refuses the PIN")
            answer.raise_for_status()
        return self.parse_csc_auth_response(told)


class _RemoteSigner(Signer):  # type: ignore[misc]
    """pyHanko's client, in a connection of each signature's own: an event loop lives only as long as one signature."""

    def __init__(
        self,
        place: RemotePlace,
        token: Callable[[], str | None],
        secret: Secret | None,
        told: tuple[str, CSCCredentialInfo],
    ) -> None:
        self._place, self._token, self._secret = place, token, secret
        self._credential, self._info = told
        super().__init__(signing_cert=self._info.signing_cert, cert_registry=self._info.as_cert_store())

    async def async_sign_raw(self, data: bytes, digest_algorithm: str, dry_run: bool = False) -> bytes:
        if dry_run:
            return bytes(SIGNATURE_BYTES)
        session = CSCServiceSessionInfo(self._place.url.rstrip("/"), self._credential, oauth_token=self._token())
        timeout = aiohttp.ClientTimeout(total=self._place.timeout_s)
        try:
            async with aiohttp.ClientSession(timeout=timeout) as http:
                manager = _Pinned(http, session, self._info, self._secret)
                made = await CSCSigner(http, manager, sign_timeout=round(self._place.timeout_s)).async_sign_raw(
                    data, digest_algorithm
                )
        except BROKEN as exc:
            raise ServiceUnavailable(f"the signing service: {type(exc.__cause__ or exc).__name__}") from exc
        return require_own(self.signing_cert, bytes(made), data, digest_algorithm)


async def _credential(place: RemotePlace, token: str | None) -> tuple[str, CSCCredentialInfo]:
    """The credential's id and what the service tells of it."""
    session = CSCServiceSessionInfo(place.url.rstrip("/"), place.credential, oauth_token=token)
    timeout = aiohttp.ClientTimeout(total=place.timeout_s)
    try:
        async with aiohttp.ClientSession(timeout=timeout) as http:
            name = place.credential or await _only_credential(http, session)
            session = CSCServiceSessionInfo(session.service_url, name, oauth_token=token)
            info = await fetch_certs_in_csc_credential(http, session, timeout=round(place.timeout_s))
    except BROKEN as exc:
        raise ServiceUnavailable(f"the signing service: {type(exc.__cause__ or exc).__name__}") from exc
    told = info.response_data
    if told.get("key", {}).get("status", "enabled") != "enabled":
        raise SigningFailed("the signing service says that the key is disabled")
    if str(told.get("OTP", {}).get("presence", "false")).lower() == "true":
        raise SigningFailed("the credential wants a one-time password with each signature; use deferred signing")
    return name, info


async def _only_credential(http: aiohttp.ClientSession, session: CSCServiceSessionInfo) -> str:
    async with http.post(session.endpoint_url("credentials/list"), headers=session.auth_headers, json={}) as answer:
        answer.raise_for_status()
        told = await answer.json()
    found = told.get("credentialIDs", [])
    if len(found) != 1:
        raise SigningFailed(f"the account has {len(found)} credentials; name the one to sign with")
    return str(found[0])
