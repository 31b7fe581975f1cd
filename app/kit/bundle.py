"""Making an offline kit: archived documents, everything that proves them, and the program that checks it.

A kit stands for itself: its manifest is signed by the agency and stamped with the time, the rows of the audit log that
concern its documents are proven under sealed heads without telling of other rows, and `verify.py` needs nothing but
Python (docs/decisions/0028-offline-kit.md).
"""

from __future__ import annotations

import hashlib
import json
import shutil
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FileSystemLoader
from sqlalchemy import select

from app import signers
from app.kit.checking import check_kit, is_altered
from app.kit.verifier import Certificate, pem
from app.web import words
from archive.aip import AipPapers, read_papers
from archive.ocfl import INVENTORY, object_root, parse_inventory, root_of, root_papers
from archive.scans import is_archived, read_scan, scan_object
from archive.seals import HEAD, SIGNATURE, iter_seals, read_head, read_rows
from archive.store import ObjectStore
from pipeline.landing import sync_file
from pipeline.sealing import seal_log
from pipeline.validation_data import validation_data
from registry import documents, facts, reads
from registry.database import read, write
from registry.documents import DocumentRecord
from registry.errors import Conflict, FixityMismatch, TargetTaken
from registry.merkle import proof
from registry.reads import Purpose, Reader
from registry.signers import BARE
from registry.tables import audit as audit_table
from registry.values import FIELD_NAMES, DocumentId, DocumentState, ScanId, Value, utc_now

if TYPE_CHECKING:
    from app.wiring import Wiring

HERE = Path(__file__).parent
ENDINGS = {"certificates": "der", "crl": "crl", "ocsp": "ocsp"}
CHECK_S, CHECK_EACH_S = 120.0, 10.0
SUMS, MANIFEST, MANIFEST_SIGNATURE = "SHA256SUMS", "manifest.json", "manifest.json.p7s"


class Kit(Value):
    """A kit that was made and has checked itself. cover: the sheet to print, with the digests to compare.
    signer_sha256: of the certificate over the manifest; empty where there is a timestamp alone. unknown: what its
    program could not tell, in its words."""

    path: Path
    cover: Path
    documents: int
    files: int
    size_bytes: int
    audit_rows: int
    verifier_sha256: str
    manifest_sha256: str
    signer_sha256: str
    stamped: bool
    unknown: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Row:
    """A row of the log as it was sealed, with what proves it."""

    seal: int
    line: str
    path: tuple[str, ...]


def make_kit(
    wiring: Wiring,
    wanted: Sequence[DocumentId],
    target: Path,
    *,
    reader: Reader,
    purpose: Purpose,
    progress: Callable[[], None] = lambda: None,
) -> Kit:
    """The kit stands in `target`, a folder or, where the name ends so, a .zip; it was checked by its own program, and
    the audit log says who took it for what. Of a kit that failed nothing is left. progress: called after each document.

    Raises NotFound, TargetTaken, Conflict (a document is not archived, or nothing was asked for),
    FixityMismatch (something does not hold: no kit is made of it), SigningFailed, ServiceUnavailable.
    """
    cover = target.with_name(f"{target.stem}-to-bia.html")
    for taken in (target, cover):
        if taken.exists():
            raise TargetTaken(f"{taken.name} is there already")
    records = _records(wiring, wanted)
    with write(wiring.engine) as conn:
        for record in records:
            reads.note(conn, "export", record.id, record.unit, reader, purpose)
    seal_log(wiring.workshop)
    folder, sheet = target.with_name(f".{target.name}.part"), target.with_name(f".{cover.name}.part")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        made = _fill(wiring, records, folder, purpose, reader, progress)
        signer, signed_by = wiring.station.own_signer
        signer = "" if signer == BARE else signer
        unknown = _require_holding(wiring, folder, signer, len(records))
        files = [path for path in folder.rglob("*") if path.is_file()]
        size = sum(path.stat().st_size for path in files)
        told = {
            "verifier_sha256": _sha256(folder / "verify.py"),
            "manifest_sha256": _sha256(folder / MANIFEST),
            "signer_sha256": signer,
        }
        shown = {"kit": made, "name": target.name, "anchors": _anchors(folder), "signed_by": signed_by, **told}
        sheet.write_text(_rendered("to-bia.html", **shown), encoding="utf-8")
        _put(folder, target)
        sheet.rename(cover)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        sheet.unlink(missing_ok=True)
    return Kit(
        path=target,
        cover=cover,
        documents=len(records),
        files=len(files),
        size_bytes=size,
        audit_rows=made["audit_rows"],
        stamped=made["stamped"],
        unknown=unknown,
        **told,
    )


def _records(wiring: Wiring, wanted: Sequence[DocumentId]) -> list[DocumentRecord]:
    if not wanted:
        raise Conflict("no document was asked for")
    with read(wiring.engine) as conn:
        found = [documents.get(conn, document_id) for document_id in dict.fromkeys(wanted)]
    for record in found:
        if record.state not in (DocumentState.ARCHIVED, DocumentState.WITHDRAWN):
            raise Conflict(f"{record.id} is not archived")
    return found


