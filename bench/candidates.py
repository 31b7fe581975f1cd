"""Who reads in the bench: ours, bare tesserocr, stock OCRmyPDF. Each as the commands that a person would run.

All are told the same: one thread a Tesseract, so many processes in all.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

from PIL import Image

from app.cli.reading import plain_fields
from app.demo.papers import papers
from app.demo.scans import DPI, draw
from app.setup import initialise
from app.wiring import opened
from archive.aip import read_record
from bench.pictures import Scan
from bench.spent import NOTHING, Spent, spent
from pipeline.ocr import tessdata
from registry import documents
from registry.database import read
from registry.values import sha256_file

ROOT = Path(__file__).parents[1]
SOHOA = [sys.executable, "-c", "from app.cli import main; main()"]
OCRMYPDF = [sys.executable, "-m", "ocrmypdf", "-l", "vie"]
CLEANED = ["--deskew", "--rotate-pages", "--clean"]
LONGEST_S = 4 * 3600.0
POLL_S = "0.2"

Answer = dict[str, Any]
"""What a candidate says of one scan, as `samples/evaluate.py` takes it: id, pages, fields where it knows any."""


@dataclass
class Given:
    """What one candidate made of some scans. start_up: what it costs it to start as often as it did, without a page."""

    spent: Spent = NOTHING
    start_up: Spent = NOTHING
    pages: int = 0
    answers: list[Answer] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)


class Candidate(Protocol):
    """A program under measurement. folder: its own, empty, kept for a look afterwards."""

    name: str

    def start_up(self, folder: Path) -> Spent:
        """What one start costs that does nothing."""
        ...

    def starts(self, scans: Sequence[Scan]) -> int:
        """How often it starts for these scans."""
        ...

    def give(self, scans: Sequence[Scan], folder: Path) -> Given: ...


def environment(jobs: int) -> dict[str, str]:
    """The same for all: threads and processes."""
    return {
        **os.environ,
        "OMP_THREAD_LIMIT": "1",
        "TESSDATA_PREFIX": str(tessdata()),
        "SOHOA_WORKERS__PROCESSES": str(jobs),
        "SOHOA_INTAKE__POLL_S": POLL_S,
        "PYTHONPATH": str(ROOT),
    }


@dataclass(frozen=True)
class Bare:
    """tesserocr on the pages' pictures: one process, one engine, kept warm."""

    environment: Mapping[str, str]
    name: str = "bare tesserocr"

    def start_up(self, folder: Path) -> Spent:
        return self._run([], folder)[0]

    def starts(self, scans: Sequence[Scan]) -> int:
        return 1

    def give(self, scans: Sequence[Scan], folder: Path) -> Given:
        cost, lines = self._run(scans, folder)
        answers = [json.loads(line) for line in lines]
        return Given(cost, pages=_pages(scans), answers=answers, failed=_missing(scans, answers))

    def _run(self, scans: Sequence[Scan], folder: Path) -> tuple[Spent, list[str]]:
        told, out = folder / "pictures.json", folder / "texts.jsonl"
        told.write_text(
            json.dumps([{"id": s.id, "pictures": [(str(p.path), p.dpi) for p in s.pictures]} for s in scans])
        )
        command = [sys.executable, str(ROOT / "bench" / "bare.py"), str(told)]
        return _spent(command, self.environment, out), out.read_text(encoding="utf-8").splitlines()


@dataclass(frozen=True)
class Read:
    """`sohoa read`, once a file: text, boxes and fields; nothing is stored."""

    environment: Mapping[str, str]
    blank: Path
    name: str = "sohoa read"

    def start_up(self, folder: Path) -> Spent:
        return self._run(self.blank, folder / "blank.json")

    def starts(self, scans: Sequence[Scan]) -> int:
        return len(scans)

    def give(self, scans: Sequence[Scan], folder: Path) -> Given:
        given = Given(pages=_pages(scans))
        for scan in scans:
            out = folder / f"{scan.id}.json"
            cost = self._run(scan.path, out)
            given.spent += cost
            if cost.code == 0:
                given.answers.append({**json.loads(out.read_text(encoding="utf-8")), "id": scan.id})
        given.failed = _missing(scans, given.answers)
        return given

    def _run(self, path: Path, out: Path) -> Spent:
        return _spent([*SOHOA, "read", str(path), "--json"], self.environment, out)


