"""The steps of one scan's path. Each leaves its result in `work/` or the registry and is safe to run twice.

Steps raise Refused for what the operator must change, and retryable errors for what heals by itself; they do not
retry, sleep or log: pipeline.workflow decides.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path

from pydantic import TypeAdapter

from archive.aip import (
    SEARCH_COPY,
    AipContent,
    AipPapers,
    TextOfPage,
    archive_record,
    events_json,
    inventory_sha256,
    metadata_json,
    read_back,
    read_papers,
)
from archive.scans import ArchivedScan, archive_scan, is_archived
from config.catalogue import Catalogue
from pipeline import deferred, describing, intake
from pipeline.arrived import came_signed
from pipeline.collating import places
from pipeline.identify import identify
from pipeline.kept_verdicts import KeptVerdict, file_name, judge_and_keep
from pipeline.landing import copy_durably, landing
from pipeline.parting import document_ids, extracted, part_of
from pipeline.refusals import refusal_of
from pipeline.settling import settle
from pipeline.signatures import continues, form_of, is_deferred, official_comes_apart, source_of, stamp_of
from pipeline.soundness import Identified, IdentifyLimits
from pipeline.two_passes import make_one
from pipeline.workers import TaskFailed
from pipeline.workshop import Workshop
from registry import audit, documents, restoring, scans
from registry.database import read, write
from registry.errors import KeyNotFound, RefusalCode, Refused, WorkerFailed
from registry.values import (
    ENDED,
    CopyOf,
    Description,
    DocumentId,
    DocumentState,
    Event,
    PageText,
    Person,
    Quality,
    RecordMetadata,
    ScanId,
    ScanOfSeveral,
    ScanPass,
    ScanState,
    SourceScan,
    Split,
    Verdict,
    sha256_file,
    utc_now,
    vietnam_date,
)
from search.index import IndexEntry
from signing.keys import KeyRole
from signing.policy import POLICY
from signing.sign import SignedPdf

PAGES = TypeAdapter(tuple[PageText, ...])
EVENTS = TypeAdapter(tuple[Event, ...])
LEGIBLE = 0.5


def identify_scan(shop: Workshop, scan_id: ScanId) -> Identified:
    """The scan's real type, pages and warnings are in the registry; of two passes one scan was made first.

    Raises Refused for what is not sound.
    """
    with read(shop.engine) as conn:
        scan = scans.get(conn, scan_id)
        sides = scans.passes_of(conn, scan_id)
    told = shop.settings.intake
    limits = IdentifyLimits(max_bytes=told.max_bytes, max_pages=told.max_pages, max_pixels=told.max_pixels)
    path = shop.staged_scan(scan_id)
    # as it came: the one for display is tidied; what was collated is called by both its files
    name = scan.file_name if sides else Path(scan.source_path).name
    try:
        odd = make_one(shop, scan)
        found = shop.pool.run(identify, path, limits, name, timeout_s=shop.settings.workers.page_timeout_s)
    except WorkerFailed as exc:
        raise refusal_of(exc) from exc
    with write(shop.engine) as conn:
        scans.update(
            conn,
            scan_id,
            media_type=found.media_type,
            page_count=found.page_count,
            warnings=sorted({*found.warnings, *odd}),
            state=ScanState.IDENTIFIED,
            error_code=None,
        )
    return found


def describe_document(shop: Workshop, document_id: DocumentId) -> bool:
    """The document's fields are in the registry; False when it goes on to signing, True when it waits for a person.

    A repetition leaves what people and later steps made of the document meanwhile.
    Raises Refused("secret") for a page with a secrecy stamp: such papers are not scanned (TT 01/2023/TT-VPCP).
    """
    with read(shop.engine) as conn:
        record = documents.get(conn, document_id)
        doubts = part_of(conn, record).doubts
    if record.state is not DocumentState.READING:  # it went on, and its bench may be gone
        return record.state is not DocumentState.APPROVED
    pages = load_pages(shop, document_id)
    if mark := describing.secrecy_mark(pages):
        raise Refused(RefusalCode.SECRET, f"stamp of {len(mark)} letters on a page head")
    found: Description = shop.pool.run(
        describing.describe, pages, dict(shop.catalogue.kinds), timeout_s=shop.settings.workers.page_timeout_s
    )
    reasons = review_reasons(found, pages, shop.catalogue, shop.settings.review.threshold)
    reasons += doubts
    if record.arrived is not None and record.arrived.verdict is not Verdict.PASSED:
        reasons.append("signature")
    with write(shop.engine) as conn:
        standing = documents.get(conn, document_id, lock=True).state
        if standing is not DocumentState.READING:
            return standing is not DocumentState.APPROVED
        documents.save_description(conn, document_id, found)
        now = utc_now()
        documents.add_event(conn, document_id, Event(type="metadata extraction", at=now, agent="sohoa"))
        if reasons:
            documents.set_state(conn, document_id, DocumentState.REVIEW, step="review", review_reasons=reasons)
        else:
            stamp = now.isoformat(timespec="microseconds")
            documents.set_state(
                conn, document_id, DocumentState.APPROVED, step="approved", approved_by="sohoa", approved_at=stamp
            )
    return bool(reasons)


def review_reasons(found: Description, pages: Sequence[PageText], catalogue: Catalogue, threshold: float) -> list[str]:
    """Why a person must look before signing: `kind`, `field:<name>`, `page:<n>`, and `page:<n>:<status>` of a page that
    could not be read; empty when all is sure."""
    reasons = [_page_reason(p) for p in pages if not p.blank and _is_doubtful(p)]
    if found.kind is None or found.kind_confidence < threshold:
        return ["kind", *reasons]
    kind = catalogue.kinds[found.kind]
    for name in kind.required_fields:
        if name == "people":
            owners = kind.owners(found.people)
            if not owners or any(_sureness(person) < threshold for person in owners):
                reasons.append("field:people")
        elif (value := found.fields.get(name)) is None or value.confidence < threshold:
            reasons.append(f"field:{name}")
    return reasons


def _is_doubtful(page: PageText) -> bool:
    """Not read, scanned too badly to be kept, or read so badly that it may stand on its head or be no text at all."""
    badly_scanned = page.quality is not None and page.quality.quality is Quality.RESCAN
    return page.status != "read" or badly_scanned or (bool(page.words) and page.confidence < LEGIBLE)


def _page_reason(page: PageText) -> str:
    unread = "" if page.status == "read" else f":{page.status}"
    return f"page:{page.index + 1}{unread}"


def _sureness(person: Person) -> float:
    """How sure the least sure of what is said of a person is; somebody without a name is nobody known."""
    told = [v.confidence for v in (person.full_name, person.id_number, person.date_of_birth) if v is not None]
    return min(told) if person.full_name else 0.0


def sign_document(shop: Workshop, document_id: DocumentId) -> bool:
    """`signed.pdf` lies on the bench: certified-copy stamp, PAdES; or the original where it came signed. True when the
    document waits for an official's signature instead (pipeline.deferred).

    What an earlier attempt signed stays: other bytes would be another record beside the one that a store which takes
    file by file may hold in part.
    """
    with read(shop.engine) as conn:
        record = documents.get(conn, document_id)
        scan = scans.get(conn, ScanId(record.scan_id or ""))
    bench = shop.bench(document_id)
    if record.state in ENDED or _held_already(shop, document_id, scan):
        return False
    if (bench / "signed.pdf").exists() and sha256_file(bench / "signed.pdf") == record.pdf_sha256:
        with write(shop.engine) as conn:
            documents.set_state(conn, document_id, DocumentState.SIGNED, step="signed")
        return False
    if came_signed(scan):
        copy_durably(bench / "document.pdf", bench / "signed.pdf")
        level: str | None = None
        until: date | None = None
        why, digest = "", sha256_file(bench / "signed.pdf")
        detail = {"note": "arrived signed; kept as it came"}
    else:
        signed = _signed(shop, record)
        if isinstance(signed, KeyRole):
            deferred.wait(shop, record, signed)
            return True
        level, until, why, digest = signed.level, signed.renew_by, signed.why, signed.sha256
        detail = {"level": signed.level, "sha256": signed.sha256, "form": str(form_of(record))}
        detail |= {"signatures": str(signed.signatures), **({"why": signed.why} if signed.why else {})}
    with write(shop.engine) as conn:
        now = utc_now()
        documents.set_state(
            conn,
            document_id,
            DocumentState.SIGNED,
            step="signed",
            signature_level=level,
            renew_by=until.isoformat() if until else None,
            renew_policy=POLICY.version if until else None,
            level_why=why[:60] or None,
            signed_at=now.isoformat(timespec="microseconds"),
            pdf_sha256=digest,
        )
        given = [deferred.note_used(conn, document_id, role) for role in (KeyRole.AGENCY, KeyRole.OFFICIAL)]
        agent = next((who for who in given if who), "sohoa")
        documents.add_event(
            conn, document_id, Event(type="digital signature generation", at=now, agent=agent, detail=detail)
        )
    return False


def _signed(shop: Workshop, record: documents.DocumentRecord) -> SignedPdf | KeyRole:
    """The document, signed by its unit's official, where there is one, and by its agency; or the role in which somebody
    has to sign who has not yet. What the official signed stays: the agency signs that very file."""
    bench = shop.bench(record.id)
    source, target = source_of(shop, record, KeyRole.AGENCY), bench / "signed.pdf"
    apart = official_comes_apart(shop, record)
    if apart and not continues(source, bench / "document.pdf") and _signed_by_official(shop, record, source) is None:
        return KeyRole.OFFICIAL
    if is_deferred(shop, record, KeyRole.AGENCY):
        made = deferred.completed(shop, record, target, KeyRole.AGENCY)
        if made is None:
            return KeyRole.AGENCY
    else:
        told = shop.settings.signing
        made = shop.station.sign(
            source, target, stamp=stamp_of(shop, record), unit=record.unit, mark=told.official_mark
        )
    return replace(made, signatures=2) if apart else made


def _signed_by_official(shop: Workshop, record: documents.DocumentRecord, target: Path) -> SignedPdf | None:
    if is_deferred(shop, record, KeyRole.OFFICIAL):
        return deferred.completed(shop, record, target, KeyRole.OFFICIAL)
    source = source_of(shop, record, KeyRole.OFFICIAL)
    return shop.station.sign(source, target, stamp=None, unit=record.unit, role=KeyRole.OFFICIAL)


def archive_document(shop: Workshop, document_id: DocumentId) -> None:
    """The document is an AIP, read back and compared, and the registry says so. Safe to repeat.

    A record that the archive holds, while the registry has lost that (a database that came back older), stays as it is.
    """
    with read(shop.engine) as conn:
        record = documents.get(conn, document_id)
        description = documents.description(conn, document_id)
        scan = scans.get(conn, ScanId(record.scan_id or ""))
    if record.state in ENDED:  # and its bench may be gone
        return
    if held := _held_already(shop, document_id, scan):
        version = read_back(shop.store, document_id).version
        _note_archived(shop, record, scan, held, version, None)
        return
    bench = shop.bench(document_id)
    split, digest = _split_with_object(shop, scan), sha256_file(bench / "signed.pdf")
    metadata, events = _papers_of(shop, record, description, scan, split, digest)
    original, kept = shop.staged_scan(scan.id), _kept_verdict(shop, record, digest)
    if split is not None:
        original = extracted(shop, scan, record)
        _archive_whole_scan(shop, scan, split, RecordMetadata.model_validate_json(metadata).retain_until)
    stored = archive_record(
        shop.store,
        AipContent(
            document_id=document_id,
            original=original,
            original_name=scan.file_name,
            pdf=bench / "signed.pdf",
            pages=load_pages(shop, document_id),
            metadata=metadata,
            events=events,
            search_copy=bench / SEARCH_COPY if (bench / SEARCH_COPY).exists() else None,
            verdict=(file_name(kept), kept) if kept else None,
        ),
        user=record.approved_by or "sohoa",
        message="archived",
    )
    # a repetition finds the record of the first time: the registry says what the archive holds, not what it offered
    held = read_papers(shop.store, document_id)
    verdict = _verdict_on(record, digest, kept) if digest == held.digests["document.pdf"] else None
    # every byte was just read back, so the copy's verdict is the record's
    _note_archived(shop, record, scan, held, stored.version, verdict)


def _verdict_on(record: documents.DocumentRecord, digest: str, kept: bytes) -> Verdict | None:
    """The verdict on the bench's signed.pdf: what a worker found at intake, where it came signed, else now."""
    if record.arrived is not None and record.arrived.sha256 == digest:
        return record.arrived.verdict
    return KeptVerdict.model_validate_json(kept).report.verdict if kept else None


