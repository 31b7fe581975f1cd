"""`sohoa doctor --certificate`: of each signing key, which level it reaches, why no higher one, and what to do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from asn1crypto import x509

from app.wiring import Wiring, opened
from config.messages import sentence
from pipeline.deferred import READ_S
from registry import signing_requests
from registry.database import read
from registry.errors import ServiceUnavailable, SigningFailed, SohoaError
from registry.values import Value
from signing.deferred import Prepared, read_certificates
from signing.keys import RingKey
from signing.reachable import Finding, Reachable
from signing.sign import LEVELS

TSA_S = 30.0
"""Here a person waits; signing itself has three minutes."""
OK = {
    "usage": "chứng thư dùng được để ký tài liệu",
    "validity": "còn hạn đến {until}",
    "algorithm": "thuật toán {detail}{ends}",
    "issuer-algorithm": "tổ chức chứng thực ký bằng {detail}",
    "proof": "chuỗi chứng thư đầy đủ, có dữ liệu thu hồi ({detail})",
    "tsa": "máy chủ dấu thời gian trả lời, chứng thư đến {until}",
    "tsa-proof": "dấu thời gian được tin cậy ({detail})",
}
WRONG = {
    ("usage", "expired"): ("chứng thư đã hết hạn", "Xin cấp chứng thư mới; tài liệu vẫn được giữ và tự ký sau đó."),
    ("usage", "not-yet-valid"): ("chứng thư chưa đến ngày có hiệu lực", "Kiểm tra đồng hồ máy chủ, hoặc đợi đến ngày."),
    ("usage", "wrong-usage"): (
        "chứng thư không có mục đích chống chối bỏ (nonRepudiation)",
        "Dùng chứng thư ký số; chứng thư xác thực hoặc mã hóa không ký tài liệu được.",
    ),
    ("validity", "ends-soon"): ("chứng thư hết hạn ngày {until}", "Xin cấp chứng thư mới trước ngày đó."),
    ("algorithm", "weak-algorithm"): (
        "thuật toán {detail} chỉ được tin đến {until}",
        "Xin cấp chứng thư mới với khóa RSA 3072 bit trở lên hoặc ECDSA P-256.",
    ),
    ("issuer-algorithm", "weak-algorithm"): (
        "tổ chức chứng thực ký chứng thư này bằng thuật toán yếu ({detail})",
        "Xin cấp lại chứng thư; chữ ký có thể không được bên khác công nhận.",
    ),
    ("proof", "chain-missing"): (
        "không tìm được chứng thư cấp trên dẫn tới gốc tin cậy",
        "Thêm chứng thư gốc vào keys/trust và chứng thư trung gian vào tệp khóa, hoặc mở đường ra máy chủ AIA.",
    ),
    ("proof", "revocation-unknown"): (
        "không lấy được dữ liệu thu hồi (OCSP, CRL) còn mới",
        "Mở tường lửa tới địa chỉ OCSP và CRL ghi trong chứng thư. Tài liệu vẫn được ký mức B-T và tự nâng sau.",
    ),
    ("proof", "revoked"): ("chứng thư đã bị thu hồi", "Ngừng dùng thiết bị này ngay và xin cấp chứng thư mới."),
    ("tsa", "no-tsa"): ("chưa có máy chủ dấu thời gian", "Đặt signing.tsa."),
    ("tsa", "down"): ("không kết nối được máy chủ dấu thời gian", "Kiểm tra signing.tsa và tường lửa."),
    ("tsa", "silent"): (
        f"máy chủ dấu thời gian không trả lời trong {TSA_S:.0f} giây",
        "Thử lại sau; việc ký đợi được ba phút và tự nâng mức khi máy chủ trả lời.",
    ),
    ("tsa", "wrong-answer"): (
        "máy chủ dấu thời gian trả lời sai",
        "Kiểm tra địa chỉ signing.tsa có đúng là máy chủ RFC 3161, có thiết bị trung gian sửa nội dung không.",
    ),
    ("tsa-proof", "chain-missing"): (
        "chứng thư của máy chủ dấu thời gian không dẫn tới gốc tin cậy",
        "Thêm chứng thư gốc của máy chủ dấu thời gian vào keys/trust.",
    ),
    ("tsa-proof", "revocation-unknown"): (
        "không lấy được dữ liệu thu hồi của máy chủ dấu thời gian",
        "Mở tường lửa tới địa chỉ OCSP và CRL ghi trong chứng thư của máy chủ đó.",
    ),
}
OTHERWISE = ("chứng thư không hợp lệ ({why})", "Gửi chứng thư cho tổ chức chứng thực để kiểm tra.")


class Told(Value):
    """One thing that was looked at, in Vietnamese. code: empty, or the word for what is wrong."""

    name: str
    ok: bool
    code: str
    detail: str
    fix: str = ""


class KeyReport(Value):
    """One signing key. subject: as the certificate names its holder; empty when there is no certificate to look at."""

    key: str
    role: str
    units: tuple[str, ...]
    subject: str = ""
    certificate_sha256: str | None = None
    level: str | None
    wanted: str
    ok: bool
    findings: tuple[Told, ...]


def examine_certificates(home: Path, file: bytes | None, ask: Callable[[str], str] | None) -> list[KeyReport]:
    """Of every signing key, or of the certificate in `file` for the keys that lie with officials.

    ask: what a person types as PIN; without it, keys that need one are told as closed. Raises SettingsInvalid,
    AnswerRefused for a file that is no certificate.
    """
    with opened(home) as wiring:
        given = wiring.side_pool.run(read_certificates, file, timeout_s=READ_S) if file is not None else None
        closed = dict(wiring.keys.unlock(ask)) if given is None else {}
        keys = [held for held in wiring.keys.keys if given is None or held.deferred]
        return [_report(wiring, held, closed.get(held.name), given) for held in keys]


def _report(wiring: Wiring, held: RingKey, closed: SohoaError | None, given: tuple[bytes, ...] | None) -> KeyReport:
    """What is known of one key."""
    try:
        found = given or _certificates(wiring, held)
        if found is None:
            return _closed(wiring, held, "", "chưa biết chứng thư: chưa cán bộ nào lấy gói ký",
                           "sohoa doctor --certificate-file TỆP để kiểm tra trước.", ok=True)  # fmt: skip
        own, *chain = (x509.Certificate.load(der) for der in found)
        held.holder.require(own, held.role)
    except (SigningFailed, ServiceUnavailable) as exc:
        code = (closed or exc).code
        return _closed(wiring, held, code, str(closed or exc), sentence(code))
    reach = wiring.station.reachable(own, chain, TSA_S)
    return _open(wiring, held, own, reach)


def _certificates(wiring: Wiring, held: RingKey) -> tuple[bytes, ...] | None:
    """The key's certificate and its chain, DER; of a deferred key that of its last request."""
    if not held.deferred:
        signer = wiring.keys.opened(held).signer
        own = signer.signing_cert
        return (own.dump(), *(c.dump() for c in signer.cert_registry if c != own))
    with read(wiring.engine) as conn:
        request = signing_requests.latest(conn, held.units, held.role)
    if request is None:
        return None
    prepared = Prepared.model_validate_json(request.prepared)
    return (prepared.certificate, *prepared.chain)


