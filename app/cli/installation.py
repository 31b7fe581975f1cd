"""init: from an empty folder to a working installation."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from app.cli.accounts import show_credentials
from app.cli.output import Json, out, show
from app.setup import initialise


def init(
    home: Annotated[Path, typer.Argument(help="Thư mục cài đặt mới.")],
    demo: Annotated[bool, typer.Option("--demo", help="Thêm đơn vị, hồ sơ và bản quét mẫu.")] = False,
    agency: Annotated[str, typer.Option(help="Tên cơ quan ghi trong chứng thư thử nghiệm.")] = "",
    json: Json = False,
) -> None:
    """Tạo một cài đặt: cấu hình, thư mục, danh mục, chứng thư thử nghiệm, tài khoản đầu tiên. Chạy lại không đổi gì."""
    made = initialise(home.resolve(), demo=demo, agency=agency)
    if json:
        show({"home": str(home.resolve()), "demo": demo, "accounts": [c.model_dump() for c in made]})
        return
    out.print(f"Cài đặt ở [bold]{home}[/bold].")
    show_credentials(made)
