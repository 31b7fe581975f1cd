"""What a person typed: words, "phrases" and identity numbers."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise

from search.analysis import Token, normal, tokens

QUOTED = re.compile(r'["“”]([^"“”]+)["“”]')
IDENTITY = re.compile(r"(?<!\d)(?:\d{12}|\d{9})(?!\d)")


@dataclass(frozen=True, slots=True)
class Word:
    """A word asked for. parts: those of a code, which may be part of a longer code on the paper."""

    whole: Token
    parts: tuple[Token, ...] = ()


@dataclass(frozen=True, slots=True)
class Asked:
    """words: each must be found somewhere; phrases: together, a code with its parts behind it as it is indexed;
    identities: as owner, exactly."""

    words: tuple[Word, ...]
    phrases: tuple[tuple[Token, ...], ...]
    identities: tuple[str, ...]

    @property
    def pairs(self) -> tuple[str, ...]:
        """Neighbours in the query, as search.analysis.pairs has them: papers where they are neighbours come first."""
        wholes = [word.whole.folded for word in self.words]
        return tuple(map("_".join, pairwise(wholes)))

    @property
    def folded(self) -> frozenset[str]:
        """All words without marks, for marking them in a text."""
        words = [t for word in self.words for t in (word.whole, *word.parts)]
        return frozenset(t.folded for t in (*words, *(t for phrase in self.phrases for t in phrase)))


def understand(query: str) -> Asked:
    """The parts of a query."""
    text = normal(query)
    phrases = tuple(found for found in (tuple(tokens(p)) for p in QUOTED.findall(text)) if found)
    rest = QUOTED.sub(" ", text)
    identities = tuple(IDENTITY.findall(rest))
    rest = IDENTITY.sub(" ", rest)
    return Asked(tuple(_words(rest)), phrases, identities)


def _words(text: str) -> list[Word]:
    found: list[Word] = []
    for token in tokens(text):
        if token.part:
            found[-1] = Word(found[-1].whole, (*found[-1].parts, token))
        else:
            found.append(Word(token))
    return found
