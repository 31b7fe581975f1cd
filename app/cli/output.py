"""What commands share: where the installation is, how results are shown, how errors end."""

from __future__ import annotations

import getpass
import json
import logging
import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any, NoReturn

import structlog
import typer
from pydantic import BaseModel
from rich.console import Console
from rich.table import Table

from config.messages import sentence
from registry.errors import Refused, SohoaError

EXIT_FAILED, EXIT_USAGE, EXIT_PARTLY = 1, 2, 3

Home = Annotated[Path, typer.Option("--home", envvar="SOHOA_HOME", help="Thư mục cài đặt.", show_default=False)]
Json = Annotated[bool, typer.Option("--json", help="In kết quả dạng JSON.")]

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)


def show(value: Any) -> None:
    """A result as JSON on stdout."""
    sys.stdout.write(json.dumps(plain(value), ensure_ascii=False, indent=1) + "\n")


def as_lines(values: Iterable[Any]) -> None:
    """A list as JSON on stdout, one value in memory at a time."""
    before = "["
    for value in values:
        sys.stdout.write(f"{before}\n{json.dumps(plain(value), ensure_ascii=False, indent=1)}")
        before = ","
    sys.stdout.write("[]\n" if before == "[" else "\n]\n")


def plain(value: Any) -> Any:
    """Values as JSON knows them."""
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(v) for v in value]
    if isinstance(value, Path):
        return str(value)
    return value.isoformat() if hasattr(value, "isoformat") else value


def table(headings: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Rows as a table on stdout."""
    shown = Table(*headings, header_style="bold")
    for row in rows:
        shown.add_row(*("" if cell is None else str(cell) for cell in row))
    out.print(shown)


def fail(exc: SohoaError) -> NoReturn:
    """The operator's sentence and, dimmed, the technical one; exit 1."""
    code = exc.reason if isinstance(exc, Refused) else exc.code
    err.print(f"[red]{sentence(code)}[/red]")
    err.print(f"[dim]{code}: {exc}[/dim]")
    sys.exit(EXIT_FAILED)


def actor() -> str:
    """Who gives the command: the account of the operating system."""
    try:
        return f"cli:{getpass.getuser()}"
    except (KeyError, OSError):
        return f"cli:{os.getuid()}"


def mask(identity: str | None) -> str:
    """An identity number as lists show it: 084*****0001."""
    return f"{identity[:3]}{'*' * (len(identity) - 7)}{identity[-4:]}" if identity and len(identity) > 7 else ""


def only_warnings() -> None:
    """Our log is silent about what goes well: a demonstration is read by people."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))


def show_rebuilt(rebuilt: BaseModel, what: str, *, json: bool) -> None:
    """How many records came back; exit 3 when some could not be read."""
    told = rebuilt.model_dump(mode="json")
    if json:
        show(told)
    else:
        out.print(f"{told['records']} tài liệu trong {what}.")
        for document_id in told["damaged"]:
            out.print(f"[red]không đọc được:[/red] {document_id} — hãy chạy `sohoa archive audit`")
    if told["damaged"]:
        sys.exit(EXIT_PARTLY)
