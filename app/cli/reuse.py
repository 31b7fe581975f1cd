"""reuse: what need not be brought."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer
from rich.markup import escape

from app.cli.output import Home, Json, actor, out, show
from app.cli.reading_for import Dossier, For, terminal, told_purpose
from app.wiring import opened
from registry.reads import Why
from registry.values import DocumentId, utc_now, vietnam_date

HELD = {
    "usable": "dùng lại được",
    "purpose": "dùng được nếu đúng mục đích ghi trong giấy",
    "expired": "hết hạn",
    "withdrawn": "đã thu hồi",
    "replaced": "đã được thay bằng giấy khác",
    "not-yet-issued": "cấp sau ngày tiếp nhận",
    "signature": "chữ ký chưa đạt TOTAL-PASSED",
}


def check(
    home: Home,
    owner: Annotated[str, typer.Option(help="Số định danh hoặc CMND.")],
    procedure: Annotated[str, typer.Option(help="Mã thủ tục.")],
    on: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Ngày tiếp nhận.")] = None,
    unit: Annotated[str | None, typer.Option()] = None,
    why: For = Why.OPERATION,
    dossier: Dossier = "",
    json: Json = False,
) -> None:
    """Người dân không phải mang lại giấy tờ nào? Các giấy tờ hiện ra được ghi nhật ký kèm mục đích."""
    purpose = told_purpose(why, dossier)
    with opened(home) as wiring:
        day = on.date() if on else vietnam_date(utc_now())
        units = wiring.catalogue.subtree(unit, day) if unit else None
        answer = wiring.records.reuse_check(owner, procedure, day, units, reader=terminal(), purpose=purpose)
    if json:
        components = [
            {
                **c.model_dump(mode="json", exclude={"candidates"}),
                "candidates": [
                    {"id": x.document_id, **x.model_dump(mode="json", exclude={"document_id"})} for x in c.candidates
                ],
            }
            for c in answer.components
        ]
        show({"procedure": answer.procedure, "on": answer.on, "components": components})
        return
    out.print(f"[bold]{answer.procedure_name}[/bold] — ngày {answer.on:%d/%m/%Y}")
    for component in answer.components:
        mark = "[red]cần mang[/red]" if component.missing else "[green]đã có[/green]"
        out.print(f"{mark}  {component.code} {component.name}")
        for candidate in component.candidates:
            out.print(f"      {escape(candidate.title)}: {HELD[candidate.why]}  [dim]{candidate.document_id}[/dim]")


def record(
    home: Home,
    document: Annotated[str, typer.Option()],
    dossier: Annotated[str, typer.Option()],
    component: Annotated[str, typer.Option()],
    json: Json = False,
) -> None:
    """Ghi nhận việc tái sử dụng một giấy tờ cho một hồ sơ."""
    with opened(home) as wiring:
        event = wiring.records.reuse_record(DocumentId(document), dossier, component, actor(), unit=None)
    if json:
        show(event)
    else:
        out.print(f"Đã ghi nhận tái sử dụng ({event.verdict}).")
