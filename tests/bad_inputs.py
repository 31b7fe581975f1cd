"""Inputs as broken and odd as scanners, copiers and people make them, with what must become of each."""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import img2pdf
import pikepdf
from PIL import Image, ImageDraw
from reportlab.pdfgen import canvas

DPI = (200, 200)


@dataclass(frozen=True, slots=True)
class Input:
    """refusal: the code, None when it is taken; warnings: at least these are recorded; pages: when taken."""

    name: str
    content: bytes
    refusal: str | None = None
    warnings: frozenset[str] = frozenset()
    pages: int = 1


def sheet(mode: str = "RGB", size: tuple[int, int] = (1654, 2339), text: str = "UBND") -> Image.Image:
    """An A4 page at 200 dpi with something on it."""
    page = Image.new("L", size, 250)
    pen = ImageDraw.Draw(page)
    for row in range(8):
        pen.text((150, 150 + 90 * row), f"{text} {row}", fill=20, font_size=60)
    return page.convert(mode)


def encoded(page: Image.Image, kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    page.save(out, kind, **{"dpi": DPI, **options})
    return out.getvalue()


def scanned_pdf(pages: int = 1) -> bytes:
    return bytes(img2pdf.convert([encoded(sheet(text=f"trang {n}"), "JPEG") for n in range(pages)]))


def changed(change: Callable[[pikepdf.Pdf], None], **options: object) -> bytes:
    out = io.BytesIO()
    with pikepdf.open(io.BytesIO(scanned_pdf())) as pdf:
        change(pdf)
        pdf.save(out, **options)
    return out.getvalue()


def born_digital() -> bytes:
    out = io.BytesIO()
    paper = canvas.Canvas(out, pagesize=(595, 842))
    for row in range(20):
        paper.drawString(60, 780 - 20 * row, f"Dong chu thu {row} cua van ban dien tu")
    paper.showPage()
    paper.save()
    return out.getvalue()


def bomb() -> bytes:
    """A PNG of 40 000 x 40 000 pixels in a few kilobytes."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return len(body).to_bytes(4, "big") + kind + body + zlib.crc32(kind + body).to_bytes(4, "big")

    side = 40_000
    packer = zlib.compressobj(9)
    rows = b"".join(packer.compress(bytes(side // 8 + 1)) for _ in range(side)) + packer.flush()
    head = side.to_bytes(4, "big") * 2 + bytes([1, 0, 0, 0, 0])
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def looping_tiff() -> bytes:
    """Its second directory says that the first one comes next."""
    whole = bytearray(encoded(sheet("L", (200, 200)), "TIFF"))
    first = int.from_bytes(whole[4:8], "little")
    entries = int.from_bytes(whole[first : first + 2], "little")
    end = first + 2 + 12 * entries
    whole[end : end + 4] = first.to_bytes(4, "little")
    return bytes(whole)


def _script(pdf: pikepdf.Pdf) -> None:
    pdf.Root.OpenAction = pikepdf.Dictionary(S=pikepdf.Name.JavaScript, JS=pikepdf.String("app.alert(1)"))


def _launch(pdf: pikepdf.Pdf) -> None:
    pdf.Root.OpenAction = pikepdf.Dictionary(S=pikepdf.Name.Launch, F=pikepdf.String("cmd.exe"))


def _attach(pdf: pikepdf.Pdf) -> None:
    pdf.attachments["a.exe"] = b"MZ"


def _empty(pdf: pikepdf.Pdf) -> None:
    del pdf.pages[:]


def _many(pdf: pikepdf.Pdf) -> None:
    for _ in range(1500):
        pdf.add_blank_page(page_size=(595, 842))


def inputs() -> Iterator[Input]:
    """Everything, refused and taken."""
    jpeg, tiff, pdf = encoded(sheet(), "JPEG"), encoded(sheet(), "TIFF"), scanned_pdf()
    locked = pikepdf.Encryption(user="mat-khau", owner="chu")
    yield Input("rong.pdf", b"", "empty")
    yield Input("cut.jpg", jpeg[: len(jpeg) // 2], "truncated")
    yield Input("cut.tif", tiff[: len(tiff) // 2], "truncated")
    yield Input("cut.pdf", pdf[: len(pdf) // 2], "truncated")
    yield Input("khoa.pdf", changed(lambda _pdf: None, encryption=locked), "encrypted")
    yield Input("script.pdf", changed(_script), "active-content")
    yield Input("chay.pdf", changed(_launch), "active-content")
    yield Input("kem.pdf", changed(_attach), "active-content")
    yield Input("khong trang.pdf", changed(_empty), "zero-pages")
    yield Input("nhieu trang.pdf", changed(_many), "too-many-pages")
    yield Input("bom.png", bomb(), "too-large-image")
    yield Input("anh.pdf", encoded(sheet(text="anh"), "JPEG"), "type-mismatch")
    yield Input("chuong trinh.pdf", b"MZ" + bytes(2000), "type-mismatch")
    yield Input("ghi chu.txt", "không phải giấy tờ".encode(), "not-a-document")
    yield Input("rac.jpg", bytes(range(256)) * 20, "type-mismatch")
    yield Input("vong.tif", looping_tiff(), "corrupt")
    yield Input("tot.pdf", pdf)
    yield Input("nhieu.pdf", scanned_pdf(3), pages=3)
    yield Input("tot.jpg", jpeg)
    yield Input("xam.png", encoded(sheet("L"), "PNG"))
    yield Input("den trang.tif", encoded(sheet("1"), "TIFF", compression="group4"), None, frozenset({"bilevel"}))
    yield Input("cmyk.jpg", encoded(sheet("CMYK"), "JPEG"), None, frozenset({"cmyk"}))
    yield Input("tho.jpg", encoded(sheet(size=(827, 1169)), "JPEG", dpi=(100, 100)), None, frozenset({"low_dpi"}))
    yield Input("khong dpi.png", _without_dpi(), None, frozenset({"no_dpi"}))
    yield Input("thua.jpg", jpeg + b"\0" * 64, None, frozenset({"trailing_data"}))
    two = encoded(sheet(), "TIFF", save_all=True, append_images=[sheet(text="hai")])
    yield Input("hai trang.tif", two, None, frozenset({"multi_frame"}), 2)
    yield Input("chu.pdf", born_digital(), None, frozenset({"text_layer"}))
    owner = pikepdf.Encryption(user="", owner="chu")
    yield Input("chu so huu.pdf", changed(lambda _pdf: None, encryption=owner), None, frozenset({"owner_password"}))
    exif = Image.Exif()
    exif[0x0112] = 6
    yield Input("xoay.jpg", encoded(sheet(), "JPEG", exif=exif), None, frozenset({"orientation_tag"}))


def _without_dpi() -> bytes:
    out = io.BytesIO()
    sheet("L").save(out, "PNG")
    return out.getvalue()


def write_to(folder: Path) -> list[tuple[Path, Input]]:
    """Every input as a file."""
    folder.mkdir(parents=True, exist_ok=True)
    made = []
    for told in inputs():
        (folder / told.name).write_bytes(told.content)
        made.append((folder / told.name, told))
    return made
