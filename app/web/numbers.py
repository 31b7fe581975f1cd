"""Indicators per unit, each beside its definition and target, each opening to the dossiers it counts."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.responses import HTMLResponse

from app.web.visit import Visit, allowed
from metrics.indicators import by_unit, definitions
from registry import documents, dossiers
from registry.database import read
from registry.errors import NotFound

router = APIRouter()
SHOWN = 500


@router.get("/indicators")
def indicators(
    visit: Annotated[Visit, Depends(allowed("indicators"))],
    unit: str = "",
    start: date | None = None,
    end: date | None = None,
) -> HTMLResponse:
    """The unit chosen in full, and one bar for each unit below it. From the year's first day when nothing is said."""
    root, first, last = _asked(visit, unit, start, end)
    with read(visit.wiring.engine) as conn:
        values = by_unit(conn, visit.wiring.catalogue, root, first, last)
    return visit.page(
        "indicators.html",
        root=root,
        start=first,
        end=last,
        chosen=values[root],
        below={code: shown for code, shown in values.items() if code != root},
        definitions=definitions(),
    )


@router.get("/indicators/{code}/{part}")
def behind(
    code: str,
    part: str,
    visit: Annotated[Visit, Depends(allowed("indicators"))],
    unit: str = "",
    start: date | None = None,
    end: date | None = None,
) -> HTMLResponse:
    """The very dossiers that the number counts, with their documents."""
    root, first, last = _asked(visit, unit, start, end)
    codes = visit.wiring.records.indicator_items(code, root, first, last, part)
    with read(visit.wiring.engine) as conn:
        rows = dossiers.by_codes(conn, codes[:SHOWN])
        papers: dict[str, list[documents.DocumentRow]] = {}
        for paper in documents.of_dossiers(conn, codes[:SHOWN]):
            papers.setdefault(paper.dossier_code or "", []).append(paper)
    return visit.page(
        "indicator_items.html",
        definition=definitions()[code],
        part=part,
        root=root,
        start=first,
        end=last,
        dossiers=rows,
        total=len(codes),
        papers=papers,
        procedures={p.code: p.name for p in visit.wiring.catalogue.procedures},
    )


def _asked(visit: Visit, unit: str, start: date | None, end: date | None) -> tuple[str, date, date]:
    """Unit and period, as asked or as usual. Raises NotFound for a unit outside the account's."""
    root = unit or visit.user.unit or visit.unit_list[0].code
    if root not in visit.units:
        raise NotFound("outside the account's units")
    last = end or visit.today
    return root, start or last.replace(month=1, day=1), last
