"""Signatures made on an official's own PC: handed out, taken back days later, never of another document or person."""

from __future__ import annotations

import base64
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from sqlalchemy import update

from app.setup import initialise
from app.wiring import Wiring, opened
from archive.aip import read_record
from config.messages import sentence
from config.settings import load_settings_file
from pipeline import deferred, steps
from pipeline.deferred import Batch, Signed
from pipeline.signatures import continues
from pipeline.verification import verify_record
from registry import documents, tables, users
from registry.database import read, write
from registry.errors import ANSWER_CODES, AnswerRefused, CertificateNotTrusted, Conflict, WrongCertificate
from registry.values import DocumentId, DocumentState, Role, Verdict, utc_now
from signing.authority import Authority
from tests.desk import PASSWORD, csrf
from tests.key_homes import COMMUNE, WARD, Issued, issue, pin_file, pkcs12_file
from tests.office import approved
from tests.pages import served_pages
from tests.signing_pc import SigningPc, one

SETTINGS = """\
demo = true
[workers]
processes = 1
[[signing.keys]]
name = "xa-an-hoa"
kind = "deferred"
units = ["H99.32"]
"""
OFFICIAL = {"actor": "motcua", "units": frozenset({"H99.32"})}


@pytest.fixture(scope="module")
def wiring(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wiring]:
    home = tmp_path_factory.mktemp("deferred") / "home"
    home.mkdir()
    (home / "sohoa.toml").write_text(SETTINGS)
    initialise(home, demo=False, agency=COMMUNE)
    with opened(home) as wiring:
        yield wiring


@pytest.fixture(scope="module")
def pc(wiring: Wiring) -> SigningPc:
    return SigningPc(issued(wiring))


def issued(wiring: Wiring, name: str = COMMUNE, **told: object) -> Issued:
    return issue(Authority(wiring.folder("keys")), name, **{"kind": "ec", **told})  # type: ignore[arg-type]


NUMBERS = iter(range(100, 1000))


def to_sign(wiring: Wiring) -> DocumentId:
    """A document whose first workflow has ended: it waits for the official."""
    document_id = approved(wiring, next(NUMBERS))
    assert steps.sign_document(wiring.workshop, document_id)
    assert state(wiring, document_id) == DocumentState.TO_SIGN
    return document_id


def state(wiring: Wiring, document_id: DocumentId) -> DocumentState:
    with read(wiring.engine) as conn:
        return documents.get(conn, document_id).state


def fetch(wiring: Wiring, pc: SigningPc, *ids: DocumentId) -> Batch:
    batch = deferred.fetch(wiring.workshop, ids, pc.issued.pem, **OFFICIAL)  # type: ignore[arg-type]
    assert not batch.refused, batch.refused
    return batch


