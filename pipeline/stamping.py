"""What is stamped on a document: the form of copy that was decided, the agency that makes it, the time."""

from __future__ import annotations

from datetime import datetime

from pipeline.workshop import Workshop
from registry.documents import DocumentRow
from registry.values import CopyOf, vietnam_date
from signing.stamp import Seal, Stamp, agency_stamp


def stamp_of(shop: Workshop, record: DocumentRow, at: datetime) -> Stamp:
    """The stamp of the document's unit at that instant, as the installation's appearance wants it."""
    told = shop.settings.signing
    unit = shop.catalogue.unit(record.unit, vietnam_date(at))
    seal = Seal(shop.settings.path(told.seal_image), told.seal_width_mm) if told.seal_image else None
    return agency_stamp((record.copied or CopyOf()).form, unit.name, at, told.appearance, seal)
