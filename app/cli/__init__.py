"""The command line. Results on stdout, everything else on stderr; `--json` is documented API (design.md)."""

from __future__ import annotations

import logging
import sys

import structlog
import typer

from app.cli import archive, finding, installation, intake, numbers, review
from app.cli.output import EXIT_FAILED, fail
from registry.errors import SohoaError

app = typer.Typer(
    name="sohoa",
    help="Số hóa hồ sơ một cửa: quét, đọc, ký số, lưu trữ và tái sử dụng giấy tờ.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
for part in (installation, intake, review, finding, archive, numbers):
    part.register(app)


def main() -> None:
    """Runs a command. Exit codes: 0 done; 1 failed; 2 usage; 3 done, but something was refused or did not hold."""
    quiet_libraries()
    try:
        app()
    except SohoaError as exc:
        fail(exc)
    except KeyboardInterrupt:
        sys.exit(EXIT_FAILED)


def quiet_libraries() -> None:
    """Our own log lines go to stderr; foreign ones only when something is wrong, and never with document text."""
    logging.basicConfig(level=logging.ERROR, stream=sys.stderr)
    for name in ("pyhanko", "pyhanko_certvalidator", "ocrmypdf", "fontTools", "img2pdf", "PIL", "dbos", "alembic"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.KeyValueRenderer(key_order=["timestamp", "level", "event"]),
        ],
    )
