"""What the screens call things, in Vietnamese, and how they write days and instants."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

from app.verdicts import CHECKS, TECHNICAL, VERDICTS, advice, mark, state
from config.messages import level_sentence, sentence
from registry.errors import Conflict
from registry.values import VIETNAM, CopyForm, Quality, ScanQuality

STATES = {
    "claimed": "đã nhận",
    "identified": "đã kiểm tra tệp",
    "reading": "đang đọc",
    "review": "cần kiểm tra",
    "approved": "chờ ký",
    "to-sign": "chờ cán bộ ký số",
    "signed": "đã ký số",
    "archived": "đã lưu kho",
    "done": "đã lưu kho",
    "duplicate": "trùng bản đã có",
    "quarantined": "cách ly",
    "rejected": "cách ly",
    "stalled": "tạm dừng, tự thử lại",
    "withdrawn": "đã thu hồi",
    "disposed": "đã tiêu hủy",
}
STEPS = ("nhận", "đọc", "kiểm tra", "ký số", "lưu kho")
REACHED = {"claimed": 1, "identified": 1, "reading": 1, "review": 2, "approved": 3, "to-sign": 3, "signed": 4,
           "archived": 5, "withdrawn": 5, "disposed": 5, "done": 5}  # fmt: skip
FIELDS = {
    "document_type": "Loại giấy tờ",
    "type_abbreviation": "Chữ viết tắt",
    "number_symbol": "Số, ký hiệu",
    "issuing_agency": "Cơ quan ban hành",
    "place": "Địa danh",
    "issued_on": "Ngày ban hành",
    "subject": "Trích yếu",
    "signing_authority": "Quyền hạn ký",
    "signer_title": "Chức vụ người ký",
    "signer_name": "Người ký",
    "dossier_code": "Mã hồ sơ",
    "addressed_to": "Kính gửi",
    "full_name": "Họ tên",
    "id_number": "Số định danh / CMND",
    "date_of_birth": "Ngày sinh",
}
EVENTS = {
    "capture": "Tiếp nhận bản quét",
    "text recognition": "Đọc chữ",
    "metadata extraction": "Rút thông tin",
    "metadata modification": "Sửa thông tin",
    "appraisal": "Kiểm tra của người",
    "digital signature generation": "Ký số",
    "ingestion": "Lưu kho",
    "legal hold": "Giữ theo yêu cầu pháp lý",
    "deletion": "Tiêu hủy",
    "legal hold release": "Thôi giữ theo yêu cầu pháp lý",
    "validation": "Kiểm tra chữ ký của bản nhận",
}
OUTCOMES = {"failure": "không đạt", "indeterminate": "chưa đủ căn cứ"}
DISPOSAL = {
    "proposed": "chờ người khác duyệt",
    "approved": "đã duyệt, đang thực hiện",
    "refused": "không duyệt",
    "done": "đã xong",
    "pending": "chờ",
    "gone": "đã tiêu hủy",
    "kept": "được giữ lại",
}
HELD = {
    "usable": "dùng được",
    "purpose": "dùng được nếu đúng mục đích ghi trong giấy",
    "expired": "đã hết hạn",
    "withdrawn": "đã bị thu hồi",
    "extract": "chỉ là bản trích sao",
    "replaced": "đã có bản thay thế",
    "not-yet-issued": "ban hành sau ngày tiếp nhận",
    "signature": "chữ ký chưa đạt",
}
ROLES = {
    "scanner": "người quét",
    "clerk": "một cửa",
    "auditor": "kiểm tra viên",
    "leader": "lãnh đạo",
    "admin": "quản trị",
}
PURPOSES = {
    "dossier": "giải quyết hồ sơ",
    "intake": "tiếp nhận, kiểm tra bản quét",
    "inspection": "thanh tra, kiểm tra",
    "complaint": "giải quyết khiếu nại, tố cáo",
    "direction": "theo dõi, chỉ đạo công việc của đơn vị",
    "request": "công dân yêu cầu bản của chính mình",
    "transfer": "giao nộp cho lưu trữ khác",
    "operation": "vận hành hệ thống",
}
ACTIONS = {
    "view": "xem",
    "review": "kiểm tra trước khi ký",
    "download": "tải PDF",
    "show": "xem bằng dòng lệnh",
    "export": "xuất hồ sơ",
    "extract": "trích sao",
    "search": "thấy trong kết quả tìm kiếm",
    "reuse-check": "tra giấy tờ dùng lại",
    "report": "tải báo cáo kiểm tra",
    "hold": "giữ theo yêu cầu pháp lý",
    "release": "thôi giữ",
    "dispose-propose": "đề nghị tiêu hủy",
    "dispose-approve": "duyệt tiêu hủy",
    "dispose-refuse": "không duyệt tiêu hủy",
    "dispose": "tiêu hủy",
    "dispose-keep": "giữ lại, không tiêu hủy",
    "dispose-done": "tiêu hủy xong",
    "fixity-damaged": "phát hiện hỏng trong kho",
    "fixity-mended": "kho đã lành",
    "claim": "tiếp nhận",
    "approve": "duyệt",
    "correct": "sửa thông tin",
    "reject": "trả lại",
    "archive": "lưu kho",
    "reuse": "tái sử dụng",
    "quarantine": "cách ly",
}
WAITS = {
    "growing": "đang được ghi",
    "incomplete": "chưa trọn vẹn, đang đợi máy quét",
    "queued": "đang xếp hàng chờ nhận",
    "other-side": "đợi mặt sau",
}


HEALTH = {
    "registry": "Cơ sở dữ liệu",
    "store": "Kho lưu trữ",
    "index": "Chỉ mục tìm kiếm",
    "folders": "Thư mục làm việc",
    "inbox": "Thư mục quét",
    "disk": "Ổ đĩa",
    "room": "Chỗ trống tối thiểu",
    "tsa": "Máy chủ dấu thời gian",
    "clock": "Đồng hồ",
    "workers": "Tiến trình xử lý",
    "work": "Giấy tờ đang xử lý",
    "reconciliation": "Đối chiếu hằng ngày",
    "backup": "Sao lưu cơ sở dữ liệu",
    "fixity": "Đọc lại kho lưu trữ",
    "sealed": "Niêm phong nhật ký",
    "to-sign": "Tài liệu chờ ký số",
    "trust": "Danh sách chứng thư gốc",
    "levels": "Mức chữ ký của hồ sơ lưu",
    "renewals": "Gia hạn dấu thời gian",
}
WORKERS = {
    "run": "nhận và xử lý",
    "watch": "theo dõi thư mục quét",
    "worker": "đọc, ký, lưu",
    "working": "đang làm",
    "draining": "đang dừng",
    "stopped": "đã dừng",
    "lost": "đã mất",
}


def day(value: date | str | None) -> str:
    """dd/mm/yyyy; what is not a day as it is."""
    if isinstance(value, date):
        return value.strftime("%d/%m/%Y")
    try:
        return date.fromisoformat(value or "").strftime("%d/%m/%Y")
    except ValueError:
        return value or ""


def kept_until(value: date | None) -> str:
    """How long a record is kept, in words."""
    if value is None:
        return "chưa rõ thời hạn: giữ, không tiêu hủy"
    return "vĩnh viễn" if value.year == 9999 else f"đến hết ngày {day(value)}"


def instant(value: datetime | str | None) -> str:
    """Clock time of Vietnam; the registry's text for an instant is read as one."""
    if isinstance(value, str):
        value = datetime.fromisoformat(value) if value else None
    return value.astimezone(VIETNAM).strftime("%H:%M:%S %d/%m/%Y") if value else ""


