"""Text of invented lines as they stand on administrative papers: phrases, names, numbers, days, and any syllable at all.

A reader that has only seen likely words reads likely words where a name stands; so one part in four is of syllables that
Vietnamese allows, whether or not they mean anything. No person or paper in it is real.
"""

# ruff: noqa: E501, SIM905 lists of words read better as text

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from random import Random

ONSETS = (
    "", "b", "c", "ch", "d", "đ", "g", "gh", "gi", "h", "k", "kh", "l", "m", "n", "ng", "ngh", "nh", "p", "ph", "qu", "r",
    "s", "t", "th", "tr", "v", "x",
)  # fmt: skip
RIMES = (
    "a ac ach ai am an ang anh ao ap at au ay ă ăc ăm ăn ăng ăp ăt â âc âm ân âng âp ât âu ây e ec em en eng eo ep et ê "
    "êch êm ên ênh êp êt êu i ia ich iêc iêm iên iêng iêp iêt iêu im in inh ip it iu o oa oac oach oai oam oan oang oanh "
    "oat oay oăn oăng oăt oc oe oen oeo oet oi om on ong op ot ô ôc ôi ôm ôn ông ôp ôt ơ ơi ơm ơn ơp ơt u ua uân uâng uât "
    "uây uc uê uêch uênh ui um un ung uôc uôi uôm uôn uông uôt up ut uy uya uych uyên uyêt uynh uyt uơ ư ưa ưc ưi ưng ươc "
    "ươi ươm ươn ương ươp ươt ươu ưt ưu y yêm yên yêt yêu"
).split()
TONES = ("", "\u0301", "\u0300", "\u0309", "\u0303", "\u0323")
SURNAMES = (
    "Nguyễn Nguyễn Nguyễn Trần Trần Lê Lê Phạm Huỳnh Hoàng Phan Vũ Võ Đặng Bùi Đỗ Hồ Ngô Dương Lý Đinh Mai Lâm Kiều Tô "
    "Trịnh Đoàn Cao Châu Quách Tạ Hà La Triệu Lò Vàng Giàng Hứa Từ Nghiêm Phùng Ông Thân Lưu Tống Mạc Khuất"
).split()
MARKS = "-:;,./()\"'%&+*=?!@#–—…“”°²³•§<>[]|_₫"
COMMON_SIGNS = "/-.,:;()"
NAMED_DAY = (
    "ngày {d:02d} tháng {m:02d} năm {y}",
    "{d:02d}/{m:02d}/{y}",
    "{d}/{m}/{y}",
    "{d:02d}-{m:02d}-{y}",
    "{d:02d}.{m:02d}.{y}",
)
ABBREVIATIONS = (
    "QĐ-UBND TB-UBND UBND-VP GXN-UBND BC-UBND TTr-UBND KH-UBND NQ-HĐND NĐ-CP TT-BTP QH13 TLKT TLKT-BS GCN BB-UBND CV-VP GM-UBND "
    "TTg CT-UBND TT-BTNMT VBHN-BTC UBND-TNMT QĐ-TTg"
).split()
CHARACTERS = "".join(
    sorted(
        set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 " + MARKS)
        | {c for v in "aăâeêioôơuưyAĂÂEÊIOÔƠUƯY" for t in TONES for c in unicodedata.normalize("NFC", v + t)}
        | set("đĐ")
    )
)
"""What can be read. The empty class of CTC stands before them."""


@lru_cache
def phrases() -> tuple[str, ...]:
    lines = (Path(__file__).parent / "phrases.txt").read_text(encoding="utf-8").splitlines()
    return tuple(unicodedata.normalize("NFC", line) for line in lines if line)


