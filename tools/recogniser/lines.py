"""Pictures of invented lines as they stand on paper, before a scanner sees them: print, handwriting, blanks, boxes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from random import Random

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from tools.recogniser import text
from tools.recogniser.fonts import Fonts, known, letters
from tools.recogniser.spoiling import spoil

Gray = NDArray[np.uint8]
WHITE = 255


@dataclass(frozen=True, slots=True)
class Piece:
    """Some words in one font. what: print | hand | filled (a blank with its value) | empty (without) | boxes."""

    words: str
    font: ImageFont.FreeTypeFont
    what: str
    width: float


def line(r: Random, folder: Path, longest: int) -> tuple[Gray, str]:
    """A picture `spoiling.HEIGHT` high, dark on light; and what stands there: at most some `longest` characters."""
    size = r.randint(26, 56)
    track = r.choice((0, 0, 0, 0, 1)) * r.uniform(0.0, 0.12) * size  # letters set apart, as in headings
    pieces = [_piece(r, words, font, what, size, track) for words, font, what in _content(r, known(folder), longest)]
    return spoil(r, _drawn(r, pieces, size, track), size), _told(pieces)


def _content(r: Random, fonts: Fonts, longest: int) -> list[tuple[str, str, str]]:
    """Words, the file of their font, and what they are."""
    printed = r.choice(fonts.office) if r.random() < 0.6 else r.choice(fonts.others)
    length, kind = r.randint(2, longest), r.random()
    if kind < 0.66:
        return [(text.words(r, length), printed, "print")]
    if kind < 0.72:
        return [(text.words(r, length), r.choice(fonts.hand), "hand")]
    if kind >= 0.92:
        digits = " ".join(r.choices("0123456789", k=r.randint(2, 12)))
        return [(digits, r.choice(fonts.hand + fonts.office), "boxes")]
    label = text.words(r, r.randint(2, max(3, length // 2))) + (":" if r.random() < 0.6 else "")
    filled = r.choice(fonts.hand) if r.random() < 0.65 else printed
    found = [(label, printed, "print")]
    if r.random() < 0.85:
        found.append((text.value(r, max(2, length - len(label))), filled, "filled"))
    else:
        found.append(("", printed, "empty"))
    if r.random() < 0.25:
        found.append((text.words(r, max(2, length // 4)), printed, "print"))
    return found


def _piece(r: Random, words: str, path: str, what: str, size: int, track: float) -> Piece:
    words = "".join(c for c in words if ord(c) in letters(path))
    larger = r.uniform(1.0, 1.35) if what in ("hand", "filled") else 1.0
    font = _font(path, max(10, int(size * larger)))
    if what == "boxes":
        width = len(words.replace(" ", "")) * size * 1.1
    elif what == "empty":
        width = size * r.uniform(3, 10)
    else:
        width = font.getlength(words) + track * len(words) + (size * r.uniform(0, 3) if what == "filled" else 0)
    return Piece(words, font, what, width)


def _told(pieces: list[Piece]) -> str:
    return " ".join(" ".join(p.words for p in pieces).split())


def _drawn(r: Random, pieces: list[Piece], size: int, track: float) -> Gray:
    """Black on white, the letters standing 1.5 sizes below the top, with some room around."""
    gap = max(2, int(size * r.uniform(0.2, 0.5)))
    width = int(sum(p.width for p in pieces) + gap * (len(pieces) - 1) + 2 * size)
    page = Image.new("L", (width, int(size * 2.4)), WHITE)
    pen, base, x = ImageDraw.Draw(page), int(size * 1.5), size * r.uniform(0.15, 1.0)
    for piece in pieces:
        ink = r.randint(0, 70) if piece.what in ("print", "boxes") else r.randint(0, 110)
        DRAW[piece.what](r, pen, piece, x, base, size, ink)
        if piece.what not in ("empty", "boxes"):
            _write(r, pen, piece, x, base, size, ink, track)
        x += piece.width + gap
    return np.array(page)


def _write(
    r: Random, pen: ImageDraw.ImageDraw, piece: Piece, x: float, base: int, size: int, ink: int, track: float
) -> None:
    if track:
        for c in piece.words:
            pen.text((x, base), c, font=piece.font, fill=ink, anchor="ls")
            x += piece.font.getlength(c) + track
        return
    free = piece.width - piece.font.getlength(piece.words)
    inset, drop = (free * r.random(), r.uniform(-0.02, 0.02) * size) if piece.what == "filled" else (0.0, 0.0)
    pen.text((x + inset, base + drop), piece.words, font=piece.font, fill=ink, anchor="ls")


def _underlined(r: Random, pen: ImageDraw.ImageDraw, piece: Piece, x: float, base: int, size: int, ink: int) -> None:
    """Now and then."""
    if piece.what == "print" and r.random() < 0.03:
        y = base + size * 0.14
        pen.line([x, y, x + piece.width, y], fill=ink, width=max(1, size // 18))


def _blank(r: Random, pen: ImageDraw.ImageDraw, piece: Piece, x: float, base: int, size: int, _ink: int) -> None:
    """Leader dots, a rule, or nothing below what is filled in."""
    kind, ink, y = r.random(), r.randint(20, 150), base + size * r.uniform(-0.02, 0.12)
    if kind < 0.55:
        step, dot = size * r.uniform(0.12, 0.3), max(0.6, size * r.uniform(0.025, 0.06))
        for n in range(int(piece.width / step)):
            pen.ellipse([x + n * step - dot, y - dot, x + n * step + dot, y + dot], fill=ink)
    elif kind < 0.8:
        pen.line([x, y, x + piece.width, y], fill=ink, width=max(1, int(size * r.uniform(0.02, 0.06))))


def _boxes(r: Random, pen: ImageDraw.ImageDraw, piece: Piece, x: float, base: int, size: int, ink: int) -> None:
    """A box for each digit, some of them missing."""
    side, frame = size * 1.1, r.randint(40, 170)
    for n, digit in enumerate(piece.words.replace(" ", "")):
        left = x + n * side
        if r.random() < 0.85:
            box = [left, base - size * 0.95, left + side, base + size * 0.2]
            pen.rectangle(box, outline=frame, width=max(1, size // 22))
        pen.text((left + side / 2, base), digit, font=piece.font, fill=ink, anchor="ms")


Drawing = Callable[[Random, ImageDraw.ImageDraw, Piece, float, int, int, int], None]
DRAW: dict[str, Drawing] = {
    "print": _underlined, "hand": _underlined, "filled": _blank, "empty": _blank, "boxes": _boxes,
}  # fmt: skip
"""What is drawn under or instead of the words."""


@lru_cache(maxsize=1024)
def _font(path: str, size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(path, size)