def _fill(
    wiring: Wiring,
    records: Sequence[DocumentRecord],
    folder: Path,
    purpose: Purpose,
    reader: Reader,
    progress: Callable[[], None],
) -> dict[str, Any]:
    """Everything lies in the folder, manifest, signature and sums last; what the manifest says, and `stamped`."""
    store = wiring.store
    for name, body in root_papers().items():
        _write(folder / "archive" / name, body)
    told, papers = [], {}
    for record in records:
        papers[record.id] = read_papers(store, DocumentId(record.id))
        _copy_object(store, object_root(DocumentId(record.id)), folder / "archive")
        _keep_validation_data(wiring, DocumentId(record.id), folder)
        verdict = wiring.records.examine(DocumentId(record.id)).verdict
        told.append(_document(record, papers[record.id], verdict))
        if told[-1]["signature_level"] is None:
            newest = _pdfs(folder / "archive" / object_root(DocumentId(record.id)))[-1]
            told[-1]["arrived_altered"] = wiring.side_pool.run(is_altered, newest, timeout_s=CHECK_S)
        progress()
    whole, left_out = _scans(store, papers)
    for scan in whole:
        _copy_object(store, root_of(scan_object(scan)), folder / "archive")
    rows = _audit_part(wiring, {record.id for record in records}, folder)
    _keep_anchors(wiring, folder)
    shutil.copyfile(HERE / "verifier.py", folder / "verify.py")
    with read(wiring.engine) as conn:
        installation = facts.get(conn, "installation")
    made: dict[str, Any] = {
        "schema_version": 1,
        "made_at": utc_now().isoformat(timespec="seconds"),
        "program": f"sohoa {version('sohoa')}",
        "installation": str(installation[0]) if installation else "",
        "purpose": purpose.model_dump(mode="json"),
        "account": reader.account,
        "signers": [one.sha256 for one in signers.listed(wiring) if one.sha256 != BARE],
        "documents": told,
        "scans": [root_of(scan_object(scan)) for scan in whole],
        "scans_left_out": left_out,
        "audit_rows": len(rows),
    }
    _write_pages(wiring, folder, made, records, papers, rows)
    names = sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())
    made["files"] = {name: {"sha256": _sha256(folder / name), "size": (folder / name).stat().st_size} for name in names}
    body = json.dumps(made, ensure_ascii=False, indent=1).encode()
    signature = wiring.station.sign_bytes(body)
    _write(folder / MANIFEST, body)
    _write(folder / MANIFEST_SIGNATURE, signature.der)
    sums = [f"{_sha256(folder / name)}  {name}\n" for name in sorted([*names, MANIFEST, MANIFEST_SIGNATURE])]
    _write(folder / SUMS, "".join(sums).encode())
    return {**made, "stamped": signature.stamped}


def _document(record: DocumentRecord, papers: AipPapers, verdict: str) -> dict[str, Any]:
    told = papers.metadata
    return {
        "id": record.id,
        "object": object_root(DocumentId(record.id)),
        "title": record.title,
        "kind": told.description.kind,
        "number_symbol": told.description.value("number_symbol"),
        "issuing_agency": told.description.value("issuing_agency"),
        "issued_on": told.description.value("issued_on"),
        "unit": told.unit,
        "dossier_code": told.dossier_code,
        "page_count": told.page_count,
        "archived_at": told.archived_at.isoformat(),
        "signature_level": told.signature_level,
        "verdict": str(verdict),
        "original_sha256": told.source.scan.extract_sha256 if told.source.scan else told.source.sha256,
    }


def _pdfs(root: Path) -> list[Path]:
    """Where the document.pdf of each version of the copied object lies, the newest last; the same bytes once."""
    inventory = parse_inventory((root / INVENTORY).read_bytes())
    paths = (inventory.content_path("document.pdf", version) for version in inventory.versions)
    return [root / path for path in dict.fromkeys(paths) if path is not None]


def _copy_object(store: ObjectStore, root: str, folder: Path) -> None:
    """All files of the object, of all versions, as they are. What is wrong with them is found by the kit's check."""
    for key in store.list(root):
        target = folder / key
        target.parent.mkdir(parents=True, exist_ok=True)
        with store.open(key) as stream, target.open("wb") as copy:
            shutil.copyfileobj(stream, copy, 1 << 20)


def _keep_validation_data(wiring: Wiring, document_id: DocumentId, folder: Path) -> None:
    """What its PDF of every version brings along lies in `validation/`, each value once, named by its digest."""
    for pdf in _pdfs(folder / "archive" / object_root(document_id)):
        for kind, values in wiring.side_pool.run(validation_data, pdf, timeout_s=60.0).items():
            for value in values:
                name = f"{hashlib.sha256(value).hexdigest()}.{ENDINGS[kind]}"
                _write(folder / "validation" / kind / name, value)