def _kept_verdict(shop: Workshop, record: documents.DocumentRecord, digest: str) -> bytes:
    """The verdict on this signed.pdf with all it follows from, found once by a worker and kept on the bench: what is
    archived again is the same. Empty where the worker did not survive the file."""
    bench = shop.bench(record.id)
    place = bench / f"verdict-{digest[:16]}.json"
    if not place.exists():
        try:
            found: bytes = shop.pool.run(
                judge_and_keep,
                bench / "signed.pdf",
                shop.station.trust,
                record.id,
                timeout_s=shop.settings.workers.page_timeout_s,
            )
        except TaskFailed as exc:
            if exc.reason == "closed":
                raise
            found = b""
        with landing(place) as part:
            part.write_bytes(found)
    return place.read_bytes()


def _held_already(shop: Workshop, document_id: DocumentId, scan: scans.ScanRow) -> AipPapers | None:
    """The record of this very scan in the archive, where the document's bench is gone: it was archived before."""
    if (shop.bench(document_id) / "document.pdf").exists():
        return None
    try:
        held = read_papers(shop.store, document_id)
    except KeyNotFound:
        return None
    return held if held.metadata.source.sha256 == scan.sha256 else None


def _note_archived(
    shop: Workshop,
    record: documents.DocumentRecord,
    scan: scans.ScanRow,
    held: AipPapers,
    version: str,
    verdict: Verdict | None,
) -> None:
    """The registry says what the archive holds: document, scan and an audit row, together."""
    with write(shop.engine) as conn:
        scans.get(conn, scan.id, lock=True)  # first, as in every transaction that needs both
        restoring.restore(conn, held.metadata, held.events, pdf_sha256=held.digests["document.pdf"])
        documents.set_state(conn, record.id, DocumentState.ARCHIVED, step="archived", error_code=None)
        if verdict:
            documents.keep_verdict(conn, record.id, verdict)
        settle(conn, scan.id)
        audit.append(
            conn,
            actor="sohoa",
            action="archive",
            subject=record.id,
            unit=record.unit,
            detail={
                "version": version,
                "pdf_sha256": held.digests["document.pdf"],
                "inventory_sha256": inventory_sha256(shop.store, record.id, version),
            },
        )


