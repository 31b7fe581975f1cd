"""Records in the archive: complete, write-once, repeatable, and every flipped byte is found."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import threading
from pathlib import Path

import pytest

from archive.aip import (
    add_version,
    archive_record,
    iter_records,
    open_file,
    read_papers,
    read_record,
    read_texts,
    safe_name,
)
from archive.fixity import RecordFixity, audit, check_record
from archive.folder import FolderStore
from archive.ocfl import object_root
from registry.errors import KeyNotFound, KeyTaken, Retained, SettingsInvalid
from registry.values import DocumentId, RecordMetadata
from tests.contracts.object_store import TOMORROW, YESTERDAY, ObjectStoreContract
from tests.unit.packages import ID, content


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path / "archive", staging=tmp_path / "staging")


class TestFolder(ObjectStoreContract):
    """The folder keeps the contract of every store."""


def test_a_record_reads_back_as_it_was(store: FolderStore, tmp_path: Path) -> None:
    put = content(tmp_path / "in")
    archive_record(store, put, user="an", message="archived")
    held = read_record(store, ID)
    assert held.metadata == put.metadata and held.pages == put.pages and held.events == put.events
    with open_file(store, ID, "original/Giấy.jpg") as stream:
        assert stream.read() == b"scan"
    assert list(iter_records(store)) == [ID]
    assert audit(store).ok


def test_again_changes_nothing_and_another_original_is_refused(store: FolderStore, tmp_path: Path) -> None:
    first = archive_record(store, content(tmp_path / "in"), user="an", message="archived")
    assert archive_record(store, content(tmp_path / "in"), user="an", message="again") == first
    with pytest.raises(KeyTaken):
        archive_record(store, content(tmp_path / "in", b"other"), user="an", message="x")


def test_every_flipped_byte_is_found_in_whatever_file(store: FolderStore, tmp_path: Path) -> None:
    archive_record(store, content(tmp_path / "in"), user="an", message="archived")
    root = tmp_path / "archive" / object_root(ID)
    files = [p for p in root.rglob("*") if p.is_file()]
    assert len(files) == 10, "declaration, two inventories with digests, and five files"
    for path in files:
        whole = path.read_bytes()
        for place in {0, len(whole) // 2, len(whole) - 1}:
            path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
            assert not check_record(store, ID).ok, f"{path.name} at {place}"
        path.unlink()
        assert not check_record(store, ID).ok, f"{path.name} gone"
        path.write_bytes(whole)
        assert check_record(store, ID).ok


def test_what_does_not_belong_there_is_told(store: FolderStore, tmp_path: Path) -> None:
    archive_record(store, content(tmp_path / "in"), user="an", message="archived")
    (tmp_path / "archive" / "stray.txt").write_text("x")
    assert audit(store).strays == ("stray.txt",)


def test_a_new_version_keeps_the_old_one(store: FolderStore, tmp_path: Path) -> None:
    archive_record(store, content(tmp_path / "in"), user="an", message="archived")
    made = add_version(store, ID, {"events.json": b"[]"}, user="an", message="renewed")
    assert made.version == "v2"
    assert add_version(store, ID, {"events.json": b"[]"}, user="an", message="renewed").version == "v2", "repeatable"
    assert read_record(store, ID).events == ()
    with open_file(store, ID, "events.json", "v1") as stream:
        assert b"capture" in stream.read()
    with pytest.raises(KeyNotFound):
        add_version(store, DocumentId("00000000-0000-4000-8000-000000000000"), {"a": b""}, user="an", message="x")


def test_a_version_that_is_just_being_written_is_no_damage(store: FolderStore, tmp_path: Path) -> None:
    archive_record(store, content(tmp_path / "in"), user="an", message="archived")
    told: list[RecordFixity] = []
    ended = threading.Event()

    def look() -> None:
        while not ended.is_set():
            told.append(check_record(store, ID))

    looking = threading.Thread(target=look)
    looking.start()
    for number in range(30):
        add_version(store, ID, {"events.json": f"[{' ' * number}]".encode()}, user="an", message="renewed")
    ended.set()
    looking.join()
    assert told and all(found.ok for found in told), {f for found in told for f in found.findings}


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("../../etc/passwd", "_.._etc_passwd"),
        ("Giấy khai sinh.PDF", "Giấy khai sinh.PDF"),
        ("a\nb.jpg", "a_b.jpg"),
        ("", "scan"),
    ],
)
def test_names_are_safe_everywhere(name: str, safe: str) -> None:
    assert safe_name(name) == safe
    assert len(safe_name("đ" * 300 + ".pdf").encode()) <= 120


def test_the_papers_are_read_without_the_text(store: FolderStore, tmp_path: Path) -> None:
    archive_record(store, content(tmp_path / "in"), user="an", message="archived")
    whole, papers = read_record(store, ID), read_papers(store, ID)
    assert (papers.metadata, papers.events, papers.digests) == (whole.metadata, whole.events, whole.digests)
    next((tmp_path / "archive").rglob("text.json")).unlink()
    assert read_papers(store, ID) == papers


def test_the_text_is_read_without_its_words(store: FolderStore, tmp_path: Path) -> None:
    archive_record(store, content(tmp_path / "in"), user="an", message="archived")
    whole, texts = read_record(store, ID), read_texts(store, ID)
    assert (texts.metadata, texts.events, texts.digests) == (whole.metadata, whole.events, whole.digests)
    assert [p.text for p in texts.pages] == [p.text for p in whole.pages] != []


def test_a_record_stays_until_its_day_and_so_do_its_later_versions(store: FolderStore, tmp_path: Path) -> None:
    put = content(tmp_path / "in", retain_until=YESTERDAY)
    archive_record(store, put, user="an", message="archived")
    assert isinstance(put.metadata, RecordMetadata)
    longer = put.metadata.model_copy(update={"retain_until": TOMORROW}).model_dump_json().encode()
    add_version(store, ID, {"metadata.json": longer}, user="an", message="kept longer")
    with pytest.raises(Retained):
        store.delete_tree(object_root(ID))
    add_version(store, ID, {"events.json": b"[]"}, user="an", message="renewed")
    assert audit(store).ok


def test_a_record_past_its_day_goes_whole_and_leaves_a_sound_root(store: FolderStore, tmp_path: Path) -> None:
    archive_record(store, content(tmp_path / "in", retain_until=YESTERDAY), user="an", message="archived")
    add_version(store, ID, {"events.json": b"[]"}, user="an", message="renewed")
    store.delete_tree(object_root(ID))
    assert list(iter_records(store)) == [] and audit(store).ok
    assert sorted(p.name for p in (tmp_path / "archive").iterdir()) == ["0=ocfl_1.1", "extensions", "ocfl_layout.json"]


def test_metadata_from_before_the_days_is_read_as_kept_for_ever(store: FolderStore, tmp_path: Path) -> None:
    put = content(tmp_path / "in", retain_until=YESTERDAY)
    assert isinstance(put.metadata, RecordMetadata)
    old = put.metadata.model_dump_json(exclude={"retain_until"}).encode()
    archive_record(store, dataclasses.replace(put, metadata=old), user="an", message="archived")
    assert read_record(store, ID).metadata.retain_until is None
    with pytest.raises(Retained):
        store.delete_tree(object_root(ID))


def test_a_tree_without_a_lock_is_kept_for_ever_and_a_torn_line_hides_none(store: FolderStore, tmp_path: Path) -> None:
    locks = tmp_path / "archive.locks"
    for name in ("x", "y"):
        store.put_tree(f"{name}/t", {"a": b"1"}, {"a": hashlib.sha256(b"1").hexdigest()}, retain_until=YESTERDAY)
    (locks / "x.log").unlink()
    with pytest.raises(Retained):
        store.delete_tree("x")
    with (locks / "y.log").open("ab") as journal:
        journal.write(b'\n{"prefix": "y/t", "until": nu')  # the power went
    store.hold("y", True)
    with pytest.raises(Retained):
        store.delete_tree("y")
    store.hold("y", False)
    store.delete_tree("y")


def test_a_folder_that_cannot_be_renamed_into_is_refused(tmp_path: Path) -> None:
    elsewhere = Path("/dev/shm") / f"sohoa-{os.getpid()}"
    assert elsewhere.parent.stat().st_dev != tmp_path.stat().st_dev
    try:
        with pytest.raises(SettingsInvalid, match="same file system"):
            FolderStore(tmp_path / "archive", staging=elsewhere).check()
    finally:
        elsewhere.rmdir()
