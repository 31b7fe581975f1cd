"""Numbers in which letters were read are read once more, as digits alone: `Số: B8/UBND`, `ngày l5`, `0840660O7788`.

Evidence is asked: two readers that know nothing of each other must see the same digits, as many as there were signs.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import replace

from pipeline import second_reader
from pipeline.describing.text import fold
from pipeline.ocr import RawWord
from pipeline.second_reader import DIGITS
from pipeline.strips import Strip

LOOK_LIKE_DIGITS = frozenset("OoQDUIilLtSsBbZzgqGTAyj|!?&§$")
BEFORE_NUMBERS = frozenset({"so", "ngay", "thang", "nam", "cccd", "cmnd", "ddcn"})
"""Words, without marks, behind which a number stands."""
LENGTHS, MOSTLY = (9, 10, 12), 0.6
"""Identity cards and tax codes have so many digits: a sign as long is one with faults if so many of its letters are
digits. A passport's number, a letter and seven digits, is none of them."""
SHORT = 5
"""Letters of the longest number that is believed by what stands before it."""
BESIDE = 3
"""Pixels of the line that are read beside a number."""
BOTH_AGREE = 0.9
"""No surer than this is what was read three times."""


def digits_again(words: Sequence[RawWord], strip: Strip, read: Callable[..., list[RawWord]]) -> list[RawWord]:
    """The words of a line, numbers put right where two readers agree; what was read at first is kept beside them.

    read: the engine, for a picture of a line and the letters that may stand there. Raises TooSlow.
    """
    before = itertools.chain([""], (w.text for w in words))
    return [_again(word, strip, read) if is_doubtful(word.text, said) else word
            for said, word in zip(before, words, strict=False)]  # fmt: skip


def is_doubtful(text: str, before: str) -> bool:
    """Whether the sign must be a number, by what stands before it or by what it is made of, and has letters in it."""
    number = _number_of(text)
    digits = sum(c in DIGITS for c in number)
    if digits == len(number) or not all(c in DIGITS or c in LOOK_LIKE_DIGITS for c in number):
        return False
    if len(number) in LENGTHS:
        return digits >= MOSTLY * len(number)
    return digits > 0 and len(number) <= SHORT and fold(before).strip(".,:;()") in BEFORE_NUMBERS


def _again(word: RawWord, strip: Strip, read: Callable[..., list[RawWord]]) -> RawWord:
    number = _number_of(word.text)
    picture = strip.picture[:, max(0, word.left - BESIDE) : word.right + BESIDE]
    if picture.shape[1] <= 2 * BESIDE:
        return word
    allowed = DIGITS + "/"
    first = "".join(w.text for w in read(picture, only=allowed))
    second = "".join(f.text for f in second_reader.read_line(picture, strip.letter, strip.base, allowed))
    seen = {_number_of(first), _number_of(second)}
    if len(seen) > 1 or len(told := seen.pop()) != len(number) or not told.isdigit():
        return word
    text = word.text.replace(number, told, 1)
    return replace(
        word, text=text, confidence=min(word.confidence, BOTH_AGREE), instead_of=word.instead_of or word.text
    )


def _number_of(text: str) -> str:
    """What stands before the first stroke, without signs around it."""
    return text.split("/", maxsplit=1)[0].strip(".,:;()-–")
