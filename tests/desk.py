"""One real installation for all slow tests: made by the command line, filled through its inbox, served on a port."""

from __future__ import annotations

import json
import os
import pty
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.demo.dossiers import write_dossiers
from app.demo.papers import Paper, papers
from app.demo.scans import make_scans
from tests.bad_inputs import encoded, sheet

SOHOA = [sys.executable, "-c", "from app.cli import main; main()"]
PATIENCE_S = 300.0
ACCOUNTS = (("mayquet", "scanner", "H99.32"), ("motcua", "clerk", "H99.32"), ("motcua2", "clerk", "H99.34"),
            ("kiemtra", "auditor", None), ("lanhdao", "leader", "H99"))  # fmt: skip
PASSWORD = "mat-khau-cua-toi"


@dataclass
class Desk:
    """A running installation. papers: scan file name → what was printed on it."""

    home: Path
    url: str
    accounts: dict[str, str]
    papers: dict[str, Paper] = field(default_factory=dict)

    def sohoa(self, *arguments: str, exit_code: int = 0) -> Any:
        """What the command prints as JSON."""
        return run_cli(*arguments, "--home", str(self.home), exit_code=exit_code)

    def rows(self, query: str, *values: object) -> list[dict[str, Any]]:
        with sqlite3.connect(f"file:{self.home / 'registry.sqlite'}?mode=ro", uri=True) as db:
            db.row_factory = sqlite3.Row
            return [dict(row) for row in db.execute(query, values)]

    def inbox(self, unit: str = "xa-an-hoa") -> Path:
        return self.home / "inbox" / unit

    def wait(self, done: Callable[[], bool], what: str) -> None:
        until = time.monotonic() + PATIENCE_S
        while not done():
            assert time.monotonic() < until, f"waited too long for {what}"
            time.sleep(0.2)

    @contextmanager
    def login(self, name: str, why: str = "") -> Iterator[httpx.Client]:
        """A browser's session of that account, its one-time password changed. why: what it reads documents for."""
        with httpx.Client(base_url=self.url, follow_redirects=True, timeout=60) as client:
            answer = client.post("/login", data={"username": name, "password": self.accounts[name]})
            if answer.url.path == "/password":
                told = {"csrf": csrf(answer.text), "old": self.accounts[name], "new": PASSWORD, "again": PASSWORD}
                assert client.post("/password", data=told).url.path == "/tray"
                self.accounts[name] = PASSWORD
            if why:
                client.post("/purpose", data={"csrf": csrf(client.get("/purpose").text), "why": why})
            yield client


def csrf(page: str) -> str:
    return page.split('name="csrf" value="')[1].split('"', maxsplit=1)[0]


def run_cli(*arguments: str, exit_code: int = 0) -> Any:
    done = subprocess.run([*SOHOA, *arguments, "--json"], capture_output=True, text=True, check=False)
    assert done.returncode == exit_code, done.stderr
    return json.loads(done.stdout) if done.stdout else None


def typed_at_a_terminal(command: list[str], line: str) -> tuple[int, str]:
    """Exit code and what was on the screen, when somebody answers the first question with this line."""
    person, program = pty.openpty()
    running = subprocess.Popen(command, stdin=program, stdout=program, stderr=program, start_new_session=True)
    os.close(program)
    screen = b""
    asked = False
    while True:
        try:
            piece = os.read(person, 4096)
        except OSError:  # the program has ended
            break
        if not piece:
            break
        screen += piece
        if not asked and "Mã PIN".encode() in screen:
            os.write(person, f"{line}\n".encode())
            asked = True
    os.close(person)
    return running.wait(60), screen.decode()


@pytest.fixture(scope="session")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    folder = tmp_path_factory.mktemp("desk")
    home = folder / "home"
    accounts = {a["username"]: a["password"] for a in run_cli("init", str(home))["accounts"]}
    for name, role, unit in ACCOUNTS:
        told = ["--unit", unit] if unit else []
        made = run_cli("users", "add", name, role, *told, "--home", str(home))
        accounts[name] = made["password"]
    write_dossiers(folder / "ho-so.csv")
    run_cli("dossiers", "import", str(folder / "ho-so.csv"), "--home", str(home))
    made_scans = make_scans(folder / "scans")
    (folder / "scans" / "xa-an-hoa" / "la.jpg").write_bytes(encoded(sheet(text="khong ro"), "JPEG"))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {
        **os.environ, "SOHOA_WEB__PORT": str(port), "SOHOA_INTAKE__QUIET_S": "0.5",
        "SOHOA_INTAKE__GIVE_UP_INCOMPLETE_S": "3",
    }  # fmt: skip
    with (home / "service.log").open("wb") as log:
        service = subprocess.Popen([*SOHOA, "run", "--home", str(home)], stdout=log, stderr=log, env=environment)
    made = Desk(home, f"http://127.0.0.1:{port}", accounts, {str(path): paper for path, paper in made_scans})
    try:
        shutil.copytree(folder / "scans", home / "inbox", dirs_exist_ok=True)
        expected = len(papers()) + 1
        ended = "SELECT count(*) AS n FROM documents WHERE state IN ('archived', 'review')"
        made.wait(lambda: made.rows(ended)[0]["n"] == expected, "the sample scans")
        behind = "SELECT count(*) AS n FROM documents WHERE state = 'archived' AND indexed_at IS NULL"
        made.wait(lambda: made.rows(behind)[0]["n"] == 0, "the index")
        yield made
        assert service.poll() is None, "the service lives to the end"
    finally:
        service.send_signal(signal.SIGINT)
        assert service.wait(90) == 0, "Ctrl-C drains and stops"
