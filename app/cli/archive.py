"""verify, archive, registry: does a record hold, and can all be made again from the archive?"""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer
from rich.progress import Progress

from app.cli.output import EXIT_PARTLY, Home, Json, actor, err, out, show, show_rebuilt, table
from app.cli.prepare import prepare
from app.rebuild import rebuild_registry
from app.wiring import build_store, opened
from archive.aip import iter_records
from archive.fixity import audit as audit_store
from archive.replication import replicate
from pipeline.verification import VerificationReport, verify_file
from registry import audit, documents, facts
from registry.database import read, write
from registry.errors import SettingsInvalid
from registry.values import DocumentId, Verdict

COLOURS = {Verdict.PASSED: "green", Verdict.INDETERMINATE: "yellow", Verdict.FAILED: "red"}


def register(app: typer.Typer) -> None:
    app.command("verify")(verify)
    group = typer.Typer(help="Kho lưu trữ.", no_args_is_help=True)
    group.command("audit")(audit_archive)
    group.command("replicate")(replicate_archive)
    group.command("prepare")(prepare)
    app.add_typer(group, name="archive")
    registry = typer.Typer(help="Sổ đăng ký.", no_args_is_help=True)
    registry.command("rebuild")(rebuild)
    app.add_typer(registry, name="registry")
    log = typer.Typer(help="Nhật ký kiểm toán.", no_args_is_help=True)
    log.command("verify")(verify_log)
    app.add_typer(log, name="audit")


def verify(
    home: Home,
    targets: Annotated[list[str] | None, typer.Argument(help="Mã tài liệu hoặc tệp PDF.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Cả kho.")] = False,
    json: Json = False,
) -> None:
    """Kết luận về từng tài liệu: nguyên vẹn, chữ ký, chuỗi chứng thư, dấu thời gian, bản gốc."""
    reports: list[VerificationReport] = []
    with opened(home) as wiring:
        wanted = [str(i) for i in iter_records(wiring.store)] if everything else targets or []
        with Progress(console=err, transient=True) as progress:
            bar = progress.add_task("Kiểm tra…", total=len(wanted))
            for target in wanted:
                if Path(target).is_file():
                    reports.append(verify_file(Path(target), wiring.trust))
                else:
                    reports.append(wiring.records.examine(DocumentId(target)))
                progress.advance(bar)
    if json:
        show([{"id": r.document_id, **r.model_dump(mode="json", exclude={"document_id"})} for r in reports])
    else:
        for report in reports:
            colour = COLOURS[report.verdict]
            out.print(f"[{colour}]{report.verdict}[/{colour}] {report.sub_indication or ''} {report.document_id}")
            for check in report.checks:
                mark = {True: "✓", False: "✗", None: "?"}[check.ok]
                out.print(f"   {mark} {check.name} {check.detail}", markup=False)
    if any(r.verdict != Verdict.PASSED for r in reports):
        sys.exit(EXIT_PARTLY)


def audit_archive(home: Home, json: Json = False) -> None:
    """Đọc lại mọi byte trong kho và so với bản kê. Ctrl-C dừng được; không sửa gì."""
    with opened(home) as wiring, Progress(console=err, transient=True) as progress:
        bar = progress.add_task("Đọc lại kho…", total=None)
        result = audit_store(wiring.store, lambda _found: progress.advance(bar))
        with write(wiring.engine) as conn:
            for damaged in result.damaged:
                documents.keep_verdict(conn, damaged.document_id, Verdict.FAILED)
    if json:
        show({"ok": result.ok, **result.model_dump(mode="json")})
    else:
        out.print(f"{result.records} tài liệu, {result.bytes_read >> 20} MiB, {len(result.damaged)} hỏng.")
        table(
            ("Tài liệu", "Phát hiện"), [(d.document_id, "; ".join(d.findings)) for d in result.damaged]
        ) if result.damaged else None
        for stray in result.strays:
            out.print(f"tệp lạ: {stray}", markup=False)
    if not result.ok:
        sys.exit(EXIT_PARTLY)


def replicate_archive(
    home: Home,
    quick: Annotated[bool, typer.Option("--quick", help="Không đọc lại những gì đã có đủ ở kho thứ hai.")] = False,
    json: Json = False,
) -> None:
    """Chép những gì kho thứ hai còn thiếu, rồi đọc cả hai bên và so từng tệp. Dừng rồi chạy tiếp được."""
    with opened(home) as wiring, Progress(console=err, transient=True) as progress:
        if wiring.settings.replica is None:
            raise SettingsInvalid("there is no second store: the settings have no [replica]")
        bar = progress.add_task("Sao sang kho thứ hai…", total=None)
        work = wiring.folder("work")
        work.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix="replication-", dir=work) as bench:
            result = replicate(
                wiring.store,
                build_store(wiring.settings, wiring.settings.replica),
                Path(bench) / "files",
                quick=quick,
                progress=lambda: progress.advance(bar),
            )
        told = {"ok": result.ok, **result.model_dump(mode="json")}
        with write(wiring.engine) as conn:
            counts = {k: len(v) if isinstance(v, list) else v for k, v in told.items()}
            facts.put(conn, "replication", {**counts, "quick": quick})
            audit.append(conn, actor=actor(), action="replicate", subject="archive", detail=counts)
    if json:
        show(told)
    else:
        out.print(f"{result.objects} gói: chép {result.copied} tệp, {result.same} tệp giống nhau, gỡ {result.removed}.")
        for title, keys in (("khác nhau", result.differing), ("chỉ có ở kho thứ hai", result.extra)):
            for key in keys:
                out.print(f"{title}: {key}", markup=False)
    if not result.ok:
        sys.exit(EXIT_PARTLY)


def rebuild(home: Home, json: Json = False) -> None:
    """Làm lại sổ đăng ký tài liệu chỉ từ kho lưu trữ. Chạy lại không đổi gì."""
    with opened(home) as wiring:
        rebuilt = rebuild_registry(wiring, actor(), err)
    show_rebuilt(rebuilt, "sổ đăng ký", json=json)


def verify_log(home: Home, json: Json = False) -> None:
    """Kiểm tra chuỗi nhật ký: dòng bị sửa, mất, chèn hay đảo."""
    with opened(home) as wiring, read(wiring.engine) as conn:
        found = audit.verify(conn)
        last, digest = audit.head(conn)
    if json:
        show({"ok": not found, "rows": last, "head": digest, "findings": found})
    else:
        out.print(f"{last} dòng, {'nguyên vẹn' if not found else f'{len(found)} phát hiện'}; đầu chuỗi {digest[:16]}")
        for finding in found:
            out.print(f"  dòng {finding.seq}: {finding.problem}")
    if found:
        sys.exit(EXIT_PARTLY)
