"""Archival information packages: one OCFL object per document (docs/archive-format.md)."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import BinaryIO, TypeVar

from pydantic import ConfigDict, TypeAdapter, ValidationError

from archive.ocfl import (
    INVENTORY,
    OBJECT_DECLARATION,
    SIDECAR,
    TUPLE_SIZE,
    Inventory,
    Version,
    each_once,
    ensure_root,
    object_id,
    object_in,
    object_root,
    parse_inventory,
    read_inventory,
    sidecar,
)
from archive.store import Content, ObjectStore, get
from registry.errors import FixityMismatch, KeyNotFound, KeyTaken
from registry.values import DocumentId, Event, PageText, RecordMetadata, Value, utc_now


class TextOfPage(Value):
    """What a page says. Its words and their places, nearly all of text.json, are left out."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    text: str


PAGES = TypeAdapter(tuple[PageText, ...])
TEXTS = TypeAdapter(tuple[TextOfPage, ...])
EVENTS = TypeAdapter(tuple[Event, ...])
LONGEST_NAME = 120
SEARCH_COPY = "search-copy.pdf"
"""Beside a document that came signed: a copy with a text layer, labelled as having no legal value."""
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class AipContent:
    """What version 1 of a record is made of. metadata and events may be given as the bytes to be stored: a repetition
    that gives the same bytes completes what an interrupted one began, also in a home that stores file by file."""

    document_id: DocumentId
    original: Path
    original_name: str
    pdf: Path
    pages: tuple[PageText, ...]
    metadata: RecordMetadata | bytes
    events: tuple[Event, ...] | bytes
    search_copy: Path | None = None
    verdict: tuple[str, bytes] | None = None
    """Where in the record a kept verdict lies, and what it says."""


class ArchivedRecord(Value):
    """A record as it stands in the store, read back. files: logical path → SHA-256."""

    document_id: DocumentId
    version: str
    files: dict[str, str]


@dataclass(frozen=True, slots=True)
class AipPapers:
    """A record's papers without its text. digests: logical path → SHA-256 as recorded."""

    metadata: RecordMetadata
    events: tuple[Event, ...]
    digests: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class AipRecord(AipPapers):
    """A record read from the archive alone."""

    pages: tuple[PageText, ...]


@dataclass(frozen=True, slots=True)
class AipTexts(AipPapers):
    """A record read from the archive for its text alone."""

    pages: tuple[TextOfPage, ...]


def archive_record(store: ObjectStore, content: AipContent, *, user: str, message: str) -> ArchivedRecord:
    """The record stands in the store as version 1, every byte read back and compared.

    Nothing can remove it before the day in its metadata (`retain_until`) has passed; None is for ever.
    Safe to repeat: a record with the same original that stands there already is returned as it is.
    Raises KeyTaken when another original lies under this id, FixityMismatch when what was read back differs,
    ServiceUnavailable.
    """
    ensure_root(store)
    metadata = metadata_json(content.metadata) if isinstance(content.metadata, RecordMetadata) else content.metadata
    described = RecordMetadata.model_validate_json(metadata)
    original = f"original/{safe_name(content.original_name)}"
    files: dict[str, Content] = {
        original: content.original,
        "document.pdf": content.pdf,
        "text.json": text_json(content.pages),
        "metadata.json": metadata,
        "events.json": content.events if isinstance(content.events, bytes) else events_json(content.events),
    }
    if content.search_copy is not None:
        files[SEARCH_COPY] = content.search_copy
    if content.verdict is not None:
        files[content.verdict[0]] = content.verdict[1]
    if store.exists(f"{object_root(content.document_id)}/{SIDECAR}"):  # the last file of all: the record is whole
        held = read_back(store, content.document_id)
        if held.files.get(original) != _digests(content.original)[1]:
            raise KeyTaken(f"{content.document_id} holds another original")
        return held
    version = _Draft(user=user, message=message, created=described.archived_at, retain_until=described.retain_until)
    _write_version(store, content.document_id, None, files, version)
    return read_back(store, content.document_id)


def metadata_json(metadata: RecordMetadata) -> bytes:
    """`metadata.json` as it is stored."""
    return metadata.model_dump_json(indent=1).encode()


