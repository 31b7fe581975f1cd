"""archive hold, release: what must be kept, whatever its retention says."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from typing import Annotated

import typer

from app.cli.login import By, PasswordFile, keeper
from app.cli.output import EXIT_PARTLY, Home, Json, out, show, table
from app.wiring import opened
from config.messages import sentence
from pipeline import holds
from registry import documents
from registry.database import read
from registry.errors import SohoaError
from registry.values import DocumentId

Ids = Annotated[list[str], typer.Argument(metavar="MÃ…", help="Mã tài liệu.")]
Why = Annotated[str, typer.Option("--why", help="Theo yêu cầu nào (số văn bản); không ghi tên công dân.")]


def hold(ids: Ids, home: Home, why: Why, by: By, password_file: PasswordFile = None, json: Json = False) -> None:
    """Giữ lại theo yêu cầu pháp lý: không ai tiêu hủy được cho đến khi thôi giữ."""
    with opened(home) as wiring:
        user = keeper(wiring, by, password_file)
        lay = partial(holds.lay, wiring.engine, wiring.homes, why=why, by=user.username)
        _each(ids, "held", lay, json=json)


def release(ids: Ids, home: Home, why: Why, by: By, password_file: PasswordFile = None, json: Json = False) -> None:
    """Thôi giữ theo yêu cầu pháp lý: thời hạn bảo quản lại quyết định."""
    with opened(home) as wiring:
        user = keeper(wiring, by, password_file)
        lift = partial(holds.lift, wiring.engine, wiring.homes, why=why, by=user.username)
        _each(ids, "released", lift, json=json)


def list_held(home: Home, json: Json = False) -> None:
    """Tài liệu đang giữ theo yêu cầu pháp lý, lâu nhất trước."""
    with opened(home) as wiring, read(wiring.engine) as conn:
        rows = documents.held(conn)
    if json:
        show([{"id": r.id, "held_at": r.held_at, "held_by": r.held_by, "why": r.held_why} for r in rows])
    else:
        told = [(r.id, r.title, r.held_at, r.held_by, r.held_why) for r in rows]
        table(("Mã", "Tài liệu", "Từ lúc", "Bởi", "Theo"), told)


def _each(ids: list[str], done: str, do: Callable[[DocumentId], None], *, json: bool) -> None:
    """Each by itself: what cannot be done for one does not keep the others. Exit 3 when some could not."""
    told: list[dict[str, object]] = []
    for document_id in ids:
        try:
            do(DocumentId(document_id))
            told.append({"id": document_id, "state": done, "error": None})
        except SohoaError as exc:
            told.append({"id": document_id, "state": "refused", "error": {"code": exc.code, "message": str(exc)}})
            if not json:
                out.print(f"{document_id}: {sentence(exc.code)} ({exc})", markup=False)
    if json:
        show(told)
    else:
        out.print(f"{sum(1 for t in told if not t['error'])} / {len(ids)} tài liệu.")
    if any(t["error"] for t in told):
        sys.exit(EXIT_PARTLY)
