"""An inbox has one owner; the back-file waits behind the desk; sources that stayed behind leave later."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from pipeline import intake
from pipeline.intake import BACK_FILE, OWNER_MARK, own_inbox, priority_of
from pipeline.watch import is_left_alone
from pipeline.workshop import Workshop
from registry.database import open_registry
from registry.errors import InboxTaken


def installation(home: Path, inbox: Path) -> Workshop:
    home.mkdir(exist_ok=True)
    told = SimpleNamespace(intake=SimpleNamespace(back_file_folders=("ton-dong",)))
    engine = open_registry(f"sqlite:///{home / 'registry.sqlite'}")
    return cast(Workshop, SimpleNamespace(engine=engine, settings=told, folder=lambda _name: inbox))


def test_an_inbox_belongs_to_the_first_who_takes_from_it(tmp_path: Path) -> None:
    inbox = tmp_path / "inbox"
    one, other = installation(tmp_path / "a", inbox), installation(tmp_path / "b", inbox)
    own_inbox(one)
    own_inbox(one)
    with pytest.raises(InboxTaken, match="another installation"):
        own_inbox(other)
    (inbox / OWNER_MARK).unlink()
    own_inbox(other)
    with pytest.raises(InboxTaken):
        own_inbox(one)


def test_a_mark_left_empty_by_a_crash_is_filled(tmp_path: Path) -> None:
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    (inbox / OWNER_MARK).touch()
    one = installation(tmp_path / "a", inbox)
    own_inbox(one)
    assert len((inbox / OWNER_MARK).read_text().strip()) == 36


@pytest.mark.parametrize(
    ("relative", "priority"),
    [
        ("scan.pdf", 0),
        ("ton-dong/1998/scan.pdf", BACK_FILE),
        ("H99.32-260105-0001/ton-dong/scan.pdf", BACK_FILE),
        ("ton-dong.pdf", 0),
    ],
)
def test_the_back_file_is_known_by_its_folder(tmp_path: Path, relative: str, priority: int) -> None:
    assert priority_of(installation(tmp_path / "a", tmp_path), Path(relative)) == priority


def test_the_mark_is_left_alone_by_the_watch() -> None:
    assert is_left_alone(intake.OWNER_MARK)
