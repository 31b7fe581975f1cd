"""The kit's own program, as a worker process runs it before a kit is given out."""

from __future__ import annotations

from pathlib import Path

from app.kit.verifier import Kit


def is_altered(pdf: Path) -> bool:
    """Whether a signature of the file does not hold by itself, whoever made it: of a document that came so."""
    kit = Kit(pdf.parent, None)
    kit.check_pdf("", pdf.read_bytes(), known_bad=False)
    return not kit.report.ok


def check_kit(folder: Path) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What is wrong with a kit, and what could not be told, in the program's words."""
    report = Kit(folder, None).verify()
    told = [(check.ok, f"{check.what}: {check.detail}") for check in report.checks]
    return tuple(text for ok, text in told if ok is False), tuple(text for ok, text in told if ok is None)
