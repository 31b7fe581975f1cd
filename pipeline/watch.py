"""The inbox: a listing is the truth, file events only wake the listing early, patience is endless."""

from __future__ import annotations

import os
import stat
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog
from watchdog.events import FileSystemEvent, FileSystemEventHandler
from watchdog.observers import Observer

from registry.errors import SohoaError

log = structlog.get_logger("sohoa.watch")

PARTIAL = (".part", ".partial", ".tmp", ".temp", ".crdownload", ".filepart", ".swp")
LITTER = frozenset({"thumbs.db", "desktop.ini", "ehthumbs.db"})
DEEPEST = 8
"""Folders below a unit's inbox: dossier, component, and some slack."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """A file that stood still long enough and is whole. relative: its path below the unit's folder."""

    path: Path
    unit_folder: str
    relative: Path
    size_bytes: int
    mtime_ns: int
    priority: int = 0


@dataclass(frozen=True, slots=True)
class Waiting:
    """A file that is not taken yet; why: `growing` | `incomplete` | `queued` | the code of what hinders it; since in
    seconds of the listing's clock."""

    path: Path
    unit_folder: str
    why: str
    since: float


@dataclass(frozen=True, slots=True)
class Listing:
    ready: tuple[Arrival, ...]
    waiting: tuple[Waiting, ...]


@dataclass(slots=True)
class _Watched:
    """What is remembered of a file between listings; losing it costs only time."""

    size: int
    mtime_ns: int
    inode: int
    first_seen: float
    still_since: float
    complete: bool = False
    settled: bool = False


class Inbox:
    """The watched tree inbox/<unit>/…; safe for one thread."""

    def __init__(
        self,
        root: Path,
        *,
        quiet_s: float,
        give_up_s: float,
        complete: Callable[[Path], bool],
        priority: Callable[[Path], int] = lambda _relative: 0,
        budget_s: float = 1.0,
    ) -> None:
        """complete: whether a file's structure reaches its end. give_up_s: a file that stands still for so long and
        is incomplete is handed over all the same, so that it is refused as truncated with a reason. priority: of a
        path below the unit's folder, 0 for the desk. budget_s: one listing looks into files for about so long, the
        most urgent first; the rest waits as `queued` for the next one."""
        self._root, self._quiet, self._give_up, self._is_complete = root, quiet_s, give_up_s, complete
        self._priority, self._budget = priority, budget_s
        self._known: dict[Path, _Watched] = {}

    def listing(self, now: float) -> Listing:
        """Every file in the inbox that is ready or waits, by a clock that only goes forward (seconds). Ready ones
        stand in the order they are to be taken: by priority, then by age."""
        ready: list[Arrival] = []
        waiting: list[Waiting] = []
        seen: dict[Path, tuple[Arrival, _Watched]] = {}
        for unit_folder, path, found in self._walk():
            watched = self._remember(path, found, now)
            relative = path.relative_to(self._root / unit_folder) if unit_folder else Path(path.name)
            arrival = Arrival(path, unit_folder, relative, found.st_size, found.st_mtime_ns, self._priority(relative))
            seen[path] = arrival, watched
        until = time.monotonic() + self._budget
        for arrival, watched in sorted(seen.values(), key=lambda known: _urgency(known[0])):
            if watched.settled:
                continue
            why = self._why_not(arrival.path, watched, now, hurry=time.monotonic() > until)
            if why is None:
                ready.append(arrival)
            else:
                waiting.append(Waiting(arrival.path, arrival.unit_folder, why, watched.first_seen))
        self._known = {path: watched for path, watched in self._known.items() if path in seen}
        return Listing(tuple(ready), tuple(waiting))

    def settled(self, arrival: Arrival) -> None:
        """The file was taken: it is not offered again until it changes or the program starts anew."""
        if watched := self._known.get(arrival.path):
            watched.settled = True

    def _remember(self, path: Path, found: os.stat_result, now: float) -> _Watched:
        watched = self._known.get(path)
        fingerprint = (found.st_size, found.st_mtime_ns, found.st_ino)
        if watched is None or (watched.size, watched.mtime_ns, watched.inode) != fingerprint:
            first = watched.first_seen if watched and not watched.settled else now
            watched = self._known[path] = _Watched(*fingerprint, first_seen=first, still_since=now)
        return watched

    def _why_not(self, path: Path, watched: _Watched, now: float, *, hurry: bool) -> str | None:
        still_s = now - watched.still_since
        if still_s < self._quiet:
            return "growing"
        if watched.complete or (watched.size == 0 and still_s >= self._give_up):
            return None
        if hurry:
            return "queued"
        if watched.size:
            try:
                watched.complete = self._is_complete(path)
            except SohoaError:
                watched.complete = True  # identify() will say what is wrong with it
            if watched.complete or still_s >= self._give_up:
                return None
        return "incomplete"

    def _walk(self) -> Iterator[tuple[str, Path, os.stat_result]]:
        for entry in _entries(self._root):
            if entry.is_dir(follow_symlinks=False):
                for path, found in _files(Path(entry.path), DEEPEST):
                    yield entry.name, path, found
            elif (found_file := _regular(entry)) is not None:
                yield "", Path(entry.path), found_file