def _scans(store: ObjectStore, papers: dict[DocumentId, AipPapers]) -> tuple[list[ScanId], list[str]]:
    """The scans of several papers that belong into the kit as a whole, and those that hold other papers too."""
    scans = {p.metadata.source.scan.scan_id for p in papers.values() if p.metadata.source.scan}
    whole, left_out = [], []
    for scan in sorted(scans):
        if is_archived(store, scan) and set(read_scan(store, scan).documents) <= set(papers):
            whole.append(scan)
        else:
            left_out.append(str(scan))
    return whole, left_out


def _audit_part(wiring: Wiring, ids: set[str], folder: Path) -> list[_Row]:
    """The rows that concern these documents lie in `audit/`, each with its proof, and the heads of their seals."""
    query = select(audit_table.c.seq).where(audit_table.c.subject.in_(ids)).order_by(audit_table.c.seq)
    with read(wiring.engine) as conn:
        wanted = list(conn.execute(query).scalars())
    rows: list[_Row] = []
    for number in iter_seals(wiring.store):
        told, body, signature = read_head(wiring.store, number)
        mine = [seq for seq in wanted if told.first_seq <= seq <= told.last_seq]
        if not mine:
            continue
        lines: dict[int, str] = {}
        entries: list[bytes] = []
        for seq, line in enumerate(read_rows(wiring.store, told), told.first_seq):
            entries.append(hashlib.sha256(line).digest())
            if seq in mine:
                lines[seq] = line.decode()
        for seq in mine:
            path = tuple(node.hex() for node in proof(entries, seq - told.first_seq))
            rows.append(_Row(number, lines[seq], path))
        _write(folder / "audit" / "seals" / f"{number:06}" / HEAD, body)
        _write(folder / "audit" / "seals" / f"{number:06}" / SIGNATURE, signature)
    told_rows = [{"seal": row.seal, "line": row.line, "path": list(row.path)} for row in rows]
    _write(folder / "audit" / "rows.json", json.dumps(told_rows, ensure_ascii=False, indent=1).encode())
    return rows


def _keep_anchors(wiring: Wiring, folder: Path) -> None:
    for path in sorted(wiring.settings.path(wiring.settings.signing.trust).glob("*.pem")):
        body = path.read_bytes()
        if b"PRIVATE KEY" not in body:
            _write(folder / "trust" / path.name, body)


def _write_pages(
    wiring: Wiring,
    folder: Path,
    made: dict[str, Any],
    records: Sequence[DocumentRecord],
    papers: dict[DocumentId, AipPapers],
    rows: Sequence[_Row],
) -> None:
    """For people: what the kit is, and its documents with links to their files."""
    logged: dict[str, list[dict[str, Any]]] = {record.id: [] for record in records}
    for row in rows:
        told = json.loads(row.line)
        logged[told["subject"]].append(told)
    links = {
        record.id: {
            path.name: path.relative_to(folder).as_posix()
            for path in sorted((folder / "archive" / object_root(DocumentId(record.id))).glob("v*/content/**/*"))
            if path.is_file()
        }
        for record in records
    }
    page = _rendered(
        "xem.html",
        kit=made,
        records=records,
        papers=papers,
        logged=logged,
        links=links,
        names=FIELD_NAMES,
        units={unit.code: unit.name for unit in wiring.catalogue.units},
    )
    _write(folder / "xem.html", page.encode())
    _write(folder / "DOC-TRUOC.txt", (HERE / "DOC-TRUOC.txt").read_bytes())


def _require_holding(wiring: Wiring, folder: Path, signer: str, number: int) -> tuple[str, ...]:
    """What the kit's own program cannot tell. Raises FixityMismatch for what it finds wrong."""
    wrong, unknown = wiring.side_pool.run(check_kit, folder, signer, timeout_s=CHECK_S + CHECK_EACH_S * number)
    if wrong:
        raise FixityMismatch("; ".join(wrong)[:500])
    return unknown


def _anchors(folder: Path) -> list[Certificate]:
    return [Certificate(der) for path in sorted((folder / "trust").glob("*.pem")) for der in pem(path.read_bytes())]


def _put(folder: Path, target: Path) -> None:
    """The kit appears under its name when it is whole."""
    if target.suffix.lower() != ".zip":
        folder.rename(target)
        return
    part = target.with_name(f".{target.name}.zip-part")
    try:
        with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as packed:
            for path in sorted(p for p in folder.rglob("*") if p.is_file()):
                packed.write(path, f"{target.stem}/{path.relative_to(folder).as_posix()}")
        sync_file(part)
        part.rename(target)
    finally:
        part.unlink(missing_ok=True)


def _rendered(template: str, **context: Any) -> str:
    environment = Environment(loader=FileSystemLoader(HERE), autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.filters.update(words.FILTERS)
    return environment.get_template(template).render(**context)


def _write(path: Path, body: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(body)


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