def masked(number: str) -> str:
    """An identity number of which only the last three digits show."""
    return "•" * max(0, len(number) - 3) + number[-3:]


UNREAD = {
    "timeout": "đọc quá lâu nên đã bỏ qua; hãy xem trang và gõ các trường",
    "memory": "cần quá nhiều bộ nhớ nên không đọc được; hãy quét lại ở 300 dpi, hoặc gõ các trường",
    "died": "làm hỏng tiến trình đọc; hãy quét lại trang này, hoặc gõ các trường",
}


def review_reason(reason: str) -> str:
    """Why a person must look, in words."""
    if reason == "signature":
        return "chữ ký số của bản nhận chưa đạt; hãy xem người ký và kết luận bên dưới rồi mới duyệt"
    if reason == "kind":
        return "chưa rõ loại giấy tờ"
    if reason == "cover":
        return "chưa rõ tờ phân cách, xem giấy tờ bắt đầu và kết thúc ở đâu, thuộc hồ sơ nào"
    if reason == "not-signed":
        return "người ký đã trả lại, chưa ký"
    what, _, which = reason.partition(":")
    if what == "page":
        number, _, status = which.partition(":")
        return f"trang {number} {unread(status)}" if status else f"trang {number} quét chưa đạt, hoặc đọc không chắc"
    return {"people": "người trên giấy"}.get(which, FIELDS.get(which, which).lower())


