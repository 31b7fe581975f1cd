"""Records whose days are over are removed, and only by a decision of two people that stays when they are gone.

One proposes with the basis on paper, another approves under an account of their own; the decision stands in the archive
before the first byte goes. Then each record goes from every home, from the index and from the registry. Whatever
forbids a removal (a day, a hold, a lock of the store) is asked anew at every stage: a record that must be kept is kept.
After a crash at any instant the next call goes on: what is gone already is passed over, what is left is removed.
"""

from __future__ import annotations

import hashlib
import shutil
import uuid
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import structlog
from sqlalchemy import Connection, Engine

from archive.aip import read_papers
from archive.disposals import (
    Outcome,
    archive_decision,
    archive_outcome,
    decision_bytes,
    has_decision,
    is_left,
    read_outcome,
)
from archive.fixity import check_object
from archive.ocfl import object_root, root_of
from archive.scans import scan_object
from archive.store import ObjectStore
from pipeline.fixity import LIMIT_DAYS
from pipeline.holds import Homes
from registry import audit, disposals, documents, fixity
from registry.database import read, write
from registry.disposals import DisposalRow, Item
from registry.errors import Conflict, FixityMismatch, KeyNotFound, NotAllowed, NotDue, Retained, ServiceUnavailable
from registry.values import (
    Disposal,
    DisposedRecord,
    DocumentId,
    ScanId,
    Value,
    utc_now,
    vietnam_date,
)
from search.index import SearchIndex

log = structlog.get_logger("sohoa.disposal")

MOST_RECORDS = 5000
"""Records of one decision: what two people can look over."""
LEARNT_AT_ONCE = 2000


@dataclass(frozen=True, slots=True)
class Site:
    """What a removal touches. work: the folder in which half-made files of a document may still lie."""

    engine: Engine
    homes: Homes
    index: SearchIndex
    work: Path


class CarriedOut(Value):
    """left: records that could not be removed yet, because a home did not answer."""

    id: str
    removed: int
    kept: int
    left: int


def learn_retention(engine: Engine, store: ObjectStore) -> int:
    """The registry knows of some more records, archived before it was told, how long they are kept; of how many.

    A record that cannot be read stays unknown, and what is unknown is kept. Raises ServiceUnavailable.
    """
    with read(engine) as conn:
        ids = disposals.without_retention(conn, LEARNT_AT_ONCE)
    days: list[tuple[DocumentId, date | None]] = []
    for document_id in ids:
        with suppress(KeyNotFound, FixityMismatch):
            days.append((document_id, read_papers(store, document_id).metadata.retain_until))
    if days:
        with write(engine) as conn:
            disposals.learn_retention(conn, days)
    return len(days)


def propose(engine: Engine, homes: Homes, ids: Sequence[DocumentId], *, basis: str, by: str) -> str:
    """The proposal stands and waits for somebody else; its id. by: an account that may decide (holds.require_keeper).

    Raises NotDue when only one of the records is not due, naming each with its reason: nothing is proposed then.
    Raises Conflict without a basis or records, ServiceUnavailable.
    """
    wanted = list(dict.fromkeys(ids))
    if not basis.strip() or not wanted or len(wanted) > MOST_RECORDS:
        raise Conflict(f"a disposal has a basis and 1 to {MOST_RECORDS} records")
    records: list[DisposedRecord] = []
    refused: dict[str, str] = {}
    for document_id in wanted:
        why = _why_not(engine, homes, document_id)
        if why is None:
            records.append(_what_stays(engine, homes.store, document_id))
        else:
            refused[document_id] = why
    if refused:
        raise NotDue(refused)
    disposal_id = str(uuid.uuid4())
    with write(engine) as conn:
        disposals.propose(conn, disposal_id, basis.strip(), by, records)
        detail = {"basis": basis.strip(), "records": len(records)}
        audit.append(conn, actor=by, action="dispose-propose", subject=disposal_id, detail=detail)
    return disposal_id


def approve(engine: Engine, homes: Homes, disposal_id: str, *, by: str) -> DisposalRow:
    """The decision is made: what is still due will be removed (`carry_out`); what is not any more is kept, with why.

    Raises NotAllowed for the account that proposed it, Conflict (it is not a proposal, or nothing of it is due).
    """
    _second_person(engine, disposal_id, by)
    with read(engine) as conn:
        wanted = disposals.items(conn, disposal_id, disposals.PENDING)
    kept = {i.document_id: why for i in wanted if (why := _why_not(engine, homes, i.document_id, besides=disposal_id))}
    with write(engine) as conn:
        _open(conn, disposal_id)
        for document_id, why in kept.items():
            disposals.keep(conn, disposal_id, document_id, why)
        if len(kept) == len(wanted):
            disposals.decide(conn, disposal_id, disposals.REFUSED, by, why="nothing of it is due")
        else:
            disposals.decide(conn, disposal_id, disposals.APPROVED, by)
        row = disposals.get(conn, disposal_id)
        detail: dict[str, int | str] = {"records": len(wanted) - len(kept), "kept": len(kept)}
        if row.state == disposals.APPROVED:  # the log is sealed, and so vouches for the decision's bytes
            decision = decision_bytes(_decision(row, disposals.items(conn, disposal_id)))
            detail["decision_sha256"] = hashlib.sha256(decision).hexdigest()
        audit.append(conn, actor=by, action="dispose-approve", subject=disposal_id, detail=detail)
        return row


