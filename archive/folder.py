"""The object store in a folder: new trees are staged, flushed and renamed into place; files are read-only after."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO

from archive.store import Content, require_key
from registry.errors import FixityMismatch, KeyNotFound, KeyTaken

CHUNK = 1 << 20
READ_ONLY = 0o444


class FolderStore:
    """ObjectStore below `root`. `staging` is on the same file system and outside of it; leftovers of a crash there
    are cleared when the store is opened by `clear_staging()`."""

    def __init__(self, root: Path, *, staging: Path) -> None:
        self._root, self._staging = root, staging
        for folder in (root, staging):
            folder.mkdir(parents=True, exist_ok=True)

    def put_tree(self, prefix: str, files: Mapping[str, Content], sha256: Mapping[str, str]) -> None:
        target = self._path(prefix)
        staged = self._staging / uuid.uuid4().hex
        try:
            for name, content in files.items():
                _store(content, staged / require_key(name), sha256[name])
            _sync_tree(staged)
            if target.exists() or not self._appear(staged, target):
                self._fill_in(target, staged, files, sha256)
        finally:
            shutil.rmtree(staged, ignore_errors=True)

    def replace(self, key: str, body: bytes) -> None:
        target = self._path(key)
        part = self._staging / uuid.uuid4().hex
        try:
            _store(body, part, hashlib.sha256(body).hexdigest())
            self._make_folder(target.parent)
            part.replace(target)
            _sync(target.parent)
        finally:
            part.unlink(missing_ok=True)

    def open(self, key: str) -> BinaryIO:
        try:
            descriptor = os.open(self._path(key), os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except (FileNotFoundError, NotADirectoryError) as exc:
            raise KeyNotFound(key) from exc
        return os.fdopen(descriptor, "rb")

    def exists(self, key: str) -> bool:
        return self._path(key).is_file()

    def list(self, prefix: str) -> Iterator[str]:
        yield from _keys(self._path(prefix) if prefix else self._root, f"{prefix}/" if prefix else "")

    def clear_staging(self) -> None:
        """What a crash left half-made is gone. Only while no other process writes to the store."""
        for leftover in self._staging.iterdir():
            if leftover.is_dir():
                shutil.rmtree(leftover)
            else:
                leftover.unlink()

    def _appear(self, staged: Path, target: Path) -> bool:
        """The whole tree stands at once; False when another writer was first."""
        self._make_folder(target.parent)
        try:
            staged.rename(target)
        except OSError as exc:
            if exc.errno in (errno.ENOTEMPTY, errno.EEXIST):
                return False
            raise
        _sync(target.parent)
        return True

    def _fill_in(self, target: Path, staged: Path, files: Mapping[str, Content], sha256: Mapping[str, str]) -> None:
        """Into a folder that is there already: a file of the same name must hold the same bytes."""
        for name in files:
            place = target / name
            if place.exists():
                if _digest(place) != sha256[name]:
                    raise KeyTaken(f"{place.relative_to(self._root)} holds other bytes")
                continue
            self._make_folder(place.parent)
            os.link(staged / name, place)
            _sync(place.parent)

    def _make_folder(self, folder: Path) -> None:
        missing = [p for p in (folder, *folder.parents) if not p.exists() and self._root in p.parents]
        folder.mkdir(parents=True, exist_ok=True)
        for made in missing:
            _sync(made.parent)

    def _path(self, key: str) -> Path:
        return self._root / require_key(key)


def _keys(folder: Path, prefix: str) -> Iterator[str]:
    """Every file below, in the order of whole keys: as an S3 listing gives them."""
    try:
        with os.scandir(folder) as found:
            entries = sorted((e.name + ("/" if e.is_dir(follow_symlinks=False) else ""), e) for e in found)
    except (FileNotFoundError, NotADirectoryError):
        return
    for name, entry in entries:
        if name.endswith("/"):
            yield from _keys(Path(entry.path), prefix + name)
        else:
            yield prefix + name


def _store(content: Content, target: Path, expected: str) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    with target.open("xb") as writer:
        if isinstance(content, bytes):
            digest.update(content)
            writer.write(content)
        else:
            with content.open("rb") as reader:
                while chunk := reader.read(CHUNK):
                    digest.update(chunk)
                    writer.write(chunk)
        writer.flush()
        os.fsync(writer.fileno())
    if digest.hexdigest() != expected:
        raise FixityMismatch(f"{target.name}: the bytes given are not those announced")
    target.chmod(READ_ONLY)


def _sync_tree(folder: Path) -> None:
    for path, _, _ in os.walk(folder, topdown=False):
        _sync(Path(path))


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
