"""The steps from a whole scan to its documents: its pages are read once, then each document gets its own.

Like all steps (pipeline.steps) they leave their results in `work/` or the registry and are safe to run twice.
"""

from __future__ import annotations

import mmap
import shutil
import uuid
from collections.abc import Sequence
from pathlib import Path

from pydantic import TypeAdapter
from sqlalchemy import Connection

from archive.aip import SEARCH_COPY
from archive.scans import is_archived, read_scan
from pipeline.arrived import came_signed, event_of, judge, make_search_copy, twin_of, unscanned
from pipeline.extracting import extract
from pipeline.landing import copy_durably, landing
from pipeline.page_reading import read_through
from pipeline.quality import whole_scan
from pipeline.reading import write_derivative
from pipeline.reading_options import ReadingOptions
from pipeline.refusals import refusal_of
from pipeline.splitting.refusing import part_pages
from pipeline.workshop import Workshop
from registry import documents, dossiers, scans
from registry.database import read, write
from registry.documents import DocumentRecord
from registry.errors import RefusalCode, Refused, WorkerFailed
from registry.scans import ScanRow
from registry.values import Arrived, DocumentId, DocumentState, Event, PageText, Part, ScanId, ScanState, Split, utc_now

PAGES = TypeAdapter(tuple[PageText, ...])
PAGE = TypeAdapter(PageText)
WRITING_S = 20.0
"""What writing one page of the derivative may take, and the file itself once."""
DOCUMENTS_OF_SCANS = uuid.UUID("6f0b7f0e-6a53-5d3e-9a0c-3f6d0b8f5a11")
"""Namespace: the documents of a scan have the same ids however often the steps run."""


def document_ids(scan_id: str, parts: int) -> list[DocumentId]:
    """The ids of a scan's documents, in order; the only one of a scan has the id it would have without parting."""
    names = [scan_id] if parts == 1 else [f"{scan_id}/{part}" for part in range(parts)]
    return [DocumentId(str(uuid.uuid5(DOCUMENTS_OF_SCANS, name))) for name in names]


def read_scan_pages(shop: Workshop, scan_id: ScanId) -> None:
    """`pages.jsonl` of the whole scan, a page per line, lies on its bench. What was read before is not read again."""
    with read(shop.engine) as conn:
        scan = scans.get(conn, scan_id)
    target = shop.scan_bench(scan_id) / "pages.jsonl"
    if scan.state == ScanState.DONE or target.exists():
        return
    signed, count = came_signed(scan), scan.page_count or 1
    path = twin_of(shop, scan) if signed else shop.staged_scan(scan_id)
    try:
        pages = read_through(shop.pool, path, scan.media_type or "", reading_options(shop), count)
    except WorkerFailed as exc:
        raise refusal_of(exc) from exc
    if signed:
        pages = tuple(unscanned(page) for page in pages)
    with landing(target) as part, part.open("wb") as writer:
        writer.writelines(PAGE.dump_json(page) + b"\n" for page in pages)
    seen = whole_scan((p.quality for p in pages if p.quality), len(pages))
    with write(shop.engine) as conn:
        scans.save_quality(conn, scan_id, seen)


def open_documents(shop: Workshop, scan_id: ScanId, *, signed: bool = False) -> list[DocumentId]:
    """The documents of the scan stand in the registry, with ids that follow from the scan's id and their place in it.

    What was found out once about where one ends and the next begins stands. Documents that went on meanwhile stay as
    they are; all start over when all were refused, since the scan was then handed in again.
    Raises Refused for a scan that holds nothing but cover sheets.
    """
    with read(shop.engine) as conn:
        scan, split = scans.get(conn, scan_id), scans.split_of(conn, scan_id)
        known, copied = documents.states_of_scan(conn, scan_id), scans.copied_of(conn, scan_id)
    if scan.state in (ScanState.DONE, ScanState.QUARANTINED):  # the step comes late
        return list(known)
    anew = all(state is DocumentState.REJECTED for state in known.values())
    if split is None or anew:
        split = _found(shop, scan, list(known), whole=signed or copied is not None)
    if not split.parts:
        raise Refused(RefusalCode.ONLY_SHEETS, f"{len(split.covers)} sheets")
    with write(shop.engine) as conn:
        known = documents.states_of_scan(conn, scan_id)
        anew = all(state is DocumentState.REJECTED for state in known.values())
        split = scans.save_split(conn, scan_id, split, anew=anew)
        warnings = [*scan.warnings, *(w for w in split.warnings if w not in scan.warnings)]
        scans.update(conn, scan_id, warnings=warnings)
        ids = document_ids(scan_id, len(split.parts))
        for number, (document_id, part) in enumerate(zip(ids, split.parts, strict=True)):
            if part.dossier_code:
                dossiers.ensure(conn, part.dossier_code, scan.unit)
            documents.create(
                conn,
                document_id=document_id,
                scan_id=scan_id,
                unit=scan.unit,
                dossier_code=part.dossier_code,
                component_code=part.component_code,
                original_sha256=scan.sha256,
                page_count=len(part.pages),
                part=number,
                pages=None if _is_all(part, scan) else part.pages,
                copied=copied,
                anew=anew,
            )
            captured = Event(type="capture", at=scan.received_at, agent=scan.claimed_by, detail={"sha256": scan.sha256})
            documents.add_event(conn, document_id, captured)
    return ids