def _urgency(arrival: Arrival) -> tuple[int, int, str]:
    return arrival.priority, arrival.mtime_ns, str(arrival.path)


class Wakeup:
    """Ends a pause early when something moves in the inbox. Without events (inotify exhausted, shares) pauses just
    last their full time: nothing is missed."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._observer: Any = None

    def watch(self, root: Path, polling: tuple[str, ...] = ()) -> None:
        """Events of the tree wake this from now on, but for the unit folders in `polling`."""
        observer = Observer()
        try:
            for entry in _entries(root):
                if entry.is_dir(follow_symlinks=False) and entry.name not in polling:
                    observer.schedule(_Handler(self._event), entry.path, recursive=True)
            observer.start()
        except OSError as exc:
            log.warning("no_file_events", errno=exc.errno)
            return
        self._observer = observer

    def wait(self, longest_s: float) -> None:
        """Returns after `longest_s` seconds, or a little after the first event."""
        self._event.wait(longest_s)
        self._event.clear()

    def set(self) -> None:
        self._event.set()

    def close(self) -> None:
        if self._observer is not None:
            self._observer.stop()
            self._observer.join(5)
            self._observer = None


class _Handler(FileSystemEventHandler):
    def __init__(self, event: threading.Event) -> None:
        self._event = event

    def on_any_event(self, event: FileSystemEvent) -> None:
        if event.event_type in ("created", "moved", "closed"):
            self._event.set()


def is_left_alone(name: str) -> bool:
    """Hidden files, unfinished transfers, editors' locks and what file managers strew about."""
    lower = name.lower()
    hidden = lower.startswith("~$") or (lower.startswith(".") and not lower.startswith(".."))
    return hidden or lower.endswith(PARTIAL) or lower in LITTER


def _files(folder: Path, depth: int) -> Iterator[tuple[Path, os.stat_result]]:
    for entry in _entries(folder):
        if is_left_alone(entry.name):
            continue
        if entry.is_dir(follow_symlinks=False):
            if depth:
                yield from _files(Path(entry.path), depth - 1)
        elif (found := _regular(entry)) is not None:
            yield Path(entry.path), found


def _regular(entry: os.DirEntry[str]) -> os.stat_result | None:
    """The state of a regular file that is not left alone; links, pipes and devices are never followed."""
    if is_left_alone(entry.name):
        return None
    try:
        found = entry.stat(follow_symlinks=False)
    except OSError:
        return None
    return found if stat.S_ISREG(found.st_mode) else None


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    """The folder's entries; none where it has vanished or cannot be read: a lost share does not stop the others."""
    try:
        with os.scandir(folder) as listing:
            return list(listing)
    except OSError as exc:
        log.warning("folder_unreadable", errno=exc.errno)
        return []
