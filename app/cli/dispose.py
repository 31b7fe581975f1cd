"""archive dispose: records whose days are over are removed, by a recorded decision of two people."""

from __future__ import annotations

import sys
from typing import Annotated, NoReturn

import typer
from rich.progress import Progress

from app.cli.login import By, PasswordFile, keeper
from app.cli.output import EXIT_FAILED, EXIT_PARTLY, Home, Json, err, out, show, table
from app.wiring import Wiring, opened
from config.messages import sentence
from pipeline import disposal
from pipeline.disposal import CarriedOut
from registry import disposals
from registry.database import read
from registry.errors import NotDue
from registry.values import DocumentId, utc_now, vietnam_date

Unit = Annotated[str | None, typer.Option("--unit", help="Chỉ của đơn vị này và các đơn vị bên dưới.")]
Limit = Annotated[int, typer.Option("--limit", min=1, max=disposal.MOST_RECORDS, help="Nhiều nhất bấy nhiêu.")]
Decision = Annotated[str, typer.Argument(metavar="MÃ", help="Mã của đề nghị.")]


def list_due(home: Home, unit: Unit = None, limit: Limit = 500, json: Json = False) -> None:
    """Tài liệu hết thời hạn bảo quản, có thể đề nghị tiêu hủy. Không thay đổi gì."""
    today = vietnam_date(utc_now())
    with opened(home) as wiring:
        while disposal.learn_retention(wiring.engine, wiring.store):
            pass
        with read(wiring.engine) as conn:
            units = wiring.catalogue.subtree(unit, today) if unit else None
            rows = disposals.due(conn, today, units=units, limit=limit)
            total = disposals.count_due(conn, today, units=units)
    if json:
        show({"total": total, "due": [row.model_dump(mode="json") for row in rows]})
        return
    table(
        ("Mã", "Tài liệu", "Đơn vị", "Thời hạn", "Giữ đến hết"),
        [(r.id, r.title, r.unit, r.retention_class, r.retain_until) for r in rows],
    )
    out.print(f"{len(rows)} / {total} tài liệu hết thời hạn. Chưa có gì bị tiêu hủy.")


def propose(
    home: Home,
    basis: Annotated[str, typer.Option("--basis", help="Căn cứ: số quyết định, biên bản hội đồng.")],
    by: By,
    ids: Annotated[list[str] | None, typer.Argument(metavar="MÃ…", help="Mã tài liệu.")] = None,
    all_due: Annotated[bool, typer.Option("--all-due", help="Tất cả những gì `list` kể ra.")] = False,
    unit: Unit = None,
    limit: Limit = 500,
    password_file: PasswordFile = None,
    json: Json = False,
) -> None:
    """Đề nghị tiêu hủy; người khác phải duyệt. Một tài liệu chưa được tiêu hủy thì chưa đề nghị gì."""
    today = vietnam_date(utc_now())
    with opened(home) as wiring:
        user = keeper(wiring, by, password_file)
        wanted = [DocumentId(i) for i in ids or []]
        if all_due:
            with read(wiring.engine) as conn:
                units = wiring.catalogue.subtree(unit, today) if unit else None
                wanted += [row.id for row in disposals.due(conn, today, units=units, limit=limit)]
        try:
            made = disposal.propose(wiring.engine, wiring.homes, wanted, basis=basis, by=user.username)
        except NotDue as exc:
            _tell_refused(exc, json=json)
    if json:
        show({"id": made, "state": disposals.PROPOSED, "records": len(set(wanted))})
    else:
        out.print(
            f"Đề nghị {made}: {len(set(wanted))} tài liệu. Người khác duyệt: sohoa archive dispose approve {made}"
        )


def approve(
    disposal_id: Decision,
    home: Home,
    by: By,
    yes: Annotated[bool, typer.Option("--yes", help="Không hỏi lại.")] = False,
    password_file: PasswordFile = None,
    json: Json = False,
) -> None:
    """Duyệt và tiêu hủy, không lấy lại được. Người đề nghị không duyệt được. Bị ngắt thì lần sau làm tiếp."""
    with opened(home) as wiring:
        user = keeper(wiring, by, password_file)
        with read(wiring.engine) as conn:
            row = disposals.get(conn, disposal_id)
        number = row.counted.get(disposals.PENDING, 0)
        if not yes and not typer.confirm(f"Tiêu hủy {number} tài liệu theo {row.basis}, không lấy lại được?", err=True):
            sys.exit(EXIT_FAILED)
        row = disposal.approve(wiring.engine, wiring.homes, disposal_id, by=user.username)
        if row.state == disposals.REFUSED:
            done = CarriedOut(id=disposal_id, removed=0, kept=row.counted.get(disposals.KEPT, 0), left=0)
        else:
            done = _carry_out(wiring, disposal_id, number)
        _tell(wiring, [done], json=json)


