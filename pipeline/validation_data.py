"""What a signed PDF brings along for its own validation: the document security store. Runs in a worker process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pikepdf

KINDS = {"/Certs": "certificates", "/CRLs": "crl", "/OCSPs": "ocsp"}


def validation_data(pdf: Path) -> dict[str, tuple[bytes, ...]]:
    """The DER of the certificates, revocation lists and OCSP answers in the file (ETSI EN 319 142-1 §5.4.2), by the
    values of KINDS; empty where it has none or cannot be read."""
    try:
        with pikepdf.open(pdf, suppress_warnings=True) as opened:
            store: Any = opened.Root.get("/DSS", {})
            return {
                name: tuple(bytes(stream.read_bytes()) for stream in store.get(key, ())) for key, name in KINDS.items()
            }
    except (pikepdf.PdfError, ValueError, TypeError, AttributeError):
        return {}
