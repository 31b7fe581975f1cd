"""Extracts (NĐ 30/2020/NĐ-CP, Điều 25(3), TRÍCH SAO): chosen pages of a record as a new document, linked to it.

The pages are taken from the scan as it was received, every pixel as it came, and go the path of any scan; what comes
out says that it is an extract, of what, and of which pages. The record they are taken from stays as it is.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from archive.aip import AipPapers, open_file, read_papers
from pipeline.decisions import require_number
from pipeline.extracting import extract
from pipeline.intake import Receipt, take
from pipeline.refusals import refusal_of
from pipeline.soundness import PDF
from pipeline.twin import render_twin
from pipeline.workshop import Workshop
from registry import documents, reads
from registry.database import read, write
from registry.errors import Conflict, WorkerFailed
from registry.reads import Purpose, Reader
from registry.values import CopyForm, CopyOf, DocumentId, DocumentState, utc_now, vietnam_date

TAKING_S = 20.0
"""What taking one page may take, and the file itself once."""


def make_extract(
    shop: Workshop,
    document_id: DocumentId,
    pages: Sequence[int],
    *,
    reader: Reader,
    purpose: Purpose,
    number: str | None = None,
) -> Receipt:
    """These pages of the record (from 0), in their order, are a scan that was handed in, known to be an extract.

    The same pages of the same record again are the same scan. number: under which the office registered the copy. In
    the audit log this is a reading of the record, by whom and what for.
    Raises NotFound, Conflict for a record that is not in the archive, or pages that it does not have, or all of them.
    """
    told = CopyOf(form=CopyForm.EXTRACT, number=number, source=document_id, source_pages=tuple(sorted(set(pages))))
    require_number(told)
    with read(shop.engine) as conn:
        record = documents.get(conn, document_id)
    if record.state is not DocumentState.ARCHIVED:
        raise Conflict("an extract is made of a record in the archive that was not withdrawn")
    count = record.page_count or 0
    if not told.source_pages or not set(told.source_pages) < set(range(count)):
        raise Conflict(f"an extract has some of the {count} pages, and not all")
    papers = read_papers(shop.store, document_id)
    inbox = shop.catalogue.unit(record.unit, vietnam_date(utc_now())).inbox
    with TemporaryDirectory(prefix="extract-", dir=shop.folder("work")) as folder:
        taken = _taken(shop, papers, told, Path(folder))
        receipt = take(
            shop,
            taken,
            unit_folder=inbox,
            relative=Path(taken.name),
            actor=reader.account,
            dossier=record.dossier_code,
            component=record.component_code,
            copied=told,
        )
    numbers = ",".join(str(page + 1) for page in told.source_pages)
    with write(shop.engine) as conn:
        more = {"pages": numbers, "scan": receipt.scan_id or ""}
        reads.note(conn, "extract", document_id, record.unit, reader, purpose, more)
    return receipt


def _taken(shop: Workshop, papers: AipPapers, told: CopyOf, folder: Path) -> Path:
    """The pages as a file of the scan's own format; of what came signed, pictures of them: they are not signed."""
    source = papers.metadata.source
    name = next(logical for logical in papers.digests if logical.startswith("original/"))
    original, media_type = folder / "original", source.media_type
    with open_file(shop.store, papers.metadata.document_id, name) as stream, original.open("wb") as copy:
        shutil.copyfileobj(stream, copy, 1 << 20)
    # the part of a scan has its own pages there; of a scan of one paper blank backs may have been left out
    places = source.pages if source.pages and source.scan is None else range(papers.metadata.page_count)
    wanted = tuple(places[page] for page in told.source_pages)
    numbers = "-".join(str(page + 1) for page in told.source_pages[:20])
    target = folder / f"trich-sao-{papers.metadata.document_id[:8]}-{numbers}{Path(name).suffix}"
    patience = TAKING_S * (papers.metadata.page_count + 1)
    try:
        if papers.metadata.arrived is not None:
            shown = folder / "shown.pdf"
            shop.pool.run(render_twin, original, shown, shop.settings.intake.max_pixels, timeout_s=patience)
            original, media_type = shown, PDF
        shop.pool.run(extract, original, media_type, wanted, target, timeout_s=patience)
    except WorkerFailed as exc:
        raise refusal_of(exc) from exc
    return target
