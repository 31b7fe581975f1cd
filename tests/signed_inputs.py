"""Documents that arrive signed, as other people's programs sign: made once per session, by pyHanko, qpdf and by hand.

Every one is a decision (`tests.faults.inputs.paper`) of an authority that is not ours. `Input.verdict` is what a
careful reader says of it who trusts that authority's root alone and fetches nothing.
"""

from __future__ import annotations

import hashlib
import io
import re
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import pikepdf
from asn1crypto import algos, cms, core, crl
from asn1crypto import x509 as asn1_x509
from asn1crypto.keys import PrivateKeyInfo
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from cryptography.x509.oid import NameOID
from pyhanko.keys import load_cert_from_pemder
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.generic import pdf_name
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign import fields, signers
from pyhanko.sign.fields import MDPPerm, SigFieldSpec, SigSeedSubFilter
from pyhanko.sign.signers import PdfSignatureMetadata, PdfSigner, PdfTimeStamper
from pyhanko.sign.signers.pdf_byterange import PdfByteRangeDigest
from pyhanko.sign.signers.pdf_signer import DSSContentSettings, TimestampDSSContentSettings
from pyhanko.sign.timestamps.dummy_client import DummyTimeStamper
from pyhanko_certvalidator import ValidationContext
from pyhanko_certvalidator.registry import SimpleCertificateStore

from signing.authority import Authority, create_development_authority
from tests.faults.inputs import paper

AGENCY = "Sở Tư pháp tỉnh Mẫu"
OFFICIAL = "Lê Thị Ký Tên"
PASSED, FAILED = "TOTAL-PASSED", "TOTAL-FAILED"
UNSURE = "INDETERMINATE"
DSS = DSSContentSettings(
    include_vri=False, next_ts_settings=TimestampDSSContentSettings(include_vri=False, update_before_ts=True)
)


@dataclass(frozen=True, slots=True)
class Input:
    """One file. verdicts: the indications that are right: where nothing proves when the revocation data was there
    (B-LT), careful readers differ. told: the sub-indication, where there is but one word for it.
    levels: of its signatures, in the order of their fields. signed: whether it must be kept as it came.
    """

    name: str
    content: bytes
    verdicts: tuple[str, ...]
    told: str | None = None
    levels: tuple[str | None, ...] = ()
    signed: bool = True


@dataclass(frozen=True)
class Foreign:
    """An authority that is not ours, with an agency (P-256), an official (RSA) and a timestamp service."""

    authority: Authority

    @cached_property
    def agency(self) -> signers.SimpleSigner:
        made = signers.SimpleSigner.load_pkcs12(
            self.authority.agency, passphrase=self.authority.passphrase.read_text().encode()
        )
        assert made is not None
        return made

    @cached_property
    def official(self) -> signers.SimpleSigner:
        return self._rsa_signer(timedelta(days=-1), timedelta(days=700))

    @cached_property
    def former(self) -> signers.SimpleSigner:
        """An official whose certificate has expired."""
        return self._rsa_signer(timedelta(days=-800), timedelta(days=-70))

    @cached_property
    def clock(self) -> DummyTimeStamper:
        key = load_pem_private_key(self.authority.timestamp_key.read_bytes(), None)
        return DummyTimeStamper(
            load_cert_from_pemder(str(self.authority.timestamp_certificate)), _info(key),
            certs_to_embed=SimpleCertificateStore.from_certs([load_cert_from_pemder(str(self.authority.issuing))]),
        )  # fmt: skip

    @property
    def proofs(self) -> ValidationContext:
        """What a signature of B-LT takes along; a new one for each, since it keeps what it saw."""
        lists = [self.authority.revocation_list(n).read_bytes() for n in ("root", "issuing")]
        return ValidationContext(
            trust_roots=[load_cert_from_pemder(str(self.authority.root))],
            other_certs=[load_cert_from_pemder(str(self.authority.issuing))],
            crls=[crl.CertificateList.load(one) for one in lists],
            allow_fetching=False,
            revocation_mode="hard-fail",
        )

    def _rsa_signer(self, begins: timedelta, ends: timedelta) -> signers.SimpleSigner:
        key, now = _rsa_key(), datetime.now(UTC)
        issuer = x509.load_pem_x509_certificate(self.authority.issuing.read_bytes())
        issuer_key = load_pem_private_key(self.authority.private("issuing").read_bytes(), None)
        usage = x509.KeyUsage(True, True, False, False, False, False, False, False, False)
        made = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, OFFICIAL)]))
            .issuer_name(issuer.subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + begins)
            .not_valid_after(now + ends)
            .add_extension(usage, critical=True)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.public_key()), critical=False)
            .sign(issuer_key, hashes.SHA256())  # type: ignore[arg-type]
        )
        chain = [_asn1(made), _asn1(issuer)]
        return signers.SimpleSigner(chain[0], _info(key), SimpleCertificateStore.from_certs(chain))


