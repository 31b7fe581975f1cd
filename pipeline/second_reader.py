"""A reader of our own for lines that the OCR engine is unsure of: handwriting above all (tools/recogniser trains it).

A convolutional network with CTC; `lines.onnx` beside this module holds it and its letters. One session a process.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
import onnxruntime
from numpy.typing import NDArray

from pipeline.imaging import Gray
from pipeline.strips import PAPER

MODEL = Path(__file__).with_name("lines.onnx")
HEIGHT, EM, STRIDE = 48, 31.0, 4
"""As in training: the picture's height, the font's size in it, and its columns to a step of the answer."""
EM_OF_LETTER = 2.0
"""The font's size in usual heights of its letters."""
MIDDLE = 0.33
"""The middle of a line above the place where its letters stand, in sizes of the font."""
WIDEST = 4000
BEGINS, ENDS = 0.25, 0.65
"""A word begins and ends so many letter heights after the steps at which its first and last letter are told."""
DIGITS = "0123456789"


@dataclass(frozen=True, slots=True)
class Found:
    """A word, between these columns of the picture. confidence: the mean chance of its letters."""

    text: str
    left: float
    right: float
    confidence: float


@lru_cache(maxsize=1)
def _network() -> tuple[onnxruntime.InferenceSession, str]:
    told = onnxruntime.SessionOptions()
    told.intra_op_num_threads = told.inter_op_num_threads = 1  # one page per core is faster
    session = onnxruntime.InferenceSession(str(MODEL), told, providers=["CPUExecutionProvider"])
    return session, session.get_modelmeta().custom_metadata_map["characters"]


def read_line(picture: Gray, letter: float, base: float, only: str = "") -> list[Found]:
    """The words of a line, dark on white; letter: the height of its letters, base: where they stand, in its pixels.

    only: the letters that may stand there; all where it is empty.
    """
    session, characters = _network()
    scale = EM / (EM_OF_LETTER * max(letter, 4.0))
    ink = _framed(picture, scale, base - MIDDLE * EM / scale)
    (answer,) = session.run(None, {"ink": ink[None, None]})
    if only:
        answer[0][:, [n for n, known in enumerate(characters, start=1) if known not in only]] = -np.inf
    return [
        Found(f.text, f.left + BEGINS * letter, f.right + ENDS * letter, f.confidence)
        for f in _words(answer[0], characters, STRIDE / scale)
    ]


def _framed(picture: Gray, scale: float, middle: float) -> NDArray[np.float32]:
    """As the network wants it: 0 for paper, 1 for ink."""
    half = HEIGHT / 2 / scale
    low, high = math.floor(middle - half), math.ceil(middle + half)
    inside = picture[max(0, low) : max(0, high)]
    above, below = max(0, -low), max(0, high - picture.shape[0])
    if inside.size == 0:
        inside, above, below = np.full((1, picture.shape[1]), PAPER, np.uint8), 0, 0
    frame = cv2.copyMakeBorder(inside, above, below, 0, 0, cv2.BORDER_CONSTANT, value=PAPER)
    wide = min(WIDEST, max(4 * STRIDE, round(picture.shape[1] * scale)))
    line = cv2.resize(frame, (wide, HEIGHT), interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    line = cv2.copyMakeBorder(line, 0, 0, 0, -wide % STRIDE, cv2.BORDER_CONSTANT, value=PAPER)
    return np.asarray((255 - line) / np.float32(255), np.float32)


def _words(answer: NDArray[np.float32], characters: str, step: float) -> list[Found]:
    """The likeliest letter of each step, repeated ones once, parted at spaces."""
    chances = np.exp(answer - answer.max(axis=1, keepdims=True))
    chances /= chances.sum(axis=1, keepdims=True)
    letters: list[tuple[str, int, float]] = []
    at = 0
    for code, same in itertools.groupby(answer.argmax(axis=1).tolist()):
        length = len(list(same))
        if code:
            letters.append((characters[code - 1], at, float(chances[at : at + length, code].max())))
        at += length
    words = []
    for space, run in itertools.groupby(letters, key=lambda letter: letter[0].isspace()):
        if not space:
            words.append(_word(list(run), step))
    return words


def _word(run: Sequence[tuple[str, int, float]], step: float) -> Found:
    text, confidence = "".join(letter for letter, _, _ in run), sum(chance for _, _, chance in run) / len(run)
    return Found(text, run[0][1] * step, (run[-1][1] + 1) * step, confidence)
