"""Indicators: every number is the length of the list it opens to; imports refuse rows, not files."""

from __future__ import annotations

import json
import random
from datetime import date
from pathlib import Path

import openpyxl
import pytest
from sqlalchemy import Engine

from config.catalogue import SHIPPED, load_catalogue
from metrics.dossier_import import import_dossiers
from metrics.indicators import COUNTS, by_unit, definitions, drill, indicators, rate
from registry import audit, dossiers, reuse_events
from registry.database import open_registry, read, write
from registry.errors import NotATable, NotFound
from tests.unit.records import archived, person

CATALOGUE = load_catalogue(SHIPPED)
YEAR = date(2026, 1, 1), date(2026, 12, 31)


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    return open_registry(f"sqlite:///{tmp_path / 'registry.sqlite'}")


def dossier(code: str, *, unit: str = "H99.32", resolved: str | None = "2026-05-05", who: str | None = None) -> object:
    return dossiers.DossierRow(
        code=code, unit=unit, procedure="1.001193", status="resolved" if resolved else "processing",
        received_on="2026-05-01", resolved_on=resolved, applicant_id=who,
    )  # fmt: skip


def value(engine: Engine, code: str, unit: str = "H99") -> tuple[int, int]:
    with read(engine) as conn:
        found = {i.code: i for i in indicators(conn, CATALOGUE, unit, *YEAR)}[code]
    return found.numerator, found.denominator


def test_every_indicator_has_a_definition_and_a_count() -> None:
    assert list(definitions()) == list(COUNTS)


def test_counts(engine: Engine) -> None:
    with write(engine) as conn:
        for n, (unit, resolved) in enumerate(
            [("H99.32", "2026-05-05"), ("H99.32", "2026-05-06"), ("H99.33", "2026-05-07"), ("H99.32", None)]
        ):
            dossiers.upsert(conn, dossier(f"{unit}-260501-000{n}", unit=unit, resolved=resolved))  # type: ignore[arg-type]
        archived(conn, "giay-khai-sinh", dossier="H99.32-260501-0000")
        archived(conn, "to-khai", dossier="H99.32-260501-0001", level=None)
        archived(conn, "to-khai", dossier="H99.32-260501-0003")
    assert value(engine, "dossiers-digitised") == (2, 3), "the unresolved one is not counted"
    assert value(engine, "dossiers-digitised", "H99.33") == (0, 1)
    assert value(engine, "dossiers-signed") == (1, 3), "a paper that came signed by others is not signed by us"
    assert value(engine, "dossiers-archived") == (1, 3)
    assert value(engine, "results-proven") == (1, 3), "the certificate is the procedure's result, the form is not"


def test_reuse_counts_dossiers_and_people(engine: Engine) -> None:
    with write(engine) as conn:
        for n, who in enumerate(("003199000001", "003199000001", "003095000002", None)):
            dossiers.upsert(conn, dossier(f"H99.32-260501-000{n}", who=who))  # type: ignore[arg-type]
        held = archived(conn, "giay-khai-sinh", (person("Hòa", "003199000001"),), issued_on="2020-01-01")
        archived(conn, "giay-khai-sinh", (person("Đức", "003095000002"),), issued_on="2020-01-01")
        for n in (0, 1):
            reuse_events.add(
                conn, document_id=held, dossier_code=f"H99.32-260501-000{n}", component_code="TP03", unit="H99.32",
                actor="an", outcome="reused", verdict="TOTAL-PASSED", pdf_sha256="c" * 64, result_code=None,
            )  # fmt: skip
    assert value(engine, "dossiers-reusing") == (2, 4)
    assert value(engine, "applicants-not-resubmitting") == (1, 2), "a person counts once, however many dossiers"


@pytest.mark.parametrize("seed", range(5))
def test_each_number_equals_the_list_it_opens_to(engine: Engine, seed: int) -> None:
    chance = random.Random(seed)
    units = [u.code for u in CATALOGUE.units_on(YEAR[1])]
    with write(engine) as conn:
        for n in range(40):
            resolved = chance.choice([None, "2026-03-01", "2025-03-01"])
            unit, who = chance.choice(units), chance.choice([None, "003199000001", "003095000002"])
            code = f"{unit}-260501-{n:04d}"
            dossiers.upsert(conn, dossier(code, unit=unit, resolved=resolved, who=who))  # type: ignore[arg-type]
            if chance.random() < 0.6:
                kind = chance.choice(["giay-khai-sinh", "to-khai"])
                archived(conn, kind, dossier=code, unit=unit, level=chance.choice(["B-LTA", None]))
    with read(engine) as conn:
        for unit, found in by_unit(conn, CATALOGUE, "H99", *YEAR).items():
            for indicator in found:
                for part in ("numerator", "denominator"):
                    listed = drill(conn, CATALOGUE, indicator.code, unit, *YEAR, part)
                    assert len(listed) == len(set(listed)) == getattr(indicator, part)
                assert set(drill(conn, CATALOGUE, indicator.code, unit, *YEAR, "numerator")) <= set(
                    drill(conn, CATALOGUE, indicator.code, unit, *YEAR, "denominator")
                )
        with pytest.raises(NotFound):
            drill(conn, CATALOGUE, "nothing", "H99", *YEAR, "numerator")


