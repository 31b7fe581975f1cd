"""A report's facts written down, one kind like the other; what a worker process runs for the pages."""

from __future__ import annotations

import io
from pathlib import Path

from app.reporting.facts import ReportFacts


def written(ending: str, facts: ReportFacts, font: Path) -> bytes:
    """ending: `.html` or `.pdf`, each of which loads what it needs."""
    if ending == ".html":
        from app.reporting.page import page  # noqa: PLC0415

        return page(facts).encode()
    from app.reporting.paper import paper  # noqa: PLC0415

    return paper(facts, font)


def in_worker(ending: str, facts: ReportFacts, font: Path) -> bytes:
    """The same, or `.xml` of the documents that are shown."""
    if ending != ".xml":
        return written(ending, facts, font)
    from app.reporting.etsi_xml import write_xml  # noqa: PLC0415

    out = io.StringIO()
    write_xml(out, facts.shown)
    return out.getvalue().encode()
