"""What both doors, command line and web, ask of an installation's records."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, BinaryIO

from app.judging import keep_in_worker, repeat_in_worker
from app.signers import pinned
from app.verifying import PATIENCE_S, keep, verify_file_here, verify_here
from archive.aip import SEARCH_COPY, inventory_sha256, open_file, read_record
from archive.ocfl import object_root
from metrics.indicators import Indicator, drill, indicators
from pipeline import copies, decisions, intake
from pipeline.drawing import render_page
from pipeline.intake import Receipt
from pipeline.kept_verdicts import Repeated, file_name
from pipeline.steps import load_pages
from pipeline.verification import VerificationReport
from pipeline.versions import write_version
from registry import disposals, documents, dossiers, reads
from registry.database import read, write
from registry.errors import Conflict, KeyNotFound, NotArchived, NotFound, RecordDisposed, RecordUnknown
from registry.reads import Purpose, Reader
from registry.recorded import note_version
from registry.reuse_events import ReuseEvent
from registry.users import UserRow
from registry.values import CopyOf, DocumentId, DocumentState, PageText, Role, Verdict, utc_now, vietnam_date
from search import reuse
from search.reuse import ReuseAnswer

if TYPE_CHECKING:
    from app.wiring import Wiring


class Records:
    """Questions and decisions about documents. Everything that changes something names its actor."""

    def __init__(self, wiring: Wiring) -> None:
        self._wiring = wiring

    def verify(self, document_id: DocumentId) -> VerificationReport:
        """The verdict on an archived document. Raises NotFound, Conflict when it is not archived yet."""
        self._archived(document_id)
        return self._judge(document_id)

    def examine(self, document_id: DocumentId) -> VerificationReport:
        """The same for whatever the archive holds; the registry keeps the verdict where it knows the document.

        Raises RecordUnknown, RecordDisposed, NotArchived: of what is not to be there, no verdict is given.
        """
        self._require_expected(document_id)
        return self._judge(document_id)

    def _judge(self, document_id: DocumentId) -> VerificationReport:
        wiring = self._wiring
        found = verify_here(wiring.verifying_pool, wiring.settings, (document_id,), signers=pinned(wiring))
        return keep(self._wiring.engine, found)[0]

    def examine_file(self, path: Path) -> VerificationReport:
        """The verdict on a loose PDF, by the anchors of this installation."""
        return verify_file_here(self._wiring.verifying_pool, self._wiring.settings, path, signers=pinned(self._wiring))

    def keep_verdict(self, document_id: DocumentId, actor: str) -> str:
        """The verdict of now lies in the record, as a new version, with all it follows from; its name there. Safe to
        interrupt at any point (pipeline.versions).

        Raises NotFound, KeyNotFound, Conflict.
        """
        record = self._archived(document_id)
        wiring = self._wiring
        kept = wiring.verifying_pool.run(keep_in_worker, wiring.settings, document_id, timeout_s=PATIENCE_S)
        name = file_name(kept)
        made = write_version(
            wiring.engine,
            wiring.store,
            document_id,
            {name: kept},
            actor=actor,
            unit=record.unit,
            message="validation kept",
        )
        digest = inventory_sha256(wiring.store, document_id, made.version)
        with write(wiring.engine) as conn:
            note_version(
                conn, document_id, actor=actor, unit=record.unit, version=made.version, inventory_sha256=digest
            )
        return name

    def repeat_verdicts(self, document_id: DocumentId) -> tuple[Repeated, ...]:
        """Every verdict kept in a record, asked again from what lies beside it alone. Raises as examine; KeyNotFound,
        FixityMismatch."""
        self._require_expected(document_id)
        wiring = self._wiring
        return wiring.verifying_pool.run(repeat_in_worker, wiring.settings, document_id, timeout_s=PATIENCE_S)

    def text_pages(self, document_id: DocumentId) -> tuple[PageText, ...]:
        """The pages as read, from the archive or, before that, from the bench."""
        record = self._get(document_id)
        if record.archived_at is not None:
            return read_record(self._wiring.store, document_id).pages
        return load_pages(self._wiring.workshop, document_id)

    def open_pdf(self, document_id: DocumentId) -> tuple[bytes, str]:
        """The signed PDF's bytes, or before signing the unsigned one, and a file name for it."""
        with self._pdf(document_id) as stream:
            return stream.read(), f"{document_id}.pdf"

    def open_search_copy(self, document_id: DocumentId) -> bytes:
        """The labelled copy of a document that came signed, of no legal value. Raises NotFound where there is none."""
        if self._get(document_id).archived_at is not None:
            try:
                with open_file(self._wiring.store, document_id, SEARCH_COPY) as stream:
                    return stream.read()
            except KeyNotFound as exc:
                raise NotFound("the document has no search copy") from exc
        draft = self._wiring.workshop.bench(document_id) / SEARCH_COPY
        if not draft.exists():
            raise NotFound("the document has no search copy")
        return draft.read_bytes()

    def preview(self, document_id: DocumentId, page_index: int, width_px: int) -> bytes:
        """One page as JPEG. Rendered in a worker process: the scan's bytes came from outside."""
        with TemporaryDirectory(prefix="sohoa-preview-") as folder:
            path = Path(folder) / "document.pdf"
            with self._pdf(document_id) as stream, path.open("wb") as copy:
                shutil.copyfileobj(stream, copy, 1 << 20)
            picture: bytes = self._wiring.side_pool.run(render_page, path, page_index, width_px, timeout_s=30.0)
        return picture

    def approve(self, document_id: DocumentId, actor: str, copied: CopyOf | None = None) -> None:
        decisions.approve(self._wiring.workshop, document_id, actor, copied)

    def make_extract(
        self,
        document_id: DocumentId,
        pages: Sequence[int],
        *,
        reader: Reader,
        purpose: Purpose,
        number: str | None = None,
    ) -> Receipt:
        return copies.make_extract(
            self._wiring.workshop, document_id, pages, reader=reader, purpose=purpose, number=number
        )

    def correct(self, document_id: DocumentId, values: Mapping[str, str], actor: str) -> None:
        decisions.correct(self._wiring.workshop, document_id, values, actor)

    def reject(self, document_id: DocumentId, why: str, actor: str) -> None:
        decisions.reject(self._wiring.workshop, document_id, why, actor)

    def retry_quarantine(self, item_id: str, actor: str) -> None:
        intake.retry(self._wiring.workshop, item_id, actor)

    def reuse_check(
        self,
        owner: str,
        procedure: str,
        on: date,
        units: frozenset[str] | None,
        *,
        reader: Reader,
        purpose: Purpose | None,
    ) -> ReuseAnswer:
        """What the person need not bring; the audit log has the question, without the number asked for, and which
        papers the answer showed. Raises NotFound for an unknown procedure."""
        with read(self._wiring.engine) as conn:
            answer = reuse.check(
                conn,
                self._wiring.catalogue,
                owner=owner,
                procedure=procedure,
                on=on,
                units=units,
                verdict_of=self._verdict_of,
            )
        shown = [(x.unit, x.document_id) for component in answer.components for x in component.candidates]
        with write(self._wiring.engine) as conn:
            reads.note_shown(conn, "reuse-check", answer.procedure, shown, reader, purpose)
        return answer

    def reuse_record(
        self, document_id: DocumentId, dossier_code: str, component_code: str, actor: str, unit: str | None
    ) -> ReuseEvent:
        """The reuse is recorded with the verdict of this moment. Raises Conflict for what must not be reused.

        unit: who reuses it; None takes the dossier's own unit.
        """
        verdict = self.verify(document_id).verdict
        if unit is None:
            with read(self._wiring.engine) as conn:
                unit = dossiers.get(conn, dossier_code).unit
        with write(self._wiring.engine) as conn:
            return reuse.record(
                conn,
                self._wiring.catalogue,
                document_id=document_id,
                dossier_code=dossier_code,
                component_code=component_code,
                actor=actor,
                unit=unit,
                verdict=verdict,
                on=vietnam_date(utc_now()),
            )

    def indicators(self, unit: str, start: date, end: date) -> tuple[Indicator, ...]:
        with read(self._wiring.engine) as conn:
            return indicators(conn, self._wiring.catalogue, unit, start, end)

    def indicator_items(self, code: str, unit: str, start: date, end: date, part: str) -> tuple[str, ...]:
        with read(self._wiring.engine) as conn:
            return drill(conn, self._wiring.catalogue, code, unit, start, end, part)

    def units_for(self, user: UserRow) -> frozenset[str]:
        """The units whose documents the account may see: its own and those below, or all."""
        today = vietnam_date(utc_now())
        if user.role in (Role.ADMIN, Role.AUDITOR) or user.unit is None:
            return frozenset(u.code for u in self._wiring.catalogue.units_on(today))
        return self._wiring.catalogue.subtree(user.unit, today)

    def _verdict_of(self, document_id: DocumentId) -> Verdict:
        return self._judge(document_id).verdict

    def _pdf(self, document_id: DocumentId) -> BinaryIO:
        if self._get(document_id).archived_at is not None:
            return open_file(self._wiring.store, document_id, "document.pdf")
        draft = self._wiring.workshop.bench(document_id) / "document.pdf"
        if not draft.exists():
            raise NotFound("the document is not read yet")
        return draft.open("rb")

    def record(self, document_id: DocumentId) -> documents.DocumentRecord:
        """Raises NotFound."""
        return self._get(document_id)

    def _get(self, document_id: DocumentId) -> documents.DocumentRecord:
        with read(self._wiring.engine) as conn:
            return documents.get(conn, document_id)

    def _require_expected(self, document_id: DocumentId) -> None:
        """The registry says that the archive has the record, or the archive has something under this id."""
        with read(self._wiring.engine) as conn:
            try:
                record = documents.get(conn, document_id)
            except NotFound:
                record = None
            disposed = record is not None and record.state == DocumentState.DISPOSED
            decision = disposals.of_document(conn, document_id) if disposed else None
        if disposed:
            raise RecordDisposed(decision.id if decision else None, decision.decided_at if decision else None)
        if record is not None and record.archived_at is not None:
            return
        if next(iter(self._wiring.store.list(object_root(document_id))), None) is None:
            raise RecordUnknown(document_id) if record is None else NotArchived(f"{document_id} is not archived yet")

    def _archived(self, document_id: DocumentId) -> documents.DocumentRecord:
        record = self._get(document_id)
        if record.state not in (DocumentState.ARCHIVED, DocumentState.WITHDRAWN):
            raise Conflict("the document is not archived yet")
        return record
