"""Reports of a verification from the pages: for those who file them, under the document's own number, noted as read."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from xml.etree import ElementTree

import httpx
import pypdfium2
import pytest
from sqlalchemy import update

from app import checks
from app.health import WATCHED
from app.reporting.files import write_report
from app.setup import initialise
from app.web.visit import PURPOSES
from app.wiring import Wiring, opened
from registry import documents, reads, tables, users
from registry.database import read, write
from registry.reads import Why
from registry.values import DocumentId, Role
from tests.office import DOSSIER, NAMES, add_record
from tests.pages import served_pages

PASSWORD = "mat-khau-cua-toi"


@pytest.fixture(scope="module")
def wiring(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wiring]:
    home = tmp_path_factory.mktemp("reports") / "home"
    initialise(home, demo=False, agency="Ủy ban nhân dân xã An Hòa")
    with opened(home) as wiring:
        document_id = add_record(wiring, 0)
        with write(wiring.engine) as conn:
            conn.execute(
                update(tables.documents).values(dossier_code=DOSSIER).where(tables.documents.c.id == document_id)
            )
            for role in Role:
                unit = None if role in (Role.AUDITOR, Role.ADMIN) else "H99.32"
                users.add_user(conn, username=role, password=PASSWORD, role=role, unit=unit, must_change=False)
        yield wiring


@pytest.fixture(scope="module")
def address(wiring: Wiring) -> Iterator[str]:
    with served_pages(wiring) as address:
        yield address


@pytest.fixture
def document_id(wiring: Wiring) -> DocumentId:
    with read(wiring.engine) as conn:
        return documents.archived_ids(conn)[0]


@contextmanager
def browser(address: str, role: Role) -> Iterator[httpx.Client]:
    """Logged in, and its purpose said."""
    with httpx.Client(base_url=address, follow_redirects=True, timeout=60) as client:
        page = client.post("/login", data={"username": role, "password": PASSWORD})
        token = re.search(r'name="csrf" value="([^"]+)"', page.text)
        assert token is not None and page.url.path == "/tray"
        why = next(why for why in PURPOSES[role] if why != Why.DOSSIER)
        assert client.post("/purpose", data={"csrf": token[1], "why": why}).status_code == 200
        yield client


def text_of(pdf: bytes) -> str:
    held = pypdfium2.PdfDocument(pdf)
    return "\n".join(held[n].get_textpage().get_text_range() for n in range(len(held)))


def number_of(wiring: Wiring, document_id: DocumentId) -> str:
    with read(wiring.engine) as conn:
        return documents.get(conn, document_id).fields["number_symbol"].value


def test_the_auditor_takes_a_report_from_the_documents_page(
    wiring: Wiring, address: str, document_id: DocumentId
) -> None:
    number = number_of(wiring, document_id)
    with browser(address, Role.AUDITOR) as client:
        page = client.get(f"/documents/{document_id}").text
        assert f'href="/documents/{document_id}/report.pdf"' in page and "report.xml" in page
        pdf = client.get(f"/documents/{document_id}/report.pdf")
        assert pdf.headers["content-type"] == "application/pdf" and "attachment" in pdf.headers["content-disposition"]
        told = text_of(pdf.content)
        assert number in told and DOSSIER in told and document_id in told and "Hợp lệ" in told
        assert not [name for name in NAMES if name in told], "nobody's name"
        xml = client.get(f"/documents/{document_id}/report.xml")
        root = ElementTree.fromstring(xml.content)
        assert root.tag.endswith("ValidationReport") and b"total-passed" in xml.content
        assert client.get(f"/documents/{document_id}/report.exe").status_code == 404
    with read(wiring.engine) as conn:
        rows = [row for row in reads.find(conn, document_id=document_id) if row.action == "report"]
    assert [(row.account, row.why) for row in rows] == [("auditor", "inspection")], "once in half an hour"


@pytest.mark.parametrize("role", [Role.CLERK, Role.SCANNER, Role.LEADER])
def test_others_are_not_offered_one_and_get_none(address: str, document_id: DocumentId, role: Role) -> None:
    with browser(address, role) as client:
        page = client.get(f"/documents/{document_id}").text
        assert "Hợp lệ" in page and "report.pdf" not in page
        assert client.get(f"/documents/{document_id}/report.pdf").status_code == 403


def test_a_report_of_the_command_line_names_number_and_dossier(wiring: Wiring, document_id: DocumentId) -> None:
    found = wiring.records.verify(document_id)
    for ending in ("html", "pdf"):
        path = wiring.folder("work") / f"bao-cao.{ending}"
        write_report(wiring, path, lambda: iter([found]), what="một tài liệu", made_by="an")
        told = path.read_text() if ending == "html" else text_of(path.read_bytes())
        assert number_of(wiring, document_id) in told and DOSSIER in told


def test_the_status_page_tells_of_the_trust_list(wiring: Wiring, address: str) -> None:
    assert "trust" in [watched.name for watched in WATCHED] and checks.trust(wiring).ok
    with browser(address, Role.AUDITOR) as client:
        page, until = "", time.monotonic() + 20
        while "phiên bản 1" not in page and time.monotonic() < until:
            page = client.get("/status").text
            time.sleep(0.1)
        assert "Danh sách chứng thư gốc" in page and "phiên bản 1 đã 0 ngày" in page
