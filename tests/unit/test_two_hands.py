"""The official and the agency sign one document, wherever the key of each lies."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.setup import initialise
from app.wiring import Wiring, opened
from archive.aip import read_papers
from pipeline import deferred, steps
from registry import documents
from registry.database import read
from registry.values import DocumentId, DocumentState
from signing.authority import Authority
from signing.keys import KeyRole
from signing.validate import validate_pdf
from tests.key_homes import COMMUNE, Issued, issue, pin_file, pkcs12_file
from tests.office import approved
from tests.signing_pc import SigningPc, one

OFFICIAL = "Trần Văn Bình"
KEY = """\
[[signing.keys]]
name = "{name}"
role = "{name}"
units = ["H99.32"]
"""
HERE = """\
kind = "pkcs12"
file = "keys/{name}.p12"
pin = "file"
pin_file = "keys/{name}.pin"
"""


@pytest.mark.parametrize(
    ("official", "agency"), [("deferred", "here"), ("here", "deferred"), ("deferred", "deferred"), ("here", "here")]
)
def test_both_sign_in_their_order_wherever_their_keys_lie(tmp_path: Path, official: str, agency: str) -> None:
    home = tmp_path / "home"
    home.mkdir()
    places = {"official": official, "agency": agency}
    keys = "".join(
        KEY.format(name=name) + (HERE.format(name=name) if place == "here" else 'kind = "deferred"\n')
        for name, place in places.items()
    )
    (home / "sohoa.toml").write_text("demo = true\n[workers]\nprocesses = 1\n" + keys)
    initialise(home, demo=False, agency=COMMUNE)
    issued = {
        "official": issue(Authority(home / "keys"), OFFICIAL, unit=COMMUNE, kind="ec"),
        "agency": issue(Authority(home / "keys"), COMMUNE, kind="ec"),
    }
    for name, one_of in issued.items():
        pkcs12_file(home / "keys" / f"{name}.p12", one_of, "mat-khau")
        pin_file(home / "keys" / f"{name}.pin", "mat-khau")
    with opened(home) as wiring:
        document = approved(wiring, 7)
        for role in [each for each in (KeyRole.OFFICIAL, KeyRole.AGENCY) if places[each] == "deferred"]:
            assert steps.sign_document(wiring.workshop, document)
            assert waits_for(wiring, document) is role
            answer(wiring, document, issued[role])
        assert not steps.sign_document(wiring.workshop, document)
        signed = wiring.workshop.bench(document) / "signed.pdf"
        report = validate_pdf(signed, wiring.trust)
        assert report.verdict == "TOTAL-PASSED", report
        assert [(s.field, s.signed_by) for s in report.signatures] == [("NguoiSao", OFFICIAL), ("SaoY", COMMUNE)]
        steps.archive_document(wiring.workshop, document)
        [event] = [e for e in read_papers(wiring.store, document).events if e.type == "digital signature generation"]
        assert event.detail["signatures"] == "2"
        assert event.agent == ("motcua" if "deferred" in places.values() else "sohoa")


def waits_for(wiring: Wiring, document: DocumentId) -> KeyRole:
    with read(wiring.engine) as conn:
        record = documents.get(conn, document)
    assert record.state is DocumentState.TO_SIGN
    return deferred.awaited(record)


def answer(wiring: Wiring, document: DocumentId, issued: Issued) -> None:
    """The holder of the key fetches the digest, signs on a machine of their own, and answers."""
    pc, units = SigningPc(issued), frozenset({"H99.32"})
    batch = deferred.fetch(wiring.workshop, [document], issued.pem, actor="motcua", units=units)
    assert not batch.refused, batch.refused
    taken = deferred.take(wiring.workshop, one(pc.answer(batch.requests[0])), actor="motcua", units=units)
    assert taken.accepted and not taken.refused