def _papers_of(
    shop: Workshop,
    record: documents.DocumentRecord,
    description: Description,
    scan: scans.ScanRow,
    split: Split | None,
    digest: str,
) -> tuple[bytes, bytes]:
    """metadata.json and events.json of the package around the signed.pdf of this digest, made once, kept on the bench.

    A repetition archives the same bytes as the first attempt: a home that stores file by file then completes what was
    interrupted, where new instants would look like another writer's record. Another signature gives other papers.
    """
    bench, now = shop.bench(record.id), utc_now()
    mark = digest[:16]
    places = bench / f"metadata-{mark}.json", bench / f"events-{mark}.json"
    if not places[0].exists():
        with landing(places[0]) as part:
            part.write_bytes(metadata_json(_metadata_of(shop, record, description, scan, split, now)))
    if not places[1].exists():
        with landing(places[1]) as part:
            part.write_bytes(events_json((*record.events, Event(type="ingestion", at=now, agent="sohoa"))))
    return places[0].read_bytes(), places[1].read_bytes()


def _source_of(shop: Workshop, scan: scans.ScanRow) -> SourceScan:
    """The scan as it was received."""
    return SourceScan(
        file_name=scan.file_name,
        sha256=scan.sha256,
        size_bytes=scan.size_bytes,
        media_type=scan.media_type or "application/octet-stream",
        received_at=scan.received_at,
        warnings=tuple(scan.warnings),
        passes=_passes_of(shop, scan),
    )


