"""A description as rows, and as a person corrects it. Pure: no database.

What is looked up, sorted and shown is derived from the fields and cut or left out where it does not fit its column;
the whole value stays in `fields` and `people.evidence`.
"""

from __future__ import annotations

from datetime import date
from typing import Any

from registry.errors import NotFound
from registry.values import Description, DocumentId, FieldValue, Person

LONGEST_NUMBER = 12


def title_of(described: Description, otherwise: str) -> str:
    """What a person would call the document: type and number, then the subject or the first person's name.

    A card's number is its holder's: who may not see those sees titles all the same.
    """
    number = described.value("number_symbol")
    if any(person.id_number and person.id_number.value == number for person in described.people):
        number = None
    head = " ".join(v for v in (described.value("document_type"), number) if v)
    subject = described.value("subject")
    if not subject and described.people and described.people[0].full_name:
        subject = described.people[0].full_name.value
    return (": ".join(v for v in (head, subject) if v) or otherwise)[:300]


def derived(described: Description, file_name: str) -> dict[str, Any]:
    """The columns of a document that follow from its description."""
    return {
        "kind": described.kind,
        "confidence": described.kind_confidence,
        "title": title_of(described, file_name),
        "number_symbol": described.value("number_symbol") or None,
        "issuing_agency": described.value("issuing_agency") or None,
        "issued_on": _day(described.value("issued_on")),
    }


def field_rows(document_id: DocumentId, described: Description) -> list[dict[str, Any]]:
    return [
        {
            "document_id": document_id,
            "name": name,
            "value": held.value,
            "raw_text": held.raw_text,
            "confidence": held.confidence,
            "page_index": held.page_index,
            "box": held.box.model_dump() if held.box else None,
            "method": held.method,
            "confirmed_by": held.confirmed_by,
        }
        for name, held in described.fields.items()
    ]


def people_rows(document_id: DocumentId, described: Description) -> list[dict[str, Any]]:
    return [
        {
            "document_id": document_id,
            "position": position,
            "role": person.role,
            "full_name": person.full_name.value if person.full_name else None,
            "id_number": _number(person.id_number),
            "date_of_birth": _day(person.date_of_birth.value if person.date_of_birth else None),
            "evidence": person.model_dump(mode="json"),
        }
        for position, person in enumerate(described.people)
    ]


def corrected(described: Description, name: str, value: str, by: str) -> Description:
    """The description as the person says. Raises NotFound for a part that a person does not have.

    name: a field, `kind`, or `people.<position>.<full_name|id_number|date_of_birth>`. An empty value removes a field.
    """
    if name == "kind":
        return described.model_copy(update={"kind": value, "kind_confidence": 1.0})
    if name.startswith("people."):
        return described.model_copy(update={"people": _corrected_people(described.people, name, value, by)})
    fields = dict(described.fields)
    fields.pop(name, None)
    if value:
        fields[name] = _by_person(described.fields.get(name), value, by)
    return described.model_copy(update={"fields": fields})


def _corrected_people(named: tuple[Person, ...], path: str, value: str, by: str) -> tuple[Person, ...]:
    _, position, part = path.split(".", 2)
    if part not in ("full_name", "id_number", "date_of_birth"):
        raise NotFound(f"a person has no {part}")
    changed = list(named)
    while len(changed) <= int(position):
        changed.append(Person())
    held = changed[int(position)]
    told = _by_person(getattr(held, part), value, by) if value else None
    changed[int(position)] = held.model_copy(update={part: told})
    return tuple(changed)


def _by_person(read: FieldValue | None, value: str, by: str) -> FieldValue:
    before = read or FieldValue(value="", raw_text="")
    return before.model_copy(update={"value": value, "confidence": 1.0, "method": "person", "confirmed_by": by})


def _number(held: FieldValue | None) -> str | None:
    """People are found by it: a cut one would be somebody else's."""
    return held.value if held and len(held.value) <= LONGEST_NUMBER else None


def _day(value: str | None) -> str | None:
    """Terms are counted from it: what is no day counts as not read."""
    try:
        return date.fromisoformat(value).isoformat() if value else None
    except ValueError:
        return None
