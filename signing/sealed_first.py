"""A signature without a timestamp of its own, because the TSA was away when it was made, but with a document timestamp
over it (B-T by ETSI EN 319 142-1 §5.3). pyHanko knows only the other kind and says SIG_CONSTRAINTS_FAILURE of this."""

from __future__ import annotations

import asyncio
import dataclasses
from datetime import datetime

from asn1crypto import crl, ocsp
from pyhanko.sign.validation.ades import AdESBasicValidationResult, ades_basic_validation
from pyhanko.sign.validation.dss import DocumentSecurityStore
from pyhanko.sign.validation.errors import NoDSSFoundError
from pyhanko.sign.validation.pdf_embedded import EmbeddedPdfSignature
from pyhanko.sign.validation.policy_decl import LocalKnowledge, SignatureValidationSpec
from pyhanko_certvalidator.ltv.types import ValidationTimingInfo
from pyhanko_certvalidator.revinfo.archival import CRLContainer, OCSPContainer

from signing.tokens import SKEW


def judged_when_sealed(
    signature: EmbeddedPdfSignature, spec: SignatureValidationSpec, sealed_at: datetime
) -> AdESBasicValidationResult:
    """The verdict as of the first document timestamp over the signature, by what the file holds.

    sealed_at: its instant. The caller has seen that the timestamp itself is trusted. Call it from a thread without a
    running event loop.
    """
    return asyncio.run(
        ades_basic_validation(
            signature.signed_data,
            dataclasses.replace(spec, local_knowledge=_held(signature)),
            timing_info=ValidationTimingInfo(sealed_at + SKEW, sealed_at, True),
            raw_digest=signature.compute_digest(),
        )
    )


def _held(signature: EmbeddedPdfSignature) -> LocalKnowledge:
    try:
        store = DocumentSecurityStore.read_dss(signature.reader)
    except NoDSSFoundError:
        return LocalKnowledge()
    answers = (ocsp.OCSPResponse.load(ref.get_object().data) for ref in store.ocsps)
    return LocalKnowledge(
        known_ocsps=[held for answer in answers for held in OCSPContainer.load_multi(answer)],
        known_crls=[CRLContainer(crl_data=crl.CertificateList.load(ref.get_object().data)) for ref in store.crls],
        known_certs=list(store.load_certs()),
    )
