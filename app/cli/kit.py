"""archive kit: documents that prove themselves on a machine without sohoa."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import Progress

from app.cli.output import Home, Json, err, out, show
from app.cli.reading_for import Dossier, For, terminal, told_purpose
from app.cli.unlocking import unlock_own
from app.kit.bundle import make_kit
from app.wiring import opened
from registry import documents
from registry.database import read
from registry.errors import Conflict
from registry.reads import Why
from registry.values import VIETNAM, DocumentId

if TYPE_CHECKING:
    from app.wiring import Wiring


def kit(
    home: Home,
    output: Annotated[Path, typer.Option("--output", help="Tệp .zip hoặc thư mục sẽ tạo.")],
    document: Annotated[list[str] | None, typer.Option("--document", help="Mã tài liệu; nhắc lại được.")] = None,
    begin: Annotated[datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="Lưu kho từ ngày.")] = None,
    end: Annotated[datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="Đến hết ngày.")] = None,
    unit: Annotated[str | None, typer.Option(help="Chỉ đơn vị này và cấp dưới.")] = None,
    why: For = Why.INSPECTION,
    dossier: Dossier = "",
    json: Json = False,
) -> None:
    """Bộ hồ sơ kiểm tra ngoại tuyến: tài liệu, chữ ký, căn cứ, nhật ký và chương trình tự kiểm, không cần sohoa.

    Chỉ lập khi mọi thứ đang đúng. Việc xuất được ghi nhật ký. In tờ bìa đi kèm và giao riêng.
    """
    purpose = told_purpose(why, dossier)
    with opened(home) as wiring:
        unlock_own(wiring)
        wanted = [DocumentId(i) for i in document or []] + _of_days(wiring, begin, end, unit)
        with Progress(console=err, transient=True) as progress:
            bar = progress.add_task("Lập bộ hồ sơ…", total=len(wanted))
            made = make_kit(
                wiring,
                wanted,
                output,
                reader=terminal(),
                purpose=purpose,
                progress=lambda: progress.advance(bar),
            )
    if json:
        show(made)
        return
    out.print(f"{made.path}: {made.documents} tài liệu, {made.files} tệp, {made.size_bytes / 1e6:.1f} MB.")
    out.print(f"{made.audit_rows} dòng nhật ký. Bộ hồ sơ đã tự kiểm đúng.")
    for told in made.unknown:
        out.print(f"[yellow]chưa rõ:[/yellow] {told}")
    out.print(f"In và giao riêng tờ bìa {made.cover.name}:")
    out.print(f"  verify.py      {made.verifier_sha256}\n  manifest.json  {made.manifest_sha256}")
    if made.signer_sha256:
        out.print(f"  chứng thư ký   {made.signer_sha256}")


def _of_days(wiring: Wiring, begin: datetime | None, end: datetime | None, unit: str | None) -> list[DocumentId]:
    """Documents archived on these days of Vietnam, both included."""
    if begin is None and end is None:
        return []
    if begin is None or end is None or end < begin:
        raise Conflict("a period has --from and --to")
    units = wiring.catalogue.subtree(unit, end.date()) if unit else None
    with read(wiring.engine) as conn:
        return documents.archived_between(conn, _start(begin.date()), _start(end.date() + timedelta(days=1)), units)


def _start(day: date) -> datetime:
    return datetime.combine(day, time(), VIETNAM)
