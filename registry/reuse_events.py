"""Reuse as an event: who used which bytes for which dossier component, and what the verdict was then."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from registry.concurrent import insert_missing
from registry.tables import reuse_events
from registry.values import Value, utc_now


class ReuseEvent(Value):
    """outcome: reused | previewed | refused."""

    id: str
    document_id: str
    dossier_code: str
    component_code: str
    unit: str
    actor: str
    at: datetime
    outcome: str
    verdict: str
    pdf_sha256: str
    result_code: str | None


def add(
    conn: Connection,
    *,
    document_id: str,
    dossier_code: str,
    component_code: str,
    unit: str,
    actor: str,
    outcome: str,
    verdict: str,
    pdf_sha256: str,
    result_code: str | None,
) -> ReuseEvent:
    """The event stands; the same document, component and outcome again returns the first one unchanged."""
    same = select(reuse_events).where(
        reuse_events.c.document_id == document_id,
        reuse_events.c.dossier_code == dossier_code,
        reuse_events.c.component_code == component_code,
        reuse_events.c.outcome == outcome,
    )
    if earlier := conn.execute(same).first():
        return _event(earlier)
    insert_missing(
        conn,
        reuse_events,
        ("document_id", "dossier_code", "component_code", "outcome"),
        {
            "id": str(uuid.uuid4()),
            "document_id": document_id,
            "dossier_code": dossier_code,
            "component_code": component_code,
            "unit": unit,
            "actor": actor,
            "at": utc_now().isoformat(timespec="microseconds"),
            "outcome": outcome,
            "verdict": verdict,
            "pdf_sha256": pdf_sha256,
            "result_code": result_code,
        },
    )
    return _event(conn.execute(same).one())


def of_document(conn: Connection, document_id: str) -> list[ReuseEvent]:
    """Newest first."""
    query = select(reuse_events).where(reuse_events.c.document_id == document_id).order_by(reuse_events.c.at.desc())
    return [_event(row) for row in conn.execute(query)]


def of_dossier(conn: Connection, dossier_code: str) -> list[ReuseEvent]:
    """Newest first."""
    query = select(reuse_events).where(reuse_events.c.dossier_code == dossier_code).order_by(reuse_events.c.at.desc())
    return [_event(row) for row in conn.execute(query)]


def _event(row: Any) -> ReuseEvent:
    return ReuseEvent.model_validate(dict(row._mapping))