def carry_out(home: Home, json: Json = False) -> None:
    """Làm tiếp những quyết định đã duyệt mà chưa xong. `sohoa run` cũng tự làm."""
    with opened(home) as wiring:
        with read(wiring.engine) as conn:
            approved = disposals.listing(conn, (disposals.APPROVED,))
        done = [_carry_out(wiring, row.id, row.counted.get(disposals.PENDING, 0)) for row in approved]
        _tell(wiring, done, json=json)


def refuse(
    disposal_id: Decision,
    home: Home,
    why: Annotated[str, typer.Option("--why", help="Lý do.")],
    by: By,
    password_file: PasswordFile = None,
    json: Json = False,
) -> None:
    """Không duyệt, hoặc rút lại đề nghị; tài liệu vẫn ở trong kho."""
    with opened(home) as wiring:
        user = keeper(wiring, by, password_file)
        disposal.refuse(wiring.engine, disposal_id, by=user.username, why=why)
    if json:
        show({"id": disposal_id, "state": disposals.REFUSED})


def show_decisions(
    home: Home,
    disposal_id: Annotated[str | None, typer.Argument(metavar="MÃ", help="Mã của đề nghị.")] = None,
    json: Json = False,
) -> None:
    """Các đề nghị và quyết định tiêu hủy; của một quyết định thì từng tài liệu."""
    with opened(home) as wiring, read(wiring.engine) as conn:
        rows = [disposals.get(conn, disposal_id)] if disposal_id else disposals.listing(conn)
        items = disposals.items(conn, disposal_id) if disposal_id else []
    if json:
        told = [row.model_dump(mode="json") for row in rows]
        show({**told[0], "records": [i.model_dump(mode="json") for i in items]} if disposal_id else told)
        return
    table(
        ("Mã", "Căn cứ", "Tình trạng", "Đề nghị", "Duyệt", "Tài liệu"),
        [(r.id, r.basis, r.state, r.proposed_by, r.decided_by, sum(r.counted.values())) for r in rows],
    )
    if items:
        rows_of = [(i.document_id, i.state, sentence(f"disposal-{i.reason}") if i.reason else "") for i in items]
        table(("Tài liệu", "Tình trạng", "Vì sao giữ"), rows_of)


def _carry_out(wiring: Wiring, disposal_id: str, number: int) -> CarriedOut:
    with Progress(console=err, transient=True) as progress:
        bar = progress.add_task("Tiêu hủy…", total=number)
        return disposal.carry_out(wiring.disposal_site, disposal_id, progress=lambda: progress.advance(bar))


def _tell(wiring: Wiring, done: list[CarriedOut], *, json: bool) -> None:
    """Exit 3 when a record was kept, or is left because a home did not answer."""
    if json:
        show([told.model_dump(mode="json") for told in done])
    for told in done:
        if json:
            continue
        out.print(f"{told.id}: {told.removed} đã tiêu hủy, {told.kept} được giữ lại, {told.left} chưa làm được.")
        with read(wiring.engine) as conn:
            kept = disposals.items(conn, told.id, disposals.KEPT)
        for item in kept:
            out.print(f"  {item.document_id}: {sentence(f'disposal-{item.reason}')}", markup=False)
    if any(told.kept or told.left for told in done):
        sys.exit(EXIT_PARTLY)


def _tell_refused(exc: NotDue, *, json: bool) -> NoReturn:
    if json:
        show({"id": None, "state": "not-due", "refused": exc.refused})
    else:
        out.print(sentence(exc.code))
        for document_id, why in exc.refused.items():
            out.print(f"  {document_id}: {sentence(f'disposal-{why}')}", markup=False)
    sys.exit(EXIT_PARTLY)