@dataclass(frozen=True)
class WholePath:
    """From a file to a record that is signed, archived, read back and found: an installation on one machine, all of
    its files in one start; nobody waits for a person.

    It is a service that runs all day. So a paper for each worker goes ahead of the scans each time, and is part of the
    start-up: what is read for the first time loads engines and models that then stay.
    """

    environment: Mapping[str, str]
    ahead: tuple[Path, ...]
    name: str = "sohoa, scan to archived and searchable"

    def start_up(self, folder: Path) -> Spent:
        home, unit = self._made(folder)
        return self._run(home, unit, [])

    def starts(self, scans: Sequence[Scan]) -> int:
        return 1

    def give(self, scans: Sequence[Scan], folder: Path) -> Given:
        home, unit = self._made(folder)
        cost = self._run(home, unit, scans)
        answers = _answers(home, scans)
        return Given(cost, pages=_pages(scans), answers=answers, failed=_missing(scans, answers))

    def _made(self, folder: Path) -> tuple[Path, str]:
        home = folder / "home"
        initialise(home, demo=False, agency="")
        with opened(home) as wiring:
            return home, wiring.catalogue.units[0].inbox

    def _run(self, home: Path, unit: str, scans: Sequence[Scan]) -> Spent:
        files = [*self.ahead, *(s.path for s in scans)]
        command = [sys.executable, "-m", "bench.whole_path", str(home), unit, *map(str, files)]
        return _spent(command, self.environment, home.with_name("path.out"))


@dataclass(frozen=True)
class Stock:
    """`ocrmypdf`, once a file."""

    environment: Mapping[str, str]
    blank: Path
    jobs: int
    name: str = "ocrmypdf"
    options: tuple[str, ...] = ()

    def start_up(self, folder: Path) -> Spent:
        return self._run(self.blank, folder / "blank", ["--image-dpi", "200"])

    def starts(self, scans: Sequence[Scan]) -> int:
        return len(scans)

    def give(self, scans: Sequence[Scan], folder: Path) -> Given:
        given = Given(pages=_pages(scans))
        for scan in scans:
            out = folder / scan.id
            told = ["--image-dpi", str(scan.pictures[0].dpi)] if scan.needs_dpi else []
            cost = self._run(scan.path, out, told)
            given.spent += cost
            if cost.code == 0:
                pages = out.with_suffix(".txt").read_text(encoding="utf-8").split("\f")[: scan.pages]
                said = [{"index": index, "text": text} for index, text in enumerate(pages)]
                given.answers.append({"id": scan.id, "pages": said})
        given.failed = _missing(scans, given.answers)
        return given

    def _run(self, path: Path, out: Path, told: Sequence[str]) -> Spent:
        command = [*OCRMYPDF, "--quiet", "--jobs", str(self.jobs), *self.options, *told]
        command += ["--sidecar", str(out.with_suffix(".txt")), str(path), str(out.with_suffix(".pdf"))]
        return _spent(command, self.environment, out.with_suffix(".out"))


def whole_path(jobs: int, folder: Path) -> WholePath:
    """The whole path with so many workers, the papers that go ahead in `folder`."""
    ahead = tuple(folder / f"ahead-{number}.jpg" for number in range(jobs))
    for number, path in enumerate(ahead):
        paper = replace(papers()[number], number=f"{900 + number}/QĐ-UBND")  # none of the demonstration's own
        draw(paper).save(path, "JPEG", quality=85, dpi=(DPI, DPI))
    return WholePath(environment(jobs), ahead)


def candidates(folder: Path, jobs: int) -> list[Candidate]:
    """All of them, with what they need for it in `folder`."""
    told, blank = environment(jobs), folder / "blank.png"
    Image.new("L", (200, 200), 255).save(blank, dpi=(DPI, DPI))
    return [
        Bare(told),
        Read(told, blank),
        whole_path(jobs, folder),
        Stock(told, blank, jobs),
        Stock(told, blank, jobs, name=" ".join(["ocrmypdf", *CLEANED]), options=tuple(CLEANED)),
    ]


def _answers(home: Path, scans: Sequence[Scan]) -> list[Answer]:
    """What stands in archive and registry: the text of a scan's documents one after the other, the first one's fields.
    Scans whose documents are not all in the index are not among them."""
    found: list[Answer] = []
    with opened(home) as wiring, read(wiring.engine) as conn:
        held = [documents.get(conn, document_id) for document_id in documents.archived_ids(conn)]
        for scan in scans:
            sha256 = sha256_file(scan.path)
            own = [d for d in held if d.original_sha256 == sha256 and d.indexed_at]
            if not own:
                continue
            pages = [page for d in own for page in read_record(wiring.store, d.id).pages]
            told = [
                {**page.model_dump(include={"text", "rotation_deg", "skew_deg", "blank"}), "index": index}
                for index, page in enumerate(pages)
            ]
            found.append({"id": scan.id, "pages": told, "fields": plain_fields(documents.description(conn, own[0].id))})
    return found


def _pages(scans: Sequence[Scan]) -> int:
    return sum(s.pages for s in scans)


def _missing(scans: Sequence[Scan], answers: Sequence[Answer]) -> list[str]:
    known = {a["id"] for a in answers}
    return [s.id for s in scans if s.id not in known]


def _spent(command: Sequence[str], told: Mapping[str, str], out: Path) -> Spent:
    return spent(command, environment=told, out=out, log=out.with_name("errors.log"), longest_s=LONGEST_S)
