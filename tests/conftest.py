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


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """With `--dist loadgroup` a file's tests stay together, and all that share the desk: it is filled once."""
    for item in items:
        shared = "desk" in getattr(item, "fixturenames", ())
        item.add_marker(pytest.mark.xdist_group("desk" if shared else item.path.stem))


__all__ = ["desk", "pki"]
