"""Dates, personal numbers, document numbers and dossier codes as they are printed, with the slips OCR makes."""

from __future__ import annotations

import re
from datetime import date

from pipeline.describing.text import fold, upright

_AGENCY = r"[A-Y]\d{2}(?:\.[0-9A-Z]{1,3}){0,6}"
_DOSSIER = re.compile(
    rf"(?<![\w.])(?:(?:\d{{3}}\.\d{{2}}\.\d{{2}}\.[A-Y]\d{{2}})|(?:{_AGENCY}))-(?P<d>\d{{6}})-\d{{4,10}}(?!\d)"
)
_DOSSIER_LOOSE = re.compile(
    r"(?<![\w.])([0-9OolI]{3}[.,][0-9OolI]{2}[.,][0-9OolI]{2}[.,][A-Y][0-9OolI]{2})-([0-9OolI]{6})-([0-9OolI]{4,6})(?!\w)"
)
_SLASHED = re.compile(r"(?<!\d)(\d{1,2})\s*[/.\-]\s*(\d{1,2})\s*[/.\-]\s*((?:19|20)\d{2})(?!\d)")
_BROKEN = re.compile(r"(?<!\d)([0-3]\d)[/1lIiÍ|]([01]\d)[/1lIiÍ|]((?:19|20)\d{2})(?!\d)")
_UNSLASHED = re.compile(r"(?<!\d)([0-3]\d)/?([01]\d)/?((?:19|20)\d{2})(?!\d)")
_SPELT = re.compile(r"ngay\s*(\w{1,2})\s*thang\s*(\w{1,2})\s*na[mn]\s*(\w{4})(?!\w)")
_CAPS = "A-ZĐÀÁÂÃÈÉÊÌÍÒÓÔÕÙÚĂĨŨƠƯÝ"
_SYMBOL = re.compile(
    rf"(\d{{1,6}}[a-z]?)\s*/\s*((?:19|20)\d{{2}}\s*/\s*)?([{_CAPS}][A-Za-zĐđ]*(?:\s*[-.&]\s*[{_CAPS}][{_CAPS}a-z0-9]*)*)"
)
_CIVIL = re.compile(r"(?<![\d/])(\d{1,5})\s*/\s*((?:19|20)\d{2})((?:\s*-\s*[A-Z]{1,3})?)(?![\d/])")
_BUSINESS = re.compile(r"(?<![\w/])(\d{2}[A-Z]\d{8}|\d{10}(?:-\d{3})?|\d{12})(?![\w/])")
_LAND_BOOK = re.compile(r"(?<!\w)([A-ZĐ]{2})\s?(\d{4,8})(?!\w)")

ID_CUES = (
    "cccd",
    "can cuoc",
    "dinh danh",
    "cmnd",
    "chung minh",
    "tuy than",
    "phap ly",
    "ho chieu",
    "gccd",
    "cccp",
)
"""What a personal number is called, folded, with slips."""


def names_a_number(key: str) -> bool:
    """Whether the folded words speak of a personal number or of the card that bears it."""
    return any(cue in key for cue in ID_CUES)


def as_digits(text: str) -> str:
    """The text with letters that are digits misread put right: for places where only digits can stand."""
    table = {"O": "0", "o": "0", "Q": "0", "D": "0", "l": "1", "I": "1", "|": "1", "i": "1", "S": "5", "s": "5",
             "B": "8", "Z": "2", "z": "2"}  # fmt: skip
    return "".join(table.get(char, char) for char in text)


def real_date(day: str, month: str, year: str) -> date | None:
    """The calendar day, None when there is no such day."""
    try:
        return date(int(year), int(month), int(day))
    except ValueError:
        return None


def date_in(text: str) -> tuple[date, bool] | None:
    """The first real date printed as dd/mm/yyyy or in words, and whether it stood there without a repair."""
    for found in _SLASHED.finditer(text):
        if day := real_date(*found.groups()):
            return day, True
    if spelt := spelt_date_in(text):
        return spelt
    for found in _BROKEN.finditer(text.replace(" ", "")):
        if day := real_date(*found.groups()):
            return day, False
    for found in _UNSLASHED.finditer(text):
        if day := real_date(found[1], found[2], found[3]):
            return day, False
    return None