def _metadata_of(
    shop: Workshop,
    record: documents.DocumentRecord,
    description: Description,
    scan: scans.ScanRow,
    split: Split | None,
    now: datetime,
) -> RecordMetadata:
    kind = shop.catalogue.kinds.get(description.kind or "")
    retention = kind.retention_class if kind else "permanent"
    return RecordMetadata(
        document_id=record.id,
        unit=record.unit,
        dossier_code=record.dossier_code,
        component_code=record.component_code,
        description=description,
        page_count=record.page_count or 0,
        source=_source_of(shop, scan).model_copy(
            update={"pages": record.pages or (), "scan": _whole_of(shop, scan, split, record) if split else None}
        ),
        retention_class=retention,
        # from the year of archiving, which is never before the year that the law counts from: too long, never too short
        retain_until=shop.catalogue.retain_until(retention, vietnam_date(now)),
        signature_level=record.signature_level,
        renew_by=record.renew_by,
        arrived=record.arrived,
        copied=None if record.arrived else record.copied or CopyOf(),
        converted_from_paper=record.arrived is None,
        converted_by_unit=record.unit,
        converted_by_person=record.approved_by or "sohoa",
        converted_at=record.signed_at or now,
        approved_by=record.approved_by or "sohoa",
        approved_at=record.approved_at or now,
        archived_at=now,
    )


