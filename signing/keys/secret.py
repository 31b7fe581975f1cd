"""PINs and passphrases: where one comes from, and that a wrong one is used once only.

A token locks for good after a few wrong PINs, and a service started again by its supervisor would use them up within
a minute. So what a home refused is remembered beside the work: the very file it came from (never its content), until
somebody changes that file.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from registry.errors import PinExposed, PinNeeded, WrongPin

OTHERS = 0o077


def is_exposed(file: Path) -> bool:
    """Whether its group or others may do anything with the file. Raises OSError."""
    return bool(file.stat().st_mode & OTHERS)


def read_private(file: Path) -> str:
    """What stands in the file of a PIN or passphrase. Raises PinExposed where others may read it, OSError,
    UnicodeDecodeError."""
    if is_exposed(file):
        raise PinExposed(f"{file.name} can be read by others: chmod 600 {file}")
    return file.read_text(encoding="utf-8")


class Secret:
    """The PIN of one key. A file is read at each use; what was typed is given away once, and not kept.

    A file that its group or others may read is refused. credential: the service manager put the file there (systemd),
    for this service alone; its mode then shows an ACL's mask, not who may read it.

    name: of the key, for messages. keep: for homes that want the PIN with every signature; it stays in memory then,
    and nowhere else. marks: folder that remembers refusals. Safe to use from several threads.
    """

    def __init__(
        self,
        name: str,
        *,
        file: Path | None = None,
        credential: bool = False,
        marks: Path | None = None,
        keep: bool = False,
    ) -> None:
        self.name, self._file, self._keep = name, file, keep
        self._read = partial(Path.read_text, encoding="utf-8") if credential else read_private
        self._mark = marks / f"{name}.wrong-pin" if marks is not None else None
        self._typed: str | None = None
        self._refused = ""
        self._lock = threading.RLock()

    def __repr__(self) -> str:
        return f"Secret({self.name})"

    @property
    def to_be_typed(self) -> bool:
        """Whether only a person can give it."""
        return self._file is None

    def typed(self, pin: str) -> None:
        """A person typed it just now: that is a new try."""
        with self._lock:
            self._typed, self._refused = pin, ""

    @contextmanager
    def used(self) -> Iterator[str]:
        """The PIN, for one try; a WrongPin raised by the body is remembered. Raises WrongPin without a try where this
        very PIN was refused before, PinNeeded where there is none."""
        with self._lock:
            pin, source = self._take()
            if source and source == (self._refused or self._marked()):
                raise WrongPin(f"the PIN of {self.name} was refused before; change it, it is not tried again")
            try:
                yield pin
            except WrongPin:
                self._refused, self._typed = source, None
                self._remember(source)
                raise
            if self._mark is not None:
                self._mark.unlink(missing_ok=True)

    def _take(self) -> tuple[str, str]:
        """The PIN and what tells it from others without telling what it is."""
        if self._typed is not None:
            pin, self._typed = self._typed, self._typed if self._keep else None
            return pin, "typed"
        if self._refused == "typed":
            raise WrongPin(f"the PIN of {self.name} was refused; start again and type the right one")
        if self._file is None:
            raise PinNeeded(f"the PIN of {self.name} must be typed when the program starts")
        try:
            told = self._file.stat()
            return self._read(self._file).rstrip("\r\n"), f"{told.st_ino}:{told.st_mtime_ns}"
        except (OSError, UnicodeDecodeError) as exc:
            raise PinNeeded(f"the PIN of {self.name} cannot be read from its file") from exc

    def _marked(self) -> str:
        try:
            return self._mark.read_text() if self._mark is not None else ""
        except OSError:
            return ""

    def _remember(self, source: str) -> None:
        if self._mark is not None and source != "typed":
            self._mark.parent.mkdir(parents=True, exist_ok=True)
            self._mark.write_text(source)
