"""Who is named, with number and birth date: from labelled lines, table rows, and `ông …`, `bà …` in running text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from pipeline.describing.patterns import (
    CAPITAL_NAME,
    CAPITALS,
    ID_NUMBER,
    NAME,
    NAME_WORD,
    SHORT_DATE,
    as_name,
    born_as_told,
    iso_day,
    mend_digits,
)
from pipeline.describing.text import Text, evidence, fold, rows, segments
from registry.values import FieldValue, PageText, Person, Word

NAME_LABEL = re.compile(
    r"(?:ho,? ?(?:chu dem,?)? ?(?:va )?,? ?ten(?: khai sinh)?|ho ten|toi (?:ten )?la|ten toi la|full name"
    r"|ho va ten (?:chu ho|cha|me|vo|chong))(?P<who>[^:]{0,45})[:;]\s*"
)
ID_LABEL = re.compile(
    r"so dinh danh|cccd|can cuoc|cmnd|chung minh|giay to (?:tuy than|phap ly)|s[oø0]\s?/\s?n[o0]|ma dinh danh|so giay to"
)
BORN_LABEL = re.compile(r"ngay,? ?thang,? ?nam sinh|sinh ngay|ngay sinh|date of bi?r?th|sinh\s*:")
ADDRESSED = re.compile(
    r"(?:\b[OÔ]ng|\b[Bb]à|\bông|\b[Bb][àa](?= ["
    + CAPITALS
    + r"]))\s*:?\s+("
    + NAME_WORD
    + r"(?:\s"
    + NAME_WORD
    + r"){1,5})"
)
ROLES = (
    ("mother", "nguoi me", "ten me", "cua me"),
    ("father", "nguoi cha", "ten cha", "cua cha"),
    ("deceased", "nguoi chet", "nguoi mat", "qua co"),
    ("declarant", "nguoi di khai", "nguoi yeu cau", "nguoi khai"),
    ("householder", "chu ho"),
    ("husband", "chong"),
    ("wife", "vo"),
)
NOT_NAMES = frozenset(
    fold(w)
    for w in ("Ủy Ban", "Việt Nam", "Công An", "Hội Đồng", "Chủ Tịch", "Phó Chủ", "Trưởng Thôn", "Tư Pháp", "Họ Tên")
)


@dataclass
class _Found:
    """A person while the page is read; turned into a frozen Person at the end."""

    role: str = ""
    full_name: FieldValue | None = None
    id_number: FieldValue | None = None
    date_of_birth: FieldValue | None = None
    order: int = field(default=0)


def find_people(pages: Sequence[PageText], flows: Sequence[Text]) -> tuple[Person, ...]:
    """Everybody named, each once; the first is whom the paper is about."""
    found: list[_Found] = []
    for page in pages:
        found += _labelled(segments(page))
    for page in pages:
        found += _tabled(rows(page), page.index)
    for text in flows:
        found += _addressed(text)
    return tuple(_freeze(person) for person in _merged(found) if _is_somebody(person))


def _labelled(lines: Sequence[Text]) -> list[_Found]:
    """A name's label begins a person; numbers and birth dates with labels go to the one begun last."""
    found: list[_Found] = []
    pending: str | None = None
    for line in lines:
        if pending is not None:
            name = _name_at(line, 0)
            if name:
                found.append(_Found(role=pending, full_name=name))
                pending = None
                continue
        if label := NAME_LABEL.search(line.folded):
            name = _name_at(line, label.end())
            role = _role(label["who"] + " " + line.folded[label.start() : label.end()])
            if name:
                found.append(_Found(role=role, full_name=name))
            elif line.plain[label.end() :].strip(" .|") == "":
                pending = role
        if not found and not (ID_LABEL.search(line.folded) and "no:" in line.folded.replace(" ", "")):
            continue
        if not found:
            found.append(_Found())
        _add_facts(found[-1], line)
    return found


def _add_facts(person: _Found, line: Text) -> None:
    if person.id_number is None and (label := ID_LABEL.search(line.folded)):
        person.id_number = _id_after(line, label.start())
    if person.date_of_birth is None and (label := BORN_LABEL.search(line.folded)):
        person.date_of_birth = _day_after(line, label.end())


def _tabled(table: Sequence[Sequence[Word]], page_index: int) -> list[_Found]:
    """Rows that hold a name beside a number or a date, as lists of people do; a name may go on in the next row."""
    found = []
    for number, row in enumerate(table):
        text = Text(page_index, row)
        if ":" in text.plain or "CCCD" in text.plain:
            continue
        identity, born = ID_NUMBER.search(text.plain), SHORT_DATE.search(text.plain)
        name = NAME.search(text.plain)
        if not identity or not name or name.start() > 12:
            continue
        words = _words_of(text, name[0])
        below = table[number + 1] if number + 1 < len(table) else []
        words += _carried_on(words, below)
        person = _Found(
            full_name=evidence(words, page_index, " ".join(w.text for w in words), None, trust=0.97),
            id_number=text.value(identity.start(), identity.end(), trust=0.97),
        )
        if born and (day := iso_day(*born.groups())):
            person.date_of_birth = text.value(born.start(), born.end(), day, trust=0.97)
        found.append(person)
    return found


