"""Words without tone marks, likeness, spelling of names and units, and values with their evidence."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import TYPE_CHECKING

from registry.values import Box, FieldValue

if TYPE_CHECKING:
    from pipeline.describing.layout import Token

_LOOK_ALIKE = str.maketrans({"Ð": "Đ", "Ɖ": "Đ", "ð": "đ", "–": "-", "—": "-", "−": "-", "‐": "-", "’": "'", "‘": "'"})
_UNIT_KEYS = ("thanh pho", "thi tran", "thi xa", "phuong", "huyen", "quan", "tinh", "xa", "dac khu")
_COUNCILS = re.compile(r"\b(?:U\s?BND|H\s?ĐND)\b")


def upright(text: str) -> str:
    """Look-alike letters of old fonts and OCR made Vietnamese again; dashes are one kind."""
    return text.translate(_LOOK_ALIKE)


def fold(text: str) -> str:
    """Lower case without marks, words of letters, digits and / only: what fuzzy comparison is done on."""
    plain = unicodedata.normalize("NFD", upright(unicodedata.normalize("NFC", text)).lower().replace("đ", "d"))
    bare = "".join(char for char in plain if not unicodedata.combining(char))
    return re.sub(r"[^a-z0-9/]+", " ", bare).strip()


def title_case(name: str) -> str:
    """A person's or place's name with a capital at each word."""
    return " ".join(word[:1].upper() + word[1:].lower() for word in name.split())


def sentence_case(text: str) -> str:
    """Capitals of a heading as an ordinary sentence."""
    return text[:1].upper() + text[1:].lower() if text else text


def spell_agency(printed: str) -> str:
    """An agency as one writes it in a sentence: "UBND XÃ AN HÒA" gives "Ủy ban nhân dân xã An Hòa"."""
    text = re.sub(
        r"(?i)\bU\s?BND\b|\buỷ ban nhân dân\b|\bủy ban nhân dân\b", "ủy ban nhân dân", printed.strip(" .,;:-")
    )
    text = re.sub(r"(?i)\bH\s?ĐND\b", "hội đồng nhân dân", text)
    text = re.sub(r"\bla(?= [A-ZĐ])", "Ia", text)  # "Ia" opens names of places in Gia Lai; no name has a small "la"
    words = text.split()
    start = _unit_position(words)
    generic, proper = words[:start], words[start:]
    written_out = _COUNCILS.sub("", printed)  # which are in capitals in a sentence too
    if sum(c.isupper() for c in written_out) > 0.4 * sum(c.isalpha() for c in written_out):
        generic = _capital_after_dash([word.lower() for word in generic])
    if proper:
        level = 2 if " ".join(fold(word) for word in proper[:2]) in _UNIT_KEYS else 1
        named = proper[level:]
        if " ".join(named).isupper():
            named = title_case(" ".join(named)).split()
        proper = [word.lower() for word in proper[:level]] + named
    spelt = " ".join(generic + proper)
    return spelt[:1].upper() + spelt[1:]


def _capital_after_dash(words: Sequence[str]) -> list[str]:
    openers = {"phòng", "sở", "cục", "tâm", "trạm"}
    if words and words[0] in {"phòng", "sở", "bộ", "văn"}:  # Lao động - Thương binh và Xã hội
        openers.add("và")
    if words[:2] == ["bệnh", "viện"]:
        openers.add("viện")
    return [
        w.capitalize() if i and (words[i - 1] == "-" or words[i - 1] in openers) and w not in {"tâm", "-"} else w
        for i, w in enumerate(words)
    ]


def _unit_position(words: Sequence[str]) -> int:
    """Index of the word that opens the territorial unit ("xã An Hòa"), len(words) when there is none."""
    for position in range(1, len(words)):
        one, two = fold(words[position]), " ".join(fold(word) for word in words[position : position + 2])
        if two in _UNIT_KEYS or (
            one in _UNIT_KEYS and words[position].lower() in {"phường", "huyện", "quận", "tỉnh", "xã"}
        ):
            if one == "xa" and position + 1 < len(words) and fold(words[position + 1]) == "hoi":
                continue
            return position
    return len(words)


def unit_of(agency: str) -> str | None:
    """The territorial unit an agency's name ends with, spelt: "xã An Hòa"; None when it names none."""
    words = ["", *agency.split()]
    start = _unit_position(words)
    return spell_agency("x " + " ".join(words[start:]))[2:] if start < len(words) - 1 else None


def value_of(
    value: str, tokens: Sequence[Token], trust: float, *, method: str = "rule", raw: str | None = None
) -> FieldValue:
    """The value with its evidence; confidence is what the engine said of the words times the trust in the rule."""
    if not tokens:
        return FieldValue(value=value, raw_text=raw or "", confidence=round(0.6 * trust, 3), method=method)
    sure = [token.confidence for token in tokens]
    page = tokens[0].page
    boxes = [token.box for token in tokens if token.page == page]
    box = Box(
        left=min(b.left for b in boxes), top=min(b.top for b in boxes),
        right=max(b.right for b in boxes), bottom=max(b.bottom for b in boxes),
    )  # fmt: skip
    confidence = (sum(sure) / len(sure) + min(sure)) / 2 * trust
    return FieldValue(
        value=value,
        raw_text=raw if raw is not None else " ".join(token.text for token in tokens),
        confidence=round(max(0.0, min(1.0, confidence)), 3),
        page_index=page,
        box=box,
        method=method,
    )
