"""The pages: who may see and do what, nothing of a citizen in an address, nothing trusted that came from outside."""

from __future__ import annotations

import hashlib
import re
from io import BytesIO
from pathlib import Path

import httpx
import img2pdf
import numpy as np
import pikepdf
import pytest
from PIL import Image

from app.demo.papers import papers
from app.demo.scans import draw
from app.web.visit import MAY
from registry.values import Role
from tests.desk import Desk, csrf
from tests.faults.inputs import paper, slip
from tests.signed_inputs import AGENCY, make_foreign, sign

pytestmark = pytest.mark.slow

PAGES = {"tray": "/tray", "review": "/review", "search": "/search", "reuse": "/reuse", "indicators": "/indicators",
         "status": "/status", "keeping": "/disposal", "reads": "/reads"}  # fmt: skip
ACCOUNTS = {"mayquet": Role.SCANNER, "motcua": Role.CLERK, "kiemtra": Role.AUDITOR, "lanhdao": Role.LEADER,
            "quantri": Role.ADMIN}  # fmt: skip


def archived(desk: Desk, unit: str) -> str:
    """One whose text names its people's committee: certificates of household businesses do not."""
    query = "SELECT id FROM documents WHERE state = 'archived' AND unit = ? AND kind NOT LIKE '%kinh-doanh' ORDER BY id"
    return str(desk.rows(query, unit)[0]["id"])


def search(client: httpx.Client, **told: str) -> httpx.Response:
    return client.post("/search", data={"csrf": csrf(client.get("/search").text), **told})


def test_without_a_login_there_is_only_the_login(desk: Desk) -> None:
    with httpx.Client(base_url=desk.url) as client:
        for path in (*PAGES.values(), "/", f"/documents/{archived(desk, 'H99.32')}", "/tray/now"):
            answer = client.get(path, follow_redirects=True)
            assert answer.url.path == "/login" and "Nguyễn" not in answer.text
        assert client.get("/healthz").text == "ok"


def test_a_one_time_password_must_be_changed_first(desk: Desk) -> None:
    made = desk.sohoa("users", "add", "moi", "clerk", "--unit", "H99.32")
    with httpx.Client(base_url=desk.url, follow_redirects=True) as client:
        assert client.post("/login", data={"username": "moi", "password": made["password"]}).url.path == "/password"
        page = client.get("/search")
        assert page.url.path == "/password"
        told = {"csrf": csrf(page.text), "old": made["password"], "new": "ngan", "again": "ngan"}
        assert "ít nhất" in client.post("/password", data=told).text
        told |= {"new": made["password"], "again": made["password"]}
        assert "phải khác" in client.post("/password", data=told).text


def test_wrong_passwords_are_slowed_down(desk: Desk) -> None:
    desk.sohoa("users", "add", "bi-do", "clerk", "--unit", "H99.32")
    with httpx.Client(base_url=desk.url) as client:
        said = [client.post("/login", data={"username": "bi-do", "password": "x"}).status_code for _ in range(7)]
    assert said[:5] == [401] * 5 and said[5:] == [429] * 2
    assert desk.rows("SELECT count(*) AS n FROM audit WHERE action = 'login-failed'")[0]["n"] >= 5


@pytest.mark.parametrize(("name", "role"), ACCOUNTS.items())
def test_each_role_sees_its_pages_and_no_other(desk: Desk, name: str, role: Role) -> None:
    with desk.login(name) as client:
        for what, path in PAGES.items():
            answer = client.get(path)
            assert answer.status_code == (200 if role in MAY[what] else 403), path
            assert f'href="{path}"' in client.get("/tray").text or role not in MAY[what]


