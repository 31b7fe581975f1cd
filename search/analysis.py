"""One analysis for documents and queries and for every engine: exact (NFC, lower case, tone placement unified) and
folded (no marks, đ is d). NFD goes in as well as NFC: "Nguyễn" never falls apart."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

WORD = re.compile(r"[^\W_]+(?:[/.\-–][^\W_]+)*")
"""A word, or a code such as 15/QĐ-UBND, H99.32-260105-0001, 05/03/2024: kept whole and in parts."""
PART = re.compile(r"[^\W_]+")
TONES = {
    "oà": "òa", "oá": "óa", "oả": "ỏa", "oã": "õa", "oạ": "ọa",
    "oè": "òe", "oé": "óe", "oẻ": "ỏe", "oẽ": "õe", "oẹ": "ọe",
    "uỳ": "ùy", "uý": "úy", "uỷ": "ủy", "uỹ": "ũy", "uỵ": "ụy",
}  # fmt: skip
TONE_AT_END = re.compile(f"({'|'.join(TONES)})(?![^\\W\\d_])")
STROKED = (("Ð", "Đ"), ("Ɖ", "Đ"), ("ð", "đ"))


REMEMBERED = 50_000
"""Words whose forms are kept: Vietnamese has some 7,000 syllables, codes and misread words come and go."""


class Token(NamedTuple):
    """An indexed word: its exact and folded forms, and where it stands in the NFC text. part: of a code."""

    exact: str
    folded: str
    start: int
    end: int
    part: bool = False


def normal(text: str) -> str:
    """NFC with one letter Đ; all positions of tokens refer to this text."""
    text = unicodedata.normalize("NFC", text)
    for other, letter in STROKED:
        text = text.replace(other, letter)
    return text


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


@lru_cache(maxsize=REMEMBERED)
def forms(word: str) -> tuple[str, str]:
    """The exact and the folded form of a word of the NFC text; one kind of dash."""
    word = word.replace("–", "-")
    if word.isascii():
        return word.lower(), word.lower()
    marked = exact(word)
    return marked, fold(marked)


def tokens(text: str) -> list[Token]:
    """Words of a text in order; a code gives itself and then its parts."""
    found: list[Token] = []
    plain = normal(text)
    for match in WORD.finditer(plain):
        word = match[0]
        found.append(Token(*forms(word), match.start(), match.end()))
        if not word.isalnum():
            found += [Token(*forms(p[0]), p.start(), p.end(), part=True) for p in PART.finditer(plain, *match.span())]
    return found


def words(text: str) -> tuple[str, str]:
    """The same words for an index, between blanks: exact and folded. An engine need only split them."""
    found = list(map(_spread, WORD.findall(normal(text))))
    return " ".join([both[0] for both in found]), " ".join([both[1] for both in found])


@lru_cache(maxsize=REMEMBERED)
def _spread(word: str) -> tuple[str, str]:
    """A word, or a code and its parts, between blanks."""
    if word.isalnum():
        return forms(word)
    found = tokens(word)
    return " ".join(t.exact for t in found), " ".join(t.folded for t in found)


def pairs(folded: str) -> str:
    """Neighbours of a folded text, joined: what stands together in a query is found together without positions."""
    found = folded.split(" ")
    return " ".join(map("_".join, pairwise(found)))
