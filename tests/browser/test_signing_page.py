"""An official signs on the own PC, while the service is killed in between: in Chromium by keyboard, and by commands."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page, sync_playwright

from app.setup import initialise
from app.wiring import opened
from pipeline.deferred import Batch
from pipeline.verification import verify_record
from registry import documents, users
from registry.database import read, write
from registry.values import DocumentId, DocumentState, Role, Verdict
from signing.authority import Authority
from tests.bad_inputs import encoded, sheet
from tests.desk import PASSWORD, SOHOA, run_cli
from tests.key_homes import COMMUNE, issue
from tests.servers import free_port
from tests.signing_pc import SigningPc

pytestmark = pytest.mark.slow
SETTINGS = '[[signing.keys]]\nname = "xa-an-hoa"\nkind = "deferred"\nunits = ["H99.32"]\n'
PATIENCE_S = 120.0


@contextmanager
def service(home: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """`sohoa run`, answering; killed at the end, if it still lives."""
    environment = {**os.environ, "SOHOA_WEB__PORT": str(port), "SOHOA_INTAKE__QUIET_S": "0.5"}
    with (home / "service.log").open("ab") as log:
        running = subprocess.Popen([*SOHOA, "run", "--home", str(home)], stdout=log, stderr=log, env=environment)
    try:
        wait(lambda: answers(port), "the service")
        yield running
    finally:
        running.kill()
        running.wait(30)


def answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/login", timeout=5).status_code == 200
    except httpx.HTTPError:
        return False


def wait(done: Callable[[], bool], what: str) -> None:
    until = time.monotonic() + PATIENCE_S
    while not done():
        assert time.monotonic() < until, f"waited too long for {what}"
        time.sleep(0.2)


def in_state(home: Path, state: DocumentState) -> list[DocumentId]:
    with sqlite3.connect(f"file:{home / 'registry.sqlite'}?mode=ro", uri=True) as db:
        return [row[0] for row in db.execute("SELECT id FROM documents WHERE state = ? ORDER BY id", (state,))]


def test_a_batch_is_signed_on_the_officials_pc_though_the_service_is_killed_in_between(tmp_path: Path) -> None:
    home, port = tmp_path / "home", free_port()
    home.mkdir()
    (home / "sohoa.toml").write_text(SETTINGS)
    initialise(home, demo=False, agency=COMMUNE)
    pc = SigningPc(issue(Authority(home / "keys"), COMMUNE))
    (tmp_path / "ky.pem").write_bytes(pc.issued.pem)
    for name in ("mot", "hai"):
        (home / "inbox" / "xa-an-hoa" / f"{name}.jpg").write_bytes(encoded(sheet(text=name), "JPEG"))
    with opened(home) as wiring:
        with write(wiring.engine) as conn:
            users.add_user(
                conn, username="motcua", password=PASSWORD, role=Role.CLERK, unit="H99.32", must_change=False
            )
        with service(home, port):
            wait(lambda: len(in_state(home, DocumentState.REVIEW)) == 2, "the reading")
            for document_id in in_state(home, DocumentState.REVIEW):
                wiring.records.approve(document_id, "motcua")
            wait(lambda: len(in_state(home, DocumentState.TO_SIGN)) == 2, "the first workflows to end")
        first, second = in_state(home, DocumentState.TO_SIGN)
        batch = run_cli("sign", "fetch", first, "--certificate", str(tmp_path / "ky.pem"), "--home", str(home))
        (tmp_path / "kq.json").write_text(pc.answers(Batch.model_validate(batch)).model_dump_json())
        with service(home, port) as running:
            assert run_cli("sign", "answer", str(tmp_path / "kq.json"), "--home", str(home))["refused"] == []
            with browser(port) as page:
                sign_by_keyboard(page, pc, tmp_path, second)
            wait(lambda: len(in_state(home, DocumentState.ARCHIVED)) == 2, "the archive")
            running.send_signal(signal.SIGINT)
            assert running.wait(90) == 0
        for document_id in (first, second):
            assert verify_record(wiring.store, wiring.trust, document_id).verdict == Verdict.PASSED
            with read(wiring.engine) as conn:
                assert documents.get(conn, document_id).signature_level == "B-LTA"


@contextmanager
def browser(port: int) -> Iterator[Page]:
    """A page of the clerk; any error on it fails the test."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    assert chromium, "the tests need chromium; tools/install-packages test"
    troubles: list[str] = []
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = started.new_context(viewport={"width": 1360, "height": 860}, locale="vi-VN").new_page()
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on("console", lambda line: troubles.append(line.text) if line.type == "error" else None)
        page.goto(f"http://127.0.0.1:{port}/login")
        page.wait_for_function("document.activeElement.name === 'username'")
        for key in ("motcua", PASSWORD):
            page.keyboard.type(key)
            page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        page.wait_for_url("**/tray")
        yield page
        started.close()
    assert troubles == []


def sign_by_keyboard(page: Page, pc: SigningPc, folder: Path, document_id: DocumentId) -> None:
    page.keyboard.press("Alt+7")
    page.wait_for_url("**/signing")
    page.wait_for_function("document.activeElement.name === 'documents'")
    assert page.locator(f"input[value='{document_id}']").is_checked()
    chosen(page, "certificate", folder / "ky.pem")
    with page.expect_download() as download:
        page.keyboard.press("Alt+g")
    batch = Batch.model_validate(json.loads(Path(download.value.path()).read_text(encoding="utf-8")))
    assert [asked.document for asked in batch.requests] == [document_id]
    (folder / "kq2.json").write_text(pc.answers(batch).model_dump_json())
    chosen(page, "file", folder / "kq2.json")
    page.keyboard.press("Alt+n")
    page.get_by_text("Đã nhận 1 chữ ký").wait_for()


def chosen(page: Page, name: str, file: Path) -> None:
    """The field is reached with Tab; the dialog that a key opens there is the browser's."""
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.name") == name:
            break
    page.wait_for_function(f"document.activeElement.name === '{name}'")
    page.set_input_files(":focus", file)
