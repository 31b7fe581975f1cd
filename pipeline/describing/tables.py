"""Lists of people: table rows that hold a name beside a personal number or a birth date."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.describing.layout import Row, Sheet, Token
from pipeline.describing.names import name_trust, sounds_vietnamese
from pipeline.describing.numbers import agrees, as_digits, date_in, plausible_id
from pipeline.describing.text import value_of
from registry.values import FieldValue


@dataclass(frozen=True)
class TablePerson:
    words: tuple[str, ...]
    tokens: tuple[Token, ...]
    trust: float
    number: FieldValue | None
    born: FieldValue | None


def table_people(sheet: Sheet) -> tuple[dict[int, list[TablePerson]], set[int]]:
    """People by the index of their row, and all rows that belong to such lists."""
    found: dict[int, list[TablePerson]] = {}
    used: set[int] = set()
    for index, row in enumerate(sheet.rows):
        if index in used:
            continue
        cells = _cells(row)
        if cells is None:
            continue
        name, number, born = cells
        following = _wrapped_name(sheet.rows, index, name)
        name = [*name, *following]
        words = tuple(re.sub(r"[^\w']", "", t.text) for t in name)
        trust = name_trust(list(words))
        used.add(index)
        if not trust:
            words, name, following = (), [], []
        if number or words:
            found[index] = [TablePerson(words, tuple(name), trust, number, born)]
            if following:
                used.add(index + 1)
    return found, used


def _cells(row: Row) -> tuple[list[Token], FieldValue | None, FieldValue | None] | None:
    """Name tokens, number and birth date of a list row; None for any other row."""
    tokens = [t for t in row.tokens if t.key]
    number_at = next((i for i, t in enumerate(tokens) if _id_of(t)), None)
    dates = [i for i, t in enumerate(tokens) if len(t.text) >= 8 and t.text[:1].isdigit() and date_in(t.text)]
    date_at = dates[0] if dates else None
    if number_at is None or any(t.text.endswith(":") for t in tokens[:number_at]):
        return None
    before = min(i for i in (number_at, date_at) if i is not None)
    start = 1 if tokens[0].key.isdigit() or len(tokens[0].key) <= 1 else 0
    run: list[Token] = []
    for token in tokens[start:before]:
        bare = re.sub(r"[^\w']", "", token.text)
        if bare in {"Nam", "Nữ"} and len(run) >= 2:
            break
        if not bare or not bare[0].isupper() or not bare.isalpha():
            if bare[:1].islower() and len(run) < 2 and len(tokens[start:before]) > 4:
                return None
            if run:
                break
            continue
        run.append(token)
    if before - start > 8 or (not run and start == 0 and before != 0):
        return None
    digits = _id_of(tokens[number_at]) or ""
    born = date_in(tokens[date_at].text) if date_at is not None else None
    fits = agrees(digits, born[0] if born else None)
    trust = 0.6 if fits is False or not plausible_id(digits) else 0.97 if fits else 0.9
    number = value_of(digits, [tokens[number_at]], trust)
    day = (
        value_of(born[0].isoformat(), [tokens[date_at]], trust if born[1] else trust - 0.2)
        if born and date_at is not None
        else None
    )
    return run, number, day


def _id_of(token: Token) -> str | None:
    bare = re.sub(r"[^\w]", "", token.text)
    digits = as_digits(bare)
    return digits if len(digits) == 12 and digits.isdigit() and sum(c.isdigit() for c in bare) >= 9 else None


def _wrapped_name(rows: Sequence[Row], index: int, name: Sequence[Token]) -> list[Token]:
    """The rest of a name that goes on in the same column of the next row."""
    if not name or index + 1 >= len(rows) or rows[index + 1].page != rows[index].page:
        return []
    after = rows[index + 1]
    first = next((t for t in after.tokens if t.key), None)
    if first is None or abs(first.box.left - name[0].box.left) > 0.03 or first.key.isdigit():
        return []
    if any(_id_of(t) for t in after.tokens) or after.top - rows[index].top > 0.035:
        return []
    edge = max(t.box.right for t in name) + 0.02
    if after.top - rows[index].top > 0.027 or not any(
        s.left < edge and s.right < edge + 0.05 for s in after.segments[:1]
    ):
        return []
    run: list[Token] = []
    for token in after.tokens:
        bare = re.sub(r"[^\w']", "", token.text)
        if token.box.left > edge:
            break
        if (
            not token.text.isalpha()
            or not token.text[0].isupper()
            or token.confidence < 0.4
            or not sounds_vietnamese(bare)
        ):
            return []
        run.append(token)
    return run if len(run) <= 2 else []
