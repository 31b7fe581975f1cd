"""Two passes of a scanner that sees one side as one scan: front 1, back 1, front 2, back 2 … In a worker process."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pikepdf
from PIL import Image

from pipeline.extracting import DAMAGED, save_pages
from pipeline.identify import identify
from pipeline.landing import landing
from pipeline.pdfa import wrap_images
from pipeline.soundness import PDF, Identified, IdentifyLimits
from registry.errors import RefusalCode, Refused
from registry.values import sha256_file

A4_LONG_IN, LEAST_DPI = 11.69, 50


@dataclass(frozen=True, slots=True)
class Side:
    """A pass: the file, the name it came under, and whether its last page is the first of its sides."""

    path: Path
    name: str
    in_reverse: bool


def collate(fronts: Side, backs: Side, limits: IdentifyLimits, target: Path) -> tuple[str, ...]:
    """`target` is a PDF of all pages in the order of the paper; returns what is odd about the two files.

    Pages of a PDF are copied with their streams as they are; of images the compressed data where PDF knows it, without
    loss otherwise. Same input, same bytes.

    Raises Refused: `sides-differ` for two that do not belong together, else what is wrong with one of them.
    """
    found = [identify(side.path, limits, side.name) for side in (fronts, backs)]
    _check(found, [sha256_file(side.path) for side in (fronts, backs)])
    with TemporaryDirectory(prefix="sohoa-passes-", dir=target.parent) as folder:
        try:
            pdfs = [
                _as_pdf(side.path, one.media_type, Path(folder) / str(number))
                for number, (side, one) in enumerate(zip((fronts, backs), found, strict=True))
            ]
        except DAMAGED as exc:
            raise Refused(RefusalCode.UNREADABLE, f"a frame cannot be decoded: {type(exc).__name__}") from exc
        with (
            pikepdf.open(pdfs[0], suppress_warnings=True) as front,
            pikepdf.open(pdfs[1], suppress_warnings=True) as back,
            landing(target) as part,
        ):
            save_pages(_by_turns(front, fronts.in_reverse, back, backs.in_reverse), part)
    return tuple(sorted({warning for one in found for warning in one.warnings}))


def places(number: int, sheets: int, in_reverse: bool) -> tuple[int, ...]:
    """Where the pages of the pass with this number (1 or 2), in its own order, stand in the collated scan, from 0."""
    sides = tuple(range(number - 1, 2 * sheets, 2))
    return sides[::-1] if in_reverse else sides


def _check(found: Sequence[Identified], digests: Sequence[str]) -> None:
    if digests[0] == digests[1]:
        raise Refused(RefusalCode.SIDES_DIFFER, "the same file twice")
    if found[0].page_count != found[1].page_count:
        raise Refused(RefusalCode.SIDES_DIFFER, f"{found[0].page_count} fronts, {found[1].page_count} backs")
    if any(one.signed for one in found):  # its signature would not hold for the collated file
        raise Refused(RefusalCode.SIDES_DIFFER, "signed")


def _by_turns(front: pikepdf.Pdf, front_turned: bool, back: pikepdf.Pdf, back_turned: bool) -> Iterator[pikepdf.Page]:
    last = len(front.pages) - 1
    for sheet in range(len(front.pages)):
        yield front.pages[last - sheet if front_turned else sheet]
        yield back.pages[last - sheet if back_turned else sheet]


def _as_pdf(scan: Path, media_type: str, folder: Path) -> Path:
    if media_type == PDF:
        return scan
    folder.mkdir()
    with Image.open(scan) as image:
        dpi = float((image.info.get("dpi") or (0, 0))[0])
        dpi = dpi if dpi >= LEAST_DPI else max(image.size) / A4_LONG_IN  # as pages are read
    return wrap_images(scan, [dpi], folder)
