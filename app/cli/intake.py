"""ingest, read: files in, by hand."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import track

from app.cli.output import EXIT_PARTLY, Home, Json, actor, err, show, table
from app.cli.unlocking import unlock
from app.wiring import opened
from config.messages import sentence
from pipeline.describing import dossier_code_in
from pipeline.intake import BACK_FILE, Receipt, take
from pipeline.run_lock import runner_is_alive
from pipeline.runner import Runner
from pipeline.workshop import Workshop
from registry import documents, scans
from registry.database import read
from registry.errors import RefusalCode, Refused
from registry.values import DocumentState, ScanId, ScanState, utc_now, vietnam_date

FAR = tuple(DocumentState)
ENDED = (ScanState.DONE, ScanState.QUARANTINED, ScanState.DUPLICATE)


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
        if wait and not runner_is_alive(shop.settings.home):  # what is taken is signed in this process
            unlock(wiring)
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
    ended = (DocumentState.REVIEW, DocumentState.TO_SIGN, DocumentState.ARCHIVED, DocumentState.REJECTED)
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
