"""BagIt 1.0 (RFC 8493): the record's files as payload, two manifests, what the record is as tags."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import quote

from archive.export.descriptive import dossier_record, dublin_core
from archive.export.record import Outgoing, copied
from archive.export.sink import Sink, Written
from archive.store import ObjectStore

DECLARATION = b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"


def write_bag(store: ObjectStore, record: Outgoing, sink: Sink) -> None:
    """The sink holds a complete bag, every payload byte compared with the archive's inventory.

    Raises FixityMismatch, KeyNotFound, ServiceUnavailable.
    """
    payload = list(copied(store, record, sink, "data"))
    tags = [
        sink.put("bagit.txt", DECLARATION),
        sink.put("bag-info.txt", _info(record, payload)),
        sink.put("metadata/dc.xml", dublin_core(record)),
        sink.put("metadata/tt05-2025.xml", dossier_record(record)),
        *(sink.put(f"manifest-{name}.txt", _manifest(payload, name)) for name in ("sha256", "sha512")),
    ]
    for name in ("sha256", "sha512"):
        sink.put(f"tagmanifest-{name}.txt", _manifest(tags, name))


def _info(record: Outgoing, payload: Iterable[Written]) -> bytes:
    files = list(payload)
    told = record.papers.metadata
    lines = [
        ("Source-Organization", record.names.unit),
        ("Organization-Identifier", told.unit),
        ("Bagging-Date", f"{record.made_at:%Y-%m-%d}"),
        ("External-Identifier", record.identifier),
        ("Internal-Sender-Identifier", told.dossier_code or ""),
        ("External-Description", record.title),
        ("Payload-Oxum", f"{sum(f.size_bytes for f in files)}.{len(files)}"),
        ("Bag-Software-Agent", f"sohoa {record.program}"),
    ]
    return "".join(f"{name}: {' '.join(value.split())}\n" for name, value in lines if value).encode()


def _manifest(files: Iterable[Written], algorithm: str) -> bytes:
    """RFC 8493 §2.1.3: line ends and the percent sign in a path are percent-encoded."""
    told = ((getattr(f, algorithm), "".join(quote(c) if c in "%\r\n" else c for c in f.name)) for f in files)
    return "".join(f"{digest}  {name}\n" for digest, name in told).encode()
