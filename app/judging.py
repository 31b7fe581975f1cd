"""What worker processes run to judge records and files; without the registry, which they need not know."""

from __future__ import annotations

import shutil
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from archive.aip import open_file
from config.settings import Settings
from pipeline.kept_verdicts import Repeated, judge_and_keep, repeat_all
from pipeline.verification import Scans, VerificationReport, verify_file, verify_record
from registry.values import DocumentId
from signing.trust import TrustStore

if TYPE_CHECKING:
    from archive.store import ObjectStore

_scans: Scans = {}


def verify_in_worker(
    settings: Settings, ids: tuple[DocumentId, ...], once: bool, signers: frozenset[str] | None
) -> list[VerificationReport]:
    """Runs in a worker process; see verify_here."""
    store, trust = _store(settings), trust_of(settings, signers)
    return [verify_record(store, trust, document_id, _scans if once else None) for document_id in ids]


def verify_file_in_worker(settings: Settings, path: Path, signers: frozenset[str] | None) -> VerificationReport:
    """Runs in a worker process; see verify_file_here."""
    return verify_file(path, trust_of(settings, signers))


def repeat_in_worker(settings: Settings, document_id: DocumentId) -> tuple[Repeated, ...]:
    """See pipeline.kept_verdicts.repeat_all. Runs in a worker process."""
    return tuple(repeat_all(_store(settings), document_id))


def keep_in_worker(settings: Settings, document_id: DocumentId) -> bytes:
    """The verdict on the record's newest document.pdf as it is kept. Runs in a worker process."""
    with TemporaryDirectory(prefix="sohoa-keep-") as folder:
        pdf = Path(folder) / "document.pdf"
        with open_file(_store(settings), document_id, "document.pdf") as stream, pdf.open("wb") as copy:
            shutil.copyfileobj(stream, copy, 1 << 20)
        return judge_and_keep(pdf, trust_of(settings), document_id)


def trust_of(settings: Settings, signers: frozenset[str] | None = None) -> TrustStore:
    """The trust store as it stands now; read anew only when a file of it is another. signers: who may have signed it.
    Raises SettingsInvalid."""
    folder = settings.path(settings.signing.trust)
    stamps = tuple(
        sorted((p.name, p.stat().st_mtime_ns, p.stat().st_size) for p in folder.glob("*") if p.name[0] != ".")
    )
    return _trust(folder, stamps, signers)


@lru_cache(maxsize=2)
def _trust(folder: Path, _stamps: tuple[tuple[str, int, int], ...], signers: frozenset[str] | None) -> TrustStore:
    return TrustStore.load(folder, signers)


@lru_cache(maxsize=2)
def _store(settings: Settings) -> ObjectStore:
    from app.wiring import build_store  # noqa: PLC0415 the wiring imports who imports this

    return build_store(settings, settings.archive)
