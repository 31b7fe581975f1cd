"""dossiers import, indicators."""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from app.cli.output import EXIT_PARTLY, Home, Json, actor, out, show, table
from app.wiring import opened
from metrics.dossier_import import import_dossiers
from registry.database import write
from registry.values import utc_now, vietnam_date

REASONS = {"missing": "thiếu", "malformed": "sai dạng", "unknown": "không có trong danh mục"}


def import_file(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False)], home: Home, json: Json = False
) -> None:
    """Nhập thông tin hồ sơ từ hệ thống một cửa (CSV, XLSX, JSON). Dòng sai bị từ chối riêng, có lý do."""
    with opened(home) as wiring, write(wiring.engine) as conn:
        result = import_dossiers(conn, wiring.catalogue, file, actor())
    if json:
        show(result)
    else:
        out.print(f"{result.imported} hồ sơ mới, {result.updated} cập nhật, {len(result.refused)} dòng bị từ chối.")
        if result.refused:
            table(("Dòng", "Cột", "Lý do"), [(r.row_no, r.column, REASONS[r.code]) for r in result.refused])
    if result.refused:
        sys.exit(EXIT_PARTLY)


def indicators(
    home: Home,
    unit: Annotated[str, typer.Option(help="Mã đơn vị (tính cả đơn vị cấp dưới).")],
    start: Annotated[datetime | None, typer.Option("--from", formats=["%Y-%m-%d"])] = None,
    end: Annotated[datetime | None, typer.Option("--to", formats=["%Y-%m-%d"])] = None,
    json: Json = False,
) -> None:
    """Chỉ tiêu của đơn vị trong kỳ: tử số, mẫu số, tỷ lệ, mục tiêu. Mặc định: từ đầu năm đến nay."""
    today = vietnam_date(utc_now())
    first, last = (start.date() if start else today.replace(month=1, day=1)), (end.date() if end else today)
    with opened(home) as wiring:
        found = wiring.records.indicators(unit, first, last)
    if json:
        show(found)
        return
    table(
        ("Chỉ tiêu", "Tử số", "Mẫu số", "Tỷ lệ %", "Mục tiêu %"),
        [(i.name, i.numerator, i.denominator, i.rate_percent, i.target_percent) for i in found],
    )
