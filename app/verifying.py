"""Verification in worker processes: documents and signatures are parsed there, and what the registry knows is added
here."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from app.judging import verify_file_in_worker, verify_in_worker
from config.settings import Settings
from pipeline.verification import Finding, VerificationReport, judged_again, log_check
from pipeline.workers import TaskFailed, WorkerPool
from registry import documents, recorded
from registry.database import read, write
from registry.values import DocumentId, Verdict, utc_now

if TYPE_CHECKING:
    from sqlalchemy import Engine

PATIENCE_S = 600.0
"""A record of 500 pages is a quarter of a gigabyte, perhaps on a slow share."""


def verify_here(
    pool: WorkerPool,
    settings: Settings,
    ids: Sequence[DocumentId],
    *,
    once: bool = False,
    signers: frozenset[str] | None = None,
) -> list[VerificationReport]:
    """The verdicts on records, in their order. One that a worker does not survive is INDETERMINATE, and says so.

    once: in a run over many, where scans of several documents need not be read again for each of their parts. signers:
    who may have signed the trust list.
    """
    try:
        return pool.run(verify_in_worker, settings, tuple(ids), once, signers, timeout_s=PATIENCE_S)
    except TaskFailed as exc:
        if exc.reason == "closed" or exc.reason.startswith("raised"):
            raise
        if len(ids) == 1:
            return [not_checked(str(ids[0]), exc.reason)]
    found = (verify_here(pool, settings, (one,), once=once, signers=signers) for one in ids)
    return [report for reports in found for report in reports]


def verify_file_here(
    pool: WorkerPool, settings: Settings, path: Path, signers: frozenset[str] | None = None
) -> VerificationReport:
    """The verdict on a loose PDF."""
    try:
        return pool.run(verify_file_in_worker, settings, path.resolve(), signers, timeout_s=PATIENCE_S)
    except TaskFailed as exc:
        if exc.reason == "closed":
            raise
        return not_checked(path.name, exc.reason)


def keep(engine: Engine, reports: Sequence[VerificationReport]) -> list[VerificationReport]:
    """The reports with what the audit log says of each, and the registry keeps the verdicts."""
    ids = [DocumentId(report.document_id) for report in reports]
    with read(engine) as conn:
        rows = recorded.recorded(conn, ids)
    judged = [judged_again(r, [log_check(r, rows.get(i, ()))]) for i, r in zip(ids, reports, strict=True)]
    with write(engine) as conn:
        for document_id, report in zip(ids, judged, strict=True):
            documents.keep_verdict(conn, document_id, report.verdict)
    return judged


def not_checked(name: str, why: str) -> VerificationReport:
    """The report on what could not be looked into."""
    found = Finding(name="structure", ok=None, detail=why, sub_indication="GENERIC")
    empty = VerificationReport(document_id=name, verdict=Verdict.INDETERMINATE, checks=(), at=utc_now())
    return judged_again(empty, [found])
