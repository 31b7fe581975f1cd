"""What must this citizen not bring again? The papers of a procedure against what is held and valid that day."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, and_, select

from config.catalogue import Catalogue, Component, DocumentType
from registry import audit, reuse_events
from registry.errors import Conflict, NotFound
from registry.reuse_events import ReuseEvent
from registry.tables import documents, dossiers, people
from registry.values import DocumentId, DocumentState, Value, Verdict, utc_now

USABLE = "usable"
REASONS = ("replaced", "extract", "withdrawn", "expired", "not-yet-issued", "signature", "purpose", USABLE)
"""Why a paper held is usable or not; `purpose` asks a person to compare the purpose written in it."""

VERDICT_KEPT = timedelta(hours=24)
"""A paper found whole and well signed within the last day is offered without reading it all again: a clerk gets the
answer at once, and recording the reuse validates anew in any case. A verdict against a paper is never taken from
memory, since it would send a citizen away."""


class Candidate(Value):
    """A paper held. valid_until: the last day, None when it has none. why: one of REASONS."""

    document_id: DocumentId
    title: str
    unit: str
    issued_on: str | None
    valid_until: str | None
    usable: bool
    why: str
    verdict: Verdict | None = None


class ComponentAnswer(Value):
    """A required paper: missing unless some candidate is usable. asked_anew: made for each application."""

    code: str
    name: str
    required: bool
    required_when: str | None
    asked_anew: bool
    candidates: tuple[Candidate, ...]
    missing: bool


class ReuseAnswer(Value):
    procedure: str
    procedure_name: str
    on: date
    components: tuple[ComponentAnswer, ...]


def check(
    conn: Connection,
    catalogue: Catalogue,
    *,
    owner: str,
    procedure: str,
    on: date,
    units: frozenset[str] | None,
    verdict_of: Callable[[DocumentId], Verdict],
) -> ReuseAnswer:
    """For each paper the procedure asks for on that day: what of the owner's is held and whether it can be used.

    owner: 12 or 9 digits; papers under the person's other number count where one paper or dossier names both. A
    person is never matched by name alone. units: where to look first; papers of other units come behind.
    verdict_of is asked only for papers that are otherwise usable and not found good within VERDICT_KEPT. Raises
    NotFound for an unknown procedure.
    """
    try:
        wanted = catalogue.procedure(procedure, on)
    except KeyError as exc:
        raise NotFound(f"no procedure {procedure} is in force on {on}") from exc
    held = _papers_of(conn, catalogue, _numbers_of(conn, owner))
    held.sort(key=lambda row: (units is not None and row.unit not in units, _backwards(row.issued_on)))
    answers = tuple(_answer(component, held, catalogue, on, verdict_of) for component in wanted.components_on(on))
    return ReuseAnswer(procedure=wanted.code, procedure_name=wanted.name, on=on, components=answers)


def record(
    conn: Connection,
    catalogue: Catalogue,
    *,
    document_id: DocumentId,
    dossier_code: str,
    component_code: str,
    actor: str,
    unit: str,
    verdict: Verdict,
    on: date,
) -> ReuseEvent:
    """The reuse stands as an event, with the hash of the bytes used and the verdict of this moment. Repeatable.

    Raises NotFound, and Conflict for what check() would not call usable.
    """
    row = conn.execute(select(documents).where(documents.c.id == document_id)).first()
    if row is None:
        raise NotFound(f"no document {document_id}")
    dossier = conn.execute(select(dossiers).where(dossiers.c.code == dossier_code)).first()
    if dossier is None:
        raise NotFound("no such dossier; import it first")
    why = _why(row, catalogue, on, lambda: verdict, None)
    if why != USABLE:
        raise Conflict(f"the document cannot be reused: {why}")
    _require_fit(conn, catalogue, row, dossier, component_code, on)
    event = reuse_events.add(
        conn,
        document_id=document_id,
        dossier_code=dossier_code,
        component_code=component_code,
        unit=unit,
        actor=actor,
        outcome="reused",
        verdict=verdict,
        pdf_sha256=row.pdf_sha256 or "",
        result_code=_result_code(catalogue, row.kind, on),
    )
    audit.append(
        conn,
        actor=actor,
        action="reuse",
        subject=document_id,
        unit=unit,
        detail={"dossier": dossier_code, "component": component_code, "verdict": verdict},
    )
    return event


def _require_fit(
    conn: Connection, catalogue: Catalogue, row: Row[Any], dossier: Row[Any], component_code: str, on: date
) -> None:
    """The component takes this kind of paper, and the paper is the applicant's own, where the dossier says who."""
    if dossier.procedure:
        try:
            procedure = catalogue.procedure(dossier.procedure, on)
        except KeyError as exc:
            raise NotFound(f"no procedure {dossier.procedure} is in force") from exc
        component = next((c for c in procedure.components_on(on) if c.code == component_code), None)
        if component is None:
            raise NotFound(f"procedure {procedure.code} has no component {component_code}")
        if row.kind not in component.kinds:
            raise Conflict(f"component {component_code} takes other papers")
    if dossier.applicant_id:
        held = _papers_of(conn, catalogue, _numbers_of(conn, dossier.applicant_id))
        if row.id not in {paper.id for paper in held}:
            raise Conflict("the document is not the applicant's")


