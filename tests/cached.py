"""What the tests need built, built once from its sources into the cache outside the checkout."""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Callable, Sequence
from pathlib import Path

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "sohoa"


def built_once(name: str, sources: Sequence[Path], build: Callable[[Path], None]) -> Path:
    """The folder that `build` has filled from these sources; other sources, another folder. Of two callers the
    second waits for the first; what a killed build left is built over.
    """
    digest = hashlib.sha256()
    for source in sources:
        digest.update(source.read_bytes())
    built = CACHE / f"{name}-{digest.hexdigest()[:12]}"
    built.mkdir(parents=True, exist_ok=True)
    with (built / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (built / "done").exists():
            build(built)
            (built / "done").touch()
    return built
