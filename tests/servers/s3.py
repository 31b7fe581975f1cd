"""Two S3 servers that share no code: MinIO and versitygw, each on loopback in a folder of its own."""

from __future__ import annotations

import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import urllib3
from minio import Minio

from config.settings import Store
from tests.servers import CACHE, Server, free_port

USER = "tester"


class S3Server:
    """A running S3 service. `endpoint` is host and port; everybody with the secret may do everything."""

    def __init__(self, server: Server, port: int, secret: str, data: Path) -> None:
        self.server, self.endpoint, self.secret, self.data = server, f"127.0.0.1:{port}", secret, data

    @property
    def client(self) -> Minio:
        """The raw client, past the store."""
        return Minio(self.endpoint, access_key=USER, secret_key=self.secret, secure=False, region="us-east-1")

    def bucket(self, name: str, *, locked: bool = True) -> str:
        """A bucket of this name, with object lock and so with versions; made when there is none."""
        if not self.client.bucket_exists(name):
            self.client.make_bucket(name, object_lock=locked)
        return name

    def settings(self, bucket: str, **more: str) -> Store:
        """What an installation is told about this bucket, which is made with object lock when there is none."""
        told = {
            "kind": "s3", "endpoint": self.endpoint, "secure": False, "bucket": self.bucket(bucket),
            "access_key": USER, "secret_key": self.secret,
        }  # fmt: skip
        return Store.model_validate({**told, **more})


@contextmanager
def minio(folder: Path | None = None) -> Iterator[S3Server]:
    """MinIO on a free port. Its data is in `folder`, or gone afterwards."""
    with _home(folder, "minio") as data:
        port, console, secret = free_port(), free_port(), secrets.token_hex(16)
        with _running(
            "minio",
            ["server", "--quiet", "--address", f"127.0.0.1:{port}", "--console-address", f"127.0.0.1:{console}",
             str(data / "data")],
            {"MINIO_ROOT_USER": USER, "MINIO_ROOT_PASSWORD": secret, "MINIO_BROWSER": "off", "MINIO_UPDATE": "off",
             "HOME": str(data)},
            f"http://127.0.0.1:{port}/minio/health/ready",
            data,
        ) as server:  # fmt: skip
            yield S3Server(server, port, secret, data / "data")


@contextmanager
def versitygw(folder: Path | None = None) -> Iterator[S3Server]:
    """versitygw on a free port, over folders whose file system has extended attributes."""
    with _home(folder, "versitygw") as data:
        port, secret = free_port(), secrets.token_hex(16)
        objects, versions = data / "data", data / "versions"
        with _running(
            "versitygw",
            ["--port", f"127.0.0.1:{port}", "--health", "/health", "posix", "--versioning-dir", str(versions),
             str(objects)],
            {"ROOT_ACCESS_KEY": USER, "ROOT_SECRET_KEY": secret},
            f"http://127.0.0.1:{port}/health",
            data,
        ) as server:  # fmt: skip
            yield S3Server(server, port, secret, objects)


@contextmanager
def _running(
    program: str, arguments: list[str], environment: dict[str, str], health: str, data: Path
) -> Iterator[Server]:
    path = CACHE / "bin" / program
    assert path.exists(), f"{program} is missing: run tools/install-servers"
    for folder in ("data", "versions"):
        (data / folder).mkdir(exist_ok=True)
    answers = urllib3.PoolManager(retries=False, timeout=1.0)
    server = Server(
        [str(path), *arguments],
        answers=lambda: answers.request("GET", health).status == 200,
        log=data / "log",
        environment=environment,
    )
    try:
        yield server
    finally:
        server.kill()


@contextmanager
def _home(folder: Path | None, name: str) -> Iterator[Path]:
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        yield folder
        return
    made = Path(tempfile.mkdtemp(prefix=f"sohoa-{name}-"))
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)
