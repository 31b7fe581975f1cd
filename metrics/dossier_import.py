"""Dossier facts from the one-stop system: CSV, XLSX or JSON. One bad row harms only itself."""

from __future__ import annotations

import csv
import io
import json
import re
import unicodedata
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import openpyxl
import yaml
from sqlalchemy import Connection

from config.catalogue import Catalogue
from registry import audit, dossiers
from registry.dossiers import DossierRow
from registry.errors import NotATable
from registry.values import Value

LARGEST = 100_000_000
CODE = re.compile(r"\d{3}\.\d{2}\.\d{2}\.[A-Y]\d{2}-\d{6}-\d{4,6}|[A-Y]\d{2}(?:\.[0-9A-Z]{1,3}){0,6}-\d{6}-\d{4,10}")
STATUSES = {
    "1": "received", "2": "received", "4": "processing", "5": "processing", "6": "processing", "7": "withdrawn",
    "3": "stopped", "8": "stopped", "9": "resolved", "10": "returned",
    "moi dang ky": "received", "duoc tiep nhan": "received", "da tiep nhan": "received", "dang xu ly": "processing",
    "yeu cau bo sung": "processing", "rut ho so": "withdrawn", "dung xu ly": "stopped", "da xu ly xong": "resolved",
    "da giai quyet": "resolved", "da tra ket qua": "returned",
}  # fmt: skip
"""TrangThaiHoSo of the national portal, as code or words."""


class RefusedRow(Value):
    """row_no counts from 1, headings included, as the file shows it. code: missing | malformed | unknown."""

    row_no: int
    column: str
    code: str


class ImportResult(Value):
    imported: int
    updated: int
    refused: tuple[RefusedRow, ...]


class _BadCell(Exception):
    def __init__(self, column: str, code: str) -> None:
        super().__init__(column)
        self.column, self.code = column, code


def import_dossiers(conn: Connection, catalogue: Catalogue, path: Path, by: str) -> ImportResult:
    """Every sound row stands in the registry; the others are listed with their reason. Safe to repeat.

    Raises NotATable for a file that is no table of dossiers at all.
    """
    imported = updated = 0
    refused: list[RefusedRow] = []
    for number, cells in _rows(path):
        if not any(cells.values()):
            continue
        try:
            row = _dossier(cells, catalogue)
        except _BadCell as bad:
            refused.append(RefusedRow(row_no=number, column=bad.column, code=bad.code))
            continue
        if dossiers.upsert(conn, row):
            imported += 1
        else:
            updated += 1
    counted = {"imported": imported, "updated": updated, "refused": len(refused)}
    audit.append(conn, actor=by, action="import-dossiers", subject="dossiers", detail=counted)
    return ImportResult(imported=imported, updated=updated, refused=tuple(refused))


def _dossier(cells: Mapping[str, str], catalogue: Catalogue) -> DossierRow:
    code = cells.get("code", "")
    if not code:
        raise _BadCell("code", "missing")
    if not CODE.fullmatch(code):
        raise _BadCell("code", "malformed")
    received = _day(cells, "received_on")
    on = date.fromisoformat(received) if received else date.max.replace(year=9998)
    identity = re.sub(r"\D", "", cells.get("applicant_id", ""))
    if identity and len(identity) not in (9, 12):
        raise _BadCell("applicant_id", "malformed")
    procedure = cells.get("procedure") or None
    if procedure and not any(p.code == procedure for p in catalogue.procedures):
        raise _BadCell("procedure", "unknown")
    return DossierRow(
        code=code,
        unit=_unit(cells, catalogue, on),
        procedure=procedure,
        applicant_name=unicodedata.normalize("NFC", cells.get("applicant_name", ""))[:200] or None,
        applicant_id=identity or None,
        channel=cells.get("channel") or None,
        status=_status(cells),
        official=cells.get("official") or None,
        received_on=received,
        due_on=_day(cells, "due_on"),
        resolved_on=_day(cells, "resolved_on"),
    )


