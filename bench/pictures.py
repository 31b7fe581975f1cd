"""The scans of a bench, and their pages as plain pictures for a program that knows nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pikepdf
import pypdfium2
from PIL import Image, ImageOps, ImageSequence

from pipeline.page_source import single_image

A4_LONG_IN = 11.69
DRAWN_DPI = 300
LEAST_DPI = 50
Image.MAX_IMAGE_PIXELS = None


@dataclass(frozen=True, slots=True)
class Picture:
    """A page as it lies in the file, uncompressed, at its own resolution."""

    path: Path
    dpi: int


@dataclass(frozen=True, slots=True)
class Scan:
    """One scan. truth: its truth.json, None where nothing is known of it. needs_dpi: the file tells no resolution."""

    id: str
    path: Path
    pictures: tuple[Picture, ...]
    truth: dict[str, Any] | None = None
    needs_dpi: bool = False

    @property
    def pages(self) -> int:
        return len(self.pictures)


def known_scans(folder: Path, into: Path, most: int | None = None) -> list[Scan]:
    """Scans with truth.json as `samples/generate.py` writes them; those that came in several files are left out."""
    found: list[Scan] = []
    for told in sorted(folder.glob("*/truth.json")):
        truth = json.loads(told.read_text(encoding="utf-8"))
        if len(truth["files"]) == 1:
            name = told.parent.name  # folders put together from several runs of the generator have ids twice
            found.append(scan(told.parent / truth["files"][0], into, name, {**truth, "id": name}))
        if len(found) == most:
            break
    return found


def scan(path: Path, into: Path, name: str, truth: dict[str, Any] | None = None) -> Scan:
    """The scan with its pages as pictures in `into`."""
    pictures = []
    for index, (image, dpi) in enumerate(_pages(path)):
        target = into / f"{name}-{index:04d}.bmp"
        image.save(target, "BMP")  # decoding it is next to nothing: what is then measured is recognition
        pictures.append(Picture(target, round(dpi)))
    return Scan(name, path, tuple(pictures), truth, needs_dpi=path.suffix != ".pdf" and _own_dpi(path) < LEAST_DPI)


def _pages(path: Path) -> Iterator[tuple[Image.Image, float]]:
    if path.suffix.lower() == ".pdf":
        yield from _pdf_pages(path)
        return
    with Image.open(path) as image:
        for frame in ImageSequence.Iterator(image):
            dpi = float((frame.info.get("dpi") or (0, 0))[0])
            yield _plain(ImageOps.exif_transpose(frame)), dpi if dpi >= LEAST_DPI else max(frame.size) / A4_LONG_IN


def _pdf_pages(path: Path) -> Iterator[tuple[Image.Image, float]]:
    drawn = pypdfium2.PdfDocument(path)
    with pikepdf.open(path) as pdf:
        for index, page in enumerate(pdf.pages):
            held = single_image(page)
            if held is None:
                yield drawn[index].render(scale=DRAWN_DPI / 72).to_pil().convert("RGB"), DRAWN_DPI
                continue
            image = pikepdf.PdfImage(held).as_pil_image()
            dpi = image.width / (float(page.mediabox[2] - page.mediabox[0]) / 72)
            turned = int(page.obj.get("/Rotate", 0) or 0) % 360
            yield _plain(image.rotate(-turned, expand=True) if turned else image), dpi
    drawn.close()


def _plain(image: Image.Image) -> Image.Image:
    if image.mode in ("LA", "PA", "RGBA") or "transparency" in image.info:
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image.convert("RGBA"))
    return image if image.mode in ("1", "L", "RGB") else image.convert("RGB")


def _own_dpi(path: Path) -> float:
    with Image.open(path) as image:
        return float((image.info.get("dpi") or (0, 0))[0])
