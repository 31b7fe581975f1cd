"""What a document says of itself: its kind, the fields of its head and foot, and the people it names.

Rules of layout and labels, not templates: a value without evidence on the paper stays absent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from config.catalogue import DocumentType
from pipeline.describing import cards, fields
from pipeline.describing.head import find_head
from pipeline.describing.kinds import classify
from pipeline.describing.layout import lay_out
from pipeline.describing.names import parse_name
from pipeline.describing.numbers import dossier_code_in
from pipeline.describing.people import find_people
from pipeline.describing.secrecy import secrecy_mark
from pipeline.describing.signature import find_signature
from registry.values import Description, PageText

__all__ = ["describe", "dossier_code_in", "parse_name", "secrecy_mark"]


def describe(pages: Sequence[PageText], kinds: Mapping[str, DocumentType]) -> Description:
    """Everything the pages tell, each value with its evidence. Pages without words give an empty description."""
    sheet = lay_out(pages)
    if not sheet.rows:
        return Description()
    head = find_head(sheet)
    symbol = head.number_value
    kind = classify(sheet, head, kinds, symbol.value if symbol else None)
    below = kind.heading[-1].top if kind and kind.heading else 0.2
    told = kinds.get(kind.code) if kind and kind.code else None
    signature = find_signature(sheet, below, told.signer_titles if told else ())
    found = fields.collect(sheet, head, kind, signature, kinds)
    people = find_people(sheet, signature.name)
    holder = cards.holder_of(pages, sheet)
    if kind and fields.is_card(kind):
        printed = found.get("number_symbol")
        found, people = cards.card_fields(found, holder), cards.card_people(people, holder, printed)
    elif holder:
        people = cards.with_holder(people, holder)
    return Description(
        kind=kind.code if kind else None,
        kind_confidence=round(min(1.0, kind.score), 3) if kind else 0.0,
        fields=found,
        people=people,
    )
