"""users: the accounts of an installation."""

from __future__ import annotations

from datetime import date
from typing import Annotated

import typer

from app.cli.output import Home, Json, actor, out, show, table
from app.credentials import Credentials
from app.wiring import opened
from registry import audit, users
from registry.database import read, write
from registry.values import Role


def add_user(
    username: str,
    role: Role,
    home: Home,
    unit: Annotated[str | None, typer.Option(help="Mã đơn vị.")] = None,
    name: Annotated[str, typer.Option(help="Họ tên.")] = "",
    json: Json = False,
) -> None:
    """Thêm tài khoản; in mật khẩu dùng một lần, phải đổi ở lần đăng nhập đầu."""
    password = users.one_time_password()
    with opened(home) as wiring, write(wiring.engine) as conn:
        if unit:
            wiring.catalogue.unit(unit, date.today())  # noqa: DTZ011 refuses an unknown unit
        users.add_user(conn, username=username, password=password, role=role, unit=unit, full_name=name)
        audit.append(conn, actor=actor(), action="add-user", subject=username, unit=unit, detail={"role": role})
    made = Credentials(username=username, password=password, role=role)
    if json:
        show(made)
    else:
        show_credentials([made])


def list_users(home: Home, json: Json = False) -> None:
    """Các tài khoản."""
    with opened(home) as wiring, read(wiring.engine) as conn:
        rows = users.list_users(conn)
    if json:
        show(rows)
    else:
        table(("Tài khoản", "Vai trò", "Đơn vị"), [(u.username, u.role, u.unit) for u in rows])


def show_credentials(made: list[Credentials]) -> None:
    """New accounts with their passwords; these are shown only once."""
    if made:
        out.print("Mật khẩu dùng một lần, phải đổi khi đăng nhập lần đầu; không in lại:")
        table(("Tài khoản", "Vai trò", "Mật khẩu"), [(c.username, c.role, c.password) for c in made])
