"""JPEG data of a TIFF frame as one JPEG file, no coefficient touched. In a worker process.

A TIFF writer cuts a page into strips, each a JPEG of its own without tables (TIFF Technical Note 2). ITU-T T.81 has the
same for one file: restart intervals, after each of which prediction begins anew as it does in a strip. So the strips'
coded data is joined by restart markers below one header, and every decoder gives the very pixels of the strips.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

SOI, EOI, SOF0, SOF1, SOS, DRI, DQT, DHT, RST0, APP14 = 0xD8, 0xD9, 0xC0, 0xC1, 0xDA, 0xDD, 0xDB, 0xC4, 0xD0, 0xEE
JPEG, CHUNKY, GRAY, RGB, YCBCR = 7, 1, 1, 2, 6
LONGEST_INTERVAL = 65535
BLOCK = 8


@dataclass(frozen=True, slots=True)
class _Coded:
    """segments: marker and body of the tables before the frame. frame, scan: bodies. data: up to its end."""

    segments: tuple[tuple[int, bytes], ...]
    marker: int
    frame: bytes
    scan: bytes
    data: bytes


def jpeg_of(image: Image.Image, path: Path) -> bytes | None:
    """The current frame of a TIFF file as a JPEG file; None where it is not made of such strips, or is turned by a tag,
    or has colours at half resolution in several strips (decoders smooth them over a strip's edge)."""
    tags = getattr(image, "tag_v2", None)
    if tags is None or tags.get(259) != JPEG or tags.get(284, CHUNKY) != CHUNKY or tags.get(274, 1) != 1:
        return None
    colours, offsets, sizes = tags.get(262), tags.get(273), tags.get(279)
    if colours not in (GRAY, RGB, YCBCR) or not offsets or not sizes or len(offsets) != len(sizes):
        return None
    tables = _tables(bytes(tags.get(347, b"")))
    with path.open("rb") as reader:
        strips = []
        for offset, size in zip(offsets, sizes, strict=True):
            reader.seek(offset)
            strips.append(_coded(reader.read(size)))
    if tables is None or any(strip is None for strip in strips):
        return None
    coded = [strip for strip in strips if strip is not None]
    return _joined(tables, coded, image.size, int(tags.get(278, image.height)), colours)


def _joined(
    tables: tuple[tuple[int, bytes], ...], strips: list[_Coded], size: tuple[int, int], rows: int, colours: int
) -> bytes | None:
    first = strips[0]
    sampled = [first.frame[7 + 3 * n] for n in range(first.frame[5])]  # Hi, Vi of each component
    if any(strip.scan != first.scan or strip.segments != first.segments for strip in strips):
        return None
    if any(strip.frame[5:] != first.frame[5:] or strip.marker != first.marker for strip in strips):
        return None
    width, height = size
    if len(strips) > 1 and (any(s != 0x11 for s in sampled) or rows % BLOCK):
        return None
    heights = [struct.unpack(">H", strip.frame[1:3])[0] for strip in strips]
    if any(strip.frame[3:5] != struct.pack(">H", width) for strip in strips) or sum(heights) != height:
        return None
    interval = -(-width // BLOCK) * (rows // BLOCK)
    if len(strips) > 1 and (interval > LONGEST_INTERVAL or any(h != rows for h in heights[:-1])):
        return None
    out = [_marker(SOI)]
    if len(first.frame) > 9:  # more than one component: say whether they are red, green and blue (Adobe TN 5116)
        out.append(_segment(APP14, b"Adobe" + struct.pack(">HHHB", 100, 0, 0, 0 if colours == RGB else 1)))
    out += [_segment(marker, body) for marker, body in (*tables, *first.segments)]
    out.append(_segment(first.marker, first.frame[:1] + struct.pack(">H", height) + first.frame[3:]))
    if len(strips) > 1:
        out.append(_segment(DRI, struct.pack(">H", interval)))
    out.append(_segment(SOS, first.scan))
    for n, strip in enumerate(strips):
        out.append(strip.data)
        out.append(_marker(RST0 + n % 8) if n + 1 < len(strips) else _marker(EOI))
    return b"".join(out)


def _tables(body: bytes) -> tuple[tuple[int, bytes], ...] | None:
    """The tables of the JPEGTables entry; None where there is more, or it is broken."""
    if not body:
        return ()
    found = _segments(body)
    if found is None or any(marker not in (DQT, DHT) for marker, _ in found[0]) or body[found[1] :] != _marker(EOI):
        return None
    return found[0]


def _coded(body: bytes) -> _Coded | None:
    found = _segments(body)
    if found is None:
        return None
    segments, place = found
    end = body.rfind(_marker(EOI))
    frames = [(marker, frame) for marker, frame in segments if marker in (SOF0, SOF1)]
    scans = [scan for marker, scan in segments if marker == SOS]
    others = tuple((m, b) for m, b in segments if m not in (SOF0, SOF1, SOS))
    if len(frames) != 1 or len(scans) != 1 or end < place or any(m not in (DQT, DHT) for m, _ in others):
        return None
    data = body[place:end]
    marks = data.count(b"\xff") - data.count(b"\xff\x00")  # a marker inside: restarts of its own, or a second scan
    if marks or len(frames[0][1]) < 6 + 3 * frames[0][1][5]:
        return None
    return _Coded(others, frames[0][0], frames[0][1], scans[0], data)


def _segments(body: bytes) -> tuple[tuple[tuple[int, bytes], ...], int] | None:
    """The segments behind SOI, up to and with SOS or up to EOI, and where they end."""
    if body[:2] != _marker(SOI):
        return None
    found, place = [], 2
    while place + 4 <= len(body) and body[place] == 0xFF:
        marker = body[place + 1]
        if marker == EOI:
            break
        [size] = struct.unpack(">H", body[place + 2 : place + 4])
        segment = body[place + 4 : place + 2 + size]
        if size < 2 or len(segment) != size - 2:
            return None
        found.append((marker, segment))
        place += 2 + size
        if marker == SOS:
            break
    return tuple(found), place


def _marker(code: int) -> bytes:
    return bytes((0xFF, code))


def _segment(code: int, body: bytes) -> bytes:
    return _marker(code) + struct.pack(">H", len(body) + 2) + body
