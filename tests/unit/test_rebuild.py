"""The registry from the archive alone: by one reader or several, again without harm, damaged records named."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from app import parts as reading
from app import rebuild
from app.wiring import Wiring
from archive.aip import AipContent, archive_record, iter_records, parts
from archive.ocfl import object_root
from bench.synthetic import metadata, record
from config.catalogue import SHIPPED
from config.settings import Folders, Settings
from registry import audit, documents
from registry.database import read
from registry.values import Event, PageText, sha256_file

RECORDS = 12


@pytest.fixture
def wiring(tmp_path: Path) -> Wiring:
    """An installation with some records in its archive and an empty registry."""
    made = Wiring(Settings(home=tmp_path, folders=Folders(catalogue=SHIPPED)))
    for n in range(RECORDS):
        scan, pdf = tmp_path / "scan", tmp_path / "pdf"
        scan.write_bytes(b"scan %d" % n)
        pdf.write_bytes(b"pdf %d" % n)
        told = metadata(record(n))
        told = told.model_copy(update={"source": told.source.model_copy(update={"sha256": sha256_file(scan)})})
        content = AipContent(
            document_id=told.document_id, original=scan, original_name="scan.pdf", pdf=pdf,
            pages=(PageText(index=0, text="x", confidence=1),), metadata=told,
            events=(Event(type="capture", at=told.archived_at, agent="an"),),
        )  # fmt: skip
        archive_record(made.store, content, user="an", message="archived")
    return made


def rebuilt(wiring: Wiring) -> rebuild.Rebuilt:
    return rebuild.rebuild_registry(wiring, "an", Console(file=io.StringIO()))


@pytest.mark.parametrize("readers", ["one", "processes", "threads"])
def test_every_sound_record_comes_back_and_the_damaged_one_is_named(
    wiring: Wiring, monkeypatch: pytest.MonkeyPatch, readers: str
) -> None:
    if readers != "one":
        monkeypatch.setattr(reading, "MANY", 0)
    if readers == "threads":
        monkeypatch.setattr(reading, "FolderStore", type(None))
    ids = list(iter_records(wiring.store))
    [papers] = (wiring.folder("archive") / object_root(ids[0])).rglob("metadata.json")
    papers.chmod(0o600)
    papers.write_bytes(papers.read_bytes().replace(b"an", b"en", 1))
    for _ in range(2):
        told = rebuilt(wiring)
        assert (told.records, told.damaged) == (RECORDS - 1, (ids[0],))
    with read(wiring.engine) as conn:
        assert documents.archived_ids(conn) == sorted(ids[1:])
        made = record(next(n for n in range(RECORDS) if record(n).document_id == ids[1]))
        found = documents.get(conn, ids[1])
        assert (found.title, found.kind, found.archived_at) == (made.title, made.kind, made.archived_at)
        assert found.people == metadata(made).description.people and len(found.events) == 1
        assert audit.count(conn, "rebuild-registry") == 2
    wiring.close()


def test_the_parts_hold_every_record_once(wiring: Wiring) -> None:
    assert sorted(i for part in parts() for i in iter_records(wiring.store, part)) == sorted(iter_records(wiring.store))
