"""What a cover sheet's QR code says: `SOHOA1|H|<dossier code>|<component code>`, and the same with a check field.

`TP00` stands for the whole dossier. The check field is what `sohoa covers` prints: a sheet that was made elsewhere does
without, but one whose check does not fit was not made for these codes, and is no cover.
"""

from __future__ import annotations

import binascii
import re
from dataclasses import dataclass

from pipeline.describing.numbers import dossier_code_in

SIGN = "SOHOA1"
DOSSIER_KIND = "H"
WHOLE_DOSSIER = "TP00"
COMPONENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,49}")


@dataclass(frozen=True, slots=True)
class Cover:
    """What comes behind the sheet. component_code: None for the whole dossier."""

    dossier_code: str
    component_code: str | None = None


def payload(cover: Cover) -> str:
    """The code's text, with its check field. Raises ValueError for codes that no sheet can carry."""
    component = cover.component_code or WHOLE_DOSSIER
    if not _is_dossier(cover.dossier_code) or not COMPONENT.fullmatch(component):
        raise ValueError("not a code of a dossier or component")
    told = "|".join((SIGN, DOSSIER_KIND, cover.dossier_code, component))
    return f"{told}|{check_field(told)}"


def check_field(told: str) -> str:
    """Four hexadecimal digits over the text before it (CRC-16/XMODEM)."""
    return f"{binascii.crc_hqx(told.encode(), 0):04X}"


def is_ours(code: str) -> bool:
    """Whether a code says that it is a cover sheet's; all others are of no concern here and are not kept."""
    return code.startswith(f"{SIGN}|")


def cover_of(code: str) -> Cover | None:
    """What the sheet says; None for a code of others, and for one of ours that is not whole."""
    fields = code.split("|")
    if len(fields) not in (4, 5) or fields[:2] != [SIGN, DOSSIER_KIND]:
        return None
    if len(fields) == 5 and fields[4].upper() != check_field("|".join(fields[:4])):
        return None
    dossier, component = fields[2:4]
    if not _is_dossier(dossier) or not COMPONENT.fullmatch(component):
        return None
    return Cover(dossier, None if component == WHOLE_DOSSIER else component)


def _is_dossier(code: str) -> bool:
    return len(code) <= 60 and dossier_code_in(code) == code
