"""What the audit log says of records in the archive: each version with the digest of its inventory, as it was written.

A record whose files and inventory were changed together is whole by itself; only the log knows that it was another.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, Row, select

from registry import audit as log
from registry.chain import GENESIS, digest_of, line_of
from registry.tables import audit
from registry.values import DocumentId, Value

VERSION_ADDED = "archive-version"
WRITING = ("archive", VERSION_ADDED, "hold", "release", "renew")
"""Actions whose row names a version that was written, with the digest of its inventory."""
AT_ONCE = 500


class Recorded(Value):
    """One row of the log. holds: it says what it said when it was written, and follows the row before it.

    inventory_sha256: None in rows of older programs. pdf_sha256: of `document.pdf` in that version, where it is told.
    """

    seq: int
    version: str
    inventory_sha256: str | None = None
    pdf_sha256: str | None = None
    holds: bool = True


def note_version(
    conn: Connection, document_id: DocumentId, *, actor: str, unit: str | None, version: str, inventory_sha256: str
) -> None:
    """The log says that this version of the record was written; the last thing of a transaction, as audit.append."""
    detail = {"version": version, "inventory_sha256": inventory_sha256}
    log.append(conn, actor=actor, action=VERSION_ADDED, subject=document_id, unit=unit, detail=detail)


def recorded(conn: Connection, document_ids: Sequence[DocumentId]) -> dict[DocumentId, tuple[Recorded, ...]]:
    """The rows of each document, in the order of the log; those without any are left out."""
    found: dict[DocumentId, list[Recorded]] = defaultdict(list)
    for start in range(0, len(document_ids), AT_ONCE):
        wanted = document_ids[start : start + AT_ONCE]
        rows = conn.execute(
            select(audit).where(audit.c.subject.in_(wanted), audit.c.action.in_(WRITING)).order_by(audit.c.seq)
        ).all()
        before = _hashes(conn, (row.seq - 1 for row in rows))
        for row in rows:
            if not isinstance(row.detail, dict) or "version" not in row.detail:
                continue
            found[DocumentId(row.subject)].append(_told(row, before.get(row.seq - 1)))
    return {document_id: tuple(rows) for document_id, rows in found.items()}


def _hashes(conn: Connection, seqs: Iterable[int]) -> dict[int, str]:
    wanted = list(seqs)
    rows = conn.execute(select(audit.c.seq, audit.c.hash).where(audit.c.seq.in_(wanted))).all()
    return {0: GENESIS, **{row.seq: row.hash for row in rows}}


def _told(row: Row[Any], before: str | None) -> Recorded:
    detail = row.detail if isinstance(row.detail, dict) else {}
    return Recorded(
        seq=row.seq,
        version=str(detail.get("version", "")),
        inventory_sha256=detail.get("inventory_sha256"),
        pdf_sha256=detail.get("pdf_sha256"),
        holds=row.hash == digest_of(_line(row)) and row.previous == before,
    )


def _line(row: Row[Any]) -> bytes:
    return line_of({name: value for name, value in row._mapping.items() if name != "hash"})
