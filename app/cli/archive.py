"""verify: does a record hold?"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import Progress

from app.cli.output import EXIT_PARTLY, Home, Json, err, out, show
from app.wiring import opened
from archive.aip import iter_records
from pipeline.verification import VerificationReport, verify_file
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
