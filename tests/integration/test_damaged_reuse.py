"""A record damaged after it was found good: offered at most for a day, never used, and known once it was looked at."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.desk import Desk, run_cli

pytestmark = pytest.mark.slow


def test_a_damaged_record_is_never_reused(desk: Desk, tmp_path: Path) -> None:
    home = tmp_path / "copy"
    shutil.copytree(desk.home, home, ignore=shutil.ignore_patterns("inbox", "done", "work", "index", "*.log"))

    def offered() -> dict[str, Any]:
        told = ["--owner", "003199000001", "--procedure", "1.000894", "--home", str(home)]
        return {c["code"]: c for c in run_cli("reuse", "check", *told)["components"]}["TP03"]

    held = offered()["candidates"][0]
    assert held["usable"]
    [pdf] = (home / "archive").rglob(f"*{held['id']}/v1/content/document.pdf")
    whole = pdf.read_bytes()
    pdf.chmod(0o600)
    pdf.write_bytes(whole[:-200] + bytes([whole[-200] ^ 4]) + whole[-199:])
    assert offered()["candidates"][0]["usable"], "the verdict of today is relied on for the offer"
    told = ["--document", held["id"], "--dossier", "H99.32-260805-0003", "--component", "TP03", "--home", str(home)]
    run_cli("reuse", "record", *told, exit_code=1)
    after = offered()
    assert after["missing"] and after["candidates"][0]["why"] == "signature", "and is gone once it was looked at"
    pdf.write_bytes(whole)
    assert offered()["candidates"][0]["usable"], "a verdict against a paper is asked anew each time"
