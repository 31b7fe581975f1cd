"""File systems of the tests' own, so that they can fill up and vanish. Mounting needs root."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SIZE = 4 << 30
PAGE = os.sysconf("SC_PAGE_SIZE")


class Disk:
    """A file system in memory at `folder`. It takes memory only for what lies on it."""

    def __init__(self, folder: Path, mode: str = "700") -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        _mount("-t", "tmpfs", "-o", f"size={SIZE},mode={mode}", "sohoa-test", str(folder))

    @contextmanager
    def full(self) -> Iterator[None]:
        """Inside the block not one more page fits: the file system is as large as what lies on it."""
        ballast = self.folder / ".ballast"  # a file system of no size at all cannot be made
        ballast.write_bytes(bytes(PAGE))
        try:
            self._shrink()
            yield
        finally:
            self._resize(SIZE)
            ballast.unlink()

    def _shrink(self) -> None:
        while True:
            state = os.statvfs(self.folder)
            try:
                self._resize((state.f_blocks - state.f_bfree) * state.f_frsize)
            except AssertionError:  # something was written between asking and shrinking
                continue
            return

    def _resize(self, size: int) -> None:
        _mount("-o", f"remount,size={size}", str(self.folder))

    def remove(self) -> None:
        _unmount(self.folder)


class Share:
    """`folder` shows what lies in `behind`, as a mounted network share does; it can go away and come back."""

    def __init__(self, folder: Path, behind: Path) -> None:
        self.folder, self.behind = folder, behind
        folder.mkdir(parents=True, exist_ok=True)
        behind.mkdir(parents=True, exist_ok=True)
        self._attach()

    @contextmanager
    def away(self) -> Iterator[None]:
        """Inside the block the folder is there, but empty."""
        _unmount(self.folder)
        try:
            yield
        finally:
            self._attach()

    def _attach(self) -> None:
        _mount("--bind", str(self.behind), str(self.folder))

    def remove(self) -> None:
        _unmount(self.folder)


def _mount(*arguments: str) -> None:
    done = subprocess.run(["mount", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"these tests fill and remove file systems: run them as root ({done.stderr.strip()})"


def _unmount(folder: Path) -> None:
    subprocess.run(["umount", "--lazy", str(folder)], check=True)
