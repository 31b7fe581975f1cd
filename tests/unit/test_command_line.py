"""The list of commands: complete, in the words of the commands themselves, and told without importing them."""

from __future__ import annotations

import inspect
import subprocess
import sys
from importlib import import_module

import pytest

from app.cli import COMMANDS, GROUPS
from app.cli.deferred import Deferred

PLACES = [*COMMANDS.items(), *(item for _, places in GROUPS.values() for item in places.items())]
HEAVY = {
    "alembic",
    "cv2",
    "dbos",
    "elasticsearch",
    "fastapi",
    "minio",
    "numpy",
    "ocrmypdf",
    "onnxruntime",
    "pikepdf",
    "pyhanko",
    "sqlalchemy",
    "tantivy",
    "uvicorn",
}
"""What takes long to import: no command may pay for what another one uses."""


@pytest.mark.parametrize(("name", "place"), PLACES)
def test_a_command_is_listed_in_its_own_words(name: str, place: str) -> None:
    listed = Deferred(name, place)
    module, _, function = place.partition(":")
    assert listed.help == inspect.getdoc(getattr(import_module(f"app.cli.{module}"), function))
    assert listed.imported().help == listed.help != ""


def test_the_list_of_commands_imports_none_of_them() -> None:
    imported, told = _after("--help")
    assert not imported & HEAVY
    listed = [told.index(f"│ {name} ") for name in (*COMMANDS, *GROUPS)]
    assert listed == sorted(listed)
    assert "Đọc một tệp: chữ và các trường thông tin." in told


def _after(*arguments: str) -> tuple[set[str], str]:
    """The packages that a command has imported when it ends, and what it printed."""
    program = (
        "import sys, atexit; from app.cli import main; sys.argv[0] = 'sohoa';"
        "atexit.register(lambda: print(*{name.partition('.')[0] for name in sys.modules}, file=sys.stderr)); main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=True, timeout=60
    )
    return set(done.stderr.split()), done.stdout
