"""archive export: records as packages for another archive."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import Progress

from app.cli.output import EXIT_PARTLY, EXIT_USAGE, Home, Json, err, out, show
from app.cli.reading_for import For, terminal
from app.wiring import Wiring, opened
from config.messages import sentence
from pipeline import exporting
from registry.reads import Why, purpose_of
from registry.values import DocumentId, utc_now, vietnam_date

DAY = ["%Y-%m-%d", "%d/%m/%Y"]
FORMATS = ("bagit", "e-ark")
MOST_NAMED = 1000


def export_records(
    home: Home,
    output: Annotated[Path, typer.Option("--output", help="Thư mục để các gói vào.")],
    ids: Annotated[list[str] | None, typer.Argument(metavar="MÃ…", help="Mã tài liệu.")] = None,
    form: Annotated[str, typer.Option("--format", help="bagit hoặc e-ark.")] = "bagit",
    dossier: Annotated[str | None, typer.Option("--dossier", help="Mọi tài liệu của hồ sơ này.")] = None,
    start: Annotated[datetime | None, typer.Option("--from", formats=DAY, help="Lưu kho từ ngày.")] = None,
    end: Annotated[datetime | None, typer.Option("--to", formats=DAY, help="Lưu kho đến hết ngày.")] = None,
    unit: Annotated[str | None, typer.Option("--unit", help="Của đơn vị này và các đơn vị bên dưới.")] = None,
    zipped: Annotated[bool, typer.Option("--zip", help="Mỗi gói là một tệp ZIP.")] = False,
    why: For = Why.TRANSFER,
    json: Json = False,
) -> None:
    """Xuất tài liệu thành gói BagIt 1.0 hoặc E-ARK SIP, mỗi tài liệu một gói. Bị ngắt thì lần sau làm tiếp."""
    chosen = [bool(ids), dossier is not None, any(told is not None for told in (start, end, unit))]
    if form not in FORMATS or sum(chosen) != 1:
        err.print("Chọn --format bagit hoặc e-ark, và một trong: mã tài liệu, --dossier, --from/--to/--unit.")
        sys.exit(EXIT_USAGE)
    counted: dict[str, int] = {"exported": 0, "already": 0, "refused": 0}
    named: list[exporting.Exported] = []
    with opened(home) as wiring, Progress(console=err, transient=True) as progress:
        total, wanted = _wanted(wiring, ids, dossier, start, end, unit)
        bar = progress.add_task("Xuất gói…", total=total)
        for told in exporting.export(
            wiring.engine,
            wiring.store,
            wiring.catalogue,
            wanted,
            output,
            form="e-ark" if form == "e-ark" else "bagit",
            zipped=zipped,
            purpose=purpose_of(Why.DOSSIER, dossier or "") if why is Why.DOSSIER else purpose_of(why),
            reader=terminal(),
            done=lambda _told: progress.advance(bar),
        ):
            counted[told.state] += 1
            if told.state == "refused" or len(named) < MOST_NAMED:
                named.append(told)
    if json:
        show({**counted, "packages": [told.model_dump(mode="json") for told in named]})
    else:
        told_all = (
            f"{counted['exported']} gói đã xuất, {counted['already']} đã có, {counted['refused']} không xuất được."
        )
        out.print(told_all)
        for told in named:
            if told.error:
                out.print(f"  {told.id}: {sentence(told.error)}", markup=False)
    if counted["refused"]:
        sys.exit(EXIT_PARTLY)


def _wanted(
    wiring: Wiring,
    ids: list[str] | None,
    dossier: str | None,
    start: datetime | None,
    end: datetime | None,
    unit: str | None,
) -> tuple[int, Iterable[DocumentId]]:
    if ids:
        return len(ids), [DocumentId(i) for i in ids]
    if dossier is not None:
        found = exporting.of_dossier(wiring.engine, dossier)
        return len(found), found
    units = wiring.catalogue.subtree(unit, vietnam_date(utc_now())) if unit else None
    return exporting.of_period(wiring.engine, start.date() if start else None, end.date() if end else None, units)
