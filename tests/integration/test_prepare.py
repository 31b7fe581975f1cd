"""`sohoa archive prepare` makes a bucket that passes the store's own check, on both S3 servers, with S3 alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

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
