"""What a command reads documents for: said with the command, and kept in the audit log."""

from __future__ import annotations

from typing import Annotated

import typer

from app.cli.output import actor
from registry.reads import Purpose, Reader, Why, purpose_of

For = Annotated[Why, typer.Option("--purpose", help="Mục đích đọc, ghi vào nhật ký.")]
Dossier = Annotated[str, typer.Option("--dossier", help="Mã hồ sơ đang giải quyết (thay cho --purpose).")]


def told_purpose(why: Why, dossier: str) -> Purpose:
    """A dossier that is named is the purpose. Raises NotAllowed for a code that is none."""
    return purpose_of(Why.DOSSIER if dossier else why, dossier)


def terminal() -> Reader:
    """Who gives the command, as a reader."""
    return Reader(account=actor(), role="cli")
