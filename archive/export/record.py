"""A record on its way out: its papers, what the catalogue calls things, and its files as checked streams."""

from __future__ import annotations

import mimetypes
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from archive.aip import AipPapers, open_file, read_papers
from archive.export.sink import Sink, Written
from archive.store import ObjectStore
from registry.errors import FixityMismatch
from registry.values import DocumentId, RecordMetadata, utc_now

KNOWN = {".json": "application/json", ".pdf": "application/pdf", ".xml": "application/xml", ".txt": "text/plain",
         ".xsd": "application/xml", ".tif": "image/tiff", ".tiff": "image/tiff"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Names:
    """What the codes of a record mean, as the catalogue says. retention_years: None is for ever."""

    unit: str
    kind: str
    retention: str
    retention_years: int | None


@dataclass(frozen=True, slots=True)
class Outgoing:
    """What a package is made of. made_at: one instant for all that is said of the package itself."""

    document_id: DocumentId
    papers: AipPapers
    names: Names
    title: str
    program: str
    made_at: datetime

    @property
    def identifier(self) -> str:
        return f"urn:uuid:{self.document_id}"

    @property
    def original(self) -> str:
        """The logical path of the scan as received. Raises FixityMismatch for a record without one."""
        found = next((name for name in self.papers.digests if name.startswith("original/")), None)
        if found is None:
            raise FixityMismatch(f"{self.document_id} has no original")
        return found


def outgoing(
    store: ObjectStore,
    document_id: DocumentId,
    names: Callable[[RecordMetadata], Names],
    *,
    title: str,
    program: str,
) -> Outgoing:
    """The newest version of a record. Raises KeyNotFound, FixityMismatch."""
    papers, now = read_papers(store, document_id), utc_now().replace(microsecond=0)
    return Outgoing(document_id, papers, names(papers.metadata), title, program, now)


def copy_file(store: ObjectStore, record: Outgoing, logical: str, sink: Sink, name: str) -> Written:
    """The archived file's bytes lie in the package, compared with the inventory on their way.

    Raises FixityMismatch (the package must not be used), KeyNotFound, ServiceUnavailable.
    """
    with open_file(store, record.document_id, logical) as stream:
        written = sink.put(name, stream)
    if written.sha256 != record.papers.digests[logical]:
        raise FixityMismatch(f"{record.document_id}: {logical.partition('/')[0]} is damaged")
    return written


def copied(store: ObjectStore, record: Outgoing, sink: Sink, below: str) -> Iterator[Written]:
    """Every file of the record lies in the package, below that folder."""
    for logical in sorted(record.papers.digests):
        yield copy_file(store, record, logical, sink, f"{below}/{logical}")


def media_type(record: Outgoing, name: str) -> str:
    """IANA's name for the file's type; that of the scan as it was found at intake."""
    if name.endswith(record.original):
        return record.papers.metadata.source.media_type
    suffix = f".{name.rpartition('.')[2].lower()}"
    return KNOWN.get(suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"


def instant(at: datetime) -> str:
    """An instant as XML writes it, in UTC, to the second."""
    return at.astimezone(UTC).replace(microsecond=0).isoformat().replace("+00:00", "Z")
