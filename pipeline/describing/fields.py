"""The fields of a description, put together from head, heading, labelled lines and signature block."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence
from datetime import date

from rapidfuzz import fuzz

from config.catalogue import DocumentType
from pipeline.describing import head as heads
from pipeline.describing.agencies import issuing_agency
from pipeline.describing.head import Head
from pipeline.describing.kinds import ABBREVIATIONS, Kind, abbreviation_in
from pipeline.describing.layout import Segment, Sheet, Token
from pipeline.describing.names import sounds_vietnamese
from pipeline.describing.numbers import date_in, dossier_code_in, land_book_number_in, spelt_date_in
from pipeline.describing.signature import Signature
from pipeline.describing.text import fold, sentence_case, spell_agency, title_case, unit_of, value_of
from registry.values import FieldValue

_CERTIFICATES = ("giay chung nhan", "giay xac nhan", "giay khai sinh", "trich luc", "can cuoc", "the can cuoc",
                 "giay bao tu", "giay chung sinh", "giay chung minh", "chung minh", "so ", "xac nhan", "the ",
                 "ho chieu", "giay phep", "phieu ly lich", "di chuc")  # fmt: skip
_CARDS = ("can cuoc", "the can cuoc", "giay chung minh nhan dan", "chung minh nhan dan")
_OLD_CARDS = _CARDS[2:]
_CITIZEN = ("don", "to khai", "giay de nghi", "giay cam doan", "ban cam doan", "phieu")
_POLICE = re.compile(r"(?i)\b(?:công an|CA)\s+((?:tỉnh|thành phố|tp\.?)\s+\w.*)")
_CITY = re.compile(r"(?i)^tp\.?(?=\s)")
_NOT_ISSUED = re.compile(r"birth|sinh|expiry|het han|gia tri|good until")
_PHRASES = (
    "chi phí", "thay đổi", "thông tin", "cư trú", "đăng ký", "thường trú", "tạm trú", "hộ kinh doanh", "hộ nghèo",
    "hộ cận nghèo", "giấy chứng nhận", "quyền sử dụng đất", "mai táng", "hỗ trợ", "trợ cấp", "xã hội",
    "thủ tục hành chính", "kết quả giải quyết", "hồ sơ", "số hóa", "bổ sung", "phê duyệt", "xác minh", "hiện trạng",
    "mục đích sử dụng", "tình trạng hôn nhân", "khai sinh", "khai tử", "kết hôn", "tiếp nhận", "trả kết quả",
    "kiện toàn", "công dân", "đối với ông", "đối với bà", "đối với", "đất đai", "bảo trợ xã hội", "hội đồng",
    "rà soát", "kiến nghị", "thời hạn", "cấp lại", "địa bàn", "đối tượng",
)  # fmt: skip
_AGENCY_LABELS = (
    "noi dang ky khai sinh",
    "noi dang ky khai tu",
    "noi dang ky ket hon",
    "noi dang ky",
    "co quan dang ky",
)
_DAY_LABELS = (
    "ngay thang nam dang ky",
    "ngay thang nam date month year",
    "ngay dang ky",
    "date month year",
    "ngay cap giay",
)


_CARD_DAY_LABELS = ("date of issue", "ngay thang nam cap", "ngay cap")


DOUBTED = 0.7
"""A number that may be a misreading of another one."""


def collect(
    sheet: Sheet, head: Head, kind: Kind | None, signature: Signature, kinds: Mapping[str, DocumentType]
) -> dict[str, FieldValue]:
    """Field name to value; what the paper does not show is not in it."""
    name = fold(kind.name) if kind else ""
    citizen, card = name.startswith(_CITIZEN), kind is not None and is_card(kind)
    told = kinds.get(kind.code) if kind and kind.code else None
    number = _trusted(_number(sheet, head, name)) or (_labelled_number(sheet, told) if told and not card else None)
    if number and told and told.doubtful_pattern and re.fullmatch(told.doubtful_pattern, number.value):
        number = number.model_copy(update={"confidence": min(number.confidence, DOUBTED)})
    place, day = heads.place_and_date(sheet, head, signature.title_segment)
    if card:
        place = day = None
    found: dict[str, FieldValue | None] = {
        "document_type": _document_type(kind),
        "type_abbreviation": _abbreviation(kind, number, kinds),
        "number_symbol": None if citizen else number,
        "issuing_agency": None if citizen else _agreed_agency(sheet, _agency(sheet, head, signature, card=card)),
        "place": _agreed_place(sheet, place),
        "issued_on": day or _labelled_day(sheet, name),
        "subject": None if name.startswith(_CERTIFICATES) else _subject(sheet, head, kind, name),
        "signing_authority": signature.authority,
        "signer_title": signature.title,
        "signer_name": signature.name,
        "dossier_code": _dossier(sheet),
        "addressed_to": _addressed_to(sheet) if citizen else None,
    }
    return {key: value for key, value in found.items() if value is not None}


def is_card(kind: Kind) -> bool:
    """Whether the paper is a copy of an identity card, of any name that the law gave it."""
    return fold(kind.name).startswith(_CARDS)


def _document_type(kind: Kind | None) -> FieldValue | None:
    if kind is None:
        return None
    tokens = [token for segment in kind.heading for token in segment.tokens]
    return value_of(kind.name, tokens, min(1.0, kind.score), method="lexicon")


def _abbreviation(kind: Kind | None, number: FieldValue | None, kinds: Mapping[str, DocumentType]) -> FieldValue | None:
    printed = abbreviation_in(number.value if number else None, kinds)
    if number and printed:
        return number.model_copy(update={"value": printed})
    own = kind.abbreviation if kind and (not number or "/" not in number.value) else None
    if kind and own and (own in ABBREVIATIONS or is_card(kind)):
        return FieldValue(value=own, confidence=round(0.9 * min(1.0, kind.score), 3), method="lexicon")
    return None


def _trusted(number: FieldValue | None) -> FieldValue | None:
    """A number that fits its pattern to the letter is surer than the engine's word for it (all 117 of our samples
    were right, the lowest at 0.3), since a slip breaks the pattern."""
    return number and number.model_copy(update={"confidence": round(number.confidence**0.5, 3)})


def _number(sheet: Sheet, head: Head, name: str) -> FieldValue | None:
    if "quyen su dung dat" in name:
        for segment in sheet.segments:
            if fuzz.partial_ratio("so vao so cap", segment.key) >= 88 and len(segment.key) >= 12:
                after = [t for t in segment.tokens[3:] if t.key]
                if number := land_book_number_in(" ".join(t.text for t in after)):
                    return value_of(number, after[-2:], 0.92)
        return head.number_value
    if name.startswith(_CARDS):
        return _card_number(sheet, (9, 12) if name.startswith(_OLD_CARDS) else (12,))
    return head.number_value


def _labelled_number(sheet: Sheet, kind: DocumentType) -> FieldValue | None:
    """The number after the first of the kind's labels that has one. It is as sure as it was read: a slip in a bare
    number breaks no pattern."""
    pattern = kind.number_pattern and re.compile(rf"\s*({kind.number_pattern})(?![\w/])")
    for label in kind.number_labels if pattern else ():
        short = " " not in label
        for segment in sheet.segments:
            if short and not _is_high(segment, sheet):
                continue
            after = _after_label(segment, (fold(label),))
            printed = " ".join(t.text for t in after)
            found = re.match(pattern, printed)
            if found and not (short and re.search(r"\w", printed[found.end() :])):
                used = after[: len(printed[: found.end()].split())]
                return value_of(re.sub(r"\s", "", found[1]), used, 0.92)
    return None


def _is_high(segment: Segment, sheet: Sheet) -> bool:
    """Whether the segment may be a line "Số: …" of the paper itself: in the upper half, not in a stamp of arrival."""
    high = segment.page == sheet.first_page and segment.top < 0.5 and ":" in segment.text
    return high and not heads.in_stamp_of_arrival(segment, sheet.segments)


def _card_number(sheet: Sheet, lengths: Sequence[int]) -> FieldValue | None:
    """The first number of so many digits that stands alone, in one word or in groups; not that of the zone."""
    for segment in sheet.segments:
        if "idvnm" in segment.key or "<" in segment.text:
            continue
        for digits, run in itertools.groupby(segment.tokens, key=lambda t: t.text.strip(".,:;").isdigit()):
            used = list(run)
            number = "".join(t.text.strip(".,:;") for t in used)
            if digits and len(number) in lengths:
                return value_of(number, used, 0.95)
    return None


def _card_agency(sheet: Sheet) -> FieldValue | None:
    """The office that issues a card: the ministry's, or the police of a province on the cards before 2016."""
    for row in sheet.rows:
        if fuzz.partial_ratio("quan ly hanh chinh ve trat tu xa hoi", row.key) >= 85:
            return value_of("Cục Cảnh sát quản lý hành chính về trật tự xã hội", row.tokens, 0.95, method="lexicon")
        if "bo cong an" in row.key:
            return value_of("Bộ Công an", row.tokens, 0.9)
        if police := _POLICE.search(row.text):
            return value_of(spell_agency(f"CÔNG AN {_CITY.sub('THÀNH PHỐ', police[1])}"), row.tokens, 0.9)
    return None


