"""Names: dossier and component in file and folder names, and what a Vietnamese personal name looks like."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from pipeline.describing.numbers import dossier_code_in
from pipeline.describing.syllables import is_syllable, may_be
from pipeline.describing.text import fold, title_case

__all__ = [
    "dossier_code_in",
    "doubt",
    "is_short_form",
    "is_surname",
    "mend_surname",
    "name_trust",
    "parse_name",
    "sounds_vietnamese",
    "spelt",
]

_COMPONENT = re.compile(r"(?<![A-Za-z0-9])(TP[ _-]?\d{2,3}|KQ\.[A-Y]\d{2}\.\d{6})(?!\d)", re.IGNORECASE)
_SYLLABLE = re.compile(
    r"(?:ngh|ng|nh|ch|gh|gi|kh|kr|ml|ph|qu|th|tr|[bcdghklmnprstvx])?(?:[aeiouy]{1,3})(?:ch|ng|nh|[cmnpt])?"
)
_SURNAMES = """
    Nguyễn Trần Lê Phạm Hoàng Huỳnh Phan Vũ Võ Đặng Bùi Đỗ Hồ Ngô Dương Lý Đào Đoàn Vương Trịnh Trương Đinh Lâm
    Phùng Mai Tô Hà Tạ Thái Châu Cao Quách Thạch Kiều La Giàng Vàng Triệu Nông Lò Lương Khổng Tống Chu Văn Hứa
    Diệp Tăng Quan Quang Kim Sơn Danh Mã Ma Bế Hầu Sùng Thào Cư Vi Lục Hoa Ninh Nghiêm Đàm Tôn Âu Doãn Dư Giang
    Thân Từ Viên Ông Phí Cù Lưu Khuất Đậu Hàn Hạ Bạch Bành Cam Cầm Cấn Chử Chung Đường Hồng Kha Khương Lã Lại Lữ
    Lỗ Mạc Mạch Nghị Nhan Phó Sầm Tiêu Tân Thang Thiều Trà Triều Trình Tưởng Uông Ưng Vừ Xa Y Ksor Rơ Siu Nay
    Kpă Rcom Niê Êban Ayun Ly Hạng Tẩn Phàn Chảo Lù Pờ Quàng Tòng Cà Lường Bàn Tráng Thàng Lầu Lỳ Mùa Cứ
"""
SURNAMES = frozenset(_SURNAMES.split())
_SURNAME_KEYS: dict[str, set[str]] = {}
for _name in SURNAMES:
    _SURNAME_KEYS.setdefault(fold(_name), set()).add(_name)


def parse_name(name: str) -> tuple[str | None, str | None]:
    """Dossier code and component code ("TP01") that a file's or folder's name carries; None for what it does not."""
    text = name.replace("_", " ")
    code = dossier_code_in(text)
    found = _COMPONENT.search(text.replace(code, " ") if code else text)
    return code, re.sub(r"[ _-]", "", found[1]).upper() if found else None


def is_surname(word: str) -> bool:
    return word[:1].upper() + word[1:].lower() in SURNAMES


def mend_surname(word: str) -> str | None:
    """The one surname the word can be when its marks were misread ("Đỉnh" is "Đinh"); None when none or several."""
    spelt = word[:1].upper() + word[1:].lower()
    if spelt in SURNAMES:
        return spelt
    candidates = _SURNAME_KEYS.get(fold(word), set())
    return next(iter(candidates)) if len(candidates) == 1 else None


def spelt(words: Sequence[str]) -> str:
    """A name with capitals at each word, and marks mended where they can only be misread: a surname's when one surname
    alone can be meant, another syllable's when one syllable of names alone has its vowels in another tone."""
    rest = [next(iter(only)) if len(only := may_be(word)) == 1 else word for word in words[1:]]
    return title_case(" ".join([mend_surname(words[0]) or words[0], *rest]))


def doubt(words: Sequence[str]) -> float:
    """What the trust in a name is multiplied by for its syllables that names hardly have, 1 for none.

    One that may be another is likely to be misread, and a guess where it is mended: people are called Lài and Năm as
    they are Lai and Nam. One that is like no other may be a rare name.
    """
    factors = [0.75 if may_be(w) else 0.9 for w in words[1:] if not is_syllable(w) and not is_surname(w)]
    if any(one.lower() == other.lower() for one, other in pairwise(words)):
        factors.append(0.75)  # a stroke of the signature beside it was read as the same again
    return min(factors, default=1.0)


def sounds_vietnamese(word: str) -> bool:
    return _SYLLABLE.fullmatch(fold(word)) is not None


def is_short_form(text: str) -> bool:
    """Whether a word or a part of it is capitals that cannot be said, as no name's are: CCCD, CMND/GCN."""
    parts = re.split(r"[\W_]+", text)
    return any(len(part) >= 3 and part.isupper() and not set("aeiouy") & set(fold(part)) for part in parts)


def name_trust(words: list[str]) -> float:
    """How much the words look like a personal name: 0 for no name, near 1 for a known surname and sound syllables."""
    if not 2 <= len(words) <= 6:
        return 0.0
    good = 0
    for word in words:
        bare = word.replace("'", "")
        if not bare.isalpha() or not word[0].isupper() or len(word) > 8:
            return 0.0
        if not (word.isupper() or word[1:].islower() or "'" in word):
            return 0.0
        good += sounds_vietnamese(word)
    trust = 0.45 + 0.35 * good / len(words)
    if is_surname(words[0]):
        return trust + 0.2
    return trust + 0.12 if mend_surname(words[0]) else trust
