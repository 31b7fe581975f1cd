"""Signatures of archived records kept in force: raised to the wanted level when a service failed at signing, renewed
before their newest timestamp ends. Each time a new version of the record; nothing of it is overwritten.

What is to be done follows from the registry (registry.levels), so that it survives crashes, and after a rebuild from
the archive. The runner does it by itself; `sohoa archive renew` does the same by hand.
"""

from __future__ import annotations

import fcntl
import shutil
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import structlog

from archive.aip import (
    AipPapers,
    events_json,
    inventory_sha256,
    metadata_json,
    open_file,
    read_back,
    read_papers,
)
from pipeline.versions import write_version
from pipeline.workflow import error_code
from pipeline.workshop import Workshop
from registry import audit, documents, levels
from registry.database import read, write
from registry.errors import Conflict, FixityMismatch
from registry.recorded import version_detail
from registry.values import DocumentId, Event, Value, Verdict, sha256_file, utc_now, vietnam_date
from signing.policy import POLICY
from signing.renew import NotRenewed, RenewedPdf, renew_by
from signing.validate import validate_pdf

log = structlog.get_logger("sohoa.renewal")

ALARMS_DAYS = (90, 30, 7)
BATCH, AT_ONCE = 20, 4
"""Records asked for at a time, and worked on at once: nearly all of the time is waiting for the TSA."""
MEASURED_AT_ONCE = 500
"""Records measured in one round: each is read whole, some 50 ms."""
GIVE_UP_AFTER = 3
"""So many records in a row that failed for want of a service: the others would fail as well, and each waits for it."""
PAUSE_S, LONGEST_PAUSE_S = 60.0, 3600.0
WAITED_S = 5.0
"""A stop waits no longer: a record under way is safe to interrupt, and a TSA may take minutes."""
EVENT = "digital signature generation"


class Renewed(Value):
    """A record that was raised or renewed, or why not. version: of the record, None when it stayed as it was."""

    id: DocumentId
    ok: bool
    level: str | None = None
    renew_by: date | None = None
    version: str | None = None
    why: str = ""


def renew_record(shop: Workshop, document_id: DocumentId, *, at: datetime | None = None, due: bool = True) -> Renewed:
    """The record's newest version is B-LTA, its signature validated before and after; registry, events and audit log
    say so. What hinders that is told in the answer, and the record stays as it is.

    Safe to repeat and to interrupt: a version that stands in the archive already is taken note of. at: now.
    due: False for one that a person picked: that it cannot be renewed now keeps it from nothing, and is not noted.
    """
    try:
        with _alone(shop, document_id):
            return _renewed(shop, document_id, at)
    except Exception as exc:
        why = _why(exc)
        if due:
            with write(shop.engine) as conn:
                levels.postpone(conn, document_id, why)
        log.warning("not_renewed", document_id=document_id, code=why)
        return Renewed(id=document_id, ok=False, why=why)


def _why(exc: Exception) -> str:
    return exc.why if isinstance(exc, NotRenewed) else error_code(exc)


def run_due(shop: Workshop, ids: Callable[[], Sequence[DocumentId]], stop: Callable[[], bool]) -> tuple[int, int]:
    """Batches of records until there are none left; how many were done and how many were not.

    It ends early when it is stopped, or when a service is away.
    """
    done = failed = in_a_row = 0
    while batch := ids():
        for group in (batch[n : n + AT_ONCE] for n in range(0, len(batch), AT_ONCE)):
            if stop() or in_a_row >= GIVE_UP_AFTER:
                return done, failed
            for told in _at_once(shop, group):
                done, failed = done + told.ok, failed + (not told.ok)
                in_a_row = in_a_row + 1 if not told.ok and told.why.startswith(levels.OF_SERVICES) else 0
    return done, failed


def _at_once(shop: Workshop, group: Sequence[DocumentId]) -> list[Renewed]:
    """Each in a thread of its own that keeps no process from ending: a TSA may take minutes."""
    told: list[Renewed] = []
    threads = [threading.Thread(target=lambda i=i: told.append(renew_record(shop, i)), daemon=True) for i in group]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return told


def measure(shop: Workshop, document_id: DocumentId) -> None:
    """The registry knows when the record's newest timestamp ends by the policy in force. Where that cannot be told, it
    is tried again after a pause."""
    try:
        with TemporaryDirectory(prefix="renewal-", dir=_bench(shop)) as folder:
            until = renew_by(_fetched(shop, read_papers(shop.store, document_id), Path(folder)))
        if until is None:
            raise NotRenewed("no-timestamp")
        with write(shop.engine) as conn:
            levels.measured(conn, document_id, until, POLICY.version)
    except Exception as exc:
        with write(shop.engine) as conn:
            levels.postpone(conn, document_id, _why(exc))


