"""Settings: read from file and environment, frozen, and refused when they make no sense."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from config.errors import SettingsInvalid
from config.settings import load_settings


def home(folder: Path, toml: str = "") -> Path:
    (folder / "sohoa.toml").write_text(toml, encoding="utf-8")
    return folder


def test_file_and_environment_are_read_and_the_environment_wins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOHOA_REVIEW__THRESHOLD", "0.9")
    told = load_settings(home(tmp_path, "[review]\nthreshold = 0.5\n[web]\nport = 9000\n"))
    assert told.review.threshold == 0.9
    assert told.web.port == 9000


@pytest.mark.parametrize(
    "toml",
    [
        "unknown = 1",
        "[web]\nprot = 80",
        "[review]\nthreshold = 2",
        "[folders]\narchive = 'inbox/archive'",
        "[web]\nhost = '0.0.0.0'",
        "not toml",
    ],
)
def test_what_makes_no_sense_stops_the_start(tmp_path: Path, toml: str) -> None:
    with pytest.raises(SettingsInvalid):
        load_settings(home(tmp_path, toml))


def test_a_folder_without_settings_is_no_installation(tmp_path: Path) -> None:
    with pytest.raises(SettingsInvalid, match="sohoa init"):
        load_settings(tmp_path)


def test_settings_cannot_be_changed(tmp_path: Path) -> None:
    told = load_settings(home(tmp_path))
    with pytest.raises(ValidationError):
        told.web.port = 1  # type: ignore[misc]
