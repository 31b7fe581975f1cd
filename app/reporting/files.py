"""A report as a file: its ending says which kind."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from app.judging import trust_of
from app.reporting.facts import collect, head
from app.signers import pinned
from pipeline.verification import VerificationReport
from registry.errors import Conflict
from registry.values import utc_now, vietnam_date

if TYPE_CHECKING:
    from app.wiring import Wiring

KINDS = (".html", ".pdf", ".xml")


def require_kind(path: Path) -> None:
    """Raises Conflict for a report that would be none of our kinds."""
    if path.suffix.lower() not in KINDS:
        raise Conflict(f"a report ends in {', '.join(KINDS)}")


def write_report(
    wiring: Wiring, path: Path, reports: Callable[[], Iterable[VerificationReport]], *, what: str, made_by: str
) -> None:
    """The report stands at `path`. reports: gives them, as often as asked, one at a time. Raises Conflict, OSError."""
    require_kind(path)
    part = path.with_name(f".{path.name}.part")
    try:
        if path.suffix.lower() == ".xml":
            from app.reporting.etsi_xml import write_xml  # noqa: PLC0415 each kind loads what it needs

            with part.open("w", encoding="utf-8") as out:
                write_xml(out, reports())
        else:
            trust = trust_of(wiring.settings, pinned(wiring))
            made = trust.manifest
            store = f"{len(trust.anchors)} chứng thư"
            if made is not None:
                store += f", danh sách phiên bản {made.version} ngày {vietnam_date(made.made_at):%d/%m/%Y}"
                store += f", ký bởi {trust.signed_by}" if trust.signed_by and trust.problem is None else ""
            agency = next(iter(wiring.catalogue.units)).name
            facts = collect(head(agency, what, made_by, utc_now(), store), reports())
            if path.suffix.lower() == ".html":
                from app.reporting.page import page  # noqa: PLC0415

                part.write_text(page(facts), encoding="utf-8")
            else:
                from app.reporting.paper import paper  # noqa: PLC0415

                part.write_bytes(paper(facts, wiring.settings.signing.stamp_font))
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
