"""Where names stand in a row: after a label of a form, or after "ông", "bà"."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from rapidfuzz import fuzz

from pipeline.describing.layout import Row, Segment, Token
from pipeline.describing.names import is_short_form, is_surname, mend_surname, name_trust, sounds_vietnamese
from pipeline.describing.persons import FEMALE, MALE, Named
from pipeline.describing.syllables import is_syllable
from pipeline.describing.text import fold

_NAME_LABELS = ("ho chu dem ten", "ho chu dem va ten", "ho va ten", "ho ten", "ten toi la", "toi ten la", "toi ten",
                "ten la", "ho va chu dem ten", "ho chu dem ten khai sinh", "ten con la", "ten cho con la",
                "ten chau la")  # fmt: skip
_ROLES = {
    "me": "mother", "cha": "father", "bo": "father", "di khai": "declarant", "yeu cau": "applicant", "chong": "husband",
    "vo": "wife", "chu ho": "householder", "chet": "deceased", "nguoi khai": "declarant", "duoc khai sinh": "child",
    "giam ho": "guardian", "con": "child", "chau": "child", "ben nam": "husband", "ben nu": "wife",
}  # fmt: skip
_NOT_NAMES = {
    "gioi tinh", "sinh ngay", "ngay sinh", "quoc tich", "dan toc", "chu tich", "pho chu", "truong phong", "cong chuc",
    "so dinh", "noi cu", "noi sinh", "dia chi", "so can", "so chung", "sinh nam",
    "que quan", "quan he", "ton giao", "nghe nghiep",
}  # fmt: skip
"""Words with which the next label begins whose colon was not read, or a title."""
_LABEL_OPENERS = {"Năm", "Ngày", "Nơi", "Chỗ"}
_SAID_OF_PEOPLE = {"sinh", "thuong", "tam", "cu", "hien", "o", "la", "co", "dang", "mang", "ngu", "va", "cung"}
_LABEL_LENGTH = 8
"""No label of a form has more words."""
_COLUMN_GAP = 0.015
"""Between two segments, in page widths: less is a blank in a line that the engine took for two."""
_HONORIFICS = {"ông": MALE, "bà": FEMALE, "anh": MALE, "chị": FEMALE, "cháu": ""}


def name_places(row: Row) -> list[int]:
    """Positions of the labels of names, whether a name can be read behind them or not, and of the forms of address."""
    if _is_about_signing(row):
        return []
    found: list[int] = []
    behind = 0
    for position in range(len(row.tokens)):
        if position < behind:
            continue
        if (labelled := _after_label(row, position)) is not None:
            found.append(position)
            behind = labelled[0]
        elif _is_honorific(row.tokens, position) and _take_name(row, position + 1, None, 1.0, surname=True):
            found.append(position)
    return found


def names_somebody(label: Segment) -> bool:
    """Whether the segment is the label of a name and nothing else."""
    row = Row((label,))
    labelled = _after_label(row, 0)
    return not _is_about_signing(row) and labelled is not None and labelled[0] >= len(row.tokens)


def role_in(key: str) -> str:
    """The role that folded words say, empty when they say none."""
    return next((role for word, role in _ROLES.items() if f" {word} " in f" {key} "), "")


def _is_about_signing(row: Row) -> bool:
    return "ghi ro" in row.key or "ky ten" in row.key


def names_in(row: Row, following: Row | None, margin: float) -> Iterator[tuple[int, Named]]:
    """Names in the row, each with the position of its first token. A label whose name cannot be read gives somebody
    without a name: what follows is said of them and of nobody named before."""
    tokens = row.tokens
    keys = [t.key for t in tokens]
    if _is_about_signing(row):
        return
    skip = 0
    for position in range(len(tokens)):
        if position < skip:
            continue
        if (labelled := _after_label(row, position)) is not None:
            start, role = labelled
            named = _take_name(row, start, None, margin, surname=False) if start < len(tokens) else None
            below = _name_below(following, margin) if start >= len(tokens) else None
            found = named or below or Named((), (), 0.0)
            found.role = role
            skip = start + len(named.tokens) if named else position + 1
            yield (start if named else position), found
            continue
        if _is_honorific(tokens, position) and position + 1 < len(tokens):
            start = position + 1
            while start < len(tokens) and not keys[start]:
                start += 1
            named = _take_name(row, start, following, margin, surname=True)
            if named:
                skip = start + len(named.tokens)
                named.sex = _HONORIFICS[tokens[position].text.strip(":(").lower()]
                yield start, named


def _name_below(following: Row | None, margin: float) -> Named | None:
    """The name that the next line begins with, and that is all of its first segment."""
    named = _take_name(following, 0, None, margin, surname=False) if following else None
    if following is None or named is None:
        return None
    return named if len(named.tokens) == len([t for t in following.segments[0].tokens if t.key]) else None


def _is_honorific(tokens: Sequence[Token], position: int) -> bool:
    """Whether "ông", "bà" … stands here as a form of address and not inside somebody's name."""
    text = tokens[position].text
    word = text.strip(":(").lower()
    if word not in _HONORIFICS or text[-1] in ".,;)":
        return False
    if text[0].islower() or position == 0:
        return True
    before = tokens[position - 1].text
    return word in {"ông", "bà"} and not (before[0].isupper() and before[-1].isalpha())


