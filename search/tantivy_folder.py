"""The folder of the embedded index: which index is the one searched, which one is being filled, opening either.

index/
  current              the name of the index searched
  filling              the name of the one that a rebuild fills, while it does
  late.jsonl           what was put and deleted meanwhile, to be done there too before it is searched
  v2-<nanoseconds>/    an index of schema 2
  writer.lock  asking.lock  rebuild.lock
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import tantivy

from registry.errors import ServiceUnavailable
from search.tantivy_query import schema

SCHEMA = "2"
"""Part of an index's name: one of another schema is passed over, as if there were none."""
BROKEN = "the index is broken; `sohoa index rebuild` makes it anew"


class IndexFolder:
    """Pure file work. All but current(), open() and the late list is for whoever has the turn at writing."""

    def __init__(self, folder: Path) -> None:
        self.path = folder

    def current(self) -> str | None:
        """The name of the index searched; None before anything was written. Raises ServiceUnavailable."""
        return self._name("current")

    def filling(self) -> str | None:
        """The name of the index that a rebuild fills."""
        return self._name("filling")

    def open(self, name: str) -> tantivy.Index:
        """Raises ServiceUnavailable when it is broken or gone."""
        with translated(BROKEN):
            found = tantivy.Index(schema(), path=str(self.path / name))
            found.config_reader("manual")  # without its thread that looks for commits: Reader does that
            return found

    def make(self) -> str:
        """The name of a new, empty index that nobody uses yet."""
        name = f"v{SCHEMA}-{time.time_ns()}"
        with translated():
            (self.path / name).mkdir()
        self.open(name)
        return name

    def point(self, pointer: str, name: str) -> None:
        """`current` or `filling` names it from now on, whatever breaks."""
        part = self.path / f"{pointer}.part"
        with translated():
            with part.open("w") as out:
                out.write(name)
                out.flush()
                os.fsync(out.fileno())
            part.replace(self.path / pointer)

    def stop_filling(self) -> None:
        """No rebuild is going on any more. Safe to repeat."""
        with translated():
            (self.path / "filling").unlink(missing_ok=True)
            self.late.unlink(missing_ok=True)

    def sweep(self) -> None:
        """Only what is in use is left: `current` and `filling`. Searches that still read an older one end in peace."""
        used = {self.current(), self.filling()}
        for old in self.path.glob("v*-*"):
            if old.name not in used:
                _remove(old)

    @property
    def late(self) -> Path:
        return self.path / "late.jsonl"

    def _name(self, pointer: str) -> str | None:
        try:
            name = (self.path / pointer).read_text()
        except FileNotFoundError:
            return None
        except OSError as exc:
            raise ServiceUnavailable("the index's folder cannot be read") from exc
        return name if name.startswith(f"v{SCHEMA}-") else None


@contextmanager
def translated(otherwise: str = "the index's folder cannot be read or written") -> Iterator[None]:
    """What tantivy and the disk say becomes ServiceUnavailable; so do panics inside tantivy, which are no Exception."""
    try:
        yield
    except (OSError, ValueError) as exc:
        raise ServiceUnavailable(otherwise) from exc
    except BaseException as exc:
        if type(exc).__name__ != "PanicException":
            raise
        raise ServiceUnavailable(otherwise) from exc


def _remove(folder: Path) -> None:
    """The folder is gone, at the latest with the next sweep: a writer that was dropped may add a file or two yet."""
    for _ in range(20):
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return
        time.sleep(0.05)
