"""What is asked of `sohoa verify` is done or refused in words; what could not be looked at gets no verdict."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from app.cli import app
from app.reporting.facts import NOTHING, collect, head
from app.reporting.page import page
from app.wiring import Wiring
from archive.aip import iter_records
from bench.verifying import AGENCY
from config.messages import sentence
from config.settings import load_settings
from registry import disposals
from registry.database import write
from registry.values import DisposedRecord, DocumentId, utc_now, vietnam_date
from tests.unit.filled import filled_home
from tests.unit.records import archived

UNKNOWN = DocumentId("00000000-0000-4000-8000-000000000000")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return filled_home(tmp_path_factory.mktemp("verifying"), 1)


@pytest.fixture
def wiring(home: Path) -> Iterator[Wiring]:
    made = Wiring(load_settings(home))
    yield made
    made.close()


@pytest.fixture
def held(wiring: Wiring) -> DocumentId:
    [document_id] = iter_records(wiring.store)
    return document_id


def verify(home: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["verify", "--home", str(home), *arguments])


def words(result: Result) -> str:
    """What it says to people, wherever the lines end."""
    return " ".join(result.stderr.split())


def told(result: Result) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(result.stdout)
    return found


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--report", "x.html"),
        ("--keep",),
        ("--repeat",),
        ("--repeat", "--all"),
        ("--keep", "--all"),
        (UNKNOWN, "--all"),
        (UNKNOWN, "--anew"),
        (UNKNOWN, "--keep", "--repeat"),
        (UNKNOWN, "--repeat", "--report", "x.html"),
        ("giấy.pdf", "--keep"),
    ],
)
def test_what_would_do_nothing_or_not_all_is_refused(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    monkeypatch.chdir(tmp_path)
    result = verify(home, *arguments)
    assert result.exit_code == 2 and len(words(result)) > 20 and "Usage" not in result.stderr
    assert not result.stdout and not list(tmp_path.iterdir())


def test_a_typing_error_gets_no_verdict(home: Path, held: DocumentId, tmp_path: Path) -> None:
    missing, wrong = str(tmp_path / "missing.pdf"), held[:-1] + ("0" if held[-1] != "0" else "1")
    report = tmp_path / "report.html"
    result = verify(home, missing, wrong, "--json", "--report", str(report))
    assert result.exit_code == 1 and not report.exists()
    codes = {missing: "file-missing", wrong: "record-unknown"}
    assert told(result) == [{"id": i, "error": {"code": c, "message": sentence(c)}} for i, c in codes.items()]
    shown = verify(home, missing, str(tmp_path), wrong)
    assert shown.exit_code == 1 and not shown.stdout
    assert words(shown).count(sentence("file-missing")) == 2 and sentence("record-unknown") in words(shown)

    both = verify(home, wrong, held, "--json")
    assert both.exit_code == 3 and [one["id"] for one in told(both)] == [held, wrong]
    assert told(both)[0]["verdict"] == "TOTAL-PASSED"
    repeated = verify(home, "--repeat", "--json", wrong)
    assert repeated.exit_code == 1 and told(repeated)[0]["error"]["code"] == "record-unknown"


def test_what_is_gone_by_right_or_missing_is_told_apart(home: Path, wiring: Wiring) -> None:
    with write(wiring.engine) as conn:
        gone, lost = archived(conn, "quyet-dinh"), archived(conn, "quyet-dinh")
        record = DisposedRecord(
            document_id=gone, scan_id=None, unit="H99.32", kind="quyet-dinh", retention_class="permanent",
            retain_until=vietnam_date(utc_now()), archived_at=utc_now(), original_sha256="b" * 64, files={},
        )  # fmt: skip
        disposals.propose(conn, "d-1", "QĐ 12", "an", [record])
        disposals.decide(conn, "d-1", disposals.APPROVED, "binh")
        assert disposals.gone(conn, "d-1", record, "binh", utc_now())
    result = verify(home, gone, "--json")
    [one] = told(result)
    assert result.exit_code == 1 and one["error"]["code"] == "record-disposed"
    assert "d-1" in one["error"]["message"] and "verdict" not in one
    result = verify(home, lost, "--json")
    assert result.exit_code == 3 and told(result)[0]["verdict"] == "TOTAL-FAILED", "the archive should have it"


def test_nothing_is_not_called_good() -> None:
    made = page(collect(head(AGENCY, "Toàn bộ kho lưu trữ", "an", utc_now(), "1 chứng thư"), []))
    assert NOTHING in made and "đều đạt" not in made and "chưa đạt." not in made
