"""Records in the archive: complete, write-once, repeatable, and every flipped byte is found."""

from __future__ import annotations

from pathlib import Path

import pytest

from archive.aip import AipContent, add_version, archive_record, iter_records, open_file, read_record, safe_name
from archive.fixity import audit, check_record
from archive.folder import FolderStore
from archive.ocfl import object_root
from registry.errors import KeyNotFound, KeyTaken
from registry.values import Description, DocumentId, Event, PageText, RecordMetadata, SourceScan, sha256_file, utc_now
from tests.contracts.object_store import ObjectStoreContract

ID = DocumentId("0f8fad5b-d9cb-469f-a165-70867728950e")


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path / "archive", staging=tmp_path / "staging")


class TestFolder(ObjectStoreContract):
    """The folder keeps the contract of every store."""


def content(folder: Path, scan: bytes = b"scan", document_id: DocumentId = ID) -> AipContent:
    folder.mkdir(exist_ok=True)
    original, pdf = folder / "scan.jpg", folder / "signed.pdf"
    original.write_bytes(scan)
    pdf.write_bytes(b"%PDF" + scan)
    now = utc_now()
    metadata = RecordMetadata(
        document_id=document_id, unit="H99.32", description=Description(kind="quyet-dinh"), page_count=1,
        source=SourceScan(file_name="Giấy.jpg", sha256=sha256_file(original), size_bytes=len(scan),
                          media_type="image/jpeg", received_at=now),
        retention_class="permanent", signature_level="B-LTA", converted_by_unit="H99.32",
        converted_by_person="an", converted_at=now, approved_by="an", approved_at=now, archived_at=now,
    )  # fmt: skip
    return AipContent(
        document_id=document_id, original=original, original_name="Giấy.jpg", pdf=pdf,
        pages=(PageText(index=0, text="chữ", confidence=0.9),), metadata=metadata,
        events=(Event(type="capture", at=now, agent="an"),),
    )  # fmt: skip


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
