"""audit verify, audit seal: does the log hold, and is it kept where nobody can rewrite it?"""

from __future__ import annotations

import sys
from datetime import datetime, timedelta
from typing import Annotated

import typer
from rich.progress import Progress

from app.cli.output import EXIT_PARTLY, Home, Json, actor, err, out, show, table
from app.cli.unlocking import unlock_own
from app.signers import OwnSigners
from app.web import words
from app.wiring import opened
from pipeline.sealing import seal_log
from pipeline.sealing import verify_log as verify
from registry.database import read
from registry.reads import ReadRow, find
from registry.values import VIETNAM

PROBLEMS = {
    "changed": "bị sửa",
    "chain-broken": "không nối với dòng trước",
    "missing": "bị mất",
    "inserted": "bị chèn thêm",
    "moved": "bị đổi chỗ",
    "seal-missing": "niêm phong không còn trong kho",
    "seal-changed": "niêm phong bị sửa",
    "seal-unsigned": "niêm phong do khóa không thuộc tập tin cậy ký",
    "seal-foreign": "niêm phong do chứng thư không phải của cơ quan này ký",
}


def verify_log(home: Home, json: Json = False) -> None:
    """Kiểm tra nhật ký: dòng bị sửa, mất, chèn, đảo, cắt đuôi hay tính lại cả chuỗi, so với niêm phong trong kho."""
    with opened(home) as wiring, Progress(console=err, transient=True) as progress:
        bar = progress.add_task("Đọc nhật ký…", total=None)
        found = verify(
            wiring.engine,
            wiring.store,
            wiring.trust,
            lambda rows: progress.update(bar, completed=rows),
            own=OwnSigners(wiring),
        )
    if json:
        show({"ok": found.ok, **found.model_dump(mode="json")})
    else:
        told = "nguyên vẹn" if found.ok else f"{len(found.findings)} phát hiện"
        out.print(f"{found.rows} dòng, {told}; đầu chuỗi {found.head[:16]}")
        out.print(f"{found.seals} niêm phong trong kho, đến dòng {found.sealed}.")
        if found.stamped_at:
            out.print(f"Dấu thời gian {words.instant(found.stamped_at)} chứng minh đến dòng {found.stamped_to}.")
        if found.sealed > found.stamped_to:
            out.print(f"[yellow]Dòng {found.stamped_to + 1}–{found.sealed}: niêm phong chưa có dấu thời gian.[/yellow]")
        for signer in found.signers:
            out.print(f"  ký bởi chứng thư SHA-256 {signer}")
        for finding in found.findings:
            problem = PROBLEMS.get(finding.problem, finding.problem)
            out.print(f"  dòng {finding.seq}: {problem} {finding.detail}", markup=False)
    if not found.ok:
        sys.exit(EXIT_PARTLY)


def reads(
    home: Home,
    document: Annotated[str | None, typer.Option(help="Chỉ tài liệu này.")] = None,
    account: Annotated[str | None, typer.Option(help="Chỉ tài khoản này.")] = None,
    begin: Annotated[datetime | None, typer.Option("--from", formats=["%Y-%m-%d"])] = None,
    end: Annotated[datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="Đến hết ngày.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000)] = 200,
    json: Json = False,
) -> None:
    """Ai đã xem giấy tờ nào, khi nào, để làm gì; mới nhất trước."""
    with opened(home) as wiring, read(wiring.engine) as conn:
        found = find(
            conn,
            document_id=document,
            account=account,
            begin=begin.replace(tzinfo=VIETNAM) if begin else None,
            end=end.replace(tzinfo=VIETNAM) + timedelta(days=1) if end else None,
            limit=limit,
        )
    if json:
        show(found)
        return
    table(
        ("Lúc", "Tài khoản", "Việc", "Tài liệu", "Mục đích"),
        [
            (words.instant(r.at), r.account, words.ACTIONS[r.action], _read(r), words.purpose(r.model_dump()))
            for r in found
        ],
    )


def _read(row: ReadRow) -> str:
    """What was read: the document, or how many an answer showed."""
    return row.document_id or (row.shown[0] if len(row.shown) == 1 else f"{len(row.shown)} tài liệu")


def seal(home: Home, json: Json = False) -> None:
    """Niêm phong nhật ký ngay: dòng mới được ký, đóng dấu thời gian, khóa trong kho; `sohoa run` tự làm mỗi ngày."""
    with opened(home) as wiring:
        unlock_own(wiring)
        made = seal_log(wiring.workshop, actor=actor())
    if json:
        show(made)
    elif made is None:
        out.print("Không có dòng nào mới.")
    else:
        stamped = "có dấu thời gian" if made.stamped else "chưa có dấu thời gian"
        out.print(f"Niêm phong {made.number}: dòng {made.first_seq}–{made.last_seq}, {stamped}.")
