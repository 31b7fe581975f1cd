"""Who signs a document, in which order, and what is seen of it: the official who made the copy first, where there is
one, then the agency, whose stamp says which copy it is (NĐ 30/2020/NĐ-CP, Điều 25 and Annex I).

A key lies here, or with the official (pipeline.deferred). Where both lie here, both signatures are made at once; else
the official's is a file of its own on the bench, `official.pdf`, which the agency signs.
"""

from __future__ import annotations

from pathlib import Path

from pipeline.workshop import Workshop
from registry.documents import DocumentRow
from registry.values import CopyForm, CopyOf, utc_now, vietnam_date
from signing.keys import KeyRole
from signing.sign import FIELD, OFFICIALS_FIELD
from signing.stamp import Seal, Stamp, agency_stamp

OFFICIALS_FILE = "official.pdf"
FIELDS = {KeyRole.AGENCY: FIELD, KeyRole.OFFICIAL: OFFICIALS_FIELD}


def form_of(record: DocumentRow) -> CopyForm:
    """Which kind of copy the document is: a true copy, where nobody said otherwise."""
    return (record.copied or CopyOf()).form


def stamp_of(shop: Workshop, record: DocumentRow) -> Stamp:
    """The agency's stamp on the document, of now."""
    told, now = shop.settings.signing, utc_now()
    seal = Seal(shop.settings.path(told.seal_image), told.seal_width_mm) if told.seal_image else None
    agency = shop.catalogue.unit(record.unit, vietnam_date(now)).name
    return agency_stamp(form_of(record), agency, now, told.appearance, seal)


def is_deferred(shop: Workshop, record: DocumentRow, role: KeyRole) -> bool:
    """Whether somebody signs in this role who has the key with them. Raises NoSigningKey where no agency signs."""
    keys = shop.station.keys
    if role is KeyRole.OFFICIAL and not keys.has(record.unit, role):
        return False
    return keys.held(record.unit, role).deferred


def official_comes_apart(shop: Workshop, record: DocumentRow) -> bool:
    """Whether an official signs, and not in one go with the agency: one of the two keys does not lie here."""
    if not shop.station.keys.has(record.unit, KeyRole.OFFICIAL):
        return False
    return any(is_deferred(shop, record, role) for role in KeyRole)


def source_of(shop: Workshop, record: DocumentRow, role: KeyRole) -> Path:
    """The file that is signed in this role."""
    bench = shop.bench(record.id)
    apart = role is KeyRole.AGENCY and official_comes_apart(shop, record)
    return bench / (OFFICIALS_FILE if apart else "document.pdf")


def continues(later: Path, earlier: Path) -> bool:
    """Whether a file is there and was made from the other by incremental updates: it begins with all of its bytes. One
    that a document's earlier reading left behind does not."""
    try:
        with later.open("rb") as long, earlier.open("rb") as short:
            while piece := short.read(1 << 20):
                if long.read(len(piece)) != piece:
                    return False
    except FileNotFoundError:
        return False
    return True
