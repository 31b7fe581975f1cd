"""The archive in a bucket, on two S3 servers that share no code."""

from __future__ import annotations

import hashlib
import io
import os
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from minio import Minio
from minio.commonconfig import COMPLIANCE, ENABLED, GOVERNANCE
from minio.error import MinioException
from minio.retention import Retention
from minio.versioningconfig import VersioningConfig
from ocfl.storage_root import StorageRoot

from app.wiring import build_store
from archive.aip import add_version, archive_record, iter_records, read_papers, read_record
from archive.fixity import audit, check_record
from archive.folder import FolderStore
from archive.ocfl import object_root
from archive.replication import replicate
from archive.s3 import S3Store
from archive.store import get
from config.settings import Settings, Store
from pipeline import disposal
from pipeline.disposal import Site
from pipeline.holds import Homes
from registry import disposals, restoring
from registry.database import open_registry, write
from registry.errors import KeyTaken, NotDue, Retained, ServiceUnavailable, SettingsInvalid
from registry.values import DocumentId, sha256_file
from search.tantivy_index import TantivyIndex
from tests.contracts.object_store import TOMORROW, YESTERDAY, ObjectStoreContract, digests
from tests.faults.proxy import Behaviour, Http, Proxy
from tests.servers import s3 as servers
from tests.servers.s3 import S3Server
from tests.unit.packages import ID, content


def store_of(told: Store, make: type[S3Store] = S3Store, **more: Any) -> S3Store:
    """The store, as app.wiring builds it."""
    secret = told.secret_key.get_secret_value() if told.secret_key else ""
    return make(told.endpoint, told.bucket, access_key=told.access_key, secret_key=secret, secure=told.secure, **more)


@pytest.fixture(scope="session")
def minio() -> Iterator[S3Server]:
    with servers.minio() as server:
        yield server


@pytest.fixture(scope="session")
def versitygw() -> Iterator[S3Server]:
    with servers.versitygw() as server:
        yield server


@pytest.fixture(params=["minio", "versitygw"])
def s3(request: pytest.FixtureRequest) -> S3Server:
    server: S3Server = request.getfixturevalue(request.param)
    return server


@pytest.fixture
def told(s3: S3Server) -> Store:
    return s3.settings(f"archive-{uuid.uuid4().hex[:12]}")


@pytest.fixture
def store(told: Store) -> S3Store:
    return store_of(told)


class TestS3(ObjectStoreContract):
    """Both servers keep the contract of every store."""


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"bucket": "plain"}, "versioning"),
        ({"bucket": "versioned"}, "no object lock"),
        ({"bucket": "missing"}, "no bucket"),
        ({"secret_key": "wrong-secret"}, "answers"),
        ({"access_key": "nobody-known"}, "answers|no bucket"),
    ],
)
def test_a_home_that_does_not_protect_is_refused(s3: S3Server, told: Store, change: dict[str, str], why: str) -> None:
    s3.bucket("plain", locked=False)
    s3.client.set_bucket_versioning(s3.bucket("versioned", locked=False), VersioningConfig(ENABLED))
    unfit = Store.model_validate({**told.model_dump(), **change})
    with pytest.raises(SettingsInvalid, match=why) as refusal:
        store_of(unfit).check()
    assert "wrong-secret" not in str(refusal.value)


def test_not_even_the_raw_client_removes_or_changes_an_archived_version(
    s3: S3Server, told: Store, store: S3Store, tmp_path: Path
) -> None:
    archive_record(store, content(tmp_path / "in"), user="an", message="archived")
    client, soon = s3.client, Retention(COMPLIANCE, datetime.now(UTC) + timedelta(days=1))
    before = versions(client, told.bucket, object_root(ID))
    assert len(before) == 10
    for key, version in before:
        lock = client.get_object_retention(told.bucket, key, version)
        assert lock is not None and lock.mode == COMPLIANCE and lock.retain_until_date.year >= 2100
        attempts: list[Callable[[], object]] = [
            partial(client.remove_object, told.bucket, key, version),
            partial(client.set_object_retention, told.bucket, key, soon, version),
            partial(
                client.set_object_retention, told.bucket, key, Retention(GOVERNANCE, soon.retain_until_date), version
            ),
        ]
        for attempt in attempts:
            with pytest.raises(MinioException):
                attempt()
        with suppress(MinioException):  # S3 lets a newer version lie on top; versitygw refuses that too
            client.put_object(told.bucket, key, io.BytesIO(b"forged"), 6)
        with client.get_object(told.bucket, key, version_id=version) as held:
            assert held.read() != b"forged"
    assert set(before) <= set(versions(client, told.bucket, object_root(ID)))


