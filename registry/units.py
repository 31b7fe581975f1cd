"""The catalogue's units in force, copied into the registry for joins."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from sqlalchemy import Connection, delete, insert

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


def sync(conn: Connection, in_force: Iterable[UnitFacts]) -> None:
    """The table holds exactly these units. Safe to repeat."""
    rows = [{"code": u.code, "name": u.name, "level": u.level, "parent": u.parent, "inbox": u.inbox} for u in in_force]
    conn.execute(delete(units))
    if rows:
        conn.execute(insert(units), rows)