def test_another_units_documents_do_not_exist_for_a_clerk(desk: Desk) -> None:
    own, other = archived(desk, "H99.34"), archived(desk, "H99.32")
    with desk.login("motcua2", "request") as client:
        assert client.get(f"/documents/{own}").status_code == 200
        for path in (f"/documents/{other}", f"/documents/{other}/document.pdf", f"/documents/{other}/pages/0.jpg"):
            assert client.get(path).status_code == 404
        assert client.get(f"/documents/{other}").text == client.get("/documents/khong-co").text
        found = search(client, query="ủy ban nhân dân")
        assert own in found.text and other not in found.text
        assert other not in search(client, query="", unit="H99.32").text, "asking for another unit does not help"
        assert client.get("/indicators?unit=H99").status_code == 404


def test_a_form_of_another_session_or_site_is_refused(desk: Desk) -> None:
    with desk.login("motcua") as client:
        assert client.post("/search", data={"csrf": "wrong", "query": "x"}).status_code == 403
        assert client.post("/search", data={"query": "x"}).status_code == 403
        token = csrf(client.get("/search").text)
        evil = client.post("/search", data={"csrf": token, "query": "x"}, headers={"Origin": "https://evil.example"})
        assert evil.status_code == 403
        cookie = next(c for c in client.cookies.jar if c.name == "sohoa")
        assert cookie.has_nonstandard_attr("HttpOnly")


def test_pages_are_not_framed_not_cached_and_load_nothing_from_elsewhere(desk: Desk) -> None:
    with desk.login("motcua", "request") as client:
        for path in ("/tray", "/search", f"/documents/{archived(desk, 'H99.32')}"):
            answer = client.get(path)
            assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
            assert answer.headers["cache-control"] == "no-store"
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert not re.search(r"""(?:src|href)=["'](?:https?:)?//""", answer.text)
            assert not re.search(r"<script(?![^>]*src=)|\son\w+=", answer.text), "no inline script"


def test_what_is_typed_is_shown_as_text(desk: Desk) -> None:
    with desk.login("motcua", "request") as client:
        page = search(client, query="<script>alert(1)</script>").text
        assert "<script>alert" not in page and "&lt;script&gt;" in page


def test_search_shows_marked_words_on_text_and_picture(desk: Desk) -> None:
    with desk.login("motcua", "request") as client:
        page = search(client, query="tinh trang hon nhan", kind="giay-xac-nhan-tinh-trang-hon-nhan").text
        assert "<mark>TÌNH</mark>" in page and page.count("<rect") >= 4
        picture = re.search(r'src="(/documents/[^"]+\.jpg\?width=\d+)"', page)
        assert picture is not None
        drawn = client.get(picture[1])
        assert drawn.headers["content-type"] == "image/jpeg" and len(drawn.content) > 3000


def test_the_download_is_the_archived_file_and_is_noted(desk: Desk) -> None:
    document_id = archived(desk, "H99.32")
    with desk.login("kiemtra") as client:
        content = client.get(f"/documents/{document_id}/document.pdf").content
        page = client.get(f"/documents/{document_id}").text
    [held] = (desk.home / "archive").rglob(f"*{document_id}/v1/content/document.pdf")
    assert hashlib.sha256(content).digest() == hashlib.sha256(held.read_bytes()).digest()
    assert "TOTAL-PASSED" in page
    noted = desk.rows("SELECT action FROM audit WHERE subject = ? AND actor = 'kiemtra'", document_id)
    assert {row["action"] for row in noted} >= {"view", "download"}


def test_a_leader_sees_numbers_masked(desk: Desk) -> None:
    [row] = desk.rows("SELECT document_id AS id, id_number FROM people WHERE id_number = '003199000001' LIMIT 1")
    with desk.login("lanhdao", "direction") as leader, desk.login("motcua", "request") as clerk:
        assert row["id_number"] not in leader.get(f"/documents/{row['id']}").text
        assert row["id_number"] in clerk.get(f"/documents/{row['id']}").text


