"""`sohoa archive prepare` makes a bucket that passes the store's own check; the account of an archive needs no more."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta
from pathlib import Path

import pytest
from minio import Minio
from minio.credentials import StaticProvider
from minio.error import S3Error
from minio.minioadmin import MinioAdmin
from minio.versioningconfig import SUSPENDED, VersioningConfig

from archive.s3 import S3Store
from registry.errors import Retained
from registry.values import utc_now, vietnam_date
from tests.servers.s3 import S3Server, minio, versitygw


def prepare(home: Path, server: S3Server, bucket: str) -> subprocess.CompletedProcess[str]:
    told = {
        "KIND": "s3", "ENDPOINT": server.endpoint, "SECURE": "false", "BUCKET": bucket, "ACCESS_KEY": "tester",
        "SECRET_KEY": server.secret,
    }  # fmt: skip
    home.mkdir(exist_ok=True)
    (home / "sohoa.toml").touch()
    return subprocess.run(
        [sys.executable, "-c", "from app.cli import main; main()", "archive", "prepare", "--json"],
        env={**os.environ, **{f"SOHOA_ARCHIVE__{k}": v for k, v in told.items()}, "SOHOA_HOME": str(home)},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.mark.parametrize("kind", [minio, versitygw])
def test_a_bucket_is_made_with_its_lock_once_and_one_without_is_refused(
    kind: Callable[[Path], AbstractContextManager[S3Server]], tmp_path: Path
) -> None:
    (tmp_path / "s3").mkdir()
    with kind(tmp_path / "s3") as server:
        first = prepare(tmp_path / "home", server, "records")
        assert first.returncode == 0, first.stderr
        assert json.loads(first.stdout) == [{"store": "archive", "kind": "s3", "bucket": "records", "made": True}]
        again = prepare(tmp_path / "home", server, "records")
        assert (again.returncode, json.loads(again.stdout)[0]["made"]) == (0, False)
        server.bucket("unlocked", locked=False)
        refused = prepare(tmp_path / "home", server, "unlocked")
        assert refused.returncode == 1
        assert server.secret not in refused.stderr


def test_the_account_of_the_policy_does_all_that_the_archive_does_and_nothing_to_the_bucket(tmp_path: Path) -> None:
    """deploy/s3-policy.json, put in force by MinIO's own administration; what it allows is asked in S3."""
    secret = "of-sohoa-alone"
    until = vietnam_date(utc_now()) + timedelta(days=2)
    files = {"small": b"1", "large": b"x" * (20 << 20)}
    with minio(tmp_path) as server:
        server.bucket("sohoa-archive")
        told = MinioAdmin(endpoint=server.endpoint, credentials=StaticProvider("tester", server.secret), secure=False)
        told.policy_add("sohoa", policy_file=Path(__file__).parents[2] / "deploy/s3-policy.json")
        told.user_add("sohoa", secret)
        told.policy_set("sohoa", user="sohoa")

        store = S3Store(server.endpoint, "sohoa-archive", access_key="sohoa", secret_key=secret, secure=False)
        assert store.prepare() is False
        digests = {name: hashlib.sha256(body).hexdigest() for name, body in files.items()}
        store.put_tree("record", files, digests, retain_until=until)
        store.replace("record/inventory", b"2", retain_until=until)
        store.hold("record", True)
        store.hold("record", False)
        with store.open("record/large") as stream:
            assert stream.read() == files["large"]
        assert list(store.list("")) == ["record/inventory", "record/large", "record/small"]
        store.clear_staging()
        with pytest.raises(Retained):
            store.delete_tree("record")

        client = Minio(server.endpoint, access_key="sohoa", secret_key=secret, secure=False)
        with pytest.raises(S3Error, match="AccessDenied"):
            client.make_bucket("another")
        with pytest.raises(S3Error, match="AccessDenied"):
            client.set_bucket_versioning("sohoa-archive", VersioningConfig(SUSPENDED))
        with pytest.raises(S3Error, match="AccessDenied"):
            client.remove_bucket("sohoa-archive")
