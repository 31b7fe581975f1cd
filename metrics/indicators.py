"""Indicators as code: each a versioned definition with a numerator and a denominator that are lists of what they count.

The number on a screen is the length of the list behind it (design.md, invariant 3): both come from the same query.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import yaml
from sqlalchemy import Connection, Select, and_, exists, select

from config.catalogue import Catalogue
from registry.errors import NotFound
from registry.tables import documents, dossiers, people, reuse_events
from registry.values import Value

Part = Literal["numerator", "denominator"]
RESOLVED = ("resolved", "returned")
Counted = tuple[str, ...]


class Definition(Value):
    code: str
    name: str
    version: int
    definition: str


class Indicator(Value):
    """A value for a unit with all below it, and a period. rate_percent is None for a denominator of 0 ("N/A")."""

    code: str
    name: str
    definition: str
    version: int
    unit: str
    start: date
    end: date
    numerator: int
    denominator: int
    rate_percent: float | None
    target_percent: float | None

    @property
    def status(self) -> str:
        """reached | near (within a tenth of the target) | missed | none."""
        if self.rate_percent is None or self.target_percent is None:
            return "none"
        if self.rate_percent >= self.target_percent:
            return "reached"
        return "near" if self.rate_percent >= 0.9 * self.target_percent else "missed"


@lru_cache
def definitions() -> Mapping[str, Definition]:
    """Code → definition, in the order they are shown."""
    told = yaml.safe_load((Path(__file__).parent / "definitions.yaml").read_text(encoding="utf-8"))
    return {entry["code"]: Definition.model_validate(entry) for entry in told}


def indicators(conn: Connection, catalogue: Catalogue, unit: str, start: date, end: date) -> tuple[Indicator, ...]:
    """All indicators of a unit and those below it, for days from start to end, both included."""
    return tuple(_indicator(conn, catalogue, d, unit, start, end) for d in definitions().values())


def by_unit(
    conn: Connection, catalogue: Catalogue, root: str, start: date, end: date
) -> dict[str, tuple[Indicator, ...]]:
    """Indicators of a unit and of each unit below it."""
    below = catalogue.subtree(root, end)
    codes = [u.code for u in catalogue.units_on(end) if u.code in below]
    return {code: indicators(conn, catalogue, code, start, end) for code in codes}


def drill(conn: Connection, catalogue: Catalogue, code: str, unit: str, start: date, end: date, part: str) -> Counted:
    """The very dossiers (for applicants-…: one dossier per person) that a part of an indicator counts.

    Raises NotFound for an unknown indicator or part.
    """
    if code not in COUNTS or part not in ("numerator", "denominator"):
        raise NotFound(f"no {part} of {code}")
    scope = _Scope(conn, catalogue, catalogue.subtree(unit, end), start, end)
    numerator, denominator = COUNTS[code](scope)
    return numerator if part == "numerator" else denominator


def rate(numerator: int, denominator: int) -> float | None:
    """Percent with two decimals, half up; None when there is nothing to count."""
    if denominator == 0:
        return None
    exact = Decimal(100 * numerator) / Decimal(denominator)
    return float(exact.quantize(Decimal("0.01"), rounding=ROUND_HALF_UP))


def _indicator(
    conn: Connection, catalogue: Catalogue, definition: Definition, unit: str, start: date, end: date
) -> Indicator:
    scope = _Scope(conn, catalogue, catalogue.subtree(unit, end), start, end)
    numerator, denominator = COUNTS[definition.code](scope)
    level = catalogue.unit(unit, end).level
    return Indicator(
        **definition.model_dump(),
        unit=unit,
        start=start,
        end=end,
        numerator=len(numerator),
        denominator=len(denominator),
        rate_percent=rate(len(numerator), len(denominator)),
        target_percent=catalogue.target(level, definition.code, end),
    )


class _Scope:
    """The units and days that are counted, and the lists that several indicators share."""

    def __init__(self, conn: Connection, catalogue: Catalogue, units: frozenset[str], start: date, end: date) -> None:
        self.conn, self.catalogue, self.units = conn, catalogue, units
        self.start, self.end = start.isoformat(), end.isoformat()

    def list(self, query: Select[Any]) -> Counted:
        return tuple(sorted(set(self.conn.execute(query).scalars())))

    def resolved(self) -> Select[Any]:
        return select(dossiers.c.code).where(
            dossiers.c.unit.in_(self.units),
            dossiers.c.status.in_(RESOLVED),
            dossiers.c.resolved_on.between(self.start, self.end),
        )

    def received(self) -> Select[Any]:
        return select(dossiers.c.code).where(
            dossiers.c.unit.in_(self.units), dossiers.c.received_on.between(self.start, self.end)
        )


_OF_DOSSIER = documents.c.dossier_code == dossiers.c.code
_ARCHIVED = and_(_OF_DOSSIER, documents.c.archived_at.is_not(None))
_SIGNED = and_(_OF_DOSSIER, documents.c.signature_level.is_not(None))
_REUSED = exists().where(reuse_events.c.dossier_code == dossiers.c.code, reuse_events.c.outcome == "reused")


def _digitised(scope: _Scope) -> tuple[Counted, Counted]:
    done = scope.resolved()
    return scope.list(done.where(exists().where(_ARCHIVED))), scope.list(done)


def _signed(scope: _Scope) -> tuple[Counted, Counted]:
    done = scope.resolved()
    return scope.list(done.where(exists().where(_SIGNED))), scope.list(done)


def _archived(scope: _Scope) -> tuple[Counted, Counted]:
    done = scope.resolved()
    over = ("rejected", "disposed")
    left = exists().where(_OF_DOSSIER, documents.c.archived_at.is_(None), documents.c.state.not_in(over))
    return scope.list(done.where(exists().where(and_(_ARCHIVED, _SIGNED)), ~left)), scope.list(done)


def _results(scope: _Scope) -> tuple[Counted, Counted]:
    """By procedure: which kinds of paper are its results is the catalogue's to say."""
    numerator: set[str] = set()
    denominator: set[str] = set()
    on = date.fromisoformat(scope.end)
    for procedure in scope.catalogue.procedures_on(on):
        kinds = [r.kind for r in procedure.results if r.kind]
        if kinds:
            done = scope.resolved().where(dossiers.c.procedure == procedure.code)
            denominator |= set(scope.list(done))
            result = exists().where(_ARCHIVED, _SIGNED, documents.c.kind.in_(kinds))
            numerator |= set(scope.list(done.where(result)))
    return tuple(sorted(numerator)), tuple(sorted(denominator))


