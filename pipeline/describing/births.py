"""Whose birth a date tells: that of the person named before it, or that of the child a birth notice is about.

Only the words directly before a date count. Papers are full of other days, and of words with "sinh" in them: a birth
certificate has a day of registration, a pupil ("học sinh") a day of enrolment, a mother a day on which she gave birth.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from rapidfuzz import fuzz

from pipeline.describing.layout import Token
from pipeline.describing.numbers import date_in, spelt_date_in
from pipeline.describing.text import value_of
from registry.values import FieldValue

REACH = 14
"""Words before a date that can say whose birth it is."""
_NOT_A_BIRTH = {
    "khai", "chung", "noi", "hoc", "ve", "thi", "tuyen", "ho", "an", "tai", "phat", "giam", "moi", "cong", "nghi",
    "da", "con", "chau", "be", "se", "du",
}  # fmt: skip
"""Words before "sinh" that make another word of it, or say that somebody gave birth; names are not among them."""
_GAVE_BIRTH = re.compile(r"\bsinh (?:con|chau|be)(?: (?:vao|luc|hoi|gio|phut|ngay|\w*\d\w*))*$")
_IN_BRACKETS = re.compile(r"\([^()]*\)\W*$")
_OF_A_DATE = re.compile(r"[\W\dOoQDlIiÍSsBZz]+")


@dataclass(frozen=True)
class _Word:
    key: str
    text: str
    left: float


class Born(Enum):
    NAMED = "the person named before"
    CHILD = "the child that was born"


def whose_birth(before: Sequence[Token]) -> Born | None:
    """Whose birth date it is that follows these words; None when they say nothing of a birth."""
    text = _IN_BRACKETS.sub("", " ".join(token.text for token in before[-REACH:]))
    kept = before[-REACH:][: len(text.split())]
    words = [_Word(key, token.text, token.box.left) for token in kept for key in token.key.replace("/", " ").split()]
    if _GAVE_BIRTH.search(" ".join(word.key for word in words)):
        return Born.CHILD
    return Born.NAMED if _is_birth_label(words) else None


def _is_birth_label(words: Sequence[_Word]) -> bool:
    """sinh ngày, ngày sinh, ngày tháng năm sinh, năm sinh, sinh năm, date of birth, at the end of the words."""
    if fuzz.ratio(" ".join(word.key for word in words[-3:]), "date of birth") >= 80:
        return True
    rest = list(words)
    while rest and (rest[-1].key in {"vao", "nam"} or _is_day(rest[-1].key)):
        rest.pop()
    if not rest or _makes_another_word(rest):
        return False
    before = rest[-2].key if len(rest) > 1 else ""
    return rest[-1].key == "sinh" or (fuzz.ratio(rest[-1].key, "sinh") >= 75 and before in {"nam", "ngay"})


def _makes_another_word(words: Sequence[_Word]) -> bool:
    """Whether "sinh" at the end belongs to the word before it: "khai sinh", "đã sinh", and not a name's end."""
    first, before, birth = (*[_Word("", "", 0.0)] * 2, *words)[-3:]
    if before.key not in _NOT_A_BIRTH or not before.text[-1].isalpha():
        return False
    goes_on = first.left < before.left and first.key not in {"giay", "luc", "ban"}
    ends_a_name = goes_on and first.text[:1].isupper() and before.text[:1].isupper()
    return not ends_a_name or birth.text.isupper()


def _is_day(key: str) -> bool:
    return key != "nay" and fuzz.ratio(key, "ngay") >= 75


def date_at(tokens: Sequence[Token], position: int) -> tuple[FieldValue, int] | None:
    """The date that begins at this token, and how many tokens it takes; None when none does."""
    token = tokens[position]
    if _is_day(token.key) and not token.text.endswith(","):
        window = tokens[position : position + 6]
        found = spelt_date_in(" ".join(t.text for t in window)) if len(window) == 6 else None
    elif any(char.isdigit() for char in token.text):
        of_date = list(itertools.takewhile(lambda t: _OF_A_DATE.fullmatch(t.text), tokens[position : position + 5]))
        tries = ((of_date[:n], date_in(" ".join(t.text for t in of_date[:n]))) for n in range(1, len(of_date) + 1))
        window, found = next((one for one in tries if one[1]), ([], None))
    else:
        return None
    if found is None:
        return None
    trust, method = (0.95, "rule") if found[1] else (0.7, "lexicon")
    return value_of(found[0].isoformat(), window, trust, method=method), len(window)