def _agency(sheet: Sheet, head: Head, signature: Signature, *, card: bool) -> FieldValue | None:
    if card:
        return _card_agency(sheet)
    if printed := issuing_agency(head.left):
        return printed
    for segment in sheet.segments:
        after = _after_label(segment, _AGENCY_LABELS)
        if after and fold(" ".join(t.text for t in after)).startswith(
            ("uy ban", "ubnd", "so tu phap", "phong tu phap")
        ):
            after = list(itertools.takewhile(lambda t: re.fullmatch(r"[\w.,;-]*\w[.,;]?", t.text), after))
            return value_of(spell_agency(" ".join(t.text for t in after)), after, 0.9)
    return _signing_agency(signature)


def _signing_agency(signature: Signature) -> FieldValue | None:
    if signature.authority is None:
        return None
    text = re.sub(r"(?i)^\s*t\s?[m/]+\.?\s*", "", signature.authority.value)
    text = re.split(r"\b(?:KT|TL|TUQ|Q)\b\.?", text)[0].strip()
    spelt = spell_agency(text) if text else ""
    return signature.authority.model_copy(update={"value": spelt}) if spelt and unit_of(spelt) else None


def _after_label(segment: Segment, labels: Sequence[str]) -> list[Token]:
    """The segment's tokens after a label it opens with."""
    keyed = [t for t in segment.tokens if t.key]
    for label in labels:
        words = label.count(" ") + 1
        for width in (words, words + 1, words - 1):
            if not 0 < width < len(keyed) or fuzz.ratio(" ".join(t.key for t in keyed[:width]), label) < 88:
                continue
            if keyed[width - 1].text.endswith((":", ".", ";")) or width == words:
                return keyed[width:]
    return []