@pytest.mark.parametrize(
    ("numerator", "denominator", "percent"),
    [(0, 0, None), (1, 3, 33.33), (2, 3, 66.67), (1, 8, 12.5), (1, 800, 0.13), (3, 800, 0.38), (7, 7, 100.0)],
)
def test_rates_are_rounded_half_up(numerator: int, denominator: int, percent: float | None) -> None:
    assert rate(numerator, denominator) == percent


def test_a_target_is_that_of_the_units_level_on_the_day(engine: Engine) -> None:
    with read(engine) as conn:
        found = {i.code: i for i in indicators(conn, CATALOGUE, "H99.32", *YEAR)}
    assert found["dossiers-digitised"].target_percent == 60 and found["dossiers-digitised"].status == "none"


ROWS = [
    ["Mã hồ sơ", "Mã TTHC", "Chủ hồ sơ", "Số định danh", "Đơn vị", "Ngày tiếp nhận", "Ngày kết thúc", "Trạng thái"],
    ["H99.32-260501-0001", "1.001193", "Nguyễn A", "003199000001", "H99.32", "01/05/2026", "03/05/2026", "9"],
    [
        "000.19.32.H99-260502-0002",
        "1.001193",
        "Trần B",
        "012345678",
        "Ủy ban nhân dân xã An Hòa",
        "2026-05-02",
        "",
        "4",
    ],
    ["", "1.001193", "", "", "H99.32", "", "", ""],
    ["H99.32-260503-0003", "9.9", "", "", "H99.32", "", "", ""],
    ["H99.32-260504-0004", "1.001193", "", "123", "H99.32", "", "", ""],
    ["H99.32-260505-0005", "1.001193", "", "", "Ở đâu đó", "", "", ""],
    ["H99.32-260506-0006", "1.001193", "", "", "H99.32", "31/02/2026", "", ""],
    ["", "", "", "", "", "", "", ""],
]
REFUSED = {(4, "code"), (5, "procedure"), (6, "applicant_id"), (7, "unit"), (8, "received_on")}


def written(folder: Path, suffix: str) -> Path:
    path = folder / f"ho-so.{suffix}"
    if suffix == "csv":
        path.write_text("\ufeff" + "\r\n".join(";".join(row) for row in ROWS), encoding="utf-8")
    elif suffix == "xlsx":
        book = openpyxl.Workbook()
        for row in ROWS:
            book.active.append(row)  # type: ignore[union-attr]
        book.save(path)
    else:
        told = [dict(zip(ROWS[0], row, strict=True)) for row in ROWS[1:]]
        path.write_text(json.dumps(told, ensure_ascii=False), encoding="utf-8")
    return path


@pytest.mark.parametrize("suffix", ["csv", "xlsx", "json"])
def test_sound_rows_are_imported_and_each_other_one_is_told_why_not(
    engine: Engine, tmp_path: Path, suffix: str
) -> None:
    path = written(tmp_path, suffix)
    with write(engine) as conn:
        result = import_dossiers(conn, CATALOGUE, path, "an")
        assert (result.imported, result.updated) == (2, 0)
        rows = {(r.row_no, r.column) for r in result.refused}
        assert {column for _, column in rows} == {column for _, column in REFUSED}
        if suffix != "json":
            assert rows == REFUSED
        assert import_dossiers(conn, CATALOGUE, path, "an").updated == 2
        assert dossiers.get(conn, "H99.32-260501-0001").resolved_on == "2026-05-03"
        assert dossiers.get(conn, "000.19.32.H99-260502-0002").applicant_id == "012345678", "a zero in front counts"
        assert audit.count(conn, "import-dossiers") == 2


def test_a_file_that_is_no_table_is_refused(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "x.xlsx").write_bytes(b"no")
    with write(engine) as conn, pytest.raises(NotATable):
        import_dossiers(conn, CATALOGUE, tmp_path / "x.xlsx", "an")
    (tmp_path / "y.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    with write(engine) as conn, pytest.raises(NotATable):
        import_dossiers(conn, CATALOGUE, tmp_path / "y.csv", "an")
