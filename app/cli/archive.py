"""verify: does a record hold? And all of them?"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from app.cli.output import EXIT_FAILED, EXIT_PARTLY, EXIT_USAGE, Home, Json, actor, as_lines, err, out, show
from app.verdicts import CHECKS, TECHNICAL, advice, mark
from app.wiring import opened
from config.messages import sentence
from registry.errors import FileMissing, NotArchived, RecordDisposed, RecordUnknown
from registry.values import DocumentId, Value, Verdict, vietnam_date

if TYPE_CHECKING:
    from app.wiring import Wiring
    from pipeline.verification import VerificationReport

T = TypeVar("T")
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
    """Kết luận về từng tài liệu: nguyên vẹn, chữ ký, chuỗi chứng thư, dấu thời gian, bản gốc, nhật ký.

    Mã thoát 3 khi có tài liệu không đạt hoặc không kiểm tra được, 1 khi không kiểm tra được tài liệu nào.
    """
    wrong = _misuse(targets or [], everything=everything, anew=anew, report=report, keep=keep, repeat=repeat)
    if wrong:
        err.print(wrong, markup=False)
        sys.exit(EXIT_USAGE)
    with opened(home) as wiring:
        if report is not None:
            from app.reporting.files import require_kind, write_report  # noqa: PLC0415 for those alone who file one

            require_kind(report)
        if repeat:
            _repeat(wiring, targets or [], json=json)
            return
        found: list[VerificationReport] = []
        unchecked: list[Unchecked] = []
        if everything:
            reports = verify_archive(wiring, anew=anew)
            what = "Toàn bộ kho lưu trữ"
        else:
            found = list(_each(wiring, targets or [], unchecked))
            reports, what = (lambda: iter(found)), ", ".join(Path(one.document_id).name for one in found)
        if report is not None and (everything or found):
            write_report(wiring, report, reports, what=what, made_by=actor())
            err.print(f"Báo cáo: {report}")
        for document_id in (one.document_id for one in found) if keep else ():
            name = wiring.records.keep_verdict(DocumentId(document_id), actor())
            err.print(f"{document_id}: đã lưu {name}")
        failed = _tell_all(reports(), unchecked, everything=everything, json=json)
    if unchecked and not found:
        sys.exit(EXIT_FAILED)
    if failed or unchecked:
        sys.exit(EXIT_PARTLY)


def _tell_all(
    reports: Iterable[VerificationReport], unchecked: list[Unchecked], *, everything: bool, json: bool
) -> bool:
    """All of it on stdout, of the whole archive to people only what did not pass; whether there was any such."""
    bad: list[int] = []
    counted = _counted(reports, bad)
    if json:
        as_lines(chain((as_json(one) for one in counted), unchecked))
        return bool(bad)
    for one in counted:
        if not everything or one.verdict != Verdict.PASSED:
            tell(one)
    _tell_unchecked(unchecked)
    return bool(bad)


def _tell_unchecked(unchecked: list[Unchecked]) -> None:
    for missed in unchecked:
        err.print(f"{missed.id}: {missed.error['message']}", markup=False)


class Unchecked(Value):
    """A target of which there is no verdict, and why: the code and the operator's sentence."""

    id: str
    error: dict[str, str]


def _misuse(targets: list[str], *, everything: bool, anew: bool, report: Path | None, keep: bool, repeat: bool) -> str:
    """What is wrong with the request, so that no part of it is passed over in silence; empty when nothing is."""
    named = (keep or repeat) and any(_is_path(target) for target in targets)
    wrongs = (
        (
            not targets and not everything,
            "Chưa nói kiểm tra gì: hãy cho mã tài liệu hoặc tệp PDF, hoặc --all cho cả kho.",
        ),
        (targets and everything, "Hãy chọn một: mã tài liệu và tệp PDF, hoặc --all cho cả kho."),
        (anew and not everything, "--anew chỉ đi cùng --all."),
        (
            everything and (keep or repeat),
            "--keep và --repeat làm với từng tài liệu: hãy cho mã tài liệu thay cho --all.",
        ),
        (
            repeat and (keep or report is not None),
            "--repeat chỉ hỏi lại các kết luận đã lưu, không đi cùng --keep hay --report.",
        ),
        (named, "--keep và --repeat chỉ làm với hồ sơ trong kho: hãy cho mã tài liệu, không phải tệp PDF."),
    )
    return next((told for wrong, told in wrongs if wrong), "")


def _is_path(target: str) -> bool:
    """Whether a file is meant: an id has neither dots nor slashes."""
    return Path(target).exists() or any(sign in target for sign in "./\\")


def _repeat(wiring: Wiring, targets: list[str], *, json: bool) -> None:
    """What is kept is asked again; exit 3 when an answer is another, or there is none."""
    unchecked: list[Unchecked] = []
    found = dict(_asked(targets, lambda target: wiring.records.repeat_verdicts(DocumentId(target)), unchecked))
    if json:
        show([{"id": target, "verdicts": verdicts} for target, verdicts in found.items()] + [*unchecked])
    else:
        for target, verdicts in found.items():
            out.print(target if verdicts else f"{target}: chưa lưu kết luận nào")
            for one in verdicts:
                colour = "green" if one.same else "red"
                told = "như cũ" if one.same else f"khác: {'; '.join(' '.join(d) for d in one.differences)}"
                out.print(f"   [{colour}]{one.verdict}[/{colour}] {one.name} {told}")
        _tell_unchecked(unchecked)
    if unchecked and not found:
        sys.exit(EXIT_FAILED)
    if unchecked or not all(verdicts and all(one.same for one in verdicts) for verdicts in found.values()):
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


def _each(wiring: Wiring, targets: list[str], unchecked: list[Unchecked]) -> Iterator[VerificationReport]:
    def examine(target: str) -> VerificationReport:
        if Path(target).is_file():
            return wiring.records.examine_file(Path(target))
        if _is_path(target):
            raise FileMissing(target)
        return wiring.records.examine(DocumentId(target))

    for _, report in _asked(targets, examine, unchecked):
        yield report


def _asked(targets: list[str], ask: Callable[[str], T], unchecked: list[Unchecked]) -> Iterator[tuple[str, T]]:
    """The answer for each target. What was mistyped, is gone by right or is not there yet is added to `unchecked`: it
    keeps the others from nothing, and no verdict is given on it."""
    for target in targets:
        try:
            yield target, ask(target)
        except (FileMissing, RecordUnknown, RecordDisposed, NotArchived) as exc:
            message = sentence(exc.code)
            if isinstance(exc, RecordDisposed) and exc.decision:
                on = f", ngày {vietnam_date(exc.at):%d/%m/%Y}" if exc.at else ""
                message += f" Quyết định {exc.decision}{on}."
            unchecked.append(Unchecked(id=target, error={"code": exc.code, "message": message}))


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