def _agreed_agency(sheet: Sheet, agency: FieldValue | None) -> FieldValue | None:
    """The agency with the name of its unit as most of the document spells it."""
    unit = unit_of(agency.value) if agency else None
    if agency is None or unit is None:
        return agency
    within = agency.value.find(", ", len(agency.value) - len(unit))
    end = within if within >= 0 else len(agency.value)
    own = unit.split(", ")[0]
    name = own.split(" ", 2 if fold(own).startswith(("thi xa", "thi tran", "thanh pho", "dac khu")) else 1)[-1]
    agreed = _agreed_name(sheet, name)
    if agreed is None:
        return agency
    value = agency.value[: end - len(name)] + agreed + agency.value[end:]
    return agency.model_copy(
        update={"value": value, "method": "lexicon", "confidence": round(agency.confidence * 0.95, 3)}
    )


def _agreed_place(sheet: Sheet, place: FieldValue | None) -> FieldValue | None:
    """The place as most of the document spells it: the same words elsewhere outvote one misread word."""
    if place is None:
        return None
    text = re.sub(r"(?i)^(xã|phường|thị trấn|huyện|quận|tỉnh|thị xã|thành phố|tp\.?)\s+(?=\w)", "", place.value)
    agreed = _agreed_name(sheet, text)
    if agreed is None:
        return place
    value = place.value[: len(place.value) - len(text)] + agreed
    return place.model_copy(
        update={"value": value, "method": "lexicon", "confidence": round(place.confidence * 0.95, 3)}
    )


def _agreed_name(sheet: Sheet, name: str) -> str | None:
    """Another spelling of a place's name that the document's own words vote for; None when the reading stands.

    Letters are compared without the blanks between words, which capitals close together lose ("EAMLĂNG")."""
    size, wanted, own = len(name.split()), fold(name).replace(" ", ""), title_case(name)
    votes: dict[str, float] = {}
    for row in sheet.rows:
        words = [t for t in row.tokens if t.key]
        for start, width in itertools.product(range(len(words)), (size, size + 1)):
            window = words[start : start + width]
            joined = "".join(t.key for t in window)
            if len(window) < width or abs(len(wanted) - len(joined)) > 2 or not all(map(_is_proper, window)):
                continue
            if (likeness := fuzz.ratio(joined, wanted) / 100) >= 0.82:
                spelt = title_case(" ".join("Ia" if t.text == "la" else t.text.strip(".,;:-()") for t in window))
                votes[spelt] = votes.get(spelt, 0.0) + likeness**2 * min(t.confidence for t in window)
    if not votes:
        return None
    parted = [spelt for spelt in votes if len(spelt.split()) > size and fold(spelt).replace(" ", "") == wanted]
    if parted and all(map(sounds_vietnamese, parted[0].split())) and not all(map(sounds_vietnamese, own.split())):
        return parted[0]  # capitals lose a blank, and none is ever added between two sound syllables
    best = max(votes, key=lambda spelt: votes[spelt])
    return best if best != own and votes[best] >= votes.get(own, 0.0) + 0.5 else None