def unread(status: str) -> str:
    """Why a page has no text, in words."""
    return UNREAD.get(status, "không đọc được vì lỗi chương trình; hãy xem trang và gõ các trường, rồi báo quản trị")


def page_indexes(text: str) -> tuple[int, ...]:
    """Pages, from 0, as a person writes them: "2,4-5". Raises Conflict for what is no list of pages."""
    found: list[int] = []
    for part in re.split(r"[,;\s]+", text.strip()):
        told = re.fullmatch(r"(\d{1,4})(?:[-–](\d{1,4}))?", part)
        if told is None:
            raise Conflict("pages are written as 2,4-5")
        found += range(int(told[1]) - 1, int(told[2] or told[1]))
    return tuple(found)


def pages(indexes: Iterable[int]) -> str:
    """Pages, from 0, as people count them: "trang 3–5, 7"."""
    runs: list[list[int]] = []
    for number in (index + 1 for index in indexes):
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    told = ", ".join(str(run[0]) if len(run) == 1 else f"{run[0]}–{run[-1]}" for run in runs)
    return f"trang {told}"


def percent(value: float | None) -> str:
    """A rate as it is written in Vietnam; a dash for "nothing to count"."""
    return "—" if value is None else f"{value:.2f}".replace(".", ",") + " %"


def warnings(codes: Iterable[str]) -> list[str]:
    """The sentences of intake's warnings."""
    return [sentence(code) for code in codes]


def flaws(quality: ScanQuality | None) -> list[str]:
    """What the quality gate found, page by page, in words."""
    if quality is None:
        return []
    return [
        f"{sentence(flaw)}" if quality.page_count == 1 else f"Trang {n}: {sentence(flaw)}"
        for n, page in enumerate(quality.pages, start=1)
        for flaw in page.flaws
        if page.quality is not Quality.GOOD
    ]


def purpose(told: Any) -> str:
    """What a document was read for, as the audit log's detail, or a purpose, has it; empty for rows of other things."""
    detail = told if isinstance(told, dict) else told.model_dump()
    name = PURPOSES.get(detail.get("why") or "", "")
    return f"{name} {detail['dossier']}" if detail.get("dossier") else name


QUALITIES = {Quality.GOOD: "✓ Đạt", Quality.WARN: "⚠ Nên xem lại", Quality.RESCAN: "✗ Quét lại"}
FILTERS: dict[str, Any] = {
    "flaws": flaws,
    "page_range": pages,
    "quality": lambda quality: QUALITIES[quality],
    "day": day,
    "kept_until": kept_until,
    "disposal": lambda code: DISPOSAL.get(code, code),
    "instant": instant,
    "masked": masked,
    "reason": review_reason,
    "percent": percent,
    "sentence": sentence,
    "level_sentence": level_sentence,
    "warnings": warnings,
    "state": lambda code: STATES.get(str(code), str(code)),
    "field_name": lambda code: FIELDS.get(code, code),
    "outcome": lambda code: OUTCOMES.get(code, ""),
    "event_name": lambda code: EVENTS.get(code, code),
    "check_name": lambda code: CHECKS.get(code, code),
    "advice": advice,
    "mark": mark,
    "held_so": state,
    "technical": lambda detail: "" if detail in TECHNICAL else detail,
    "verdict": lambda code: VERDICTS.get(str(code), str(code)),
    "held": lambda code: HELD.get(code, code),
    "role": lambda code: ROLES.get(str(code), str(code)),
    "health": lambda name: HEALTH.get(name, name),
    "worker": lambda word: WORKERS.get(word, word),
    "purpose": purpose,
    "action_name": lambda code: ACTIONS.get(code, code),
    "waits": lambda code: WAITS.get(code) or sentence(code),
}
COPY_FORMS = {
    CopyForm.TRUE_COPY: "SAO Y – sao đầy đủ từ bản gốc, bản chính",
    CopyForm.COPY_OF_COPY: "SAO LỤC – sao đầy đủ từ bản sao y",
}
"""Those that a person chooses from; an extract is made of a record."""
GLOBALS: dict[str, Any] = {"STEPS": STEPS, "REACHED": REACHED, "COPY_FORMS": COPY_FORMS}
