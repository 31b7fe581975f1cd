"""Sample scans: papers laid out after NĐ 30/2020/NĐ-CP, printed, sealed, laid a little askew and scanned."""

from __future__ import annotations

import math
from functools import lru_cache
from pathlib import Path

import img2pdf
import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from app.demo.papers import Paper, papers
from pipeline.landing import landing

DPI = 200
WIDTH, HEIGHT = 1654, 2339
LEFT, RIGHT = 236, 1536
FONTS = Path("/usr/share/fonts/truetype/croscore")
INK, RED, BLUE = (25, 25, 30), (205, 40, 45), (40, 60, 160)
FORMATS = ("pdf", "jpg", "pdf", "tif", "png", "pdf")


def make_scans(inbox: Path, seed: int = 1) -> list[tuple[Path, Paper]]:
    """Every sample paper lies in the inbox as a scan; same seed, same pictures."""
    random = np.random.default_rng(seed)
    made = []
    for number, paper in enumerate(papers()):
        picture = _scanned(draw(paper), random, turned=number in (7, 19))
        suffix = FORMATS[number % len(FORMATS)]
        path = inbox / paper.inbox / f"{paper.file}.{suffix}"
        with landing(path) as part:
            _save(picture, part, suffix)
        made.append((path, paper))
    return made


