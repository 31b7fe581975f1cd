"""The only place that builds real adapters: from the settings of a home to a working installation.

An adapter is imported when it is built: a command pays only for those that it asks for, not for all of them (S3,
Elasticsearch, signing and the workflow engine took three seconds of every `sohoa search`).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from app import logs
from config.catalogue import Catalogue, load_catalogue
from config.settings import Settings, Store, load_settings
from pipeline.workers import WorkerPool
from registry.values import utc_now, vietnam_date

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from app.records import Records
    from archive.store import ObjectStore
    from pipeline.disposal import Site
    from pipeline.holds import Homes
    from pipeline.workshop import Workshop
    from search.index import SearchIndex
    from signing.keys import KeyRing
    from signing.station import SigningStation
    from signing.validate import TrustStore

READING = (
    "pipeline.tasks",
    "pipeline.page_reading",
    "pipeline.identify",
    "pipeline.open_scan",
    "pipeline.reading",
    "pipeline.tesserocr_engine",
    "pipeline.describing",
    "pipeline.splitting.parts",
)
"""Imported once by the server that worker processes are forked from, where they only read; what cannot be imported is
left out."""
VERIFYING = ("app.judging",)
"""The same where records are judged."""
PRELOAD = (
    *READING,
    *VERIFYING,
    "pipeline.pdfa",
    "pipeline.extracting",
    "pipeline.splitting.refusing",
    "pipeline.drawing",
    "pipeline.twin",
    "signing.arrived",
)
"""The same where documents are made as well. The fallback engine is not among them: hardly anybody uses it."""


class Wiring:
    """Adapters of one installation, each built when first asked for."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    def folder(self, name: str) -> Path:
        path: Path = getattr(self.settings.folders, name)
        return self.settings.path(path)

    @cached_property
    def catalogue(self) -> Catalogue:
        return load_catalogue(self.folder("catalogue"))

    @cached_property
    def engine(self) -> Engine:
        from registry import units
        from registry.database import open_registry, read, write

        engine = open_registry(self.settings.registry_url)
        in_force = self.catalogue.units_on(vietnam_date(utc_now()))
        with read(engine) as conn:
            current = units.are_current(conn, in_force)
        if not current:
            with write(engine) as conn:
                units.sync(conn, in_force)
        return engine

    @cached_property
    def store(self) -> ObjectStore:
        return build_store(self.settings, self.settings.archive)

    @cached_property
    def replica(self) -> ObjectStore | None:
        """The second home, where the settings have one."""
        return build_store(self.settings, self.settings.replica) if self.settings.replica else None

    @cached_property
    def homes(self) -> Homes:
        from pipeline.holds import Homes

        return Homes(self.store, self.replica)

    @cached_property
    def index(self) -> SearchIndex:
        told = self.settings.index
        if told.kind == "tantivy":
            from search.tantivy_index import TantivyIndex

            return TantivyIndex(self.folder("index"))
        from search.elastic_index import ElasticIndex

        return ElasticIndex(
            told.urls,
            prefix=told.prefix,
            user=told.user,
            password=self.settings.secret(told.password, told.password_file),
            ca_file=self.settings.path(told.ca_file) if told.ca_file else None,
        )

    @cached_property
    def trust(self) -> TrustStore:
        from signing.validate import TrustStore

        return TrustStore.load(self.settings.path(self.settings.signing.trust))

    @cached_property
    def pool(self) -> WorkerPool:
        return self._pool(self.settings.workers.processes, PRELOAD)

    @cached_property
    def side_pool(self) -> WorkerPool:
        """Draws pages for the screen and looks at arriving files: its own process, so that neither a clerk nor the
        inbox waits behind the scans being read."""
        return self._pool(1, PRELOAD)

    @property
    def verifying_pool(self) -> WorkerPool:
        """Judges records: the workers that are there already, or for a command that does nothing else its own."""
        return self.side_pool if "side_pool" in self.__dict__ else self._judges

    @cached_property
    def _judges(self) -> WorkerPool:
        return self._pool(self.settings.workers.processes, VERIFYING)

    def _pool(self, processes: int, preload: tuple[str, ...]) -> WorkerPool:
        told = self.settings.workers
        return WorkerPool(
            processes=processes, memory_mb=told.memory_mb, tasks_per_process=told.tasks_per_process, preload=preload
        )

    @cached_property
    def station(self) -> SigningStation:
        from signing.authority import Authority
        from signing.station import SigningStation

        told = self.settings.signing
        return SigningStation(
            key=self.keys,
            level=told.level,
            tsa=told.tsa,
            authority=Authority(self.folder("keys")),
            trust=self.trust,
            font=told.stamp_font,
            patience_s=told.tsa_patience_s,
        )

    @cached_property
    def keys(self) -> KeyRing:
        """The signing keys, none of them opened yet. Raises SettingsInvalid for a key of a unit that is not known."""
        from app.key_ring import key_ring

        return key_ring(self.settings, self.catalogue, marks=self.folder("work") / "keys")

    @cached_property
    def workshop(self) -> Workshop:
        from pipeline.workshop import Workshop

        return Workshop(
            settings=self.settings,
            catalogue=self.catalogue,
            engine=self.engine,
            store=self.store,
            index=self.index,
            pool=self.pool,
            gate=self.side_pool,
            station=self.station,
            replica=self.replica,
        )

    @cached_property
    def disposal_site(self) -> Site:
        from pipeline.disposal import Site

        return Site(self.engine, self.homes, self.index, self.folder("work"))

    @cached_property
    def records(self) -> Records:
        from app.records import Records

        return Records(self)

    def close(self) -> None:
        """Worker processes end, the index is closed. Safe to call twice."""
        for name in ("pool", "side_pool", "_judges", "index"):
            if name in self.__dict__:
                self.__dict__.pop(name).close()
        if "engine" in self.__dict__:
            self.__dict__.pop("engine").dispose()


def build_store(settings: Settings, told: Store) -> ObjectStore:
    """The home of archived bytes that a section of the settings tells of: the archive's own, its replica's, another
    installation's. Nothing is asked of it yet: `check()` says whether it can be written to and protects what it holds.
    Raises SettingsInvalid when its secret cannot be read.
    """
    if told.kind == "s3":
        from archive.s3 import S3Store

        return S3Store(
            told.endpoint,
            told.bucket,
            access_key=told.access_key,
            secret_key=settings.secret(told.secret_key, told.secret_key_file) or "",
            secure=told.secure,
            region=told.region,
            ca_file=settings.path(told.ca_file) if told.ca_file else None,
        )
    from archive.folder import FolderStore

    if told.folder is None:
        return FolderStore(
            settings.path(settings.folders.archive), staging=settings.path(settings.folders.work) / "archive"
        )
    root = settings.path(told.folder)
    return FolderStore(root, staging=root.with_name(f"{root.name}.staging"))


@contextmanager
def opened(home: Path) -> Iterator[Wiring]:
    """The installation in `home`, closed afterwards; the log speaks as it is told there.

    Raises SettingsInvalid when there is none.
    """
    wiring = Wiring(load_settings(home))
    logs.speak(wiring.settings.log.format, wiring.settings.instance)
    try:
        yield wiring
    finally:
        wiring.close()
