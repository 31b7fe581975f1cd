"""In Chromium, as the clerk does it: keyboard only, and nothing of a citizen in the address bar."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, sync_playwright

from tests.bad_inputs import encoded, sheet
from tests.desk import PASSWORD, Desk

pytestmark = pytest.mark.slow
PICTURES = os.environ.get("SOHOA_SCREENSHOTS")
"""A folder that gets a picture of each page, for people to look at."""


@pytest.fixture
def page(desk: Desk) -> Iterator[Page]:
    """A page of a logged-in clerk; any error on it fails the test."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    assert chromium, "the tests need chromium; tools/install-packages test"
    troubles: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        opened = browser.new_context(viewport={"width": 1360, "height": 860}, locale="vi-VN").new_page()
        opened.on("pageerror", lambda error: troubles.append(str(error)))
        opened.on("console", lambda line: troubles.append(line.text) if line.type == "error" else None)
        opened.goto(f"{desk.url}/login")
        focused(opened, "username")
        opened.keyboard.type("motcua")
        opened.keyboard.press("Tab")
        opened.keyboard.type(desk.accounts["motcua"])
        opened.keyboard.press("Enter")
        opened.wait_for_url(re.compile("/(tray|password)$"))
        if opened.url.endswith("/password"):
            focused(opened, "old")
            for number, word in enumerate((desk.accounts["motcua"], PASSWORD, PASSWORD)):
                opened.keyboard.press("Tab") if number else None
                opened.keyboard.type(word)
            opened.keyboard.press("Enter")
            opened.wait_for_url("**/tray")
            desk.accounts["motcua"] = PASSWORD
        yield opened
        browser.close()
    assert troubles == []


def focused(page: Page, name: str) -> None:
    """The cursor stands in this field: a browser puts it there a moment after the page is loaded."""
    page.wait_for_selector(f"[name={name}]:focus")  # no script: the pages' policy lets none be evaluated


def picture(page: Page, name: str) -> None:
    if PICTURES:
        Path(PICTURES).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=f"{PICTURES}/{name}.png")


def test_search_without_a_mouse_and_without_a_name_in_the_address(page: Page) -> None:
    page.keyboard.press("Alt+3")
    page.wait_for_url("**/purpose?*")
    focused(page, "dossier")  # what for: asked once
    page.keyboard.type("H99.32-260805-0003")
    picture(page, "purpose")
    page.keyboard.press("Enter")
    page.wait_for_url("**/search")
    focused(page, "query")
    page.keyboard.type("nguyen thi anh hoa")
    page.keyboard.press("Enter")
    page.wait_for_selector(".hits mark")
    assert page.url.endswith("/search")
    page.wait_for_function("[...document.images].every(i => i.loading === 'lazy' || i.complete)")
    page.wait_for_load_state("networkidle")
    picture(page, "search")
    shown = page.locator(".hits li").first.locator("img").evaluate("image => image.naturalWidth")
    assert shown > 100, "the preview is a picture of the page"
    page.locator(".hits .title").first.press("Enter")
    page.wait_for_selector(".verdict")  # and not asked again what for
    page.wait_for_load_state("networkidle")
    picture(page, "document")
    assert "TOTAL-PASSED" in page.inner_text(".verdict")


def test_review_without_a_mouse(page: Page, desk: Desk) -> None:
    (desk.inbox() / "can xem.jpg").write_bytes(encoded(sheet(text="to giay la"), "JPEG"))
    waiting = """SELECT d.id FROM documents d JOIN scans s ON s.id = d.scan_id
                 WHERE s.file_name = 'can xem.jpg' AND d.state = ?"""
    desk.wait(lambda: bool(desk.rows(waiting, "review")), "the doubtful scan")
    document_id = desk.rows(waiting, "review")[0]["id"]
    page.goto(f"{desk.url}/review/{document_id}")
    page.wait_for_load_state("networkidle")
    focused(page, "kind")  # where the doubt is
    page.locator("[name=kind]").select_option("thong-bao")
    page.keyboard.press("Enter")
    focused(page, "document_type")
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    focused(page, "number_symbol")
    page.keyboard.type("99/TB-UBND")
    picture(page, "review")
    page.keyboard.press("Control+Enter")
    desk.wait(lambda: bool(desk.rows(waiting, "archived")), "archiving")
    [row] = desk.rows("SELECT kind, number_symbol, approved_by FROM documents WHERE id = ?", document_id)
    assert row == {"kind": "thong-bao", "number_symbol": "99/TB-UBND", "approved_by": "motcua"}


def test_reuse_answers_under_a_second(page: Page) -> None:
    page.keyboard.press("Alt+4")
    page.wait_for_url("**/reuse")
    focused(page, "owner")
    page.keyboard.type("003199000001")
    page.keyboard.press("Tab")
    page.keyboard.type("1.000894")
    page.evaluate("performance.mark('asked')")
    with page.expect_navigation() as _:
        page.keyboard.press("Enter")
    page.wait_for_selector(".bring")
    took = page.evaluate("performance.getEntriesByType('navigation')[0].responseEnd")
    assert took < 3000, "one screen, one answer (under a second on a quiet machine)"
    assert "Chỉ cần mang" in page.inner_text(".bring")
    assert "003199000001" not in page.url
    picture(page, "reuse")


def test_tray_and_indicators_are_drawn(page: Page, desk: Desk) -> None:
    page.goto(f"{desk.url}/tray")
    assert page.locator(".steps").count() >= 10
    picture(page, "tray")
    page.keyboard.press("Alt+5")
    page.wait_for_url("**/indicators")
    page.goto(f"{desk.url}/indicators?start=2026-01-01&end=2026-12-31")
    widths = page.locator(".bar .value").evaluate_all("bars => bars.map(b => Number(b.getAttribute('width')))")
    assert any(width > 50 for width in widths)
    picture(page, "indicators")
