"""One document: what it says, whether its signature holds, what happened to it; and the human check before signing."""

from __future__ import annotations

from typing import Annotated, NamedTuple
from urllib.parse import quote

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from app.reporting.files import one_report
from app.web.visit import SEES_IDENTITY_NUMBERS, Visit, allowed, posted
from app.web.words import page_indexes
from registry import disposals, documents, reads, reuse_events, scans
from registry.database import read
from registry.documents import DocumentRecord
from registry.errors import NotFound
from registry.values import FIELD_NAMES, CopyForm, CopyOf, DocumentId, DocumentState, FieldValue, Person, ScanId

router = APIRouter()
WIDEST_PX = 1600
THUMBNAIL_PX = 420
"""Beside a hit of a search: headings can be read at most, and the search's own row names what it showed."""
REPORTS = {"pdf": "application/pdf", "xml": "application/xml"}
LATEST = 20
PERSON_PARTS = ("full_name", "id_number", "date_of_birth")


class Entry(NamedTuple):
    """One value on the review form. found: what was read, with its place; None when nothing was."""

    name: str
    label: str
    value: str
    found: FieldValue | None
    doubted: bool
    asked: bool
    """Whether this value is why the document waits: the cursor starts there."""


@router.get("/documents/{document_id}")
def document(document_id: str, visit: Annotated[Visit, Depends(allowed("document"))]) -> HTMLResponse:
    """The document's page; that it was looked at, and what for, is in the audit log."""
    record = visit.record(document_id)
    visit.read("view", record)
    archived = record.archived_at is not None
    with read(visit.wiring.engine) as conn:
        reused = reuse_events.of_document(conn, document_id)
        extracts = documents.copies_of(conn, document_id)
        looked = reads.find(conn, document_id=document_id, limit=LATEST) if visit.may("reads") else []
        scan = scans.get(conn, ScanId(record.scan_id)) if record.scan_id else None
        papers = len(documents.of_scan(conn, record.scan_id)) if record.scan_id else 1
        gone = disposals.of_document(conn, document_id) if record.disposed_at else None
    return visit.page(
        "document.html",
        gone=gone,
        record=record,
        scan=scan,
        papers=papers,
        names=FIELD_NAMES,
        parts=PERSON_PARTS,
        report=visit.wiring.records.verify(DocumentId(document_id)) if archived else None,
        reused=reused,
        extracts=extracts,
        may_extract=record.state == DocumentState.ARCHIVED and visit.may("review"),
        looked=looked,
        pages=range(record.page_count or 0) if record.step not in (None, "identified", "disposed") or archived else (),
        kind=visit.wiring.catalogue.kinds.get(record.kind or ""),
        retention=visit.wiring.catalogue.retention.get(record.retention_class or ""),
        unmasked=visit.user.role in SEES_IDENTITY_NUMBERS,
        sure=visit.wiring.settings.review.threshold,
    )


@router.get("/documents/{document_id}/pages/{page_index}.jpg")
def page_picture(
    document_id: str, page_index: int, visit: Annotated[Visit, Depends(allowed("document"))], width: int = 900
) -> Response:
    """A page as it will look in twenty years: drawn from the archived PDF. Raises NotFound."""
    record = visit.record(document_id)
    visit.read("view", record, glance=width <= THUMBNAIL_PX)
    picture = visit.wiring.records.preview(DocumentId(document_id), page_index, max(80, min(width, WIDEST_PX)))
    return Response(picture, media_type="image/jpeg", headers={"Cache-Control": "private, max-age=300"})


@router.get("/documents/{document_id}/document.pdf")
def download(document_id: str, visit: Annotated[Visit, Depends(allowed("document"))]) -> Response:
    """The PDF itself, byte for byte, so that anybody's validator can judge it."""
    record = visit.record(document_id)
    visit.read("download", record)
    content, name = visit.wiring.records.open_pdf(DocumentId(document_id))
    headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(name)}"}
    return Response(content, media_type="application/pdf", headers=headers)


@router.get("/documents/{document_id}/report.{kind}")
def report(document_id: str, kind: str, visit: Annotated[Visit, Depends(allowed("report"))]) -> Response:
    """The verdict of now as a file to be filed. Raises NotFound, Conflict when the document is not archived yet."""
    if kind not in REPORTS:
        raise NotFound("no such kind of report")
    record = visit.record(document_id)
    visit.read("report", record)
    found = visit.wiring.records.verify(DocumentId(document_id))
    made = one_report(visit.wiring, kind, found, made_by=visit.user.username)
    headers = {"Content-Disposition": f'attachment; filename="bao-cao-{record.id}.{kind}"'}
    return Response(made, media_type=REPORTS[kind], headers=headers)


@router.get("/documents/{document_id}/search-copy.pdf")
def download_search_copy(document_id: str, visit: Annotated[Visit, Depends(allowed("document"))]) -> Response:
    """The labelled copy of a document that came signed. Raises NotFound where there is none."""
    record = visit.record(document_id)
    content = visit.wiring.records.open_search_copy(DocumentId(document_id))
    visit.read("download", record)
    headers = {"Content-Disposition": f'attachment; filename="{document_id}-tra-cuu.pdf"'}
    return Response(content, media_type="application/pdf", headers=headers)


