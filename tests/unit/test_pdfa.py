"""What is seen is what was scanned: every pixel of an image file is in its PDF/A, and JPEG data stays JPEG data."""

from __future__ import annotations

import struct
from io import BytesIO
from pathlib import Path

import numpy as np
import pikepdf
import pytest
from PIL import Image, ImageDraw

from pipeline.pdfa import write_pdfa
from pipeline.tiff_jpeg import jpeg_of
from registry.values import PageText

SIZE = (413, 585)


def picture(seed: int = 0, mode: str = "RGB") -> Image.Image:
    """A page with something of every colour on it."""
    rng = np.random.default_rng(seed)
    page = Image.fromarray(rng.integers(180, 255, (SIZE[1], SIZE[0], 3), np.uint8))
    pen = ImageDraw.Draw(page)
    for n in range(20):
        pen.rectangle((20, 20 + 25 * n, 380 - 9 * n, 32 + 25 * n), fill=(n * 12, 90, 255 - n * 12))
    if mode == "I;16":
        return Image.fromarray((np.asarray(page.convert("L")).astype(np.uint16) << 8) + 7)
    return page.convert(mode)


def shown(pdf: Path) -> list[tuple[str, Image.Image]]:
    """The filter and the picture of each page."""
    with pikepdf.open(pdf) as opened:
        found = []
        for page in opened.pages:
            (image,) = page.get_images().values()
            picture = pikepdf.PdfImage(image)
            found.append((picture.filters[0], picture.as_pil_image()))
        return found


def written(scan: Path, frames: int, media_type: str = "image/tiff") -> list[tuple[str, Image.Image]]:
    pages = [PageText(index=n, text="", confidence=0, dpi=200) for n in range(frames)]
    write_pdfa(scan, media_type, pages, scan.parent / "document.pdf")
    return shown(scan.parent / "document.pdf")


@pytest.mark.parametrize(
    ("mode", "how", "kept"),
    [
        ("RGB", {"compression": "tiff_lzw"}, "/FlateDecode"),
        ("L", {"compression": "tiff_adobe_deflate"}, "/FlateDecode"),
        ("RGB", {"compression": None}, "/FlateDecode"),
        ("1", {"compression": "group4"}, "/CCITTFaxDecode"),
        ("1", {"compression": None}, "/CCITTFaxDecode"),
        ("I;16", {"compression": None}, "/FlateDecode"),
        ("RGB", {"compression": "jpeg", "quality": 70}, "/DCTDecode"),
        ("RGB", {"compression": "jpeg", "quality": 70, "tiffinfo": {278: 8}}, "/DCTDecode"),
        ("L", {"compression": "jpeg", "quality": 70, "tiffinfo": {278: 16}}, "/DCTDecode"),
        ("YCbCr", {"compression": "jpeg", "quality": 70, "tiffinfo": {278: 585}}, "/DCTDecode"),
        ("YCbCr", {"compression": "jpeg", "quality": 70, "tiffinfo": {278: 16}}, "/DCTDecode"),
    ],
)
def test_every_frame_of_a_tiff_is_there_to_the_pixel(
    tmp_path: Path, mode: str, how: dict[str, object], kept: str
) -> None:
    scan = tmp_path / "scan.tif"
    first, second = picture(1, mode), picture(2, mode)
    first.save(scan, "TIFF", save_all=True, append_images=[second], dpi=(200, 200), **how)  # type: ignore[arg-type]
    pages = written(scan, 2)
    assert [name for name, _ in pages] == [kept, kept]
    with Image.open(scan) as came:
        for index, (_, image) in enumerate(pages):
            came.seek(index)
            wanted = np.asarray(came.convert("RGB") if mode == "YCbCr" else came)
            assert np.array_equal(np.asarray(image).reshape(wanted.shape), wanted), index


def test_a_turned_frame_is_shown_upright(tmp_path: Path) -> None:
    scan = tmp_path / "scan.tif"
    picture().save(scan, "TIFF", compression="jpeg", tiffinfo={274: 6})
    ((_, image),) = written(scan, 1)
    assert image.size == SIZE[::-1]


def test_strips_that_are_not_of_one_piece_are_not_joined(tmp_path: Path) -> None:
    """A broken strip is the decoder's to judge, not ours to carry on."""
    scan = tmp_path / "scan.tif"
    picture().save(scan, "TIFF", compression="jpeg", tiffinfo={278: 8})
    body = bytearray(scan.read_bytes())
    with Image.open(scan) as came:
        place = came.tag_v2[273][3]  # type: ignore[attr-defined]
    body[place + 2 : place + 4] = b"\xff\xfe"
    scan.write_bytes(body)
    with Image.open(scan) as came:
        assert jpeg_of(came, scan) is None


@pytest.mark.parametrize(("subsampling", "joins"), [(0, True), (2, False)])
def test_colours_at_half_resolution_are_not_joined(tmp_path: Path, subsampling: int, joins: bool) -> None:
    """Decoders smooth them over the edge of a strip, where the TIFF's own decoder does not."""
    scan, strips = tmp_path / "scan.tif", []
    for top in (0, 64):
        out = BytesIO()
        picture().crop((0, top, 400, top + 64)).save(out, "JPEG", subsampling=subsampling, quality=80)
        body = out.getvalue()
        strips.append(body[:2] + body[20:])  # without the segment of JFIF
    data = 8 + 2 + 12 * 9 + 4 + 16
    tags = [(256, 400), (257, 128), (259, 7), (262, 6), (277, 3), (278, 64)]
    entries = [struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags]
    entries.insert(4, struct.pack("<HHII", 273, 4, 2, data - 16))
    entries.append(struct.pack("<HHII", 279, 4, 2, data - 8))
    entries.insert(2, struct.pack("<HHIHxx", 258, 3, 1, 8))
    places = struct.pack("<4I", data, data + len(strips[0]), *map(len, strips))
    scan.write_bytes(b"II*\0" + struct.pack("<IH", 8, 9) + b"".join(entries) + bytes(4) + places + b"".join(strips))
    with Image.open(scan) as came:
        joined = jpeg_of(came, scan)
        assert (joined is not None) == joins
        if joined:
            assert np.array_equal(np.asarray(Image.open(BytesIO(joined))), np.asarray(came.convert("RGB")))


@pytest.mark.parametrize("name", ["scan.jpg", "scan.png"])
def test_files_that_pdf_knows_are_taken_as_they_are(tmp_path: Path, name: str) -> None:
    scan = tmp_path / name
    picture().save(scan, dpi=(200, 200))
    ((_, image),) = written(scan, 1, "image/jpeg" if name.endswith("jpg") else "image/png")
    assert np.array_equal(np.asarray(image), np.asarray(Image.open(scan)))
