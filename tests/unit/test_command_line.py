"""The list of commands: complete, in the words of the commands themselves, and told without importing them."""

from __future__ import annotations

import inspect
import json
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
from PIL import Image

from app.cli import COMMANDS, GROUPS, SUBGROUPS
from app.cli.deferred import Deferred
from app.wiring import PRELOAD, READING
from pipeline import tasks
from pipeline.describing import describe
from pipeline.drawing import render_page
from pipeline.extracting import extract
from pipeline.identify import identify, looks_complete
from pipeline.page_reading import read_page_of
from pipeline.quality import look_at_first_page
from pipeline.reading import write_derivative
from pipeline.splitting.refusing import part_pages
from pipeline.twin import render_twin, write_search_copy
from signing.arrived import judge_arrived

BELOW = (*GROUPS.values(), *SUBGROUPS.values())
PLACES = [*COMMANDS.items(), *(item for _, places in BELOW for item in places.items())]
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
    imported, told = _after("sys.argv[1:] = ['--help']; from app.cli import main; main()")
    assert not imported & HEAVY
    listed = [told.index(f"│ {name} ") for name in (*COMMANDS, *GROUPS)]
    assert listed == sorted(listed)
    assert "Đọc một tệp: chữ và các trường thông tin." in told


@pytest.mark.parametrize(
    ("module", "needed"),
    [
        ("reading", set()),
        ("finding", {"sqlalchemy", "alembic"}),  # the audit log has what was shown
        ("catalogue", set()),
        ("review", {"sqlalchemy", "alembic"}),
        ("reuse", {"sqlalchemy", "alembic"}),
        ("archive", {"sqlalchemy", "alembic", "pyhanko"}),
    ],
)
def test_a_command_imports_what_it_needs(module: str, needed: set[str]) -> None:
    imported, _ = _after(f"import app.cli.{module}")
    assert imported & HEAVY <= needed


def test_reading_costs_what_reading_needs(tmp_path: Path) -> None:
    """Neither the command nor its workers have what only the path to the archive uses, nor the command the workers'."""
    scan = tmp_path / "scan.png"
    Image.new("L", (400, 500), 255).save(scan, dpi=(200, 200))
    imported, told = _after(f"sys.argv[1:] = ['read', {str(scan)!r}, '--json']; from app.cli import main; main()")
    assert not imported & HEAVY
    assert json.loads(told)["pages"][0]["blank"]
    preloaded, _ = _after(f"import {', '.join(READING)}")
    assert preloaded & HEAVY == {"cv2", "numpy", "onnxruntime", "pikepdf"}


def test_what_is_asked_of_workers_is_at_hand() -> None:
    """A task's module that is not would be imported by each worker anew, with all that it imports."""
    of_path = (identify, looks_complete, look_at_first_page, read_page_of, part_pages, extract, write_derivative)
    of_arrived = (render_twin, write_search_copy, judge_arrived)
    asked = {task.__module__ for task in (*of_path, *of_arrived, describe, render_page, tasks.identify)}
    held = set(_after(f"import {', '.join(PRELOAD)}; print(*sys.modules)")[1].split())
    assert asked <= held


@pytest.mark.parametrize("module", PRELOAD)
def test_what_workers_have_at_hand_is_there(module: str) -> None:
    """The fork server leaves out silently what it cannot import."""
    import_module(module)


def _after(program: str) -> tuple[set[str], str]:
    """The packages that are imported when a program ends, and what it printed."""
    told = "print(*{name.partition('.')[0] for name in sys.modules}, file=sys.stderr)"
    program = f"import atexit, sys; atexit.register(lambda: {told}); {program}"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    return set(done.stderr.split()), done.stdout
