"""The command line. Results on stdout, everything else on stderr; `--json` is documented API (design.md)."""

from __future__ import annotations

import sys

import typer

from app import logs
from app.cli.deferred import group_of
from app.cli.output import EXIT_FAILED, fail
from registry.errors import SohoaError

COMMANDS = {
    "init": "installation:init",
    "run": "running:run",
    "web": "running:web",
    "watch": "running:watch",
    "worker": "running:worker",
    "doctor": "checking:doctor",
    "units": "catalogue:units",
    "procedures": "catalogue:procedures",
    "ingest": "intake:ingest",
    "read": "reading:read_file",
    "covers": "covers:covers",
    "show": "review:show_document",
    "extract": "review:make_extract",
    "search": "finding:search",
    "verify": "archive:verify",
    "indicators": "numbers:indicators",
    "reconcile": "reconcile:reconcile",
    "migrate": "moving:migrate",
    "backup": "moving:backup",
    "restore": "moving:restore",
}
"""Where each command stands: module of app.cli and function, whose docstring is its help."""

GROUPS = {
    "users": ("Tài khoản.", {"add": "accounts:add_user", "list": "accounts:list_users"}),
    "review": (
        "Kiểm tra của người trước khi ký.",
        {
            "list": "review:list_waiting",
            "approve": "review:approve",
            "correct": "review:correct",
            "reject": "review:reject",
        },
    ),
    "sign": (
        "Chữ ký mà cán bộ ký trên máy của mình.",
        {
            "list": "signing:list_waiting",
            "fetch": "signing:fetch",
            "answer": "signing:answer",
            "send-back": "signing:send_back",
        },
    ),
    "reuse": ("Tái sử dụng giấy tờ.", {"check": "reuse:check", "record": "reuse:record"}),
    "index": ("Chỉ mục tìm kiếm.", {"rebuild": "rebuilding:rebuild_index"}),
    "archive": (
        "Kho lưu trữ.",
        {
            "audit": "fixity:audit_archive",
            "replicate": "replicating:replicate_archive",
            "renew": "renewing:renew",
            "prepare": "prepare:prepare",
            "hold": "holds:hold",
            "release": "holds:release",
            "held": "holds:list_held",
            "export": "exporting:export_records",
            "kit": "kit:kit",
        },
    ),
    "trust": (
        "Chứng thư gốc được tin.",
        {
            "list": "trust:list_anchors",
            "add": "trust:add",
            "remove": "trust:remove",
            "sign": "trust:sign",
            "signers": "trust:list_signers",
            "accept": "trust:accept",
        },
    ),
    "registry": ("Sổ đăng ký.", {"rebuild": "rebuilding:rebuild_registry"}),
    "audit": ("Nhật ký kiểm toán.", {"verify": "audit:verify_log", "seal": "audit:seal", "reads": "audit:reads"}),
    "dossiers": ("Hồ sơ.", {"import": "numbers:import_file"}),
}

SUBGROUPS = {
    ("archive", "dispose"): (
        "Tiêu hủy tài liệu hết thời hạn, theo quyết định của hai người.",
        {
            "list": "dispose:list_due",
            "propose": "dispose:propose",
            "approve": "dispose:approve",
            "refuse": "dispose:refuse",
            "carry-out": "dispose:carry_out",
            "show": "dispose:show_decisions",
        },
    ),
}
"""Groups below a group."""

app = typer.Typer(
    name="sohoa",
    cls=group_of(COMMANDS),
    help="Số hóa hồ sơ một cửa: quét, đọc, ký số, lưu trữ và tái sử dụng giấy tờ.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
for _name, (_help, _places) in GROUPS.items():
    _group = typer.Typer(cls=group_of(_places), help=_help, no_args_is_help=True)
    for (_parent, _below), (_help_below, _places_below) in SUBGROUPS.items():
        if _parent == _name:
            _made = typer.Typer(cls=group_of(_places_below), help=_help_below, no_args_is_help=True)
            _group.add_typer(_made, name=_below)
    app.add_typer(_group, name=_name)


def main() -> None:
    """Runs a command. Exit codes: 0 done; 1 failed; 2 usage; 3 done, but something was refused or did not hold."""
    logs.configure()
    try:
        app()
    except SohoaError as exc:
        fail(exc)
    except KeyboardInterrupt:
        sys.exit(EXIT_FAILED)