def _carried_on(words: Sequence[Word], below: Sequence[Word]) -> list[Word]:
    """The rest of a name that was broken at the edge of its cell."""
    if not words or not below or ID_NUMBER.search(" ".join(w.text for w in below)):
        return []
    left, near = words[0].box.left, below[0].box.top - words[0].box.bottom < 0.015
    first = below[0]
    if not near or abs(first.box.left - left) > 0.02 or not re.fullmatch(NAME_WORD, first.text):
        return []
    rest = [first]
    for word in below[1:3]:
        if word.box.left - rest[-1].box.right > 0.02 or not re.fullmatch(NAME_WORD, word.text):
            break
        rest.append(word)
    return rest


def _addressed(text: Text) -> list[_Found]:
    """`ông Nguyễn Văn Mẫu, sinh ngày …, CCCD số …`: facts may stand in the words right behind."""
    found = []
    matches = list(ADDRESSED.finditer(text.plain))
    for number, match in enumerate(matches):
        end = matches[number + 1].start() if number + 1 < len(matches) else len(text.plain)
        tail = slice(match.end(), min(end, match.end() + 110))
        person = _Found(full_name=_clean_name(text, match.start(1), match.end(1)))
        window = text.folded[tail]
        if (label := re.search(r"sinh ngay|ngay sinh", window)) and (
            day := SHORT_DATE.search(text.plain, tail.start + label.end(), tail.start + label.end() + 16)
        ):
            told = iso_day(*day.groups())
            person.date_of_birth = text.value(day.start(), day.end(), told) if told else None
        if (label := ID_LABEL.search(window)) and (
            identity := ID_NUMBER.search(text.plain, tail.start + label.end(), tail.start + label.end() + 45)
        ):
            person.id_number = text.value(identity.start(), identity.end())
        found.append(person)
    return found


def _clean_name(text: Text, start: int, end: int) -> FieldValue:
    """A name goes on in the next line only where a single word of it stands on this one."""
    first_line = text.plain[start:end].partition("\n")[0]
    if len(first_line.split()) >= 2:
        end = start + len(first_line)
    return text.value(start, end)


def _name_at(line: Text, start: int) -> FieldValue | None:
    rest = line.plain[start:]
    shift = start + len(rest) - len(rest.lstrip(" .:|-"))
    for pattern in (NAME, CAPITAL_NAME):
        found = pattern.match(line.plain, shift)
        if found:
            return line.value(found.start(), found.end(), as_name(found[0]))
    return None


def _id_after(line: Text, start: int) -> FieldValue | None:
    if found := ID_NUMBER.search(line.plain, start):
        return line.value(found.start(), found.end())
    for match in re.finditer(r"[0-9OoQlI|SB]{9,12}(?![0-9])", line.plain[start:]):
        mended = mend_digits(match[0])
        if len(mended) in (9, 12) and mended.isdigit() and sum(c.isdigit() for c in match[0]) >= 7:
            return line.value(start + match.start(), start + match.end(), mended, trust=0.75, method="reread")
    return None


def _day_after(line: Text, start: int) -> FieldValue | None:
    found = SHORT_DATE.search(line.plain, start)
    day = iso_day(*found.groups()) if found else None
    return line.value(found.start(), found.end(), day) if found and day else None


def _role(label: str) -> str:
    return next((role for role, *words in ROLES if any(w in label for w in words)), "")


def _words_of(text: Text, part: str) -> list[Word]:
    start = text.plain.index(part)
    before = len(text.plain[:start].split())
    return list(text.words[before : before + len(part.split())])


def _merged(found: Sequence[_Found]) -> list[_Found]:
    """One entry per name, or per number; facts of later mentions fill what the first one lacks."""
    people: list[_Found] = []
    for person in found:
        same = next((p for p in people if _is_same(p, person)), None)
        if same is None:
            people.append(person)
            continue
        same.role = same.role or person.role
        same.full_name = same.full_name or person.full_name
        same.id_number = same.id_number or person.id_number
        same.date_of_birth = same.date_of_birth or person.date_of_birth
    return people


def _is_same(one: _Found, other: _Found) -> bool:
    if one.id_number and other.id_number:
        return one.id_number.value == other.id_number.value and _names_fit(one, other)
    return bool(one.full_name and other.full_name) and _names_fit(one, other)


def _names_fit(one: _Found, other: _Found) -> bool:
    if one.full_name is None or other.full_name is None:
        return True
    return fold(one.full_name.value) == fold(other.full_name.value)


def _is_somebody(person: _Found) -> bool:
    if person.full_name is None:
        return person.id_number is not None
    name = fold(person.full_name.value)
    return not any(name.startswith(wrong) for wrong in NOT_NAMES)


def _freeze(person: _Found) -> Person:
    """A number that fits the birth date is surer; one that contradicts it needs a person's eye."""
    identity, born = person.id_number, person.date_of_birth
    if identity and born:
        fits = born_as_told(identity.value, born.value)
        factor = 1.1 if fits else 0.6
        identity = identity.model_copy(update={"confidence": round(min(1.0, identity.confidence * factor), 4)})
        born = born.model_copy(update={"confidence": round(min(1.0, born.confidence * factor), 4)})
    return Person(full_name=person.full_name, id_number=identity, date_of_birth=born, role=person.role)
