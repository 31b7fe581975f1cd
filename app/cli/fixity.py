"""archive audit: is every archived byte still what it was?"""

from __future__ import annotations

import re
import sys
from datetime import timedelta
from typing import Annotated

import typer
from rich.progress import Progress

from app.cli.output import EXIT_PARTLY, Home, Json, err, out, show, table
from app.wiring import opened
from pipeline import fixity as rolling
from registry import fixity
from registry.database import read
from registry.values import utc_now

SIZE = re.compile(r"^(\d+(?:[.,]\d+)?)\s*([KMGT]?)I?B?$", re.I)
SCALE = {"": 0, "K": 1, "M": 2, "G": 3, "T": 4}


def size_in_bytes(told: str) -> int:
    """500M, 20GB, 1.5 TiB or a plain number, in bytes of 1024s. Raises typer.BadParameter."""
    found = SIZE.match(told.strip())
    if found is None:
        raise typer.BadParameter("viết như 500M, 20G, 1T")
    return int(float(found[1].replace(",", ".")) * 1024 ** SCALE[found[2].upper()])


def audit_archive(
    home: Home,
    older_than: Annotated[
        int | None, typer.Option("--older-than", min=0, help="Chỉ những gì chưa đọc lại từ bấy nhiêu ngày.")
    ] = None,
    at_most: Annotated[str | None, typer.Option("--at-most", help="Dừng sau khi đọc bấy nhiêu: 500M, 20G.")] = None,
    minutes: Annotated[float | None, typer.Option("--for", min=0.01, help="Dừng sau bấy nhiêu phút.")] = None,
    anew: Annotated[bool, typer.Option("--anew", help="Đọc lại từ đầu, không nối lượt đang dở.")] = False,
    json: Json = False,
) -> None:
    """Đọc lại mọi byte trong kho và so với bản kê, lâu chưa đọc thì đọc trước. Ctrl-C dừng được; không sửa gì."""
    limit = size_in_bytes(at_most) if at_most else None
    with opened(home) as wiring, Progress(console=err, transient=True) as progress:
        whole, resumed = older_than is None, False
        # a portion takes the last listing: on a large bucket one takes longer than many a portion
        listing = None if limit or minutes else rolling.list_objects(wiring.engine, wiring.store)
        listing = listing or rolling.last_listing(wiring.engine) or rolling.list_objects(wiring.engine, wiring.store)
        if whole:
            before, resumed = rolling.begin_run(wiring.engine, anew=anew)
        else:
            before = utc_now() - timedelta(days=older_than or 0)
        with read(wiring.engine) as conn:
            bar = progress.add_task("Đọc lại kho…", total=fixity.count_due(conn, before))
        if resumed:
            err.print("Đọc tiếp lượt đang dở; --anew đọc lại từ đầu.")
        done = rolling.check_due(
            wiring.engine,
            wiring.store,
            before=before,
            at_most_bytes=limit,
            for_s=minutes * 60 if minutes else None,
            progress=lambda _found: progress.advance(bar),
        )
        with read(wiring.engine) as conn:
            left, wrong, summary = fixity.count_due(conn, before), rolling.damaged(conn), fixity.summary(conn)
        if whole and not left:
            rolling.end_run(wiring.engine)
    ok = not summary.damaged and not listing.stray_count
    counted = {f"{kind}s": done.counted.get(kind, 0) for kind in ("record", "scan", "backup")}
    if json:
        show(
            {
                "ok": ok,
                **counted,
                "others": done.checked - sum(counted.values()),
                "checked": done.checked,
                "left": left,
                "resumed": resumed,
                "bytes_read": done.bytes_read,
                "oldest": summary.oldest,
                "damaged_count": summary.damaged,
                "damaged": [
                    {"id": i, "findings": d.findings, "checked_at": d.checked_at, "bytes_read": d.bytes_read}
                    for i, d in wrong
                ],
                "stray_count": listing.stray_count,
                "strays": listing.strays,
            }
        )
    else:
        told = f"Đã đọc {counted['records']} tài liệu, {done.checked - counted['records']} gói khác"
        out.print(f"{told}, {done.bytes_read >> 20} MiB; còn {left} chưa đọc; {summary.damaged} hỏng.")
        if wrong:
            table(("Gói", "Phát hiện", "Lúc"), [(i, "; ".join(d.findings), d.checked_at) for i, d in wrong])
        for key in listing.strays:
            out.print(f"tệp lạ: {key}", markup=False)
    if not ok:
        sys.exit(EXIT_PARTLY)
