"""Kiểm tra bộ hồ sơ này mà không cần sohoa, không cần mạng: chỉ cần Python 3.9 trở lên.

    python3 verify.py --signer MÃ   kiểm tra thư mục chứa tệp này; MÃ: SHA-256 của chứng thư ký bản kê, ghi trên tờ bìa
    python3 verify.py               như trên, và in mã đó ra để tự so với tờ bìa
    python3 verify.py --json        in kết quả dạng JSON
    python3 verify.py --anchor GOC.pem   chỉ tin chứng thư gốc của chính bạn, không tin gốc trong bộ hồ sơ

Mã thoát 0: mọi phép kiểm đều đúng hoặc không làm được; 1: có chỗ không đúng (in rõ chỗ nào).

Stands alone on purpose: it is copied into every kit, imports nothing but Python's own library, and is read by people
who must trust it. What it reads was written by others: a file that cannot be understood is never "fine".
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import sys
from base64 import b64decode
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timezone
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple, Optional

HERE = Path(__file__).resolve().parent
SUMS, MANIFEST, SIGNATURE = "SHA256SUMS", "manifest.json", "manifest.json.p7s"
SIGNATURE_RANGE = re.compile(rb"/ByteRange\s*\[\s*(\d+)\s+(\d+)\s+(\d+)\s+(\d+)\s*\]")
DICTIONARY = 1 << 20
"""A signature's dictionary is no longer than this, its own /Contents left out."""
HASHES = {
    "1.3.14.3.2.26": "sha1",
    "2.16.840.1.101.3.4.2.1": "sha256",
    "2.16.840.1.101.3.4.2.2": "sha384",
    "2.16.840.1.101.3.4.2.3": "sha512",
}
RSA, PSS, MGF1 = "1.2.840.113549.1.1.1", "1.2.840.113549.1.1.10", "1.2.840.113549.1.1.8"
SIGNATURES = {
    "1.2.840.113549.1.1.5": "sha1",
    "1.2.840.113549.1.1.11": "sha256",
    "1.2.840.113549.1.1.12": "sha384",
    "1.2.840.113549.1.1.13": "sha512",
    "1.2.840.10045.4.1": "sha1",
    "1.2.840.10045.4.3.2": "sha256",
    "1.2.840.10045.4.3.3": "sha384",
    "1.2.840.10045.4.3.4": "sha512",
}
SIGNED_DATA, DATA, TST_INFO = "1.2.840.113549.1.7.2", "1.2.840.113549.1.7.1", "1.2.840.113549.1.9.16.1.4"
CONTENT_TYPE, MESSAGE_DIGEST = "1.2.840.113549.1.9.3", "1.2.840.113549.1.9.4"
SIGNING_CERTIFICATE = {"1.2.840.113549.1.9.16.2.12": 1, "1.2.840.113549.1.9.16.2.47": 2}
TIMESTAMP = "1.2.840.113549.1.9.16.2.14"
BASIC_OCSP = "1.3.6.1.5.5.7.48.1.1"
CONSTRAINTS, KEY_USAGE, PURPOSES = "2.5.29.19", "2.5.29.15", "2.5.29.37"
LONGEST_CHAIN = 8
WHO = "Ai đã ký bản kê"
TIME_STAMPING, OCSP_SIGNING = "1.3.6.1.5.5.7.3.8", "1.3.6.1.5.5.7.3.9"


class Wrong(Exception):
    """Something is not what it should be; the text, in Vietnamese, says what."""


class CannotTell(Exception):
    """Something could not be checked: neither right nor wrong."""


class NoChain(CannotTell):
    """No chain of certificates leads to an anchor."""


# --- what is told -----------------------------------------------------------------------------------------------------


class Check(NamedTuple):
    """ok: None where it could not be told."""

    what: str
    ok: bool | None
    detail: str = ""


class Report:
    """All checks so far."""

    def __init__(self) -> None:
        self.checks: list[Check] = []

    def run(self, what: str, check: Any, *arguments: Any) -> Any:
        """The check's own result, None when it failed; whatever goes wrong in it is told and stops nothing else."""
        try:
            told = check(*arguments)
        except CannotTell as exc:
            self.checks.append(Check(what, None, str(exc)))
        except Wrong as exc:
            self.checks.append(Check(what, False, str(exc)))
        except Exception as exc:
            self.checks.append(Check(what, False, f"không đọc được ({type(exc).__name__})"))
        else:
            self.checks.append(Check(what, True, told if isinstance(told, str) else ""))
            return told
        return None

    def note(self, what: str, ok: bool | None, detail: str = "") -> None:
        self.checks.append(Check(what, ok, detail))

    @property
    def ok(self) -> bool:
        return all(check.ok is not False for check in self.checks)


# --- DER (X.690) ------------------------------------------------------------------------------------------------------


