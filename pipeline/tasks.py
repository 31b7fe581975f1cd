"""What `sohoa read` asks of worker processes.

Whoever sends a function to a worker has imported its module. These import what they call when they run, in a worker,
which has it at hand from its fork server: a command that only asks need not import OpenCV and all the rest as well.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from config.catalogue import DocumentType
from pipeline.soundness import Identified, IdentifyLimits
from registry.values import Description, PageText, Split


def identify(path: Path, limits: IdentifyLimits, declared_name: str) -> Identified:
    """As `pipeline.identify` tells it."""
    from pipeline import identify as sound  # noqa: PLC0415

    return sound.identify(path, limits, declared_name)


def split(pages: Sequence[PageText]) -> Split:
    """As `pipeline.splitting` tells it."""
    from pipeline.splitting import parts  # noqa: PLC0415

    return parts.split_scan(pages)


def describe(pages: Sequence[PageText], kinds: Mapping[str, DocumentType]) -> Description:
    """As `pipeline.describing` tells it."""
    from pipeline import describing  # noqa: PLC0415

    return describing.describe(pages, kinds)
