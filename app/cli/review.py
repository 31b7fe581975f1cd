"""show, review: one document, and the human check."""

from __future__ import annotations

from typing import Annotated

import typer

from app.cli.output import Home, Json, actor, err, out, show, table
from app.cli.reading_for import Dossier, For, terminal, told_purpose
from app.web import words
from app.wiring import opened
from pipeline.run_lock import runner_is_alive
from registry import documents, reads, reuse_events
from registry.database import read, write
from registry.errors import Conflict
from registry.reads import Why
from registry.values import CopyForm, CopyOf, DocumentId, DocumentState


def show_document(
    document_id: str, home: Home, why: For = Why.OPERATION, dossier: Dossier = "", json: Json = False
) -> None:
    """Một tài liệu: tình trạng, trường thông tin, chữ ký, nhật ký. Lượt xem được ghi nhật ký kèm mục đích."""
    purpose = told_purpose(why, dossier)
    with opened(home) as wiring:
        with read(wiring.engine) as conn:
            record = documents.get(conn, document_id)
            reused = reuse_events.of_document(conn, document_id)
        with write(wiring.engine) as conn:
            reads.note(conn, "show", record.id, record.unit, terminal(), purpose)
    if json:
        show({**record.model_dump(mode="json"), "reuse_events": [e.model_dump(mode="json") for e in reused]})
        return
    out.print(f"[bold]{record.title}[/bold]  ({record.state})")
    if record.archived_at is not None:
        out.print(f"Bảo quản: {words.kept_until(record.retain_until)}")
    if record.held_at is not None:
        out.print(f"Đang giữ theo yêu cầu pháp lý, bởi {record.held_by}: {record.held_why}", markup=False)
    if record.pages is not None:
        out.print(f"{words.pages(record.pages)} của tệp quét")
    if record.arrived is not None:
        out.print(f"Bản nhận đã ký số: {record.arrived.verdict} {record.arrived.sub_indication or ''}")
        for signature in record.arrived.signatures:
            level = signature.level or signature.sub_filter
            out.print(f"   {signature.indication} {signature.signed_by} ({level})", markup=False)
    elif record.copied is not None:
        of = f" của {record.copied.source}, {words.pages(record.copied.source_pages)}" if record.copied.source else ""
        out.print(f"{record.copied.form.words} {record.copied.number or ''}{of}")
    table(
        ("Trường", "Giá trị", "Tin cậy", "Trang"),
        [(n, v.value, f"{v.confidence:.2f}", (v.page_index or 0) + 1) for n, v in record.fields.items()],
    )
    table(("Sự kiện", "Lúc", "Bởi", "Kết quả"), [(e.type, e.at, e.agent, e.outcome) for e in record.events])


def list_waiting(home: Home, json: Json = False) -> None:
    """Tài liệu chờ người kiểm tra, cũ nhất trước."""
    with opened(home) as wiring, read(wiring.engine) as conn:
        rows = documents.by_state(conn, DocumentState.REVIEW)
    if json:
        show([{"id": r.id, "title": r.title, "unit": r.unit, "reasons": r.review_reasons} for r in rows])
    else:
        table(
            ("Mã", "Tài liệu", "Vì sao"),
            [(r.id, r.title, ", ".join(map(words.review_reason, r.review_reasons))) for r in rows],
        )


def approve(
    document_id: str,
    home: Home,
    form: Annotated[
        CopyForm | None, typer.Option(help="Hình thức sao: sao-y (mặc định), hoặc sao-luc khi sao từ bản sao y.")
    ] = None,
    number: Annotated[str | None, typer.Option(help="Số bản sao trong sổ, ví dụ 05/SY-UBND.")] = None,
    json: Json = False,
) -> None:
    """Duyệt: tài liệu được ký và lưu kho."""
    with opened(home) as wiring:
        told = copy_told(form, number, wiring.records.record(DocumentId(document_id)).copied)
        wiring.records.approve(DocumentId(document_id), actor(), told)
        _done(document_id, "approved", alive=runner_is_alive(wiring.settings.home), json=json)


def copy_told(form: CopyForm | None, number: str | None, held: CopyOf | None) -> CopyOf | None:
    """What a person said of the copy; None when nothing."""
    if form is None and number is None:
        return None
    return CopyOf(form=form or (held or CopyOf()).form, number=number or None)


def make_extract(
    document_id: str,
    home: Home,
    pages: Annotated[str, typer.Option(help="Các trang, đếm từ 1: 2,4-5.")],
    number: Annotated[str | None, typer.Option(help="Số bản sao trong sổ, ví dụ 05/TrS-UBND.")] = None,
    why: For = Why.OPERATION,
    dossier: Dossier = "",
    json: Json = False,
) -> None:
    """Trích sao: các trang được chọn của một tài liệu trong kho thành tài liệu mới, liên kết với tài liệu nguồn."""
    purpose = told_purpose(why, dossier)
    with opened(home) as wiring:
        wanted = words.page_indexes(pages)
        receipt = wiring.records.make_extract(
            DocumentId(document_id), wanted, reader=terminal(), purpose=purpose, number=number
        )
        alive = runner_is_alive(wiring.settings.home)
    if json:
        show({"source": document_id, "status": str(receipt.outcome), "scan": receipt.scan_id})
    if not alive:
        err.print("Đã ghi nhận. Sẽ đọc, ký và lưu kho khi `sohoa run` chạy.")


def correct(
    document_id: str,
    values: Annotated[list[str], typer.Argument(metavar="TRƯỜNG=GIÁ_TRỊ…")],
    home: Home,
    json: Json = False,
) -> None:
    """Sửa giá trị; giá trị máy đọc được giữ bên cạnh."""
    told = dict(v.partition("=")[::2] for v in values)
    if any("=" not in v for v in values):
        raise Conflict("values are written field=value")
    with opened(home) as wiring:
        wiring.records.correct(DocumentId(document_id), told, actor())
        _done(document_id, "corrected", alive=True, json=json)


def reject(document_id: str, home: Home, why: Annotated[str, typer.Option(help="Lý do.")], json: Json = False) -> None:
    """Trả lại: bản quét vào khu cách ly, tệp gốc được giữ."""
    with opened(home) as wiring:
        wiring.records.reject(DocumentId(document_id), why, actor())
        _done(document_id, "rejected", alive=True, json=json)


def _done(document_id: str, state: str, *, alive: bool, json: bool) -> None:
    if json:
        show({"id": document_id, "state": state})
    if not alive:
        err.print("Đã ghi nhận. Sẽ ký và lưu kho khi `sohoa run` chạy.")
