"""Seals of the audit log in the archive: an OCFL object each, `urn:sohoa:audit:<number>`, counted from 1.

A seal holds the log's rows since the seal before it, and a signed and time-stamped head over them: whoever rewrites the
log in the database cannot rewrite these (docs/decisions/0020-sealed-audit-log.md).
"""

from __future__ import annotations

import gzip
import hashlib
import zlib
from collections.abc import Iterator, Mapping
from datetime import datetime

from pydantic import ValidationError

from archive.ocfl import AUDIT, SIDECAR, root_of
from archive.one_version import checked_file_of, open_file_of, store_object
from archive.store import Content, ObjectStore
from registry.errors import FixityMismatch
from registry.values import Sha256, Value

HEAD, SIGNATURE, ROWS = "head.json", "head.json.p7s", "rows.jsonl.gz"
AHEAD = 30
"""A seal that is gone is noticed when one of so many after it is there."""


class SealHead(Value):
    """`head.json`. previous, head: the hash before the first row and that of the last. rows_sha256: of the lines, each
    with its line end. tree: head of the hash tree over the rows' hashes (RFC 6962). before: SHA-256 of the head.json of
    the seal before; null for the first. signers: SHA-256 of the certificates whose seals are this installation's, in so
    far as the signer of this one is; `timestamp` stands for a seal that nobody signed."""

    schema_version: int = 1
    number: int
    first_seq: int
    last_seq: int
    previous: Sha256
    head: Sha256
    rows_sha256: Sha256
    tree: Sha256
    before: Sha256 | None
    made_at: datetime
    installation: str
    program: str
    signers: tuple[str, ...] = ()
    retain_until: None = None
    """For ever: a log is needed as long as the longest kept of the records that it tells of."""


def seal_id(number: int) -> str:
    """The OCFL object's id."""
    return f"{AUDIT}{number:06}"


def store_seal(store: ObjectStore, told: SealHead, files: Mapping[str, Content]) -> None:
    """The seal stands in the store, every byte read back, locked for ever. Safe to repeat with the same files.

    Raises KeyTaken (another seal has this number), FixityMismatch, ServiceUnavailable.
    """
    store_object(
        store,
        seal_id(told.number),
        dict(files),
        user="sohoa",
        created=told.made_at.isoformat(timespec="seconds"),
        message="seal of the audit log",
        retain_until=None,
    )


def is_sealed(store: ObjectStore, number: int) -> bool:
    """Whether the seal stands there whole."""
    return store.exists(f"{root_of(seal_id(number))}/{SIDECAR}")


def iter_seals(store: ObjectStore) -> Iterator[int]:
    """The numbers of the seals, in order; asked for one by one, since listing a large store takes long. Those that are
    missing between others are left out."""
    number, silent = 1, 0
    while silent < AHEAD:
        if is_sealed(store, number):
            yield number
            silent = 0
        else:
            silent += 1
        number += 1


def read_head(store: ObjectStore, number: int) -> tuple[SealHead, bytes, bytes]:
    """What the head says, its bytes, and the signature over them. Raises KeyNotFound, FixityMismatch."""
    body = checked_file_of(store, seal_id(number), HEAD)
    try:
        told = SealHead.model_validate_json(body)
    except ValidationError as exc:
        raise FixityMismatch(f"{seal_id(number)}: {HEAD} does not follow its schema") from exc
    return told, body, checked_file_of(store, seal_id(number), SIGNATURE)


def read_rows(store: ObjectStore, told: SealHead) -> Iterator[bytes]:
    """The lines of the sealed rows, as they are asked for. Raises KeyNotFound at once and FixityMismatch, behind the
    last line at the latest, for what is not what the head says."""
    digest, number = hashlib.sha256(), 0
    try:
        with open_file_of(store, seal_id(told.number), ROWS) as packed, gzip.open(packed) as lines:
            for line in lines:
                digest.update(line)
                number += 1
                yield line.rstrip(b"\n")
    except (OSError, EOFError, zlib.error) as exc:
        raise FixityMismatch(f"{seal_id(told.number)}: {ROWS} cannot be read") from exc
    if digest.hexdigest() != told.rows_sha256 or number != told.last_seq - told.first_seq + 1:
        raise FixityMismatch(f"{seal_id(told.number)}: {ROWS} is not what {HEAD} says")
