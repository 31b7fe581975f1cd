"""What screens and reports call verdicts and checks, in Vietnamese."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from config.messages import known_codes, sentence

if TYPE_CHECKING:  # whoever names checks need not import what makes them
    from signing.validate import Check

CHECKS = {
    "fixity": "Từng byte trong kho đúng với bản kê",
    "original": "Bản quét gốc không đổi",
    "scan": "Tệp quét chung còn nguyên như khi nhận",
    "record": "Hồ sơ lưu đọc được",
    "audit log": "Khớp với nhật ký kiểm toán",
    "structure": "Cấu trúc tệp PDF",
    "signature present": "Có chữ ký số",
    "integrity": "Nội dung đúng như lúc ký",
    "certificate chain": "Chứng thư do nơi tin cậy cấp",
    "revocation": "Chứng thư không bị thu hồi",
    "algorithms": "Thuật toán ký đủ mạnh",
    "timestamps": "Dấu thời gian",
    "changes after signing": "Không bị sửa sau khi ký",
    "covered to the last byte": "Chữ ký phủ đến byte cuối cùng",
    "appearance": "Trang nhìn như lúc ký",
    "validation rules": "Đúng quy tắc kiểm tra chữ ký",
    "trust store": "Danh sách chứng thư gốc",
    "pdfa": "Chuẩn lưu trữ PDF/A",
}
VERDICTS = {
    "TOTAL-PASSED": "Hợp lệ",
    "INDETERMINATE": "Chưa đủ căn cứ kết luận",
    "TOTAL-FAILED": "Không hợp lệ",
}
TECHNICAL = ("not reached", "none", "no entry", "unsigned", "no claim")
"""Details that the sentence of the check says better."""

LOG_TOLD = {
    re.compile("no entry"): "empty",
    re.compile("(v[0-9]+, )*v[0-9]+: no entry"): "no-entry",
    re.compile("changed row .*"): "changed-row",
}
"""What the comparison with the audit log may find besides that archive and log differ."""


def advice(check: Check, *, ours: bool = False) -> str:
    """What to do about a check that did not hold, in Vietnamese; empty for one that did.

    ours: whether the record was signed here: such a one is raised and renewed, what came signed by others never is.
    """
    if check.ok is True:
        return ""
    own, told = f"check-{check.name.replace(' ', '-')}", check.sub_indication or ""
    special = next((f"{own}-{code}" for sign, code in LOG_TOLD.items() if sign.fullmatch(check.detail)), "")
    for code in (special, own, *([f"{told}-ours"] if ours else ()), told):
        if code in known_codes():
            return sentence(code)
    return sentence("GENERIC") if check.decides else ""


def mark(check: Check) -> str:
    """✓ held, ✗ did not, ? could not be made, – could not be made and does not matter for the verdict."""
    if check.ok is None:
        return "?" if check.decides else "–"
    return "✓" if check.ok else "✗"


def state(check: Check) -> str:
    """The same as a word: for a style sheet."""
    return {"✓": "held", "✗": "broken", "?": "unsure", "–": "aside"}[mark(check)]
