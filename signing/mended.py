"""What pyHanko does wrong and has no setting for, mended in its own modules.

A file's proofs hold answers about several certificates of one issuer. pyHanko counts those about others as failures of
the one it looks for, so that an answer which is only old is no longer called that (TRY_LATER), and the proof that the
signature is older than it is not looked at: a renewed file would be INDETERMINATE for ever.
"""

from __future__ import annotations

from typing import Any

from asn1crypto import x509
from pyhanko_certvalidator.revinfo import validate_ocsp

_matches = validate_ocsp._match_ocsp_certid


def _about_this_one(cert: Any, issuer: Any, ocsp_response: Any, errs: Any) -> bool:
    told = ocsp_response.extract_single_response()
    known = told is not None and isinstance(cert, x509.Certificate)
    if known and told["cert_id"]["serial_number"].native != cert.serial_number:
        errs.mismatch_failures += 1
        return False
    return bool(_matches(cert, issuer, ocsp_response, errs))


def mend_pyhanko() -> None:
    """From now on in this process. Repeatable."""
    validate_ocsp._match_ocsp_certid = _about_this_one
