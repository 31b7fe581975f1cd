"""Packages to be archived, small and complete."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from archive.aip import AipContent
from registry.values import Description, DocumentId, Event, PageText, RecordMetadata, SourceScan, sha256_file, utc_now

ID = DocumentId("0f8fad5b-d9cb-469f-a165-70867728950e")


def content(
    folder: Path, scan: bytes = b"scan", document_id: DocumentId = ID, retain_until: date | None = None
) -> AipContent:
    """Version 1 of a record around this scan, its files in `folder`."""
    folder.mkdir(exist_ok=True)
    original, pdf = folder / "scan.jpg", folder / "signed.pdf"
    original.write_bytes(scan)
    pdf.write_bytes(b"%PDF" + scan)
    now = utc_now()
    metadata = RecordMetadata(
        document_id=document_id, unit="H99.32", description=Description(kind="quyet-dinh"), page_count=1,
        source=SourceScan(file_name="Giấy.jpg", sha256=sha256_file(original), size_bytes=len(scan),
                          media_type="image/jpeg", received_at=now),
        retention_class="permanent", retain_until=retain_until, signature_level="B-LTA", converted_by_unit="H99.32",
        converted_by_person="an", converted_at=now, approved_by="an", approved_at=now, archived_at=now,
    )  # fmt: skip
    return AipContent(
        document_id=document_id, original=original, original_name="Giấy.jpg", pdf=pdf,
        pages=(PageText(index=0, text="chữ", confidence=0.9),), metadata=metadata,
        events=(Event(type="capture", at=now, agent="an"),),
    )  # fmt: skip
