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

VERSION_ADDED, VERSION_INTENDED = "archive-version", "archive-version-intended"
WRITING = ("archive", VERSION_ADDED, "hold", "release", "renew")
"""Actions whose row names a version that was written, with the digest of its inventory."""
AT_ONCE = 500


class Recorded(Value):
    """One row of the log. holds: it says what it said when it was written, and follows the row before it.

    intended: the version was only to be written when the row was; whether it ever was, the row does not say.
    inventory_sha256: None in rows of older programs. pdf_sha256: of `document.pdf` in that version, where it is told.
    """

    seq: int
    version: str
    inventory_sha256: str | None = None
    pdf_sha256: str | None = None
    holds: bool = True
    intended: bool = False


def intend_version(
    conn: Connection, document_id: DocumentId, *, actor: str, unit: str | None, version: str, inventory_sha256: str
) -> None:
    """The log says that this version of the record is about to be written; the last thing of a transaction."""
    detail = {"version": version, "inventory_sha256": inventory_sha256}
    log.append(conn, actor=actor, action=VERSION_INTENDED, subject=document_id, unit=unit, detail=detail)


def version_detail(conn: Connection, document_id: DocumentId, version: str, inventory_sha256: str) -> dict[str, str]:
    """What a row of WRITING says of the version. Empty for one of which the log did not say before that it would come:
    it was written by somebody else, and no row vouches for it."""
    ours = any(
        row.holds and (row.version, row.inventory_sha256) == (version, inventory_sha256)
        for row in recorded(conn, [document_id]).get(document_id, ())
    )
    return {"version": version, "inventory_sha256": inventory_sha256} if ours else {}


def note_version(
    conn: Connection, document_id: DocumentId, *, actor: str, unit: str | None, version: str, inventory_sha256: str
) -> None:
    """The log says that this version of the record was written, where it was intended; the last thing of a transaction,
    as audit.append."""
    if detail := version_detail(conn, document_id, version, inventory_sha256):
        log.append(conn, actor=actor, action=VERSION_ADDED, subject=document_id, unit=unit, detail=detail)


def recorded(conn: Connection, document_ids: Sequence[DocumentId]) -> dict[DocumentId, tuple[Recorded, ...]]:
    """The rows of each document, in the order of the log; those without any are left out."""
    found: dict[DocumentId, list[Recorded]] = defaultdict(list)
    for start in range(0, len(document_ids), AT_ONCE):
        wanted = document_ids[start : start + AT_ONCE]
        rows = conn.execute(
            select(audit)
            .where(audit.c.subject.in_(wanted), audit.c.action.in_((*WRITING, VERSION_INTENDED)))
            .order_by(audit.c.seq)
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
        intended=row.action == VERSION_INTENDED,
        holds=row.hash == digest_of(_line(row)) and row.previous == before,
    )


def _line(row: Row[Any]) -> bytes:
    return line_of({name: value for name, value in row._mapping.items() if name != "hash"})
