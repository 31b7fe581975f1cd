"""verify: does a record hold?"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.progress import Progress

from app.cli.output import EXIT_PARTLY, Home, Json, err, out, show
from app.verdicts import CHECKS, TECHNICAL, advice, mark
from app.wiring import opened
from archive.aip import iter_records
from registry.values import DocumentId, Verdict

if TYPE_CHECKING:
    from pipeline.verification import VerificationReport

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
                    reports.append(wiring.records.examine_file(Path(target)))
                else:
                    reports.append(wiring.records.examine(DocumentId(target)))
                progress.advance(bar)
    if json:
        show([as_json(report) for report in reports])
    else:
        for report in reports:
            tell(report)
    if any(r.verdict != Verdict.PASSED for r in reports):
        sys.exit(EXIT_PARTLY)


def tell(report: VerificationReport) -> None:
    """A report on stdout: the verdict, each check, and what to do about those that did not hold."""
    colour = COLOURS[report.verdict]
    out.print(f"[{colour}]{report.verdict}[/{colour}] {report.sub_indication or ''} {report.document_id}")
    for check in report.checks:
        detail = "" if check.detail in TECHNICAL else check.detail
        out.print(f"   {mark(check)} {CHECKS.get(check.name, check.name)} {detail}".rstrip(), markup=False)
        if told := advice(check):
            out.print(f"     → {told}", markup=False)


def as_json(report: VerificationReport) -> dict[str, Any]:
    """A report as `--json` tells it: each check with what to do about it."""
    told = report.model_dump(mode="json", exclude={"document_id", "checks"})
    checks = [{**check.model_dump(mode="json"), "advice": advice(check)} for check in report.checks]
    return {"id": report.document_id, **told, "checks": checks}
