"""Somebody named on a document, from the readings of the places where they are named."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from rapidfuzz import fuzz

from pipeline.describing.layout import Token
from pipeline.describing.names import doubt, sounds_vietnamese, spelt
from pipeline.describing.numbers import agrees, date_in
from pipeline.describing.text import fold, value_of
from registry.values import FieldValue, Person

MALE, FEMALE = "male", "female"
SEXES = {"Nam": MALE, "Nữ": FEMALE}
"""As forms say it."""
_SEX_OF = {"mother": FEMALE, "wife": FEMALE, "father": MALE, "husband": MALE}


@dataclass
class Named:
    """A person in the making."""

    words: tuple[str, ...]
    """None for somebody whose number alone could be read."""
    tokens: tuple[Token, ...]
    trust: float
    role: str = ""
    number: FieldValue | None = None
    born: FieldValue | None = None
    sex: str = ""
    """MALE or FEMALE where the paper tells it."""


def merged(people: Sequence[Named], signer: FieldValue | None) -> list[Named]:
    """The same person named twice is one; of two readings of a name the likelier one stays."""
    kept: list[Named] = []
    for person in people:
        same = next((k for k in kept if _same(k, person)), None)
        if same is None:
            kept.append(replace(person))
            continue
        if person.words and (len(person.words), _worth(person)) > (len(same.words), _worth(same)):
            same.words, same.tokens, same.trust = person.words, person.tokens, person.trust
        same.number = same.number or person.number
        same.born = same.born or person.born
        same.role = same.role or person.role
        same.sex = same.sex or person.sex
    for person in kept:
        if person.words and signer and signer.value != spelt(person.words):
            close = fuzz.ratio(signer.value.lower(), spelt(person.words).lower())
            sound = sum(map(sounds_vietnamese, signer.value.split())) >= sum(map(sounds_vietnamese, person.words))
            if close >= 92 and sound and signer.confidence > person.trust * min(t.confidence for t in person.tokens):
                person.words = tuple(signer.value.split())
    return kept


def _same(one: Named, other: Named) -> bool:
    if not one.words or not other.words:
        return bool(one.number and other.number and one.number.value == other.number.value)
    if one.number and other.number and one.number.value != other.number.value:
        return False
    a, b = fold(" ".join(one.words)), fold(" ".join(other.words))
    if a.startswith(b + " ") or b.startswith(a + " "):  # the end of a line cut it off
        return not (one.number and other.number)
    if a == b:
        same_marks = " ".join(one.words).lower() == " ".join(other.words).lower()
        return same_marks or bool(one.number) != bool(other.number) or not (one.number and other.number)
    return fuzz.ratio(a, b) >= 93 and not (one.number and other.number)


def _worth(person: Named) -> float:
    if not person.words:
        return 0.0
    sound = sum(map(sounds_vietnamese, person.words)) / len(person.words)
    return sound + person.trust + sum(t.confidence for t in person.tokens) / len(person.tokens)


def finished(person: Named) -> Person:
    name = spelt(person.words) if person.words else ""
    read = " ".join(person.words)
    method = "rule" if name.lower() == read.lower() else "lexicon"
    number, born = person.number, person.born
    if number and born:
        day = date_in("/".join(reversed(born.value.split("-"))))
        fits = agrees(number.value, day[0] if day else None)
        factor = 1.08 if fits else 0.7 if fits is False else 1.0
        number = _weighed(number, factor)
        born = _weighed(born, factor)
    sex = person.sex or _SEX_OF.get(person.role, "")
    if number and sex and len(number.value) == 12 and sex != (MALE, FEMALE)[int(number.value[3]) % 2]:
        number = _weighed(number, 0.7)  # read wrong, or somebody else's: digit 4 is even for men, odd for women
    trust = min(1.0, person.trust) * doubt(person.words)
    full = value_of(name, person.tokens, trust, method=method) if name else None
    return Person(full_name=full, id_number=number, date_of_birth=born, role=person.role)


def _weighed(value: FieldValue, factor: float) -> FieldValue:
    return value.model_copy(update={"confidence": round(min(1.0, value.confidence * factor), 3)})
