"""The QR codes on a page image, whichever way it lies. Runs where the page is read, in a worker process."""

from __future__ import annotations

import cv2
import zxingcpp

from pipeline import imaging
from pipeline.imaging import Pixels

LONGEST_PX = 4000
"""A page is looked at so large at most, A4 at 340 dpi. To make it smaller takes longer than to look at all of it."""
QR = zxingcpp.barcode_formats_from_str("QRCode")
MOST = 4
LONGEST_TEXT = 500


def read_codes(image: Pixels) -> tuple[str, ...]:
    """The texts of the page's QR codes, sorted; codes that cannot be read are not there. Some 7 ms a page of 200 dpi.

    They may hold an identity card's data: not for logs, and not for the archive beside what the paper itself shows.
    """
    gray, _ = imaging.reduce(image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), LONGEST_PX)
    found = zxingcpp.read_barcodes(gray, formats=QR, try_invert=False)
    return tuple(sorted({code.text for code in found[:MOST] if code.valid and 0 < len(code.text) <= LONGEST_TEXT}))