def test_a_hidden_record_comes_back(s3: S3Server, told: Store, store: S3Store, tmp_path: Path) -> None:
    """S3 lets anybody with the key lay a delete marker on top; below it every byte is there."""
    archive_record(store, content(tmp_path / "in"), user="an", message="archived")
    key = f"{object_root(ID)}/v1/content/document.pdf"
    with suppress(MinioException):
        s3.client.remove_object(told.bucket, key)
    for listed in s3.client.list_objects(told.bucket, key, include_version=True):
        if listed.is_delete_marker:
            assert not check_record(store, ID).ok
            s3.client.remove_object(told.bucket, key, listed.version_id)
    assert check_record(store, ID).ok


def test_a_large_file_goes_in_parts_under_the_same_lock(
    s3: S3Server, told: Store, store: S3Store, tmp_path: Path
) -> None:
    parts, scan = store_of(told, part_size=5 << 20), tmp_path / "scan"
    scan.write_bytes(os.urandom((11 << 20) + 1))
    sha256 = {"scan": sha256_file(scan), "last": hashlib.sha256(b"").hexdigest()}
    for _ in range(2):
        parts.put_tree("x", {"scan": scan, "last": b""}, sha256, retain_until=TOMORROW)
    with parts.open("x/scan") as stream:
        assert hashlib.sha256(stream.read()).hexdigest() == sha256["scan"]
    assert "-3" in str(s3.client.stat_object(told.bucket, "x/scan").etag), "three parts"
    assert len(versions(s3.client, told.bucket, "x")) == 2
    with pytest.raises(Retained):
        parts.delete_tree("x")
    scan.write_bytes(os.urandom(6 << 20))
    with pytest.raises(KeyTaken):
        parts.put_tree("x", {"scan": scan}, {"scan": sha256_file(scan)})


def test_what_a_dead_writer_left_is_covered_after_a_while(s3: S3Server, told: Store, store: S3Store) -> None:
    store.put_tree("x", {"a": b"old", "b": b"old"}, digests({"a": b"old", "b": b"old"}))
    tree = {"a": b"new", "b": b"old", "last": b"all"}
    with pytest.raises(ServiceUnavailable):
        store.put_tree("x", dict(tree), digests(tree))
    impatient, until = store_of(told, abandoned_s=0.5), time.monotonic() + 20
    while True:
        try:
            impatient.put_tree("x", dict(tree), digests(tree))
            break
        except ServiceUnavailable:  # servers tell times in whole seconds
            assert time.monotonic() < until
            time.sleep(0.3)
    assert {name: get(store, f"x/{name}") for name in tree} == tree
    assert len(versions(s3.client, told.bucket, "x/a")) == 2, "nothing was lost"
    with pytest.raises(KeyTaken):
        store_of(told, abandoned_s=0).put_tree("x", dict(tree) | {"a": b"newer"}, digests(tree | {"a": b"newer"}))
    with pytest.raises(Retained):
        store.delete_tree("x")


