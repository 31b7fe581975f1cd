"""The path of one scan, from top to bottom.

claim → identify → read → split → write → describe → review? → sign (here, or by an official) → archive → release; the
runner's indexer then puts what is archived into the index. From `split` on each document of the scan goes its own way.

Two durable workflows (DBOS): `digitise` up to the point where a person may have to look, `preserve` from there to
the archive. Between them no worker is held. Only this module moves a scan's or document's state on failure: what is
refused goes to quarantine; what is broken around it (disk, server) stalls, is shown, and is tried again by the runner.
"""

from __future__ import annotations

import structlog
from dbos import DBOS, DBOSConfig, SetEnqueueOptions, SetWorkflowID
from sqlalchemy.exc import SQLAlchemyError

from pipeline import parting, settling, steps
from pipeline.crew import end_if_given_up
from pipeline.dispatch import APPLICATION_VERSION, PRESERVE_FIRST, QUEUE, preserving, quiet, workflow_database
from pipeline.workshop import Workshop
from registry import documents, scans
from registry.database import read, write
from registry.errors import RefusalCode, Refused, ServiceUnavailable, SohoaError
from registry.values import DocumentId, DocumentState, ScanId, ScanState

log = structlog.get_logger("sohoa.workflow")

KILLS_SURVIVED = 10_000

_shop: Workshop | None = None
_instance = ""


def shop() -> Workshop:
    """The workshop of this process. DBOS calls workflows by name, so it cannot be an argument."""
    if _shop is None:
        raise RuntimeError("launch() comes first")
    return _shop


@DBOS.workflow(name="digitise", max_recovery_attempts=KILLS_SURVIVED)
def digitise(scan_id: str) -> str:
    """A claimed scan becomes documents that are archived, wait for a person, or are in quarantine, each by itself."""
    scan = ScanId(scan_id)
    try:
        signed = identify(scan)
        read_pages(scan)
        found = split(scan, signed)
    except Refused as refusal:
        set_aside(scan_id, refusal.reason, refusal.detail)
        return "quarantined"
    except Exception as exc:
        stall_scan(scan_id, error_code(exc))
        return "stalled"
    troubles = [trouble for document in found if (trouble := open_one(document, signed)) is not None]
    if troubles:
        stall_scan(scan_id, troubles[0])
        return "stalled"
    return "described"


def open_one(document: DocumentId, signed: bool) -> str | None:
    """One of the scan's documents is on its way, or refused; the code of what hinders it, None when nothing does."""
    try:
        write_text(document, signed)
        attempt = describe(document)
        if attempt is not None:
            start_preserving(document, attempt)
    except Refused as refusal:
        refuse(document, refusal.reason, refusal.detail)
    except Exception as exc:
        return error_code(exc)
    return None


@DBOS.workflow(name="preserve", max_recovery_attempts=KILLS_SURVIVED)
def preserve(document_id: str) -> str:
    """An approved document is signed, archived and read back; then its source leaves the inbox.

    One that an official signs elsewhere ends here, in state `to-sign`; the signature starts its next attempt.
    """
    document = DocumentId(document_id)
    try:
        if sign(document):
            return "to-sign"
        archive(document)
    except Exception as exc:
        stall_document(document_id, error_code(exc))
        return "stalled"
    release(document)
    return "archived"


@DBOS.step()
def identify(scan_id: ScanId) -> bool:
    """Whether the scan came signed; its type, pages and warnings are in the registry."""
    return steps.identify_scan(shop(), scan_id).signed


@DBOS.step()
def read_pages(scan_id: ScanId) -> None:
    parting.read_scan_pages(shop(), scan_id)
    log.info("read", scan_id=scan_id)


@DBOS.step()
def split(scan_id: ScanId, signed: bool) -> list[DocumentId]:
    found = parting.open_documents(shop(), scan_id, signed=signed)
    log.info("parted", scan_id=scan_id, documents=len(found))
    return found


@DBOS.step()
def write_text(document_id: DocumentId, signed: bool) -> None:
    parting.write_document(shop(), document_id, signed=signed)
    log.info("written", document_id=document_id)


