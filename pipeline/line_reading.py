"""A level page, line by line: by the OCR engine, and by a second reader where it is unsure."""

from __future__ import annotations

import itertools
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

from pipeline import second_reader
from pipeline.digits_again import digits_again
from pipeline.imaging import Gray
from pipeline.lines import find_lines
from pipeline.ocr import OcrEngine, RawWord
from pipeline.ruling import Cell, find_ruling, without_ruling
from pipeline.second_reader import DIGITS, Found
from pipeline.strips import Strip, digits_of, outside, strips

SURE, RATHER_SURE = 0.9, 0.8
"""A line is not read twice whose words have the first as their mean confidence and the second each."""
KEPT = 0.86
"""A word of the engine that stands whatever the second reader says."""
TOUCHING = 0.4
"""A word of the second reader is the same as one of the engine's if so much of it lies there: its columns are rough."""
NOISE = 0.6
"""A line below it by both readers is no print: strokes of a signature, a seal's edge, dirt."""
LEAST = 2
"""Nor is what the engine calls noise and the second reader a single letter."""


@dataclass(frozen=True, slots=True)
class ReadPage:
    """words: in pixels, `line` counting the page's lines. cells: of tables. sure: the engine's mean confidence."""

    words: list[RawWord]
    cells: tuple[Cell, ...]
    sure: float


def read_level(level: Gray, engine: OcrEngine, *, dpi: int, timeout_s: float) -> ReadPage:
    """The words of an upright, level, evenly lit page. Raises TooSlow."""
    until = time.monotonic() + timeout_s
    ruling = find_ruling(level)
    clean = without_ruling(level, ruling)
    read = partial(engine.recognise_line, dpi=dpi)
    words: list[RawWord] = []
    first: list[RawWord] = []
    lines = outside(find_lines(clean, ruling.drawn), ruling.combs)
    for strip in strips(lines):
        told = read(strip.picture, timeout_s=until - time.monotonic())
        first += told
        found = digits_again(_both(told, strip), strip, partial(read, timeout_s=until - time.monotonic()))
        words += [_on_page(word, strip) for word in found]
    for n, comb in enumerate(ruling.combs):
        strip, filled = digits_of(comb, clean)
        if filled:
            told = read(strip.picture, timeout_s=until - time.monotonic(), only=DIGITS)
            number, sure = _number(
                told, second_reader.read_line(strip.picture, strip.letter, strip.base, DIGITS), filled
            )
            words.append(
                RawWord(number, comb[0].left, comb[0].top, comb[-1].right, comb[0].bottom, sure, len(lines) + n, 0)
            )
    return ReadPage(words, ruling.cells, confidence(first))


def confidence(words: Sequence[RawWord]) -> float:
    """The mean over all letters; 0 where there are none."""
    letters = sum(len(w.text) for w in words)
    return sum(w.confidence * len(w.text) for w in words) / letters if letters else 0.0


def _number(told: Sequence[RawWord], found: Sequence[Found], filled: int) -> tuple[str, float]:
    """Of two readings of digits in boxes the one that has as many as boxes are filled in; sure where both say so."""
    first, second = "".join(w.text for w in told), "".join(f.text for f in found)
    if first == second and len(first) == filled:
        return first, max(confidence(told), _mean(found))
    readings = [(first, confidence(told)), (second, _mean(found))]
    best, sure = max(readings, key=lambda r: (len(r[0]) == filled, r[1]))
    return best, 0.7 * sure


def _both(words: list[RawWord], strip: Strip) -> list[RawWord]:
    """What the engine is sure of, and beside that what the second reader makes of the line, where it is surer."""
    mean = confidence(words)
    if words and mean >= SURE and min(w.confidence for w in words) >= RATHER_SURE:
        return words
    found = second_reader.read_line(strip.picture, strip.letter, strip.base)
    if max(mean, _mean(found)) < NOISE or (mean < NOISE and sum(c.isalnum() for f in found for c in f.text) < LEAST):
        return []
    kept = [w for w in words if w.confidence >= KEPT]
    free = [f for f in found if not any(_overlap(f, w) > TOUCHING for w in kept)]
    mixed: list[RawWord] = []
    edges = [float("-inf"), *(w.left for w in kept), float("inf")]
    for begin, end in itertools.pairwise(edges):
        doubtful = [w for w in words if w.confidence < KEPT and begin <= w.left < end]
        instead = [f for f in free if begin <= (f.left + f.right) / 2 < end]
        mixed += [w for w in kept if w.left == begin]
        mixed += doubtful if confidence(doubtful) >= _mean(instead) else _instead(instead, doubtful, strip.picture)
    mixed = [w for w in mixed if w.confidence >= NOISE or (w.confidence >= NOISE / 2 and len(w.text) > 3)]
    return mixed if any(c.isalnum() for w in mixed for c in w.text) else []  # a hole of a punch, a staple


def _overlap(found: Found, word: RawWord) -> float:
    """The share of the word found that stands where the other does."""
    return (min(found.right, word.right) - max(found.left, word.left)) / max(1.0, found.right - found.left)


def _mean(found: Sequence[Found]) -> float:
    letters = sum(len(f.text) for f in found)
    return sum(f.confidence * len(f.text) for f in found) / letters if letters else 0.0


def _instead(found: Sequence[Found], doubtful: Sequence[RawWord], picture: Gray) -> list[RawWord]:
    """The second reader's words; the first of them says what they stand for."""
    high, before = picture.shape[0], " ".join(w.text for w in doubtful)
    return [
        RawWord(f.text, round(f.left), 0, round(f.right), high, f.confidence, 0, 0, "" if n else before)
        for n, f in enumerate(found)
    ]


def _on_page(word: RawWord, strip: Strip) -> RawWord:
    piece = strip.piece_at((word.left + word.right) / 2)
    right = piece.left - piece.start
    return replace(
        word,
        left=word.left + right,
        top=word.top + strip.top,
        right=word.right + right,
        bottom=word.bottom + strip.top,
        line=piece.number,
        block=0,
    )
