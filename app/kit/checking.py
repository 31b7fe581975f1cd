"""The kit's own program, as a worker process runs it before a kit is given out."""

from __future__ import annotations

from pathlib import Path

from app.kit.verifier import Kit


def is_altered(pdf: Path) -> bool:
    """Whether a signature of the file does not hold by itself, whoever made it: of a document that came so."""
    kit = Kit(pdf.parent, None)
    kit.check_pdf("", pdf.read_bytes(), known_bad=False)
    return not kit.report.ok


def check_kit(folder: Path, signer: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What is wrong with a kit, and what could not be told, in the program's words. signer: SHA-256 of the certificate
    that was to sign its manifest; empty where no key signs."""
    report = Kit(folder, None, signer).verify()
    told = [(check.ok, f"{check.what}: {check.detail}") for check in report.checks]
    return tuple(text for ok, text in told if ok is False), tuple(text for ok, text in told if ok is None)
