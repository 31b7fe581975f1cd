"""What dates, numbers and names look like, and the slips of recognition that evidence allows to mend."""

from __future__ import annotations

import re
from datetime import date

CAPITALS = "A-ZĐÀÁÂÃÈÉÊÌÍÒÓÔÕÙÚĂĨŨƠƯÝẠ-Ỹ"
AGENCY = r"[A-Y]\d{2}(?:\.[0-9A-Z]{1,3}){0,6}"
DOSSIER = re.compile(
    r"(?<![\w.])(?:\d{3}\.\d{2}\.\d{2}\.[A-Y]\d{2}-\d{6}-\d{4,6}|" + AGENCY + r"-\d{6}-\d{4,})(?![\w])"
)
"""TT 01/2018/TT-VPCP, QĐ 20/2020/QĐ-TTg and TT 04/2025/TT-VPCP: all three generations stay readable."""
COMPONENT = re.compile(r"(?<![A-Z0-9])TP\d{2}(?!\d)")
NUMBER_SYMBOL = re.compile(
    r"(?P<num>\d{1,6}[a-z]?)\s*/\s*(?:(?P<year>(?:19|20)\d{2})\s*/\s*)?(?P<sym>[" + CAPITALS + r"][A-Za-zĐđ]*"
    r"(?:\s*[-.&–]\s*[" + CAPITALS + r"][" + CAPITALS + r"a-z0-9]*)*)"
)
CIVIL_NUMBER = re.compile(r"\d{1,5}\s*/\s*(?:19|20)\d{2}(?:\s*-\s*[A-Z]{1,3})?")
BUSINESS_NUMBER = re.compile(r"\d{2}[A-Z]\d{8}|\d{10}(?:-\d{3})?|\d{12}")
LAND_NUMBER = re.compile(r"[A-ZĐ]{2} ?\d{5,8}")
ID_NUMBER = re.compile(r"(?<![\d.])(?:\d{12}|\d{9})(?!\d|\.\d)")
SHORT_DATE = re.compile(r"(?<!\d)(\d{1,2})\s?[/.\-Il|]?\s?(\d{2})\s?[/.\-Il|]\s?((?:19|20)\d{2})(?!\d)")
LONG_DATE = re.compile(r"ngay\s*(\d{1,2})\s*thang\s*(\d{1,2})\s*nam\s*((?:19|20)\d{2})")
NAME_WORD = r"[" + CAPITALS + r"][a-zà-ỹđ]+"
NAME = re.compile(NAME_WORD + r"(?: " + NAME_WORD + r"){1,5}")
CAPITAL_NAME = re.compile(r"[" + CAPITALS + r"]{2,}(?: [" + CAPITALS + r"]+){1,5}")
DIGIT_SLIPS = str.maketrans({"O": "0", "o": "0", "Q": "0", "l": "1", "I": "1", "|": "1", "i": "1", "S": "5", "B": "8"})


def iso_day(day: str, month: str, year: str) -> str | None:
    """YYYY-MM-DD of a real calendar day; None otherwise."""
    try:
        return date(int(year), int(month), int(day)).isoformat()
    except ValueError:
        return None


def born_as_told(id_number: str, born: str) -> bool:
    """Whether a personal number fits a birth date: digit 4 tells century (two codes each), digits 5 and 6 the year."""
    if len(id_number) != 12:
        return True
    century = 1900 + 100 * (int(id_number[3]) // 2)
    return century + int(id_number[4:6]) == int(born[:4])


def is_name(text: str) -> bool:
    """Two to six words, each with a capital first letter, or all in capitals."""
    return bool(NAME.fullmatch(text) or CAPITAL_NAME.fullmatch(text))


def as_name(text: str) -> str:
    """A name as it is written in running text."""
    return " ".join(word.capitalize() for word in text.split()) if text.isupper() else text


def mend_digits(text: str) -> str:
    """Letters that stand where only digits can, as the digits they are mistaken for."""
    return text.translate(DIGIT_SLIPS)
