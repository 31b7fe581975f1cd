"""What a document says of itself: its kind, the head of NĐ 30/2020/NĐ-CP, and the people named, each with evidence."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from config.catalogue import DocumentType
from pipeline.describing.agencies import sentence_case, spell_agency
from pipeline.describing.head import (
    Heading,
    find_agency,
    find_by_cue,
    find_heading,
    find_number,
    find_place_and_date,
    find_subject,
)
from pipeline.describing.patterns import DOSSIER, NUMBER_SYMBOL
from pipeline.describing.people import find_people
from pipeline.describing.signature_block import Signature, find_signature
from pipeline.describing.text import Text, flow, fold, segments
from registry.values import Description, FieldValue, PageText

LETTER = "cong-van"
CARD = "can-cuoc-cong-dan"
SECRECY = ("tuyet mat", "toi mat", "mat")
REGISTERED_AT = re.compile(r"noi dang ky (?:khai sinh|khai tu|ket hon)\s*:\s*")


def describe(pages: Sequence[PageText], kinds: Mapping[str, DocumentType]) -> Description:
    """Every field that has evidence on the paper; what has none is absent. Same pages, same answer; never raises."""
    read = [page for page in pages if page.words]
    if not read:
        return Description()
    lines = [segment for page in read for segment in segments(page)]
    head = [line for line in lines if line.page_index == read[0].index]
    flows = [flow(page) for page in read]
    kind, heading, sure = _classify(head, lines, flows, kinds)
    fields = _fields(head, lines, flows, kind, heading)
    people = find_people(read, flows)
    if kind is not None and kind.code == CARD and people and people[0].id_number:
        fields["number_symbol"] = people[0].id_number
    return Description(kind=kind.code if kind else None, kind_confidence=round(sure, 4), fields=fields, people=people)


def secrecy_mark(pages: Sequence[PageText]) -> str | None:
    """A secrecy stamp alone on its line in a page's head (NĐ 30/2020/NĐ-CP, box 10a); None on ordinary papers."""
    for page in pages:
        for line in segments(page) if page.words else ():
            bare = re.sub(r"[^\w ]", "", line.folded).strip()
            if line.top < 0.35 and line.left < 0.5 and line.is_capitals and bare in SECRECY:
                return bare
    return None


def _classify(
    head: Sequence[Text], lines: Sequence[Text], flows: Sequence[Text], kinds: Mapping[str, DocumentType]
) -> tuple[DocumentType | None, Heading | None, float]:
    heading = find_heading(head, kinds)
    if heading is not None:
        return heading.kind, heading, heading.value.confidence
    if LETTER in kinds and any(re.match(r"\W*v\s?/\s?v\b", x.folded) for x in head if x.top < 0.4):
        return kinds[LETTER], None, 0.9
    if cued := find_by_cue(" ".join(text.folded for text in flows), kinds):
        return cued, None, 0.85
    heading = find_heading(lines, kinds)
    if heading is not None:
        return heading.kind, heading, heading.value.confidence * 0.9
    if LETTER in kinds and any(x.folded.startswith("kinh gui") for x in head) and find_number(head):
        return kinds[LETTER], None, 0.7
    return None, None, 0.0


def _fields(
    head: Sequence[Text],
    lines: Sequence[Text],
    flows: Sequence[Text],
    kind: DocumentType | None,
    heading: Heading | None,
) -> dict[str, FieldValue]:
    signature = find_signature(lines)
    place, day = find_place_and_date(lines)
    number = find_number(lines)
    citizen = _is_citizens(head)
    found: dict[str, FieldValue | None] = {
        "document_type": _type_value(kind, heading, head),
        "type_abbreviation": _abbreviation(kind, number),
        "number_symbol": None if citizen else number,
        "issuing_agency": None if citizen else _agency(head, lines, signature),
        "place": place,
        "issued_on": day,
        "subject": _subject(head, kind, heading, citizen=citizen),
        "signing_authority": signature.authority if signature else None,
        "signer_title": signature.title if signature else None,
        "signer_name": signature.name if signature else None,
        "dossier_code": _dossier(flows),
        "addressed_to": _addressed_to(head),
    }
    return {name: value for name, value in found.items() if value is not None and value.value}


def _is_citizens(head: Sequence[Text]) -> bool:
    """A citizen's own form: the motto stands in the middle or left, no agency in the left column and no number."""
    return any(x.folded.startswith(("kinh gui", "kinh goi")) for x in head) and find_agency(head) is None


def _type_value(kind: DocumentType | None, heading: Heading | None, head: Sequence[Text]) -> FieldValue | None:
    if kind is None:
        return None
    if heading is not None:
        return heading.value
    first = head[0]
    return first.value(0, len(first.plain), kind.name, trust=0.9, method="lexicon")


def _abbreviation(kind: DocumentType | None, number: FieldValue | None) -> FieldValue | None:
    """As it stands in the number; a card has none there, only its own."""
    if number is not None and (found := NUMBER_SYMBOL.fullmatch(number.value)):
        parts = re.split(r"[-.&]", found["sym"])
        known = kind.abbreviation if kind else None
        for part in parts:
            if part == known or part in ("GXN", "TLKT"):
                return number.model_copy(update={"value": part})
    if kind is not None and kind.abbreviation == "CCCD":
        return FieldValue(value="CCCD", confidence=0.95, method="lexicon")
    if kind is not None and kind.abbreviation and number is None and kind.abbreviation != "GUQ":
        return FieldValue(value=kind.abbreviation, confidence=0.9, method="lexicon")
    return None


def _agency(head: Sequence[Text], lines: Sequence[Text], signature: Signature | None) -> FieldValue | None:
    if found := find_agency(head):
        return found
    for line in lines:
        if label := REGISTERED_AT.search(line.folded):
            return line.value(label.end(), len(line.plain))
    if signature and signature.agency_in_title:
        told = signature.agency_in_title
        following = [x.plain for x in lines if x.is_capitals and "QUẢN LÝ HÀNH CHÍNH" in x.plain.upper()]
        return signature.title.model_copy(
            update={"value": sentence_case(" ".join([told, *following]).replace("'", ""))}
        )
    if signature and signature.authority and "ban nhan dan" in fold(signature.authority.value):
        spelt = spell_agency([re.sub(r"^\S+\s*", "", signature.authority.value)])
        return signature.authority.model_copy(update={"value": spelt or ""})
    return None


def _subject(
    head: Sequence[Text], kind: DocumentType | None, heading: Heading | None, *, citizen: bool
) -> FieldValue | None:
    if kind is not None and not citizen and kind.abbreviation is None and kind.code != LETTER:
        return None
    if kind is not None and kind.code == CARD:
        return None
    found = find_subject(head, heading)
    if found is None and heading is not None and heading.rest:
        told = heading.rest[:1].upper() + heading.rest[1:].lower()
        return heading.value.model_copy(update={"value": told})
    return found


def _dossier(flows: Sequence[Text]) -> FieldValue | None:
    for text in flows:
        if found := DOSSIER.search(text.plain):
            return text.value(found.start(), found.end())
    return None


def _addressed_to(head: Sequence[Text]) -> FieldValue | None:
    for line in head:
        if label := re.match(r"\W*kinh g[uo]i\s*[:.]?\s*", line.folded):
            return line.value(label.end(), len(line.plain)) if label.end() < len(line.plain) else None
    return None