def _after_label(row: Row, position: int) -> tuple[int, str] | None:
    """Where the value of a name label that begins here starts, and the role the label says."""
    tokens = row.tokens
    keys = [t.key for t in tokens]
    if keys[position] not in {"ho", "h0", "hq", "ten", "toi", "hg", "he"} and fuzz.ratio(keys[position], "ho") < 66:
        return None
    best, width = 0.0, 0
    for label in _NAME_LABELS:
        words = label.count(" ") + 1
        window = " ".join(" ".join(keys[position : position + words]).split())
        score = fuzz.ratio(label, window) + words
        if fuzz.ratio(label, window) >= (85 if words > 2 else 92) and score > best:
            best, width = score, words
    if not width:
        return None
    start = position + width
    role_words: list[str] = []
    if not tokens[start - 1].text.endswith(":"):
        for ahead in range(start, min(len(tokens), start + 9)):
            if _is_apart(row, ahead):
                start = ahead
                break
            role_words.append(keys[ahead])
            if tokens[ahead].text.endswith((":", ";")):
                start = ahead + 1
                break
        else:
            role_words = []
            while start < len(tokens) and tokens[start].text[:1].islower():
                role_words.append(keys[start])
                start += 1
    role = role_in(" ".join([*keys[position : position + width], *role_words]))
    while start < len(tokens) and not keys[start]:
        start += 1
    return start, role


def _take_name(row: Row, start: int, following: Row | None, margin: float, *, surname: bool) -> Named | None:
    """The run of capitalised words from start that is a name; goes on in the next row from a full line."""
    words, used, ended = _run(row, start, len(row.tokens))
    if not ended and following and used and used[-1].box.right > margin - 0.06 and len(words) < 5:
        more, more_used, _ = _run(following, 0, 3)
        if more and not (len(words) >= 2 and more[0] in {"Ngày", "Điều", "Căn", "Theo"}):
            words, used = [*words, *more], [*used, *more_used]
    for length in range(min(6, len(words)), 1, -1):
        trust = name_trust(words[:length])
        if trust and (not surname or is_surname(words[0]) or mend_surname(words[0]) or trust >= 0.8):
            if surname and not is_surname(words[0]):
                trust -= 0.15
            if length == len(words) and _is_cut_off(row, start + length):
                trust *= 0.8
            return Named(tuple(words[:length]), tuple(used[:length]), trust)
    return None


def _run(row: Row, start: int, limit: int) -> tuple[list[str], list[Token], bool]:
    """Capitalised words from start on, up to the next label or column, and whether something there ended them."""
    words: list[str] = []
    used: list[Token] = []
    tokens = row.tokens
    for position, token in enumerate(tokens[start : start + limit], start):
        bare = re.sub(r"[^\w']", "", token.text)
        lower_in_capitals = bool(words) and all(w.isupper() for w in words) and len(words) >= 2 and not bare.isupper()
        if not bare or not bare.isalpha() or not bare[0].isupper() or lower_in_capitals:
            return words, used, True
        if used and (_is_apart(row, position) or _is_label(tokens, position)):
            return words, used, True
        words.append(bare)
        used.append(token)
        if token.text[-1] in ".,;:)-":
            return words, used, True
    return words, used, False


def _is_cut_off(row: Row, position: int) -> bool:
    """Whether the word after a name is no word at all: a part of the name that was misread."""
    if not 0 < position < len(row.tokens) or _is_apart(row, position):
        return False
    token, before = row.tokens[position], row.tokens[position - 1]
    word = token.text.strip(".,;:")
    return before.text[-1].isalpha() and word.isalpha() and word.islower() and not sounds_vietnamese(word)


def _is_apart(row: Row, position: int) -> bool:
    """Whether the token stands in another column than the one before it."""
    token, before = row.tokens[position], row.tokens[position - 1]
    gap = token.box.left - before.box.right
    return token.page == before.page and (gap > 0.06 or (position in row.starts and gap > _COLUMN_GAP))


def _is_label(tokens: Sequence[Token], position: int) -> bool:
    """Whether a label begins at this capitalised word: small words or short forms follow it up to a colon, and it is
    no part of a name of which something is said ("Sơn Thị Sô Phia thường trú tại:")."""
    word = re.sub(r"\W", "", tokens[position].text).capitalize()
    following = tokens[position + 1].key if position + 1 < len(tokens) else ""
    if f"{fold(word)} {following}" in _NOT_NAMES or is_short_form(tokens[position].text):
        return True
    if word not in _LABEL_OPENERS and (is_syllable(word) or following in _SAID_OF_PEOPLE):
        return False
    in_capitals = word in _LABEL_OPENERS and tokens[position].text.isupper()
    for token in tokens[position + 1 : position + _LABEL_LENGTH]:
        letter = next((char for char in token.text if char.isalpha()), "")
        if letter.isupper() and not in_capitals and not is_short_form(token.text):
            return False
        if any(char.isdigit() for char in token.text):
            return False
        if token.text.endswith((":", ".", ";")):
            return token.text.endswith(":")
    return False
