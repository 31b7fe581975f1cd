"""Two installations never take from one inbox: the second is told whose it is, and does not start."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from config.messages import sentence
from tests.faults.installation import Installation
from tests.faults.programs import SOHOA


@pytest.mark.slow
def test_a_second_installation_on_the_same_inbox_is_refused_and_says_why(
    embedded: Installation, tmp_path: Path
) -> None:
    home = tmp_path / "second"
    home.mkdir()
    (home / "sohoa.toml").write_text(f'[folders]\ninbox = "{embedded.home / "inbox"}"\n', encoding="utf-8")
    subprocess.run([*SOHOA, "init", str(home)], check=True, stdout=subprocess.DEVNULL)
    for role in ("watch", "run"):
        refused = subprocess.run(
            [*SOHOA, role, "--home", str(home)], capture_output=True, text=True, timeout=120, check=False
        )
        assert refused.returncode == 1
        assert " ".join(sentence("inbox-taken").split()[:6]) in " ".join(refused.stderr.split())
    assert embedded.programs["run"].pid, "the owner goes on"
