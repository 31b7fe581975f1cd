"""ingest, read: files in, by hand."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import Progress, track

from app.cli.output import EXIT_PARTLY, Home, Json, actor, err, out, show, table
from app.web import words
from app.wiring import PRELOAD, opened
from config.catalogue import SHIPPED, load_catalogue
from config.messages import sentence
from config.settings import Workers
from pipeline import describing
from pipeline.describing import dossier_code_in
from pipeline.identify import identify
from pipeline.intake import BACK_FILE, Receipt, take
from pipeline.page_reading import read_through
from pipeline.reading import ReadingOptions
from pipeline.runner import Runner, runner_is_alive
from pipeline.soundness import IdentifyLimits
from pipeline.splitting.parts import split_scan
from pipeline.workers import WorkerPool
from pipeline.workshop import Workshop
from registry import documents, scans
from registry.database import read
from registry.errors import RefusalCode, Refused
from registry.values import Description, DocumentState, Part, ScanId, ScanState, utc_now, vietnam_date

FAR = tuple(DocumentState)
ENDED = (ScanState.DONE, ScanState.QUARANTINED, ScanState.DUPLICATE)


def register(app: typer.Typer) -> None:
    app.command("ingest")(ingest)
    app.command("read")(read_file)


def ingest(
    paths: Annotated[list[Path], typer.Argument(exists=True, dir_okay=False)],
    home: Home,
    unit: Annotated[str, typer.Option(help="Mã đơn vị.")],
    dossier: Annotated[str | None, typer.Option(help="Mã hồ sơ.")] = None,
    component: Annotated[str | None, typer.Option(help="Mã thành phần hồ sơ.")] = None,
    back_file: Annotated[bool, typer.Option("--back-file", help="Hồ sơ tồn đọng: nhường giấy tờ tại quầy.")] = False,
    wait: Annotated[bool, typer.Option("--wait", help="Đợi đến khi xong.")] = False,
    json: Json = False,
) -> None:
    """Đưa tệp quét vào, cùng đường với thư mục quét. Tệp nguồn được giữ nguyên."""
    if dossier and dossier_code_in(dossier) != dossier:
        raise Refused(RefusalCode.UNKNOWN_DOSSIER, "not a dossier code")
    with opened(home) as wiring:
        shop = wiring.workshop
        try:
            inbox = wiring.catalogue.unit(unit, vietnam_date(utc_now())).inbox
        except KeyError as exc:
            raise Refused(RefusalCode.UNKNOWN_UNIT, unit) from exc
        receipts = [
            take(
                shop,
                path.resolve(),
                unit_folder=inbox,
                relative=Path(path.name),
                actor=actor(),
                dossier=dossier,
                component=component,
                priority=BACK_FILE if back_file else 0,
            )
            for path in paths
        ]
        if wait:
            _wait(shop, receipts)
        results = [_result(shop, path, receipt) for path, receipt in zip(paths, receipts, strict=True)]
    if json:
        show(results)
    else:
        table(("Tệp", "Tình trạng", "Tài liệu"), [(r["source"], r["status"], *r["documents"]) for r in results])
    if any(r["error"] for r in results):
        sys.exit(EXIT_PARTLY)


def read_file(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False)],
    json: Json = False,
    catalogue: Annotated[Path, typer.Option(help="Thư mục danh mục.")] = SHIPPED,
) -> None:
    """Đọc một tệp: chữ và các trường thông tin. Không lưu gì."""
    kinds = dict(load_catalogue(catalogue).kinds)
    told = Workers()
    pool = WorkerPool(told.processes, told.memory_mb, preload=PRELOAD)
    try:
        found = pool.run(identify, file, IdentifyLimits(), file.name, timeout_s=told.page_timeout_s)
        with Progress(console=err, transient=True) as bar:
            task = bar.add_task("Đang đọc…", total=found.page_count)
            pages = read_through(
                pool, file, found.media_type, ReadingOptions(), found.page_count, lambda: bar.advance(task)
            )
        split = pool.run(split_scan, pages, timeout_s=told.page_timeout_s)
        described = [
            pool.run(describing.describe, [pages[index] for index in part.pages], kinds, timeout_s=told.page_timeout_s)
            for part in split.parts
        ]
    finally:
        pool.close()
    if not json:
        for page in pages:
            out.print(page.text, markup=False)
        for part, told_of in zip(split.parts, described, strict=True):
            if len(split.parts) > 1:
                out.print(f"[bold]{words.pages(part.pages)}[/bold]")
            table(("Trường", "Giá trị"), [(k, v) for k, v in plain_fields(told_of).items() if k != "people"])
        return
    first = described[0] if described else Description()
    show(
        {
            "id": file.stem,
            "pages": [page.model_dump(exclude={"words", "codes"}) for page in pages],
            "fields": plain_fields(first),
            "evidence": {k: v.model_dump(mode="json") for k, v in first.fields.items()},
            "documents": [_read_part(part, told_of) for part, told_of in zip(split.parts, described, strict=True)],
            "covers": split.covers,
            "warnings": [*found.warnings, *split.warnings],
        }
    )


def _read_part(part: Part, described: Description) -> dict[str, Any]:
    """One document of the file; its pages are those of the file, from 0."""
    return {
        "first_page": part.pages[0],
        "last_page": part.pages[-1],
        "pages": part.pages,
        "dossier_code": part.dossier_code or described.value("dossier_code"),
        "component_code": part.component_code,
        "fields": plain_fields(described),
    }


def plain_fields(described: Description) -> dict[str, Any]:
    """Fields and people as plain values."""
    people = [
        {
            "full_name": p.full_name.value if p.full_name else None,
            "id_number": p.id_number.value if p.id_number else None,
            "date_of_birth": p.date_of_birth.value if p.date_of_birth else None,
        }
        for p in described.people
    ]
    return {**{name: value.value for name, value in described.fields.items()}, "people": people}


def _wait(shop: Workshop, receipts: list[Receipt]) -> None:
    """Until every scan has ended or waits for a person; works in this process when no `sohoa run` does."""
    wanted = [r.scan_id for r in receipts if r.scan_id]

    def all_ended() -> bool:
        return all(_has_ended(shop, scan_id) for scan_id in wanted)

    if not runner_is_alive(shop.settings.home):
        Runner(shop).run(until=all_ended)
        return
    for _ in track(range(100_000), description="Đang xử lý…", console=err, transient=True):
        if all_ended():
            return
        time.sleep(0.3)


def _has_ended(shop: Workshop, scan_id: ScanId) -> bool:
    with read(shop.engine) as conn:
        if scans.get(conn, scan_id).state in ENDED:
            return True
        found = [documents.get(conn, d) for d in documents.of_scan(conn, scan_id)]
    ended = (DocumentState.REVIEW, DocumentState.ARCHIVED, DocumentState.REJECTED)
    return bool(found) and all(d.state in ended for d in found)


def _result(shop: Workshop, path: Path, receipt: Receipt) -> dict[str, Any]:
    """One line of the answer: status is the state of the document that is least far, of the scan where there is none;
    error tells of what was refused, all of it or a part."""
    empty: dict[str, Any] = {"source": str(path), "status": str(receipt.outcome), "documents": [], "error": None}
    with read(shop.engine) as conn:
        if receipt.scan_id is None:
            return {**empty, "error": _error(receipt.code or RefusalCode.UNKNOWN_UNIT)}
        scan = scans.get(conn, receipt.scan_id)
        found = [documents.get(conn, d) for d in documents.of_scan(conn, receipt.scan_id)]
    refused = scan.state == ScanState.QUARANTINED
    going = [d for d in found if d.state is not DocumentState.REJECTED] or found
    least = min(going, key=lambda d: FAR.index(d.state), default=None)
    status = "quarantined" if refused else str(least.state if least else scan.state)
    part = next((d for d in found if d.state is DocumentState.REJECTED), None)
    code = scan.error_code if refused else part.error_code if part else None
    error = _error(code or RefusalCode.UNREADABLE) if refused or part else None
    return {**empty, "status": status, "documents": [d.id for d in found], "error": error}


def _error(code: str) -> dict[str, str]:
    return {"code": str(code), "message": sentence(code)}
