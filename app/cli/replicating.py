"""archive replicate: the second store holds what the first one does."""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer
from rich.progress import Progress

from app.cli.output import EXIT_PARTLY, Home, Json, actor, err, out, show
from app.wiring import build_store, opened
from archive.replication import replicate
from registry import audit, facts
from registry.database import write
from registry.errors import SettingsInvalid


def replicate_archive(
    home: Home,
    quick: Annotated[bool, typer.Option("--quick", help="Không đọc lại những gì đã có đủ ở kho thứ hai.")] = False,
    json: Json = False,
) -> None:
    """Chép những gì kho thứ hai còn thiếu, rồi đọc cả hai bên và so từng tệp. Dừng rồi chạy tiếp được."""
    with opened(home) as wiring, Progress(console=err, transient=True) as progress:
        if wiring.settings.replica is None:
            raise SettingsInvalid("there is no second store: the settings have no [replica]")
        bar = progress.add_task("Sao sang kho thứ hai…", total=None)
        work = wiring.folder("work")
        work.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix="replication-", dir=work) as bench:
            result = replicate(
                wiring.store,
                build_store(wiring.settings, wiring.settings.replica),
                Path(bench) / "files",
                quick=quick,
                progress=lambda: progress.advance(bar),
            )
        told = {"ok": result.ok, **result.model_dump(mode="json")}
        with write(wiring.engine) as conn:
            counts = {k: len(v) if isinstance(v, list) else v for k, v in told.items()}
            facts.put(conn, "replication", {**counts, "quick": quick})
            audit.append(conn, actor=actor(), action="replicate", subject="archive", detail=counts)
    if json:
        show(told)
    else:
        out.print(f"{result.objects} gói: chép {result.copied} tệp, {result.same} tệp giống nhau, gỡ {result.removed}.")
        for title, keys in (("khác nhau", result.differing), ("chỉ có ở kho thứ hai", result.extra)):
            for key in keys:
                out.print(f"{title}: {key}", markup=False)
    if not result.ok:
        sys.exit(EXIT_PARTLY)
