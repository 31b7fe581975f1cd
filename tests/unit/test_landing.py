"""Files land whole or not at all, never over another, and links are not followed."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from pipeline.landing import copy_durably, landing, move_durably


def test_a_copy_is_whole_and_tells_its_digest(tmp_path: Path) -> None:
    source = tmp_path / "a"
    source.write_bytes(b"scan" * 1000)
    assert copy_durably(source, tmp_path / "deep" / "b") == hashlib.sha256(b"scan" * 1000).hexdigest()
    assert (tmp_path / "deep" / "b").read_bytes() == source.read_bytes()


def test_what_fails_leaves_nothing_and_keeps_the_old(tmp_path: Path) -> None:
    target = tmp_path / "t"
    target.write_text("old")
    with pytest.raises(RuntimeError), landing(target) as part:
        part.write_text("half")
        raise RuntimeError
    assert target.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["t"]


def test_a_move_never_covers_another_file(tmp_path: Path) -> None:
    for content in ("1", "2", "3"):
        (tmp_path / "scan.pdf").write_text(content)
        move_durably(tmp_path / "scan.pdf", tmp_path / "done", "scan.pdf")
    assert sorted((p.name, p.read_text()) for p in (tmp_path / "done").iterdir()) == [
        ("scan-2.pdf", "2"), ("scan-3.pdf", "3"), ("scan.pdf", "1"),
    ]  # fmt: skip


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("x")
    (tmp_path / "link").symlink_to(tmp_path / "secret")
    with pytest.raises(OSError):
        copy_durably(tmp_path / "link", tmp_path / "copy")
    assert not (tmp_path / "copy").exists()
