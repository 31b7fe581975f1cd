"""Processes at work on this installation: who beats, who drains, who is gone."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import Connection, delete, insert, select, update

from registry.tables import workers
from registry.values import Value, utc_now

KEPT = timedelta(days=1)
"""So long the rows of processes that ended stay, for the people who look why."""


class WorkerRow(Value):
    """state: working | draining | stopped | lost. version: of the workflows it can run."""

    instance: str
    role: str
    host: str
    version: str
    state: str
    beat: int
    started_at: str
    seen_at: str

    @property
    def alive(self) -> bool:
        """Whether it has neither ended nor been given up."""
        return self.state in ("working", "draining")


def register(conn: Connection, *, instance: str, role: str, host: str, version: str) -> None:
    """The process is at work under this name; an earlier one of the same name is forgotten."""
    conn.execute(delete(workers).where(workers.c.instance == instance))
    now = _now()
    conn.execute(
        insert(workers).values(
            instance=instance,
            role=role,
            host=host,
            version=version,
            state="working",
            beat=1,
            started_at=now,
            seen_at=now,
        )
    )


def beat(conn: Connection, instance: str) -> bool:
    """One more beat; False when the others have given the process up: its work is theirs now, and it must end."""
    done = conn.execute(
        update(workers)
        .where(workers.c.instance == instance, workers.c.state != "lost")
        .values(beat=workers.c.beat + 1, seen_at=_now())
    )
    return bool(done.rowcount)


def set_state(conn: Connection, instance: str, state: str) -> None:
    """The process drains or has stopped; one that was given up stays so."""
    conn.execute(
        update(workers)
        .where(workers.c.instance == instance, workers.c.state != "lost")
        .values(state=state, seen_at=_now())
    )


def give_up(conn: Connection, instance: str, beat: int) -> bool:
    """The process is lost, unless it has beaten since; True for the one caller that decided it."""
    done = conn.execute(
        update(workers)
        .where(workers.c.instance == instance, workers.c.beat == beat, workers.c.state.in_(("working", "draining")))
        .values(state="lost")
    )
    return bool(done.rowcount)


def is_lost(conn: Connection, instance: str) -> bool:
    """Whether the others have given the process up."""
    query = select(workers.c.state).where(workers.c.instance == instance)
    return conn.execute(query).scalar() == "lost"


def listing(conn: Connection) -> list[WorkerRow]:
    """All of them, those at work first."""
    rows = [
        WorkerRow.model_validate(dict(row._mapping))
        for row in conn.execute(select(workers).order_by(workers.c.instance))
    ]
    return sorted(rows, key=lambda row: not row.alive)


def forget_ended(conn: Connection) -> None:
    """Rows of processes that ended long ago are gone."""
    before = (utc_now() - KEPT).isoformat(timespec="microseconds")
    conn.execute(delete(workers).where(workers.c.state.in_(("stopped", "lost")), workers.c.seen_at < before))


def _now() -> str:
    return utc_now().isoformat(timespec="microseconds")