def text_json(pages: tuple[PageText, ...]) -> bytes:
    """`text.json` as it is stored: without the codes on the pages, which may say more of people than the paper does."""
    return PAGES.dump_json(pages, indent=1, exclude={"__all__": {"codes"}})


def events_json(events: tuple[Event, ...]) -> bytes:
    """`events.json` as it is stored."""
    return EVENTS.dump_json(events, indent=1)


def add_version(
    store: ObjectStore,
    document_id: DocumentId,
    changed: Mapping[str, Content],
    *,
    user: str,
    message: str,
    intend: Callable[[str, str], None] = lambda _version, _inventory_sha256: None,
) -> ArchivedRecord:
    """The newest version holds the named files as given; all others stay. Nothing is overwritten. Raises KeyNotFound.

    It is retained as long as the metadata of the version before it say, or those given when they name a later day.
    Safe to repeat: files that the newest version holds already make no new one, and a version whose writing was
    interrupted after its content stood is completed first. intend: told the new version's name and the SHA-256 of its
    inventory before any of it is in the store.
    """
    inventory = _completed(store, document_id)
    state = inventory.versions[inventory.head].state
    if any(state.get(logical) != _digests(content)[0] for logical, content in changed.items()):
        until = _retention(store, inventory, document_id, changed)
        draft = _Draft(user=user, message=message, created=utc_now(), retain_until=until, intend=intend)
        _write_version(store, document_id, inventory, changed, draft)
        if _is_held(store, document_id):  # what is new as well
            store.hold(object_root(document_id), True)
    return read_back(store, document_id)


def read_back(store: ObjectStore, document_id: DocumentId) -> ArchivedRecord:
    """The newest version, after every byte of it was read and compared. Raises FixityMismatch, KeyNotFound."""
    inventory = read_inventory(store, document_id)
    root = object_root(document_id)
    for digest, path in inventory.manifest.items():
        if _read_digests(store, f"{root}/{path}") != (digest, inventory.sha256.get(path)):
            raise FixityMismatch(f"{root}/{path}")
    return ArchivedRecord(document_id=document_id, version=inventory.head, files=_sha256_of(inventory))


def newest_version(store: ObjectStore, document_id: DocumentId) -> str:
    """The name of the newest version, as `v2`. Raises KeyNotFound, FixityMismatch."""
    return read_inventory(store, document_id).head


def versions_of(store: ObjectStore, document_id: DocumentId) -> dict[str, dict[str, str]]:
    """Each version with its files, logical path → SHA-256 as recorded. Raises KeyNotFound, FixityMismatch."""
    inventory = read_inventory(store, document_id)
    return {
        name: {logical: inventory.sha256[inventory.manifest[digest]] for logical, digest in version.state.items()}
        for name, version in inventory.versions.items()
    }


def inventory_sha256(store: ObjectStore, document_id: DocumentId, version: str) -> str:
    """SHA-256 of a version's own inventory, which no later version changes. Raises KeyNotFound."""
    return hashlib.sha256(get(store, f"{object_root(document_id)}/{version}/{INVENTORY}")).hexdigest()


def read_record(store: ObjectStore, document_id: DocumentId) -> AipRecord:
    """Metadata, text and events of the newest version. Raises KeyNotFound, FixityMismatch."""
    papers, pages = _with_text(store, document_id, PAGES)
    return AipRecord(metadata=papers.metadata, events=papers.events, digests=papers.digests, pages=pages)


def read_texts(store: ObjectStore, document_id: DocumentId) -> AipTexts:
    """The same without the words of its pages, which for 500 pages take hundreds of MiB.

    Raises KeyNotFound, FixityMismatch.
    """
    papers, pages = _with_text(store, document_id, TEXTS)
    return AipTexts(metadata=papers.metadata, events=papers.events, digests=papers.digests, pages=pages)


def read_papers(store: ObjectStore, document_id: DocumentId) -> AipPapers:
    """Metadata and events of the newest version; its text, by far the largest of the papers, is not read.

    Raises KeyNotFound, FixityMismatch.
    """
    return _papers(store, read_inventory(store, document_id), document_id)


