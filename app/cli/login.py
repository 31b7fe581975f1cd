"""Commands that only certain accounts may give: the account signs in, as it does on the pages."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from app.cli.output import actor
from app.wiring import Wiring
from pipeline.holds import require_keeper
from registry import audit, users
from registry.database import read, write
from registry.errors import NotAllowed
from registry.users import UserRow

By = Annotated[str, typer.Option("--by", help="Tài khoản kiểm tra viên hoặc quản trị; hỏi mật khẩu.")]
PasswordFile = Annotated[
    Path | None, typer.Option("--password-file", help="Tệp có mật khẩu của --by; - là đầu vào chuẩn.")
]


def keeper(wiring: Wiring, by: str, password_file: Path | None) -> UserRow:
    """The account, which knew its password and may decide on holds and disposal. Raises NotAllowed; a wrong password
    is in the audit log."""
    if password_file is None:
        password = typer.prompt(f"Mật khẩu của {by}", hide_input=True, err=True)
    elif str(password_file) == "-":
        password = sys.stdin.readline().rstrip("\n")
    else:
        password = password_file.read_text(encoding="utf-8").rstrip("\n")
    with read(wiring.engine) as conn:
        user = users.verify_password(conn, by, password)
    if user is None or user.must_change:
        with write(wiring.engine) as conn:
            audit.append(conn, actor=actor(), action="login-failed", subject="cli")
        raise NotAllowed("account or password is not right, or the password was never changed")
    require_keeper(user)
    return user
