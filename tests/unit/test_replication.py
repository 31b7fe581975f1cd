"""A second home for the archive: complete, compared, resumable, and never a copy of damage."""

from __future__ import annotations

import json
import os
import shutil
import uuid
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from app.cli import app
from app.wiring import opened
from archive.aip import add_version, archive_record, read_back
from archive.backups import backup_id, store_backup
from archive.fixity import audit
from archive.folder import FolderStore
from archive.ocfl import object_root, root_of
from archive.replication import Replication, replicate
from config.catalogue import SHIPPED
from registry import facts
from registry.database import read
from registry.errors import Retained, ServiceUnavailable, SettingsInvalid
from registry.values import DocumentId
from tests.contracts.object_store import TOMORROW, YESTERDAY
from tests.unit.packages import ID, content

OTHER = DocumentId("7c9e6679-7425-40de-944b-e07fc1f90ae7")
FILES = 10
"""Of a record with one version: declaration, two inventories with digests, five files."""


class Pair:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.source = FolderStore(folder / "source", staging=folder / "staging-source")
        self.replica = FolderStore(folder / "replica", staging=folder / "staging-replica")

    def record(self, document_id: DocumentId = ID, **more: object) -> None:
        put = content(self.folder / "in", document_id=document_id, **more)  # type: ignore[arg-type]
        archive_record(self.source, put, user="an", message="archived")

    def replicate(self, **more: object) -> Replication:
        return replicate(self.source, self.replica, self.folder / "bench", **more)  # type: ignore[arg-type]

    def file(self, side: str, name: str, document_id: DocumentId = ID) -> Path:
        return self.folder / side / object_root(document_id) / name


@pytest.fixture
def pair(tmp_path: Path) -> Pair:
    return Pair(tmp_path)


def test_what_is_lacking_is_copied_and_all_is_compared(pair: Pair) -> None:
    pair.record()
    pair.record(OTHER, scan=os.urandom(3 << 20))
    first = pair.replicate()
    assert (first.objects, first.copied, first.same, first.ok) == (2, 2 * FILES, 0, True)
    assert first.bytes_compared > 6 << 20
    assert list(pair.source.list("")) == list(pair.replica.list("")) and audit(pair.replica).ok
    again = pair.replicate()
    assert (again.copied, again.same, again.ok) == (0, 2 * FILES, True)
    assert not (pair.folder / "bench").exists()


def test_a_later_version_follows_with_its_inventory_last(pair: Pair) -> None:
    pair.record()
    pair.replicate()
    add_version(pair.source, ID, {"events.json": b"[]"}, user="an", message="renewed")
    assert pair.replicate().copied == 3
    assert read_back(pair.replica, ID).version == "v2" and audit(pair.replica).ok


def test_the_replica_retains_as_long_as_the_source(pair: Pair) -> None:
    pair.record(retain_until=YESTERDAY)
    pair.record(OTHER, retain_until=TOMORROW)
    pair.replicate()
    pair.replica.delete_tree(object_root(ID))
    with pytest.raises(Retained):
        pair.replica.delete_tree(object_root(OTHER))


