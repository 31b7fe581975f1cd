"""Some pages of a scan as a file of their own: the same pixels, the same data, the same bytes each time."""

from __future__ import annotations

import io
from pathlib import Path

import img2pdf
import numpy as np
import pikepdf
import pytest
from PIL import Image

from pipeline.extracting import extract
from pipeline.pdfa import write_pdfa
from pipeline.soundness import PDF, TIFF
from registry.errors import Refused
from registry.values import PageText


def picture(seed: int, mode: str = "RGB") -> Image.Image:
    noise = np.random.default_rng(seed).integers(0, 256, (141 + seed, 97, 3), dtype=np.uint8)
    return Image.fromarray(noise).convert(mode)


def tiff(path: Path, mode: str, compression: str, number: int = 5, **told: object) -> Path:
    first, *others = [picture(n, mode) for n in range(number)]
    first.save(path, "TIFF", save_all=True, append_images=others, compression=compression, dpi=(200, 200), **told)
    return path


def frames(path: Path) -> list[tuple[str, bytes]]:
    with Image.open(path) as image:
        found = []
        for index in range(image.n_frames):
            image.seek(index)
            found.append((image.mode, image.convert("RGBA").tobytes()))
        return found


@pytest.mark.parametrize(
    ("mode", "compression"),
    [
        ("RGB", "raw"), ("RGB", "tiff_lzw"), ("RGB", "jpeg"), ("L", "tiff_adobe_deflate"), ("1", "group4"),
        ("P", "packbits"), ("CMYK", "tiff_lzw"),
    ],
)  # fmt: skip
def test_frames_of_a_tiff_are_taken_as_they_are(tmp_path: Path, mode: str, compression: str) -> None:
    scan = tiff(tmp_path / "scan.tif", mode, compression)
    extract(scan, TIFF, (1, 3, 4), tmp_path / "part.tif")
    whole = frames(scan)
    assert frames(tmp_path / "part.tif") == [whole[1], whole[3], whole[4]]
    with Image.open(tmp_path / "part.tif") as part:
        assert part.info["dpi"] == (200, 200) and part.info["compression"] in (compression, "tiff_" + compression)
    assert (tmp_path / "part.tif").stat().st_size < scan.stat().st_size * 0.75
    extract(scan, TIFF, (1, 3, 4), tmp_path / "again.tif")
    assert (tmp_path / "again.tif").read_bytes() == (tmp_path / "part.tif").read_bytes()


def test_frames_in_the_other_byte_order_and_a_bigtiff_are_taken_too(tmp_path: Path) -> None:
    scan = tiff(tmp_path / "scan.tif", "L", "tiff_lzw", big_tiff=True)
    extract(scan, TIFF, (4, 0), tmp_path / "part.tif")
    assert frames(tmp_path / "part.tif") == [frames(scan)[4], frames(scan)[0]]


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data", "ignore:Truncated File Read")
@pytest.mark.parametrize("cut", [40, 2000])
def test_a_damaged_tiff_gives_an_error_and_no_file(tmp_path: Path, cut: int) -> None:
    scan = tiff(tmp_path / "scan.tif", "RGB", "tiff_lzw")
    scan.write_bytes(scan.read_bytes()[:-cut])
    with pytest.raises(Refused):
        extract(scan, TIFF, (4,), tmp_path / "part.tif")
    assert list(tmp_path.iterdir()) == [scan]


def jpegs(number: int) -> list[bytes]:
    made = []
    for n in range(number):
        out = io.BytesIO()
        picture(n).save(out, "JPEG", quality=70)
        made.append(out.getvalue())
    return made


def test_pages_of_a_pdf_keep_their_streams_and_what_they_inherit(tmp_path: Path) -> None:
    scan = tmp_path / "scan.pdf"
    made = jpegs(6)
    with pikepdf.open(io.BytesIO(img2pdf.convert(made))) as pdf:
        for page in pdf.pages:  # as some scanners write it: size and turn stand once, above the pages
            del page.obj["/MediaBox"]
        pdf.Root.Pages.MediaBox = pikepdf.Array([0, 0, 300, 400])
        pdf.Root.Pages.Rotate = 90
        pdf.save(scan)
    extract(scan, PDF, (2, 5), tmp_path / "part.pdf")
    with pikepdf.open(tmp_path / "part.pdf") as part:
        assert [next(iter(p.images.values())).read_raw_bytes() for p in part.pages] == [made[2], made[5]]
        assert [[float(v) for v in p.mediabox] for p in part.pages] == [[0, 0, 300, 400]] * 2
        assert [int(p.obj.get("/Rotate", 0)) for p in part.pages] == [90, 90]
    assert (tmp_path / "part.pdf").stat().st_size < sum(map(len, (made[2], made[5]))) * 1.05 + 2000
    extract(scan, PDF, (2, 5), tmp_path / "again.pdf")
    assert (tmp_path / "again.pdf").read_bytes() == (tmp_path / "part.pdf").read_bytes()


def test_an_extract_becomes_a_derivative_of_its_own(tmp_path: Path) -> None:
    scan = tiff(tmp_path / "scan.tif", "1", "group4")
    extract(scan, TIFF, (1, 2), tmp_path / "part.tif")
    pages = [PageText(index=n, text="", confidence=0, dpi=200, width_px=97, height_px=142) for n in range(2)]
    write_pdfa(tmp_path / "part.tif", TIFF, pages, tmp_path / "part.pdf")
    with pikepdf.open(tmp_path / "part.pdf") as made:
        assert len(made.pages) == 2
