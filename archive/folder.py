"""The object store in a folder: new trees are staged, flushed and renamed into place; files are read-only after."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import uuid
from collections.abc import Iterator, Mapping
from datetime import date
from functools import reduce
from pathlib import Path
from typing import BinaryIO

from archive.locks import Lock, Locks
from archive.store import Content, require_key
from registry.errors import FixityMismatch, KeyNotFound, KeyTaken, Retained, ServiceUnavailable, SettingsInvalid
from registry.values import utc_now, vietnam_date

CHUNK = 1 << 20
READ_ONLY = 0o444


class FolderStore:
    """ObjectStore below `root`. `staging` is on the same file system and outside of it; leftovers of a crash there
    are cleared when the store is opened by `clear_staging()`. Retention and holds are kept in `locks`, outside of the
    root too, which holds nothing but OCFL; empty: beside the root, `<root>.locks`."""

    def __init__(self, root: Path, *, staging: Path, locks: Path | None = None) -> None:
        self._root, self._staging = root, staging
        for folder in (root, staging):
            folder.mkdir(parents=True, exist_ok=True)
        self._locks = Locks(locks or root.with_name(f"{root.name}.locks"))

    def check(self) -> None:
        part = self._staging / uuid.uuid4().hex
        try:
            part.touch()
            part.unlink()
            apart = self._staging.stat().st_dev != self._root.stat().st_dev
            writable = os.access(self._root, os.R_OK | os.W_OK | os.X_OK)
        except OSError as exc:
            if exc.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
                raise SettingsInvalid(f"{self._staging} cannot be written to") from exc
            raise ServiceUnavailable(f"the archive's folder does not answer: {exc}") from exc
        if apart:
            raise SettingsInvalid(f"{self._staging} is not on the same file system as {self._root}")
        if not writable:
            raise SettingsInvalid(f"{self._root} cannot be written to")

    def put_tree(
        self, prefix: str, files: Mapping[str, Content], sha256: Mapping[str, str], *, retain_until: date | None = None
    ) -> None:
        target = self._path(prefix)
        staged = self._staging / uuid.uuid4().hex
        try:
            for name, content in files.items():
                _store(content, staged / require_key(name), sha256[name])
            _sync_tree(staged)
            with self._locks.journal(prefix) as journal:
                self._refuse_other_bytes(target, files, sha256)
                journal.retain(prefix, retain_until)  # first: a tree is never there without its lock
                if target.exists() or not self._appear(staged, target):
                    self._refuse_other_bytes(target, files, sha256)
                    self._fill_in(target, staged, files)
        finally:
            shutil.rmtree(staged, ignore_errors=True)

    def replace(self, key: str, body: bytes, *, retain_until: date | None = None) -> None:
        target = self._path(key)
        part = self._staging / uuid.uuid4().hex
        try:
            _store(body, part, hashlib.sha256(body).hexdigest())
            with self._locks.journal(key) as journal:
                journal.retain(key, retain_until)
            self._make_folder(target.parent)
            part.replace(target)
            _sync(target.parent)
        finally:
            part.unlink(missing_ok=True)

    def hold(self, prefix: str, on: bool) -> None:
        target = self._path(prefix)
        with self._locks.journal(prefix) as journal:
            if not target.exists():
                raise KeyNotFound(prefix)
            journal.hold(prefix, on)

    def lock(self, prefix: str) -> Lock:
        self._path(prefix)
        with self._locks.journal(prefix) as journal:
            keys = list(self.list(prefix))
            if not keys:
                raise KeyNotFound(prefix)
            return reduce(Lock.with_, journal.locks(keys))

    def delete_tree(self, prefix: str) -> None:
        target = self._path(prefix)
        removed = self._staging / uuid.uuid4().hex
        with self._locks.journal(prefix) as journal:
            keys = list(self.list(prefix))
            if not keys:
                raise KeyNotFound(prefix)
            today = vietnam_date(utc_now())
            for key, lock in zip(keys, journal.locks(keys), strict=True):
                if lock.forbids_removal(today):
                    why = "a legal hold is on it" if lock.held else f"retained until {lock.until or 'for ever'}"
                    raise Retained(f"{key}: {why}")
            target.rename(removed)  # gone at once, whatever happens while its files are removed
            _sync(target.parent)
            self._remove_empty(target.parent)
        shutil.rmtree(removed, ignore_errors=True)

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

    def _refuse_other_bytes(self, target: Path, files: Mapping[str, Content], sha256: Mapping[str, str]) -> None:
        for name in files:
            place = target / name
            if place.exists() and _digest(place) != sha256[name]:
                raise KeyTaken(f"{place.relative_to(self._root)} holds other bytes")

    def _fill_in(self, target: Path, staged: Path, files: Mapping[str, Content]) -> None:
        """The files that are missing in a folder that is there already."""
        for name in files:
            place = target / name
            if not place.exists():
                self._make_folder(place.parent)
                os.link(staged / name, place)
                _sync(place.parent)

    def _remove_empty(self, folder: Path) -> None:
        """OCFL's root holds no empty folders."""
        while self._root in folder.parents:
            try:
                folder.rmdir()
            except OSError:
                return
            folder = folder.parent
            _sync(folder)

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
