"""A found entry as the answer shows it; the same for every engine."""

from __future__ import annotations

from search.index import IndexEntry, SearchHit
from search.query import Asked
from search.snippets import snippet


def hit(entry: IndexEntry, score: float, asked: Asked) -> SearchHit:
    """The entry with the part of its text that shows why it was found."""
    part, spans, page = snippet(entry.text, asked.folded)
    return SearchHit(
        document_id=entry.document_id,
        score=round(score, 4),
        title=entry.title,
        snippet=part,
        highlights=spans,
        page_index=page,
        unit=entry.unit,
        kind=entry.kind,
        number_symbol=entry.number_symbol,
        issuing_agency=entry.issuing_agency,
        issued_on=entry.issued_on,
        dossier_code=entry.dossier_code,
        words=tuple(sorted(asked.folded)),
    )
