"""Text as both databases can hold it: no NUL, no half of a surrogate pair, and no longer than its column.

PostgreSQL refuses all three and SQLite some, and what comes from file names, forms and bad reading holds all three.
"""

from __future__ import annotations

import os
from urllib.parse import quote_from_bytes, unquote_to_bytes

from sqlalchemy import Dialect, String, Text
from sqlalchemy.types import TypeDecorator

ESCAPED = "os-bytes:"


class Exact(TypeDecorator[str]):
    """Codes, keys, instants: a value that is too long is an error, never another value."""

    impl = String
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else storable(value)


class Shortened(TypeDecorator[str]):
    """Words for people to read: cut to the column's length."""

    impl = String
    cache_ok = True

    def __init__(self, length: int) -> None:
        super().__init__(length)
        self._length = length

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else storable(value)[: self._length]


class LongText(TypeDecorator[str]):
    """Words of any length."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else storable(value)


class FilePath(TypeDecorator[str]):
    """A path as os.fsdecode gives it, byte for byte, also one that is no UTF-8: such a one is kept percent-encoded."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else path_text(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else path_of(value)


def storable(text: str) -> str:
    """The text with U+FFFD for each character that a database cannot hold; most text is returned as it is."""
    if "\0" in text:
        text = text.replace("\0", "�")
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            return "".join("�" if "\ud800" <= c <= "\udfff" else c for c in text)
    return text


def path_text(path: str) -> str:
    """The path as text that a database can hold; `path_of` gives exactly the same path back."""
    raw = os.fsencode(path)
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        return ESCAPED + quote_from_bytes(raw)
    return ESCAPED + quote_from_bytes(raw) if text.startswith(ESCAPED) else text


def path_of(text: str) -> str:
    """The path that `path_text` made this text of."""
    return os.fsdecode(unquote_to_bytes(text.removeprefix(ESCAPED))) if text.startswith(ESCAPED) else text
