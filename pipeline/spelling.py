"""Whether text is spelt as Vietnamese is, by the shape of its syllables: what a wrong code page makes of it is not."""

from __future__ import annotations

import re
import unicodedata

from pipeline.describing.syllables import toneless

MOST_ODD = 0.45
"""Text is no longer believed where so many of its words are odd: 0.2 to 0.4 in French, 0.6 and more in Vietnamese that
is taken for Western European (TCVN3, VNI)."""
_ONSETS = """
    b ch c(?![eêiy]) d đ gh(?=[eêi]) gi g(?![eê]) h kh k(?=[eêiy]) l m ngh(?=[eêi]) ng(?![eêi]) nh n ph p qu r s th tr t
    v x
"""
_RIMES = """
    a ac ach ai am an ang anh ao ap at au ay ăc ăm ăn ăng ăp ăt âc âm ân âng âp ât âu ây
    e ec em en eng eo ep et ê êc êch êm ên êng ênh êp êt êu i ia ich iêc iêm iên iêng iêp iêt iêu im in inh ip it iu
    o oa oac oach oai oam oan oang oanh oao oap oat oay oăc oăm oăn oăng oăp oăt oc oe oen oeo oet oi om on ong ooc oong
    op ot ô ôc ôi ôm ôn ông ôp ôt ơ ơi ơm ơn ơp ơt u ua uân uâng uât uây uc uê uêch uên uênh ui um un ung uôc uôi uôm
    uôn uông uôt up ut uơ uy uya uych uyên uyêt uyn uynh uyp uyt uyu ư ưa ưc ưi ưm ưn ưng ươc ươi ươm ươn ương ươp ươt
    ươu ưt ưu y ych yn ynh yp yt yêm yên yêng yêt yêu
"""
_SYLLABLE = re.compile(f"(?:{'|'.join(_ONSETS.split())})?(?:{'|'.join(_RIMES.split())})")
_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyzăâđêôơư")
_BETWEEN = re.compile(r"[\s\d!-/:-@\[-`{-~\u2010-\u2027\u2030-\u205e\u00a0\u00ab\u00b0\u00b2\u00b3\u00bb\u00d7\u2022]+")
OTHER_SCRIPTS = 0x0590
"""From here on letters are not of Latin, Greek or Cyrillic, and mean themselves."""


def is_legible(text: str) -> bool:
    """Whether text of a page may stand as it is: Vietnamese, or another language whose letters are what they seem."""
    words = [word for word in _BETWEEN.split(unicodedata.normalize("NFC", text)) if word]
    return sum(_is_odd(word) for word in words) <= MOST_ODD * len(words)


def is_syllable(word: str) -> bool:
    """Whether a Vietnamese syllable may be spelt like that, with any tone."""
    return _SYLLABLE.fullmatch(toneless(word)) is not None


def _is_odd(word: str) -> bool:
    if word.isascii():
        return False
    if all(ord(c) >= OTHER_SCRIPTS and unicodedata.category(c)[0] in "LM" and ord(c) < 0xE000 for c in word):
        return False
    strange = any(c not in _LETTERS for c in toneless(word))
    return strange or not (word.isupper() or is_syllable(word))
