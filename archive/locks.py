"""Retention and legal holds of a store that cannot keep them itself: a journal beside the store, only added to.

One file per first part of the keys, one JSON line per entry. The latest day named for a key counts, and of the holds
the last one: nothing that is added can shorten a retention. A line torn by a crash is passed over; whoever wrote it
had not been told that it stands.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Lock:
    """What protects a key. until: the last day on which nothing may remove it; None is for ever, date.min is no day."""

    until: date | None
    held: bool

    def forbids_removal(self, today: date) -> bool:
        return self.held or self.until is None or today <= self.until

    def with_(self, other: Lock) -> Lock:
        """What protects both: as long as either is protected."""
        days = (self.until, other.until)
        return Lock(until=max((d for d in days if d), default=None) if None not in days else None,
                    held=self.held or other.held)  # fmt: skip


class Locks:
    """Journals of locks in `folder`. Safe from several threads and processes: each journal is locked while in use."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    @contextmanager
    def journal(self, key: str) -> Iterator[Journal]:
        """The journal for this key and everything that shares its first part; nobody else writes there meanwhile."""
        path = self._folder / f"{key.split('/', maxsplit=1)[0]}.log"
        new = not path.exists()
        descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            if new:
                _sync(self._folder)
            yield Journal(descriptor)
        finally:
            os.close(descriptor)


class Journal:
    """Entries of one file, while it is locked."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def retain(self, prefix: str, until: date | None) -> None:
        """On disk: nothing below prefix may go before that day has passed; None is for ever."""
        self._add({"prefix": prefix, "until": until.isoformat() if until else None})

    def hold(self, prefix: str, on: bool) -> None:
        """On disk: a legal hold lies on everything below prefix, or is lifted."""
        self._add({"prefix": prefix, "hold": on})

    def locks(self, keys: list[str]) -> Iterator[Lock]:
        """The lock of each key. A key of which no entry tells is kept for ever."""
        entries = list(self._entries())
        for key in keys:
            mine = [e for e in entries if key == e["prefix"] or key.startswith(f"{e['prefix']}/")]
            days = [date.fromisoformat(e["until"]) if e["until"] else None for e in mine if "until" in e]
            holds = [bool(e["hold"]) for e in mine if "hold" in e]
            until = max((d for d in days if d), default=None) if None not in days else None
            yield Lock(until=until, held=bool(holds and holds[-1]))

    def _add(self, entry: dict[str, str | bool | None]) -> None:
        # the leading line end closes a line that a crash has torn; one write, so that none is torn by another writer
        line = f"\n{json.dumps(entry, ensure_ascii=False)}\n".encode()
        if os.write(self._descriptor, line) != len(line):
            raise OSError("the journal of locks was written in part")
        os.fsync(self._descriptor)

    def _entries(self) -> Iterator[dict[str, str]]:
        size = os.fstat(self._descriptor).st_size
        for line in os.pread(self._descriptor, size, 0).split(b"\n"):
            try:
                entry = json.loads(line)
            except ValueError:
                continue
            if isinstance(entry, dict) and "prefix" in entry:
                yield entry


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
