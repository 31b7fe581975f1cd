"""trust: whose signatures and timestamps are believed."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from app import signers, trusted
from app.cli.output import EXIT_PARTLY, Home, Json, actor, err, out, show, table
from app.cli.unlocking import unlock_own
from app.web import words
from app.wiring import opened
from signing.trust import FOREIGN, Manifest


def list_anchors(home: Home, json: Json = False) -> None:
    """Chứng thư gốc được tin, phiên bản và tuổi của danh sách, ai đã ký xác nhận."""
    with opened(home) as wiring:
        found = trusted.listed(wiring)
    if json:
        show(found)
    else:
        told = (
            f"Phiên bản {found.version}, {found.age_days} ngày, {found.made_by}"
            if found.version
            else "Chưa có danh sách"
        )
        out.print(told)
        rows = [(a.sha256[:16], a.subject, words.instant(a.not_after), a.added_by or "?") for a in found.anchors]
        table(("SHA-256", "Chứng thư gốc", "Hết hạn", "Người thêm"), rows)
    if found.problem:
        signer = f"(SHA-256 {found.signer})" if found.problem == FOREIGN else ""
        err.print(f"[red]{trusted.PROBLEMS[found.problem]}[/red] {signer} {' '.join(found.strangers)}")
        sys.exit(EXIT_PARTLY)


def add(
    home: Home,
    certificate: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="Chứng thư gốc (PEM hoặc DER).")],
    json: Json = False,
) -> None:
    """Tin thêm một nơi cấp chứng thư; danh sách được ký lại. So dấu vân tay với nơi cấp trước khi thêm."""
    with opened(home) as wiring:
        unlock_own(wiring)
        made = trusted.add(wiring, certificate, actor=actor())
    _tell(made, json=json)


def remove(
    home: Home,
    fingerprint: Annotated[str, typer.Argument(help="SHA-256 của chứng thư, hoặc phần đầu của nó.")],
    json: Json = False,
) -> None:
    """Không tin nơi cấp này nữa; danh sách được ký lại. Tài liệu đã lưu không đổi, kết luận về chúng thì đổi."""
    with opened(home) as wiring:
        unlock_own(wiring)
        made = trusted.remove(wiring, fingerprint, actor=actor())
    _tell(made, json=json)


def sign(home: Home, json: Json = False) -> None:
    """Ký xác nhận danh sách chứng thư gốc đang nằm trong thư mục, sau khi đã xem bằng sohoa trust list."""
    with opened(home) as wiring:
        unlock_own(wiring)
        made = trusted.sign_trust(wiring, actor=actor())
    _tell(made, json=json)


def list_signers(home: Home, json: Json = False) -> None:
    """Chứng thư được ký danh sách tin cậy, niêm phong nhật ký và bản kê bộ hồ sơ; so với chứng thư thật của cơ quan."""
    with opened(home) as wiring:
        found = signers.listed(wiring)
    if json:
        show(found)
        return
    rows = [(s.sha256, s.name, words.instant(s.since), s.by, signers.WHY[s.why]) for s in found]
    table(("SHA-256", "Chứng thư", "Từ", "Tài khoản", "Vì"), rows)


def accept(
    home: Home,
    fingerprint: Annotated[str, typer.Argument(help="SHA-256 của chứng thư cũ, đủ 64 chữ số.")],
    json: Json = False,
) -> None:
    """Công nhận một chứng thư cũ là của cơ quan này (khóa không còn, sohoa không biết). Được ghi nhật ký."""
    with opened(home) as wiring:
        new = signers.accept(wiring, fingerprint, actor=actor())
    if json:
        show({"accepted": new})
    else:
        out.print("Đã công nhận; niêm phong sau sẽ ghi điều này." if new else "Đã được công nhận từ trước.")


def _tell(made: Manifest, *, json: bool) -> None:
    if json:
        show(made)
    else:
        out.print(f"Danh sách phiên bản {made.version}: {len(made.anchors)} chứng thư gốc.")