def _closed(wiring: Wiring, held: RingKey, code: str, detail: str, fix: str, *, ok: bool = False) -> KeyReport:
    return KeyReport(
        key=held.name,
        role=held.role,
        units=tuple(sorted(held.units)),
        level=None,
        wanted=wiring.settings.signing.level,
        ok=ok,
        findings=(Told(name="open", ok=ok, code=code, detail=detail, fix=fix),),
    )


def _open(wiring: Wiring, held: RingKey, own: x509.Certificate, reach: Reachable) -> KeyReport:
    wanted = wiring.settings.signing.level
    enough = reach.level is not None and LEVELS.index(reach.level) >= LEVELS.index(wanted)
    return KeyReport(
        key=held.name,
        role=held.role,
        units=tuple(sorted(held.units)),
        subject=str(own.subject.native.get("common_name", "")),
        certificate_sha256=own.sha256.hex(),
        level=reach.level,
        wanted=wanted,
        ok=enough and not any(finding.why for finding in reach.findings),
        findings=tuple(_told(finding) for finding in reach.findings),
    )


def _told(finding: Finding) -> Told:
    until = f"{finding.until:%d/%m/%Y}" if finding.until else ""
    facts = {
        "detail": finding.detail,
        "until": until,
        "why": finding.why,
        "ends": f", được tin đến {until}" if until else "",
    }
    if not finding.why:
        return Told(name=finding.name, ok=True, code="", detail=OK[finding.name].format(**facts))
    detail, fix = WRONG.get((finding.name, finding.why), OTHERWISE)
    return Told(name=finding.name, ok=False, code=finding.why, detail=detail.format(**facts), fix=fix)
