"""covers: separator sheets for a dossier."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from app.cli.output import Home, Json, out, show
from app.wiring import Wiring, opened
from pipeline.describing import dossier_code_in
from pipeline.landing import landing
from pipeline.splitting.covers import COMPONENT, Cover, payload
from pipeline.splitting.sheets import Sheet, sheets_pdf
from registry import dossiers
from registry.database import read
from registry.errors import NotFound, RefusalCode, Refused
from registry.values import utc_now, vietnam_date


def covers(
    home: Home,
    dossier: Annotated[str, typer.Option(help="Mã hồ sơ.")],
    component: Annotated[
        list[str] | None, typer.Option(help="Mã thành phần hồ sơ, mỗi mã một tờ; không có: một tờ cho toàn bộ hồ sơ.")
    ] = None,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Tệp PDF; mặc định theo mã hồ sơ.")] = None,
    json: Json = False,
) -> None:
    """In tờ phân cách (QR) để quét nhiều giấy tờ trong một lượt."""
    if dossier_code_in(dossier) != dossier:
        raise Refused(RefusalCode.UNKNOWN_DOSSIER, "not a dossier code")
    if any(not COMPONENT.fullmatch(code) for code in component or ()):
        raise typer.BadParameter(
            "mã thành phần chỉ gồm chữ không dấu, số, dấu chấm, gạch ngang", param_hint="--component"
        )
    with opened(home) as wiring:
        asked: list[str | None] = [*component] if component else [None]
        made = [_sheet(wiring, dossier, code) for code in asked]
        font = wiring.settings.signing.stamp_font
    target = output or Path(f"to-phan-cach-{dossier}.pdf")
    with landing(target.resolve()) as part:
        part.write_bytes(sheets_pdf(made, font))
    if json:
        show({"output": str(target), "sheets": [payload(sheet.cover) for sheet in made]})
    else:
        out.print(f"{len(made)} tờ phân cách: [bold]{target}[/bold]")


def _sheet(wiring: Wiring, dossier: str, component: str | None) -> Sheet:
    """With the names of component and procedure, where the registry knows the dossier's procedure."""
    try:
        with read(wiring.engine) as conn:
            code = dossiers.get(conn, dossier).procedure
        procedure = wiring.catalogue.procedure(code or "", vietnam_date(utc_now()))
    except (NotFound, KeyError):
        return Sheet(Cover(dossier, component))
    name = next((c.name for c in procedure.components if c.code == component), "")
    return Sheet(Cover(dossier, component), name, procedure.name)
