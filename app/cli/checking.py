"""doctor: what is wrong with an installation, and what to do about it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from app.cli.output import EXIT_PARTLY, Home, Json, out, show
from app.cli.unlocking import asker
from app.doctor import examine


def doctor(
    home: Home,
    certificate: Annotated[
        bool, typer.Option("--certificate", help="Từng khóa ký: đạt mức chữ ký nào, vì sao chưa cao hơn, làm gì.")
    ] = False,
    file: Annotated[
        Path | None,
        typer.Option("--certificate-file", exists=True, dir_okay=False, help="Chứng thư của cán bộ ký trên máy riêng."),
    ] = None,
    json: Json = False,
) -> None:
    """Kiểm tra công cụ, ngôn ngữ đọc, khóa, đồng hồ, ổ đĩa, cơ sở dữ liệu; nói cách sửa."""
    if certificate or file is not None:
        _certificates(home, file, json=json)
        return
    checks = examine(home)
    if json:
        show({"checks": checks})
    else:
        for check in checks:
            out.print(f"{'[green]✓[/green]' if check.ok else '[red]✗[/red]'} {check.name}: {check.detail}")
            if not check.ok:
                out.print(f"   → {check.fix}")
    if not all(check.ok for check in checks):
        sys.exit(EXIT_PARTLY)


def _certificates(home: Path, file: Path | None, *, json: bool) -> None:
    from app.certificates import examine_certificates  # noqa: PLC0415 signing takes a second to import

    told = examine_certificates(home, file.read_bytes() if file else None, asker())
    if json:
        show({"keys": told})
    else:
        for key in told:
            out.print(f"[bold]{key.key}[/bold] ({', '.join(key.units) or 'mọi đơn vị'}): {key.subject}")
            out.print(f"   mức ký đạt được: {key.level or 'chưa ký được'}; mức cần: {key.wanted}")
            for finding in key.findings:
                out.print(f"   {'[green]✓[/green]' if finding.ok else '[red]✗[/red]'} {finding.detail}")
                if not finding.ok:
                    out.print(f"     → {finding.fix}")
    if not all(key.ok for key in told):
        sys.exit(EXIT_PARTLY)
