"""What the steps work with: one frozen bundle of settings and adapters, built once by app.wiring."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine

from archive.store import ObjectStore
from config.catalogue import Catalogue
from config.settings import Settings
from pipeline.workers import WorkerPool
from registry.values import DocumentId, ScanId
from search.index import SearchIndex
from signing.station import SigningStation


@dataclass(frozen=True, slots=True)
class Workshop:
    """Adapters and settings of one installation; safe to share between threads."""

    settings: Settings
    catalogue: Catalogue
    engine: Engine
    store: ObjectStore
    index: SearchIndex
    pool: WorkerPool
    gate: WorkerPool
    """Looks at arriving files: never behind the pages being read."""
    station: SigningStation
    replica: ObjectStore | None = None

    def folder(self, name: str) -> Path:
        """The absolute place of a configured folder."""
        path: Path = getattr(self.settings.folders, name)
        return self.settings.path(path)

    def staged_scan(self, scan_id: ScanId) -> Path:
        """Where the durable copy of an input lies while it is worked on."""
        return self.folder("work") / "scans" / scan_id

    def staged_pass(self, scan_id: ScanId, number: int) -> Path:
        """Where the durable copy of one of the two files of a scan lies; staged_scan is then what is made of them."""
        return self.folder("work") / "passes" / f"{scan_id}-{number}"

    def scan_bench(self, scan_id: ScanId) -> Path:
        """Where what was read of a whole scan lies until all of it is settled."""
        return self.folder("work") / "pages" / scan_id

    def bench(self, document_id: DocumentId) -> Path:
        """Where a document's half-made files lie until it is archived."""
        return self.folder("work") / "documents" / document_id
