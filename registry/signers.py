"""Whose signatures are this installation's own: those that may sign its trust list, the seals of its log and its kits.

A certificate comes onto the list when the installation's own key signs with it for the first time, or when a person
says so; each time a row of the audit log tells of it (docs/decisions/0029-verdicts.md).
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from registry import audit, facts
from registry.values import Value, utc_now

FACT = "signers"
BARE = "timestamp"
"""Stands for the certificate where every key lies with officials: nobody signed, an authority told the time."""


class Signer(Value):
    """sha256: of the certificate's DER, or BARE. why: `used` by the installation's own key, `first-seal` of a log that
    was sealed before this list was kept, `accepted` by a person."""

    sha256: str
    name: str
    why: str
    since: datetime
    by: str


def known(conn: Connection) -> tuple[Signer, ...] | None:
    """In the order in which they came; None while nobody has signed yet."""
    held = facts.get(conn, FACT)
    return tuple(Signer.model_validate(one) for one in held[0]) if held else None


def fingerprints(conn: Connection) -> frozenset[str] | None:
    held = known(conn)
    return None if held is None else frozenset(one.sha256 for one in held)


def remember(conn: Connection, sha256: str, *, name: str, why: str, actor: str) -> bool:
    """The certificate is on the list, and the log tells of it; False where it was. Call it in one transaction with what
    hangs on it."""
    held = known(conn) or ()
    if any(one.sha256 == sha256 for one in held):
        return False
    new = Signer(sha256=sha256, name=name, why=why, since=utc_now(), by=actor)
    facts.put(conn, FACT, [one.model_dump(mode="json") for one in (*held, new)])
    audit.append(conn, actor=actor, action="signer", subject="signers", detail={"sha256": sha256, "why": why})
    return True
