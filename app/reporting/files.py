"""A report as a file: its ending says which kind."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from app.judging import trust_of
from app.reporting.facts import ReportFacts, collect, head
from app.reporting.writing import in_worker, written
from app.signers import pinned
from pipeline.verification import VerificationReport
from registry import documents
from registry.database import read
from registry.errors import Conflict
from registry.values import utc_now, vietnam_date

if TYPE_CHECKING:
    from app.wiring import Wiring

KINDS = (".html", ".pdf", ".xml")
PAGE_S = 30.0
"""So long a person at a page waits for one."""


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
            facts = facts_of(wiring, reports(), what=what, made_by=made_by)
            part.write_bytes(written(path.suffix.lower(), facts, wiring.settings.signing.stamp_font))
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def one_report(wiring: Wiring, kind: str, report: VerificationReport, *, made_by: str) -> bytes:
    """The report on one document, made in a worker: names out of certificates are in it. kind: without the dot. Raises
    TaskFailed."""
    facts = facts_of(wiring, [report], what="", made_by=made_by)
    facts = facts.model_copy(update={"head": facts.head.model_copy(update={"what": facts.name(report)})})
    font = wiring.settings.signing.stamp_font
    return wiring.side_pool.run(in_worker, f".{kind}", facts, font, timeout_s=PAGE_S)


def facts_of(wiring: Wiring, reports: Iterable[VerificationReport], *, what: str, made_by: str) -> ReportFacts:
    """What a report for people says, with the numbers of the documents that it tells of."""
    trust = trust_of(wiring.settings, pinned(wiring))
    made = trust.manifest
    store = f"{len(trust.anchors)} chứng thư"
    if made is not None:
        store += f", danh sách phiên bản {made.version} ngày {vietnam_date(made.made_at):%d/%m/%Y}"
        store += f", ký bởi {trust.signed_by}" if trust.signed_by and trust.problem is None else ""
    agency = next(iter(wiring.catalogue.units)).name
    facts = collect(head(agency, what, made_by, utc_now(), store), reports)
    with read(wiring.engine) as conn:
        known = documents.references(conn, {report.document_id for report in facts.shown})
    return facts.model_copy(update={"names": {name: told for name, one in known.items() if (told := _called(*one))}})


def _called(number: str | None, dossier: str | None) -> str:
    """Empty for a document that has neither."""
    return " · ".join(filter(None, (number, f"hồ sơ {dossier}" if dossier else "")))
