"""Where a package is written: a folder or a ZIP file that is either whole under its name or not there at all."""

from __future__ import annotations

import hashlib
import os
import shutil
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import IO, BinaryIO, Protocol

CHUNK = 1 << 20
COMPRESSED = (".json", ".xml", ".xsd", ".txt")
"""What gets smaller; scans and PDF files are stored as they are."""


@dataclass(frozen=True, slots=True)
class Written:
    """A file of a package, by its path in it."""

    name: str
    size_bytes: int
    sha256: str
    sha512: str


class Sink(Protocol):
    """A package being written. Files are written once, one after the other; nothing of them is kept in memory."""

    def put(self, name: str, content: BinaryIO | bytes) -> Written: ...


def package_path(output: Path, name: str, *, zipped: bool) -> Path:
    """Where the whole package lies in the end."""
    return output / (f"{name}.zip" if zipped else name)


@contextmanager
def landing(output: Path, name: str, *, zipped: bool) -> Iterator[Sink]:
    """A package to be written to; afterwards it lies whole at `package_path`, on disk. On an error nothing is left of
    it but, after a crash, a `.part` that the next call clears away."""
    output.mkdir(parents=True, exist_ok=True)
    final = package_path(output, name, zipped=zipped)
    part = final.with_name(f".{final.name}.part")
    _clear(part)
    try:
        if zipped:
            with zipfile.ZipFile(part, "x", allowZip64=True) as archive:
                yield _ZipSink(archive, name)
            _sync(part)
        else:
            part.mkdir()
            yield _FolderSink(part)
            for folder, _, _ in os.walk(part, topdown=False):
                _sync(Path(folder))
        part.replace(final)
        _sync(output)
    finally:
        _clear(part)


def holds_file(package: Path, name: str, file: str) -> bool:
    """Whether a package that lies there has this file at its top. Raises OSError, BadZipFile."""
    if package.is_dir():
        return (package / file).is_file()
    with zipfile.ZipFile(package) as archive:
        return f"{name}/{file}" in archive.namelist()


class _FolderSink:
    def __init__(self, root: Path) -> None:
        self._root = root

    def put(self, name: str, content: BinaryIO | bytes) -> Written:
        path = self._root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("xb") as writer:
            written = _copy(name, content, writer)
            writer.flush()
            os.fsync(writer.fileno())
        return written


class _ZipSink:
    """Everything lies below one folder with the package's name, as BagIt and CSIP ask."""

    def __init__(self, archive: zipfile.ZipFile, top: str) -> None:
        self._archive, self._top = archive, top

    def put(self, name: str, content: BinaryIO | bytes) -> Written:
        info = zipfile.ZipInfo(f"{self._top}/{name}", datetime.now(UTC).timetuple()[:6])
        info.external_attr = 0o644 << 16
        info.compress_type = zipfile.ZIP_DEFLATED if name.endswith(COMPRESSED) else zipfile.ZIP_STORED
        with self._archive.open(info, "w", force_zip64=True) as writer:
            return _copy(name, content, writer)


def _copy(name: str, content: BinaryIO | bytes, writer: IO[bytes]) -> Written:
    reader = BytesIO(content) if isinstance(content, bytes) else content
    short, long, size = hashlib.sha256(), hashlib.sha512(), 0
    while chunk := reader.read(CHUNK):
        short.update(chunk)
        long.update(chunk)
        size += len(chunk)
        writer.write(chunk)
    return Written(name, size, short.hexdigest(), long.hexdigest())


def _clear(part: Path) -> None:
    if part.is_dir():
        shutil.rmtree(part)
    else:
        part.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
