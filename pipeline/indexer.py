"""Brings the index up to date with the archive, in batches and apart from archiving: an index away stops nothing.

The registry knows what the index lacks, so nothing is forgotten over restarts, and how far it lags is a number on the
screen.
"""

from __future__ import annotations

import threading

import structlog

from archive.aip import AipTexts, read_texts
from pipeline import steps
from pipeline.workshop import Workshop
from registry import documents
from registry.database import read, write
from registry.errors import FixityMismatch, KeyNotFound, SohoaError
from registry.values import DocumentId

log = structlog.get_logger("sohoa.indexer")

PAUSE_S = 1.0
LONGEST_PAUSE_S = 30.0
BATCH = 100


class Indexer:
    """A thread of the runner; the one writer of the index in an installation, besides a rebuild."""

    def __init__(self, shop: Workshop) -> None:
        self._shop = shop
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, name="indexer", daemon=True)
        self._unreadable: set[DocumentId] = set()

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """No batch is begun any more; the one under way ends."""
        self._stop.set()
        self._thread.join(LONGEST_PAUSE_S)

    def catch_up(self) -> int:
        """A batch of documents that the index lacks is in it; how many. Raises ServiceUnavailable.

        A record that cannot be read is left out and told once in the log: `sohoa archive audit` says what is wrong.
        """
        with read(self._shop.engine) as conn:
            behind = documents.unindexed(conn, BATCH + len(self._unreadable))
        records = [r for r in (self._read(i) for i in behind if i not in self._unreadable) if r is not None]
        if records:
            self._shop.index.put([steps.index_entry(r.metadata, r.pages) for r in records])
            with write(self._shop.engine) as conn:
                documents.mark_indexed(conn, [r.metadata.document_id for r in records])
        return len(records)

    def _read(self, document_id: DocumentId) -> AipTexts | None:
        try:
            return read_texts(self._shop.store, document_id)
        except (FixityMismatch, KeyNotFound) as exc:
            self._unreadable.add(document_id)
            log.error("not_indexed", document_id=document_id, code=exc.code)
            return None

    def _work(self) -> None:
        pause = PAUSE_S
        while not self._stop.wait(pause):
            try:
                while not self._stop.is_set() and self.catch_up():
                    pass
                pause = PAUSE_S
            except (SohoaError, OSError) as exc:
                code = exc.code if isinstance(exc, SohoaError) else "storage"
                log.warning("index_pending", code=code)
                pause = min(2 * pause, LONGEST_PAUSE_S)
            except Exception as exc:
                log.error("index_pending", code=f"internal:{type(exc).__name__}")
                pause = LONGEST_PAUSE_S
