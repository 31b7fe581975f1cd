"""search, reuse, index: what is held, and what need not be brought."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer
from rich.markup import escape

from app.cli.output import Home, Json, actor, err, out, show, show_rebuilt
from app.rebuild import rebuild_index
from app.wiring import opened
from registry.values import DocumentId, utc_now, vietnam_date
from search.index import SearchHit, SearchRequest

HELD = {
    "usable": "dùng lại được",
    "purpose": "dùng được nếu đúng mục đích ghi trong giấy",
    "expired": "hết hạn",
    "withdrawn": "đã thu hồi",
    "replaced": "đã được thay bằng giấy khác",
    "not-yet-issued": "cấp sau ngày tiếp nhận",
    "signature": "chữ ký chưa đạt TOTAL-PASSED",
}


def register(app: typer.Typer) -> None:
    app.command("search")(search)
    group = typer.Typer(help="Tái sử dụng giấy tờ.", no_args_is_help=True)
    group.command("check")(check)
    group.command("record")(record)
    app.add_typer(group, name="reuse")
    index = typer.Typer(help="Chỉ mục tìm kiếm.", no_args_is_help=True)
    index.command("rebuild")(rebuild)
    app.add_typer(index, name="index")


def search(
    query: str,
    home: Home,
    unit: Annotated[str | None, typer.Option()] = None,
    kind: Annotated[str | None, typer.Option("--type")] = None,
    owner: Annotated[str | None, typer.Option()] = None,
    issued_from: Annotated[str | None, typer.Option("--from")] = None,
    issued_to: Annotated[str | None, typer.Option("--to")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000)] = 20,
    json: Json = False,
) -> None:
    """Tìm trong kho: có dấu hay không dấu, số ký hiệu, họ tên theo thứ tự bất kỳ, "cụm từ"."""
    with opened(home) as wiring:
        units = wiring.catalogue.subtree(unit, vietnam_date(utc_now())) if unit else None
        found = wiring.index.search(
            SearchRequest(
                query=query,
                units=units,
                kind=kind,
                owner=owner,
                issued_from=issued_from,
                issued_to=issued_to,
                limit=limit,
            )
        )
    if json:
        hits = [{"id": h.document_id, **h.model_dump(mode="json", exclude={"document_id"})} for h in found.hits]
        show({"total": found.total, "hits": hits, "facets": found.facets, "fuzzy": found.fuzzy})
        return
    out.print(f"{found.total} kết quả{' (gần đúng)' if found.fuzzy else ''}")
    for hit in found.hits:
        out.print(f"[bold]{escape(hit.title)}[/bold]  {hit.issued_on or ''}  [dim]{hit.document_id}[/dim]")
        out.print(f"   {_marked(hit)}")


def check(
    home: Home,
    owner: Annotated[str, typer.Option(help="Số định danh hoặc CMND.")],
    procedure: Annotated[str, typer.Option(help="Mã thủ tục.")],
    on: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Ngày tiếp nhận.")] = None,
    unit: Annotated[str | None, typer.Option()] = None,
    json: Json = False,
) -> None:
    """Người dân không phải mang lại giấy tờ nào?"""
    with opened(home) as wiring:
        day = on.date() if on else vietnam_date(utc_now())
        units = wiring.catalogue.subtree(unit, day) if unit else None
        answer = wiring.records.reuse_check(owner, procedure, day, units, actor=actor(), unit=unit)
    if json:
        components = [
            {
                **c.model_dump(mode="json", exclude={"candidates"}),
                "candidates": [
                    {"id": x.document_id, **x.model_dump(mode="json", exclude={"document_id"})} for x in c.candidates
                ],
            }
            for c in answer.components
        ]
        show({"procedure": answer.procedure, "on": answer.on, "components": components})
        return
    out.print(f"[bold]{answer.procedure_name}[/bold] — ngày {answer.on:%d/%m/%Y}")
    for component in answer.components:
        mark = "[red]cần mang[/red]" if component.missing else "[green]đã có[/green]"
        out.print(f"{mark}  {component.code} {component.name}")
        for candidate in component.candidates:
            out.print(f"      {escape(candidate.title)}: {HELD[candidate.why]}  [dim]{candidate.document_id}[/dim]")


def record(
    home: Home,
    document: Annotated[str, typer.Option()],
    dossier: Annotated[str, typer.Option()],
    component: Annotated[str, typer.Option()],
    json: Json = False,
) -> None:
    """Ghi nhận việc tái sử dụng một giấy tờ cho một hồ sơ."""
    with opened(home) as wiring:
        event = wiring.records.reuse_record(DocumentId(document), dossier, component, actor(), unit=None)
    if json:
        show(event)
    else:
        out.print(f"Đã ghi nhận tái sử dụng ({event.verdict}).")


def rebuild(home: Home, json: Json = False) -> None:
    """Làm lại chỉ mục chỉ từ kho lưu trữ; trong lúc đó vẫn tìm được bằng chỉ mục cũ."""
    with opened(home) as wiring:
        rebuilt = rebuild_index(wiring, err)
    show_rebuilt(rebuilt, "chỉ mục", json=json)


def _marked(hit: SearchHit) -> str:
    text, at = "", 0
    for span in hit.highlights:
        text += escape(hit.snippet[at : span.start]) + f"[yellow]{escape(hit.snippet[span.start : span.end])}[/yellow]"
        at = span.end
    return text + escape(hit.snippet[at:])
