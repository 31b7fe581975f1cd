"""A small embedded installation that holds everything a move or a loss must not lose, made without reading a page."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import TypeAdapter

from app.setup import initialise
from app.wiring import Wiring, opened
from archive.aip import read_record
from config.settings import Store
from pipeline import intake, parting, settling, steps
from pipeline.pdfa import write_pdfa
from pipeline.soundness import JPEG
from registry import audit, documents, dossiers, reuse_events, scans, users
from registry.database import write
from registry.values import (
    Description,
    DocumentId,
    DocumentState,
    FieldValue,
    PageText,
    Person,
    Role,
    ScanId,
    ScanState,
    utc_now,
)
from search.index import SearchRequest
from tests.bad_inputs import encoded, sheet

NAMES = ("Nguyễn Thị Hoà", "Trần Văn Đức", "Lê Ngọc Ánh", "Phạm Quốc Bảo", "Huỳnh Thuý Vy", "Đặng Hữu Nghĩa")
TEXTS = (
    "Căn cứ Luật Tổ chức chính quyền địa phương, xét đề nghị của Trưởng phòng Nội vụ về việc trợ cấp xã hội",
    "Xác nhận tình trạng hôn nhân của công dân có tên trên để sử dụng vào mục đích đăng ký kết hôn",
    "Thông báo kết quả giải quyết đơn khiếu nại về việc thu hồi đất ở thôn Hoà Bình, xã An Hoà",
)
KINDS = ("quyet-dinh", "giay-xac-nhan-tinh-trang-hon-nhan", "thong-bao")
DOSSIER = "H99.32-260805-0003"
RECORDS = 10
ASKED = ("so 3", "quyết định trợ cấp", "hoa", "tran van duc", '"xác nhận tình trạng"', "4/QĐ-UBND", "003199000005")
NOBODY, NO_SCAN = DocumentId(""), ScanId("")
PAGES = TypeAdapter(tuple[PageText, ...])


@dataclass
class Office:
    """Where it lies and what is in it."""

    home: Path
    archived: list[DocumentId] = field(default_factory=list)
    in_review: DocumentId = NOBODY
    under_way: ScanId = NO_SCAN


def make_office(home: Path, records: int, *, toml: str | None = None) -> Office:
    """An installation with so many archived and indexed records, accounts, dossiers, reuse, an open refusal, a
    document that waits for a person, and a scan that is just being read."""
    if toml is not None:
        home.mkdir()
        (home / "sohoa.toml").write_text(toml)
    initialise(home, demo=False, agency="Ủy ban nhân dân tỉnh Hòa Bình Thử")
    office = Office(home)
    with opened(home) as wiring:
        with write(wiring.engine) as conn:
            users.add_user(conn, username="motcua", password="mat-khau-cua-toi", role=Role.CLERK, unit="H99.32")
            dossiers.ensure(conn, DOSSIER, "H99.32")
        for number in range(records):
            office.archived.append(add_record(wiring, number))
        with write(wiring.engine) as conn:
            reuse_events.add(
                conn, document_id=office.archived[0], dossier_code=DOSSIER, component_code="TP03", unit="H99.32",
                actor="motcua", outcome="reused", verdict="TOTAL-PASSED", pdf_sha256="c" * 64, result_code=None,
            )  # fmt: skip
            audit.append(conn, actor="motcua", action="reuse", subject=office.archived[0], unit="H99.32")
        _drop(wiring, "rong.jpg", b"")
        office.under_way = _drop(wiring, "dang doc.jpg", encoded(sheet(text="đang đọc"), "JPEG"))
        waiting = _drop(wiring, "cho duyet.jpg", encoded(sheet(text="chờ duyệt"), "JPEG"))
        office.in_review = _read(wiring, waiting, 97)
        with write(wiring.engine) as conn:
            documents.set_state(conn, office.in_review, DocumentState.REVIEW, step="review", review_reasons=["kind"])
    return office


def moved_office(office: Office, home: Path) -> Office:
    """A copy of the installation in another folder, with the paths in its registry leading there."""
    shutil.copytree(office.home, home)
    with sqlite3.connect(home / "registry.sqlite") as db:
        for table, column in (("scans", "source_path"), ("scans", "staged_path"), ("quarantine", "kept_path")):
            change = f"UPDATE {table} SET {column} = replace({column}, ?, ?)"
            db.execute(change, (f"{office.home}/", f"{home}/"))
    db.close()
    return Office(home, list(office.archived), office.in_review, office.under_way)


def settings(
    *,
    registry: str = "",
    store: Store | None = None,
    secret: str = "",
    urls: Sequence[str] = (),
    prefix: str = "",
) -> str:
    """A sohoa.toml that names these homes; those not given stay in the home."""
    told = f'[registry]\nurl = "{registry}"\n' if registry else ""
    if store is not None:
        told += f'[archive]\nkind = "s3"\nendpoint = "{store.endpoint}"\nsecure = false\nbucket = "{store.bucket}"\n'
        told += f'access_key = "{store.access_key}"\nsecret_key = "{secret}"\n'
    if urls:
        told += f'[index]\nkind = "elasticsearch"\nurls = {json.dumps(list(urls))}\nprefix = "{prefix}"\n'
    return told


def answers(home: Path) -> dict[str, tuple[int, frozenset[str]]]:
    """What the installation finds, for a few searches of every kind."""
    with opened(home) as wiring:
        found = {query: wiring.index.search(SearchRequest(query=query, limit=100)) for query in ASKED}
    return {query: (told.total, frozenset(h.document_id for h in told.hits)) for query, told in found.items()}


def add_record(wiring: Wiring, number: int) -> DocumentId:
    """One more archived and indexed record, by the very steps of the pipeline, only that nobody reads."""
    document_id = approved(wiring, number)
    preserve(wiring, document_id)
    settling.release(wiring.workshop, document_id)
    return document_id


def approved(wiring: Wiring, number: int) -> DocumentId:
    """A document that was read and approved, and is to be signed next."""
    document_id = _read(
        wiring,
        _drop(wiring, f"quét {number}.jpg", encoded(sheet(size=(414, 585), text=f"so {number}"), "JPEG")),
        number,
    )
    with write(wiring.engine) as conn:
        at = utc_now().isoformat(timespec="microseconds")
        documents.set_state(
            conn, document_id, DocumentState.APPROVED, step="approved", approved_by="motcua", approved_at=at
        )
    return document_id


def preserve(wiring: Wiring, document_id: DocumentId) -> None:
    """An approved document is signed, archived and found."""
    steps.sign_document(wiring.workshop, document_id)
    steps.archive_document(wiring.workshop, document_id)
    record = read_record(wiring.store, document_id)
    wiring.index.put([steps.index_entry(record.metadata, record.pages)])
    with write(wiring.engine) as conn:
        documents.mark_indexed(conn, [document_id])


def _drop(wiring: Wiring, name: str, content: bytes) -> ScanId:
    """A file of the inbox, claimed and staged; an empty one is refused."""
    path = wiring.folder("inbox") / "xa-an-hoa" / name
    path.write_bytes(content)
    told = intake.take(wiring.workshop, path, unit_folder="xa-an-hoa", relative=Path(name), actor="inbox")
    return told.scan_id or ScanId("")


def _read(wiring: Wiring, scan_id: ScanId, number: int) -> DocumentId:
    shop = wiring.workshop
    with write(shop.engine) as conn:
        told = {"media_type": JPEG, "page_count": 1, "state": ScanState.IDENTIFIED}
        scans.update(conn, scan_id, **told)
    name = NAMES[number % len(NAMES)]
    text = f"Số: {number}/QĐ-UBND. {TEXTS[number % len(TEXTS)]}. Ông (bà) {name} chịu trách nhiệm thi hành."
    pages = (PageText(index=0, text=text, confidence=0.9, dpi=200),)
    shop.scan_bench(scan_id).mkdir(parents=True)
    (shop.scan_bench(scan_id) / "pages.jsonl").write_bytes(pages[0].model_dump_json().encode())
    [document_id] = parting.open_documents(shop, scan_id)
    bench = shop.bench(document_id)
    bench.mkdir(parents=True)
    (bench / "pages.json").write_bytes(PAGES.dump_json(pages))
    write_pdfa(shop.staged_scan(scan_id), JPEG, pages, bench / "document.pdf")
    described = Description(
        kind=KINDS[number % len(KINDS)],
        kind_confidence=0.95,
        fields={
            "number_symbol": FieldValue(value=f"{number}/QĐ-UBND", raw_text=f"Số: {number}/QĐ-UBND", confidence=0.9),
            "subject": FieldValue(value=TEXTS[number % len(TEXTS)][:60]),
            "issued_on": FieldValue(value=f"2026-0{1 + number % 9}-11"),
        },
        people=(Person(full_name=FieldValue(value=name), id_number=FieldValue(value=f"0031990{number:05}")),),
    )
    with write(shop.engine) as conn:
        documents.save_description(conn, document_id, described)
    return document_id