@cache
def _rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def _info(key: Any) -> PrivateKeyInfo:
    return PrivateKeyInfo.load(key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()))


def _asn1(certificate: x509.Certificate) -> asn1_x509.Certificate:
    return asn1_x509.Certificate.load(certificate.public_bytes(Encoding.DER))


def make_foreign(folder: Path) -> Foreign:
    return Foreign(create_development_authority(folder, AGENCY))


def sign(
    content: bytes,
    by: Foreign,
    *,
    field: str = "Signature1",
    level: str = "B-B",
    signer: signers.SimpleSigner | None = None,
    box: tuple[int, int, int, int] | None = None,
    password: bytes | None = None,
    **told: Any,
) -> bytes:
    """The content, signed as pyHanko signs when it is asked for nothing special."""
    rank = ("B-B", "B-T", "B-LT", "B-LTA").index(level)
    metadata = PdfSignatureMetadata(
        field_name=field,
        md_algorithm=told.pop("md_algorithm", "sha256"),
        subfilter=told.pop("subfilter", SigSeedSubFilter.PADES),
        embed_validation_info=rank >= 2,
        use_pades_lta=rank >= 3,
        validation_context=by.proofs if rank >= 2 else None,
        dss_settings=DSS,
        **told,
    )
    writer = IncrementalPdfFileWriter(io.BytesIO(content), strict=False)
    if password is not None:
        writer.encrypt(password)
    spec = SigFieldSpec(field, on_page=0, box=box)
    out = io.BytesIO()
    PdfSigner(
        metadata, signer=signer or by.agency, timestamper=by.clock if rank else None, new_field_spec=spec
    ).sign_pdf(writer, output=out)
    return out.getvalue()


def saved(content: bytes, **told: Any) -> bytes:
    """The content as qpdf writes it with these settings."""
    out = io.BytesIO()
    with pikepdf.open(io.BytesIO(content)) as pdf:
        pdf.save(out, **told)
    return out.getvalue()


def updated(content: bytes, change: Callable[[IncrementalPdfFileWriter], None]) -> bytes:
    """The content with an incremental update behind it."""
    writer = IncrementalPdfFileWriter(io.BytesIO(content), strict=False)
    change(writer)
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def by_hand(
    content: bytes, sub_filter: str, contents_of: Callable[[bytes], bytes], place: str = "field", **extra: Any
) -> bytes:
    """The content with a signature dictionary whose /Contents follow from the SHA-1 of its range.

    place: where it stands: in a `field` of its own, or as the document's `usage` rights.
    """
    writer = IncrementalPdfFileWriter(io.BytesIO(content))
    signature = PdfByteRangeDigest(bytes_reserved=16384)
    for key, value in {"Type": pdf_name("/Sig"), "Filter": pdf_name("/Adobe.PPKLite"), **extra}.items():
        signature[pdf_name(f"/{key}")] = value
    signature[pdf_name("/SubFilter")] = pdf_name(sub_filter)
    reference = writer.add_object(signature)
    if place == "field":
        fields.append_signature_field(writer, SigFieldSpec("ChuKy", on_page=0))
        _, _, field = next(fields.enumerate_sig_fields(writer, with_name="ChuKy"))
        field.get_object()[pdf_name("/V")] = reference
        writer.mark_update(field)
    else:
        writer.root[pdf_name("/Perms")] = generic.DictionaryObject({pdf_name("/UR3"): reference})
        writer.update_root()
    out = io.BytesIO()
    filling = signature.fill(writer, "sha1", output=out)
    prepared, _ = next(filling)
    prepared.fill_with_cms(out, contents_of(prepared.document_digest))
    return out.getvalue()


