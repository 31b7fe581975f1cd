"""sign: documents whose signature an official makes on another machine."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError

from app.cli.output import EXIT_PARTLY, Home, Json, actor, err, out, show, table
from app.web import words
from app.wiring import opened
from config.messages import sentence
from pipeline import deferred
from pipeline.deferred import Answers, Refusal
from pipeline.run_lock import runner_is_alive
from registry.errors import AnswerRefused
from registry.values import DocumentId


def list_waiting(
    home: Home, unit: Annotated[str | None, typer.Option(help="Chỉ của đơn vị này.")] = None, json: Json = False
) -> None:
    """Tài liệu chờ cán bộ ký số trên máy của mình, cũ nhất trước."""
    with opened(home) as wiring:
        found = deferred.waiting(wiring.workshop, None if unit is None else {unit})
    if json:
        show(found)
    else:
        rows = [(w.document_id, w.title, w.unit, words.instant(w.since), w.asked_by or "") for w in found]
        table(("Mã", "Tài liệu", "Đơn vị", "Chờ từ", "Đã lấy"), rows)


def fetch(
    home: Home,
    certificate: Annotated[
        Path, typer.Option(exists=True, dir_okay=False, help="Chứng thư của người ký (PEM hoặc DER).")
    ],
    documents: Annotated[
        list[str] | None, typer.Argument(metavar="MÃ…", help="Không ghi: mọi tài liệu đang chờ.")
    ] = None,
    unit: Annotated[str | None, typer.Option(help="Chỉ của đơn vị này.")] = None,
    output: Annotated[Path | None, typer.Option(help="Tệp gói ký; không ghi: in ra màn hình.")] = None,
    json: Json = False,
) -> None:
    """Lấy gói ký: mã băm của các tài liệu, để phần mềm ký trên máy của cán bộ ký. Lấy lại được nhiều lần."""
    units = None if unit is None else {unit}
    with opened(home) as wiring:
        shop = wiring.workshop
        ids = documents or [w.document_id for w in deferred.waiting(shop, units)]
        batch = deferred.fetch(shop, ids, certificate.read_bytes(), actor=actor(), units=units)
    if output is not None:
        output.write_text(batch.model_dump_json(indent=1), encoding="utf-8")
    if json or output is None:
        show(batch)
    else:
        out.print(f"{len(batch.requests)} tài liệu trong gói ký [bold]{output}[/bold].")
    _tell(batch.refused)


def answer(
    home: Home,
    answers: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="Tệp chữ ký do phần mềm ký tạo.")],
    json: Json = False,
) -> None:
    """Nộp chữ ký: chữ ký đúng thì tài liệu được lưu kho, chữ ký sai bị từ chối kèm lý do."""
    try:
        told = Answers.model_validate_json(answers.read_bytes())
    except ValidationError as exc:
        raise AnswerRefused("answer-unreadable") from exc
    with opened(home) as wiring:
        taken = deferred.take(wiring.workshop, told, actor=actor(), units=None)
        alive = runner_is_alive(wiring.settings.home)
    if json:
        show(taken)
    else:
        out.print(f"Đã nhận {len(taken.accepted)} chữ ký.")
    if taken.accepted and not alive:
        err.print("Sẽ lưu kho khi `sohoa run` chạy.")
    _tell(taken.refused)


def send_back(document_id: str, home: Home, json: Json = False) -> None:
    """Không ký: tài liệu trở lại bước kiểm tra, gói ký đã lấy không còn giá trị."""
    with opened(home) as wiring:
        deferred.send_back(wiring.workshop, DocumentId(document_id), actor=actor(), units=None)
    if json:
        show({"id": document_id, "state": "review"})


def _tell(refused: tuple[Refusal, ...]) -> None:
    for one in refused:
        err.print(f"[red]{one.subject}:[/red] {sentence(one.code)}")
    if refused:
        sys.exit(EXIT_PARTLY)