@router.get("/review")
def review_next(visit: Annotated[Visit, Depends(allowed("review"))]) -> Response:
    """The document that has waited longest; or a page that says there is none."""
    waiting = _waiting(visit)
    if waiting:
        return RedirectResponse(f"/review/{waiting[0].id}", status_code=303)
    return visit.page("review_none.html")


@router.get("/review/{document_id}")
def review(document_id: str, visit: Annotated[Visit, Depends(allowed("review"))]) -> Response:
    record = visit.record(document_id)
    if record.state != DocumentState.REVIEW:
        return RedirectResponse(f"/documents/{document_id}", status_code=303)
    visit.read("review", record)
    waiting = [row.id for row in _waiting(visit)]
    with read(visit.wiring.engine) as conn:
        scan = scans.get(conn, ScanId(record.scan_id)) if record.scan_id else None
    return visit.page(
        "review.html",
        record=record,
        scan=scan,
        entries=_entries(visit, record),
        kinds=visit.wiring.catalogue.kinds,
        pages=range(record.page_count or 0),
        position=waiting.index(record.id) + 1,
        total=len(waiting),
        after=waiting[(waiting.index(record.id) + 1) % len(waiting)],
    )


@router.post("/review/{document_id}")
async def decide(request: Request, document_id: str, visit: Annotated[Visit, Depends(posted("review"))]) -> Response:
    """What the person changed is kept as theirs; then the document goes on to signing, or back to the operator."""
    form = {key: value.strip() for key, value in (await request.form()).items() if isinstance(value, str)}
    record = visit.record(document_id)
    if form.get("decision") == "reject":
        visit.wiring.records.reject(DocumentId(document_id), form.get("why", ""), visit.user.username)
    else:
        before = {entry.name: entry.value for entry in _entries(visit, record)}
        changed = {name: form[name] for name in before if name in form and form[name] != before[name]}
        if form.get("kind") and form["kind"] != record.kind:
            changed["kind"] = form["kind"]
        if changed:
            visit.wiring.records.correct(DocumentId(document_id), changed, visit.user.username)
        visit.wiring.records.approve(DocumentId(document_id), visit.user.username, _copy_told(form, record))
    return RedirectResponse("/review", status_code=303)


@router.post("/documents/{document_id}/extract")
async def make_extract(
    request: Request, document_id: str, visit: Annotated[Visit, Depends(posted("review"))]
) -> Response:
    """The chosen pages are handed in as an extract of this document."""
    form = {key: value.strip() for key, value in (await request.form()).items() if isinstance(value, str)}
    purpose = visit.purpose_for(visit.record(document_id))
    wanted = page_indexes(form.get("pages", ""))
    visit.wiring.records.make_extract(
        DocumentId(document_id), wanted, reader=visit.reader, purpose=purpose, number=form.get("number") or None
    )
    return RedirectResponse("/tray", status_code=303)


def _copy_told(form: dict[str, str], record: DocumentRecord) -> CopyOf | None:
    """The kind of copy that the form says; None where the document has none to choose, or nothing was chosen."""
    chosen, number = form.get("copy_form", ""), form.get("copy_number") or None
    if chosen in set(CopyForm):
        return CopyOf(form=CopyForm(chosen), number=number)
    return CopyOf(form=record.copied.form, number=number) if number and record.copied else None


def _waiting(visit: Visit) -> list[documents.DocumentRow]:
    with read(visit.wiring.engine) as conn:
        return documents.by_state(conn, DocumentState.REVIEW, visit.units)


def _entries(visit: Visit, record: DocumentRecord) -> list[Entry]:
    """Every value that can be corrected; a person's parts are there to fill in also where nobody was read."""
    sure = visit.wiring.settings.review.threshold
    doubted = {reason.partition(":")[2] for reason in record.review_reasons}
    entries = [_entry(n, n, record.fields.get(n), sure, asked=n in doubted) for n in FIELD_NAMES]
    people = record.people or (Person(),)
    kind = visit.wiring.catalogue.kinds.get(record.kind or "")
    owners = len(kind.owners(people)) if kind and "people" in doubted else 0
    for position, person in enumerate(people):
        for part in PERSON_PARTS:
            found = getattr(person, part)
            weak = found.confidence < sure if found else _is_to_be_filled_in(position, part)
            asked = position < owners and weak
            entries.append(_entry(f"people.{position}.{part}", part, found, sure, asked=asked))
    return entries


def _is_to_be_filled_in(position: int, part: str) -> bool:
    """Whether a value that the paper does not seem to show is asked for: everybody has a name, the first a number."""
    return part == "full_name" or (position == 0 and part == "id_number")


def _entry(name: str, label: str, found: FieldValue | None, sure: float, *, asked: bool) -> Entry:
    doubted = asked or (found is not None and found.confidence < sure)
    return Entry(name, label, found.value if found else "", found, doubted, asked)