def test_the_reuse_page_says_what_to_bring_and_records_with_one_click(desk: Desk) -> None:
    with desk.login("motcua") as client:
        token = csrf(client.get("/reuse").text)
        told = {"csrf": token, "owner": "003 199 000 001", "procedure": "1.000894 Thủ tục đăng ký kết hôn"}
        answer = client.post("/reuse", data=told)
        assert answer.url.path == "/reuse" and "Chỉ cần mang" in answer.text
        bring = answer.text.split("Không phải mang lại")
        assert "Tờ khai" in bring[0] and "Giấy khai sinh" in bring[1]
        document = re.search(
            r'name="document" value="([^"]+)"><input type="hidden" name="component" value="TP04"', answer.text
        )
        assert document is not None
        told |= {"document": document[1], "component": "TP04"}
        done = client.post("/reuse/record", data={**told, "dossier": "H99.32-260805-0003"})
        assert "Đã ghi nhận" in done.text
        unknown = client.post("/reuse/record", data={**told, "dossier": "H99.32-990101-0001"})
        assert "Chưa ghi nhận được" in unknown.text
        assert "12 chữ số" in client.post("/reuse", data={**told, "owner": "12"}).text
    [event] = desk.rows("SELECT * FROM reuse_events WHERE component_code = 'TP04'")
    assert event["actor"] == "motcua" and event["verdict"] == "TOTAL-PASSED"


def test_every_number_opens_to_as_many_dossiers(desk: Desk) -> None:
    with desk.login("lanhdao") as client:
        page = client.get("/indicators?start=2026-01-01&end=2026-12-31").text
        links = re.findall(r'<a href="(/indicators/[^"?]+\?[^"]+)">(\d+)</a>', page)
        assert len(links) >= 12
        for link, number in links:
            opened = client.get(link.replace("&amp;", "&")).text
            assert opened.count("<tr><td>") == int(number), link


def test_a_refused_scan_is_explained_and_tried_again_from_the_tray(desk: Desk) -> None:
    (desk.inbox() / "hong.jpg").write_bytes(b"\xff\xd8\xff" + b"\0" * 500)
    item = "SELECT * FROM quarantine WHERE file_name = 'hong.jpg' AND resolved_at IS NULL"
    desk.wait(lambda: bool(desk.rows(item)), "the refusal")
    first = desk.rows(item)[0]
    with desk.login("mayquet") as scanner, desk.login("motcua2") as stranger, desk.login("kiemtra") as auditor:
        page = scanner.get("/tray").text
        assert "hong.jpg" in page and "quét lại" in page
        assert "hong.jpg" not in stranger.get("/tray").text
        for client, status in ((stranger, 404), (auditor, 403), (scanner, 200)):
            told = {"csrf": csrf(client.get("/tray").text)}
            assert client.post(f"/quarantine/{first['id']}/retry", data=told).status_code == status
    desk.wait(lambda: bool(desk.rows(item)) and desk.rows(item)[0]["id"] != first["id"], "the second refusal")


def test_an_address_made_by_hand_gets_a_page_not_a_trace(desk: Desk) -> None:
    with desk.login("quantri", "operation") as client:
        for path in ("/documents/x/pages/abc.jpg", "/indicators?start=nonsense"):
            answer = client.get(path)
            assert answer.status_code == 422 and "Traceback" not in answer.text and "Chưa làm được" in answer.text
        assert client.get(f"/documents/{archived(desk, 'H99.32')}/pages/99.jpg").status_code == 404


def test_a_scan_that_is_too_dark_is_told_at_once_and_signed_by_nobody_unasked(desk: Desk) -> None:
    dark = np.asarray(draw(papers()[0])).astype(np.float32) * 0.3
    Image.fromarray(dark.astype(np.uint8)).save(desk.inbox() / "toi.jpg", "JPEG", dpi=(200, 200))
    scan = "SELECT s.quality, d.id, d.state, d.review_reasons FROM scans s LEFT JOIN documents d ON d.scan_id = s.id " \
           "WHERE s.file_name = 'toi.jpg'"  # fmt: skip
    desk.wait(lambda: any(row["quality"] for row in desk.rows(scan)), "the answer of the quality gate")
    with desk.login("mayquet") as scanner:
        page = scanner.get("/tray").text
        assert "✗ Quét lại" in page and "Ảnh quá tối" in page
    desk.wait(lambda: desk.rows(scan)[0]["state"] == "review", "a person to be asked")
    found = desk.rows(scan)[0]
    assert "page:1" in found["review_reasons"]
    desk.sohoa("review", "reject", found["id"], "--why", "quét lại")