def take(wiring: Wiring, *signed: Signed) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Requests that were accepted, and the codes of those that were not."""
    told = deferred.take(wiring.workshop, one(*signed), **OFFICIAL)  # type: ignore[arg-type]
    return told.accepted, tuple(refusal.code for refusal in told.refused)


def archived(wiring: Wiring, document_id: DocumentId) -> None:
    """The second workflow runs, and the record stands every check."""
    assert state(wiring, document_id) == DocumentState.APPROVED
    assert not steps.sign_document(wiring.workshop, document_id)
    steps.archive_document(wiring.workshop, document_id)
    assert state(wiring, document_id) == DocumentState.ARCHIVED
    report = verify_record(wiring.store, wiring.trust, document_id)
    assert report.verdict == Verdict.PASSED, report
    with read(wiring.engine) as conn:
        assert documents.get(conn, document_id).signature_level == "B-LTA"


@pytest.mark.parametrize(
    ("kind", "side_by_side", "cms"),
    [("rsa", False, False), ("ec", False, False), ("ec", True, False), ("ec", False, True)],
)
def test_a_document_waits_is_signed_elsewhere_and_goes_on_to_the_archive(
    wiring: Wiring, kind: str, side_by_side: bool, cms: bool
) -> None:
    pc = SigningPc(issued(wiring, kind=kind), side_by_side=side_by_side)
    document_id = to_sign(wiring)
    [waiting] = [w for w in deferred.waiting(wiring.workshop, {"H99.32"}) if w.document_id == document_id]
    assert waiting.asked_by is None
    [asked] = fetch(wiring, pc, document_id).requests
    assert take(wiring, pc.cms(asked) if cms else pc.answer(asked)) == ((asked.request,), ())
    archived(wiring, document_id)
    record = read_record(wiring.store, document_id)
    [signature] = [e for e in record.events if e.type == "digital signature generation"]
    assert signature.agent == "motcua"
    assert take(wiring, pc.answer(asked)) == ((), ("answer-late",)), "an answer counts once"


def test_everything_survives_a_restart_between_fetch_and_answer(wiring: Wiring, pc: SigningPc) -> None:
    document_id = to_sign(wiring)
    batch = fetch(wiring, pc, document_id)
    with opened(wiring.settings.home) as again:
        assert fetch(again, pc, document_id) == batch, "what is open is handed out unchanged"
        assert take(again, *pc.answers(batch).answers)[0]
    with opened(wiring.settings.home) as again:
        archived(again, document_id)


def test_a_batch_is_signed_in_one_go_and_one_bad_answer_harms_no_other(wiring: Wiring, pc: SigningPc) -> None:
    ids = [to_sign(wiring) for _ in range(3)]
    asked = fetch(wiring, pc, *ids).requests
    swapped = Signed(request=asked[0].request, signature=base64.b64encode(pc.sign(base64.b64decode(asked[1].digest))))
    accepted, codes = take(wiring, swapped, *(pc.answer(a) for a in asked[1:]))
    assert accepted == (asked[1].request, asked[2].request) and codes == ("answer-wrong",)
    assert state(wiring, ids[0]) == DocumentState.TO_SIGN
    assert take(wiring, pc.answer(asked[0])) == ((asked[0].request,), ())


def test_a_changed_document_is_refused_before_and_after_the_answer(wiring: Wiring, pc: SigningPc) -> None:
    before, source, after = (to_sign(wiring) for _ in range(3))
    asked = {a.document: a for a in fetch(wiring, pc, before, source, after).requests}
    shop = wiring.workshop
    _spoil(deferred.prepared_file(shop, before, asked[before].request))
    _spoil(shop.bench(source) / "document.pdf")
    assert take(wiring, pc.answer(asked[before]), pc.answer(asked[source]))[1] == ("answer-changed", "answer-changed")
    assert take(wiring, pc.answer(asked[after]))[0]
    _spoil(deferred.prepared_file(shop, after, asked[after].request))
    assert steps.sign_document(shop, after), "it waits again"
    assert state(wiring, after) == DocumentState.TO_SIGN
    assert not (shop.bench(after) / "signed.pdf").exists()
    for document_id in (before, after):
        [anew] = fetch(wiring, pc, document_id).requests
        assert anew.request != asked[document_id].request
        assert take(wiring, pc.answer(anew))[0]
        archived(wiring, document_id)


def _spoil(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 3] ^= 1
    path.write_bytes(bytes(content))


def test_another_persons_signature_is_refused(wiring: Wiring, pc: SigningPc) -> None:
    [asked] = fetch(wiring, pc, to_sign(wiring)).requests
    other = SigningPc(issued(wiring))
    assert take(wiring, other.answer(asked)) == ((), ("answer-wrong",))
    assert take(wiring, other.cms(asked)) == ((), ("answer-wrong",))
    assert take(wiring, pc.cms(asked, digest=b"\0" * 32)) == ((), ("answer-wrong",))
    assert take(wiring, pc.cms(asked, pades=False)) == ((), ("answer-not-pades",))


@pytest.mark.parametrize(
    ("told", "code"),
    [
        ({"signature": b"x" * 70}, "answer-wrong"),
        ({"signature": b"x" * 5000}, "answer-too-large"),
        ({"cms": b"0\x82\xff\xff not a cms"}, "answer-unreadable"),
        ({"cms": b"0" * 20_000}, "answer-too-large"),
    ],
)
def test_what_is_no_signature_is_refused_with_its_reason(
    wiring: Wiring, pc: SigningPc, told: dict[str, bytes], code: str
) -> None:
    [asked] = fetch(wiring, pc, to_sign(wiring)).requests
    signed = Signed.model_validate({"request": asked.request, **{k: base64.b64encode(v) for k, v in told.items()}})
    assert take(wiring, signed) == ((), (code,))
    assert code in ANSWER_CODES
    assert take(wiring, pc.answer(asked))[0], "and the right one still counts"


def test_what_is_too_old_or_was_asked_anew_is_void_and_prepared_again(wiring: Wiring, pc: SigningPc) -> None:
    document_id = to_sign(wiring)
    [old] = fetch(wiring, pc, document_id).requests
    with write(wiring.engine) as conn:
        past = (utc_now() - timedelta(seconds=1)).isoformat(timespec="microseconds")
        told = tables.signing_requests
        conn.execute(update(told).where(told.c.id == old.request).values(expires_at=past))
    assert take(wiring, pc.answer(old)) == ((), ("answer-expired",))
    deputy = SigningPc(issued(wiring))
    [asked] = fetch(wiring, deputy, document_id).requests
    [again] = fetch(wiring, pc, document_id).requests
    assert len({old.request, asked.request, again.request}) == 3
    assert take(wiring, deputy.answer(asked)) == ((), ("answer-late",))
    assert take(wiring, pc.answer(again))[0]


def test_only_the_units_own_trusted_certificate_gets_a_digest(wiring: Wiring, tmp_path: Path) -> None:
    document_id = to_sign(wiring)
    stranger = issue(Authority(wiring.folder("keys")), COMMUNE, kind="ec", by=issued(wiring))
    for certificate, code in (
        (issued(wiring, WARD).pem, WrongCertificate.code),
        (stranger.pem, CertificateNotTrusted.code),
        (issued(wiring, days=-1).pem, "certificate-unfit"),
        (issued(wiring, signs=False).pem, "certificate-unfit"),
    ):
        batch = deferred.fetch(wiring.workshop, [document_id], certificate, **OFFICIAL)  # type: ignore[arg-type]
        assert [refusal.code for refusal in batch.refused] == [code] and not batch.requests
    for certificate in (b"", b"-----BEGIN CERTIFICATE-----", b"x" * 100_000, b"0\x03\x02\x01\x01"):
        with pytest.raises(AnswerRefused):
            deferred.fetch(wiring.workshop, [document_id], certificate, **OFFICIAL)  # type: ignore[arg-type]


def test_documents_of_other_units_do_not_exist_for_an_official(wiring: Wiring, pc: SigningPc) -> None:
    document_id = to_sign(wiring)
    elsewhere = {"actor": "motcua2", "units": frozenset({"H99.34"})}
    batch = deferred.fetch(wiring.workshop, [document_id], pc.issued.pem, **elsewhere)  # type: ignore[arg-type]
    assert [r.code for r in batch.refused] == ["not-found"]
    [asked] = fetch(wiring, pc, document_id).requests
    told = deferred.take(wiring.workshop, one(pc.answer(asked)), **elsewhere)  # type: ignore[arg-type]
    assert [r.code for r in told.refused] == ["answer-unknown"]
    assert deferred.waiting(wiring.workshop, {"H99.34"}) == []


def test_only_what_was_made_of_the_documents_present_file_is_signed_on(tmp_path: Path) -> None:
    base, later, older = tmp_path / "document.pdf", tmp_path / "official.pdf", tmp_path / "older.pdf"
    base.write_bytes(b"a" * 3_000_000)
    later.write_bytes(b"a" * 3_000_000 + b"signature")
    older.write_bytes(b"b" + b"a" * 2_999_999 + b"signature")
    assert continues(later, base)
    assert not continues(older, base) and not continues(base, later) and not continues(tmp_path / "none", base)


def test_an_official_who_does_not_sign_sends_it_back_to_review(wiring: Wiring, pc: SigningPc) -> None:
    document_id = to_sign(wiring)
    [asked] = fetch(wiring, pc, document_id).requests
    deferred.send_back(wiring.workshop, document_id, **OFFICIAL)  # type: ignore[arg-type]
    assert state(wiring, document_id) == DocumentState.REVIEW
    assert take(wiring, pc.answer(asked)) == ((), ("answer-late",))
    with pytest.raises(Conflict):
        deferred.send_back(wiring.workshop, document_id, **OFFICIAL)  # type: ignore[arg-type]


def test_a_step_that_is_replayed_late_does_not_take_an_answer_back(wiring: Wiring, pc: SigningPc) -> None:
    document_id = to_sign(wiring)
    with read(wiring.engine) as conn:
        before = documents.get(conn, document_id)
    [asked] = fetch(wiring, pc, document_id).requests
    assert take(wiring, pc.answer(asked))[0]
    deferred.wait(wiring.workshop, before, deferred.awaited(before))
    archived(wiring, document_id)


def test_what_waits_goes_on_by_itself_once_the_key_lies_here(wiring: Wiring, pc: SigningPc, tmp_path: Path) -> None:
    document_id, home = to_sign(wiring), wiring.settings.home
    [asked] = fetch(wiring, pc, document_id).requests
    assert deferred.go_on_where_keys_came(wiring.workshop) == 0
    pkcs12_file(home / "keys" / "xa.p12", pc.issued, "mat-khau")
    pin_file(home / "keys" / "xa.pin", "mat-khau")
    here = 'kind = "pkcs12"\nfile = "keys/xa.p12"\npin = "file"\npin_file = "keys/xa.pin"'
    (tmp_path / "sohoa.toml").write_text(SETTINGS.replace('kind = "deferred"', here))
    changed = Wiring(load_settings_file(home, tmp_path / "sohoa.toml"))
    try:
        assert deferred.go_on_where_keys_came(changed.workshop) >= 1
        archived(changed, document_id)
    finally:
        changed.close()
    assert take(wiring, pc.answer(asked)) == ((), ("answer-late",))


def test_a_bench_that_was_lost_is_told_as_a_changed_document(wiring: Wiring, pc: SigningPc) -> None:
    document_id = to_sign(wiring)
    [asked] = fetch(wiring, pc, document_id).requests
    shutil.rmtree(wiring.workshop.bench(document_id))
    assert take(wiring, pc.answer(asked)) == ((), ("answer-changed",))


@pytest.fixture(scope="module")
def served(wiring: Wiring) -> Iterator[str]:
    """The address of the pages, for accounts of every role whose password is PASSWORD."""
    with write(wiring.engine) as conn:
        for role in Role:
            unit = None if role in (Role.AUDITOR, Role.ADMIN) else "H99.32"
            users.add_user(conn, username=role, password=PASSWORD, role=role, unit=unit, must_change=False)
    with served_pages(wiring) as address:
        yield address


@contextmanager
def login(address: str, role: Role) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=address, follow_redirects=True, timeout=60) as client:
        assert client.post("/login", data={"username": role, "password": PASSWORD}).url.path == "/tray"
        yield client


def test_a_signing_program_fetches_and_answers_in_json(wiring: Wiring, pc: SigningPc, served: str) -> None:
    document_id = to_sign(wiring)
    wanted = {"certificate": base64.b64encode(pc.issued.pem).decode(), "documents": [document_id]}
    with login(served, Role.CLERK) as client:
        told = client.get("/api/signing").json()
        assert document_id in [w["document_id"] for w in told["waiting"]]
        token = {"X-Csrf": told["csrf"]}
        assert client.post("/api/signing/batch", json=wanted).status_code == 403, "not without the session's token"
        batch = Batch.model_validate(client.post("/api/signing/batch", json=wanted, headers=token).json())
        given = pc.answers(batch).model_dump(mode="json")
        taken = client.post("/api/signing/answers", json=given, headers=token).json()
        assert taken == {"accepted": [batch.requests[0].request], "refused": []}
        bad = client.post("/api/signing/answers", json={"answers": [{"request": "x"}]}, headers=token)
        assert (bad.status_code, bad.json()["code"]) == (422, "answer-unreadable")
    for role in (Role.SCANNER, Role.AUDITOR, Role.ADMIN):
        with login(served, role) as client:
            assert client.get("/api/signing").status_code == 403
            assert client.get("/signing").status_code == 403
    assert httpx.get(f"{served}/api/signing").status_code == 401
    archived(wiring, document_id)


def test_the_page_gives_a_batch_as_a_file_and_takes_the_answers(wiring: Wiring, pc: SigningPc, served: str) -> None:
    kept, returned = to_sign(wiring), to_sign(wiring)
    with login(served, Role.LEADER) as client:
        page = client.get("/signing").text
        assert kept in page and returned in page
        form = {"csrf": csrf(page), "documents": [kept]}
        answer = client.post("/signing/batch", data=form, files={"certificate": ("ky.pem", pc.issued.pem)})
        assert "attachment" in answer.headers["content-disposition"]
        batch = Batch.model_validate_json(answer.content)
        assert [asked.document for asked in batch.requests] == [kept]
        client.post(f"/signing/{returned}/back", data={"csrf": csrf(page)})
        made = pc.answers(batch).model_dump_json().encode()
        said = client.post("/signing/answers", data={"csrf": csrf(page)}, files={"file": ("kq.json", made)}).text
        assert "Đã nhận 1 chữ ký" in said and kept not in said
        said = client.post("/signing/answers", data={"csrf": csrf(page)}, files={"file": ("kq.json", made)}).text
        assert sentence("answer-late") in said
        assert (
            client.post("/signing/answers", data={"csrf": csrf(page)}, files={"file": ("x", b"x")}).status_code == 422
        )
    assert state(wiring, kept) == DocumentState.APPROVED and state(wiring, returned) == DocumentState.REVIEW
