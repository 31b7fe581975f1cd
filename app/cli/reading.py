"""read: a file's text and fields."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import Progress

from app.cli.output import Json, err, out, show, table
from app.web import words
from app.wiring import READING
from config.catalogue import SHIPPED, load_catalogue
from config.settings import Workers
from pipeline import tasks
from pipeline.page_reading import read_through
from pipeline.reading_options import ReadingOptions
from pipeline.soundness import IdentifyLimits
from pipeline.workers import WorkerPool
from registry.values import Description, Part


def read_file(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False)],
    json: Json = False,
    catalogue: Annotated[Path, typer.Option(help="Thư mục danh mục.")] = SHIPPED,
) -> None:
    """Đọc một tệp: chữ và các trường thông tin. Không lưu gì."""
    kinds = dict(load_catalogue(catalogue).kinds)
    told = Workers()
    pool = WorkerPool(told.processes, told.memory_mb, preload=READING)
    try:
        found = pool.run(tasks.identify, file, IdentifyLimits(), file.name, timeout_s=told.page_timeout_s)
        with Progress(console=err, transient=True) as bar:
            task = bar.add_task("Đang đọc…", total=found.page_count)
            pages = read_through(
                pool, file, found.media_type, ReadingOptions(), found.page_count, lambda: bar.advance(task)
            )
        split = pool.run(tasks.split, pages, timeout_s=told.page_timeout_s)
        described = [
            pool.run(tasks.describe, [pages[index] for index in part.pages], kinds, timeout_s=told.page_timeout_s)
            for part in split.parts
        ]
    finally:
        pool.close()
    if not json:
        for page in pages:
            out.print(page.text, markup=False)
            if page.status != "read":
                err.print(f"[yellow]Trang {page.index + 1} {words.unread(page.status)}[/yellow]")
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
            "evidence": evidence(first),
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
        "evidence": evidence(described),
    }


def evidence(described: Description) -> dict[str, Any]:
    """Where each value was read, how sure, and what stands there; people in the order of plain_fields."""
    people = [person.model_dump(mode="json") for person in described.people]
    return {**{name: value.model_dump(mode="json") for name, value in described.fields.items()}, "people": people}


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
