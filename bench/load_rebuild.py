"""The registry rebuilt from an archive of many records, as after the loss of its database.

    python -m bench.load_rebuild --records 20000 [--url postgresql+psycopg://…/an-empty-database]

The archive is made once by the archive's own functions, without waiting for the disk, and kept in the folder. Prints
JSON: records a second, and the processor time of all processes for one record.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import time
from pathlib import Path
from typing import Any

from rich.console import Console

from app.rebuild import rebuild_registry
from app.wiring import Wiring
from archive.aip import AipContent, archive_record
from archive.folder import FolderStore
from bench.synthetic import metadata, record
from config.catalogue import SHIPPED
from config.settings import Folders, Registry, Settings
from registry.values import Event, PageText, sha256_file

HAPPENED = (
    "capture",
    "text recognition",
    "metadata extraction",
    "appraisal",
    "digital signature generation",
    "ingestion",
)


def make_archive(store: FolderStore, folder: Path, start: int, end: int) -> None:
    """Records start … end - 1 stand in the store. What was made before is left as it is."""
    scan, pdf = folder / "scan", folder / "document.pdf"
    for n in range(start, end):
        made = record(n)
        scan.write_bytes(b"scan %d" % n * 100)
        pdf.write_bytes(b"%%PDF %d" % n * 300)
        told = metadata(made)
        told = told.model_copy(update={"source": told.source.model_copy(update={"sha256": sha256_file(scan)})})
        content = AipContent(
            document_id=told.document_id,
            original=scan,
            original_name="scan.pdf",
            pdf=pdf,
            pages=(PageText(index=0, text=made.text, confidence=0.9),),
            metadata=told,
            events=tuple(Event(type=kind, at=made.archived_at, agent="sohoa") for kind in HAPPENED),
        )
        archive_record(store, content, user="an", message="archived")


def measure(folder: Path, url: str) -> dict[str, Any]:
    """A rebuild into a registry that is empty."""
    settings = Settings(home=folder, folders=Folders(catalogue=SHIPPED), registry=Registry(url=url))
    wiring = Wiring(settings)
    _ = wiring.engine
    before, began = os.times(), time.monotonic()
    told = rebuild_registry(wiring, "an", Console(file=io.StringIO()))
    seconds, after = time.monotonic() - began, os.times()
    wiring.close()
    spent = sum(after[:4]) - sum(before[:4])
    return {
        "database": wiring.settings.registry_url.split(":")[0],
        "records": told.records,
        "records a second": round(told.records / seconds),
        "processor ms a record": round(1000 * spent / told.records, 2),
        "load": os.getloadavg()[0],
    }


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--records", type=int, default=20_000)
    asked.add_argument("--folder", type=Path, default=Path("/tmp/sohoa-load-rebuild"))
    asked.add_argument("--url", default="", help="another database than SQLite in the folder")
    told = asked.parse_args()
    told.folder.mkdir(parents=True, exist_ok=True)
    os.fsync = lambda _descriptor: None  # nothing here must outlive a power cut
    done = told.folder / "made"
    made = int(done.read_text()) if done.exists() else 0
    store = FolderStore(told.folder / "archive", staging=told.folder / "work" / "archive")
    make_archive(store, told.folder, made, told.records)
    done.write_text(str(max(made, told.records)))
    for old in told.folder.glob("registry.sqlite*"):
        old.unlink()
    print(json.dumps(measure(told.folder, told.url), indent=1))


if __name__ == "__main__":
    main()
