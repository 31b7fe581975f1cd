"""The command line. Results on stdout, everything else on stderr; `--json` is documented API (design.md)."""

from __future__ import annotations

import sys

import typer

from app import logs
from app.cli import archive, covers, finding, installation, intake, moving, numbers, reconcile, review
from app.cli.output import EXIT_FAILED, fail
from registry.errors import SohoaError

app = typer.Typer(
    name="sohoa",
    help="Số hóa hồ sơ một cửa: quét, đọc, ký số, lưu trữ và tái sử dụng giấy tờ.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
for part in (installation, intake, covers, review, finding, archive, numbers, reconcile, moving):
    part.register(app)


def main() -> None:
    """Runs a command. Exit codes: 0 done; 1 failed; 2 usage; 3 done, but something was refused or did not hold."""
    logs.configure()
    try:
        app()
    except SohoaError as exc:
        fail(exc)
    except KeyboardInterrupt:
        sys.exit(EXIT_FAILED)
