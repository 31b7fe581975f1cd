"""An official's PC with a token in it: signs what a batch asks for, in the ways that signing programs do."""

from __future__ import annotations

import asyncio
import base64
from dataclasses import dataclass

from asn1crypto import x509
from asn1crypto.keys import PrivateKeyInfo
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from pyhanko.sign.signers import SimpleSigner
from pyhanko.sign.signers.pdf_cms import PdfCMSSignedAttributes
from pyhanko_certvalidator.registry import SimpleCertificateStore

from pipeline.deferred import Answers, Batch, Signed, ToBeSigned
from registry.values import utc_now
from tests.key_homes import Issued


@dataclass(frozen=True)
class SigningPc:
    """side_by_side: an ECDSA signature comes as r and s, without ASN.1."""

    issued: Issued
    side_by_side: bool = False

    def answers(self, batch: Batch) -> Answers:
        """A bare signature for each request."""
        return Answers(answers=tuple(self.answer(asked) for asked in batch.requests))

    def answer(self, asked: ToBeSigned) -> Signed:
        made = self.sign(base64.b64decode(asked.digest))
        return Signed.model_validate({"request": asked.request, "signature": base64.b64encode(made)})

    def sign(self, digest: bytes) -> bytes:
        key = self.issued.key
        if isinstance(key, rsa.RSAPrivateKey):
            return key.sign(digest, padding.PKCS1v15(), Prehashed(SHA256()))
        made = key.sign(digest, ec.ECDSA(Prehashed(SHA256())))
        if not self.side_by_side:
            return made
        return b"".join(part.to_bytes(32, "big") for part in decode_dss_signature(made))

    def cms(self, asked: ToBeSigned, *, pades: bool = True, digest: bytes | None = None) -> Signed:
        """A CMS of the PC's own making over the file's digest. pades: without the time that PAdES does not want."""
        store = SimpleCertificateStore()
        store.register(x509.Certificate.load(self.issued.issuer.public_bytes(Encoding.DER)))
        signer = SimpleSigner(
            signing_cert=x509.Certificate.load(self.issued.der),
            signing_key=PrivateKeyInfo.load(
                self.issued.key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
            ),
            cert_registry=store,
        )
        told = digest if digest is not None else base64.b64decode(asked.document_digest)
        times = None if pades else PdfCMSSignedAttributes(signing_time=utc_now())
        made = asyncio.run(signer.async_sign(told, "sha256", use_pades=pades, signed_attr_settings=times))
        return Signed.model_validate({"request": asked.request, "cms": base64.b64encode(made.dump())})


def one(*signed: Signed) -> Answers:
    return Answers(answers=tuple(signed))