def open_file(store: ObjectStore, document_id: DocumentId, logical: str, version: str | None = None) -> BinaryIO:
    """A stream of one file's bytes, of the newest version or the one named. Raises KeyNotFound."""
    path = read_inventory(store, document_id).content_path(logical, version)
    if path is None:
        raise KeyNotFound(f"{document_id} has no {logical}")
    return store.open(f"{object_root(document_id)}/{path}")


def iter_records(store: ObjectStore, part: str = "") -> Iterator[DocumentId]:
    """Every record in the store, from the names alone: one whose papers are damaged is among them too.

    part: only those below one of `parts()`, for several readers at once.
    """
    return each_once(store.list(part), object_in)


def parts() -> tuple[str, ...]:
    """Prefixes of keys that hold every record between them, about as many each."""
    return tuple(f"{n:0{TUPLE_SIZE}x}" for n in range(16**TUPLE_SIZE))


def safe_name(name: str) -> str:
    """The file's own name as far as every file system can hold it: NFC, no separators, at most 120 bytes."""
    plain = unicodedata.normalize("NFC", name)
    plain = re.sub(r"[^\w.()\-+ ]", "_", plain).strip(" .") or "scan"
    stem, dot, suffix = plain.rpartition(".")
    if not dot or len(suffix) > 8:
        stem, suffix = plain, ""
    room = LONGEST_NAME - len(suffix) - 1
    stem = stem.encode()[:room].decode("utf-8", "ignore")
    return f"{stem}.{suffix}" if suffix else stem


@dataclass(frozen=True, slots=True, kw_only=True)
class _Draft:
    """What is said of a version that is to be written."""

    user: str
    message: str
    created: datetime
    retain_until: date | None
    intend: Callable[[str, str], None] = lambda _version, _inventory_sha256: None


def _write_version(
    store: ObjectStore,
    document_id: DocumentId,
    before: Inventory | None,
    changed: Mapping[str, Content],
    draft: _Draft,
) -> None:
    """Content first, then the version's inventory, then the root's: a crash leaves the record as it was."""
    name = f"v{len(before.versions) + 1}" if before else "v1"
    manifest, sha256 = (dict(before.manifest), dict(before.sha256)) if before else ({}, {})
    state = dict(before.versions[before.head].state) if before else {}
    tree: dict[str, Content] = {}
    announced: dict[str, str] = {}
    for logical, content in changed.items():
        digest, fixity = _digests(content)
        state[logical] = digest
        if digest not in manifest:
            path = f"{name}/content/{logical}"
            manifest[digest], sha256[path] = path, fixity
            tree[f"content/{logical}"], announced[f"content/{logical}"] = content, fixity
    created = draft.created.isoformat(timespec="seconds")
    version = Version(created=created, message=draft.message, user=draft.user, state=state)
    inventory = Inventory(
        id=object_id(document_id),
        head=name,
        manifest=manifest,
        sha256=sha256,
        versions={**(before.versions if before else {}), name: version},
    ).to_json()
    papers = {INVENTORY: inventory, SIDECAR: sidecar(inventory)}
    root = object_root(document_id)
    if before is None:
        whole: dict[str, Content] = {OBJECT_DECLARATION[0]: OBJECT_DECLARATION[1]}
        whole |= {f"{name}/{k}": v for k, v in {**tree, **papers}.items()} | dict(papers)
        fixities = {k: announced.get(k.removeprefix(f"{name}/")) or _digests(v)[1] for k, v in whole.items()}
        store.put_tree(root, whole, fixities, retain_until=draft.retain_until)
        return
    draft.intend(name, _digests(inventory)[1])
    new: dict[str, Content] = {**tree, **papers}
    fixities = {k: announced.get(k) or _digests(v)[1] for k, v in new.items()}
    store.put_tree(f"{root}/{name}", new, fixities, retain_until=draft.retain_until)
    _announce(store, root, inventory, draft.retain_until)


def _announce(store: ObjectStore, root: str, inventory: bytes, retain_until: date | None) -> None:
    """The object's newest version is the one that this inventory tells of."""
    store.replace(f"{root}/{INVENTORY}", inventory, retain_until=retain_until)
    store.replace(f"{root}/{SIDECAR}", sidecar(inventory), retain_until=retain_until)


