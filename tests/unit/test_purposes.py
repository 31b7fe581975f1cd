"""Whoever reads a citizen's document says what for, once, and the audit log has it; auditors see who read what."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import Row

from app.web.visit import COOKIE
from app.wiring import Wiring, opened
from registry import documents, reads, users
from registry.database import read, write
from registry.errors import NotAllowed
from registry.reads import READS, SHOWS, Purpose, Reader, Why, purpose_of
from registry.tables import audit as rows
from registry.values import DocumentId, Role, utc_now, vietnam_date
from tests.desk import csrf, run_cli
from tests.office import DOSSIER, Office, add_record, make_office
from tests.pages import served_pages

PASSWORD = "mat-khau-cua-toi"
ACCOUNTS = {"quet": Role.SCANNER, "motcua": Role.CLERK, "kiemtra": Role.AUDITOR, "lanhdao": Role.LEADER,
            "quantri2": Role.ADMIN}  # fmt: skip
Login = Callable[[str], httpx.Client]


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Office:
    made = make_office(tmp_path_factory.mktemp("purposes") / "home", 1)
    with opened(made.home) as wiring, write(wiring.engine) as conn:
        for name, role in ACCOUNTS.items():
            unit = None if role in (Role.AUDITOR, Role.ADMIN) else "H99.32"
            if name != "motcua":
                users.add_user(conn, username=name, password=PASSWORD, role=role, unit=unit, must_change=False)
            else:
                users.change_password(conn, name, PASSWORD)
    return made


@pytest.fixture(scope="module")
def wiring(office: Office) -> Iterator[Wiring]:
    with opened(office.home) as wiring:
        yield wiring


@pytest.fixture(scope="module")
def address(wiring: Wiring) -> Iterator[str]:
    """The real server."""
    with served_pages(wiring) as address:
        yield address


@pytest.fixture
def login(wiring: Wiring, address: str) -> Login:
    def open_session(name: str) -> httpx.Client:
        with write(wiring.engine) as conn:
            token = users.open_session(conn, name, 1)
        return httpx.Client(base_url=address, follow_redirects=True, timeout=30, cookies={COOKIE: token})

    return open_session


def readings(wiring: Wiring, document_id: str, account: str) -> list[reads.ReadRow]:
    with read(wiring.engine) as conn:
        return reads.find(conn, document_id=document_id, account=account)


def say(client: httpx.Client, why: str, dossier: str = "", back: str = "/tray") -> httpx.Response:
    told = {"csrf": csrf(client.get("/purpose").text), "why": why, "dossier": dossier, "back": back}
    return client.post("/purpose", data=told)


@pytest.fixture
def document(wiring: Wiring) -> DocumentId:
    """A new record for each test: what others read of it is not in the way."""
    with read(wiring.engine) as conn:
        number = documents.count_archived(conn)
    return add_record(wiring, 40 + number)


def test_a_clerk_is_asked_once_and_led_back(wiring: Wiring, login: Login, document: DocumentId) -> None:
    client = login("motcua")
    asked = client.get(f"/documents/{document}")
    assert asked.url.path == "/purpose" and "Xem giấy tờ để làm gì" in asked.text
    assert "Quyết định" not in asked.text and readings(wiring, document, "motcua") == []
    told = {"csrf": csrf(asked.text), "why": "dossier", "dossier": DOSSIER.lower(), "back": f"/documents/{document}"}
    page = client.post("/purpose", data=told)
    assert page.url.path == f"/documents/{document}" and f"giải quyết hồ sơ {DOSSIER}" in page.text
    assert client.get(f"/documents/{document}/document.pdf").content.startswith(b"%PDF")
    found = readings(wiring, document, "motcua")
    assert [(r.action, r.why, r.dossier, r.role, r.of_unit, r.unit) for r in found] == [
        ("download", "dossier", DOSSIER, "clerk", "H99.32", "H99.32"),
        ("view", "dossier", DOSSIER, "clerk", "H99.32", "H99.32"),
    ]


def test_the_same_reading_is_told_once(wiring: Wiring, login: Login, document: DocumentId) -> None:
    client = login("motcua")
    say(client, "request")
    for _ in range(3):
        client.get(f"/documents/{document}")
        client.get(f"/documents/{document}/pages/0.jpg?width=1100")
    assert len(readings(wiring, document, "motcua")) == 1
    say(client, "complaint")
    client.get(f"/documents/{document}")
    assert [r.why for r in readings(wiring, document, "motcua")] == ["complaint", "request"]
    again = login("motcua")
    say(again, "request")
    again.get(f"/documents/{document}")
    assert len(readings(wiring, document, "motcua")) == 3, "another session"


def test_after_half_an_hour_it_is_told_again(
    wiring: Wiring, login: Login, document: DocumentId, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = login("kiemtra")
    client.get(f"/documents/{document}")
    monkeypatch.setattr(reads, "ONCE_WITHIN", timedelta(0))
    client.get(f"/documents/{document}")
    assert len(readings(wiring, document, "kiemtra")) == 2


def test_pages_and_files_are_not_shown_before_the_purpose(wiring: Wiring, login: Login, document: DocumentId) -> None:
    client = login("lanhdao")
    for path in (f"/documents/{document}/document.pdf", f"/documents/{document}/pages/0.jpg?width=1100"):
        answer = client.get(path)
        assert answer.url.path == "/purpose" and answer.headers["content-type"].startswith("text/html")
    assert client.get(f"/documents/{document}/pages/0.jpg?width=420").url.path == "/purpose", "nor a small picture"
    assert client.get("/search").url.path == "/purpose", "nor a line of text beside a hit"
    assert readings(wiring, document, "lanhdao") == []
    say(client, "direction")
    assert client.get("/search").url.path == "/search", "asked once"


def test_who_works_on_what_comes_in_need_not_say_why(wiring: Wiring, login: Login, office: Office) -> None:
    client = login("quet")
    assert client.get(f"/review/{office.in_review}").url.path == f"/review/{office.in_review}"
    [told] = readings(wiring, office.in_review, "quet")
    assert (told.action, told.why, told.role) == ("review", "intake", "scanner")


def test_an_auditor_inspects(wiring: Wiring, login: Login, document: DocumentId) -> None:
    client = login("kiemtra")
    page = client.get(f"/documents/{document}").text
    assert "Ai đã xem" in page and "thanh tra, kiểm tra" in page
    assert [r.why for r in readings(wiring, document, "kiemtra")] == ["inspection"]


def test_a_dossier_at_the_desk_is_the_purpose(wiring: Wiring, login: Login, document: DocumentId) -> None:
    client = login("motcua")
    told = {"owner": "003199000001", "procedure": "1.000894", "dossier": DOSSIER}
    page = client.post("/reuse", data={"csrf": csrf(client.get("/reuse").text), **told})
    assert f"giải quyết hồ sơ {DOSSIER}" in page.text
    assert client.get(f"/documents/{document}").url.path == f"/documents/{document}"
    assert readings(wiring, document, "motcua")[0].dossier == DOSSIER


@pytest.mark.parametrize(
    ("why", "dossier"), [("dossier", ""), ("dossier", "Nguyễn Văn A"), ("dossier", "003199000001"), ("vì tò mò", "")]
)
def test_a_purpose_is_one_of_a_few_and_never_free_text(login: Login, why: str, dossier: str) -> None:
    page = say(login("motcua"), why, dossier)
    assert "chưa đúng dạng" in page.text
    with pytest.raises(NotAllowed):
        purpose_of(why, dossier)


def test_a_role_has_its_own_purposes(login: Login) -> None:
    assert say(login("motcua"), "inspection").status_code == 403


@pytest.mark.parametrize("back", ["https://evil.example/", "//evil.example", "/logout", "/documents/x?y=z", "x:1"])
def test_it_leads_back_to_own_pages_only(login: Login, back: str) -> None:
    assert say(login("motcua"), "request", back=back).url.path == "/tray"


def test_auditors_find_who_read_what(wiring: Wiring, login: Login, document: DocumentId) -> None:
    clerk = login("motcua")
    say(clerk, "request")
    clerk.get(f"/documents/{document}")
    auditor = login("kiemtra")
    page = auditor.get(f"/reads?document={document}").text
    assert "motcua" in page and "công dân yêu cầu" in page
    assert "Không có lượt xem" in auditor.get(f"/reads?document={document}&account=lanhdao&start=&end=").text
    assert "Không có lượt xem" in auditor.get(f"/reads?document={document}&start=2020-01-01&end=2020-01-02").text
    assert login("motcua").get("/reads").status_code == 403


def test_old_pages_of_the_list_are_reached(wiring: Wiring, login: Login, document: DocumentId) -> None:
    purpose = Purpose(why=Why.OPERATION)
    for number in range(120):
        with write(wiring.engine) as conn:
            reads.note(conn, "show", document, "H99.32", Reader(account=f"a{number}", role="cli"), purpose)
    client = login("kiemtra")
    page = client.get(f"/reads?document={document}").text
    before = re.search(r'name="before" value="(\d+)"', page)
    assert before is not None and "a119" in page and ">a5<" not in page
    assert ">a5<" in client.get(f"/reads?document={document}&before={before[1]}").text


def test_a_leader_sees_the_own_units_readings_only(wiring: Wiring, login: Login) -> None:
    with write(wiring.engine) as conn:
        purpose = Purpose(why=Why.OPERATION)
        for unit in ("H99.32", "H99.34"):
            reads.note(conn, "show", f"ở-{unit}", unit, Reader(account="ai", role="cli"), purpose)
    page = login("lanhdao").get("/reads?account=ai").text
    assert "ở-H99.32" in page and "ở-H99.34" not in page


def test_the_command_line_says_what_for(wiring: Wiring, office: Office, document: DocumentId) -> None:
    home = str(office.home)
    run_cli("show", document, "--home", home, "--dossier", DOSSIER)
    found = run_cli("audit", "reads", "--document", document, "--home", home)
    assert [(r["action"], r["why"], r["dossier"]) for r in found] == [("show", "dossier", DOSSIER)]
    assert found[0]["account"].startswith("cli:")


def last(wiring: Wiring, action: str) -> Row[Any]:
    with read(wiring.engine) as conn:
        return conn.execute(rows.select().where(rows.c.action == action).order_by(rows.c.seq.desc()).limit(1)).one()


def test_a_search_is_a_reading_of_the_documents_it_showed(wiring: Wiring, login: Login, document: DocumentId) -> None:
    client = login("motcua")
    say(client, "dossier", DOSSIER)
    page = client.post("/search", data={"csrf": csrf(client.get("/search").text), "query": number_of(wiring, document)})
    assert f"/documents/{document}" in page.text
    told = last(wiring, "search")
    assert set(told.detail) == {"why", "role", "dossier", "of", "session", "shown"}, "and no word of the question"
    assert (told.detail["why"], told.detail["dossier"], told.unit) == ("dossier", DOSSIER, "H99.32")
    assert all(len(i) == 36 for i in told.detail["shown"])
    [found] = readings(wiring, document, "motcua")
    assert (found.action, found.why, found.dossier, found.document_id) == ("search", "dossier", DOSSIER, document)
    listed = login("kiemtra").get(f"/reads?document={document}").text
    assert "thấy trong kết quả tìm kiếm" in listed and "motcua" in listed
    assert f"/documents/{document}" in login("kiemtra").get("/reads?account=motcua").text, "each that it showed"


def test_a_search_without_a_purpose_shows_nothing(wiring: Wiring, login: Login, document: DocumentId) -> None:
    client = login("motcua")
    told = {"csrf": csrf(client.get("/reuse").text), "query": number_of(wiring, document)}
    asked = client.post("/search", data=told)
    assert asked.url.path == "/purpose" and document not in asked.text
    assert readings(wiring, document, "motcua") == []


def test_a_small_picture_is_a_reading_once(wiring: Wiring, login: Login, document: DocumentId) -> None:
    client = login("motcua")
    say(client, "request")
    for _ in range(3):
        client.get(f"/documents/{document}/pages/0.jpg?width=420")
    assert [r.action for r in readings(wiring, document, "motcua")] == ["view"]
    client.get(f"/documents/{document}")
    assert len(readings(wiring, document, "motcua")) == 1


def test_the_pictures_beside_hits_are_told_with_the_search(wiring: Wiring, login: Login, document: DocumentId) -> None:
    client = login("motcua")
    say(client, "request")
    client.post("/search", data={"csrf": csrf(client.get("/search").text), "query": number_of(wiring, document)})
    assert client.get(f"/documents/{document}/pages/0.jpg?width=420").headers["content-type"] == "image/jpeg"
    assert [r.action for r in readings(wiring, document, "motcua")] == ["search"]
    client.get(f"/documents/{document}/pages/0.jpg?width=1100")
    assert [r.action for r in readings(wiring, document, "motcua")] == ["view", "search"], (
        "a page to be read is another"
    )
    say(client, "complaint")
    client.get(f"/documents/{document}/pages/0.jpg?width=420")
    assert [r.why for r in readings(wiring, document, "motcua")] == ["complaint", "request", "request"]


def test_a_search_at_the_command_line_leaves_a_trace(wiring: Wiring, office: Office, document: DocumentId) -> None:
    home, query = str(office.home), number_of(wiring, document)
    found = run_cli("search", query, "--home", home, "--dossier", DOSSIER)
    assert document in [hit["id"] for hit in found["hits"]]
    [told] = run_cli("audit", "reads", "--document", document, "--home", home)
    assert (told["action"], told["why"], told["dossier"], told["role"]) == ("search", "dossier", DOSSIER, "cli")
    row = last(wiring, "search")
    assert document in row.detail["shown"] and set(row.detail) == {"why", "dossier", "role", "shown"}
    run_cli("search", query, "--home", home, "--purpose", "complaint")
    assert last(wiring, "search").detail["why"] == "complaint"


def test_the_question_what_to_bring_names_the_papers_it_showed(wiring: Wiring, office: Office, login: Login) -> None:
    document, number = add_record(wiring, 1000), "003199001000"
    with read(wiring.engine) as conn:
        procedure = procedure_that_asks_for(wiring, documents.get(conn, document).kind)
    answer = run_cli("reuse", "check", "--owner", number, "--procedure", procedure, "--home", str(office.home))
    assert document in [x["id"] for c in answer["components"] for x in c["candidates"]]
    [told] = run_cli("audit", "reads", "--document", document, "--home", str(office.home))
    assert (told["action"], told["why"]) == ("reuse-check", "operation")
    client = login("motcua")
    form = {"csrf": csrf(client.get("/reuse").text), "owner": number, "procedure": procedure, "dossier": DOSSIER}
    client.post("/reuse", data=form)
    found = readings(wiring, document, "motcua")[0]
    assert (found.action, found.why, found.dossier) == ("reuse-check", "dossier", DOSSIER)
    assert last(wiring, "reuse-check").subject == procedure


def procedure_that_asks_for(wiring: Wiring, kind: str | None) -> str:
    day = vietnam_date(utc_now())
    return next(
        p.code
        for p in wiring.catalogue.procedures_on(day)
        if any(c.reusable and kind in c.kinds for c in p.components_on(day))
    )


def number_of(wiring: Wiring, document_id: DocumentId) -> str:
    """The number on the paper: what a clerk types to find it."""
    with read(wiring.engine) as conn:
        return documents.get(conn, document_id).fields["number_symbol"].value


def test_no_word_of_a_document_or_person_is_in_the_log(wiring: Wiring, login: Login, document: DocumentId) -> None:
    client = login("motcua")
    say(client, "dossier", DOSSIER)
    client.get(f"/documents/{document}")
    with read(wiring.engine) as conn:
        told = [json.dumps(row._asdict(), ensure_ascii=False) for row in conn.execute(rows.select())]
    assert any(f'"action": "{action}"' in line for line in told for action in READS)
    for word in ("Nguyễn", "Trần", "00319900", "Quyết định"):
        assert not [line for line in told if word in line], word


def test_every_role_has_purposes_and_every_word_a_name() -> None:
    from app.web.visit import PURPOSES
    from app.web.words import ACTIONS
    from app.web.words import PURPOSES as NAMES

    assert set(PURPOSES) == set(Role) and set(NAMES) == set(Why) and {*READS, *SHOWS} <= set(ACTIONS)
