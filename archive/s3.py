"""The object store in an S3 bucket: object lock in COMPLIANCE mode, every write conditional, nothing but the S3 API."""

from __future__ import annotations

import hashlib
import threading
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, date, datetime, time, timedelta
from functools import reduce
from pathlib import Path
from time import sleep
from typing import BinaryIO

from archive.locks import Lock
from archive.s3_bucket import Bucket, ConditionUnmet, NotOffered, Stored
from archive.store import Content, require_key
from registry.errors import FixityMismatch, KeyNotFound, KeyTaken, Retained, ServiceUnavailable, SohoaError
from registry.values import VIETNAM, utc_now, vietnam_date

FOR_EVER = timedelta(days=36159)
"""99 years: S3 wants a date, AWS takes none beyond 100 years; whatever extends the retention moves it on."""
SLACK = timedelta(days=365)
"""For ever is moved on when more than a year of it has gone, not with every call."""
ABANDONED_S = 300.0
NOTES = "extensions/sohoa-writers"
"""Notes of who is writing, on servers that know no conditional write; below OCFL's folder for what is not OCFL's."""
NEW = {"If-None-Match": "*"}
LOOK_AGAIN_S = (0.02, 0.1, 0.3)


class S3Store:
    """ObjectStore in a bucket with object lock.

    A tree is stored file by file. Of two writers the one that comes first to a file on which they differ goes on, the
    other is told; a tree whose last file is missing and whose other files are older than `abandoned_s` was left by a
    writer that died: newer versions may cover them.

    Bytes are checked on their way in (the server compares SHA-256, for parts MD5); what lies there afterwards is
    read and compared by archive.aip.read_back, once, not here again.
    """

    def __init__(
        self,
        endpoint: str,
        bucket: str,
        *,
        access_key: str,
        secret_key: str,
        secure: bool = True,
        region: str = "us-east-1",
        ca_file: Path | None = None,
        part_size: int = 16 << 20,
        abandoned_s: float = ABANDONED_S,
    ) -> None:
        self._bucket = Bucket(
            endpoint, bucket, access_key=access_key, secret_key=secret_key, secure=secure, region=region,
            ca_file=ca_file, part_size=part_size,
        )  # fmt: skip
        self._abandoned_s = abandoned_s
        self._probing = threading.Lock()
        self._conditional: bool | None = None

    def check(self) -> None:
        self._bucket.require_lock()
        self._knows_conditions()

    def prepare(self) -> bool:
        """The bucket is there and passes check(); True when it was made now. Safe to repeat. Raises what check() does:
        a bucket that was made without object lock is no home for records, and is left as it is."""
        made = self._bucket.make()
        self.check()
        return made

    def put_tree(
        self, prefix: str, files: Mapping[str, Content], sha256: Mapping[str, str], *, retain_until: date | None = None
    ) -> None:
        root = require_key(prefix)
        keys = {name: f"{root}/{require_key(name)}" for name in files}
        for name, content in files.items():
            if _digest(content) != sha256[name]:
                raise FixityMismatch(f"{name.rpartition('/')[2]}: the bytes given are not those announced")
        last = list(keys.values())[-1]
        with self._alone(root, sha256):
            for name, content in files.items():
                self._put_once(keys[name], content, sha256[name], retain_until, last)

    def replace(self, key: str, body: bytes, *, retain_until: date | None = None) -> None:
        self._cover(require_key(key), body, hashlib.sha256(body).hexdigest(), _end_of(retain_until))

    def hold(self, prefix: str, on: bool) -> None:
        found = [v for v in self._bucket.versions(f"{require_key(prefix)}/") if not v.marker]
        if not found:
            raise KeyNotFound(prefix)
        for listed in found:
            self._bucket.hold(listed.key, listed.version, on)

    def lock(self, prefix: str) -> Lock:
        found = [v for v in self._bucket.versions(f"{require_key(prefix)}/") if not v.marker]
        heads = [stored for v in found if (stored := self._bucket.head(v.key, v.version)) is not None]
        if not heads:
            raise KeyNotFound(prefix)
        locks = (Lock(until=vietnam_date(s.until) if s.until else date.min, held=s.held) for s in heads)
        return reduce(Lock.with_, locks)

    def delete_tree(self, prefix: str) -> None:
        found = list(self._bucket.versions(f"{require_key(prefix)}/"))
        if not found:
            raise KeyNotFound(prefix)
        for listed in found:
            stored = None if listed.marker else self._bucket.head(listed.key, listed.version)
            if stored and (stored.held or stored.retained):
                why = "a legal hold is on it" if stored.held else f"retained until {stored.until:%Y-%m-%d}"
                raise Retained(f"{listed.key}: {why}")
        for listed in reversed(found):
            self._bucket.delete(listed.key, listed.version)

    def open(self, key: str) -> BinaryIO:
        require_key(key)
        for pause in LOOK_AGAIN_S:
            with suppress(KeyNotFound):
                return self._bucket.get(key)
            sleep(pause)  # versitygw takes the old file away a moment before the new one stands in its place
        try:
            return self._bucket.get(key)
        except KeyNotFound as exc:
            raise KeyNotFound(key) from exc

    def exists(self, key: str) -> bool:
        return self._bucket.head(require_key(key)) is not None

    def list(self, prefix: str) -> Iterator[str]:
        for listed in self._bucket.objects(f"{prefix}/" if prefix else ""):
            if not listed.key.startswith(f"{NOTES}/"):
                yield listed.key

    def clear_staging(self) -> None:
        self._bucket.abort_uploads()

    def _put_once(self, key: str, content: Content, sha256: str, retain_until: date | None, last: str) -> None:
        """These bytes stand under the key, and no others ever will."""
        until = _end_of(retain_until)
        conditional = self._knows_conditions()
        if conditional or self._bucket.head(key) is None:
            try:
                self._bucket.put(key, content, sha256, until=until, condition=NEW if conditional else None)
                return
            except (ConditionUnmet, Retained):
                pass
        stored = self._bucket.head(key)
        if stored is None:
            raise ServiceUnavailable("the S3 service refuses to store a key that is not there")
        if self._held_digest(key) == sha256:
            self._lengthen(key, content, sha256, stored, until, SLACK if retain_until is None else timedelta())
            return
        if self.exists(last):
            raise KeyTaken("other bytes are stored under this key")
        if stored.age_s < self._abandoned_s:
            raise ServiceUnavailable("another writer is at this tree, or died there a moment ago")
        try:
            self._cover(key, content, sha256, until, {"If-Match": stored.etag} if conditional else None)
        except ConditionUnmet as exc:
            raise ServiceUnavailable("another writer took over this tree") from exc

    def _held_digest(self, key: str) -> str:
        digest = hashlib.sha256()
        with self.open(key) as stream:
            while chunk := stream.read(1 << 20):
                digest.update(chunk)
        return digest.hexdigest()

    def _cover(
        self,
        key: str,
        content: Content,
        sha256: str,
        until: datetime | None,
        condition: Mapping[str, str] | None = None,
    ) -> None:
        """A newer version with these bytes lies on what is there, which stays as it is below."""
        try:
            self._bucket.put(key, content, sha256, until=until, condition=condition)
        except Retained:
            # S3 lets a newer version lie on a locked one; versitygw does so for uploads in parts only
            self._bucket.put(key, content, sha256, until=until, condition=condition, in_parts=True)

    def _lengthen(
        self, key: str, content: Content, sha256: str, stored: Stored, until: datetime | None, slack: timedelta
    ) -> None:
        """The newest version is under lock at least so long."""
        if until is None or (stored.until is not None and stored.until >= until - slack):
            return
        try:
            self._bucket.retain(key, until)
        except Retained:  # versitygw does not let the day of a locked version change: one more version, locked longer
            self._cover(key, content, sha256, until)

    def _knows_conditions(self) -> bool:
        """Whether the server heeds If-None-Match. Asked once, with a note that is gone afterwards."""
        with self._probing:
            if self._conditional is None:
                key, empty = f"{NOTES}/{uuid.uuid4().hex}", hashlib.sha256().hexdigest()
                try:
                    self._bucket.put(key, b"", empty, until=None)
                    self._bucket.put(key, b"", empty, until=None, condition=NEW)
                    self._conditional = False
                except ConditionUnmet:
                    self._conditional = True
                except NotOffered:
                    self._conditional = False
                finally:
                    with suppress(SohoaError):
                        self._bucket.remove_note(key)
            return self._conditional

    @contextmanager
    def _alone(self, root: str, sha256: Mapping[str, str]) -> Iterator[None]:
        """Nobody else writes other bytes to this tree meanwhile. Raises ServiceUnavailable when somebody does.

        Where the server decides between two writers there is nothing to do. Elsewhere each leaves a note before it
        looks for others' notes: of two, at least one sees the other and gives way. Notes of the same bytes do not count
        (a repetition after a crash), nor do old ones.
        """
        if self._knows_conditions():
            yield
            return
        same = hashlib.sha256(repr(sorted(sha256.items())).encode()).hexdigest()[:16]
        folder = f"{NOTES}/{hashlib.sha256(root.encode()).hexdigest()[:32]}/"
        mine = f"{folder}{same}-{uuid.uuid4().hex}"
        self._bucket.put(mine, b"", hashlib.sha256().hexdigest(), until=None)
        try:
            notes = list(self._bucket.objects(folder))
            now = next((n.modified for n in notes if n.key == mine), None) or utc_now()
            for note in notes:
                if note.key.startswith(f"{folder}{same}-"):
                    continue
                if note.modified and (now - note.modified).total_seconds() > self._abandoned_s:
                    self._bucket.remove_note(note.key)
                else:
                    raise ServiceUnavailable("another writer is at this tree")
            yield
        finally:
            with suppress(SohoaError):
                self._bucket.remove_note(mine)


def _end_of(retain_until: date | None) -> datetime | None:
    """The instant after which the lock opens: the day's end in Vietnam, 99 years for None; None for a day gone by."""
    furthest = utc_now() + FOR_EVER
    if retain_until is None:
        return furthest
    end = datetime.combine(retain_until, time.max, VIETNAM).replace(microsecond=0).astimezone(UTC)
    return min(end, furthest) if end > utc_now() else None


def _digest(content: Content) -> str:
    if isinstance(content, bytes):
        return hashlib.sha256(content).hexdigest()
    with content.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
