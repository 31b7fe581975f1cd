"""verify: does a record hold? And all of them?"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from app.cli.output import EXIT_PARTLY, Home, Json, actor, as_lines, err, out, show
from app.verdicts import CHECKS, TECHNICAL, advice, mark
from app.wiring import opened
from registry.values import DocumentId, Verdict

if TYPE_CHECKING:
    from app.wiring import Wiring
    from pipeline.verification import VerificationReport

COLOURS = {Verdict.PASSED: "green", Verdict.INDETERMINATE: "yellow", Verdict.FAILED: "red"}


def verify(
    home: Home,
    targets: Annotated[list[str] | None, typer.Argument(help="Mã tài liệu hoặc tệp PDF.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Cả kho; dừng rồi chạy lại thì làm tiếp.")] = False,
    anew: Annotated[bool, typer.Option("--anew", help="Cùng --all: kiểm tra lại từ đầu.")] = False,
    report: Annotated[
        Path | None, typer.Option("--report", help="Ghi báo cáo vào tệp .html, .pdf hoặc .xml (ETSI TS 119 102-2).")
    ] = None,
    keep: Annotated[
        bool, typer.Option("--keep", help="Lưu kết luận và mọi căn cứ của nó vào hồ sơ, thành phiên bản mới.")
    ] = False,
    repeat: Annotated[
        bool, typer.Option("--repeat", help="Kiểm tra lại các kết luận đã lưu, chỉ từ căn cứ lưu kèm.")
    ] = False,
    json: Json = False,
) -> None:
    """Kết luận về từng tài liệu: nguyên vẹn, chữ ký, chuỗi chứng thư, dấu thời gian, bản gốc, nhật ký."""
    with opened(home) as wiring:
        if report is not None:
            from app.reporting.files import require_kind, write_report  # noqa: PLC0415 for those alone who file one

            require_kind(report)
        if repeat:
            _repeat(wiring, targets or [], json=json)
            return
        if everything:
            reports = verify_archive(wiring, anew=anew)
            what = "Toàn bộ kho lưu trữ"
        else:
            found = list(_each(wiring, targets or []))
            reports, what = (lambda: iter(found)), ", ".join(Path(target).name for target in targets or [])
        if report is not None:
            write_report(wiring, report, reports, what=what, made_by=actor())
            err.print(f"Báo cáo: {report}")
        for target in (targets or []) if keep else []:
            name = wiring.records.keep_verdict(DocumentId(target), actor())
            err.print(f"{target}: đã lưu {name}")
        bad: list[int] = []
        counted = _counted(reports(), bad)
        if json:
            as_lines(as_json(one) for one in counted)
        else:
            for one in counted:
                if not everything or one.verdict != Verdict.PASSED:
                    tell(one)
    if bad:
        sys.exit(EXIT_PARTLY)


def _repeat(wiring: Wiring, targets: list[str], *, json: bool) -> None:
    """What is kept is asked again; exit 3 when an answer is another, or there is none."""
    found = {target: wiring.records.repeat_verdicts(DocumentId(target)) for target in targets}
    if json:
        show([{"id": target, "verdicts": verdicts} for target, verdicts in found.items()])
    else:
        for target, verdicts in found.items():
            out.print(target if verdicts else f"{target}: chưa lưu kết luận nào")
            for one in verdicts:
                colour = "green" if one.same else "red"
                told = "như cũ" if one.same else f"khác: {'; '.join(' '.join(d) for d in one.differences)}"
                out.print(f"   [{colour}]{one.verdict}[/{colour}] {one.name} {told}")
    if not all(verdicts and all(one.same for one in verdicts) for verdicts in found.values()):
        sys.exit(EXIT_PARTLY)


def _counted(reports: Iterable[VerificationReport], bad: list[int]) -> Iterator[VerificationReport]:
    """The same reports; `bad` has an entry for each that did not pass."""
    for report in reports:
        if report.verdict != Verdict.PASSED:
            bad.append(1)
        yield report


def verify_archive(wiring: Wiring, *, anew: bool) -> Callable[[], Iterator[VerificationReport]]:
    """The whole archive is judged; then what gives its reports, one after the other as they were kept."""
    from app.verify_run import Run, head_of, verify_all  # noqa: PLC0415 for those alone who verify all
    from registry import documents  # noqa: PLC0415
    from registry.database import read  # noqa: PLC0415

    with read(wiring.engine) as conn:
        total = documents.count_archived(conn)
    columns = (TextColumn("Kiểm tra…"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Run.open(wiring.folder("work") / "verify", head_of(wiring), anew=anew) as run:
        done = sum(run.counted.values())
        if run.resumed:
            err.print(f"Làm tiếp lượt bắt đầu lúc {run.head.started_at}: đã xong {done}. --anew làm lại từ đầu.")
        with Progress(*columns, console=err, transient=True) as progress:
            bar = progress.add_task("", total=max(total, done), completed=done)
            end = verify_all(wiring, run, actor=actor(), progress=lambda number: progress.advance(bar, number))
        told = ", ".join(f"{number} {verdict}" for verdict, number in sorted(end.verdicts.items()))
        err.print(f"{end.records} tài liệu: {told or 'kho trống'}.")
    return run.reports


def _each(wiring: Wiring, targets: list[str]) -> Iterator[VerificationReport]:
    for target in targets:
        if Path(target).is_file():
            yield wiring.records.examine_file(Path(target))
        else:
            yield wiring.records.examine(DocumentId(target))


def tell(report: VerificationReport) -> None:
    """A report on stdout: the verdict, each check, and what to do about those that did not hold."""
    colour = COLOURS[report.verdict]
    out.print(f"[{colour}]{report.verdict}[/{colour}] {report.sub_indication or ''} {report.document_id}")
    for check in report.checks:
        detail = "" if check.ok is True or check.detail in TECHNICAL else check.detail
        out.print(f"   {mark(check)} {CHECKS.get(check.name, check.name)} {detail}".rstrip(), markup=False)
        if told := advice(check, ours=report.ours):
            out.print(f"     → {told}", markup=False)


def as_json(report: VerificationReport) -> dict[str, Any]:
    """A report as `--json` tells it: each check with what to do about it."""
    told = report.model_dump(mode="json", exclude={"document_id", "checks"})
    checks = [{**check.model_dump(mode="json"), "advice": advice(check, ours=report.ours)} for check in report.checks]
    return {"id": report.document_id, **told, "checks": checks}