def spelt_date_in(text: str) -> tuple[date, bool] | None:
    """The first `ngày … tháng … năm …` that is a real date; slips in the digits are mended and told."""
    for found in _SPELT.finditer(fold(text).replace("nga y", "ngay")):
        parts = [as_digits(part) for part in found.groups()]
        if all(part.isdigit() for part in parts) and 1900 <= int(parts[2]) <= 2100 and (day := real_date(*parts)):
            return day, list(found.groups()) == parts
    return None


def dossier_code_in(text: str) -> str | None:
    """The first dossier code in the text whose date is a real one; None when there is none."""
    for found in _DOSSIER.finditer(upright(text)):
        if _is_code_date(found["d"]):
            return found[0]
    for found in _DOSSIER_LOOSE.finditer(upright(text)):
        group = as_digits(found[1][:-3].replace(",", ".")) + found[1][-3] + as_digits(found[1][-2:])
        code = f"{group}-{as_digits(found[2])}-{as_digits(found[3])}"
        if _is_code_date(code.split("-")[1]):
            return code
    return None


def _is_code_date(six: str) -> bool:
    return real_date(six[4:6], six[2:4], "20" + six[:2]) is not None


def number_symbol_in(text: str, *, bare: bool = False) -> tuple[str, bool] | None:
    """Number and symbol ("15/QĐ-UBND", "12/2023-BS"), and whether no slip was mended.

    bare: also numbers without a symbol (a household-business number, a 12-digit number).
    """
    text = upright(text)
    mended = re.sub(r"^[\s:.]*([0-9OolISBZ]{1,6})(?=\s*/)", lambda m: " " + as_digits(m[1]), text)
    same = re.sub(r"^[\s:.]*", " ", text) == mended
    tidy = re.sub(r"(?i)U\s?BND", "UBND", mended)
    tidy = re.sub(r"^\s*(\d{1,5})\s?(?=[A-ZĐ]{2,}-[A-ZĐ]{2,})", r" \1/", tidy)
    tidy = re.sub(r"(?<=/)\s*[QO][ĐD](?=\s*[-.])", "QĐ", tidy)
    tidy = re.sub(r"(?<=-)[HN][ĐD]ND\b", "HĐND", tidy)
    same = same and tidy == mended
    if (found := _SYMBOL.search(tidy)) and any(c.isupper() for c in found[3]):
        year = re.sub(r"\s", "", found[2] or "")
        return f"{found[1]}/{year}{re.sub(r' ', '', found[3])}", same
    if found := _CIVIL.search(tidy):
        return f"{found[1]}/{found[2]}{found[3].replace(' ', '')}", same
    if bare and (found := _BUSINESS.search(tidy)):
        return found[1], same
    return None


def land_book_number_in(text: str) -> str | None:
    """Entry number or serial of a land certificate ("CH 00077")."""
    found = _LAND_BOOK.search(upright(text))
    return f"{found[1]} {found[2]}" if found else None


def agrees(id_number: str, born: date | None) -> bool | None:
    """Whether a 12-digit number's century and year fit the birth date; None when there is nothing to compare.

    Digit 4 counts half centuries by sex from 1900 (0/1), 2000 (2/3) …, digits 5-6 are the year.
    """
    if len(id_number) != 12 or born is None:
        return None
    return born.year == 1900 + 100 * (int(id_number[3]) // 2) + int(id_number[4:6])


def plausible_id(id_number: str) -> bool:
    """Whether the number has the shape of a personal number: a province 001-096 and a birth year not in the future."""
    if len(id_number) != 12 or not id_number.isdigit() or not 1 <= int(id_number[:3]) <= 96:
        return False
    year = 1900 + 100 * (int(id_number[3]) // 2) + int(id_number[4:6])
    return 1900 <= year <= 2035