def write_document(shop: Workshop, document_id: DocumentId, *, signed: bool) -> None:
    """`pages.json` and `document.pdf` of the document lie on its bench; `original` as well where it is some pages only.

    What arrived signed stays as it came: document.pdf is then the original, bit for bit; what is found of its
    signatures is in the registry, and `search-copy.pdf` lies beside it. Raises Refused for a part that is not to be
    kept.
    """
    with read(shop.engine) as conn:
        record = documents.get(conn, document_id)
        scan = scans.get(conn, ScanId(record.scan_id or ""))
        own = part_of(conn, record)
    if record.state is not DocumentState.READING:
        return
    if (refused := own.refused) is not None:
        raise Refused(RefusalCode(refused), "found on its pages")
    bench, pages = shop.bench(document_id), own_pages(shop, record)
    bench.mkdir(parents=True, exist_ok=True)
    for made in ("signed.pdf", "official.pdf"):  # of an earlier reading
        (bench / made).unlink(missing_ok=True)
    path, media_type = shop.staged_scan(ScanId(scan.id)), scan.media_type or ""
    tools: dict[str, str] = {}
    found: Arrived | None = None
    try:
        if record.pages is not None:
            path = extracted(shop, scan, record)
        if signed or came_signed(scan):
            copy_durably(path, bench / "document.pdf")
            found = judge(shop, bench / "document.pdf")
            if not make_search_copy(shop, scan, pages, bench / SEARCH_COPY):
                tools["search_copy"] = "not made"
        else:
            patience = WRITING_S * (len(pages) + 1)
            told = (path, media_type, pages, bench, reading_options(shop))
            tools = shop.pool.run(write_derivative, *told, timeout_s=patience)
    except WorkerFailed as exc:
        raise refusal_of(exc) from exc
    with landing(bench / "pages.json") as part:
        part.write_bytes(PAGES.dump_json(pages))
    with write(shop.engine) as conn:
        if documents.get(conn, document_id, lock=True).state is not DocumentState.READING:
            return  # comes late: the document was read, and has gone on
        documents.set_state(conn, document_id, DocumentState.READING, step="read", page_count=len(pages))
        detail = {"pages": str(len(pages)), **tools}
        documents.add_event(
            conn, document_id, Event(type="text recognition", at=utc_now(), agent="sohoa", detail=detail)
        )
        if found is not None:
            documents.keep_arrived(conn, document_id, found)
            documents.add_event(conn, document_id, event_of(found))


def extracted(shop: Workshop, scan: ScanRow, record: DocumentRecord) -> Path:
    """The document's pages of the scan as a file of its own, on its bench. Raises Refused, WorkerFailed."""
    target = shop.bench(record.id) / "original"
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        pages = record.pages or range(scan.page_count or 1)
        told = (shop.staged_scan(scan.id), scan.media_type or "", tuple(pages), target)
        shop.pool.run(extract, *told, timeout_s=WRITING_S * (len(pages) + 1))
    return target


def own_pages(shop: Workshop, record: DocumentRecord) -> tuple[PageText, ...]:
    """The document's pages, counted from 0, from what was read of the scan."""
    scan_id = ScanId(record.scan_id or "")
    read_scan_pages(shop, scan_id)
    found = scan_pages(shop, scan_id, record.pages)
    return tuple(page.model_copy(update={"index": place}) for place, page in enumerate(found))


def scan_pages(shop: Workshop, scan_id: ScanId, wanted: Sequence[int] | None = None) -> tuple[PageText, ...]:
    """Pages of the scan as they were read, all or those wanted: a pile of 500 is not understood anew for each paper."""
    with (
        (shop.scan_bench(scan_id) / "pages.jsonl").open("rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as lines,
    ):
        places, at = [], 0
        while at < len(lines):
            end = lines.find(b"\n", at)
            places.append(slice(at, end if end >= 0 else len(lines)))
            at = places[-1].stop + 1
        return tuple(PAGE.validate_json(lines[places[n]]) for n in (range(len(places)) if wanted is None else wanted))


def part_of(conn: Connection, record: DocumentRecord) -> Part:
    """What was found out about the document when the scan was parted."""
    split = scans.split_of(conn, record.scan_id or "")
    if split is not None and record.part < len(split.parts):
        return split.parts[record.part]
    return Part(pages=record.pages or tuple(range(record.page_count or 1)))


def clear_scan(shop: Workshop, scan_id: ScanId) -> None:
    """What was read of the scan is gone from `work/`."""
    shutil.rmtree(shop.scan_bench(scan_id), ignore_errors=True)


def reading_options(shop: Workshop) -> ReadingOptions:
    """How pages are read here."""
    return ReadingOptions(
        engine=shop.settings.reading.engine,
        language=shop.settings.reading.language,
        recognition_dpi=shop.settings.reading.recognition_dpi,
        page_timeout_s=shop.settings.workers.page_timeout_s,
        max_pixels=shop.settings.intake.max_pixels,
    )


def _found(shop: Workshop, scan: ScanRow, known: list[DocumentId], *, whole: bool) -> Split:
    """What the scan holds: as the archive says, where it has the scan; else as the pages show. whole: one document."""
    if is_archived(shop.store, scan.id):  # a registry that came back older has forgotten it
        return read_scan(shop.store, scan.id).split
    all_of_it = Part(
        pages=tuple(range(scan.page_count or 1)), dossier_code=scan.dossier_code, component_code=scan.component_code
    )
    if whole or known == document_ids(scan.id, 1):  # begun by a version that did not part scans
        return Split(parts=(all_of_it,))
    pages = scan_pages(shop, scan.id)
    if len(pages) == 1:
        return part_pages(pages, scan.dossier_code, scan.component_code)
    try:
        told = (pages, scan.dossier_code, scan.component_code)
        return shop.pool.run(part_pages, *told, timeout_s=shop.settings.workers.page_timeout_s)
    except WorkerFailed as exc:
        raise refusal_of(exc) from exc


def _is_all(part: Part, scan: ScanRow) -> bool:
    return part.pages == tuple(range(scan.page_count or 1))
