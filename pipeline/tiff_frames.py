"""Frames of a TIFF file in another TIFF file, their image data as it is: no pixel is decoded. In a worker process.

TIFF 6.0, section 2: directories of entries, whose values lie in the entry or elsewhere in the file; strips and tiles of
compressed data that the entries point to. Copied are the entries and what they point to; nothing else is looked at.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
"""Field type → bytes of one value."""
OFFSETS = {273: 279, 324: 325}
"""StripOffsets → StripByteCounts, TileOffsets → TileByteCounts."""
FOREIGN = frozenset({330, 34665, 34853, 40965, 513, 514, 519, 520, 521})
"""Entries that point to more than data of their own: further directories, and tables of old-style JPEG."""
MOST_FRAMES, LARGEST = 10_000, 1 << 31
SHORT, LONG = 3, 4


class NotCopied(ValueError):
    """This file's frames cannot be taken as they are."""


@dataclass(frozen=True, slots=True)
class _Entry:
    tag: int
    kind: int
    count: int
    body: bytes


def copy_frames(source: Path, frames: Sequence[int], target: Path) -> None:
    """`target` is a TIFF file of these frames, in this order. Same input, same bytes. Raises NotCopied."""
    with source.open("rb") as reader, target.open("wb") as writer:
        order = {b"II*\0": "<", b"MM\0*": ">"}.get(reader.read(4))
        if order is None:
            raise NotCopied("neither byte order of TIFF 6.0")
        places = _directories(reader, order)
        if any(not 0 <= index < len(places) for index in frames):
            raise NotCopied("no such frame")
        writer.write((b"II*\0" if order == "<" else b"MM\0*") + bytes(4))
        link = 4
        for index in frames:
            link = _copy_frame(reader, order, places[index], writer, link)


def _directories(reader: BinaryIO, order: str) -> list[int]:
    places: list[int] = []
    [place] = struct.unpack(f"{order}I", _at(reader, 4, 4))
    while place:
        if place in places or len(places) >= MOST_FRAMES:
            raise NotCopied("directories in a circle")
        places.append(place)
        [count] = struct.unpack(f"{order}H", _at(reader, place, 2))
        [place] = struct.unpack(f"{order}I", _at(reader, place + 2 + 12 * count, 4))
    return places


def _copy_frame(reader: BinaryIO, order: str, place: int, writer: BinaryIO, link: int) -> int:
    """Writes one frame and points `link` to it; returns where its own link to the next one lies."""
    entries = [e for e in _entries(reader, order, place) if e.tag not in FOREIGN]
    if any(e.tag in FOREIGN and e.tag in (513, 519) for e in _entries(reader, order, place)):
        raise NotCopied("old-style JPEG")
    entries = [_with_data(reader, order, entry, entries, writer) for entry in entries]
    values = {entry.tag: _outside(entry, writer) for entry in entries if len(entry.body) > 4}
    start = _even_end(writer)
    writer.write(struct.pack(f"{order}H", len(entries)))
    for entry in entries:
        writer.write(struct.pack(f"{order}HHI", entry.tag, entry.kind, entry.count))
        far = values.get(entry.tag)
        writer.write(entry.body.ljust(4, b"\0") if far is None else struct.pack(f"{order}I", far))
    following = writer.tell()
    writer.write(bytes(4))
    writer.seek(link)
    writer.write(struct.pack(f"{order}I", start))
    writer.seek(0, 2)
    return following


def _entries(reader: BinaryIO, order: str, place: int) -> list[_Entry]:
    [count] = struct.unpack(f"{order}H", _at(reader, place, 2))
    raw = _at(reader, place + 2, 12 * count)
    found = []
    for start in range(0, len(raw), 12):
        tag, kind, number = struct.unpack(f"{order}HHI", raw[start : start + 8])
        size = SIZES.get(kind, 0) * number
        if not size or size > LARGEST:
            raise NotCopied("an entry of unknown size")
        if size <= 4:
            body = raw[start + 8 : start + 8 + size]
        else:
            [far] = struct.unpack(f"{order}I", raw[start + 8 : start + 12])
            body = _at(reader, far, size)
        found.append(_Entry(tag, kind, number, body))
    return found


def _with_data(reader: BinaryIO, order: str, entry: _Entry, entries: Sequence[_Entry], writer: BinaryIO) -> _Entry:
    """The entry itself; one of offsets with the data copied to where it now points."""
    if entry.tag not in OFFSETS:
        return entry
    sizes = next((e for e in entries if e.tag == OFFSETS[entry.tag]), None)
    if sizes is None or sizes.count != entry.count:
        raise NotCopied("image data of unknown size")
    moved = []
    for far, size in zip(_numbers(entry, order), _numbers(sizes, order), strict=True):
        moved.append(_even_end(writer))
        writer.write(_at(reader, far, size))
    return replace(entry, kind=LONG, body=struct.pack(f"{order}{len(moved)}I", *moved))


def _numbers(entry: _Entry, order: str) -> tuple[int, ...]:
    if entry.kind not in (SHORT, LONG):
        raise NotCopied("offsets that are no numbers")
    return struct.unpack(f"{order}{entry.count}{'H' if entry.kind == SHORT else 'I'}", entry.body)


def _outside(entry: _Entry, writer: BinaryIO) -> int:
    place = _even_end(writer)
    writer.write(entry.body)
    return place


def _even_end(writer: BinaryIO) -> int:
    """Values begin on a word boundary (TIFF 6.0, section 2)."""
    place = writer.tell()
    if place % 2:
        writer.write(b"\0")
        place += 1
    return place


def _at(reader: BinaryIO, place: int, size: int) -> bytes:
    reader.seek(place)
    body = reader.read(size)
    if len(body) != size:
        raise NotCopied("it points behind its end")
    return body