def _retention(
    store: ObjectStore, inventory: Inventory, document_id: DocumentId, changed: Mapping[str, Content] | None = None
) -> date | None:
    """The later of the days in the metadata that stand there and in those that are to come; None is for ever."""
    told = [_checked(store, inventory, document_id, "metadata.json")]
    if (new := (changed or {}).get("metadata.json")) is not None:
        told.append(new if isinstance(new, bytes) else new.read_bytes())
    try:
        days = [RecordMetadata.model_validate_json(body).retain_until for body in told]
    except ValidationError as exc:
        raise FixityMismatch(f"{document_id}: metadata.json does not follow its schema") from exc
    return None if None in days else max(d for d in days if d)


def _is_held(store: ObjectStore, document_id: DocumentId) -> bool:
    """Whether the newest metadata tell of a legal hold."""
    body = _checked(store, read_inventory(store, document_id), document_id, "metadata.json")
    return RecordMetadata.model_validate_json(body).legal_hold is not None


def _completed(store: ObjectStore, document_id: DocumentId) -> Inventory:
    """The root's inventory, after a version that stands whole but was not announced yet has been announced."""
    root = object_root(document_id)
    inventory = read_inventory(store, document_id)
    following = f"v{len(inventory.versions) + 1}"
    newest = following if store.exists(f"{root}/{following}/{SIDECAR}") else inventory.head
    body = get(store, f"{root}/{newest}/{INVENTORY}")
    if get(store, f"{root}/{newest}/{SIDECAR}") != sidecar(body):
        raise FixityMismatch(f"{root}/{newest}/{INVENTORY} does not fit its digest")
    if newest != inventory.head or get(store, f"{root}/{SIDECAR}") != sidecar(body):
        _announce(store, root, body, _retention(store, parse_inventory(body), document_id))
        if _is_held(store, document_id):
            store.hold(root, True)
    return parse_inventory(body)


def _with_text(store: ObjectStore, document_id: DocumentId, kind: TypeAdapter[T]) -> tuple[AipPapers, T]:
    inventory = read_inventory(store, document_id)
    papers = _papers(store, inventory, document_id)
    try:
        return papers, kind.validate_json(_checked(store, inventory, document_id, "text.json"))
    except ValidationError as exc:
        raise FixityMismatch(f"{document_id}: text.json does not follow its schema") from exc


def _papers(store: ObjectStore, inventory: Inventory, document_id: DocumentId) -> AipPapers:
    try:
        return AipPapers(
            metadata=RecordMetadata.model_validate_json(_checked(store, inventory, document_id, "metadata.json")),
            events=EVENTS.validate_json(_checked(store, inventory, document_id, "events.json")),
            digests=_sha256_of(inventory),
        )
    except ValidationError as exc:
        raise FixityMismatch(f"{document_id}: a file does not follow its schema") from exc


def _checked(store: ObjectStore, inventory: Inventory, document_id: DocumentId, logical: str) -> bytes:
    path = inventory.content_path(logical)
    if path is None:
        raise KeyNotFound(f"{document_id} has no {logical}")
    with store.open(f"{object_root(document_id)}/{path}") as stream:
        body = stream.read()
    if hashlib.sha256(body).hexdigest() != inventory.sha256[path]:
        raise FixityMismatch(f"{document_id}: {logical}")
    return body


def _sha256_of(inventory: Inventory) -> dict[str, str]:
    state = inventory.versions[inventory.head].state
    return {logical: inventory.sha256[inventory.manifest[digest]] for logical, digest in state.items()}


def _digests(content: Content) -> tuple[str, str]:
    """SHA-512 and SHA-256."""
    if isinstance(content, bytes):
        return hashlib.sha512(content).hexdigest(), hashlib.sha256(content).hexdigest()
    with content.open("rb") as stream:
        return _stream_digests(stream)


def _read_digests(store: ObjectStore, key: str) -> tuple[str, str]:
    with store.open(key) as stream:
        return _stream_digests(stream)


def _stream_digests(stream: BinaryIO) -> tuple[str, str]:
    long, short = hashlib.sha512(), hashlib.sha256()
    while chunk := stream.read(1 << 20):
        long.update(chunk)
        short.update(chunk)
    return long.hexdigest(), short.hexdigest()
