"""The archive in a bucket, on two S3 servers that share no code."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest

from archive.s3 import S3Store
from config.settings import Store
from tests.contracts.object_store import ObjectStoreContract
from tests.servers import s3 as servers
from tests.servers.s3 import S3Server


def store_of(told: Store, **more: float) -> S3Store:
    secret = told.secret_key.get_secret_value() if told.secret_key else ""
    return S3Store(
        told.endpoint, told.bucket, access_key=told.access_key, secret_key=secret, secure=told.secure, **more
    )  # type: ignore[arg-type]


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
