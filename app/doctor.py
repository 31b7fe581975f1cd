"""What is wrong with an installation, and what to do about it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from app.wiring import Wiring
from config.settings import load_settings
from pipeline import ocr
from pipeline.runner import runner_is_alive
from registry import documents, quarantine, scans
from registry.database import read
from registry.errors import SohoaError
from registry.values import DocumentState, ScanState, Value, utc_now

LEAST_FREE = 0.10


class Check(Value):
    name: str
    ok: bool
    detail: str
    fix: str = ""


def examine(home: Path) -> list[Check]:
    """Every check, also when earlier ones failed. Raises SettingsInvalid only when there is no installation."""
    wiring = Wiring(load_settings(home))
    try:
        return [_tried(name, check, wiring) for name, check in CHECKS]
    finally:
        wiring.close()


def _tried(name: str, check: Callable[[Wiring], tuple[bool, str, str]], wiring: Wiring) -> Check:
    try:
        ok, detail, fix = check(wiring)
    except (SohoaError, OSError, KeyError) as exc:
        ok, detail, fix = False, f"{type(exc).__name__}: {exc}", "Sửa theo thông báo rồi chạy lại sohoa doctor."
    return Check(name=name, ok=ok, detail=detail, fix="" if ok else fix)


def _tesseract(wiring: Wiring) -> tuple[bool, str, str]:
    language = wiring.settings.reading.language
    found = (ocr.tessdata() / f"{language}.traineddata").exists()
    return found, f"{ocr.version()}, ngôn ngữ {language}", f"apt-get install tesseract-ocr-{language}"


def _font(wiring: Wiring) -> tuple[bool, str, str]:
    font = wiring.settings.signing.stamp_font
    return font.exists(), font.name, "apt-get install fonts-croscore"


def _catalogue(wiring: Wiring) -> tuple[bool, str, str]:
    told = wiring.catalogue
    return True, f"{len(told.units)} đơn vị, {len(told.procedures)} thủ tục, {len(told.kinds)} loại giấy tờ", ""


def _registry(wiring: Wiring) -> tuple[bool, str, str]:
    with read(wiring.engine) as conn:
        return True, f"{documents.count_archived(conn)} tài liệu trong kho", ""


def _key(wiring: Wiring) -> tuple[bool, str, str]:
    left = (wiring.station.certificate.not_valid_after - utc_now()).days
    real = wiring.settings.demo or wiring.settings.signing.tsa != "development"
    detail = f"chứng thư còn {left} ngày, mức {wiring.settings.signing.level}"
    if not real:
        return False, f"{detail}; đang dùng dấu thời gian thử nghiệm", "Đặt signing.key_file và signing.tsa thật."
    return left > 30, detail, "Xin cấp chứng thư mới trước khi hết hạn."


def _disk(wiring: Wiring) -> tuple[bool, str, str]:
    usage = shutil.disk_usage(wiring.settings.home)
    share = usage.free / usage.total
    return share > LEAST_FREE, f"còn {usage.free >> 30} GiB ({share:.0%})", "Giải phóng hoặc mở rộng ổ đĩa."


def _folders(wiring: Wiring) -> tuple[bool, str, str]:
    names = ("inbox", "done", "quarantine", "work", "archive", "index")
    bad = [n for n in names if not os.access(wiring.folder(n), os.R_OK | os.W_OK | os.X_OK)]
    apart = wiring.folder("work").stat().st_dev != wiring.folder("archive").stat().st_dev
    if apart:
        return False, "work và archive khác hệ thống tệp", "Đặt work cùng hệ thống tệp với archive."
    return not bad, "đọc ghi được" if not bad else ", ".join(bad), "Cấp quyền ghi cho thư mục."


def _index(wiring: Wiring) -> tuple[bool, str, str]:
    with read(wiring.engine) as conn:
        held = documents.count_archived(conn)
    found = wiring.index.count()
    return found == held, f"{found} / {held} tài liệu", "sohoa index rebuild"


def _runner(wiring: Wiring) -> tuple[bool, str, str]:
    alive = runner_is_alive(wiring.settings.home)
    return alive, "đang chạy" if alive else "không chạy", "sohoa run"


def _work(wiring: Wiring) -> tuple[bool, str, str]:
    with read(wiring.engine) as conn:
        stalled = len(scans.by_state(conn, ScanState.STALLED)) + documents.count_in_state(conn, DocumentState.STALLED)
        refused = len(quarantine.open_items(conn))
        waiting = documents.count_in_state(conn, DocumentState.REVIEW)
    detail = f"{waiting} chờ duyệt, {refused} trong khu cách ly, {stalled} đang mắc"
    return stalled == 0, detail, "Xem khay xử lý: nguyên nhân ghi bên cạnh từng bản quét."


CHECKS: tuple[tuple[str, Callable[[Wiring], tuple[bool, str, str]]], ...] = (
    ("tesseract", _tesseract),
    ("stamp-font", _font),
    ("catalogue", _catalogue),
    ("folders", _folders),
    ("disk", _disk),
    ("registry", _registry),
    ("signing-key", _key),
    ("index", _index),
    ("runner", _runner),
    ("work", _work),
)
