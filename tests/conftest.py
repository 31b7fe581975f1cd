"""Fixtures that several rooms of tests share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import settings

from tests.desk import desk
from tests.servers.pki import Pki

# how long an example takes says how busy the machine is, not whether the code is right
settings.register_profile("busy", deadline=None)
settings.load_profile("busy")


@pytest.fixture(scope="session")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pki]:
    """One for each process of tests."""
    running = Pki(tmp_path_factory.mktemp("pki"))
    yield running
    running.close()


__all__ = ["desk", "pki"]