def draw(paper: Paper) -> Image.Image:
    """The clean page."""
    page = Image.new("RGB", (WIDTH, HEIGHT), (252, 252, 250))
    pen = ImageDraw.Draw(page)
    y = _head(pen, paper)
    for line in paper.title:
        y = _centred(pen, line, (LEFT + RIGHT) // 2, y, _font(38, bold=True))
    for line in paper.subject if not paper.letter else ():
        y = _centred(pen, line, (LEFT + RIGHT) // 2, y + 2, _font(36, bold=True))
    if paper.kind in ("giay-khai-sinh", "giay-chung-nhan-ket-hon", "giay-chung-nhan-dang-ky-ho-kinh-doanh"):
        y = _centred(pen, f"Số: {paper.number}", (LEFT + RIGHT) // 2, y + 6, _font(34))
    if paper.addressed_to:
        y = _centred(pen, f"Kính gửi: {paper.addressed_to}", (LEFT + RIGHT) // 2, y + 24, _font(36))
    y = _body(pen, paper, y + 34)
    _signature(page, pen, paper, y + 26)
    return page


def _head(pen: ImageDraw.ImageDraw, paper: Paper) -> int:
    right = 1120 if paper.agency else (LEFT + RIGHT) // 2
    y = _centred(pen, "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM", right, 150, _font(33, bold=True))
    y = _centred(pen, "Độc lập - Tự do - Hạnh phúc", right, y, _font(35, bold=True))
    pen.line((right - 190, y + 6, right + 190, y + 6), fill=INK, width=2)
    if not paper.agency:
        return y + 60
    left = 450
    below = 150
    for line in paper.agency:
        below = _centred(pen, line, left, below, _font(33, bold=True))
    pen.line((left - 80, below + 6, left + 80, below + 6), fill=INK, width=2)
    below += 26
    if paper.kind not in ("giay-khai-sinh", "giay-chung-nhan-ket-hon", "giay-chung-nhan-dang-ky-ho-kinh-doanh"):
        below = _centred(pen, f"Số: {paper.number}", left, below, _font(34))
        if paper.place:
            d, m, year = paper.day
            when = f"{paper.place}, ngày {d:02d} tháng {m if m > 2 else f'{m:02d}'} năm {year}"
            _centred(pen, when, right, below - 44, _font(34, italic=True))
    for line in paper.subject if paper.letter else ():
        below = _centred(pen, line, left, below + 4, _font(31))
    return max(below, y) + 50


def _body(pen: ImageDraw.ImageDraw, paper: Paper, y: int) -> int:
    font = _font(36)
    for line in paper.body:
        if line.endswith(":") and line.isupper():
            y = _centred(pen, line, (LEFT + RIGHT) // 2, y + 12, _font(37, bold=True)) + 12
            continue
        free = LEFT
        for number, piece in enumerate(line.split("          ")):
            x = max(LEFT + 460 * number, free)
            pen.text((x, y), piece, font=font, fill=INK)
            free = x + round(font.getlength(piece)) + 40
        y += 58
    return y


def _signature(page: Image.Image, pen: ImageDraw.ImageDraw, paper: Paper, y: int) -> None:
    middle = 1190
    if not paper.agency:
        d, m, year = paper.day
        when = f"{paper.place}, ngày {d:02d} tháng {m if m > 2 else f'{m:02d}'} năm {year}"
        y = _centred(pen, when, middle, y, _font(34, italic=True))
    elif paper.kind in ("quyet-dinh", "cong-van", "thong-bao"):
        for number, line in enumerate(("Nơi nhận:", "- Như trên;", "- Lưu: VT.")):
            pen.text((LEFT, y + 34 * number), line, font=_font(28, italic=number == 0), fill=INK)
    for line in paper.position:
        y = _centred(pen, line, middle, y, _font(35, bold=True))
    if paper.agency:
        _seal(page, (middle - 150, y + 105))
    _scribble(pen, middle, y + 100, sum(map(ord, paper.signer)))
    _centred(pen, paper.signer, middle, y + 215, _font(37, bold=True))


def _seal(page: Image.Image, centre: tuple[int, int]) -> None:
    """A round red seal that lets the print below it through, as stamping ink does."""
    x, y = centre
    layer = Image.new("RGB", page.size, "white")
    pen = ImageDraw.Draw(layer)
    for radius, width in ((118, 6), (84, 3)):
        pen.ellipse((x - radius, y - radius, x + radius, y + radius), outline=RED, width=width)
    star = [(x + r * math.sin(i * math.pi / 5), y - r * math.cos(i * math.pi / 5)) for i, r in enumerate([44, 18] * 5)]
    pen.polygon(star, outline=RED, width=4)
    page.paste(Image.fromarray(np.minimum(np.asarray(page), np.asarray(layer))))


def _scribble(pen: ImageDraw.ImageDraw, x: int, y: int, seed: int) -> None:
    points = [
        (x - 120 + 6 * t, y + 40 * math.sin(t * (0.33 + seed % 7 / 40)) * math.cos(t * 0.11 + seed)) for t in range(40)
    ]
    pen.line(points, fill=BLUE, width=4, joint="curve")


def _scanned(page: Image.Image, random: np.random.Generator, *, turned: bool) -> Image.Image:
    """What a scanner makes of it: a little lean, soft edges, uneven light, grain."""
    lean = float(random.uniform(-0.9, 0.9))
    paper = page.rotate(lean, resample=Image.Resampling.BICUBIC, fillcolor=(250, 250, 248))
    paper = paper.filter(ImageFilter.GaussianBlur(0.5))
    pixels = np.asarray(paper).astype(np.int16)
    light = np.linspace(0, float(random.uniform(-10, 0)), pixels.shape[1])[None, :, None]
    grain = random.normal(0, 3.0, pixels.shape[:2])[:, :, None]
    picture = Image.fromarray(np.clip(pixels + light + grain, 0, 255).astype(np.uint8))
    return picture.rotate(180) if turned else picture


def _save(picture: Image.Image, path: Path, suffix: str) -> None:
    if suffix == "pdf":
        jpeg = path.with_suffix(".jpg.part")
        picture.save(jpeg, "JPEG", quality=72, dpi=(DPI, DPI))
        path.write_bytes(img2pdf.convert(str(jpeg)))
        jpeg.unlink()
    elif suffix == "png":
        picture.convert("L").save(path, "PNG", dpi=(DPI, DPI))
    elif suffix == "tif":
        picture.save(path, "TIFF", compression="jpeg", quality=75, dpi=(DPI, DPI))
    else:
        picture.save(path, "JPEG", quality=75, dpi=(DPI, DPI))


def _centred(pen: ImageDraw.ImageDraw, text: str, x: int, y: int, font: ImageFont.FreeTypeFont) -> int:
    pen.text((x, y), text, font=font, fill=INK, anchor="ma")
    return y + int(font.size * 1.32)


@lru_cache
def _font(size: int, *, bold: bool = False, italic: bool = False) -> ImageFont.FreeTypeFont:
    face = {(False, False): "Regular", (True, False): "Bold", (False, True): "Italic", (True, True): "BoldItalic"}
    return ImageFont.truetype(str(FONTS / f"Tinos-{face[(bold, italic)]}.ttf"), size)
