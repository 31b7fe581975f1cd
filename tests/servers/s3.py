"""Two S3 servers that share no code: MinIO and versitygw, each on loopback in a folder of its own."""

from __future__ import annotations

import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import urllib3
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from minio import Minio

from config.settings import Store
from tests.cached import CACHE
from tests.servers import Server, free_port

USER = "tester"


class S3Server:
    """A running S3 service. `endpoint` is host and port; everybody with the secret may do everything."""

    def __init__(self, server: Server, port: int, secret: str, data: Path, ca_file: Path | None = None) -> None:
        self.server, self.endpoint, self.secret, self.data = server, f"127.0.0.1:{port}", secret, data
        self.ca_file = ca_file

    @property
    def client(self) -> Minio:
        """The raw client, past the store."""
        return Minio(
            self.endpoint, access_key=USER, secret_key=self.secret, secure=self.ca_file is not None, region="us-east-1",
            http_client=urllib3.PoolManager(ca_certs=str(self.ca_file)) if self.ca_file else None,
        )  # fmt: skip

    def bucket(self, name: str, *, locked: bool = True) -> str:
        """A bucket of this name, with object lock and so with versions; made when there is none."""
        if not self.client.bucket_exists(name):
            self.client.make_bucket(name, object_lock=locked)
        return name

    def settings(self, bucket: str, **more: str) -> Store:
        """What an installation is told about this bucket, which is made with object lock when there is none."""
        told = {
            "kind": "s3", "endpoint": self.endpoint, "secure": self.ca_file is not None, "ca_file": self.ca_file,
            "bucket": self.bucket(bucket), "access_key": USER, "secret_key": self.secret,
        }  # fmt: skip
        return Store.model_validate({**told, **more})


@contextmanager
def minio(folder: Path | None = None, *, tls: bool = False) -> Iterator[S3Server]:
    """MinIO on a free port. Its data is in `folder`, or gone afterwards. tls: under a certificate of its own."""
    with _home(folder, "minio") as data:
        port, console, secret = free_port(), free_port(), secrets.token_hex(16)
        ca_file = _certificate(data / "certs") if tls else None
        with _running(
            "minio",
            ["server", "--quiet", "--certs-dir", str(data / "certs"), "--address", f"127.0.0.1:{port}",
             "--console-address", f"127.0.0.1:{console}", str(data / "data")],
            {"MINIO_ROOT_USER": USER, "MINIO_ROOT_PASSWORD": secret, "MINIO_BROWSER": "off", "MINIO_UPDATE": "off",
             "HOME": str(data)},
            f"{'https' if tls else 'http'}://127.0.0.1:{port}/",
            "minio/health/ready",
            data,
            ca_file,
        ) as server:  # fmt: skip
            yield S3Server(server, port, secret, data / "data", ca_file)


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
            f"http://127.0.0.1:{port}/",
            "health",
            data,
        ) as server:  # fmt: skip
            yield S3Server(server, port, secret, objects)


@contextmanager
def _running(
    program: str,
    arguments: list[str],
    environment: dict[str, str],
    base: str,
    health: str,
    data: Path,
    ca_file: Path | None = None,
) -> Iterator[Server]:
    path = CACHE / "servers" / "bin" / program
    assert path.exists(), f"{program} is missing: run tools/install-servers"
    for folder in ("data", "versions"):
        (data / folder).mkdir(exist_ok=True)
    trusted = {"ca_certs": str(ca_file)} if ca_file else {}
    answers = urllib3.PoolManager(retries=False, timeout=1.0, **trusted)  # type: ignore[arg-type]
    server = Server(
        [str(path), *arguments],
        # MinIO says that it is ready a moment before it knows any account
        answers=lambda: (
            answers.request("GET", base + health).status == 200 and answers.request("GET", base).status < 500
        ),
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


def _certificate(folder: Path) -> Path:
    """A self-signed certificate for loopback, where MinIO looks for it; it is its own trust anchor."""
    folder.mkdir(parents=True, exist_ok=True)
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    plain = serialization.NoEncryption()
    (folder / "private.key").write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain))
    (folder / "public.crt").write_bytes(made.public_bytes(pem))
    return folder / "public.crt"
