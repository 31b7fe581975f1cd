"""doctor: what is wrong with an installation, and what to do about it."""

from __future__ import annotations

import sys

from app.cli.output import EXIT_PARTLY, Home, Json, out, show
from app.doctor import examine


def doctor(home: Home, json: Json = False) -> None:
    """Kiểm tra công cụ, ngôn ngữ đọc, khóa, đồng hồ, ổ đĩa, cơ sở dữ liệu; nói cách sửa."""
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