def pkcs7_sha1(by: Foreign) -> Callable[[bytes], bytes]:
    """adbe.pkcs7.sha1: a CMS message that holds the digest and signs it, itself with SHA-1."""

    def contents(digest: bytes) -> bytes:
        official = by.official
        attributes = cms.CMSAttributes(
            [
                cms.CMSAttribute({"type": "content_type", "values": ["data"]}),
                cms.CMSAttribute({"type": "message_digest", "values": [_sha1(digest)]}),
            ]
        )
        signature = _rsa_key().sign(attributes.dump(), padding.PKCS1v15(), hashes.SHA1())
        certificate = official.signing_cert
        signer = cms.SignerInfo(
            {
                "version": "v1",
                "sid": cms.IssuerAndSerialNumber(
                    {"issuer": certificate.issuer, "serial_number": certificate.serial_number}
                ),
                "digest_algorithm": algos.DigestAlgorithm({"algorithm": "sha1"}),
                "signed_attrs": attributes,
                "signature_algorithm": algos.SignedDigestAlgorithm({"algorithm": "rsassa_pkcs1v15"}),
                "signature": signature,
            }
        )
        message = cms.SignedData(
            {
                "version": "v1",
                "digest_algorithms": [algos.DigestAlgorithm({"algorithm": "sha1"})],
                "encap_content_info": {"content_type": "data", "content": digest},
                "certificates": list(official.cert_registry),
                "signer_infos": [signer],
            }
        )
        dumped: bytes = cms.ContentInfo({"content_type": "signed_data", "content": message}).dump()
        return dumped

    return contents


def bare_rsa(digest: bytes) -> bytes:
    """adbe.x509.rsa_sha1: a PKCS #1 signature and nothing around it."""
    made: bytes = core.OctetString(_rsa_key().sign(digest, padding.PKCS1v15(), Prehashed(hashes.SHA1()))).dump()
    return made


def _sha1(content: bytes) -> bytes:
    return hashlib.sha1(content, usedforsecurity=False).digest()


def stamped(content: bytes, by: Foreign) -> bytes:
    """The content under a document timestamp, which nobody signed."""
    out = io.BytesIO()
    PdfTimeStamper(by.clock).timestamp_pdf(IncrementalPdfFileWriter(io.BytesIO(content)), "sha256", output=out)
    return out.getvalue()


def hybrid(content: bytes) -> bytes:
    """The content with a hybrid-reference section behind it (ISO 32000-1, 7.5.8.4): an object that only programs
    which know cross-reference streams can see."""
    plain = saved(content, object_stream_mode=pikepdf.ObjectStreamMode.disable)
    with pikepdf.open(io.BytesIO(plain)) as pdf:
        hidden, root = len(pdf.objects) + 1, pdf.Root.objgen[0]
    before = int(re.findall(rb"startxref\s+(\d+)", plain)[-1])
    holder, table = hidden + 1, hidden + 2
    out = bytearray(plain)

    def add(number: int, entries: bytes, data: bytes) -> int:
        """Where the stream object now stands."""
        packed, at = zlib.compress(data), len(out)
        entries += b" /Filter /FlateDecode /Length %d" % len(packed)
        out.extend(b"%d 0 obj\n<<%s>>\nstream\n%s\nendstream\nendobj\n" % (number, entries, packed))
        return at

    label = b"%d 0 " % hidden
    at_holder = add(holder, b"/Type /ObjStm /N 1 /First %d" % len(label), label + b"<</Seen /Not>>")
    told = b"/Type /XRef /W [1 4 1] /Index [%d 1] /Size %d /Root %d 0 R" % (hidden, table + 1, root)
    at_table = add(table, told, b"\x02" + holder.to_bytes(4, "big") + b"\x00")
    at = len(out)
    out += b"xref\n%d 2\n%010d 00000 n \n%010d 00000 n \n" % (holder, at_holder, at_table)
    out += b"trailer\n<</Size %d /Root %d 0 R /Prev %d /XRefStm %d>>\n" % (table + 1, root, before, at_table)
    out += b"startxref\n%d\n%%%%EOF\n" % at
    return bytes(out)


def with_form(content: bytes) -> bytes:
    """The content with a text field, empty."""
    with pikepdf.open(io.BytesIO(content)) as pdf:
        field = pdf.make_indirect(
            pikepdf.Dictionary(
                Type=pikepdf.Name.Annot, Subtype=pikepdf.Name.Widget, FT=pikepdf.Name.Tx, T="GhiChu", F=4,
                Rect=[60, 60, 300, 90], DA="/Helv 10 Tf 0 g", P=pdf.pages[0].obj,
            )
        )  # fmt: skip
        pdf.pages[0].obj["/Annots"] = pikepdf.Array([field])
        pdf.Root["/AcroForm"] = pikepdf.Dictionary(Fields=[field], DA="/Helv 10 Tf 0 g")
        out = io.BytesIO()
        pdf.save(out)
    return out.getvalue()