def syllable(r: Random) -> str:
    """Any syllable that the spelling allows, and some that it does not."""
    rime = r.choice(RIMES)
    tone = r.choice(TONES)
    vowels = [n for n, c in enumerate(rime) if c in "aăâeêioôơuưy"]
    marked = [n for n in vowels if rime[n] in "ăâêôơư"]
    place = marked[-1] if marked else vowels[min(len(vowels) - 1, r.choice((0, 1)) if len(vowels) > 1 else 0)]
    letters = rime[: place + 1] + tone + rime[place + 1 :]
    return unicodedata.normalize("NFC", r.choice(ONSETS) + letters)


def name(r: Random) -> str:
    words = [r.choice(SURNAMES)] + [_capital(syllable(r)) for _ in range(r.randint(1, 3))]
    return " ".join(words)


def number(r: Random) -> str:
    """Identity numbers, money, areas, telephone numbers, numbers of papers and dossiers."""
    return r.choice(NUMBERS)(r)


def _digits(r: Random, count: int) -> str:
    return "".join(r.choices("0123456789", k=count))


NUMBERS: tuple[Callable[[Random], str], ...] = (
    lambda r: _digits(r, 12),
    lambda r: f"{r.randrange(10 ** r.randint(1, 10)):,}".replace(",", r.choice(".  ,")),
    lambda r: f"{r.randrange(1, 20000)}/{r.choice(ABBREVIATIONS)}",
    lambda r: f"{r.randrange(1, 999)}/{r.randrange(1990, 2030)}/{r.choice(ABBREVIATIONS)}",
    lambda r: f"0{_digits(r, 9)}" if r.random() < 0.5 else f"0{_digits(r, 3)}.{_digits(r, 3)}.{_digits(r, 3)}",
    lambda r: f"H{_digits(r, 2)}.{_digits(r, 2)}-{r.randrange(200101, 301231)}-{_digits(r, 4)}",
    lambda r: " ".join(_digits(r, r.choice((9, 12, 12)))),
    lambda r: f"{r.randrange(1, 9999)},{r.randrange(1, 9)} m²",
    lambda r: str(r.randrange(10 ** r.randint(1, 6))),
)


def day(r: Random) -> str:
    return r.choice(NAMED_DAY).format(d=r.randint(1, 31), m=r.randint(1, 12), y=r.randint(1930, 2035))


def value(r: Random, most: int) -> str:
    """What is filled into a blank."""
    kind = r.random()
    if kind < 0.3:
        found = name(r)
        return found.upper() if r.random() < 0.4 else found
    if kind < 0.65:
        return number(r) if kind < 0.5 else day(r)
    return words(r, most)


def words(r: Random, most: int) -> str:
    """Some words, of whatever kind stands beside each other on paper."""
    parts: list[str] = []
    while sum(len(p) + 1 for p in parts) < most:
        [make] = r.choices(tuple(PARTS), weights=tuple(PARTS.values()))
        if part := make(r):
            parts.append(part + (r.choice(COMMON_SIGNS) if r.random() < 0.18 else ""))
    line = _cut(" ".join(parts), most)
    case = r.random()
    if case < 0.2:
        line = line.upper()
    elif case < 0.3:
        line = line.title()
    return " ".join("".join(c for c in unicodedata.normalize("NFC", line) if c in CHARACTERS).split())


def _phrase(r: Random) -> str:
    of = r.choice(phrases()).split()
    start = r.randrange(len(of))
    return " ".join(of[start : start + r.randint(1, 8)])


PARTS: dict[Callable[[Random], str], float] = {
    _phrase: 42,
    lambda r: " ".join(syllable(r) for _ in range(r.randint(1, 5))): 24,
    name: 10,
    number: 11,
    day: 6,
    lambda r: "".join(r.choices(CHARACTERS, k=r.randint(1, 8))).strip(): 3,
    lambda r: r.choice(MARKS): 4,
}


def _cut(line: str, most: int) -> str:
    """The first words; never nothing."""
    if len(line) <= most:
        return line
    cut = line[:most].rsplit(" ", 1)[0]
    return cut or line[:most]


def _capital(word: str) -> str:
    return word[:1].upper() + word[1:]
