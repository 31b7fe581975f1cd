"""Dossier and component codes in names of folders and files, and in text."""

from __future__ import annotations

from pipeline.describing.patterns import COMPONENT, DOSSIER


def dossier_code_in(text: str) -> str | None:
    """The first dossier code that stands in the text as it is; never rebuilt, never guessed."""
    found = DOSSIER.search(text)
    return found[0] if found else None


def parse_name(name: str) -> tuple[str | None, str | None]:
    """Dossier code and component code in a file's or folder's name, each None where there is none."""
    component = COMPONENT.search(name.upper())
    return dossier_code_in(name.upper()), component[0] if component else None
