"""A wall clock that jumps at run time, for the programs alone: a small preloaded library (clock.c) adds an offset."""

from __future__ import annotations

import struct
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SOURCE = Path(__file__).with_name("clock.c")


class Clock:
    """The wall clock of all programs that were given `environment`. folder: where the library and its file lie."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        library, self._file = folder / "clock.so", folder / "offset"
        self._file.write_bytes(struct.pack("q", 0))
        command = ["cc", "-O1", "-shared", "-fPIC", "-o", str(library), str(SOURCE), "-ldl"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"the clock library needs gcc and libc6-dev: {done.stderr[-500:]}"
        self.environment = {"LD_PRELOAD": str(library), "TEST_CLOCK": str(self._file)}

    @contextmanager
    def off_by(self, seconds: int) -> Iterator[None]:
        """Inside the block the wall clock is wrong by so much."""
        self._tell(seconds)
        try:
            yield
        finally:
            self._tell(0)

    def _tell(self, seconds: int) -> None:
        with self._file.open("r+b") as offset:
            offset.write(struct.pack("q", seconds))
