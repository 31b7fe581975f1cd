"""Why a person must look before a document is signed: everybody whose paper it is counts, with all that is said."""

from __future__ import annotations

import pytest

from config.catalogue import SHIPPED, load_catalogue
from pipeline.steps import review_reasons
from registry.values import Description, FieldValue, Person

CATALOGUE = load_catalogue(SHIPPED)
FOR_ALL, FOR_FIRST = "giay-chung-nhan-ket-hon", "giay-xac-nhan-tinh-trang-hon-nhan"


def value(text: str, confidence: float = 0.95) -> FieldValue:
    return FieldValue(value=text, confidence=confidence)


def person(name: float | None = 0.95, number: float | None = 0.95, born: float | None = 0.95) -> Person:
    return Person(
        full_name=None if name is None else value("Trần Thị Lệ", name),
        id_number=None if number is None else value("084196001234", number),
        date_of_birth=None if born is None else value("1996-08-14", born),
    )


def reasons(kind: str, *people: Person) -> list[str]:
    head = {"number_symbol": value("34/2021"), "issued_on": value("2021-12-20")}
    found = Description(kind=kind, kind_confidence=1.0, fields=head, people=people)
    return review_reasons(found, [], CATALOGUE, 0.8)


def test_the_catalogue_has_papers_of_one_and_of_several() -> None:
    assert (CATALOGUE.kinds[FOR_ALL].owner, CATALOGUE.kinds[FOR_FIRST].owner) == ("all", "first")
    assert all("people" in CATALOGUE.kinds[kind].required_fields for kind in (FOR_ALL, FOR_FIRST))


def test_people_read_with_confidence_are_no_reason_to_look() -> None:
    assert reasons(FOR_ALL, person(), person(number=None, born=None)) == []
    assert reasons(FOR_FIRST, person()) == []


@pytest.mark.parametrize("weak", [person(name=0.79), person(number=0.5), person(born=0.7), person(name=None)])
def test_any_doubtful_value_of_an_owner_is_a_reason(weak: Person) -> None:
    assert reasons(FOR_ALL, person(), weak) == ["field:people"]
    assert reasons(FOR_ALL, weak, person()) == ["field:people"]
    assert reasons(FOR_FIRST, weak) == ["field:people"]


def test_doubts_about_others_on_a_paper_of_one_are_none() -> None:
    assert reasons(FOR_FIRST, person(), person(name=0.4, number=0.4)) == []


def test_nobody_on_a_paper_of_people_is_a_reason() -> None:
    assert reasons(FOR_ALL) == reasons(FOR_FIRST) == ["field:people"]
    assert reasons("quyet-dinh") == [], "papers that are not about people need name none"
