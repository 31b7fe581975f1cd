"""One installation of each kind for all tests of faults; they share it, and every test leaves it whole."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.faults.installation import Installation, installation


@pytest.fixture(scope="package")
def embedded() -> Iterator[Installation]:
    with running("embedded") as made:
        yield made


@pytest.fixture(scope="package")
def grown() -> Iterator[Installation]:
    with running("grown") as made:
        yield made


@contextmanager
def running(kind: str) -> Iterator[Installation]:
    """In a folder that the database's own account can reach."""
    with tempfile.TemporaryDirectory(prefix="sohoa-faults-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        with installation(kind, Path(folder)) as made:
            yield made