def _reusing(scope: _Scope) -> tuple[Counted, Counted]:
    received = scope.received()
    return scope.list(received.where(_REUSED)), scope.list(received)


def _not_resubmitting(scope: _Scope) -> tuple[Counted, Counted]:
    """One dossier stands for each person: the first by code, of those that count."""
    held = (
        select(documents.c.id)
        .join(people, people.c.document_id == documents.c.id)
        .where(
            people.c.id_number == dossiers.c.applicant_id,
            documents.c.archived_at.is_not(None),
            documents.c.dossier_code.is_distinct_from(dossiers.c.code),
            documents.c.issued_on < dossiers.c.received_on,
        )
        .exists()
    )
    asked = scope.received().add_columns(dossiers.c.applicant_id).where(dossiers.c.applicant_id.is_not(None))
    reused = {person: code for code, person in scope.conn.execute(asked.where(_REUSED).order_by(dossiers.c.code))}
    known = {person: code for code, person in scope.conn.execute(asked.where(held).order_by(dossiers.c.code))}
    denominator = {**known, **reused}
    return tuple(sorted(reused.values())), tuple(sorted(denominator.values()))


COUNTS: Mapping[str, Callable[[_Scope], tuple[Counted, Counted]]] = {
    "dossiers-digitised": _digitised,
    "dossiers-signed": _signed,
    "dossiers-archived": _archived,
    "results-proven": _results,
    "dossiers-reusing": _reusing,
    "applicants-not-resubmitting": _not_resubmitting,
}