def _is_proper(token: Token) -> bool:
    """A word of a name; "la" is "Ia", as places of Gia Lai begin, with a small letter misread."""
    return token.text[0].isupper() or token.text == "la"


def _labelled_day(sheet: Sheet, name: str) -> FieldValue | None:
    """The day of issue where no place-and-date line gives it: the latest registration, or the day of the minutes."""
    best: tuple[date, FieldValue] | None = None
    for row in sheet.rows:
        key = row.key
        registered = re.match(r"(dang ky (lan dau|thay doi)|cap lan dau)", key) and "ho kinh doanh" in name
        labelled = any(fuzz.partial_ratio(label, key) >= 88 and len(key) > len(label) for label in _DAY_LABELS)
        if name.startswith(_CARDS) and not _NOT_ISSUED.search(key):
            labelled |= any(label in key for label in _CARD_DAY_LABELS)
            labelled |= name.startswith(_OLD_CARDS) and spelt_date_in(row.text) is not None
        minutes = (
            name.startswith("bien ban")
            and re.match(r"(hom nay|vao hoi|luc|ngay)", key)
            and row.page == sheet.first_page
        )
        if not (registered or labelled or minutes):
            continue
        if "trich luc" in name or "so giay" in key:
            continue
        found = date_in(row.text[row.text.rfind(":") + 1 :]) if labelled else None
        found = found or date_in(row.text)
        if found and (best is None or (registered and found[0] > best[0])):
            best = found[0], value_of(found[0].isoformat(), row.tokens, 0.9 if found[1] else 0.65)
        if best and minutes:
            break
    return best[1] if best else None


def _subject(sheet: Sheet, head: Head, kind: Kind | None, name: str) -> FieldValue | None:
    if kind is None or name == "cong van" or not kind.heading:
        beside = heads.subject_beside(sheet, head)
        return _known_phrases(beside) if beside else None
    below = heads.subject_below(sheet, kind.heading)
    below = _known_phrases(below) if below else None
    if below and not below.value.startswith(("(", "[")):
        return below
    if kind.rest and len(kind.rest.split()) >= 2 and name.startswith(_CITIZEN):
        tokens = [t for s in kind.heading for t in s.tokens][-len(kind.rest.split()) :]
        return _known_phrases(value_of(sentence_case(kind.rest), tokens, 0.85))
    return None


def _known_phrases(subject: FieldValue) -> FieldValue:
    """The subject with the set phrases of office language spelt as they can only be spelt."""
    words = subject.value.split()
    keys = [fold(word) for word in words]
    for phrase in _PHRASES:
        known = fold(phrase).split()
        for start in range(len(words) - len(known) + 1):
            if keys[start : start + len(known)] == known:
                for offset, right in enumerate(phrase.split()):
                    word = words[start + offset]
                    if word.isalpha() and word.lower() != right:
                        words[start + offset] = right.capitalize() if word[0].isupper() else right
    value = " ".join(words)
    if value == subject.value:
        return subject
    return subject.model_copy(update={"value": value, "method": "lexicon"})


def _dossier(sheet: Sheet) -> FieldValue | None:
    """The first dossier code; one after "Mã hồ sơ" before any other."""
    found: list[FieldValue] = []
    for row in sheet.rows:
        if code := dossier_code_in(row.text) or dossier_code_in(row.text.replace(" ", "")):
            tokens = [t for t in row.tokens if code[:8] in t.text or (t.text in code and len(t.text) > 3)] or list(
                row.tokens
            )
            value = value_of(code, tokens, 0.97 if code in row.text else 0.75)
            if re.search(r"ma (ho so|so)|so ho so", row.key):
                return value
            found.append(value)
    return found[0] if found else None


def _addressed_to(sheet: Sheet) -> FieldValue | None:
    for segment in sheet.segments:
        after = _after_label(segment, ("kinh gui",))
        if after and segment.page == sheet.first_page:
            return value_of(spell_agency(" ".join(t.text for t in after)), after, 0.88)
    return None