def fill(writer: IncrementalPdfFileWriter) -> None:
    """The text field holds a text."""
    field = writer.root["/AcroForm"]["/Fields"][0]
    field[pdf_name("/V")] = generic.TextStringObject("Da nhan")
    writer.mark_update(writer.root["/AcroForm"]["/Fields"].raw_get(0))


def empty_field(content: bytes) -> bytes:
    """The content with a signature field that waits for somebody."""
    return updated(content, lambda w: fields.append_signature_field(w, SigFieldSpec("DeTrong", on_page=0)))


def write_over(writer: IncrementalPdfFileWriter) -> None:
    """Something else stands on the page as well."""
    stream = writer.add_object(generic.StreamObject(stream_data=b"q 1 0 0 rg 60 300 200 60 re f Q"))
    page = writer.root["/Pages"]["/Kids"][0]
    before = page.raw_get("/Contents")
    page[pdf_name("/Contents")] = generic.ArrayObject([before, stream])
    writer.mark_update(writer.root["/Pages"]["/Kids"].raw_get(0))


def forget_form(writer: IncrementalPdfFileWriter) -> None:
    """No form and no widget leads to the signature any more."""
    del writer.root["/AcroForm"]
    writer.update_root()
    page = writer.root["/Pages"]["/Kids"][0]
    page.pop("/Annots", None)
    writer.mark_update(writer.root["/Pages"]["/Kids"].raw_get(0))


def under_a_parent(content: bytes) -> bytes:
    """The content with a signature field whose kind stands with its parent, as /FT may (ISO 32000-1, 12.7.3.1)."""
    with pikepdf.open(io.BytesIO(content)) as pdf:
        parent = pdf.make_indirect(pikepdf.Dictionary(FT=pikepdf.Name.Sig, T="PhanKy"))
        widget = pdf.make_indirect(
            pikepdf.Dictionary(
                Type=pikepdf.Name.Annot, Subtype=pikepdf.Name.Widget, T="CoQuan", F=132, Rect=[0, 0, 0, 0],
                Parent=parent, P=pdf.pages[0].obj,
            )
        )  # fmt: skip
        parent["/Kids"] = pikepdf.Array([widget])
        pdf.pages[0].obj["/Annots"] = pikepdf.Array([widget])
        pdf.Root["/AcroForm"] = pikepdf.Dictionary(Fields=[parent], SigFlags=3)
        out = io.BytesIO()
        pdf.save(out)
    return out.getvalue()


def flipped(content: bytes) -> bytes:
    """One letter of the first page's bytes is another."""
    place = content.index(b"stream") + 30
    return content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]