def test_who_signed_an_arrived_paper_is_seen_before_and_after_it_is_approved(desk: Desk, tmp_path: Path) -> None:
    stranger = make_foreign(tmp_path / "foreign")
    content = sign(paper(7777), stranger, level="B-LTA")
    (desk.inbox() / "da-ky.pdf").write_bytes(content)
    found = "SELECT id, state FROM documents d WHERE (SELECT sha256 FROM scans WHERE id = d.scan_id) = ?"
    sha256 = hashlib.sha256(content).hexdigest()
    desk.wait(lambda: [r["state"] for r in desk.rows(found, sha256)] == ["review"], "a person to look")
    document = desk.rows(found, sha256)[0]["id"]
    with desk.login("motcua", "request") as client:
        page = client.get(f"/review/{document}").text
        assert AGENCY in page and "NO_CERTIFICATE_CHAIN_FOUND" in page and "Chưa đủ căn cứ" in page
        assert 'name="copy_form"' not in page, "what came signed is no copy of ours"
        told = {"csrf": csrf(page), "decision": "approve", "kind": "quyet-dinh"}
        assert client.post(f"/review/{document}", data=told).status_code == 200
        desk.wait(lambda: desk.rows(found, sha256)[0]["state"] == "archived", "the archive")
        page = client.get(f"/documents/{document}").text
        assert AGENCY in page and "không có giá trị pháp lý" in page
        assert client.get(f"/documents/{document}/document.pdf").content == content
        assert client.get(f"/documents/{document}/search-copy.pdf").content.startswith(b"%PDF")
        query = "SELECT id FROM documents WHERE state = 'archived' AND unit = 'H99.32' AND id != ? LIMIT 1"
        [other] = desk.rows(query, document)
        assert client.get(f"/documents/{other['id']}/search-copy.pdf").status_code == 404


def test_a_person_chooses_the_form_of_the_copy_and_takes_an_extract(desk: Desk) -> None:
    two = pikepdf.new()
    for number in (7801, 7802):
        two.pages.extend(pikepdf.open(BytesIO(img2pdf.convert(slip(number)))).pages)
    two.save(path := desk.inbox() / "hai-trang.pdf")
    found = "SELECT d.* FROM documents d JOIN scans s ON s.id = d.scan_id WHERE s.file_name = ?"
    desk.wait(lambda: [r["state"] for r in desk.rows(found, path.name)] == ["review"], "a person to look")
    document = desk.rows(found, path.name)[0]["id"]
    with desk.login("motcua", "request") as client:
        page = client.get(f"/review/{document}").text
        told = {"csrf": csrf(page), "decision": "approve", "kind": "thong-bao", "copy_form": "sao-luc",
                "copy_number": "12/SL-UBND"}  # fmt: skip
        client.post(f"/review/{document}", data=told)
        desk.wait(lambda: desk.rows(found, path.name)[0]["state"] == "archived", "the archive")
        page = client.get(f"/documents/{document}").text
        assert "SAO LỤC" in page and "12/SL-UBND" in page
        told = {"csrf": csrf(page), "pages": "2"}
        assert client.post(f"/documents/{document}/extract", data=told).url.path == "/tray"
        copies = "SELECT id, state FROM documents WHERE copied_from = ?"
        desk.wait(lambda: [r["state"] for r in desk.rows(copies, document)] == ["review"], "the extract")
        extract = desk.rows(copies, document)[0]["id"]
        assert "TRÍCH SAO" in client.get(f"/review/{extract}").text
        assert f"/documents/{extract}" in client.get(f"/documents/{document}").text
        told = {"csrf": csrf(page), "pages": "1-2"}
        assert client.post(f"/documents/{document}/extract", data=told).status_code == 409, "all pages are no extract"
