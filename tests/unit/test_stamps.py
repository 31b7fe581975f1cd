"""Stamps stay on the page, apart from each other, in their box, and in the appearance that the law names."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime
from itertools import product
from pathlib import Path

import numpy as np
import pikepdf
import pypdfium2
import pytest
from PIL import Image, ImageDraw

from pipeline.pdfa import write_pdfa
from pipeline.soundness import JPEG
from registry.errors import SigningFailed
from registry.values import CopyForm, PageText
from signing.authority import Authority, create_development_authority
from signing.keys import KeyRing, KeyRole, Pkcs12Key, RingKey
from signing.sign import FIELD, OFFICIALS_FIELD, SignedPdf
from signing.stamp import SIZES_PT, Placed, Seal, Stamp, agency_stamp, place
from signing.stamp_font import text_width
from signing.station import SigningStation
from signing.validate import TrustStore, validate_pdf
from tests.bad_inputs import encoded, sheet

FONT = Path("/usr/share/fonts/truetype/croscore/Tinos-Regular.ttf")
AT = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)
AGENCIES = (
    "UBND xã An Hòa",
    "Trung tâm Phục vụ hành chính công xã Nguyễn Thị Minh Khai – Đông Thạnh, tỉnh Vĩnh Long",
    "ỦYBANNHÂNDÂNXÃANHÒATHỊXÃBÌNHANTỈNHHÒABÌNHTHỬNGHIỆM",
)
PAGES = {
    "A4": (595, 842), "A5 across": (595, 420), "identity card": (243, 153), "receipt": (164, 432), "A0": (2384, 3370),
    "ribbon": (22, 600), "speck": (50, 50), "sliver": (600, 20),
}  # fmt: skip


@pytest.fixture(scope="module")
def seal(tmp_path_factory: pytest.TempPathFactory) -> Seal:
    picture = Image.new("RGBA", (400, 400), (0, 0, 0, 0))
    ImageDraw.Draw(picture).ellipse((8, 8, 392, 392), outline=(220, 20, 20, 255), width=12)
    picture.save(path := tmp_path_factory.mktemp("seal") / "dau.png")
    return Seal(path, 36)


@pytest.fixture(scope="module")
def station(tmp_path_factory: pytest.TempPathFactory) -> SigningStation:
    """With a key of the agency, and one of its official."""
    folder = tmp_path_factory.mktemp("keys")
    own = create_development_authority(folder / "keys", AGENCIES[0])
    key = Pkcs12Key.load(own.agency, own.passphrase.read_text())
    ring = KeyRing((RingKey(name="agency", open=lambda: key),
                    RingKey(name="official", role=KeyRole.OFFICIAL, open=lambda: key)))  # fmt: skip
    return station_of(own, ring)


def station_of(own: Authority, keys: KeyRing) -> SigningStation:
    trust = TrustStore.load(own.folder / "trust")
    return SigningStation(key=keys, level="B-LTA", tsa="development", authority=own, trust=trust, font=FONT)


def page_of(folder: Path, size: tuple[int, int]) -> Path:
    """A scan of a white page of so many points, as PDF/A."""
    scan, target = folder / "scan.jpg", folder / "plain.pdf"
    pixels = (round(size[0] / 72 * 100), round(size[1] / 72 * 100))
    scan.write_bytes(encoded(Image.new("L", pixels, 255), "JPEG", dpi=(100, 100)))
    write_pdfa(scan, JPEG, [PageText(index=0, text="", confidence=0, dpi=100)], target)
    return target


@pytest.mark.parametrize("appearance", ["nd30", "tt02"])
def test_no_stamp_leaves_its_page_and_no_text_its_stamp(seal: Seal, appearance: str) -> None:
    shown = 0
    for (width, height), agency, form in product(PAGES.values(), AGENCIES, CopyForm):
        page = (7, 11, 7 + width, 11 + height)
        stamp = agency_stamp(form, agency, AT, appearance, seal)  # type: ignore[arg-type]
        first = place(stamp, FONT, page)
        if first is None:
            assert width < 164 or height < 50, "only where there is no room"
            continue
        shown += 1
        assert inside(first, page)
        column = first.box[2] - first.box[0] - (0 if first.seal_pt is None or first.below else first.seal_pt[0])
        assert all(text_width(line, FONT, first.size_pt) <= column + 1 for line in first.text.splitlines())
        second = place(Stamp("", "Trần Văn Bình", AT), FONT, page, under=first)
        assert second is None or (inside(second, page) and second.box[3] < first.box[1]), "never over each other"
    assert shown >= len(AGENCIES) * len(CopyForm) * 5


def inside(placed: Placed, page: tuple[float, float, float, float]) -> bool:
    left, bottom, right, top = placed.box
    return page[0] <= left < right <= page[2] and page[1] <= bottom < top <= page[3]


def test_the_law_s_size_is_left_only_where_the_page_forces_it() -> None:
    for name in ("A4", "A5 across", "identity card", "A0"):
        placed = place(agency_stamp(CopyForm.TRUE_COPY, AGENCIES[1], AT), FONT, (0, 0, *PAGES[name]))
        assert placed is not None and placed.size_pt == SIZES_PT[0], name


def test_each_appearance_says_what_its_law_names(seal: Seal) -> None:
    page = (0.0, 0.0, 595.0, 842.0)
    words = {form: place(agency_stamp(form, AGENCIES[0], AT), FONT, page) for form in CopyForm}
    assert [w.text.splitlines()[0] for w in words.values() if w] == ["SAO Y", "SAO LỤC", "TRÍCH SAO"]
    sealed = place(agency_stamp(CopyForm.TRUE_COPY, AGENCIES[0], AT, "tt02", seal), FONT, page)
    assert sealed is not None and sealed.text.splitlines() == [AGENCIES[0], "2026-11-24T10:00:00+07:00"]
    assert sealed.seal_pt == (102, 102), "36 mm"
    with pytest.raises(SigningFailed, match=r"dau\.txt"):
        place(agency_stamp(CopyForm.TRUE_COPY, "UBND", AT, "tt02", Seal(Path("dau.txt"), 36)), FONT, page)


def test_two_signatures_are_seen_apart_and_hold(station: SigningStation, tmp_path: Path) -> None:
    plain = page_of(tmp_path, PAGES["A4"])
    stamp = agency_stamp(CopyForm.COPY_OF_COPY, AGENCIES[1], AT)
    made: SignedPdf = station.sign(plain, tmp_path / "signed.pdf", stamp=stamp, unit="H99", mark=True)
    assert (made.level, made.signatures) == ("B-LTA", 2)
    report = validate_pdf(made.path, station.trust)
    assert report.verdict == "TOTAL-PASSED", report
    assert [one.field for one in report.signatures] == [OFFICIALS_FIELD, FIELD], "the agency's comes last"
    with pikepdf.open(made.path) as pdf:
        boxes = [[float(v) for v in a.Rect] for a in pdf.pages[0].obj["/Annots"] if a.Rect[2] != a.Rect[0]]
    assert len(boxes) == 2 and boxes[0][3] < boxes[1][1], "the official's below the agency's"


def test_what_is_seen_is_seen_alike_by_poppler_and_by_chromium_s_engine(
    station: SigningStation, seal: Seal, tmp_path: Path
) -> None:
    for appearance, name in product(("nd30", "tt02"), ("A4", "identity card", "receipt")):
        plain = page_of(tmp_path, PAGES[name])
        stamp = agency_stamp(CopyForm.EXTRACT, AGENCIES[1], AT, appearance, seal)  # type: ignore[arg-type]
        made = station.sign(plain, tmp_path / "signed.pdf", stamp=stamp)
        placed = place(stamp, FONT, (0, 0, *page_size(made.path)))
        assert placed is not None
        for seen in (by_poppler(made.path), by_pdfium(made.path)):
            dark = np.argwhere(seen < 200)
            height = seen.shape[0]
            top, left = dark.min(axis=0)
            bottom, right = dark.max(axis=0)
            around = tuple(side + grow for side, grow in zip(placed.box, (-1, -1, 1, 1), strict=True))
            assert inside(Placed("", (left, height - 1 - bottom, right, height - 1 - top)), around)
            assert len(dark) > 300, "ink is there"


def page_size(path: Path) -> tuple[float, float]:
    with pikepdf.open(path) as pdf:
        box = pdf.pages[0].mediabox
        return float(box[2]), float(box[3])


def by_poppler(path: Path) -> np.ndarray:
    """Page 1, a pixel a point, grey."""
    subprocess.run(["pdftoppm", "-r", "72", "-gray", "-singlefile", path, path.with_suffix("")], check=True)
    return np.asarray(Image.open(path.with_suffix(".pgm")).convert("L"))


def by_pdfium(path: Path) -> np.ndarray:
    pdf = pypdfium2.PdfDocument(path)
    pdf.init_forms()
    seen = np.asarray(pdf[0].render(scale=1, may_draw_forms=True).to_pil().convert("L"))
    pdf.close()
    return seen


def test_a_page_without_room_is_signed_unseen(station: SigningStation, tmp_path: Path) -> None:
    plain = page_of(tmp_path, PAGES["speck"])
    made = station.sign(plain, tmp_path / "signed.pdf", stamp=agency_stamp(CopyForm.TRUE_COPY, AGENCIES[1], AT))
    assert made.level == "B-LTA"
    assert (by_pdfium(made.path) > 200).all()
    assert validate_pdf(made.path, station.trust).verdict == "TOTAL-PASSED"


def test_the_scan_under_the_stamp_is_as_it_was(station: SigningStation, tmp_path: Path) -> None:
    scan = tmp_path / "x.jpg"
    scan.write_bytes(encoded(sheet(), "JPEG"))
    write_pdfa(scan, JPEG, [PageText(index=0, text="", confidence=0, dpi=200)], tmp_path / "x.pdf")
    made = station.sign(tmp_path / "x.pdf", tmp_path / "y.pdf", stamp=agency_stamp(CopyForm.TRUE_COPY, "UBND", AT))
    assert made.path.read_bytes().startswith((tmp_path / "x.pdf").read_bytes())