def test_an_interrupted_one_goes_on(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every write of the second run fails once: each call gets a little further, none breaks anything."""
    pair.record()
    pair.replicate()
    add_version(pair.source, ID, {"events.json": b"[]"}, user="an", message="renewed")
    pair.record(OTHER)
    calls = 0

    def failing(does: Callable[..., None]) -> Callable[..., None]:
        failed: set[str] = set()

        def call(place: str, *rest: object, **more: object) -> None:
            nonlocal calls
            does(place, *rest, **more)
            if place not in failed:
                failed.add(place)
                calls += 1
                raise ServiceUnavailable("the reply was lost")

        return call

    for name in ("put_tree", "replace"):
        monkeypatch.setattr(pair.replica, name, failing(getattr(pair.replica, name)))
    for _ in range(4):
        with pytest.raises(ServiceUnavailable):
            pair.replicate()
    assert pair.replicate().ok and calls == 4
    assert audit(pair.replica).ok and read_back(pair.replica, ID).version == "v2"


def test_damage_at_the_replica_is_named_and_left(pair: Pair) -> None:
    pair.record()
    pair.replicate()
    changed = pair.file("replica", "v1/content/document.pdf")
    changed.chmod(0o644)
    changed.write_bytes(b"%PDF other")
    pair.file("replica", "v1/content/text.json").unlink()
    result = pair.replicate()
    assert result.differing == (f"{object_root(ID)}/v1/content/document.pdf",) and not result.ok
    assert result.copied == 1, "what was lost is there again"
    assert changed.read_bytes() == b"%PDF other"
    assert pair.replicate(quick=True).ok, "quick believes names"


@pytest.mark.parametrize(
    "name", ["v1/content/document.pdf", "v1/inventory.json", "v1/inventory.json.sha512", "inventory.json"]
)
def test_damage_at_the_source_is_named_and_not_spread(pair: Pair, name: str) -> None:
    pair.record()
    damaged = pair.file("source", name)
    damaged.chmod(0o644)
    damaged.write_bytes(damaged.read_bytes().replace(b"a", b"b", 1).replace(b"%PDF", b"%PDX"))
    result = pair.replicate()
    assert len(result.differing) == 1 and result.differing[0].startswith(object_root(ID))
    assert list(pair.replica.list(object_root(ID))) == []


def test_what_only_the_replica_has_is_named_but_old_backups_go(pair: Pair) -> None:
    pair.record()
    pair.record(OTHER)

    def backup(store: FolderStore, identifier: str, until: date) -> None:
        told = pair.folder / "manifest.json"
        told.write_text(json.dumps({"retain_until": until.isoformat()}))
        store_backup(store, identifier, {"manifest.json": told}, user="sohoa", retain_until=until)

    old, locked = (backup_id(datetime(2026, 1, day, tzinfo=UTC)) for day in (1, 2))
    backup(pair.source, old, YESTERDAY)
    backup(pair.replica, locked, TOMORROW)
    (pair.folder / "replica" / "stray.txt").write_text("x")
    first = pair.replicate()
    assert first.objects == 3 and {key.split("/")[-1] for key in first.extra} >= {"stray.txt", "inventory.json"}
    pair.source.delete_tree(root_of(old))
    shutil.rmtree(pair.folder / "source" / object_root(OTHER))
    pair.file("replica", "v1/content/more").write_text("x")
    again = pair.replicate()
    assert again.removed == 1 and list(pair.replica.list(root_of(old))) == []
    roots = {key.split("/v1")[0] for key in again.extra if "/" in key}
    assert {object_root(ID), object_root(OTHER), root_of(locked)} <= roots


def test_a_half_made_record_waits_for_its_writer(pair: Pair) -> None:
    pair.record()
    pair.file("source", "inventory.json.sha512").unlink()
    result = pair.replicate()
    assert result.ok and result.copied == 0


def test_the_command_copies_and_says_what_differs(tmp_path: Path) -> None:
    home, second = tmp_path / "home", tmp_path / "second"
    home.mkdir()
    (home / "sohoa.toml").touch()
    shutil.copytree(SHIPPED, home / "catalogue", ignore=shutil.ignore_patterns("messages.yaml"))

    def run() -> tuple[int, dict[str, Any]]:
        done = CliRunner().invoke(app, ["archive", "replicate", "--json", "--home", str(home)])
        if done.exception and not isinstance(done.exception, SystemExit):
            raise done.exception
        return done.exit_code, json.loads(done.stdout)

    with pytest.raises(SettingsInvalid, match="no second store"):
        run()
    (home / "sohoa.toml").write_text(f'[replica]\nfolder = "{second}"\n')
    source = FolderStore(home / "archive", staging=home / "work" / "archive")
    archive_record(source, content(tmp_path / "in"), user="an", message="archived")
    code, told = run()
    assert (code, told["ok"], told["copied"]) == (0, True, FILES)
    pdf = second / object_root(ID) / "v1/content/document.pdf"
    pdf.chmod(0o644)
    pdf.write_bytes(uuid.uuid4().bytes)
    code, told = run()
    assert (code, told["differing"]) == (3, [f"{object_root(ID)}/v1/content/document.pdf"])
    with opened(home) as wiring, read(wiring.engine) as conn:
        known = facts.get(conn, "replication")
    assert known is not None and known[0]["differing"] == 1 and known[0]["ok"] is False
