"""reconcile: is everything that came in somewhere, and where?"""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from app.cli.output import EXIT_PARTLY, Home, Json, out, show, table
from app.wiring import opened
from pipeline.reconcile import Account, Reconciliation, advice, reconcile_and_keep
from pipeline.reconcile import reconcile as look

HEADINGS = ("Đơn vị", "Đã nhận", "Lưu kho", "Chờ duyệt", "Cách ly", "Đang chờ", "Trùng", "Không rõ")


def reconcile(
    home: Home,
    keep: Annotated[bool, typer.Option(help="Ghi kết quả vào sổ đăng ký và nhật ký.")] = True,
    json: Json = False,
) -> None:
    """Đối chiếu: đã nhận = lưu kho + chờ duyệt + cách ly + đang chờ + trùng. Mã thoát 3 khi có chênh lệch."""
    with opened(home) as wiring:
        result = reconcile_and_keep(wiring) if keep else look(wiring)
    if json:
        show(told(result))
    else:
        table(HEADINGS, [_row(account.unit, account) for account in result.units] + [_row("Tổng", result.total)])
        for difference in result.differences:
            out.print(f"[red]✗[/red] {difference.code} {difference.subject} {difference.unit} {difference.detail}")
            out.print(f"   → {advice(difference)}", markup=False)
        out.print("Khớp." if result.ok else f"{sum(result.counted.values())} chênh lệch.")
    if not result.ok:
        sys.exit(EXIT_PARTLY)


def told(result: Reconciliation) -> dict[str, Any]:
    """The result as `--json` gives it."""
    differences = [{**d.model_dump(), "advice": advice(d)} for d in result.differences]
    return {"ok": result.ok, **result.model_dump(mode="json"), "differences": differences}


def _row(name: str, account: Account) -> tuple[Any, ...]:
    return (
        name,
        account.received,
        account.archived,
        account.review,
        account.quarantined,
        account.waiting,
        account.copies,
        account.astray,
    )
