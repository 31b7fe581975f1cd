"""The catalogue: units, procedures, document types, retention, targets. YAML with dates of effect, validated whole.

Law and forms change every year: nothing of this is a constant in code. Days are inclusive on both ends.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from config.errors import SettingsInvalid
from config.plain_yaml import read_yaml

SHIPPED = Path(__file__).parent / "data"
FILES = ("units", "document_types", "procedures", "retention", "targets")
FAR = date(9999, 12, 31)
T = TypeVar("T")


class Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Dated(Entry):
    """Something in force from one day to another."""

    valid_from: date = date(1900, 1, 1)
    valid_to: date = FAR

    def in_force(self, on: date) -> bool:
        return self.valid_from <= on <= self.valid_to


class Unit(Dated):
    """An administration. level is data: province, town, district, agency, commune, ward, … may come and go."""

    code: str
    """QĐ 20/2020/QĐ-TTg, Điều 4; kept for ever, also when the unit has ended."""
    name: str
    level: str
    parent: str | None = None
    inbox: str
    """Name of its folder below the inbox."""
    successor: str | None = None
    aliases: tuple[str, ...] = ()


class Validity(Entry):
    """How long a paper may be reused. `unknown` means a person decides each time."""

    kind: Literal["permanent", "months", "year-end", "unknown"] = "unknown"
    months: int | None = Field(default=None, gt=0)
    basis: str = ""

    def until(self, issued_on: date) -> date | None:
        """The last day of validity; None when there is none. Months are calendar months, clipped to the last day."""
        if self.kind == "months" and self.months:
            return add_months(issued_on, self.months)
        return date(issued_on.year, 12, 31) if self.kind == "year-end" else None


class DocumentType(Entry):
    """A kind of paper. titles: headings as printed. owner: who of the people named may have it reused."""

    code: str
    name: str
    abbreviation: str | None = None
    titles: tuple[str, ...]
    cues: tuple[str, ...] = ()
    """Phrases that only this paper has, for pages without its heading."""
    number_labels: tuple[str, ...] = ()
    """What its number stands after where the head has none: a label of one word ("Số") in the upper half only."""
    number_pattern: str = ""
    """A regular expression of the number after such a label; empty: nothing is read there."""
    doubtful_pattern: str = ""
    """A regular expression of whole numbers that a letter misread as a digit may have made: a person looks at them."""
    signer_titles: tuple[str, ...] = ()
    """Titles of who signs it that are printed in small letters too ("Người làm đơn")."""
    owner: Literal["first", "all"] = "all"
    required_fields: tuple[str, ...] = ()
    """What must be read with confidence, or a person looks; `people` is what is said of everybody whose paper it is."""
    retention_class: str = "permanent"
    validity: Validity = Validity()
    reusable: bool = True
    purpose_bound: bool = False
    """Valid only for the purpose written in it (marital status, NĐ 123/2015/NĐ-CP, Điều 23)."""

    @field_validator("number_pattern", "doubtful_pattern")
    @classmethod
    def _is_a_pattern(cls, pattern: str) -> str:
        try:
            re.compile(pattern)
        except re.error as error:
            raise ValueError(f"no regular expression: {error}") from None
        return pattern

    def owners(self, people: Sequence[T]) -> Sequence[T]:
        """Whose paper it is, of those named on it in their order."""
        return people[:1] if self.owner == "first" else people


class Component(Dated):
    """A required paper. kinds: document types that satisfy it; none for a paper that is never kept."""

    code: str
    name: str
    kinds: tuple[str, ...] = ()
    required: bool = True
    required_when: str | None = None
    purpose: str | None = None
    reusable: bool = True
    """False for the application itself: it is made anew each time."""


class ProcedureResult(Entry):
    code: str
    name: str
    kind: str | None = None


class Procedure(Dated):
    """A thủ tục hành chính with its papers and results."""

    code: str
    name: str
    field: str
    days: int | None = None
    components: tuple[Component, ...]
    results: tuple[ProcedureResult, ...] = ()

    def components_on(self, on: date) -> tuple[Component, ...]:
        """The papers asked for on that day."""
        return tuple(c for c in self.components if c.in_force(on))


class Retention(Entry):
    """years: None keeps for ever."""

    code: str
    name: str
    years: int | None = None
    basis: str = ""

    def until(self, from_day: date) -> date | None:
        """The last day of keeping: years are counted from the end of the year (Luật Lưu trữ 33/2024/QH15, Điều 15);
        None is for ever."""
        return None if self.years is None else date(from_day.year + self.years, 12, 31)


class Target(Dated):
    level: str
    indicator: str
    percent: float = Field(ge=0, le=100)
    basis: str = ""


E = TypeVar("E", bound=Entry)
D = TypeVar("D", bound=Dated)


class Catalogue(Entry):
    """All of it, cross-checked. Look-ups raise KeyError for what is not in force."""

    model_config = ConfigDict(frozen=True, extra="forbid", ignored_types=(cached_property,))

    units: tuple[Unit, ...]
    document_types: tuple[DocumentType, ...]
    procedures: tuple[Procedure, ...]
    retention_classes: tuple[Retention, ...]
    targets: tuple[Target, ...]

    @cached_property
    def kinds(self) -> Mapping[str, DocumentType]:
        return {kind.code: kind for kind in self.document_types}

    @cached_property
    def retention(self) -> Mapping[str, Retention]:
        return {entry.code: entry for entry in self.retention_classes}

    def units_on(self, on: date) -> tuple[Unit, ...]:
        """Units in force that day, parents before children."""
        return tuple(unit for unit in self.units if unit.in_force(on))

    def unit(self, code: str, on: date) -> Unit:
        return _one((u for u in self.units if u.code == code), on, f"unit {code}")

    def unit_by_inbox(self, folder: str, on: date) -> Unit | None:
        """The unit whose scans lie in that folder; None when there is none in force."""
        return next((u for u in self.units_on(on) if u.inbox == folder), None)

    def subtree(self, code: str, on: date) -> frozenset[str]:
        """The unit and all below it, in force that day."""
        found = {code}
        growing = True
        while growing:
            below = {u.code for u in self.units_on(on) if u.parent in found} - found
            found |= below
            growing = bool(below)
        return frozenset(found)

    def procedures_on(self, on: date) -> tuple[Procedure, ...]:
        return tuple(p for p in self.procedures if p.in_force(on))

    def procedure(self, code: str, on: date) -> Procedure:
        return _one((p for p in self.procedures if p.code == code), on, f"procedure {code}")

    def retain_until(self, retention_class: str, from_day: date) -> date | None:
        """The last day of keeping for a class; None, for ever, also for a class that is unknown: nothing is destroyed
        by default."""
        known = self.retention.get(retention_class)
        return known.until(from_day) if known else None

    def target(self, level: str, indicator: str, on: date) -> float | None:
        """Percent to reach; None when nothing is set for that level."""
        found = [t for t in self.targets if t.level == level and t.indicator == indicator and t.in_force(on)]
        return found[0].percent if found else None


def load_catalogue(folder: Path) -> Catalogue:
    """The catalogue in a folder of YAML files. Raises SettingsInvalid naming the file and what is wrong in it."""
    parts: dict[str, list[Any]] = {}
    for name in FILES:
        path = folder / f"{name}.yaml"
        try:
            parts[name] = read_yaml(path)
        except (OSError, yaml.YAMLError) as exc:
            raise SettingsInvalid(f"{path}: cannot be read: {exc}") from exc
    catalogue = Catalogue(
        units=_parse(folder, "units", Unit, parts),
        document_types=_parse(folder, "document_types", DocumentType, parts),
        procedures=_parse(folder, "procedures", Procedure, parts),
        retention_classes=_parse(folder, "retention", Retention, parts),
        targets=_parse(folder, "targets", Target, parts),
    )
    if problems := list(_contradictions(catalogue)):
        raise SettingsInvalid(f"{folder}: " + "; ".join(problems))
    return catalogue


def add_months(day: date, months: int) -> date:
    """The same day so many calendar months later, or that month's last day: 31/08 and 6 months give 28/02 or 29/02."""
    year, month = divmod(day.month - 1 + months, 12)
    year, month = day.year + year, month + 1
    following = date(year + month // 12, month % 12 + 1, 1)
    last = (following - date.resolution).day
    return date(year, month, min(day.day, last))


def _parse(folder: Path, name: str, entry: type[E], parts: Mapping[str, list[Any]]) -> tuple[E, ...]:
    try:
        return tuple(entry.model_validate(told) for told in parts[name] or [])
    except (ValidationError, TypeError) as exc:
        raise SettingsInvalid(f"{folder / name}.yaml: {exc}") from exc


def _contradictions(catalogue: Catalogue) -> Iterable[str]:
    yield from _overlaps("unit", catalogue.units, lambda u: u.code)
    yield from _overlaps("inbox folder", catalogue.units, lambda u: u.inbox)
    yield from _overlaps("procedure", catalogue.procedures, lambda p: p.code)
    yield from _overlaps("target", catalogue.targets, lambda t: f"{t.level}/{t.indicator}")
    codes = {u.code for u in catalogue.units}
    for unit in catalogue.units:
        if unit.parent and unit.parent not in codes:
            yield f"unit {unit.code}: parent {unit.parent} is unknown"
        elif _is_its_own_ancestor(unit, catalogue.units):
            yield f"unit {unit.code} is below itself"
        if unit.successor and unit.successor not in codes:
            yield f"unit {unit.code}: successor {unit.successor} is unknown"
    if len(catalogue.kinds) != len(catalogue.document_types):
        yield "a document type stands twice"
    for kind in catalogue.document_types:
        if kind.retention_class not in catalogue.retention:
            yield f"document type {kind.code}: retention class {kind.retention_class} is unknown"
    for procedure in catalogue.procedures:
        yield from _overlaps(f"component of {procedure.code}", procedure.components, lambda c: c.code)
        asked = {k for c in procedure.components for k in c.kinds} | {r.kind for r in procedure.results if r.kind}
        for code in sorted(asked - set(catalogue.kinds)):
            yield f"procedure {procedure.code}: document type {code} is unknown"


def _overlaps(what: str, entries: Sequence[D], key: Any) -> Iterable[str]:
    """Two entries of one code must not be in force on the same day."""
    by_code: dict[str, list[D]] = {}
    for entry in entries:
        by_code.setdefault(key(entry), []).append(entry)
    for code, same in by_code.items():
        same.sort(key=lambda e: e.valid_from)
        for earlier, later in itertools.pairwise(same):
            if later.valid_from <= earlier.valid_to:
                yield f"{what} {code} stands twice for {later.valid_from}"


def _is_its_own_ancestor(unit: Unit, units: Sequence[Unit]) -> bool:
    parents = {u.code: u.parent for u in units}
    seen, above = {unit.code}, unit.parent
    while above:
        if above in seen:
            return True
        seen.add(above)
        above = parents.get(above)
    return False


def _one(candidates: Iterable[D], on: date, what: str) -> D:
    for candidate in candidates:
        if candidate.in_force(on):
            return candidate
    raise KeyError(f"{what} is not in force on {on}")
