"""The order in which a person reads an administrative page: left head column, right head column, body, then
"Nơi nhận" at the left and the signature block at the right (NĐ 30/2020/NĐ-CP, Annex I)."""

from __future__ import annotations

from collections.abc import Sequence

from registry.values import Word


def in_reading_order(words: Sequence[Word]) -> list[Word]:
    """The same words with lines numbered in reading order, starting at 0."""
    lines: dict[int, list[Word]] = {}
    for word in words:
        lines.setdefault(word.line, []).append(word)
    return [word.model_copy(update={"line": number}) for number, line in enumerate(lines.values()) for word in line]