def signed_inputs(by: Foreign, stranger: Foreign) -> Iterator[Input]:
    """All of them, no two of the same bytes; `stranger` is an authority that nobody trusts here."""
    numbers = iter(range(7000, 7100))

    def plain() -> bytes:
        return paper(next(numbers))

    passed, lasting, unsure, failed = (PASSED,), (PASSED, UNSURE), (UNSURE,), (FAILED,)
    weak, nothing = "CRYPTO_CONSTRAINTS_FAILURE_NO_POE", "SIGNED_DATA_NOT_FOUND"
    yield Input("b-b", sign(plain(), by), unsure, None, ("B-B",))
    yield Input("b-t", sign(plain(), by, level="B-T"), unsure, None, ("B-T",))
    yield Input("b-lt", sign(plain(), by, level="B-LT"), lasting, None, ("B-LT",))
    yield Input("b-lta", sign(plain(), by, level="B-LTA"), passed, None, ("B-LTA",))
    seen = (250, 20, 400, 70)
    yield Input("visible", sign(plain(), by, level="B-LTA", box=seen), passed, None, ("B-LTA",))
    rsa_signed = sign(plain(), by, level="B-LT", signer=by.official, field="NguoiKy", md_algorithm="sha512")
    yield Input("rsa-sha512", rsa_signed, lasting, None, ("B-LT",))
    two = sign(sign(plain(), by, level="B-LT", signer=by.official, field="NguoiKy"), by, field="CoQuan", level="B-LTA")
    yield Input("two-signatures", two, passed, None, ("B-LTA", "B-LTA"))
    three = sign(sign(sign(plain(), by, field="A"), by, field="B", level="B-T"), by, field="C", signer=by.official)
    yield Input("three-signatures", three, unsure, None, ("B-B", "B-T", "B-B"))
    told: dict[str, Any] = {"certify": True, "docmdp_permissions": MDPPerm.NO_CHANGES}
    yield Input("certified", sign(plain(), by, level="B-LT", **told), lasting, None, ("B-LT",))
    told = {"certify": True, "docmdp_permissions": MDPPerm.FILL_FORMS}
    certified = sign(plain(), by, level="B-LT", signer=by.official, field="NguoiKy", **told)
    yield Input("certified-then-signed", sign(certified, by, level="B-LTA"), passed, None, ("B-LTA", "B-LTA"))
    acrobat = {"subfilter": SigSeedSubFilter.ADOBE_PKCS7_DETACHED, "reason": "Ban hanh", "location": "An Hoa"}
    yield Input("pkcs7-detached", sign(plain(), by, signer=by.official, **acrobat), unsure, None, (None,))
    yield Input("pkcs7-sha1", by_hand(plain(), "/adbe.pkcs7.sha1", pkcs7_sha1(by)), unsure, weak, (None,))
    held = generic.ByteStringObject(by.official.signing_cert.dump())
    yield Input("x509-rsa-sha1", by_hand(plain(), "/adbe.x509.rsa_sha1", bare_rsa, Cert=held), unsure, weak, (None,))
    old_changed = flipped(by_hand(plain(), "/adbe.pkcs7.sha1", pkcs7_sha1(by)))
    yield Input("pkcs7-sha1-changed", old_changed, failed, "HASH_FAILURE", (None,))
    locks = {
        "rc4": pikepdf.Encryption(user="", owner="chu-so-huu", R=3, aes=False, metadata=False),
        "aes-128": pikepdf.Encryption(user="", owner="chu-so-huu", R=4),
        "aes-256": pikepdf.Encryption(user="", owner="chu-so-huu", R=6),
    }
    for strength, lock in locks.items():
        locked = saved(plain(), encryption=lock)
        yield Input(f"encrypted-{strength}", sign(locked, by, level="B-LT", password=b""), lasting, None, ("B-LT",))
    yield Input("hybrid-xref", sign(hybrid(plain()), by, level="B-LT"), unsure, None, ("B-LT",))
    streams = saved(plain(), object_stream_mode=pikepdf.ObjectStreamMode.generate)
    yield Input("xref-streams", sign(streams, by, level="B-LTA"), passed, None, ("B-LTA",))
    yield Input("linearised", sign(saved(plain(), linearize=True), by, level="B-LT"), lasting, None, ("B-LT",))
    filled = updated(with_form(plain()), fill)
    yield Input("form-filled-then-signed", sign(filled, by, level="B-LT"), lasting, None, ("B-LT",))
    kids = sign_existing(under_a_parent(plain()), by, "PhanKy.CoQuan")
    yield Input("field-of-a-parent", kids, unsure, None, ("B-B",))
    usage = by_hand(plain(), "/adbe.pkcs7.sha1", pkcs7_sha1(by), "usage")
    yield Input("usage-rights", usage, unsure, nothing)
    yield Input("timestamp-only", stamped(plain(), by), unsure, nothing)
    over = updated(sign(plain(), by, level="B-LT"), write_over)
    yield Input("written-over", over, failed, "FORMAT_FAILURE", ("B-LT",))
    hidden = updated(sign(plain(), by, level="B-T"), forget_form)
    yield Input("form-forgotten", hidden, unsure, nothing)
    yield Input("changed", flipped(sign(plain(), by, level="B-LTA")), failed, "HASH_FAILURE", ("B-LTA",))
    longer = sign(plain(), by, level="B-LTA") + b"\n% scanned by somebody\n%%EOF\n"
    yield Input("tail", longer, failed, "FORMAT_FAILURE")
    yield Input("stranger", sign(plain(), stranger, level="B-LTA"), unsure, "NO_CERTIFICATE_CHAIN_FOUND", ("B-LTA",))
    yield Input("expired", sign(plain(), by, signer=by.former), unsure, None, ("B-B",))
    broken = sign(plain(), by)
    place = broken.rindex(b"startxref")
    lost = broken[:place] + b"startxref\n7\n%%EOF\n"
    yield Input("broken-xref", lost, failed, "FORMAT_FAILURE")
    yield Input("empty-field", empty_field(plain()), unsure, nothing, signed=False)
    yield Input("unsigned", plain(), unsure, nothing, signed=False)


def sign_existing(content: bytes, by: Foreign, field: str) -> bytes:
    """The content, signed in a field that it has."""
    out = io.BytesIO()
    metadata = PdfSignatureMetadata(field_name=field, md_algorithm="sha256", subfilter=SigSeedSubFilter.PADES)
    signers.sign_pdf(IncrementalPdfFileWriter(io.BytesIO(content)), metadata, signer=by.agency, output=out)
    return out.getvalue()
