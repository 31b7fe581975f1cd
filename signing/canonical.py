"""What of a CMS message no signature covers: versions, lists of algorithms, the name of the signer, other certificates.

Each of it follows from what is covered, so that it can be told when it was touched (RFC 5652 §5.1, §5.3). That matters
of the last signature or timestamp of a file alone: of any earlier one the whole message is covered by the next.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from asn1crypto import cms, core, x509
from cryptography import x509 as certificates
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

NULL = core.Null().dump()


def oddity(message: cms.ContentInfo, der: bytes, known: Sequence[x509.Certificate]) -> str:
    """What is not as the covered parts of the message want it; empty when all is.

    known: certificates that stand elsewhere, in covered parts of the file or in the trust store.
    """
    try:
        signed = message["content"]
        return _of_bytes(der) or _of_message(signed) or _of_certificates(signed, known) or _of_tokens(signed, known)
    except (ValueError, TypeError, KeyError, IndexError, AttributeError) as exc:
        return type(exc).__name__


def _of_bytes(der: bytes) -> str:
    """DER has one encoding for each value. A message in BER is nobody's fault, and is not looked at so closely."""
    if der[1:2] == b"\x80":
        return ""
    loaded = cms.ContentInfo.load(der, strict=True)
    _ = loaded.native
    return "" if loaded.dump(force=True) == der else "encoding"


def _of_message(signed: cms.SignedData) -> str:
    if len(signed["signer_infos"]) != 1:
        return "number of signers"
    signer = signed["signer_infos"][0]
    by_key = signer["sid"].name == "subject_key_identifier"
    if signer["version"].native != ("v3" if by_key else "v1"):
        return "version of the signer"
    plain = signed["encap_content_info"]["content_type"].native == "data" and not by_key
    usual = all(choice.name == "certificate" for choice in signed["certificates"])
    if usual and signed["version"].native != ("v1" if plain else "v3"):
        return "version"
    listed = [algorithm["algorithm"].native for algorithm in signed["digest_algorithms"]]
    if listed != [signer["digest_algorithm"]["algorithm"].native]:
        return "list of algorithms"
    for algorithm in (*signed["digest_algorithms"], signer["digest_algorithm"]):
        if algorithm["parameters"].dump() not in (b"", NULL):
            return "parameters"
    return "" if by_key else _of_signer(signed, signer)


def _of_signer(signed: cms.SignedData, signer: cms.SignerInfo) -> str:
    """The name by which the signer's certificate is found, byte for byte as the certificate has it."""
    told = signer["sid"].chosen
    for choice in signed["certificates"]:
        held = choice.chosen
        if choice.name == "certificate" and held.serial_number == told["serial_number"].native:
            return "" if held.issuer.dump() == told["issuer"].dump() else "name of the signer"
    return ""  # the certificate stands elsewhere


def _of_certificates(signed: cms.SignedData, known: Sequence[x509.Certificate]) -> str:
    """A certificate that is in the message for the chain's sake is one that its issuer signed, as far as that is here.

    The signer's own is named by its digest in a covered attribute.
    """
    held = [choice.chosen for choice in signed["certificates"] if choice.name == "certificate"]
    elsewhere = {certificate.dump() for certificate in known}
    for certificate in held:
        if certificate.dump() in elsewhere or _is_signers(signed, certificate):
            continue
        issuers = [c for c in (*held, *known) if c.subject == certificate.issuer]
        if issuers and not any(_issued(certificate, issuer) for issuer in issuers):
            return "certificate"
    return ""


def _is_signers(signed: cms.SignedData, certificate: x509.Certificate) -> bool:
    told = signed["signer_infos"][0]["sid"].chosen
    return isinstance(told, cms.IssuerAndSerialNumber) and told["serial_number"].native == certificate.serial_number


def _issued(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        certificates.load_der_x509_certificate(certificate.dump()).verify_directly_issued_by(
            certificates.load_der_x509_certificate(issuer.dump())
        )
    except (InvalidSignature, ValueError, TypeError):
        return False
    except UnsupportedAlgorithm:
        return True  # not for us to say
    return True


def _of_tokens(signed: cms.SignedData, known: Sequence[x509.Certificate]) -> str:
    """The same of timestamps that hang on the signature, uncovered as they are."""
    for token in _tokens(signed["signer_infos"][0]):
        if told := oddity(token, token.dump(), known):
            return f"timestamp: {told}"
    return ""


def _tokens(signer: cms.SignerInfo) -> Iterable[cms.ContentInfo]:
    for attribute in signer["unsigned_attrs"]:
        if attribute["type"].native == "signature_time_stamp_token":
            yield from attribute["values"]
