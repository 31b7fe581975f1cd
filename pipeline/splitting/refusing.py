"""The parts of a scan, without those that must not be kept. Small enough for a worker process to import."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.describing import secrecy_mark
from pipeline.splitting.parts import split_scan
from registry.errors import RefusalCode
from registry.values import PageText, Split


def part_pages(pages: Sequence[PageText], dossier_code: str | None, component_code: str | None) -> Split:
    """What the scan holds; of several parts, those with a secrecy stamp are refused. Runs in a worker process."""
    split = split_scan(pages, dossier_code, component_code)
    if len(split.parts) < 2:
        return split
    parts = [
        part.model_copy(update={"refused": str(RefusalCode.SECRET)})
        if secrecy_mark([pages[index] for index in part.pages])
        else part
        for part in split.parts
    ]
    return split.model_copy(update={"parts": tuple(parts)})
