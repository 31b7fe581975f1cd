"""archive renew: signatures of archived records raised to their level, timestamps renewed before they end."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated

import typer
from rich.progress import Progress

from app.cli.output import EXIT_PARTLY, Home, Json, err, out, show, table
from app.wiring import Wiring, opened
from config.messages import level_sentence
from pipeline.renewal import ALARMS_DAYS, Renewed, measure, renew_record
from registry import levels
from registry.database import read
from registry.values import DocumentId, utc_now, vietnam_date
from signing.policy import POLICY

MOST = 1_000_000


def renew(
    home: Home,
    ids: Annotated[list[str] | None, typer.Argument(metavar="MÃ…", help="Mã tài liệu; không có: theo hạn.")] = None,
    due_within: Annotated[
        int, typer.Option("--due-within", min=0, help="Dấu thời gian hết hạn trong bấy nhiêu ngày tới.")
    ] = ALARMS_DAYS[0],
    calendar: Annotated[bool, typer.Option("--calendar", help="Chỉ in lịch: mỗi tháng bao nhiêu tài liệu.")] = False,
    json: Json = False,
) -> None:
    """Nâng chữ ký chưa đạt mức và gia hạn dấu thời gian lưu trữ sắp hết hạn, thành phiên bản mới của hồ sơ lưu.

    Ctrl-C dừng được; chạy lại thì làm tiếp phần còn lại. Mã thoát 3 khi có tài liệu chưa làm được.
    """
    with opened(home) as wiring:
        if calendar:
            _show_calendar(wiring, json=json)
            return
        with read(wiring.engine) as conn:
            unknown = [] if ids else levels.unmeasured(conn, POLICY.version, MOST)
        for document_id in unknown:
            measure(wiring.workshop, document_id)
        picked = [DocumentId(i) for i in ids or ()]
        told = list(_each(wiring, picked or _due(wiring, due_within), due=not picked))
        left = 0 if ids else len(_due(wiring, due_within))
    done, failed = [r for r in told if r.ok], [r for r in told if not r.ok]
    if json:
        show(
            {
                "renewed": [r.model_dump(mode="json", exclude={"ok", "why"}) for r in done],
                "failed": [{"id": r.id, "why": r.why} for r in failed],
                "left": left,
            }
        )
    else:
        for record in failed:
            out.print(f"{record.id}: {level_sentence(record.why)} ({record.why})", markup=False)
        out.print(f"{len(done)} tài liệu đã nâng hoặc gia hạn, {len(failed)} chưa được.")
    if failed:
        sys.exit(EXIT_PARTLY)


def _due(wiring: Wiring, days: int) -> list[DocumentId]:
    """What is below the wanted level, and what ends within so many days; each once. Pauses are not looked at: a person
    asks."""
    until = vietnam_date(utc_now()) + timedelta(days=days)
    with read(wiring.engine) as conn:
        found = levels.to_raise(conn, wiring.settings.signing.level, MOST) + levels.to_renew(conn, until, MOST)
    return list(dict.fromkeys(found))


def _each(wiring: Wiring, ids: list[DocumentId], *, due: bool) -> Iterator[Renewed]:
    with Progress(console=err, transient=True) as progress:
        bar = progress.add_task("Gia hạn…", total=len(ids))
        for document_id in ids:
            yield renew_record(wiring.workshop, document_id, due=due)
            progress.advance(bar)


def _show_calendar(wiring: Wiring, *, json: bool) -> None:
    with read(wiring.engine) as conn:
        months = levels.calendar(conn)
    if json:
        show([{"month": m.month, "number": m.number} for m in months])
    else:
        table(("Tháng", "Tài liệu phải gia hạn trước"), [(m.month, m.number) for m in months])
