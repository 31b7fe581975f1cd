"""Holds and disposal on the pages: by auditors and administrators alone, and by two of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import httpx
import pytest

from app.wiring import Wiring
from archive.aip import iter_records
from pipeline import disposal
from registry import disposals, documents
from registry.database import read
from registry.values import DocumentState
from tests.pages import served_pages
from tests.unit.keeping import PASSWORD, installation

Login = Callable[[str], tuple[httpx.Client, str]]


@pytest.fixture(scope="module")
def wiring(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wiring]:
    made = installation(tmp_path_factory.mktemp("pages") / "home", 4)
    yield made
    made.close()


@pytest.fixture(scope="module")
def address(wiring: Wiring) -> Iterator[str]:
    with served_pages(wiring) as address:
        yield address


@pytest.fixture
def browser(address: str) -> Iterator[Login]:
    """Opens a logged-in browser; it comes with the token of its forms."""
    opened: list[httpx.Client] = []

    def login(user: str) -> tuple[httpx.Client, str]:
        client = httpx.Client(base_url=address, follow_redirects=True, timeout=30)
        opened.append(client)
        page = client.post("/login", data={"username": user, "password": PASSWORD})
        token = re.search(r'name="csrf" value="([^"]+)"', page.text)
        assert token is not None
        return client, token[1]

    yield login
    for client in opened:
        client.close()


def test_nobody_else_sees_or_decides(wiring: Wiring, browser: Login) -> None:
    client, csrf = browser("motcua")
    document_id = next(iter_records(wiring.store))
    assert "/disposal" not in client.get("/tray").text
    assert client.get("/disposal").status_code == 403
    for path in ("/disposal", "/disposal/x", f"/documents/{document_id}/hold", f"/documents/{document_id}/release"):
        assert client.post(path, data={"csrf": csrf, "why": "x", "verdict": "approve"}).status_code == 403


def test_one_proposes_and_another_approves_with_keys_alone(wiring: Wiring, browser: Login) -> None:
    first, held, *_ = iter_records(wiring.store)
    auditor, csrf = browser("kiemtra")
    page = auditor.get("/disposal").text
    assert page.count('type="checkbox"') == 4 and "autofocus" in page and 'data-alt="7"' in page
    assert "onclick" not in page, "forms and labels alone: every step by Tab, Space and Enter"
    told = {"csrf": csrf, "basis": "QĐ số 12"}
    assert auditor.post("/disposal", data=told).status_code == 422
    hold = auditor.post(f"/documents/{held}/hold", data={"csrf": csrf, "why": "CV 1"}, follow_redirects=False)
    assert hold.status_code == 303
    answer = auditor.post("/disposal", data={**told, "ids": [first, held]})
    assert answer.status_code == 409 and "giữ theo yêu cầu pháp lý" in answer.text and held in answer.text
    made = auditor.post("/disposal", data={**told, "ids": [first]})
    assert made.status_code == 200 and "một người khác phải duyệt" in made.text
    path = made.url.path
    own = auditor.post(path, data={"csrf": csrf, "verdict": "approve"})
    assert own.status_code == 403 and "một người khác" in own.text
    admin, csrf = browser("quantri")
    assert "danger" in admin.get(path).text
    assert admin.post(path, data={"csrf": "another", "verdict": "approve"}).status_code == 403
    done = admin.post(path, data={"csrf": csrf, "verdict": "approve"})
    assert done.status_code == 200 and "Đã duyệt" in done.text
    assert admin.post(path, data={"csrf": csrf, "verdict": "refuse"}).status_code == 409
    disposal.carry_out_approved(wiring.disposal_site)
    assert "CV 1" in admin.get("/disposal").text
    assert "đã xong" in admin.get("/disposal").text and "đã tiêu hủy" in admin.get(path).text
    gone = admin.get(f"/documents/{first}")
    assert gone.status_code == 200 and "Đã tiêu hủy lúc" in gone.text and "QĐ số 12" in gone.text
    assert admin.get(f"/documents/{first}/pages/0.jpg").status_code >= 400
    assert admin.get(f"/documents/{first}/document.pdf").status_code >= 400
    with read(wiring.engine) as conn:
        assert documents.get(conn, first).state == DocumentState.DISPOSED
        assert disposals.get(conn, path.rpartition("/")[2]).counted == {"gone": 1}


def test_a_hold_is_lifted_on_the_page(wiring: Wiring, browser: Login) -> None:
    held = list(iter_records(wiring.store))[-1]
    admin, csrf = browser("quantri")
    told = {"csrf": csrf, "why": "CV 2"}
    for verb, on in (("hold", True), ("release", False)):
        assert admin.post(f"/documents/{held}/{verb}", data=told, follow_redirects=False).status_code == 303
        with read(wiring.engine) as conn:
            assert (documents.get(conn, held).held_at is not None) is on
    assert admin.post(f"/documents/{held}/release", data={**told, "csrf": "another"}).status_code == 403


def test_the_calendar_of_renewals_counts_by_month_for_auditors_and_administrators(browser: Login) -> None:
    client, _ = browser("kiemtra")
    page = client.get("/renewals").text
    assert "Lịch gia hạn" in client.get("/tray").text and "Theo tháng" in page
    assert "Mọi hồ sơ lưu đều đạt mức" in page
    assert browser("motcua")[0].get("/renewals").status_code == 403
