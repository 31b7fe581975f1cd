"""verify, archive audit: does a record hold?"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import Progress

from app.cli.output import EXIT_PARTLY, Home, Json, err, out, show, table
from app.wiring import opened
from archive.aip import iter_records
from archive.fixity import audit as audit_store
from pipeline.verification import VerificationReport, verify_file
from registry import documents
from registry.database import write
from registry.values import DocumentId, Verdict

COLOURS = {Verdict.PASSED: "green", Verdict.INDETERMINATE: "yellow", Verdict.FAILED: "red"}


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
