"""Lasting trouble is told: to balancers, Prometheus, every page, the doctor; and what hangs hangs none of them."""

from __future__ import annotations

import re
import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from importlib.metadata import version
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import Connection, create_engine, text, update

from app import checks, doctor
from app.doctor import examine
from app.health import WATCHED, Beats, Watched
from app.kept import Kept
from app.setup import initialise
from app.web.words import HEALTH
from app.wiring import Wiring
from config.messages import known_codes
from config.settings import load_settings
from pipeline.dispatch import APPLICATION_VERSION
from pipeline.intake import own_inbox
from pipeline.reconcile import reconcile_and_keep
from registry import audit, facts, scans, tables, users, workers
from registry.database import write
from registry.errors import ServiceUnavailable
from registry.values import DocumentState, Role, ScanId, ScanState, utc_now, vietnam_date
from registry.workers import WorkerRow
from signing import tsa
from tests.faults.tsa import time_stamping
from tests.pages import served_pages
from tests.unit.records import archived

PASSWORD = "mat-khau-cua-toi"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An installation with an account of each role; copied for each test."""
    home = tmp_path_factory.mktemp("made") / "home"
    initialise(home, demo=False, agency="Ủy ban nhân dân xã")
    wiring = Wiring(load_settings(home))
    with write(wiring.engine) as conn:
        for role in Role:
            unit = None if role in (Role.AUDITOR, Role.ADMIN) else "H99.32"
            users.add_user(conn, username=role, password="x" * 12, role=role, unit=unit)
            users.change_password(conn, role, PASSWORD)
    wiring.close()
    return home


@pytest.fixture
def wiring(made: Path, tmp_path: Path) -> Iterator[Wiring]:
    shutil.copytree(made, tmp_path / "home")
    wiring = Wiring(load_settings(tmp_path / "home"))
    with write(wiring.engine) as conn:
        workers.register(conn, instance="main", role="run", host="may-1", version="2")
    yield wiring
    wiring.close()


@pytest.fixture
def client(wiring: Wiring) -> Iterator[httpx.Client]:
    """A browser in front of the real server."""
    with (
        served_pages(wiring) as address,
        httpx.Client(base_url=address, follow_redirects=True, timeout=30) as browser,
    ):
        yield browser


def login(client: httpx.Client, role: Role) -> None:
    assert client.post("/login", data={"username": role, "password": PASSWORD}).url.path == "/tray"


def numbers(client: httpx.Client) -> dict[tuple[str, str], float]:
    """(name, labels in order of their names) → value."""
    answer = client.get("/metrics")
    assert answer.status_code == 200 and answer.headers["content-type"].startswith("text/plain")
    return {
        (sample.name, ",".join(v for _, v in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def claimed(conn: Connection, source: str = "/a", unit: str = "H99.32") -> ScanId:
    return scans.claim(
        conn, sha256="d" * 64, unit=unit, dossier_code=None, component_code=None, source_path=source,
        file_name="a.pdf", size_bytes=1, claimed_by="inbox",
    ).scan.id  # fmt: skip


def until(holds: Callable[[], bool]) -> None:
    """Answers are kept for seconds: what has changed is seen soon, not at once."""
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.1)


class Broken:
    """A store and an index that fail, or never come back."""

    def __init__(self, error: Exception | None) -> None:
        self._error = error

    def exists(self, _key: str) -> bool:
        return bool(self.count())

    def check(self) -> None:
        self.count()

    def count(self) -> int:
        if self._error is None:
            threading.Event().wait(60)
        raise self._error or AssertionError

    def close(self) -> None:
        return


def test_a_healthy_installation_is_ready_and_says_nothing(client: httpx.Client) -> None:
    assert client.get("/healthz").text == "ok"
    answer = client.get("/readyz")
    assert answer.status_code == 200 and answer.json()["ready"] and not answer.json()["degraded"]
    assert set(answer.json()["checks"]) == {"registry", "store", "index", "room"}
    login(client, Role.CLERK)
    page = client.get("/tray").text
    assert 'class="alarm"' not in page


@pytest.mark.parametrize("error", [ServiceUnavailable("no"), OSError(5, "Nguyễn"), ValueError("Nguyễn"), None])
def test_without_the_store_it_is_not_ready(wiring: Wiring, client: httpx.Client, error: Exception | None) -> None:
    wiring.__dict__["store"] = Broken(error)
    began = time.monotonic()
    answer = client.get("/readyz")
    assert time.monotonic() - began < 5, "a store that hangs does not hang this"
    assert answer.status_code == 503 and not answer.json()["checks"]["store"]["ok"]
    codes = {"service-unavailable", "storage", "internal:ValueError", "timeout"}
    assert answer.json()["checks"]["store"]["code"] in codes and "Nguyễn" not in answer.text
    began = time.monotonic()
    assert "Kho lưu trữ không trả lời" in client.get("/status/banner").text
    assert time.monotonic() - began < 0.5, "and no page waits for it again"


def test_without_the_index_it_is_ready_but_degraded(wiring: Wiring, client: httpx.Client) -> None:
    wiring.__dict__["index"] = Broken(ServiceUnavailable("no"))
    answer = client.get("/readyz")
    assert answer.status_code == 200 and answer.json()["degraded"]
    assert "Chưa tìm kiếm được" in client.get("/status/banner").text


def test_every_lasting_trouble_has_a_name_and_a_sentence() -> None:
    for watched in (*WATCHED, Watched("workers", checks.crew)):
        assert watched.name in HEALTH
        assert not watched.banner or f"health-{watched.name}" in known_codes()


def test_a_full_disk_is_not_ready(client: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    full = shutil._ntuple_diskusage(total=1 << 40, used=1 << 40, free=1 << 20)
    monkeypatch.setattr("app.checks.shutil.disk_usage", lambda _path: full)
    assert client.get("/readyz").status_code == 503
    assert "Ổ đĩa sắp đầy" in client.get("/status/banner").text


def test_an_archive_that_is_suddenly_empty_is_away(wiring: Wiring, client: httpx.Client) -> None:
    with write(wiring.engine) as conn:
        archived(conn, "thong-bao")
    answer = client.get("/readyz")
    assert answer.status_code == 503 and not answer.json()["checks"]["store"]["ok"]


def test_without_the_registry_pages_say_so_and_show_no_trace(wiring: Wiring, client: httpx.Client) -> None:
    login(client, Role.CLERK)
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        port = nobody.getsockname()[1]
    wiring.engine.dispose()
    wiring.__dict__["engine"] = create_engine(f"postgresql+psycopg://sohoa@127.0.0.1:{port}/x?connect_timeout=2")
    answer = client.get("/tray")
    assert answer.status_code == 503
    assert "<h1>Chưa làm được</h1>" in answer.text and "Traceback" not in answer.text
    assert "127.0.0.1" not in answer.text and "Một máy chủ chưa trả lời" in answer.text
    until(lambda: client.get("/readyz").status_code == 503)
    assert client.get("/healthz").status_code == 200, "a restart would not heal it"
    banner = client.get("/status/banner").text
    assert "Cơ sở dữ liệu không trả lời" in banner
    assert banner.count('class="alarm"') == 1, "what follows from it is not told besides"
    assert ("sohoa_up", "registry") in numbers(client)


def test_metrics_count_what_the_registry_knows(wiring: Wiring, client: httpx.Client) -> None:
    with write(wiring.engine) as conn:
        document = archived(conn, "thong-bao")
        conn.execute(update(tables.documents).values(archived_at=(utc_now() - timedelta(hours=1)).isoformat()))
        scan = claimed(conn, "/a/Nguyễn Thị Ánh Hòa.pdf")
        facts.put(conn, "backup", {"made_at": (utc_now() - timedelta(hours=2)).isoformat(), "kept": []})
    reconcile_and_keep(wiring)
    found = numbers(client)
    assert found["sohoa_scans", "claimed"] == 1 and found["sohoa_documents", "archived"] == 1
    assert found["sohoa_documents_archived_total", ""] == 1
    assert found["sohoa_index_lag_documents", ""] == 1
    assert 3500 < found["sohoa_index_lag_seconds", ""] < 3700
    assert found["sohoa_workers", "run,working"] == 1
    assert 7000 < found["sohoa_backup_age_seconds", ""] < 7400
    assert found["sohoa_reconciliation_differences", "record-missing"] == 1
    assert found["sohoa_reconciliation_age_seconds", ""] < 60
    assert found["sohoa_up", "registry"] == 1 and found["sohoa_up", "index"] == 0
    assert 0 < found["sohoa_disk_free_ratio", "inbox"] < 1
    assert ("sohoa_build_info", f"{version('sohoa')},{APPLICATION_VERSION}") in found
    said = client.get("/metrics").text
    for secret in (document, scan, "Nguyễn", "/a/"):
        assert secret not in said


def test_requests_are_measured_by_the_template_of_their_route(client: httpx.Client) -> None:
    login(client, Role.CLERK)
    client.get("/documents/3f0c4b1a-1234-4321-8765-123456789abc")
    client.get("/khong-co/Nguyen")
    found = numbers(client)
    assert found["sohoa_http_request_seconds_count", "GET,/documents/{document_id},404"] == 1
    assert found["sohoa_http_request_seconds_count", "GET,unknown,404"] == 1
    assert "3f0c4b1a" not in client.get("/metrics").text


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "X-Real-IP"])
def test_metrics_are_not_for_those_behind_the_proxy(client: httpx.Client, header: str) -> None:
    assert client.get("/metrics", headers={header: "203.0.113.7"}).status_code == 404


def test_the_status_page_names_what_is_wrong_and_what_to_do(wiring: Wiring, client: httpx.Client) -> None:
    with write(wiring.engine) as conn:
        lost, other = claimed(conn), claimed(conn, unit="H99.34")
        for scan in (lost, other):
            scans.update(conn, scan, state=ScanState.DONE)
        workers.register(conn, instance="may-2-1", role="worker", host="may-2", version="2")
        workers.set_state(conn, "may-2-1", "draining")
    reconcile_and_keep(wiring)
    login(client, Role.ADMIN)
    page = client.get("/status").text
    assert lost in page and other in page and "done-without-document" in page
    assert "Hãy lấy tệp trong done" in page and "may-2-1" in page and "đang dừng" in page
    assert re.search(r'href="/status"[^>]*data-alt="6"|data-alt="6"[^>]*href="/status"', page)
    client.cookies.clear()
    login(client, Role.SCANNER)
    page = client.get("/status/now").text
    assert lost in page and other not in page, "only of the own units"
    client.cookies.clear()
    login(client, Role.CLERK)
    assert client.get("/status").status_code == 403


def test_stalled_work_and_missing_workers_are_on_every_page(wiring: Wiring, client: httpx.Client) -> None:
    with write(wiring.engine) as conn:
        scans.update(conn, claimed(conn), state=ScanState.STALLED)
        workers.set_state(conn, "main", "stopped")
    login(client, Role.CLERK)
    until(lambda: "Có giấy tờ đang bị mắc" in client.get("/tray").text)
    assert "Không có tiến trình xử lý nào đang chạy" in client.get("/reuse").text


def test_the_doctor_finds_only_what_a_fresh_installation_lacks(wiring: Wiring) -> None:
    own_inbox(wiring.workshop)
    found = {check.name: check for check in examine(wiring.settings.home)}
    assert {name for name, check in found.items() if not check.ok} == {"signing-key", "runner"}
    (wiring.folder("inbox") / ".sohoa-inbox").unlink()
    shutil.rmtree(wiring.folder("done"))
    with write(wiring.engine) as conn:
        workers.set_state(conn, "main", "draining")
    found = {check.name: check for check in examine(wiring.settings.home)}
    wrong = {name for name, check in found.items() if not check.ok}
    assert wrong == {"signing-key", "runner", "inbox", "folders", "workers"}
    assert "done" in found["folders"].detail and all(found[name].fix for name in wrong)


@pytest.mark.parametrize(("engine", "told"), [("auto", "tesserocr "), ("pytesseract", "pytesseract ")])
def test_the_doctor_names_the_engine_and_the_language_in_use(
    wiring: Wiring, monkeypatch: pytest.MonkeyPatch, engine: str, told: str
) -> None:
    monkeypatch.setenv("SOHOA_READING__ENGINE", engine)
    found = {check.name: check for check in examine(wiring.settings.home)}["tesseract"]
    assert found.ok and found.detail.startswith(told) and "ngôn ngữ vie" in found.detail
    monkeypatch.setenv("SOHOA_READING__LANGUAGE", "xxx")
    found = {check.name: check for check in examine(wiring.settings.home)}["tesseract"]
    assert not found.ok and "tesseract-ocr-xxx" in found.fix


def test_a_check_that_hangs_is_cut_off_and_the_others_are_told(wiring: Wiring, monkeypatch: pytest.MonkeyPatch) -> None:
    def hang(_home: Wiring) -> checks.Found:
        threading.Event().wait(60)
        raise AssertionError

    def broken(_home: Wiring) -> checks.Found:
        raise RuntimeError("no such thing")

    monkeypatch.setattr(doctor, "PATIENCE_S", 4.0)
    monkeypatch.setattr(doctor, "CHECKS", (("store", hang), ("index", broken), ("registry", checks.registry)))
    told = examine(wiring.settings.home)
    assert [(check.name, check.ok) for check in told] == [("store", False), ("index", False), ("registry", True)]
    assert "không trả lời" in told[0].detail and "no such thing" in told[1].detail and told[0].fix


def test_a_document_that_waits_for_days_for_its_signature_is_told(wiring: Wiring) -> None:
    assert checks.to_sign(wiring).ok
    with write(wiring.engine) as conn:
        waiting = archived(conn, "thong-bao")
        told = update(tables.documents).where(tables.documents.c.id == waiting)
        day_ago, week_ago = (utc_now() - timedelta(days=days) for days in (1, 7))
        conn.execute(told.values(state=DocumentState.TO_SIGN, approved_at=day_ago.isoformat(timespec="microseconds")))
    found = checks.to_sign(wiring)
    assert found.ok and "1 tài liệu chờ người ký" in found.detail
    with write(wiring.engine) as conn:
        conn.execute(told.values(approved_at=week_ago.isoformat(timespec="microseconds")))
    found = checks.to_sign(wiring)
    assert not found.ok and f"{vietnam_date(week_ago):%d/%m/%Y}" in found.detail and "Chờ ký số" in found.fix


def test_old_or_unhappy_reconciliations_and_backups_are_told(wiring: Wiring) -> None:
    assert checks.reconciliation(wiring).ok and checks.backup(wiring).ok and checks.sealed(wiring).ok, (
        "a fresh installation has none yet"
    )
    with write(wiring.engine) as conn:
        audit.append(conn, actor="sohoa", action="login", subject="web")
        conn.execute(text("UPDATE audit SET at = '2026-01-01T00:00:00.000000+00:00'"))
    assert not checks.reconciliation(wiring).ok and not checks.backup(wiring).ok and not checks.sealed(wiring).ok
    assert reconcile_and_keep(wiring).ok and checks.reconciliation(wiring).ok
    with write(wiring.engine) as conn:
        facts.put(conn, "backup", {"made_at": "2026-01-02T00:00:00Z"})
        facts.put(conn, "audit-seal", {"made_at": utc_now().isoformat()})
        conn.execute(text("UPDATE facts SET at = '2026-01-02T00:00:00.000000+00:00' WHERE name = 'reconciliation'"))
    assert not checks.reconciliation(wiring).ok and not checks.backup(wiring).ok and checks.sealed(wiring).ok


def test_a_timestamp_authority_is_asked_for_a_stamp(made: Path) -> None:
    with time_stamping(made / "keys") as port:
        assert tsa.probe(f"http://127.0.0.1:{port}/", 5) < 5
    for url in (f"http://127.0.0.1:{port}/", "file:///etc/hostname"):
        with pytest.raises(ServiceUnavailable):
            tsa.probe(url, 1)


def test_what_answers_without_a_stamp_is_no_timestamp_authority(client: httpx.Client) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            with server.accept()[0] as asker:
                asker.recv(65536)
                asker.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello")

        threading.Thread(target=answer, daemon=True).start()
        with pytest.raises(ServiceUnavailable):
            tsa.probe(f"http://127.0.0.1:{server.getsockname()[1]}/", 2)


def test_who_beats_is_alive_whatever_the_clocks_say(monkeypatch: pytest.MonkeyPatch) -> None:
    beats, now = Beats(), [0.0]
    monkeypatch.setattr("app.health.time.monotonic", lambda: now[0])
    row = WorkerRow(instance="a", role="worker", host="a", version="2", state="working", beat=1,
                    started_at=utc_now().isoformat(), seen_at="2001-01-01T00:00:00+00:00")  # fmt: skip
    assert beats.living([row]) == set(), "at first sight only its own words count"
    now[0] = 5.0
    assert beats.living([row.model_copy(update={"beat": 2})]) == {"a"}
    now[0] = 64.0
    assert beats.living([row.model_copy(update={"beat": 2})]) == {"a"}
    now[0] = 66.0
    assert beats.living([row.model_copy(update={"beat": 2})]) == set()
    assert beats.living([row.model_copy(update={"beat": 3, "state": "lost"})]) == set()


def test_one_question_at_a_time_however_many_want_to_know() -> None:
    gate, asked = threading.Event(), []

    def ask() -> int:
        asked.append(1)
        gate.wait(10)
        return len(asked)

    kept: Kept[int] = Kept(ask, every_s=60, limit_s=0.05)
    threads = [threading.Thread(target=kept.outcome, kwargs={"wait_until": time.monotonic() + 0.1}) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert isinstance(kept.outcome().error, TimeoutError) and len(asked) == 1
    gate.set()
    assert kept.outcome(wait_until=time.monotonic() + 5).value == 1, "what comes back late is the answer from then on"
    assert kept.outcome().error is None and len(asked) == 1
