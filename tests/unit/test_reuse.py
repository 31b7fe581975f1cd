"""What must this citizen not bring again? Marriage registration (1.000894) and social aid (1.001776)."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, update

from config.catalogue import SHIPPED, load_catalogue
from registry import documents, dossiers, reuse_events, tables
from registry.database import open_registry, read, write
from registry.errors import Conflict, NotFound
from registry.values import CopyForm, CopyOf, DocumentId, Verdict, utc_now
from search.reuse import ComponentAnswer, check, record
from tests.unit.records import archived, person

CATALOGUE = load_catalogue(SHIPPED)
HOA, KHANG, DUC = "003199000001", "003224000003", "003095000002"
TODAY = date(2026, 11, 24)
SINGLE = "giay-xac-nhan-tinh-trang-hon-nhan"


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    return open_registry(f"sqlite:///{tmp_path / 'registry.sqlite'}")


def ask(
    engine: Engine,
    owner: str = HOA,
    on: date = TODAY,
    verdict: Verdict = Verdict.PASSED,
    procedure: str = "1.000894",
    units: frozenset[str] | None = None,
) -> dict[str, ComponentAnswer]:
    with read(engine) as conn:
        answer = check(
            conn, CATALOGUE, owner=owner, procedure=procedure, on=on, units=units, verdict_of=lambda _id: verdict
        )
    return {component.code: component for component in answer.components}


def put(engine: Engine, *arguments: object, **named: object) -> DocumentId:
    with write(engine) as conn:
        return archived(conn, *arguments, **named)  # type: ignore[arg-type]


def test_nothing_held_means_everything_is_missing(engine: Engine) -> None:
    assert all(component.missing for component in ask(engine).values())


def test_an_extract_is_not_the_paper_that_is_asked_for(engine: Engine) -> None:
    held = put(engine, SINGLE, (person("Nguyễn Thị Ánh Hòa", HOA),))
    with write(engine) as conn:
        told = CopyOf(form=CopyForm.EXTRACT, source=DocumentId("whole"), source_pages=(1,))
        documents.keep_copied(conn, held, told)
    component = ask(engine)["TP03"]
    assert component.missing and [c.why for c in component.candidates] == ["extract"]


def test_a_valid_paper_of_the_person_need_not_be_brought(engine: Engine) -> None:
    held = put(engine, SINGLE, (person("Nguyễn Thị Ánh Hòa", HOA),))
    component = ask(engine)["TP03"]
    assert not component.missing
    assert component.candidates[0].document_id == held
    assert component.candidates[0].valid_until == "2027-02-03", "six calendar months"
    assert component.candidates[0].why == "purpose", "bound to the purpose written in it: a person compares"


@pytest.mark.parametrize(
    ("on", "usable"), [(date(2027, 2, 3), True), (date(2027, 2, 4), False), (date(2026, 8, 2), False)]
)
def test_the_last_day_counts_and_the_day_after_does_not(engine: Engine, on: date, usable: bool) -> None:
    put(engine, SINGLE, (person("Hòa", HOA),))
    assert ask(engine, on=on)["TP03"].missing is not usable


def test_an_expired_paper_is_shown_with_its_reason(engine: Engine) -> None:
    put(engine, SINGLE, (person("Hòa", HOA),), issued_on="2020-01-01")
    component = ask(engine)["TP03"]
    assert component.missing and component.candidates[0].why == "expired"


def test_a_paper_with_a_term_and_no_readable_day_counts_as_expired(engine: Engine) -> None:
    put(engine, SINGLE, (person("Hòa", HOA),), issued_on=None)
    assert ask(engine)["TP03"].candidates[0].why == "expired"


@pytest.mark.parametrize("verdict", [Verdict.FAILED, Verdict.INDETERMINATE])
def test_a_signature_that_does_not_pass_makes_a_paper_unusable(engine: Engine, verdict: Verdict) -> None:
    put(engine, SINGLE, (person("Hòa", HOA),))
    component = ask(engine, verdict=verdict)["TP03"]
    assert component.missing and component.candidates[0].why == "signature"


def test_withdrawn_and_replaced_papers_are_not_used(engine: Engine) -> None:
    first, second = (put(engine, SINGLE, (person("Hòa", HOA),)) for _ in range(2))
    with write(engine) as conn:
        documents.withdraw(conn, first, why="sai", replaced_by=second)
        documents.withdraw(conn, second, why="sai")
    assert {c.why for c in ask(engine)["TP03"].candidates} == {"replaced", "withdrawn"}


def test_the_same_name_without_the_number_is_somebody_else(engine: Engine) -> None:
    put(engine, SINGLE, (person("Nguyễn Thị Ánh Hòa", None),))
    put(engine, SINGLE, (person("Nguyễn Thị Ánh Hòa", DUC),))
    assert ask(engine)["TP03"].candidates == ()


def test_a_childs_certificate_is_not_its_mothers(engine: Engine) -> None:
    put(engine, "giay-khai-sinh", (person("Khang", KHANG), person("Hòa", HOA)), issued_on="2024-03-01")
    assert ask(engine, HOA)["TP04"].missing
    assert not ask(engine, KHANG, procedure="1.001776")["TP03"].missing


def test_a_marriage_certificate_is_both_spouses(engine: Engine) -> None:
    kind = "giay-chung-nhan-ket-hon"
    put(engine, kind, (person("Hòa", HOA), person("Đức", DUC)), issued_on="2020-03-01")
    procedures = [p for p in CATALOGUE.procedures_on(TODAY) for c in p.components_on(TODAY) if kind in c.kinds]
    component = next(c.code for c in procedures[0].components_on(TODAY) if kind in c.kinds)
    for owner in (HOA, DUC):
        assert not ask(engine, owner, procedure=procedures[0].code)[component].missing


def test_the_application_itself_is_made_anew(engine: Engine) -> None:
    put(engine, "to-khai", (person("Hòa", HOA),))
    component = ask(engine)["TP01"]
    assert component.asked_anew and component.missing and component.candidates == ()


def test_papers_of_the_own_unit_come_first(engine: Engine) -> None:
    put(engine, SINGLE, (person("Hòa", HOA),), unit="H99.33", issued_on="2026-09-01")
    own = put(engine, SINGLE, (person("Hòa", HOA),), unit="H99.32", issued_on="2026-08-01")
    candidates = ask(engine, units=frozenset({"H99.32"}))["TP03"].candidates
    assert candidates[0].document_id == own and len(candidates) == 2


def test_an_unknown_procedure_is_said(engine: Engine) -> None:
    with pytest.raises(NotFound):
        ask(engine, procedure="9.999999")


def test_reuse_is_recorded_once_with_what_was_used(engine: Engine) -> None:
    held = put(engine, SINGLE, (person("Hòa", HOA),))
    dossier = dossiers.DossierRow(code="H99.32-261124-0001", unit="H99.32", procedure="1.000894", applicant_id=HOA)
    told = {
        "document_id": held, "dossier_code": dossier.code, "component_code": "TP03", "actor": "an",
        "unit": "H99.32", "verdict": Verdict.PASSED, "on": TODAY,
    }  # fmt: skip
    with write(engine) as conn:
        with pytest.raises(NotFound, match="dossier"):
            record(conn, CATALOGUE, **told)  # type: ignore[arg-type]
        dossiers.upsert(conn, dossier)
        event = record(conn, CATALOGUE, **told)  # type: ignore[arg-type]
        assert record(conn, CATALOGUE, **told) == event  # type: ignore[arg-type]
        assert event.pdf_sha256 == "c" * 64 and event.verdict == "TOTAL-PASSED"
        assert reuse_events.of_dossier(conn, dossier.code) == [event]


@pytest.mark.parametrize(
    "change",
    [
        {"verdict": Verdict.INDETERMINATE},
        {"component_code": "TP01"},
        {"component_code": "TP99"},
        {"on": date(2028, 1, 1)},
        {"dossier_code": "H99.32-261124-0002"},
    ],
)
def test_what_check_would_not_offer_cannot_be_recorded(engine: Engine, change: dict[str, object]) -> None:
    held = put(engine, SINGLE, (person("Hòa", HOA),))
    told = {
        "document_id": held, "dossier_code": "H99.32-261124-0001", "component_code": "TP03", "actor": "an",
        "unit": "H99.32", "verdict": Verdict.PASSED, "on": TODAY, **change,
    }  # fmt: skip
    with write(engine) as conn:
        for code, applicant in (("H99.32-261124-0001", HOA), ("H99.32-261124-0002", DUC)):
            dossiers.upsert(
                conn, dossiers.DossierRow(code=code, unit="H99.32", procedure="1.000894", applicant_id=applicant)
            )
        with pytest.raises((Conflict, NotFound)):
            record(conn, CATALOGUE, **told)  # type: ignore[arg-type]
        assert reuse_events.of_document(conn, held) == []


@pytest.mark.parametrize(
    ("kept", "age", "asked"),
    [
        (Verdict.PASSED, timedelta(hours=23), False),
        (Verdict.PASSED, timedelta(hours=25), True),
        (Verdict.PASSED, timedelta(hours=-1), True),
        (Verdict.FAILED, timedelta(0), True),
        (Verdict.INDETERMINATE, timedelta(0), True),
    ],
)
def test_a_good_verdict_of_today_is_relied_on_and_no_other(
    engine: Engine, kept: Verdict, age: timedelta, asked: bool
) -> None:
    held = put(engine, SINGLE, (person("Hòa", HOA),))
    with write(engine) as conn:
        documents.keep_verdict(conn, held, kept)
        at = (utc_now() - age).isoformat(timespec="microseconds")
        conn.execute(update(tables.documents).values(verdict_at=at))
    candidate = ask(engine, verdict=Verdict.FAILED)["TP03"].candidates[0]
    assert (candidate.why == "signature") is asked
    assert candidate.verdict == (Verdict.FAILED if asked else Verdict.PASSED)


def test_a_person_is_known_by_the_older_number_too(engine: Engine) -> None:
    """The same application names them by one number, the paper in it by the other."""
    old = "031000001"
    dossier = dossiers.DossierRow(code="D1", unit="H99.32", applicant_id=old, applicant_name="Hòa")
    with write(engine) as conn:
        dossiers.upsert(conn, dossier)
    put(engine, "to-khai", (person("Hòa", HOA),), dossier="D1")
    newer = put(engine, SINGLE, (person("Hòa", HOA),))
    older = put(engine, SINGLE, (person("Hòa", old),))
    for owner in (HOA, old):
        assert {c.document_id for c in ask(engine, owner)["TP03"].candidates} == {newer, older}
