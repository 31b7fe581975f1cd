"""Further versions of archived records, so that the audit log knows each before the archive has it.

Archive and log are two homes, and a crash falls between them. A version that the log only learned of afterwards would
have to be taken in on what the archive says of itself; then whoever can write into the bucket alone, though never into
the log, has his own version taken in by leaving it there as an interrupted one of ours, be it only a file below
`validation/`. So the log is told first which bytes are to come: the SHA-256 of the inventory, which fixes every file.
What then stands in the archive is ours, crash or not; what was intended and never came binds nothing; and what nobody
intended is told, however harmless it looks.
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Engine

from archive.aip import ArchivedRecord, add_version
from archive.store import Content, ObjectStore
from registry.database import write
from registry.recorded import intend_version
from registry.values import DocumentId


def write_version(
    engine: Engine,
    store: ObjectStore,
    document_id: DocumentId,
    changed: Mapping[str, Content],
    *,
    actor: str,
    unit: str | None,
    message: str,
) -> ArchivedRecord:
    """archive.aip.add_version, with the intent in the audit log. That it was done is for the caller to note there, with
    what else he has to say (registry.recorded.version_detail)."""

    def intend(version: str, inventory_sha256: str) -> None:
        with write(engine) as conn:
            intend_version(
                conn, document_id, actor=actor, unit=unit, version=version, inventory_sha256=inventory_sha256
            )

    return add_version(store, document_id, changed, user=actor, message=message, intend=intend)
