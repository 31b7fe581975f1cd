"""Two passes become one scan: in the order of the paper, the same pixels, the same bytes each time."""

from __future__ import annotations

from pathlib import Path

import img2pdf
import numpy as np
import pikepdf
import pytest
from PIL import Image

from pipeline.collating import Side, collate, places
from pipeline.soundness import IdentifyLimits
from registry.errors import RefusalCode, Refused
from tests.unit.test_extracting import jpegs, picture, tiff


def collated(fronts: Path, backs: Path, target: Path, *, in_reverse: bool = True) -> tuple[str, ...]:
    sides = Side(fronts, fronts.name, False), Side(backs, backs.name, in_reverse)
    return collate(*sides, IdentifyLimits(), target)


def pictures(pdf: Path) -> list[bytes]:
    with pikepdf.open(pdf) as made:
        return [
            pikepdf.PdfImage(next(iter(p.images.values()))).as_pil_image().convert("RGB").tobytes() for p in made.pages
        ]


@pytest.mark.parametrize(
    ("mode", "compression"), [("RGB", "tiff_lzw"), ("RGB", "jpeg"), ("1", "group4"), ("L", "tiff_adobe_deflate")]
)
def test_frames_of_two_tiffs_alternate_pixel_by_pixel(tmp_path: Path, mode: str, compression: str) -> None:
    fronts = tiff(tmp_path / "truoc.tif", mode, compression, 3)
    backs = tmp_path / "sau.tif"
    first, *others = [picture(n, mode) for n in (12, 11, 10)]
    first.save(backs, "TIFF", save_all=True, append_images=others, compression=compression, dpi=(200, 200))
    collated(fronts, backs, tmp_path / "one.pdf")
    shown = []
    for sheet in range(3):
        for path, frame in ((fronts, sheet), (backs, 2 - sheet)):
            with Image.open(path) as image:
                image.seek(frame)
                shown.append(image.convert("RGB").tobytes())
    assert pictures(tmp_path / "one.pdf") == shown
    with pikepdf.open(tmp_path / "one.pdf") as made:
        assert [round(float(p.mediabox[2]) / 72 * 200) for p in made.pages] == [97] * 6
    collated(fronts, backs, tmp_path / "again.pdf")
    assert (tmp_path / "again.pdf").read_bytes() == (tmp_path / "one.pdf").read_bytes()


def test_a_pdf_and_a_picture_are_one_and_keep_their_data(tmp_path: Path) -> None:
    front, back = jpegs(2)
    (tmp_path / "truoc.pdf").write_bytes(img2pdf.convert(front))
    (tmp_path / "sau.jpg").write_bytes(back)
    collated(tmp_path / "truoc.pdf", tmp_path / "sau.jpg", tmp_path / "one.pdf")
    with pikepdf.open(tmp_path / "one.pdf") as made:
        assert [next(iter(p.images.values())).read_raw_bytes() for p in made.pages] == [front, back]


def test_the_order_of_the_backs_is_as_told(tmp_path: Path) -> None:
    made = jpegs(4)
    (tmp_path / "truoc.pdf").write_bytes(img2pdf.convert(made[:2]))
    (tmp_path / "sau.pdf").write_bytes(img2pdf.convert(made[2:]))
    for in_reverse, order in ((True, (0, 3, 1, 2)), (False, (0, 2, 1, 3))):
        target = tmp_path / "one.pdf"
        collated(tmp_path / "truoc.pdf", tmp_path / "sau.pdf", target, in_reverse=in_reverse)
        with pikepdf.open(target) as pdf:
            shown = [next(iter(p.images.values())).read_raw_bytes() for p in pdf.pages]
        assert shown == [made[n] for n in order]
        stand = places(1, 2, False) + places(2, 2, in_reverse)
        assert [shown[place] for place in stand] == made, "scan.json tells where each page of each pass stands"


def test_what_does_not_belong_together_is_refused(tmp_path: Path) -> None:
    one, other = tiff(tmp_path / "a.tif", "L", "tiff_lzw", 2), tiff(tmp_path / "b.tif", "L", "tiff_lzw", 3)
    (tmp_path / "c.tif").write_bytes(one.read_bytes())
    (tmp_path / "d.pdf").write_bytes(b"%PDF-1.7\nnothing")
    for backs, code in (("b.tif", RefusalCode.SIDES_DIFFER), ("c.tif", RefusalCode.SIDES_DIFFER), ("d.pdf", None)):
        with pytest.raises(Refused) as refused:
            collated(one, tmp_path / backs, tmp_path / "one.pdf")
        assert code in (None, refused.value.reason)
    assert other.exists() and not (tmp_path / "one.pdf").exists()


def test_a_page_of_noise_at_an_unknown_resolution_is_taken_as_a4(tmp_path: Path) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (1754, 1240), dtype=np.uint8)
    for name in ("truoc.png", "sau.png"):
        Image.fromarray(noise if name == "sau.png" else noise.T.copy().T[::-1]).save(tmp_path / name)
    collated(tmp_path / "truoc.png", tmp_path / "sau.png", tmp_path / "one.pdf")
    with pikepdf.open(tmp_path / "one.pdf") as made:
        assert [round(float(p.mediabox[3]) / 72, 1) for p in made.pages] == [11.7, 11.7]
