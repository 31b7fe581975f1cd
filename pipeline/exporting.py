"""Records leave for another archive: each as a package of its own, resumable, and noted as a reading of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal

from sqlalchemy import Engine

from archive.export.bags import write_bag
from archive.export.eark import write_sip
from archive.export.record import Names, outgoing
from archive.export.sink import holds_file, landing, package_path
from archive.store import ObjectStore
from config.catalogue import Catalogue
from registry import documents, reads
from registry.database import read, write
from registry.errors import Conflict, FixityMismatch, KeyNotFound, KeyTaken, NotFound
from registry.reads import Purpose, Reader
from registry.values import VIETNAM, DocumentId, RecordMetadata, Value

Format = Literal["bagit", "e-ark"]
WRITERS = {"bagit": write_bag, "e-ark": write_sip}
MARKS = {"bagit": "bagit.txt", "e-ark": "METS.xml"}


class Exported(Value):
    """state: exported | already (a whole package of this name lay there) | refused, with the error's code. path: where
    the package lies."""

    id: DocumentId
    state: str
    path: str | None = None
    error: str | None = None


def export(
    engine: Engine,
    store: ObjectStore,
    catalogue: Catalogue,
    ids: Iterable[DocumentId],
    output: Path,
    *,
    form: Format,
    zipped: bool,
    purpose: Purpose,
    reader: Reader,
    done: Callable[[Exported], None] = lambda _: None,
) -> Iterator[Exported]:
    """Each record lies in `output` as a package, `<id>` or `<id>.zip`, or it is said why not; the others go on.

    A package is whole or not there; one that is there is not made again, so an interrupted export goes on where it was.
    Every byte is compared with the archive's inventory. In the audit log each package is a reading with its purpose.
    Raises ServiceUnavailable, OSError (the output cannot be written).
    """
    for document_id in ids:
        told = _one(
            engine, store, catalogue, document_id, output, form=form, zipped=zipped, purpose=purpose, reader=reader
        )
        done(told)
        yield told


def of_dossier(engine: Engine, code: str) -> list[DocumentId]:
    """The archived documents of a dossier. Raises NotFound when there are none."""
    with read(engine) as conn:
        found = [row.id for row in documents.of_dossiers(conn, [code]) if row.archived_at is not None]
    if not found:
        raise NotFound("no archived document of this dossier")
    return found


def of_period(
    engine: Engine, start: date | None, end: date | None, units: Iterable[str] | None
) -> tuple[int, Iterator[DocumentId]]:
    """How many documents were archived on these days (in Vietnam, both included), and which, in that order."""
    bounds = _instant(start), _instant(end + timedelta(days=1)) if end else None
    with read(engine) as conn:
        number = documents.count_archived_in(conn, *bounds, units)

    def each() -> Iterator[DocumentId]:
        after: tuple[str, str] | None = None
        while True:
            with read(engine) as conn:
                some = documents.archived_in(conn, *bounds, units, after=after)
            if not some:
                return
            yield from (document_id for document_id, _ in some)
            after = some[-1][1], some[-1][0]

    return number, each()


def _one(
    engine: Engine,
    store: ObjectStore,
    catalogue: Catalogue,
    document_id: DocumentId,
    output: Path,
    *,
    form: Format,
    zipped: bool,
    purpose: Purpose,
    reader: Reader,
) -> Exported:
    place = package_path(output, document_id, zipped=zipped)
    try:
        with read(engine) as conn:
            row = documents.get(conn, document_id)
        if row.archived_at is None:
            raise Conflict("the document is not in the archive")
        if place.exists():
            if not holds_file(place, document_id, MARKS[form]):
                raise KeyTaken("something else lies there")
            return Exported(id=document_id, state="already", path=str(place))
        with write(engine) as conn:  # before the first byte leaves
            reads.note(conn, "export", document_id, row.unit, reader, purpose)
        record = outgoing(
            store, document_id, lambda told: names_of(catalogue, told), title=row.title, program=_version()
        )
        with landing(output, document_id, zipped=zipped) as sink:
            WRITERS[form](store, record, sink)
    except (NotFound, Conflict, FixityMismatch, KeyNotFound, KeyTaken) as exc:
        return Exported(id=document_id, state="refused", error=exc.code)
    return Exported(id=document_id, state="exported", path=str(place))


def names_of(catalogue: Catalogue, told: RecordMetadata) -> Names:
    """What the catalogue calls the unit, the kind and the retention of a record; the codes where it does not say."""
    kind = catalogue.kinds.get(told.description.kind or "")
    kept = catalogue.retention.get(told.retention_class)
    unit = told.unit
    with suppress(StopIteration):
        unit = next(u.name for u in catalogue.units if u.code == told.unit)
    return Names(
        unit=unit,
        kind=kind.name if kind else told.description.kind or "",
        retention=kept.name if kept else told.retention_class,
        retention_years=kept.years if kept else None,
    )


def _instant(day: date | None) -> str | None:
    if day is None:
        return None
    return datetime.combine(day, time.min, VIETNAM).astimezone(UTC).isoformat(timespec="microseconds")


def _version() -> str:
    try:
        return version("sohoa")
    except PackageNotFoundError:
        return "unknown"