class Renewer:
    """A thread of the runner: raises what is below the wanted level, renews what ends soon. While a service is away its
    pauses grow; the records themselves remember theirs."""

    def __init__(self, shop: Workshop) -> None:
        self._shop = shop
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, name="renewer", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Nothing is begun any more."""
        self._stop.set()
        self._thread.join(WAITED_S)

    def round(self) -> bool:
        """What is due is done, as far as services answer; whether all of it could be. Measured first: what a new policy
        lets end earlier is then among it."""
        self._measure()
        told, engine = self._shop.settings.signing, self._shop.engine

        def to_raise() -> Sequence[DocumentId]:
            with read(engine) as conn:
                return levels.to_raise(conn, told.level, BATCH, now=utc_now())

        def to_renew() -> Sequence[DocumentId]:
            until = vietnam_date(utc_now()) + timedelta(days=told.renew_days)
            with read(engine) as conn:
                return levels.to_renew(conn, until, BATCH, now=utc_now())

        failed = sum(run_due(self._shop, due, self._stop.is_set)[1] for due in (to_raise, to_renew))
        return not failed

    def _measure(self) -> None:
        """As many as one round may, so that what is due is not kept waiting by a new policy over the whole archive."""
        with read(self._shop.engine) as conn:
            unknown = levels.unmeasured(conn, POLICY.version, MEASURED_AT_ONCE, now=utc_now())
        for document_id in unknown:
            if self._stop.is_set():
                return
            measure(self._shop, document_id)

    def _work(self) -> None:
        pause = PAUSE_S
        while not self._stop.wait(pause):
            try:
                pause = PAUSE_S if self.round() else min(2 * pause, LONGEST_PAUSE_S)
            except Exception as exc:
                log.error("renewal_failed", code=error_code(exc))
                pause = min(2 * pause, LONGEST_PAUSE_S)


def _renewed(shop: Workshop, document_id: DocumentId, at: datetime | None) -> Renewed:
    with read(shop.engine) as conn:
        known = documents.get(conn, document_id)
    papers = read_papers(shop.store, document_id)
    if papers.metadata.signature_level is None:
        raise NotRenewed("came-signed")  # adding proofs would change the file that arrived
    if known.pdf_sha256 != papers.digests["document.pdf"]:
        # a version whose writer did not come to tell the registry
        return _noted(shop, papers, read_back(shop.store, document_id).version, validated=False)
    with TemporaryDirectory(prefix="renewal-", dir=_bench(shop)) as folder:
        before, after = _fetched(shop, papers, Path(folder)), Path(folder) / "renewed.pdf"
        if validate_pdf(before, shop.station.trust, at).verdict is Verdict.FAILED:
            raise FixityMismatch("its signature does not hold")
        # one that is raised only gains; one that is renewed must gain time, by the policy of today
        gained_only = papers.metadata.signature_level != "B-LTA"
        made = shop.station.renew(before, after, longer_than=None if gained_only else renew_by(before), at=at)
        found = validate_pdf(after, shop.station.trust, at)
        if found.verdict is not Verdict.PASSED:
            raise NotRenewed(f"verdict-{found.sub_indication or found.verdict}".lower().replace("_", "-"))
        version = _archived(shop, papers, made, at or utc_now())
    return _noted(shop, read_papers(shop.store, document_id), version, validated=True)


def _archived(shop: Workshop, papers: AipPapers, made: RenewedPdf, at: datetime) -> str:
    """The record has a new version with this file; its papers as they are now, should somebody have changed them while
    the TSA was waited for."""
    document_id = papers.metadata.document_id
    now = read_papers(shop.store, document_id)
    if now.digests["document.pdf"] != papers.digests["document.pdf"]:
        raise Conflict("the record was renewed meanwhile")
    was = now.metadata.signature_level or ""
    event = Event(
        type=EVENT,
        at=at,
        agent="sohoa",
        detail={
            "what": "archive timestamp",
            "level": made.level,
            "was": was,
            "renew_by": made.renew_by.isoformat(),
            "sha256": made.sha256,
        },
    )
    told = {"signature_level": made.level, "renew_by": made.renew_by, "schema_version": 4}
    changed: dict[str, bytes | Path] = {
        "document.pdf": made.path,
        "metadata.json": metadata_json(now.metadata.model_copy(update=told)),
        "events.json": events_json((*now.events, event)),
    }
    message = "archive timestamp renewed" if was == made.level else f"signature raised from {was} to {made.level}"
    unit = now.metadata.unit
    return write_version(
        shop.engine, shop.store, document_id, changed, actor="sohoa", unit=unit, message=message
    ).version


def _noted(shop: Workshop, papers: AipPapers, version: str, *, validated: bool) -> Renewed:
    """Registry and audit log say what the archive holds."""
    told, sha256 = papers.metadata, papers.digests["document.pdf"]
    with write(shop.engine) as conn:
        # of a version that only stands there, the policy may be one of before
        policy = POLICY.version if validated else None
        until = told.renew_by
        levels.reached(
            conn, told.document_id, level=told.signature_level, renew_by=until, policy=policy, pdf_sha256=sha256
        )
        for event in papers.events:
            documents.add_event(conn, told.document_id, event)
        if validated:
            documents.keep_verdict(conn, told.document_id, Verdict.PASSED)
        detail = {
            "level": told.signature_level or "",
            "pdf_sha256": sha256,
            **version_detail(conn, told.document_id, version, inventory_sha256(shop.store, told.document_id, version)),
        }
        audit.append(conn, actor="sohoa", action="renew", subject=told.document_id, unit=told.unit, detail=detail)
    log.info("renewed", document_id=told.document_id, level=told.signature_level, version=version)
    return Renewed(id=told.document_id, ok=True, level=told.signature_level, renew_by=told.renew_by, version=version)


def _fetched(shop: Workshop, papers: AipPapers, folder: Path) -> Path:
    """The record's PDF on this machine, compared with what is recorded. Raises FixityMismatch."""
    path = folder / "document.pdf"
    with open_file(shop.store, papers.metadata.document_id, "document.pdf") as stream, path.open("wb") as copy:
        shutil.copyfileobj(stream, copy, 1 << 20)
    if sha256_file(path) != papers.digests["document.pdf"]:
        raise FixityMismatch(f"{papers.metadata.document_id}: document.pdf")
    return path


def _bench(shop: Workshop) -> Path:
    folder = shop.folder("work") / "renewal"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextmanager
def _alone(shop: Workshop, document_id: DocumentId) -> Iterator[None]:
    """The runner and the command line do not renew the same record at once; as many locks as ids begin differently."""
    with (_bench(shop) / f"lock-{document_id[:2]}").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