def _split_with_object(shop: Workshop, scan: scans.ScanRow) -> Split | None:
    """What the scan holds, where it is archived as an object of its own: it holds several documents, or came in two
    passes. None where it is not."""
    with read(shop.engine) as conn:
        split = scans.split_of(conn, scan.id)
        several = (split is not None and len(split.parts) > 1) or bool(scans.passes_of(conn, scan.id))
    return split if several else None


def _passes_of(shop: Workshop, scan: scans.ScanRow) -> tuple[ScanPass, ...]:
    with read(shop.engine) as conn:
        sides = scans.passes_of(conn, scan.id)
    return tuple(
        ScanPass(
            file_name=side.file_name,
            sha256=side.sha256,
            size_bytes=side.size_bytes,
            in_reverse=side.in_reverse,
            pages=places(side.number, (scan.page_count or 0) // 2, side.in_reverse),
        )
        for side in sides
    )


def _whole_of(shop: Workshop, scan: scans.ScanRow, split: Split, record: documents.DocumentRecord) -> ScanOfSeveral:
    """The scan that the document is a part of."""
    return ScanOfSeveral(
        scan_id=scan.id,
        part=record.part,
        parts=len(split.parts),
        page_count=scan.page_count or 0,
        extract_sha256=sha256_file(extracted(shop, scan, record)),
        dossier_code=scan.dossier_code,
        component_code=scan.component_code,
    )


def _archive_whole_scan(shop: Workshop, scan: scans.ScanRow, split: Split, retain_until: date | None) -> None:
    """The scan as received stands in the archive before any part of it does, kept as long as this part at least.

    A page with a secrecy stamp keeps the file out of the archive: then only what is said of it stands there.
    """
    note = shop.scan_bench(scan.id) / "archived-until"
    kept = note.read_text() if note.exists() and is_archived(shop.store, scan.id) else ""
    until = retain_until.isoformat() if retain_until else "9999"
    if kept >= until:  # it was read back then, and is kept long enough
        return
    told = ArchivedScan(
        scan_id=scan.id,
        unit=scan.unit,
        source=_source_of(shop, scan),
        page_count=scan.page_count or 0,
        split=split,
        documents=tuple(document_ids(scan.id, len(split.parts))),
        withheld=next((part.refused for part in split.parts if part.refused), None),
    )
    received = [file.staged for file in intake.received(shop, scan)]
    archive_scan(shop.store, told, received, retain_until=retain_until)
    with landing(note) as part:
        part.write_text(until)


def index_entry(metadata: RecordMetadata, pages: Sequence[PageText | TextOfPage]) -> IndexEntry:
    """What the index knows of a record: the same from the archive as from a fresh document."""
    described = metadata.description
    value = described.value
    title = documents.title_of(described, metadata.source.file_name)
    return IndexEntry(
        document_id=metadata.document_id,
        unit=metadata.unit,
        kind=described.kind or "",
        title=title,
        number_symbol=value("number_symbol") or "",
        issuing_agency=value("issuing_agency") or "",
        issued_on=value("issued_on"),
        subject=value("subject") or "",
        signer_name=value("signer_name") or "",
        people_names=tuple(p.full_name.value for p in described.people if p.full_name),
        owner_ids=tuple(p.id_number.value for p in described.people if p.id_number),
        dossier_code=metadata.dossier_code or value("dossier_code") or "",
        text="\f".join(p.text for p in pages),
        archived_at=metadata.archived_at,
    )


def load_pages(shop: Workshop, document_id: DocumentId) -> tuple[PageText, ...]:
    """The pages as they were read, from the document's bench."""
    return PAGES.validate_json((shop.bench(document_id) / "pages.json").read_bytes())
