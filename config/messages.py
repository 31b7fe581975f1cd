"""The operator's sentences, in Vietnamese, by code: what happened, what is safe, what to do next."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from config.plain_yaml import read_yaml


def sentence(code: str) -> str:
    """The sentence for a code; for one that has none, the general one with the code in it."""
    told = _sentences()
    return told.get(str(code)) or told["internal"].format(code=code)


def level_sentence(why: str) -> str:
    """The sentence for what keeps a signature from its level or a timestamp from its renewal; of several, the first."""
    code = f"level-{why.split('; ', maxsplit=1)[0]}"
    if code not in known_codes():
        code = "level-tsa-unproven" if code.startswith("level-tsa-") else "level-other"
    return sentence(code)


def known_codes() -> frozenset[str]:
    """Codes that have a sentence of their own."""
    return frozenset(_sentences())


@lru_cache
def _sentences() -> dict[str, str]:
    path = Path(__file__).parent / "data" / "messages.yaml"
    told: dict[str, str] = read_yaml(path)
    return told
