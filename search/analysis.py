"""One analysis for documents and queries and for every engine: exact (NFC, lower case, tone placement unified) and
folded (no marks, đ is d). NFD goes in as well as NFC: "Nguyễn" never falls apart."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

WORD = re.compile(r"[^\W_]+(?:[/.\-–][^\W_]+)*")
"""A word, or a code such as 15/QĐ-UBND, H99.32-260105-0001, 05/03/2024: kept whole and in parts."""
PART = re.compile(r"[^\W_]+")
TONES = {
    "oà": "òa", "oá": "óa", "oả": "ỏa", "oã": "õa", "oạ": "ọa",
    "oè": "òe", "oé": "óe", "oẻ": "ỏe", "oẽ": "õe", "oẹ": "ọe",
    "uỳ": "ùy", "uý": "úy", "uỷ": "ủy", "uỹ": "ũy", "uỵ": "ụy",
}  # fmt: skip
TONE_AT_END = re.compile(f"({'|'.join(TONES)})(?![^\\W\\d_])")
STROKED = str.maketrans({"Ð": "Đ", "Ɖ": "Đ", "ð": "đ"})


@dataclass(frozen=True, slots=True)
class Token:
    """An indexed word: its exact and folded forms, and where it stands in the NFC text. part: of a code."""

    exact: str
    folded: str
    start: int
    end: int
    part: bool = False


def normal(text: str) -> str:
    """NFC with one letter Đ; all positions of tokens refer to this text."""
    return unicodedata.normalize("NFC", text).translate(STROKED)


def exact(word: str) -> str:
    """Lower case, tone marks where the older spelling has them: hoà = hòa, uỷ = ủy."""
    return TONE_AT_END.sub(lambda m: TONES[m[1]], normal(word).lower())


def fold(word: str) -> str:
    """Lower case without marks, đ as d."""
    spread = unicodedata.normalize("NFD", exact(word).replace("đ", "d"))
    return "".join(c for c in spread if not unicodedata.combining(c))


def has_marks(word: str) -> bool:
    """Whether the writer of the query meant the marks."""
    return exact(word) != fold(word)


def tokens(text: str) -> list[Token]:
    """Words of a text in order; a code gives itself and then its parts."""
    found: list[Token] = []
    plain = normal(text)
    for match in WORD.finditer(plain):
        parts = list(PART.finditer(plain, match.start(), match.end()))
        found.append(_token(match[0], match.start(), match.end(), part=False))
        if len(parts) > 1:
            found += [_token(p[0], p.start(), p.end(), part=True) for p in parts]
    return found


def _token(word: str, start: int, end: int, *, part: bool) -> Token:
    word = word.replace("–", "-")
    return Token(exact(word), fold(word), start, end, part)
