"""Search. Questions are posted, never put into an address: what is looked for may be a citizen's name."""

from __future__ import annotations

from typing import Annotated, NamedTuple

from fastapi import APIRouter, Depends, Form
from fastapi.responses import HTMLResponse

from app.web.visit import Visit, allowed, posted
from registry import reads
from registry.database import write
from registry.errors import SohoaError
from registry.values import DocumentId, Word
from search.analysis import fold, tokens
from search.index import SearchHit, SearchRequest

router = APIRouter()
PER_PAGE = 10


class Found(NamedTuple):
    """A hit as the page shows it: the snippet in marked and plain pieces, and the words' places on the page."""

    hit: SearchHit
    pieces: list[tuple[str, bool]]
    marks: list[Word]


@router.get("/search")
def search_form(visit: Annotated[Visit, Depends(allowed("search"))]) -> HTMLResponse:
    """The empty form; hits show text of documents, so what for is said before anything is typed."""
    visit.said_purpose()
    return visit.page("search.html", asked=None, found=None, hits=(), kinds=visit.wiring.catalogue.kinds)


@router.post("/search")
def search(
    visit: Annotated[Visit, Depends(posted("search"))],
    query: Annotated[str, Form(max_length=200)] = "",
    unit: Annotated[str, Form()] = "",
    kind: Annotated[str, Form()] = "",
    owner: Annotated[str, Form(max_length=12)] = "",
    issued_from: Annotated[str, Form()] = "",
    issued_to: Annotated[str, Form()] = "",
    offset: Annotated[int, Form(ge=0, le=10_000)] = 0,
) -> HTMLResponse:
    """Hits of the account's units only: the filter is part of the engine's query. The audit log has which they were."""
    purpose, units = visit.said_purpose(), visit.units
    if unit in units:
        units = visit.wiring.catalogue.subtree(unit, visit.today) & units
    asked = SearchRequest(
        query=query,
        units=units,
        kind=kind or None,
        owner=owner.strip() or None,
        issued_from=issued_from or None,
        issued_to=issued_to or None,
        limit=PER_PAGE,
        offset=offset,
    )
    found = visit.wiring.index.search(asked)
    with write(visit.wiring.engine) as conn:
        shown = [(hit.unit, hit.document_id) for hit in found.hits]
        reads.note_shown(conn, "search", "index", shown, visit.reader, purpose)
    return visit.page(
        "search.html",
        asked=asked,
        unit=unit,
        found=found,
        hits=[_found(visit, hit) for hit in found.hits],
        kinds=visit.wiring.catalogue.kinds,
        per_page=PER_PAGE,
    )


def _found(visit: Visit, hit: SearchHit) -> Found:
    pieces: list[tuple[str, bool]] = []
    at = 0
    for span in hit.highlights:
        pieces += [(hit.snippet[at : span.start], False), (hit.snippet[span.start : span.end], True)]
        at = span.end
    return Found(hit, [*pieces, (hit.snippet[at:], False)], _marks(visit, hit))


def _marks(visit: Visit, hit: SearchHit) -> list[Word]:
    """Where the found words stand on the page; none when the record cannot be read just now."""
    try:
        pages = visit.wiring.records.text_pages(DocumentId(hit.document_id))
    except (SohoaError, OSError):
        return []
    wanted = set(hit.words)
    page = next((p for p in pages if p.index == hit.page_index), None)
    if page is None or not wanted:
        return []
    return [word for word in page.words if wanted & {t.folded for t in tokens(word.text)} or fold(word.text) in wanted]