class Der:
    """One value. whole: its bytes with tag and length; body: without. Iterated: the values in it."""

    def __init__(self, tag: int, body: bytes, whole: bytes) -> None:
        self.tag, self.body, self.whole = tag, body, whole

    def __iter__(self) -> Iterator[Der]:
        at = 0
        while at < len(self.body):
            found = read_der(self.body, at)
            at += len(found.whole)
            yield found

    @property
    def parts(self) -> list[Der]:
        return list(iter(self))

    @property
    def oid(self) -> str:
        """Raises Wrong for what is no object identifier."""
        if self.tag != 0x06 or not self.body:
            raise Wrong("cấu trúc ASN.1 sai")
        numbers, value = [min(self.body[0] // 40, 2)], 0
        numbers.append(self.body[0] - 40 * numbers[0])
        for byte in self.body[1:]:
            value = value << 7 | byte & 0x7F
            if byte < 0x80:
                numbers.append(value)
                value = 0
        return ".".join(map(str, numbers))

    @property
    def number(self) -> int:
        if self.tag not in (0x02, 0x0A):
            raise Wrong("cấu trúc ASN.1 sai")
        return int.from_bytes(self.body, "big", signed=True)

    @property
    def bits(self) -> bytes:
        if self.tag != 0x03 or self.body[:1] != b"\0":
            raise Wrong("cấu trúc ASN.1 sai")
        return self.body[1:]

    @property
    def time(self) -> datetime:
        """UTCTime or GeneralizedTime, in UTC."""
        text = self.body.decode("ascii")
        if self.tag == 0x17:
            text = ("19" if int(text[:2]) >= 50 else "20") + text
        if self.tag not in (0x17, 0x18) or not text.endswith("Z"):
            raise Wrong("thời điểm ghi sai")
        whole, _, fraction = text[:-1].partition(".")
        found = datetime.strptime(whole, "%Y%m%d%H%M%S").replace(tzinfo=timezone.utc)
        return found.replace(microsecond=int((fraction + "000000")[:6])) if fraction else found


def read_der(data: bytes, at: int = 0) -> Der:
    """The value that begins there. Raises Wrong: no DER, indefinite length, beyond the end."""
    if at + 2 > len(data) or data[at] & 0x1F == 0x1F:
        raise Wrong("cấu trúc ASN.1 sai")
    length, start = data[at + 1], at + 2
    if length == 0x80:
        raise CannotTell("chữ ký viết theo BER, công cụ này chỉ đọc DER")
    if length > 0x80:
        count = length & 0x7F
        length = int.from_bytes(data[start : start + count], "big")
        start += count
    if start + length > len(data):
        raise Wrong("cấu trúc ASN.1 bị cụt")
    return Der(data[at], data[start : start + length], data[at : start + length])


def whole_der(data: bytes) -> Der:
    """The one value that these bytes are. Raises Wrong when something follows it."""
    found = read_der(data)
    if len(found.whole) != len(data):
        raise Wrong("có byte thừa sau cấu trúc ASN.1")
    return found


# --- signatures by mathematics ----------------------------------------------------------------------------------------


class Curve(NamedTuple):
    p: int
    b: int
    n: int
    x: int
    y: int


CURVES = {
    "1.2.840.10045.3.1.7": Curve(
        2**256 - 2**224 + 2**192 + 2**96 - 1,
        0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B,
        0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551,
        0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
        0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
    ),
    "1.3.132.0.34": Curve(
        2**384 - 2**128 - 2**96 + 2**32 - 1,
        0xB3312FA7E23EE7E4988E056BE3F82D19181D9C6EFE8141120314088F5013875AC656398D8A2ED19D2A85C8EDD3EC2AEF,
        0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973,
        0xAA87CA22BE8B05378EB1C71EF320AD746E1D3B628BA79B9859F741E082542A385502F25DBF55296C3A545E3872760AB7,
        0x3617DE4A96262C6F5D9E98BF9292DC29F8F41DBD289A147CE9DA3113B5F0B8C00A60B1CE1D7E819D7A431D7C90EA0E5F,
    ),
    "1.3.132.0.35": Curve(
        2**521 - 1,
        int(
            "0051953EB9618E1C9A1F929A21A0B68540EEA2DA725B99B315F3B8B489918EF109E156193951EC7E937B1652C0BD3BB1BF07"
            "3573DF883D2C34F1EF451FD46B503F00",
            16,
        ),
        int(
            "01FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFA51868783BF2F966B7FCC0148F709A5D0"
            "3BB5C9B8899C47AEBB6FB71E91386409",
            16,
        ),
        int(
            "00C6858E06B70404E9CD9E3ECB662395B4429C648139053FB521F828AF606B4D3DBAA14B5E77EFE75928FE1DC127A2FFA8DE"
            "3348B3C1856A429BF97E7E31C2E5BD66",
            16,
        ),
        int(
            "011839296A789A3BC0045C8A5FB42C7D1BD998F54449579B446817AFBD17273E662C97EE72995EF42640C550B9013FAD0761"
            "353C7086A272C24088BE94769FD16650",
            16,
        ),
    ),
}
Point = Optional[tuple[int, int]]


def add_points(curve: Curve, one: Point, two: Point) -> Point:
    """The sum on y² = x³ − 3x + b; None is the point at infinity."""
    if one is None or two is None:
        return two if one is None else one
    if one[0] == two[0]:
        if (one[1] + two[1]) % curve.p == 0:
            return None
        slope = (3 * one[0] * one[0] - 3) * pow(2 * one[1], -1, curve.p) % curve.p
    else:
        slope = (two[1] - one[1]) * pow(two[0] - one[0], -1, curve.p) % curve.p
    x = (slope * slope - one[0] - two[0]) % curve.p
    return x, (slope * (one[0] - x) - one[1]) % curve.p


def multiply(curve: Curve, point: Point, by: int) -> Point:
    found: Point = None
    while by:
        if by & 1:
            found = add_points(curve, found, point)
        point, by = add_points(curve, point, point), by >> 1
    return found


def ecdsa_holds(curve: Curve, key: bytes, digest: bytes, signature: bytes) -> bool:
    """FIPS 186-5 §6.4.2."""
    size = (curve.p.bit_length() + 7) // 8
    if len(key) != 1 + 2 * size or key[0] != 4:
        raise CannotTell("dạng khóa EC này chưa kiểm được")
    x, y = int.from_bytes(key[1 : 1 + size], "big"), int.from_bytes(key[1 + size :], "big")
    r, s = (part.number for part in whole_der(signature).parts)
    if (y * y - x * x * x + 3 * x - curve.b) % curve.p or not (0 < r < curve.n and 0 < s < curve.n):
        return False
    z = int.from_bytes(digest, "big") >> max(0, 8 * len(digest) - curve.n.bit_length())
    w = pow(s, -1, curve.n)
    first = multiply(curve, (curve.x, curve.y), z * w % curve.n)
    total = add_points(curve, first, multiply(curve, (x, y), r * w % curve.n))
    return total is not None and total[0] % curve.n == r


def rsa_holds(key: bytes, name: str, digest: bytes, signature: bytes, salt: int | None) -> bool:
    """RFC 8017 §8.2.2, or §8.1.2 where a length of salt is given. name: of the hash."""
    modulus, exponent = (part.number for part in whole_der(key).parts)
    size = (modulus.bit_length() + 7) // 8
    if len(signature) != size or modulus.bit_length() < 1024:
        return False
    encoded = pow(int.from_bytes(signature, "big"), exponent, modulus).to_bytes(size, "big")
    if salt is not None:
        return pss_holds(encoded, modulus.bit_length() - 1, name, digest, salt)
    oid = next(oid for oid, known in HASHES.items() if known == name)
    info = der(0x30, der(0x30, encode_oid(oid) + der(0x05, b"")) + der(0x04, digest))
    return encoded == b"\0\1" + b"\xff" * (size - len(info) - 3) + b"\0" + info


def pss_holds(encoded: bytes, bits: int, name: str, digest: bytes, salt: int) -> bool:
    """RFC 8017 §9.1.2, MGF1 with the same hash."""
    encoded = encoded[-((bits + 7) // 8) :]
    size, unused = len(digest), 8 * ((bits + 7) // 8) - bits
    masked, check = encoded[: -size - 1], encoded[-size - 1 : -1]
    if encoded[-1] != 0xBC or len(encoded) < size + salt + 2 or masked[0] >> (8 - unused):
        return False
    stream = b"".join(hashlib.new(name, check + n.to_bytes(4, "big")).digest() for n in range(-(-len(masked) // size)))
    block = bytearray(a ^ b for a, b in zip(masked, stream))
    block[0] &= 0xFF >> unused
    padding, held = bytes(block[: len(block) - salt]), bytes(block[len(block) - salt :])
    if padding != b"\0" * (len(padding) - 1) + b"\1":
        return False
    return hashlib.new(name, b"\0" * 8 + digest + held).digest() == check


def der(tag: int, body: bytes) -> bytes:
    """A value in DER."""
    if len(body) < 0x80:
        return bytes([tag, len(body)]) + body
    size = (len(body).bit_length() + 7) // 8
    return bytes([tag, 0x80 | size]) + len(body).to_bytes(size, "big") + body


def encode_oid(told: str) -> bytes:
    numbers = [int(n) for n in told.split(".")]
    body = bytearray([40 * numbers[0] + numbers[1]])
    for number in numbers[2:]:
        some = [number & 0x7F]
        while number := number >> 7:
            some.append(0x80 | number & 0x7F)
        body += bytes(reversed(some))
    return der(0x06, bytes(body))


@cache
def holds(spki: bytes, algorithm: bytes, hash_name: str, body: bytes, signature: bytes) -> bool:
    """Whether the signature over the body is by this key. hash_name: for algorithms that do not name one.

    Raises CannotTell for an algorithm that is not known here.
    """
    told = whole_der(algorithm).parts
    oid, salt = told[0].oid, None
    name = SIGNATURES.get(oid, hash_name)
    if oid == PSS:
        name, salt = pss_parameters(told[1] if len(told) > 1 else None)
    if name not in HASHES.values() or (oid not in SIGNATURES and oid not in (RSA, PSS)):
        raise CannotTell(f"thuật toán {oid} chưa kiểm được")
    kind, key = whole_der(spki).parts
    kind_parts = kind.parts
    digest = hashlib.new(name, body).digest()
    if kind_parts[0].oid in (RSA, PSS):
        return rsa_holds(key.bits, name, digest, signature, salt)
    curve = CURVES.get(kind_parts[1].oid) if kind_parts[0].oid == "1.2.840.10045.2.1" else None
    if curve is None:
        raise CannotTell("loại khóa này chưa kiểm được")
    return ecdsa_holds(curve, key.bits, digest, signature)


def pss_parameters(told: Der | None) -> tuple[str, int]:
    """Hash and length of salt (RFC 4055 §3.1)."""
    fields = {part.tag: part.parts[0] for part in told} if told else {}
    name = HASHES.get(fields[0xA0].parts[0].oid, "") if 0xA0 in fields else "sha1"
    mask = fields[0xA1].parts if 0xA1 in fields else None
    if mask and (mask[0].oid != MGF1 or HASHES.get(mask[1].parts[0].oid) != name):
        raise CannotTell("tham số RSA-PSS này chưa kiểm được")
    return name, fields[0xA2].number if 0xA2 in fields else 20


# --- certificates (RFC 5280) ------------------------------------------------------------------------------------------


class Certificate:
    """What is needed of a certificate. der: all its bytes."""

    def __init__(self, raw: bytes) -> None:
        self.der = raw
        body, algorithm, signature = whole_der(raw).parts
        fields = body.parts
        if fields[0].tag == 0xA0:
            fields = fields[1:]
        self.body, self.algorithm, self.signature = body.whole, algorithm.whole, signature.bits
        self.serial, self.issuer, self.subject = fields[0].number, fields[2].whole, fields[4].whole
        self.begins, self.ends = (part.time for part in fields[3].parts)
        self.key = fields[5].whole
        if fields[1].whole != algorithm.whole:
            raise Wrong("chứng thư tự mâu thuẫn")
        extensions = {e.parts[0].oid: e.parts[-1].body for f in fields[6:] if f.tag == 0xA3 for e in f.parts[0]}
        constraints = whole_der(extensions[CONSTRAINTS]).parts if CONSTRAINTS in extensions else []
        self.is_authority = bool(constraints and constraints[0].tag == 0x01 and constraints[0].body == b"\xff")
        usage = whole_der(extensions[KEY_USAGE]).body if KEY_USAGE in extensions else None
        self.usage = None if usage is None else int.from_bytes(usage[1:2], "big")
        self.purposes = [p.oid for p in whole_der(extensions[PURPOSES])] if PURPOSES in extensions else []

    @property
    def name(self) -> str:
        """The common name, for people."""
        found = ""
        for part in read_der(self.subject):
            for pair in part:
                kind, value = pair.parts
                if kind.oid == "2.5.4.3":
                    found = value.body.decode("utf-16-be" if value.tag == 0x1E else "utf-8", "replace")
        return found

    @property
    def fingerprint(self) -> str:
        return hashlib.sha256(self.der).hexdigest()

    def signed_by(self, other: Certificate) -> bool:
        return self.issuer == other.subject and holds(other.key, self.algorithm, "", self.body, self.signature)


class Trust:
    """The anchors, and what else is at hand to build chains and to know of revocations."""

    def __init__(self, anchors: Sequence[Certificate]) -> None:
        self.anchors = {c.der: c for c in anchors}
        self.others: dict[bytes, Certificate] = {}
        self.lists: list[bytes] = []
        self.answers: list[bytes] = []

    def chain(self, leaf: Certificate, at: datetime, more: Iterable[Certificate] = ()) -> list[Certificate]:
        """From the leaf to an anchor, each signed by the next, all valid at that time. Raises CannotTell."""
        pool = {**self.others, **{c.der: c for c in more}}
        found = self._up([leaf], list({**pool, **self.anchors}.values()))
        if found is None:
            raise NoChain(f"không có chuỗi chứng thư từ “{leaf.name}” đến gốc tin cậy")
        for certificate in found[:-1] if found[-1].der in self.anchors else found:
            if not certificate.begins <= at <= certificate.ends:
                raise CannotTell(f"chứng thư “{certificate.name}” không còn hạn vào {at:%d/%m/%Y}")
        return found

    def _up(self, path: list[Certificate], pool: list[Certificate]) -> list[Certificate] | None:
        last = path[-1]
        if last.der in self.anchors:
            return path
        for candidate in pool:
            fit = candidate.is_authority and (candidate.usage is None or candidate.usage & 0x04)
            known = candidate in path or len(path) == LONGEST_CHAIN
            if (fit or candidate.der in self.anchors) and not known and last.signed_by(candidate):
                found = self._up([*path, candidate], pool)
                if found:
                    return found
        return None

    def require_not_revoked(self, path: list[Certificate], at: datetime) -> None:
        """Raises Wrong: one was revoked by then. Raises CannotTell: nothing at hand says so or otherwise."""
        for certificate, issuer in zip(path, path[1:]):
            known = [*self._by_lists(certificate, issuer), *self._by_answers(certificate, issuer)]
            if not known:
                raise CannotTell(f"không có danh sách thu hồi cho “{certificate.name}”")
            for revoked in known:
                if revoked is not None and revoked <= at:
                    raise Wrong(f"chứng thư “{certificate.name}” đã bị thu hồi ngày {revoked:%d/%m/%Y}")

    def _by_lists(self, certificate: Certificate, issuer: Certificate) -> Iterator[datetime | None]:
        """Of each list of the issuer: when it was revoked, None for not."""
        for raw in self.lists:
            body, algorithm, signature = whole_der(raw).parts
            fields = [f for f in body.parts if f.tag != 0x02]
            by_name = fields[1].whole == issuer.subject
            if not by_name or not holds(issuer.key, algorithm.whole, "", body.whole, signature.bits):
                continue  # of another authority, which may bear the same name
            rest = [f for f in fields[2:] if f.tag not in (0x17, 0x18)]
            entries = rest[0].parts if rest and rest[0].tag == 0x30 else []
            named = [e.parts for e in entries if e.parts[0].number == certificate.serial]
            yield named[0][1].time if named else None

    def _by_answers(self, certificate: Certificate, issuer: Certificate) -> Iterator[datetime | None]:
        """Of each OCSP answer about it (RFC 6960): when it was revoked, None for not."""
        for raw in self.answers:
            outer = whole_der(raw).parts
            if outer[0].number != 0 or len(outer) < 2:
                continue
            kind, packed = outer[1].parts[0].parts
            if kind.oid != BASIC_OCSP:
                continue
            fields = whole_der(packed.body).parts
            told, algorithm, signature = fields[:3]
            certificates = [Certificate(c.whole) for c in fields[3].parts[0]] if len(fields) > 3 else []
            delegated = [c for c in certificates if OCSP_SIGNING in c.purposes and c.signed_by(issuer)]
            singles = next(f for f in told.parts if f.tag == 0x30)
            for single in singles:
                identity, status = single.parts[:2]
                name, names, _, serial = identity.parts
                hashed = HASHES.get(name.parts[0].oid, "sha1")
                if serial.number != certificate.serial or names.body != hashlib.new(hashed, issuer.subject).digest():
                    continue
                if not any(holds(c.key, algorithm.whole, "", told.whole, signature.bits) for c in [issuer, *delegated]):
                    continue
                if status.tag == 0x80:
                    yield None
                elif status.tag == 0xA1:
                    yield status.parts[0].time


# --- signed data (RFC 5652, RFC 3161, ETSI EN 319 122) ----------------------------------------------------------------


class Signed:
    """A CMS signature by one signer."""

    def __init__(self, raw: bytes) -> None:
        kind, outer = whole_der(raw).parts
        if kind.oid != SIGNED_DATA:
            raise Wrong("không phải chữ ký CMS")
        fields = outer.parts[0].parts
        content = fields[2].parts
        self.content_type = content[0].oid
        self.content = content[1].parts[0].body if len(content) > 1 else None
        self.certificates: list[Certificate] = []
        for field in fields[3:-1]:
            if field.tag == 0xA0:
                self.certificates = [Certificate(c.whole) for c in field if c.tag == 0x30]
        signers = fields[-1].parts
        if len(signers) != 1:
            raise Wrong("chữ ký phải có đúng một người ký")
        told = signers[0].parts
        self.sid = told[1]
        self.hash_name = HASHES.get(told[2].parts[0].oid, "")
        self.attributes: dict[str, Der] = {}
        self.signed_part: bytes | None = None
        rest = told[3:]
        if rest[0].tag == 0xA0:
            self.attributes = attributes(rest[0])
            self.signed_part = b"\x31" + rest[0].whole[1:]
            rest = rest[1:]
        self.algorithm, self.signature = rest[0].whole, rest[1].body
        self.unsigned = attributes(rest[2]) if len(rest) > 2 else {}

    def signer(self, more: Iterable[Certificate] = ()) -> Certificate:
        """The certificate that the signature names, checked against its own digest in the signed attributes."""
        for certificate in [*self.certificates, *more]:
            parts = self.sid.parts if self.sid.tag == 0x30 else []
            if parts and parts[0].whole == certificate.issuer and parts[1].number == certificate.serial:
                self._require_named(certificate)
                return certificate
        raise CannotTell("không có chứng thư của người ký")

    def _require_named(self, certificate: Certificate) -> None:
        for oid, version in SIGNING_CERTIFICATE.items():
            if oid not in self.attributes:
                continue
            first = self.attributes[oid].parts[0].parts[0].parts[0].parts
            name = "sha1" if version == 1 else "sha256"
            if first[0].tag == 0x30:
                name, first = HASHES.get(first[0].parts[0].oid, ""), first[1:]
            if hashlib.new(name, certificate.der).digest() != first[0].body:
                raise Wrong("chứng thư kèm theo không phải chứng thư đã ký")

    def require_over(self, pieces: Sequence[bytes], signer: Certificate) -> None:
        """The signature is by this certificate's key, over these bytes. Raises Wrong."""
        if not self.hash_name:
            raise CannotTell("thuật toán băm của chữ ký chưa kiểm được")
        digest = hashlib.new(self.hash_name)
        for piece in pieces:
            digest.update(piece)
        body = self.signed_part
        if body is None:
            body = b"".join(pieces)
        elif (
            self.attributes[MESSAGE_DIGEST].parts[0].body != digest.digest()
            or self.attributes[CONTENT_TYPE].parts[0].oid != self.content_type
        ):
            raise Wrong("nội dung đã bị sửa sau khi ký")
        if not holds(signer.key, self.algorithm, self.hash_name, body, self.signature):
            raise Wrong("chữ ký không đúng")


def attributes(field: Der) -> dict[str, Der]:
    """Attribute type → its set of values."""
    return {a.parts[0].oid: a.parts[1] for a in field}


def stamped_time(token: Signed, hashed: Sequence[bytes], trust: Trust, more: Sequence[Certificate]) -> datetime:
    """The time of an RFC 3161 token over these bytes. Raises Wrong, CannotTell (the authority is not trusted here)."""
    if token.content_type != TST_INFO or token.content is None:
        raise Wrong("không phải dấu thời gian")
    told = whole_der(token.content).parts
    kind, imprint = told[2].parts
    digest = hashlib.new(HASHES.get(kind.parts[0].oid, "sha256"))
    for piece in hashed:
        digest.update(piece)
    if imprint.body != digest.digest():
        raise Wrong("dấu thời gian không phải của nội dung này")
    at = told[4].time
    signer = token.signer([*more, *trust.others.values()])
    token.require_over([token.content], signer)
    if TIME_STAMPING not in signer.purposes:
        raise Wrong("chứng thư đóng dấu thời gian không đúng mục đích")
    trust.require_not_revoked(trust.chain(signer, at, [*token.certificates, *more]), at)
    return at


def signature_time(signed: Signed, trust: Trust) -> datetime | None:
    """The time stamped on the signature itself; None for none. Raises as stamped_time."""
    if TIMESTAMP not in signed.unsigned:
        return None
    token = Signed(signed.unsigned[TIMESTAMP].parts[0].whole)
    return stamped_time(token, [signed.signature], trust, signed.certificates)


# --- the kit ----------------------------------------------------------------------------------------------------------


class Kit:
    """A folder with a kit in it. signer: SHA-256 of the certificate that must have signed the manifest, as the cover
    sheet has it; empty: not told, so that nothing says whose the kit is."""

    def __init__(self, folder: Path, anchor: Path | None, signer: str = "") -> None:
        self.folder, self.anchor, self.signer = folder, anchor, signer
        self.signed_by = ""
        self.report = Report()
        self.manifest: dict[str, Any] = {}
        self.trust = Trust([])
        self._names: list[str] = []

    def verify(self) -> Report:
        """Everything is checked; what fails stops only what hangs on it."""
        self.report.run("Bảng mã băm SHA256SUMS và từng tệp", self.check_sums)
        self.report.run("Chứng thư gốc và căn cứ kiểm tra", self.load_trust)
        self.report.run("Bản kê manifest.json", self.load_manifest)
        self.report.run("Chữ ký trên bản kê", self.check_manifest_signature)
        if self.signed_by and not self.signer:
            self.report.note(WHO, None, f"chưa so với tờ bìa: chứng thư SHA-256 {self.signed_by}")
        for told in self.manifest.get("documents", []):
            self.check_document(told)
        for path in self.manifest.get("scans", []):
            self.report.run(f"Kho OCFL {path}", self.check_object, path)
        self.report.run("Tệp gốc của kho OCFL", self.check_root)
        self.check_audit()
        return self.report

    def read(self, path: str) -> bytes:
        """Raises Wrong for a file that is not there, or lies outside of the kit."""
        pure = PurePosixPath(path)
        if pure.is_absolute() or ".." in pure.parts:
            raise Wrong(f"đường dẫn lạ: {path}")
        try:
            return (self.folder / path).read_bytes()
        except OSError as exc:
            raise Wrong(f"thiếu tệp {path}") from exc

    def names(self) -> list[str]:
        """Every file of the kit."""
        if not self._names:
            found = (p for p in self.folder.rglob("*") if p.is_file() or p.is_symlink())
            self._names = sorted(p.relative_to(self.folder).as_posix() for p in found)
        return self._names

    def check_sums(self) -> str:
        """SHA256SUMS names every file but itself, each is what it says, and it is written as it should be."""
        told = self.read(SUMS)
        names = [name for name in self.names() if name != SUMS]
        listed = {line[66:]: line[:64] for line in told.decode("utf-8").splitlines()}
        wrong = [f"tệp lạ {name}" for name in names if name not in listed]
        wrong += [f"thiếu tệp {name}" for name in listed if name not in names]
        true = {name: hashlib.sha256(self.read(name)).hexdigest() for name in names}
        wrong += [f"tệp bị sửa: {name}" for name in names if name in listed and listed[name] != true[name]]
        if wrong:
            raise Wrong("; ".join(sorted(wrong)[:20]))
        if told != "".join(f"{true[name]}  {name}\n" for name in names).encode():
            raise Wrong(f"{SUMS} bị sửa")
        return f"{len(names)} tệp"

    def load_manifest(self) -> str:
        """The manifest names every file but itself, its signature and the sums."""
        self.manifest = json.loads(self.read(MANIFEST))
        if self.manifest["schema_version"] != 1:
            raise Wrong("phiên bản bản kê lạ; hãy dùng verify.py đi kèm bộ hồ sơ")
        listed = self.manifest["files"]
        names = set(self.names()) - {SUMS, MANIFEST, SIGNATURE}
        wrong = sorted(names ^ set(listed))
        for name in sorted(names & set(listed)):
            body = self.read(name)
            if hashlib.sha256(body).hexdigest() != listed[name]["sha256"] or len(body) != listed[name]["size"]:
                wrong.append(name)
        if wrong:
            raise Wrong(f"không khớp bản kê: {', '.join(wrong[:20])}")
        return f"{len(listed)} tệp, {len(self.manifest['documents'])} tài liệu"

    def load_trust(self) -> str:
        """The anchors of the kit, or those that were named; whom to trust is the reader's business."""
        files = [self.anchor] if self.anchor else sorted((self.folder / "trust").glob("*.pem"))
        anchors = [Certificate(raw) for file in files for raw in pem(file.read_bytes())]
        if not anchors:
            raise Wrong("không có chứng thư gốc")
        self.trust = Trust(anchors)
        for path in sorted((self.folder / "validation").glob("*/*")):
            body = path.read_bytes()
            if path.suffix == ".der":
                certificate = Certificate(body)
                self.trust.others[certificate.der] = certificate
            elif path.suffix == ".crl":
                self.trust.lists.append(body)
            elif path.suffix == ".ocsp":
                self.trust.answers.append(body)
        return "; ".join(f"“{c.name}” SHA-256 {c.fingerprint}" for c in anchors)

    def check_manifest_signature(self) -> str:
        """The manifest is signed, and by whom the cover sheet names: a chain to an anchor everybody has whom the same
        authority serves. Raises Wrong, CannotTell."""
        signed = Signed(self.read(SIGNATURE))
        signer = self.signer_of(signed, MANIFEST)
        self.signed_by = signer.fingerprint if signer else ""
        if self.signer and self.signed_by != self.signer:
            by = f"do chứng thư khác ký, “{signer.name}” SHA-256 {self.signed_by}" if signer else "không có chữ ký"
            raise Wrong(f"{by}; tờ bìa ghi chứng thư {self.signer}")
        told = self.check_signature(signed, MANIFEST, signer)
        if signer is None:
            raise CannotTell(f"{told}: chỉ mã SHA-256 của {MANIFEST} trên tờ bìa cho biết bản kê là của ai")
        return f"{told}, chứng thư SHA-256 {self.signed_by}"

    def check_seal_signature(self, path: str) -> str:
        """A seal is by one of the certificates that the manifest names as the agency's own. Raises as above."""
        signed = Signed(self.read(f"{path}.p7s"))
        signer = self.signer_of(signed, path)
        if signer and signer.fingerprint not in {self.signed_by, *self.manifest.get("signers", [])}:
            by = f"“{signer.name}” SHA-256 {signer.fingerprint}"
            raise Wrong(f"do chứng thư khác ký, {by}: bản kê không kể là của cơ quan")
        return self.check_signature(signed, path, signer)

    def signer_of(self, signed: Signed, path: str) -> Certificate | None:
        """Whose signature it is over that file, whoever vouches for him; None for a timestamp alone. Raises Wrong,
        CannotTell."""
        if signed.content_type == TST_INFO:
            return None
        signer = signed.signer()
        signed.require_over([self.read(path)], signer)
        return signer

    def check_signature(self, signed: Signed, path: str, signer: Certificate | None) -> str:
        """An anchor vouches for a detached signature, at its time. Raises Wrong, CannotTell.

        One that leads to no anchor is wrong: else anybody could sign a changed kit anew.
        """
        try:
            if signer is None:
                at = stamped_time(signed, [self.read(path)], self.trust, signed.certificates)
                return f"chỉ có {told_time(at)}, không có chữ ký của cơ quan"
            stamped = signature_time(signed, self.trust)
            when = stamped or datetime.now(timezone.utc)
            if signer.usage is not None and not signer.usage & 0xC0:
                raise Wrong("chứng thư không dùng để ký")
            self.trust.require_not_revoked(self.trust.chain(signer, when, signed.certificates), when)
        except NoChain as exc:
            raise Wrong(str(exc)) from exc
        return f"“{signer.name}”, {told_time(stamped)}"

    # OCFL 1.1

    def check_root(self) -> str:
        if self.read("archive/0=ocfl_1.1") != b"ocfl_1.1\n":
            raise Wrong("khai báo OCFL của kho sai")
        return ""

    def check_object(self, path: str) -> str:
        """An OCFL object: declaration, inventories with their digests, every version's files, nothing else."""
        root = f"archive/{path}"
        if self.read(f"{root}/0=ocfl_object_1.1") != b"ocfl_object_1.1\n":
            raise Wrong("khai báo OCFL sai")
        inventory = self.inventory(root)
        told = hashlib.sha256(inventory["id"].encode()).hexdigest()
        place = "/".join((told[:3], told[3:6], told[6:9], inventory["id"].replace(":", "%3a")))
        if place != path:
            raise Wrong("nằm sai chỗ so với mã của nó")
        expected = {"0=ocfl_object_1.1", "inventory.json", "inventory.json.sha512"}
        for digest, paths in inventory["manifest"].items():
            for name in paths:
                expected.add(name)
                if hashlib.sha512(self.read(f"{root}/{name}")).hexdigest() != digest.lower():
                    raise Wrong(f"tệp bị sửa: {name}")
        for digest, paths in inventory.get("fixity", {}).get("sha256", {}).items():
            for name in paths:
                if hashlib.sha256(self.read(f"{root}/{name}")).hexdigest() != digest.lower():
                    raise Wrong(f"tệp bị sửa: {name}")
        for number, (name, version) in enumerate(inventory["versions"].items(), 1):
            expected |= {f"{name}/inventory.json", f"{name}/inventory.json.sha512"}
            own = self.inventory(f"{root}/{name}")
            if name != f"v{number}" or own["head"] != name or own["id"] != inventory["id"]:
                raise Wrong(f"phiên bản {name} không đúng thứ tự")
            if own["versions"] != dict(list(inventory["versions"].items())[:number]):
                raise Wrong(f"phiên bản {name} kể khác về các phiên bản trước")
            if not set(version["state"]) <= set(inventory["manifest"]):
                raise Wrong(f"phiên bản {name} thiếu tệp")
        if inventory["head"] != f"v{len(inventory['versions'])}":
            raise Wrong("phiên bản đầu sai")
        if self.read(f"{root}/inventory.json") != self.read(f"{root}/{inventory['head']}/inventory.json"):
            raise Wrong("bản kê gốc khác bản kê của phiên bản mới nhất")
        held = {name[len(root) + 1 :] for name in self.names() if name.startswith(f"{root}/")}
        if held != expected:
            raise Wrong(f"tệp thừa hoặc thiếu: {', '.join(sorted(held ^ expected)[:10])}")
        return f"{len(inventory['versions'])} phiên bản, {len(inventory['manifest'])} tệp"

    def inventory(self, root: str) -> dict[str, Any]:
        """An inventory, checked against its sidecar."""
        body = self.read(f"{root}/inventory.json")
        if (
            self.read(f"{root}/inventory.json.sha512")
            != f"{hashlib.sha512(body).hexdigest()} inventory.json\n".encode()
        ):
            raise Wrong("bản kê OCFL bị sửa")
        told: dict[str, Any] = json.loads(body)
        return told

    def logical(self, path: str, name: str) -> bytes:
        """A file of the object's newest version, by its logical path, or by the beginning of it."""
        root = f"archive/{path}"
        inventory = self.inventory(root)
        for digest, names in inventory["versions"][inventory["head"]]["state"].items():
            if any(n == name or (name.endswith("/") and n.startswith(name)) for n in names):
                return self.read(f"{root}/{inventory['manifest'][digest][0]}")
        raise Wrong(f"không có {name}")

    # documents

    def check_document(self, told: dict[str, Any]) -> None:
        name, path = f"Tài liệu {told['id']}", told["object"]
        self.report.run(f"{name}: kho OCFL", self.check_object, path)
        self.report.run(f"{name}: hồ sơ và bản quét gốc", self.check_papers, told)
        pdf = self.report.run(f"{name}: đọc document.pdf", self.logical, path, "document.pdf")
        if pdf is not None:
            self.check_pdf(name, pdf, told.get("arrived_altered") is True)
        if told.get("verdict") != "TOTAL-PASSED":
            self.report.note(f"{name}: kết luận của sohoa lúc lập", None, str(told.get("verdict")))

    def check_papers(self, told: dict[str, Any]) -> str:
        """The record is of this document, and its original is the file that was received (or its pages of it)."""
        metadata = json.loads(self.logical(told["object"], "metadata.json"))
        if metadata["document_id"] != told["id"]:
            raise Wrong("metadata.json là của tài liệu khác")
        source = metadata["source"]
        whole = source.get("scan")
        expected = whole["extract_sha256"] if whole else source["sha256"]
        if hashlib.sha256(self.logical(told["object"], "original/")).hexdigest() != expected:
            raise Wrong("bản quét gốc không phải tệp đã nhận")
        return f"bản quét gốc SHA-256 {expected}"

    def check_pdf(self, name: str, data: bytes, known_bad: bool) -> None:
        """Every signature and document timestamp of the file, in the order in which they were made."""
        end, stamps = 0, []
        found = sorted(signatures(data), key=lambda s: s.end)
        for number, one in enumerate(found, 1):
            if one.end >= end:
                end = one.end
            what = f"{name}: chữ ký {number}"
            before = len(self.report.checks)
            stamp = self.report.run(what, self.check_pdf_signature, one, data)
            if stamp is None and known_bad and self.report.checks[before].ok is False:
                self.report.checks[before] = self.report.checks[before]._replace(
                    ok=None, detail=self.report.checks[before].detail + " (đã như vậy khi được lưu, bản kê có ghi)"
                )
            stamps.append(stamp)
        if not found:
            self.report.note(f"{name}: chữ ký", None, "tệp không có chữ ký số")
        elif end < len(data):
            self.report.note(f"{name}: phần sau chữ ký cuối", None, f"{len(data) - end} byte không được ký")

    def check_pdf_signature(self, one: PdfSignature, data: bytes) -> str:
        if one.end > len(data):
            raise Wrong("tệp bị cụt: chữ ký phủ quá cuối tệp")
        if one.contents[:1] == b"\x04":
            raise CannotTell("kiểu chữ ký cũ adbe.x509.rsa_sha1")
        held = read_der(one.contents).whole
        if any(one.contents[len(held) :]):
            raise Wrong("có byte thừa sau chữ ký")
        signed = Signed(held)
        pieces = [data[: one.gap_start], data[one.gap_end : one.end]]
        if signed.content_type == TST_INFO:
            return f"của cả tài liệu, {told_time(stamped_time(signed, pieces, self.trust, signed.certificates))}"
        if signed.content is not None:  # adbe.pkcs7.sha1 (ISO 32000-1 §12.8.3.3): what is signed is a digest
            if signed.content != hashlib.sha1(b"".join(pieces)).digest():
                raise Wrong("nội dung đã bị sửa sau khi ký")
            pieces = [signed.content]
        signer = signed.signer(self.trust.others.values())
        signed.require_over(pieces, signer)
        if signed.content is not None or signed.hash_name == "sha1":
            raise CannotTell(f"“{signer.name}”: chữ ký đúng, nhưng SHA-1 không còn đủ an toàn")
        at = signature_time(signed, self.trust)
        when = at or datetime.now(timezone.utc)
        self.trust.require_not_revoked(self.trust.chain(signer, when, signed.certificates), when)
        return f"“{signer.name}”, {told_time(at)}"

    # the audit log

    def check_audit(self) -> None:
        """Each row given is under the head of its seal, and each seal is the agency's."""
        rows = self.report.run("Nhật ký: đọc audit/rows.json", lambda: json.loads(self.read("audit/rows.json"))) or []
        heads: dict[int, dict[str, Any]] = {}
        for number in sorted({row["seal"] for row in rows}):
            place = f"audit/seals/{number:06}"
            self.report.run(f"Nhật ký: niêm phong {number}", self.check_seal_signature, f"{place}/head.json")
            told = self.report.run(f"Nhật ký: đầu niêm phong {number}", self.head, place, number)
            if told:
                heads[number] = told
        self.report.run("Nhật ký: từng dòng nằm trong niêm phong", self.check_rows, rows, heads)

    def head(self, place: str, number: int) -> dict[str, Any]:
        told: dict[str, Any] = json.loads(self.read(f"{place}/head.json"))
        if told["number"] != number:
            raise Wrong("niêm phong mang số khác")
        return told

    def check_rows(self, rows: list[dict[str, Any]], heads: dict[int, dict[str, Any]]) -> str:
        wanted = {told["id"] for told in self.manifest["documents"]}
        for row in rows:
            told, head = json.loads(row["line"]), heads.get(row["seal"])
            if head is None:
                raise Wrong(f"dòng {told['seq']}: không có niêm phong")
            if told["subject"] not in wanted:
                raise Wrong(f"dòng {told['seq']} không phải của tài liệu nào trong bộ hồ sơ")
            size = head["last_seq"] - head["first_seq"] + 1
            entry = hashlib.sha256(row["line"].encode()).digest()
            path = [bytes.fromhex(h) for h in row["path"]]
            if tree_head(entry, told["seq"] - head["first_seq"], size, path) != bytes.fromhex(head["tree"]):
                raise Wrong(f"dòng {told['seq']} không nằm trong niêm phong {row['seal']}")
        if missing := wanted - {json.loads(row["line"])["subject"] for row in rows}:
            raise Wrong(f"không có dòng nào về {sorted(missing)[0]}")
        return f"{len(rows)} dòng"


class PdfSignature(NamedTuple):
    """Where a signature lies: the file without [gap_start, gap_end) up to end is what it covers."""

    gap_start: int
    gap_end: int
    end: int
    contents: bytes


def told_time(at: datetime | None) -> str:
    return f"dấu thời gian {at:%H:%M:%S %d/%m/%Y} UTC" if at else "không có dấu thời gian"


def signatures(data: bytes) -> Iterator[PdfSignature]:
    """Every signature dictionary of a PDF. It is found by its ByteRange, which cannot be compressed: it is filled in
    after everything else is written (ISO 32000-2 §12.8.1)."""
    for match in SIGNATURE_RANGE.finditer(data):
        start, first, second, length = (int(n) for n in match.groups())
        gap = data[first:second]
        if start != 0 or not first < second <= len(data):
            continue
        near = first - DICTIONARY < match.start() < second + DICTIONARY
        if near and re.fullmatch(rb"<[0-9A-Fa-f]*>", gap):
            packed = bytes.fromhex(gap[1:-1].decode("ascii"))
            yield PdfSignature(first, second, second + length, packed)


def tree_head(entry: bytes, index: int, size: int, path: list[bytes]) -> bytes | None:
    """The head of the hash tree that the proof leads to (RFC 9162 §2.1.3.2); None for a proof that does not fit."""
    if not 0 <= index < size:
        return None
    node, last = hashlib.sha256(b"\0" + entry).digest(), size - 1
    rest = list(path)
    while last > 0:
        if index % 2 or index < last:
            if not rest:
                return None
            beside = rest.pop(0)
            node = hashlib.sha256(b"\1" + (beside + node if index % 2 else node + beside)).digest()
        index, last = index // 2, last // 2
    return None if rest else node


def pem(body: bytes) -> list[bytes]:
    """The certificates of a PEM file, or the one of a DER file."""
    if b"-----BEGIN" not in body:
        return [body]
    found = re.findall(rb"-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----", body)
    return [b64decode(some) for some in found]


def fingerprint(text: str) -> str:
    """A SHA-256 as people write it, with or without colons and spaces."""
    plain = re.sub(r"[\s:]", "", text).lower()
    if not re.fullmatch(r"[0-9a-f]{64}", plain):
        raise argparse.ArgumentTypeError("phải có 64 chữ số thập lục phân (0-9, a-f)")
    return plain


def conclusion(kit: Kit) -> str:
    """What to make of it. That nothing was changed is said only of a kit whose signer was named: who changes one signs
    it anew, with a certificate of his own."""
    if not kit.report.ok:
        return "BỘ HỒ SƠ KHÔNG NGUYÊN VẸN, xem các dòng SAI ở trên."
    unknown = sum(check.ok is None and check.what != WHO for check in kit.report.checks)
    more = f" {unknown} điều công cụ này không kết luận được." if unknown else ""
    if kit.signer and kit.signed_by == kit.signer:
        return "không có gì bị sửa; bản kê do đúng chứng thư ghi trên tờ bìa ký." + more
    said = "các tệp khớp với bản kê, nhưng CHƯA BIẾT bản kê có phải của cơ quan lập hay không." + more
    if kit.signed_by:
        return (
            f"{said}\nCòn phải so mã chứng thư ký bản kê với TỜ BÌA ĐÃ IN: {kit.signed_by}\n"
            "hoặc chạy lại:  python3 verify.py --signer <mã trên tờ bìa>. Nếu khác, đó không phải bộ hồ sơ đã giao."
        )
    digest = hashlib.sha256(kit.read(MANIFEST)).hexdigest()
    return f"{said}\nCòn phải so mã SHA-256 của {MANIFEST} với TỜ BÌA ĐÃ IN: {digest}"


def main(arguments: Sequence[str] | None = None) -> int:
    """0: nothing is wrong; 1: something is."""
    parser = argparse.ArgumentParser(description="Kiểm tra bộ hồ sơ, không cần mạng, không cần sohoa.")
    parser.add_argument("folder", nargs="?", type=Path, default=HERE, help="thư mục bộ hồ sơ (mặc định: chỗ tệp này)")
    parser.add_argument("--anchor", type=Path, help="chỉ tin chứng thư gốc này (PEM hoặc DER)")
    parser.add_argument("--signer", type=fingerprint, help="SHA-256 chứng thư ký bản kê, trên tờ bìa")
    parser.add_argument("--json", action="store_true", help="in kết quả dạng JSON")
    told = parser.parse_args(arguments)
    kit = Kit(told.folder, told.anchor, told.signer or "")
    report = kit.verify()
    if told.json:
        checks = [check._asdict() for check in report.checks]
        found = {"ok": report.ok, "signer": kit.signed_by, "signer_named": bool(told.signer), "checks": checks}
        print(json.dumps(found, ensure_ascii=False, indent=1))
        return 0 if report.ok else 1
    for check in report.checks:
        mark = {True: "ĐÚNG ", False: "SAI  ", None: "CHƯA RÕ"}[check.ok]
        print(f"{mark} {check.what}" + (f" — {check.detail}" if check.detail else ""))
    print(f"\nKẾT LUẬN: {conclusion(kit)}")
    own = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()
    print(f"Tệp verify.py này có SHA-256 {own}\nHãy so với tờ bìa đã in: nếu khác, đừng tin kết quả này.")
    return 0 if report.ok else 1


if __name__ == "__main__":
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(encoding="utf-8", errors="replace")
    sys.exit(main())