def test_a_writer_that_dies_at_any_file_is_followed_by_one_that_completes(
    told: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put = content(tmp_path / "in")

    class Dying(S3Store):
        left = 0

        def _put_once(self, *arguments: Any) -> None:
            if self.left == 0:
                raise ServiceUnavailable("the writer died")
            self.left -= 1
            super()._put_once(*arguments)

    dying = store_of(told, make=Dying)
    assert isinstance(dying, Dying)
    for files in range(0, 10, 3):
        dying.left = files
        with pytest.raises(ServiceUnavailable):
            archive_record(dying, put, user="an", message="archived")
    assert archive_record(store_of(told), put, user="an", message="archived").version == "v1"
    assert audit(store_of(told)).ok


def test_the_reply_is_lost_and_the_same_call_completes(s3: S3Server, told: Store, tmp_path: Path) -> None:
    proxy = Proxy(int(s3.endpoint.rpartition(":")[2]), Http(b"PUT "))
    try:
        wired = store_of(told.model_copy(update={"endpoint": f"127.0.0.1:{proxy.port}"}))
        wired.check()
        put = content(tmp_path / "in")
        with proxy.during(Behaviour.LOSE_REPLY), pytest.raises(ServiceUnavailable):
            archive_record(wired, put, user="an", message="archived")
        assert proxy.lost > 0
        archive_record(wired, put, user="an", message="archived")
        add_version(wired, ID, {"events.json": b"[]"}, user="an", message="renewed")
        assert audit(wired).ok and read_record(wired, ID).events == ()
    finally:
        proxy.close()


def test_a_server_that_is_down_is_said_quickly_and_found_again(s3: S3Server, store: S3Store, tmp_path: Path) -> None:
    put = content(tmp_path / "in")
    store.check()
    s3.server.kill()
    try:
        began = time.monotonic()
        for call in (store.check, lambda: archive_record(store, put, user="an", message="x"), lambda: get(store, "k")):
            with pytest.raises(ServiceUnavailable):
                call()
        assert time.monotonic() - began < 10
    finally:
        s3.server.start()
    archive_record(store, put, user="an", message="archived")
    assert audit(store).ok


def test_a_record_is_the_same_in_every_home_and_a_stranger_accepts_the_bucket(
    minio: S3Server, versitygw: S3Server, tmp_path: Path
) -> None:
    """Folder, first server, second server: one after the other by replication; then the last one on disk."""
    name = f"home-{uuid.uuid4().hex[:12]}"
    folder = FolderStore(tmp_path / "archive", staging=tmp_path / "staging")
    first, second = store_of(minio.settings(name)), store_of(versitygw.settings(name))
    archive_record(folder, content(tmp_path / "in", os.urandom(2 << 20)), user="an", message="archived")
    add_version(folder, ID, {"events.json": b"[]"}, user="an", message="renewed")
    for source, target in ((folder, first), (first, second)):
        result = replicate(source, target, tmp_path / "bench")
        assert result.ok and result.copied == 13
        assert replicate(source, target, tmp_path / "bench").copied == 0
    add_version(folder, ID, {"events.json": b"[ ]"}, user="bình", message="again")
    for source, target in ((folder, first), (first, second)):
        result = replicate(source, target, tmp_path / "bench")
        assert result.ok and result.copied == 3
    assert sorted(folder.list("")) == sorted(first.list("")) == sorted(second.list(""))
    for number, store in enumerate((first, second)):
        copy = tmp_path / f"copy-{number}"
        for key in store.list(""):
            (copy / key).parent.mkdir(parents=True, exist_ok=True)
            (copy / key).write_bytes(get(store, key))
            assert get(folder, key) == get(store, key)
        root = StorageRoot(root=str(copy))
        assert root.validate(validate_objects=True, check_digests=True)
        assert root.num_objects == root.good_objects == 1


def test_a_bucket_lets_go_of_what_was_decided_and_of_nothing_that_is_locked_or_held(
    told: Store, store: S3Store, tmp_path: Path
) -> None:
    ids = [DocumentId(str(uuid.UUID(int=n, version=4))) for n in range(3)]
    for number, (document_id, until) in enumerate(zip(ids, (TOMORROW, YESTERDAY, YESTERDAY), strict=True)):
        put = content(tmp_path / "in", b"scan %d" % number, document_id, retain_until=until)
        archive_record(store, put, user="an", message="archived")
    locked, held, free = ids
    store.hold(object_root(held), True)
    engine = open_registry(f"sqlite:///{tmp_path / 'registry.sqlite'}")
    with write(engine) as conn:
        for document_id in ids:
            papers = read_papers(store, document_id)
            restoring.restore(conn, papers.metadata, papers.events, pdf_sha256="c" * 64)
        disposals.learn_retention(conn, [(document_id, YESTERDAY) for document_id in ids])  # the registry is wrong
    site = Site(engine, Homes(store), TantivyIndex(tmp_path / "index"), tmp_path)
    with pytest.raises(NotDue) as refusal:
        disposal.propose(engine, site.homes, ids, basis="QĐ 1", by="an")
    assert refusal.value.refused == {locked: "locked", held: "locked"}
    made = disposal.propose(engine, site.homes, [free], basis="QĐ 1", by="an")
    disposal.approve(engine, site.homes, made, by="be")
    assert disposal.carry_out(site, made).removed == 1
    assert set(iter_records(store)) == {locked, held} and audit(store).ok
    assert not store.exists(f"{object_root(free)}/v1/content/document.pdf")
    site.index.close()


def test_an_installation_is_wired_to_its_bucket_over_tls(tmp_path: Path) -> None:
    with servers.minio(tls=True) as server:
        told = server.settings("wired", secret_key="", secret_key_file=str(tmp_path / "secret"))
        (tmp_path / "secret").write_text(f"{server.secret}\n")
        store = build_store(Settings(home=tmp_path, archive=told), told)
        store.check()
        archive_record(store, content(tmp_path / "in", os.urandom(3 << 20)), user="an", message="archived")
        large = tmp_path / "large"
        large.write_bytes(os.urandom((16 << 20) + 1))
        store.put_tree("x", {"large": large}, {"large": sha256_file(large)})
        assert check_record(store, ID).ok
        with store.open("x/large") as stream:
            assert hashlib.sha256(stream.read()).hexdigest() == sha256_file(large)
        stranger = told.model_copy(update={"ca_file": None})
        with pytest.raises(ServiceUnavailable):
            build_store(Settings(home=tmp_path, archive=stranger), stranger).check()


def versions(client: Minio, bucket: str, prefix: str) -> list[tuple[str, str]]:
    found = client.list_objects(bucket, prefix, recursive=True, include_version=True)
    return [(str(v.object_name), str(v.version_id)) for v in found]
