"""What is wrong with an installation, and what to do about it."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from app import checks
from app.checks import Found
from app.kept import Kept, Outcome
from app.wiring import Wiring
from config.settings import load_settings
from pipeline import ocr
from pipeline.run_lock import runner_is_alive
from registry import documents
from registry.database import read
from registry.values import Value, utc_now
from signing.keys.secret import is_exposed
from signing.station import DEVELOPMENT

PATIENCE_S = 10.0
"""A check that has not come back by then is told as hanging; the others go on."""
FIX_ENGINE = 'apt-get install tesseract-ocr, và đặt reading.engine = "auto".'
AGAIN = "Sửa theo thông báo rồi chạy lại sohoa doctor."


class Check(Value):
    name: str
    ok: bool
    detail: str
    fix: str = ""


def examine(home: Path) -> list[Check]:
    """Every check, also when others fail or hang: all are asked at once, and none is waited for longer than ten
    seconds. Raises SettingsInvalid only when there is no installation."""
    wiring = Wiring(load_settings(home))
    asked = [(name, _asked(check, wiring)) for name, check in CHECKS]
    until = time.monotonic() + PATIENCE_S
    try:
        return [_told(name, kept.outcome(wait_until=until)) for name, kept in asked]
    finally:
        wiring.close()


def _asked(check: Callable[[Wiring], Found], wiring: Wiring) -> Kept[Found]:
    kept: Kept[Found] = Kept(lambda: check(wiring), every_s=3600, limit_s=PATIENCE_S)
    kept.refresh()
    return kept


def _told(name: str, outcome: Outcome[Found]) -> Check:
    found = outcome.value
    if found is None:
        error = outcome.error
        slow = error is None or isinstance(error, TimeoutError)
        detail = f"không trả lời sau {outcome.seconds:.0f} giây" if slow else f"{type(error).__name__}: {error}"
        found = Found(False, detail, AGAIN)
    return Check(name=name, ok=found.ok, detail=found.detail, fix="" if found.ok else found.fix or AGAIN)


def _tesseract(wiring: Wiring) -> Found:
    told = wiring.settings.reading
    try:
        engine = ocr.engine(told.engine, told.language)
    except FileNotFoundError:
        return Found(False, f"thiếu dữ liệu ngôn ngữ {told.language}", f"apt-get install tesseract-ocr-{told.language}")
    except ocr.EngineMissing:
        return Found(False, f"thiếu bộ nhận dạng {told.engine}", FIX_ENGINE)
    return Found(True, f"{engine.version()}, ngôn ngữ {told.language}")


def _font(wiring: Wiring) -> Found:
    font = wiring.settings.signing.stamp_font
    return Found(font.exists(), font.name, "apt-get install fonts-croscore")


def _catalogue(wiring: Wiring) -> Found:
    told = wiring.catalogue
    return Found(True, f"{len(told.units)} đơn vị, {len(told.procedures)} thủ tục, {len(told.kinds)} loại giấy tờ")


def _registry(wiring: Wiring) -> Found:
    found = checks.registry(wiring)
    with read(wiring.engine) as conn:
        return Found(found.ok, f"{found.detail}, {documents.count_archived(conn)} tài liệu trong kho", found.fix)


def _store(wiring: Wiring) -> Found:
    began = time.monotonic()
    found = checks.store_in_force(wiring)
    return Found(found.ok, f"{found.detail}, {1000 * (time.monotonic() - began):.0f} ms", found.fix)


def _key(wiring: Wiring) -> Found:
    """The keys that lie here and need nobody to type a PIN are opened; how long their certificates last."""
    told, level = [], wiring.settings.signing.level
    least = 10_000
    for held in wiring.keys.keys:
        if held.deferred or (held.secret is not None and held.secret.to_be_typed):
            told.append(f"{held.name}: chờ người ký" if held.deferred else f"{held.name}: chờ gõ mã PIN")
            continue
        left = (wiring.keys.opened(held).certificate.not_valid_after - utc_now()).days
        least = min(least, left)
        told.append(f"{held.name}: chứng thư còn {left} ngày")
    detail = f"{'; '.join(told)}, mức {level}"
    if not wiring.settings.demo and wiring.settings.signing.tsa == DEVELOPMENT:
        return Found(
            False, f"{detail}; đang dùng dấu thời gian thử nghiệm", "Đặt signing.key_file và signing.tsa thật."
        )
    return Found(least > 30, detail, "Xin cấp chứng thư mới trước khi hết hạn.")


def _pins(wiring: Wiring) -> Found:
    """No PIN lies in a file that others can read, and that of a token or a signing service in none at all."""
    told = wiring.settings.signing
    files = [key.pin_file for key in told.keys] if told.keys else [told.passphrase_file]
    paths = [wiring.settings.path(file) for file in files if file is not None]
    if exposed := [path for path in paths if path.exists() and is_exposed(path)]:
        detail = f"người khác trên máy đọc được {', '.join(path.name for path in exposed)}"
        return Found(False, detail, f"chmod 600 {' '.join(map(str, exposed))}; đổi mã PIN nếu có thể đã lộ.")
    if clear := [key.name for key in told.keys if key.kind in ("pkcs11", "csc") and key.pin_file]:
        detail = f"mã PIN nằm trong tệp, không mã hóa: {', '.join(clear)}"
        return Found(False, detail, 'Đặt pin = "typed" (gõ khi chạy), hoặc pin_credential (systemd, được mã hóa).')
    return Found(True, "không có mã PIN nào để hở")


def _runner(wiring: Wiring) -> Found:
    alive = runner_is_alive(wiring.settings.home)
    return Found(alive, "đang chạy" if alive else "không chạy", "sohoa run, hoặc sohoa watch")


CHECKS: tuple[tuple[str, Callable[[Wiring], Found]], ...] = (
    ("tesseract", _tesseract),
    ("stamp-font", _font),
    ("catalogue", _catalogue),
    ("folders", checks.folders),
    ("inbox", checks.inbox),
    ("disk", checks.disk),
    ("registry", _registry),
    ("store", _store),
    ("index", checks.index),
    ("signing-key", _key),
    ("pins", _pins),
    ("trust", checks.trust),
    ("tsa", checks.timestamps),
    ("clock", checks.clock),
    ("runner", _runner),
    ("workers", checks.crew),
    ("work", checks.work),
    ("reconciliation", checks.reconciliation),
    ("backup", checks.backup),
    ("fixity", checks.fixity),
    ("sealed", checks.sealed),
    ("to-sign", checks.to_sign),
    ("levels", checks.levels),
    ("renewals", checks.renewals),
)