def _unit(cells: Mapping[str, str], catalogue: Catalogue, on: date) -> str:
    told = cells.get("unit", "")
    if not told:
        raise _BadCell("unit", "missing")
    for unit in catalogue.units:
        if told in (unit.code, unit.inbox) or _fold(told) in (_fold(unit.name), *map(_fold, unit.aliases)):
            return unit.code
    raise _BadCell("unit", "unknown")


def _status(cells: Mapping[str, str]) -> str:
    told = _fold(cells.get("status", "")) or ("9" if cells.get("resolved_on") else "2")
    if told in STATUSES.values():
        return told
    if told not in STATUSES:
        raise _BadCell("status", "unknown")
    return STATUSES[told]


def _day(cells: Mapping[str, str], column: str) -> str | None:
    told = cells.get(column, "")
    if not told:
        return None
    for pattern in ("%d/%m/%Y", "%Y-%m-%d", "%d-%m-%Y", "%Y%m%d%H%M%S", "%d/%m/%Y %H:%M", "%Y-%m-%dT%H:%M:%S"):
        try:
            return datetime.strptime(told, pattern).date().isoformat()  # noqa: DTZ007 a day of law has no zone
        except ValueError:
            continue
    raise _BadCell(column, "malformed")


def _rows(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Row number and cells by fact, from whatever kind of file it is."""
    if path.stat().st_size > LARGEST:
        raise NotATable("too large")
    readers = {".csv": _csv, ".xlsx": _xlsx, ".json": _json}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise NotATable("dossiers come as .csv, .xlsx or .json")
    try:
        for number, told in reader(path):
            cells = {_fact(str(k)): _cell(v) for k, v in told.items()}
            if "code" not in cells:
                raise NotATable("no column holds the dossier's code")
            yield number, {fact: value for fact, value in cells.items() if fact}
    except (UnicodeDecodeError, ValueError, KeyError, OSError, csv.Error, BadZipFile) as exc:
        raise NotATable(type(exc).__name__) from exc


def _csv(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    text = path.read_text(encoding="utf-8-sig")
    first = text.partition("\n")[0]
    reader = csv.DictReader(io.StringIO(text), delimiter=";" if first.count(";") > first.count(",") else ",")
    for row in reader:
        yield reader.line_num, {k: v for k, v in row.items() if k is not None}


def _xlsx(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    try:
        sheet = book.worksheets[0]
        headings: list[str] = []
        for number, values in enumerate(sheet.iter_rows(values_only=True), start=1):
            if not headings:
                headings = [str(v or "") for v in values] if any(values) else []
                continue
            yield number, dict(zip(headings, values, strict=False))
    finally:
        book.close()


def _json(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    told = json.loads(path.read_text(encoding="utf-8-sig"))
    if not isinstance(told, list) or not all(isinstance(row, dict) for row in told):
        raise ValueError("a list of objects is expected")
    yield from enumerate(told, start=1)


def _cell(value: Any) -> str:
    if isinstance(value, datetime | date):
        return value.strftime("%Y-%m-%d")
    if isinstance(value, float) and value.is_integer():
        return str(int(value))  # a spreadsheet's number; zeros in front were lost there already
    return str(value if value is not None else "").strip()


def _fact(heading: str) -> str:
    return _headings().get(re.sub(r"[^a-z0-9]+", "_", _fold(heading)).strip("_"), "")


@lru_cache
def _headings() -> dict[str, str]:
    told = yaml.safe_load((Path(__file__).parent / "dossier_columns.yaml").read_text(encoding="utf-8"))
    return {heading: fact for fact, headings in told.items() for heading in headings}


def _fold(text: str) -> str:
    spread = unicodedata.normalize("NFD", text.strip().lower().replace("đ", "d"))
    return "".join(c for c in spread if not unicodedata.combining(c))