def _answer(
    component: Component,
    held: Sequence[Row[Any]],
    catalogue: Catalogue,
    on: date,
    verdict_of: Callable[[DocumentId], Verdict],
) -> ComponentAnswer:
    candidates: list[Candidate] = []
    if component.reusable:
        for row in held:
            if row.kind in component.kinds:
                candidates.append(_candidate(row, component, catalogue, on, verdict_of))
    candidates.sort(key=lambda c: not c.usable)
    return ComponentAnswer(
        code=component.code,
        name=component.name,
        required=component.required,
        required_when=component.required_when,
        asked_anew=not component.reusable or not component.kinds,
        candidates=tuple(candidates),
        missing=not any(c.usable for c in candidates),
    )


def _candidate(
    row: Row[Any],
    component: Component,
    catalogue: Catalogue,
    on: date,
    verdict_of: Callable[[DocumentId], Verdict],
) -> Candidate:
    seen: list[Verdict] = []

    def judged() -> Verdict:
        seen.append(_kept_verdict(row) or verdict_of(row.id))
        return seen[-1]

    why = _why(row, catalogue, on, judged, component.purpose)
    until = _valid_until(row, catalogue.kinds[row.kind])
    return Candidate(
        document_id=row.id,
        title=row.title,
        unit=row.unit,
        issued_on=row.issued_on,
        valid_until=until.isoformat() if until else None,
        usable=why in (USABLE, "purpose"),
        why=why,
        verdict=seen[0] if seen else None,
    )


def _why(
    row: Row[Any],
    catalogue: Catalogue,
    on: date,
    verdict: Callable[[], Verdict],
    purpose: str | None,
) -> str:
    """The first reason that speaks against the paper, or `purpose`, or `usable`."""
    kind = catalogue.kinds.get(row.kind or "")
    if row.replaced_by or row.copied_from:  # some pages of a paper are not the paper that is asked for
        return "replaced" if row.replaced_by else "extract"
    if row.state == DocumentState.WITHDRAWN or kind is None or not kind.reusable:
        return "withdrawn"
    if row.issued_on and row.issued_on > on.isoformat():
        return "not-yet-issued"
    until = _valid_until(row, kind)
    if (until is not None and until < on) or (kind.validity.kind in ("months", "year-end") and until is None):
        return "expired"
    if verdict() != Verdict.PASSED:
        return "signature"
    return "purpose" if kind.purpose_bound and purpose else USABLE


def _kept_verdict(row: Row[Any]) -> Verdict | None:
    """What the registry keeps of the last validation, where it may still be relied on."""
    if row.verdict != Verdict.PASSED or not row.verdict_at:
        return None
    age = utc_now() - datetime.fromisoformat(row.verdict_at)
    return Verdict.PASSED if timedelta(0) <= age < VERDICT_KEPT else None


def _valid_until(row: Row[Any], kind: DocumentType) -> date | None:
    """Counted from the day of issue; a paper with a term but no readable day of issue counts as expired."""
    return kind.validity.until(date.fromisoformat(row.issued_on)) if row.issued_on else None


def _papers_of(conn: Connection, catalogue: Catalogue, numbers: set[str]) -> list[Row[Any]]:
    """Archived papers that name the person by number as one whose paper it is, or that lie in the person's own
    dossiers and are not somebody else's by number (a child's certificate in its father's dossier is the child's)."""
    named = (
        select(documents, people.c.position)
        .join(people, people.c.document_id == documents.c.id)
        .where(people.c.id_number.in_(numbers))
    )
    archived = documents.c.archived_at.is_not(None)
    rows = {
        row.id: row
        for row in conn.execute(named.where(archived))
        if row.position == 0 or _is_shared(catalogue, row.kind)
    }
    own = (
        select(documents, people.c.id_number.label("first_number"))
        .join(dossiers, dossiers.c.code == documents.c.dossier_code)
        .outerjoin(people, and_(people.c.document_id == documents.c.id, people.c.position == 0))
    )
    for row in conn.execute(own.where(dossiers.c.applicant_id.in_(numbers), archived)):
        if row.first_number is None or row.first_number in numbers or _is_shared(catalogue, row.kind):
            rows.setdefault(row.id, row)
    return list(rows.values())


def _is_shared(catalogue: Catalogue, kind: str | None) -> bool:
    known = catalogue.kinds.get(kind or "")
    return known is not None and known.owner == "all"


def _numbers_of(conn: Connection, owner: str) -> set[str]:
    """The number asked for, and the person's older or newer one where an application of theirs was filed under it:
    the same dossier names the applicant by one number and its paper's first person, born the same day, by the other.
    """
    numbers = {owner}
    paper = people.join(documents, documents.c.id == people.c.document_id)
    linked = (
        select(dossiers.c.applicant_id, people.c.id_number)
        .select_from(paper.join(dossiers, dossiers.c.code == documents.c.dossier_code))
        .where(people.c.position == 0, people.c.full_name == dossiers.c.applicant_name)
    )
    # two questions, each from its own index: one with "or" would be answered from neither
    for ours in (dossiers.c.applicant_id == owner, people.c.id_number == owner):
        for applicant, named in conn.execute(linked.where(ours)):
            if applicant and named and len(applicant) != len(named):
                numbers |= {applicant, named}
    return numbers


def _result_code(catalogue: Catalogue, kind: str | None, on: date) -> str | None:
    """The code of the result this paper once was: MaKetQuaThayThe of the national portal is computed from it."""
    codes = {r.code for p in catalogue.procedures_on(on) for r in p.results if r.kind == kind and kind is not None}
    return sorted(codes)[0] if codes else None


def _backwards(issued_on: str | None) -> tuple[bool, int]:
    return issued_on is None, -int((issued_on or "0").replace("-", ""))
