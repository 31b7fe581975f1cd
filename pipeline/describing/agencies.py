"""Names of administrations: from capitals in two or three lines to how they are written in running text."""

from __future__ import annotations

import re
from collections.abc import Sequence

from pipeline.describing.text import fold

LEVELS = ("tỉnh", "thành phố", "thị xã", "huyện", "quận", "xã", "phường", "thị trấn", "đặc khu")
DEPARTMENTS = (
    "phong",
    "so",
    "chi cuc",
    "cuc",
    "trung tam",
    "tram",
    "ban",
    "van phong",
    "cong an",
    "truong",
    "benh vien",
)


def spell_agency(lines: Sequence[str]) -> str | None:
    """`ỦY BAN NHÂN DÂN` / `XÃ AN HÒA` as "Ủy ban nhân dân xã An Hòa"; the parent above is left out, but for a
    department, which is named with the unit it belongs to. None when nothing is left."""
    joined = [re.sub(r"^UBND\b", "ỦY BAN NHÂN DÂN", " ".join(line.split())) for line in lines]
    committee = next((n for n, line in enumerate(joined) if "uy ban nhan dan" in fold(line)), None)
    department = next((n for n, line in enumerate(joined) if _is_department(line)), None)
    if department is not None or committee is None:
        start = department if department is not None else 0
        above = " ".join(joined[committee : department or 0]) if committee is not None else ""
        unit = _unit_of(above) if above else ""
        return f"{sentence_case(' '.join(joined[start:]))} {unit}".strip() or None
    return committee_case(" ".join(joined[committee:]))


def committee_case(name: str) -> str:
    """`ỦY BAN NHÂN DÂN XÃ AN HÒA` → "Ủy ban nhân dân xã An Hòa"."""
    start = fold(name).find("ban nhan dan")
    place = name[start + len("ban nhan dan") :].strip() if start >= 0 else name
    for level in LEVELS:
        if fold(place).startswith(fold(level) + " "):
            return f"Ủy ban nhân dân {level} {_capitalised(place[len(level) + 1 :])}"
    return f"Ủy ban nhân dân {_capitalised(place)}".strip()


def sentence_case(text: str) -> str:
    """Capitals as a department's name is written: its first two words, words behind a dash, and a unit's own name."""
    words = text.lower().split()
    for number, word in enumerate(words):
        if number <= 1 or words[number - 1] in ("-", "–"):
            words[number] = word[:1].upper() + word[1:]
    spelt = " ".join(words)
    for level in LEVELS:
        before, found, name = spelt.partition(f" {level} ")
        if found:
            return f"{before} {level} {_capitalised(name)}"
    return spelt


def _is_department(line: str) -> bool:
    return fold(line).startswith(tuple(f"{d} " for d in DEPARTMENTS))


def _unit_of(committee: str) -> str:
    return committee_case(committee).removeprefix("Ủy ban nhân dân").strip()


def _capitalised(name: str) -> str:
    return " ".join(word.capitalize() for word in name.split())
