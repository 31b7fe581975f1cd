"""A small installation with archived records whose days are over, and two people who decide on them."""

from __future__ import annotations

import io
import shutil
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path

from rich.console import Console

from app.rebuild import rebuild_registry
from app.wiring import Wiring
from archive.aip import AipContent, archive_record
from archive.scans import ArchivedScan, archive_scan
from bench.synthetic import metadata, record
from config.catalogue import SHIPPED
from config.settings import Folders, Settings, Store
from pipeline.steps import index_entry
from registry import users
from registry.database import write
from registry.values import (
    DocumentId,
    Event,
    PageText,
    Part,
    RecordMetadata,
    Role,
    ScanId,
    ScanOfSeveral,
    Split,
    sha256_file,
    utc_now,
    vietnam_date,
)

PASSWORD = "mat-khau-cua-toi"
YESTERDAY = vietnam_date(utc_now()) - timedelta(days=1)
PEOPLE = {"kiemtra": Role.AUDITOR, "quantri": Role.ADMIN, "motcua": Role.CLERK}
SCAN = ScanId("7a6b1c1e-0000-4000-8000-00000000abcd")


def installation(home: Path, records: int, *, until: date | None = YESTERDAY, replica: bool = False) -> Wiring:
    """So many records, all kept until that day, each of a dossier of its own, in archive, registry and index."""
    home.mkdir(exist_ok=True)
    made = installed(home, replica=replica)
    for number in range(records):
        add(made, number, until=until)
    known(made)
    with write(made.engine) as conn:
        for name, role in PEOPLE.items():
            users.add_user(
                conn, username=name, password=PASSWORD, role=role, unit="H99.32" if role is Role.CLERK else None,
                must_change=False,
            )  # fmt: skip
    return made


def installed(home: Path, *, replica: bool) -> Wiring:
    """The installation that lies there."""
    second = Store(folder=home / "replica") if replica else None
    return Wiring(Settings(home=home, folders=Folders(catalogue=SHIPPED), replica=second))


def copied(template: Wiring, home: Path) -> Wiring:
    """Another installation with everything that this one, which is closed, holds."""
    shutil.copytree(template.settings.home, home)
    return installed(home, replica=template.settings.replica is not None)


def add(
    wiring: Wiring, number: int, *, until: date | None = YESTERDAY, dossier: str | None = None, part: int | None = None
) -> DocumentId:
    """One more record; part: of the scan SCAN of two parts, which is archived as well."""
    folder = wiring.settings.home / "in"
    folder.mkdir(exist_ok=True)
    scan, pdf = folder / "scan", folder / "pdf"
    scan.write_bytes(b"scan %d" % number)
    pdf.write_bytes(b"pdf %d" % number)
    told = metadata(record(number))
    source = told.source.model_copy(update={"sha256": sha256_file(scan), "file_name": f"Nguyễn Văn {number}.pdf"})
    if part is not None:
        whole = folder / "whole"
        whole.write_bytes(b"both papers")
        of_scan = ScanOfSeveral(scan_id=SCAN, part=part, parts=2, page_count=2, extract_sha256=sha256_file(scan))
        source = source.model_copy(update={"sha256": sha256_file(whole), "scan": of_scan, "pages": (part,)})
    told = told.model_copy(
        update={
            "source": source,
            "unit": "H99.32",
            "dossier_code": dossier or f"H99.32-250101-{number:04}",
            "retention_class": "years-10",
            "retain_until": until,
            "schema_version": 4,
        }
    )
    content = AipContent(
        document_id=told.document_id, original=scan, original_name=source.file_name, pdf=pdf,
        pages=(PageText(index=0, text="chữ", confidence=1),), metadata=told,
        events=(Event(type="capture", at=told.archived_at, agent="an"),),
    )  # fmt: skip
    archive_record(wiring.store, content, user="an", message="archived")
    wiring.index.put([index_entry(told, content.pages)])
    return told.document_id


def add_scan(wiring: Wiring, documents: Sequence[DocumentId], told: RecordMetadata, until: date | None) -> None:
    """The scan that these documents are the parts of."""
    whole = wiring.settings.home / "in" / "whole"
    split = Split(parts=tuple(Part(pages=(n,)) for n in range(len(documents))))
    source = told.source.model_copy(update={"scan": None, "pages": ()})
    said = ArchivedScan(scan_id=SCAN, unit=told.unit, source=source, page_count=2, split=split, documents=documents)
    archive_scan(wiring.store, said, [whole], retain_until=until)


def known(wiring: Wiring) -> None:
    """The registry says what the archive holds."""
    rebuild_registry(wiring, "an", Console(file=io.StringIO()))
