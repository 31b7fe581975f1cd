"""search: what is held."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.markup import escape

from app.cli.output import Home, Json, out, show
from app.cli.reading_for import Dossier, For, terminal, told_purpose
from app.wiring import opened
from registry import reads
from registry.database import write
from registry.reads import Why
from registry.values import utc_now, vietnam_date
from search.index import SearchHit, SearchRequest


def search(
    query: str,
    home: Home,
    unit: Annotated[str | None, typer.Option()] = None,
    kind: Annotated[str | None, typer.Option("--type")] = None,
    owner: Annotated[str | None, typer.Option()] = None,
    issued_from: Annotated[str | None, typer.Option("--from")] = None,
    issued_to: Annotated[str | None, typer.Option("--to")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000)] = 20,
    why: For = Why.OPERATION,
    dossier: Dossier = "",
    json: Json = False,
) -> None:
    """Tìm trong kho: có dấu hay không dấu, số ký hiệu, họ tên theo thứ tự bất kỳ, "cụm từ".

    Tài liệu nào hiện ra được ghi nhật ký kèm mục đích; câu hỏi thì không.
    """
    purpose = told_purpose(why, dossier)
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
        with write(wiring.engine) as conn:
            shown = [(hit.unit, hit.document_id) for hit in found.hits]
            reads.note_shown(conn, "search", "index", shown, terminal(), purpose)
    if json:
        hits = [{"id": h.document_id, **h.model_dump(mode="json", exclude={"document_id"})} for h in found.hits]
        show({"total": found.total, "hits": hits, "facets": found.facets, "fuzzy": found.fuzzy})
        return
    out.print(f"{found.total} kết quả{' (gần đúng)' if found.fuzzy else ''}")
    for hit in found.hits:
        out.print(f"[bold]{escape(hit.title)}[/bold]  {hit.issued_on or ''}  [dim]{hit.document_id}[/dim]")
        out.print(f"   {_marked(hit)}")


def _marked(hit: SearchHit) -> str:
    text, at = "", 0
    for span in hit.highlights:
        text += escape(hit.snippet[at : span.start]) + f"[yellow]{escape(hit.snippet[span.start : span.end])}[/yellow]"
        at = span.end
    return text + escape(hit.snippet[at:])
