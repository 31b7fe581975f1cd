"""Files that are either whole under their name or not there at all, also after a power cut."""

from __future__ import annotations

import hashlib
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

CHUNK = 1 << 20


@contextmanager
def landing(target: Path) -> Iterator[Path]:
    """A path beside `target` to write to; afterwards `target` is that file, flushed to disk; removed on an error."""
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.parent / f".{uuid.uuid4().hex}.part"
    try:
        yield part
        sync_file(part)
        part.replace(target)
        sync_folder(target.parent)
    finally:
        part.unlink(missing_ok=True)


def copy_durably(source: Path, target: Path) -> str:
    """`target` holds the source's bytes, on disk; returns their SHA-256. A link is not followed (OSError)."""
    digest = hashlib.sha256()
    descriptor = os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as reader, landing(target) as part, part.open("wb") as writer:
        while chunk := reader.read(CHUNK):
            digest.update(chunk)
            writer.write(chunk)
    return digest.hexdigest()


def move_durably(source: Path, folder: Path, name: str) -> Path:
    """The file lies in `folder`, under `name` or, where that is taken, under a name with a number; never over another.

    Between file systems it is copied and flushed before the source goes.
    """
    folder.mkdir(parents=True, exist_ok=True)
    target = _claim_name(folder, name)
    try:
        source.replace(target)
    except OSError as exc:
        if exc.errno != 18:  # EXDEV: another file system
            target.unlink(missing_ok=True)
            raise
        copy_durably(source, target)
        shutil.copystat(source, target)
        source.unlink()
    sync_folder(folder)
    sync_folder(source.parent)
    return target


def sync_file(path: Path) -> None:
    """The file's bytes are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_folder(path: Path) -> None:
    """The folder's entries are on the disk; a network share that cannot do that is left as it is."""
    try:
        sync_file(path)
    except OSError as exc:
        if exc.errno != 22:  # EINVAL: this file system does not sync folders
            raise


def _claim_name(folder: Path, name: str) -> Path:
    """An empty file that only we made: the move then replaces it."""
    stem, suffix = Path(name).stem, Path(name).suffix
    number = 1
    while True:
        target = folder / (name if number == 1 else f"{stem}-{number}{suffix}")
        try:
            os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        except FileExistsError:
            number += 1
        else:
            return target
