"""Settings as they may be kept elsewhere: every value but the secrets."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from datetime import date, datetime, time
from typing import Any

SECRETS = re.compile(r"(^|_)(password|passphrase|secret|secret_key|token)$")
"""Names of settings that are secrets; a `…_file` beside them only says where one lies."""
IN_ADDRESS = re.compile(r"(?<=://)([^/@\s:]*):[^/@\s]*@")
"""User and password in an address."""


def without_secrets(toml: str) -> str:
    """The same settings without the secrets among them, as TOML. Raises ValueError for what is no TOML."""
    return "\n".join(_lines(_stripped(tomllib.loads(toml)), ())) + "\n"


def _stripped(told: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _value(value) for name, value in told.items() if not SECRETS.search(name)}


def _value(value: Any) -> Any:
    if isinstance(value, Mapping):
        return _stripped(value)
    if isinstance(value, list):
        return [_value(one) for one in value]
    return IN_ADDRESS.sub(r"\1@", value) if isinstance(value, str) else value


def _lines(told: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[str]:
    """The plain values first: what stands behind a table's heading belongs to it."""
    if path:
        yield f"[{'.'.join(_name(part) for part in path)}]"
    for name, value in told.items():
        if not isinstance(value, Mapping):
            yield f"{_name(name)} = {_written(value)}"
    for name, value in told.items():
        if isinstance(value, Mapping):
            yield from _lines(value, (*path, name))


def _name(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else json.dumps(key, ensure_ascii=False)


def _written(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_name(k)} = {_written(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_written(one) for one in value) + "]"
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    return json.dumps(value, ensure_ascii=False)
