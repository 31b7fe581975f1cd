"""The catalogue's units in force, copied into the registry for joins."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

from sqlalchemy import Connection, delete, insert, select

from registry.concurrent import one_at_a_time
from registry.tables import units


class UnitFacts(Protocol):
    """What a unit of the catalogue says."""

    @property
    def code(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def level(self) -> str: ...
    @property
    def parent(self) -> str | None: ...
    @property
    def inbox(self) -> str: ...


def are_current(conn: Connection, in_force: Iterable[UnitFacts]) -> bool:
    """Whether the table holds exactly these units."""
    held = {row.code: dict(row._mapping) for row in conn.execute(select(units))}
    return held == {row["code"]: row for row in _rows(in_force)}


def sync(conn: Connection, in_force: Iterable[UnitFacts]) -> None:
    """The table holds exactly these units; nothing is written where it does already. Safe to repeat."""
    wanted = list(in_force)
    one_at_a_time(conn, "units")
    if are_current(conn, wanted):
        return
    conn.execute(delete(units))
    if wanted:
        conn.execute(insert(units), _rows(wanted))


def _rows(in_force: Iterable[UnitFacts]) -> list[dict[str, Any]]:
    return [{"code": u.code, "name": u.name, "level": u.level, "parent": u.parent, "inbox": u.inbox} for u in in_force]
