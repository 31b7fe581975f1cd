"""The path of one scan, from top to bottom.

claim → identify → split → read → describe → review? → sign → archive → release → index

Two durable workflows (DBOS): `digitise` up to the point where a person may have to look, `preserve` from there to
the archive. Between them no worker is held. Only this module moves a scan's or document's state on failure: what is
refused goes to quarantine; what is broken around it (disk, server) stalls, is shown, and is tried again by the runner.
"""

from __future__ import annotations

from typing import Any

import structlog
from dbos import DBOS, DBOSConfig, Queue, SetWorkflowID

from archive.aip import read_record
from pipeline import intake, steps
from pipeline.workshop import Workshop
from registry import documents, scans
from registry.database import read, write
from registry.errors import RefusalCode, Refused, SohoaError
from registry.values import DocumentId, DocumentState, ScanId, ScanState

log = structlog.get_logger("sohoa.workflow")

APPLICATION_VERSION = "1"
"""Raised only when workflows under way cannot be finished by the new code; set by hand, or an upgrade orphans them."""
KILLS_SURVIVED = 10_000
QUEUE = "documents"

_shop: Workshop | None = None
_queue: Queue | None = None


def shop() -> Workshop:
    """The workshop of this process. DBOS calls workflows by name, so it cannot be an argument."""
    if _shop is None:
        raise RuntimeError("launch() comes first")
    return _shop


@DBOS.workflow(name="digitise", max_recovery_attempts=KILLS_SURVIVED)
def digitise(scan_id: str) -> str:
    """A claimed scan becomes documents that are archived, wait for a person, or are in quarantine."""
    scan = ScanId(scan_id)
    try:
        signed = identify(scan)
        for document in split(scan):
            read_text(document, signed)
            if not describe(document):
                start_preserving(document)
    except Refused as refusal:
        set_aside(scan_id, refusal.reason, refusal.detail)
        return "quarantined"
    except Exception as exc:
        stall_scan(scan_id, error_code(exc))
        return "stalled"
    return "described"


@DBOS.workflow(name="preserve", max_recovery_attempts=KILLS_SURVIVED)
def preserve(document_id: str) -> str:
    """An approved document is signed, archived and read back; then its source leaves the inbox; then it is indexed."""
    document = DocumentId(document_id)
    try:
        sign(document)
        archive(document)
    except Exception as exc:
        stall_document(document_id, error_code(exc))
        return "stalled"
    release(document)
    index(document)
    return "archived"


@DBOS.step()
def identify(scan_id: ScanId) -> bool:
    """Whether the scan came signed; its type, pages and warnings are in the registry."""
    return steps.identify_scan(shop(), scan_id).signed


@DBOS.step()
def split(scan_id: ScanId) -> list[DocumentId]:
    return steps.open_documents(shop(), scan_id)


@DBOS.step()
def read_text(document_id: DocumentId, signed: bool) -> None:
    steps.read_document(shop(), document_id, signed=signed)
    log.info("read", document_id=document_id)


@DBOS.step()
def describe(document_id: DocumentId) -> bool:
    unsure = steps.describe_document(shop(), document_id)
    log.info("described", document_id=document_id, review=unsure)
    return unsure


@DBOS.step()
def sign(document_id: DocumentId) -> None:
    steps.sign_document(shop(), document_id)


@DBOS.step()
def archive(document_id: DocumentId) -> None:
    steps.archive_document(shop(), document_id)
    log.info("archived", document_id=document_id)


@DBOS.step()
def release(document_id: DocumentId) -> None:
    with read(shop().engine) as conn:
        scan_id = documents.get(conn, document_id).scan_id
    steps.release_scan(shop(), ScanId(scan_id or ""), document_id)


@DBOS.step()
def index(document_id: DocumentId) -> None:
    """Find the document by search. An index that is down never undoes archiving: the runner puts it in later."""
    try:
        index_documents([document_id])
    except SohoaError as exc:
        log.warning("index_pending", document_id=document_id, code=exc.code)


@DBOS.step()
def set_aside(scan_id: str, code: str, detail: str) -> None:
    intake.set_aside(shop(), ScanId(scan_id), RefusalCode(code), detail)
    with write(shop().engine) as conn:
        for document in documents.of_scan(conn, scan_id):
            documents.set_state(conn, document, DocumentState.REJECTED, step="quarantined", error_code=code)
    log.warning("quarantined", scan_id=scan_id, code=code)


@DBOS.step()
def stall_scan(scan_id: str, code: str) -> None:
    with write(shop().engine) as conn:
        scans.update(conn, ScanId(scan_id), state=ScanState.STALLED, error_code=code)
    log.error("stalled", scan_id=scan_id, code=code)


@DBOS.step()
def stall_document(document_id: str, code: str) -> None:
    with write(shop().engine) as conn:
        documents.set_state(conn, DocumentId(document_id), DocumentState.STALLED, error_code=code)
    log.error("stalled", document_id=document_id, code=code)


def index_documents(ids: list[DocumentId]) -> None:
    """The documents are in the index, and the registry knows; from the archive's own words, as a rebuild does it."""
    records = [read_record(shop().store, i) for i in ids]
    shop().index.put([steps.index_entry(r.metadata, r.pages) for r in records])
    with write(shop().engine) as conn:
        documents.mark_indexed(conn, ids)


def error_code(exc: Exception) -> str:
    """The code shown on the screen; foreign errors by their class name, never with their text."""
    if isinstance(exc, SohoaError):
        return exc.code
    if isinstance(exc, OSError):
        return "storage"
    return f"internal:{type(exc).__name__}"[:40]


def start_digitising(scan_id: ScanId, attempt: int) -> None:
    """Durably queued; the same scan and attempt once only, however often this is called."""
    with SetWorkflowID(f"digitise-{scan_id}-{attempt}"):
        _enqueue(digitise, scan_id)


def start_preserving(document_id: DocumentId, attempt: int = 1) -> None:
    """Durably queued; the same document and attempt once only, however often this is called."""
    with SetWorkflowID(f"preserve-{document_id}-{attempt}"):
        _enqueue(preserve, document_id)


def _enqueue(workflow: Any, argument: str) -> None:
    if _queue is None:
        raise RuntimeError("launch() comes first")
    _queue.enqueue(workflow, argument)


def launch(workshop: Workshop) -> None:
    """Workflows run in this process from now on; those that a crash interrupted go on first."""
    global _shop, _queue  # noqa: PLW0603 DBOS registers workflows per process
    _shop = workshop
    config: DBOSConfig = {
        "name": "sohoa",
        "system_database_url": _workflow_database(workshop),
        "application_version": APPLICATION_VERSION,
        "executor_id": workshop.settings.instance,
        "log_level": "ERROR",
    }
    DBOS(config=config)
    DBOS.launch()
    _queue = DBOS.register_queue(
        QUEUE, worker_concurrency=workshop.settings.workers.processes + 1, polling_interval_sec=0.2
    )


def shut_down(patience_s: int) -> None:
    """No new step starts; running ones get `patience_s` to end, the rest is taken up at the next launch."""
    DBOS.destroy(workflow_completion_timeout_sec=patience_s)


def _workflow_database(workshop: Workshop) -> str:
    url = workshop.settings.registry_url
    return url.replace("registry.sqlite", "workflows.sqlite") if url.startswith("sqlite") else url