@DBOS.step()
def describe(document_id: DocumentId) -> int | None:
    """The number of the attempt to preserve it; None where a person must look first."""
    unsure = steps.describe_document(shop(), document_id)
    log.info("described", document_id=document_id, review=unsure)
    if unsure:
        return None
    with read(shop().engine) as conn:
        return documents.get(conn, document_id).attempt


@DBOS.step()
def sign(document_id: DocumentId) -> bool:
    """Whether it waits for an official (workflows begun by an earlier version have None here: signed)."""
    return steps.sign_document(shop(), document_id)


@DBOS.step()
def archive(document_id: DocumentId) -> None:
    steps.archive_document(shop(), document_id)
    log.info("archived", document_id=document_id)


@DBOS.step()
def release(document_id: DocumentId) -> None:
    """The source leaves the inbox. What hinders that (a share that is away) undoes nothing: the runner tries again."""
    try:
        settling.release(shop(), document_id)
    except (SohoaError, OSError) as exc:
        log.warning("not_released", document_id=document_id, code=error_code(exc))


@DBOS.step()
def set_aside(scan_id: str, code: str, detail: str) -> None:
    end_if_given_up(shop().engine, _instance)
    settling.set_scan_aside(shop(), ScanId(scan_id), RefusalCode(code), detail)
    log.warning("quarantined", scan_id=scan_id, code=str(code))


@DBOS.step()
def refuse(document_id: str, code: str, detail: str) -> None:
    end_if_given_up(shop().engine, _instance)
    settling.refuse(shop(), DocumentId(document_id), RefusalCode(code), detail)
    log.warning("quarantined", document_id=document_id, code=str(code))


@DBOS.step()
def stall_scan(scan_id: str, code: str) -> None:
    end_if_given_up(shop().engine, _instance)
    with write(shop().engine) as conn:
        if scans.get(conn, ScanId(scan_id)).state != ScanState.DONE:
            scans.update(conn, ScanId(scan_id), state=ScanState.STALLED, error_code=code)
    log.error("stalled", scan_id=scan_id, code=code)


@DBOS.step()
def stall_document(document_id: str, code: str) -> None:
    with write(shop().engine) as conn:
        documents.set_state(conn, DocumentId(document_id), DocumentState.STALLED, error_code=code)
    log.error("stalled", document_id=document_id, code=code)


def error_code(exc: Exception) -> str:
    """The code shown on the screen; foreign errors by their class name, never with their text."""
    if isinstance(exc, SohoaError):
        return exc.code
    if isinstance(exc, SQLAlchemyError):  # from the workflow engine's own tables
        return ServiceUnavailable.code
    if isinstance(exc, OSError):
        return "storage"
    return f"internal:{type(exc).__name__}"[:40]


def start_preserving(document_id: DocumentId, attempt: int) -> None:
    """Durably queued; the same document and attempt once only, however often this is called."""
    with SetWorkflowID(preserving(document_id, attempt)), SetEnqueueOptions(priority=PRESERVE_FIRST):
        DBOS.enqueue_workflow(QUEUE, preserve, document_id)


def launch(workshop: Workshop, instance: str) -> None:
    """Workflows run in this process from now on, under this name; those that a crash interrupted go on first.

    Raises ServiceUnavailable when the database does not answer.
    """
    global _shop, _instance  # DBOS calls workflows by name: one workshop per process
    _shop, _instance = workshop, instance
    config: DBOSConfig = {
        "name": "sohoa",
        "system_database_url": workflow_database(workshop.settings.registry_url),
        "application_version": APPLICATION_VERSION,
        "executor_id": instance,
        "log_level": "CRITICAL",
    }
    DBOS(config=config)
    quiet()
    try:
        DBOS.launch()
    except (SQLAlchemyError, OSError) as exc:
        DBOS.destroy()
        raise ServiceUnavailable("the workflow database does not answer") from exc
    DBOS.register_queue(
        QUEUE,
        worker_concurrency=workshop.settings.workers.processes + 1,
        polling_interval_sec=0.2,
        on_conflict="always_update",
    )


def shut_down(patience_s: int) -> None:
    """Nothing new is begun, what runs gets `patience_s` to end; the rest goes on at the next launch, or with others."""
    DBOS.destroy(workflow_completion_timeout_sec=patience_s)
