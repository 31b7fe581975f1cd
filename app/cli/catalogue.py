"""units, procedures: the catalogue in force."""

from __future__ import annotations

from app.cli.output import Home, Json, show, table
from app.wiring import opened
from registry.values import utc_now, vietnam_date


def units(home: Home, json: Json = False) -> None:
    """Các đơn vị đang hoạt động."""
    with opened(home) as wiring:
        rows = wiring.catalogue.units_on(vietnam_date(utc_now()))
    if json:
        show([{"code": u.code, "name": u.name, "level": u.level, "parent": u.parent, "inbox": u.inbox} for u in rows])
    else:
        table(("Mã", "Tên", "Cấp", "Thư mục quét"), [(u.code, u.name, u.level, u.inbox) for u in rows])


def procedures(home: Home, json: Json = False) -> None:
    """Các thủ tục đang áp dụng, với giấy tờ phải nộp và kết quả."""
    today = vietnam_date(utc_now())
    with opened(home) as wiring:
        rows = wiring.catalogue.procedures_on(today)
    if json:
        show(
            [
                {
                    "code": p.code,
                    "name": p.name,
                    "components": [{"code": c.code, "name": c.name} for c in p.components_on(today)],
                    "results": [{"code": r.code, "name": r.name} for r in p.results],
                }
                for p in rows
            ]
        )
    else:
        table(("Mã", "Tên", "Giấy tờ"), [(p.code, p.name, len(p.components_on(today))) for p in rows])