def refuse(engine: Engine, disposal_id: str, *, by: str, why: str) -> None:
    """The proposal is off; its records are due as before. Whoever made it may take it back. Raises Conflict."""
    with write(engine) as conn:
        _open(conn, disposal_id)
        disposals.decide(conn, disposal_id, disposals.REFUSED, by, why=why.strip()[:300])
        audit.append(conn, actor=by, action="dispose-refuse", subject=disposal_id)


def carry_out(site: Site, disposal_id: str, *, progress: Callable[[], None] = lambda: None) -> CarriedOut:
    """Nothing is left of the decision's records but the decision, or it says why they are kept.

    Safe to repeat and to interrupt at any instant. A home that does not answer leaves records for the next call.
    Raises Conflict for what is not approved, ServiceUnavailable when the archive itself does not answer.
    """
    with read(site.engine) as conn:
        row = disposals.get(conn, disposal_id)
        if row.state not in (disposals.APPROVED, disposals.DONE):
            raise Conflict(f"the disposal is {row.state}, not approved")
        all_of_it = disposals.items(conn, disposal_id)
    if row.state == disposals.APPROVED:
        if not has_decision(site.homes.store, disposal_id):
            archive_decision(site.homes.store, _decision(row, all_of_it))
        left = 0
        for item in (i for i in all_of_it if i.state == disposals.PENDING):
            try:
                _remove(site, row, item)
            except ServiceUnavailable as exc:
                left += 1
                log.warning("disposal_pending", disposal=disposal_id, code=exc.code)
            progress()
        if not left:
            _finish(site, row)
    with read(site.engine) as conn:
        counted = disposals.get(conn, disposal_id).counted
    return CarriedOut(
        id=disposal_id,
        removed=counted.get(disposals.GONE, 0),
        kept=counted.get(disposals.KEPT, 0),
        left=counted.get(disposals.PENDING, 0),
    )


def carry_out_approved(site: Site) -> None:
    """Whatever two people have decided is carried out. For the runner; safe to repeat."""
    with read(site.engine) as conn:
        approved = disposals.listing(conn, (disposals.APPROVED,))
    for row in approved:
        carry_out(site, row.id)


def _why_not(engine: Engine, homes: Homes, document_id: DocumentId, *, besides: str = "") -> str | None:
    """Why the record must not be removed today; None when it may. Beside the registry's reasons: locked | damaged."""
    today = vietnam_date(utc_now())
    with read(engine) as conn:
        why = disposals.why_not(conn, document_id, today, besides=besides)
        known = fixity.get(conn, object_root(document_id))
    if why is not None:
        return why
    if _is_locked(homes, object_root(document_id), today):
        return "locked"
    fresh = known and known.checked_at and utc_now() - known.checked_at < timedelta(days=LIMIT_DAYS)
    if known is None or not fresh or known.findings:
        at, found = utc_now(), check_object(homes.store, object_root(document_id))
        with write(engine) as conn:
            fixity.note_checked(conn, object_root(document_id), found.findings, found.bytes_read, at)
        return None if found.ok else "damaged"
    return None


def _is_locked(homes: Iterable[ObjectStore], root: str, today: date) -> bool:
    """Whether some home forbids the removal; one that has nothing of it does not."""
    for home in homes:
        with suppress(KeyNotFound):
            if home.lock(root).forbids_removal(today):
                return True
    return False


def _what_stays(engine: Engine, store: ObjectStore, document_id: DocumentId) -> DisposedRecord:
    """Codes, days and digests: nothing that a citizen could be known by."""
    papers = read_papers(store, document_id)
    with read(engine) as conn:
        row = documents.get(conn, document_id)
    told = papers.metadata
    if told.retain_until is None or told.legal_hold is not None or row.archived_at is None:
        raise NotDue({document_id: "retained"})  # the record itself says otherwise than the registry
    return DisposedRecord(
        document_id=document_id,
        scan_id=ScanId(row.scan_id) if row.scan_id else None,
        unit=told.unit,
        kind=told.description.kind,
        retention_class=told.retention_class,
        retain_until=told.retain_until,
        archived_at=told.archived_at,
        original_sha256=told.source.sha256,
        files={("original" if n.startswith("original/") else n): digest for n, digest in papers.digests.items()},
    )


