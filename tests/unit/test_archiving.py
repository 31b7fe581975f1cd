"""The archiving step: the package around one signature is made once, however often the step runs."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from config.catalogue import SHIPPED, load_catalogue
from pipeline import steps
from registry.database import open_registry
from registry.values import Description, RecordMetadata, sha256_file, utc_now, vietnam_date
from tests.unit.packages import ID


@pytest.fixture
def shop(tmp_path: Path) -> Any:
    (tmp_path / "signed.pdf").write_bytes(b"%PDF signed once")
    engine = open_registry(f"sqlite:///{tmp_path / 'registry.sqlite'}")
    return SimpleNamespace(bench=lambda _id: tmp_path, catalogue=load_catalogue(SHIPPED), engine=engine)


def made(shop: Any, kind: str = "quyet-dinh") -> tuple[bytes, bytes]:
    record = SimpleNamespace(
        id=ID, unit="H99.32", dossier_code=None, component_code=None, page_count=1, signature_level="B-LTA",
        renew_by=None, approved_by="an", signed_at=None, approved_at=None, events=(),
        pages=None, part=0, arrived=None, copied=None,
    )  # fmt: skip
    scan = SimpleNamespace(
        id=ID,
        page_count=1,
        file_name="a.pdf",
        sha256="a" * 64,
        size_bytes=1,
        media_type="application/pdf",
        received_at=utc_now(),
        warnings=[],
    )
    digest = sha256_file(shop.bench(ID) / "signed.pdf")
    return steps._papers_of(shop, cast(Any, record), Description(kind=kind), cast(Any, scan), None, digest)


def test_a_repetition_archives_the_same_bytes(shop: Any, tmp_path: Path) -> None:
    first = made(shop)
    assert made(shop) == first
    next(tmp_path.glob("events-*.json")).unlink()  # a crash between the two
    metadata, events = made(shop)
    assert metadata == first[0] and events != first[1]
    assert made(shop) == (metadata, events)
    assert not list(tmp_path.glob("*.part"))


def test_another_signature_makes_another_package(shop: Any, tmp_path: Path) -> None:
    first = made(shop)
    (tmp_path / "signed.pdf").write_bytes(b"%PDF signed again")
    assert made(shop) != first
    (tmp_path / "signed.pdf").write_bytes(b"%PDF signed once")
    assert made(shop) == first


def test_the_day_follows_from_the_class_of_the_paper(shop: Any) -> None:
    kinds = shop.catalogue.kinds
    for kind in kinds:
        (shop.bench(ID) / "signed.pdf").write_bytes(kind.encode())
        metadata = RecordMetadata.model_validate_json(made(shop, kind)[0])
        years = shop.catalogue.retention[kinds[kind].retention_class].years
        until = metadata.retain_until
        assert (until is None) == (years is None)
        assert until is None or (until.year - vietnam_date(utc_now()).year, until.month, until.day) == (years, 12, 31)