def _second_person(engine: Engine, disposal_id: str, by: str) -> None:
    with read(engine) as conn:
        row = disposals.get(conn, disposal_id)
    if row.state != disposals.PROPOSED:
        raise Conflict(f"the disposal is {row.state}, not proposed")
    if row.proposed_by.casefold() == by.casefold():
        raise NotAllowed("whoever proposed a disposal does not approve it")


def _open(conn: Connection, disposal_id: str) -> None:
    state = disposals.get(conn, disposal_id, lock=True).state
    if state != disposals.PROPOSED:
        raise Conflict(f"the disposal is {state}, not proposed")


def _decision(row: DisposalRow, all_of_it: Sequence[Item]) -> Disposal:
    """What was kept at the approval is not in it, what is kept later is."""
    if row.decided_at is None or row.decided_by is None:
        raise Conflict("the disposal was not decided")
    at = row.decided_at
    decided = [i.told for i in all_of_it if i.state != disposals.KEPT or (i.ended_at is not None and i.ended_at > at)]
    return Disposal(
        id=row.id,
        basis=row.basis,
        proposed_by=row.proposed_by,
        proposed_at=row.proposed_at,
        approved_by=row.decided_by,
        approved_at=row.decided_at,
        records=tuple(decided),
    )


def _remove(site: Site, row: DisposalRow, item: Item) -> None:
    """One record is gone from everywhere, or kept with the reason. Raises ServiceUnavailable."""
    document_id, told = item.document_id, item.told
    root, today = object_root(document_id), vietnam_date(utc_now())
    with read(site.engine) as conn:
        held = documents.is_held(conn, document_id)
    if held or _is_locked(site.homes, root, today):
        _keep(site.engine, row, document_id, "held" if held else "locked")
        return
    try:
        for home in site.homes:
            with suppress(KeyNotFound):
                home.delete_tree(root)
    except Retained as exc:  # a hold that was laid this very moment
        if not is_left(site.homes.store, document_id):
            raise ServiceUnavailable("the replica holds what the archive has let go") from exc
        _keep(site.engine, row, document_id, "locked")
        return
    removed = [root]
    with read(site.engine) as conn:
        alone = told.scan_id is not None and not disposals.others_of_scan(conn, told.scan_id, document_id)
    if alone:
        removed.append(root_of(scan_object(ScanId(told.scan_id or ""))))
        for home in site.homes:
            with suppress(KeyNotFound, Retained):
                home.delete_tree(removed[-1])
    site.index.delete([document_id])
    shutil.rmtree(site.work / "documents" / document_id, ignore_errors=True)
    at = utc_now()
    with write(site.engine) as conn:
        if not disposals.gone(conn, row.id, told, row.decided_by or "", at):
            return
        fixity.forget(conn, removed)
        detail = {"disposal": row.id, "pdf_sha256": told.files.get("document.pdf", "")}
        audit.append(
            conn, actor=row.decided_by or "", action="dispose", subject=document_id, unit=told.unit, detail=detail
        )


def _keep(engine: Engine, row: DisposalRow, document_id: DocumentId, why: str) -> None:
    with write(engine) as conn:
        if not disposals.keep(conn, row.id, document_id, why):
            return
        detail = {"disposal": row.id, "why": why}
        audit.append(conn, actor="sohoa", action="dispose-keep", subject=document_id, detail=detail)


def _finish(site: Site, row: DisposalRow) -> None:
    """The outcome stands beside the decision, as it was written first; then the registry says so."""
    with read(site.engine) as conn:
        ended = disposals.items(conn, row.id)
    outcome = read_outcome(site.homes.store, row.id)
    if outcome is None:
        outcome = Outcome(
            id=row.id,
            done_at=max((i.ended_at for i in ended if i.ended_at), default=utc_now()),
            removed={i.document_id: i.ended_at for i in ended if i.state == disposals.GONE and i.ended_at},
            kept={i.document_id: i.reason or "" for i in ended if i.state == disposals.KEPT},
        )
        archive_outcome(site.homes.store, outcome)
    with write(site.engine) as conn:
        if disposals.get(conn, row.id, lock=True).state == disposals.DONE:
            return
        disposals.finish(conn, row.id, outcome.done_at)
        detail = {"removed": len(outcome.removed), "kept": len(outcome.kept)}
        audit.append(conn, actor="sohoa", action="dispose-done", subject=row.id, detail=detail)
