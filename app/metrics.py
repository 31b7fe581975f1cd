"""Numbers for Prometheus, in its text format: what the registry knows, how the servers answer, how the pages do.

Nothing here names a person, a document or an address: labels are states, codes, folders and route templates.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import Connection

from app import checks
from app.health import Monitor
from app.kept import Kept
from pipeline import reconcile
from pipeline.differences import age_s
from pipeline.dispatch import APPLICATION_VERSION
from pipeline.renewal import ALARMS_DAYS
from registry import facts, fixity, levels, reckoning, workers
from registry.database import read
from registry.values import utc_now, vietnam_date

if TYPE_CHECKING:
    from app.wiring import Wiring

FRESH_S, PATIENCE_S = 5.0, 5.0
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
UNKNOWN_ROUTE = "unknown"


@dataclass(frozen=True, slots=True)
class Counts:
    """What the registry says. Ages in seconds, None for "there is none"."""

    scans: dict[str, int]
    documents: dict[str, int]
    oldest_waiting_s: float | None
    quarantine: dict[str, int]
    unindexed: int
    unindexed_oldest_s: float | None
    workers: dict[tuple[str, str], int]
    reconciled_s: float | None
    differences: dict[str, int]
    backed_up_s: float | None
    damaged: int
    below_level: dict[tuple[str, str], int]
    to_renew: dict[int, int]
    unread_s: float | None


def count(home: Wiring) -> Counts:
    """One look at the registry: some ten milliseconds, also with a million scans. Raises ServiceUnavailable."""
    with read(home.engine) as conn:
        oldest = reckoning.oldest_claim(conn)
        lag, _, since = reckoning.index_lag(conn)
        kept = reconcile.last(conn)
        backed_up = checks.backed_up_at(facts.get(conn, "backup"))
        read_again, today = fixity.summary(conn), vietnam_date(utc_now())
        return Counts(
            scans=reckoning.scans_by_state(conn),
            documents=reckoning.documents_by_state(conn),
            oldest_waiting_s=age_s(oldest) if oldest else None,
            quarantine=reckoning.refused_by_code(conn),
            unindexed=lag,
            unindexed_oldest_s=age_s(since) if since else None,
            workers=Counter((row.role, row.state) for row in workers.listing(conn)),
            reconciled_s=age_s(kept[1]) if kept else None,
            differences=kept[0].counted if kept else {},
            backed_up_s=age_s(backed_up) if backed_up else None,
            damaged=read_again.damaged,
            below_level=_below(conn, home.settings.signing.level),
            to_renew={d: levels.count_to_renew(conn, today + timedelta(days=d)) for d in ALARMS_DAYS},
            unread_s=age_s(read_again.oldest.isoformat()) if read_again.oldest else None,
        )


def _below(conn: Connection, level: str) -> dict[tuple[str, str], int]:
    """(level, first reason) → archived records below the wanted level."""
    found: Counter[tuple[str, str]] = Counter()
    for group in levels.below(conn, level):
        found[group.level, group.why.split("; ")[0]] += group.number
    return dict(found)


class Metrics:
    """The numbers of one process over one installation. Safe to call from several threads."""

    def __init__(self, home: Wiring, monitor: Monitor) -> None:
        self.registry = CollectorRegistry()
        self._requests = Histogram(
            "sohoa_http_request_seconds",
            "Time to answer a request, by route template",
            ("method", "route", "status"),
            buckets=BUCKETS,
            registry=self.registry,
        )
        self.registry.register(_Installation(home, monitor))

    def answered(self, method: str, route: str | None, status: int, seconds: float) -> None:
        """A request was answered. route: the template, never the path asked for."""
        self._requests.labels(method, route or UNKNOWN_ROUTE, str(status)).observe(seconds)

    def text(self) -> bytes:
        """All numbers, as Prometheus reads them. Waits a few seconds at most, whatever hangs."""
        return generate_latest(self.registry)


class _Installation(Collector):
    def __init__(self, home: Wiring, monitor: Monitor) -> None:
        self._home, self._monitor = home, monitor
        self._counts: Kept[Counts] = Kept(lambda: count(home), every_s=FRESH_S, limit_s=PATIENCE_S)

    def describe(self) -> Iterator[Metric]:
        """Nothing is asked when it is registered."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        self._counts.refresh()
        yield from self._servers()
        yield from self._disks()
        yield InfoMetricFamily(
            "sohoa_build", "Version of the program", {"version": _version(), "workflows": APPLICATION_VERSION}
        )
        counts = self._counts.outcome(wait_until=time.monotonic() + PATIENCE_S).value
        if counts is not None:
            yield from _work(counts)
            yield from _ages(counts)

    def _servers(self) -> Iterator[Metric]:
        up = GaugeMetricFamily(
            "sohoa_up", "1: the check is well (app.health); registry, store, index, …", labels=["check"]
        )
        took = GaugeMetricFamily("sohoa_probe_seconds", "How long the check took", labels=["check"])
        for state in self._monitor.health(wait_s=PATIENCE_S).states:
            up.add_metric([state.name], float(state.ok))
            took.add_metric([state.name], state.seconds)
        yield from (up, took)

    def _disks(self) -> Iterator[Metric]:
        free = GaugeMetricFamily("sohoa_disk_free_ratio", "Free share of the disk a folder lies on", labels=["folder"])
        room = GaugeMetricFamily("sohoa_disk_free_bytes", "Free bytes of the disk a folder lies on", labels=["folder"])
        if not self._monitor.health()["room"].code:  # a share that hangs would hang this as well
            for names, usage in checks.disks(self._home):
                for name in names:
                    free.add_metric([name], usage.free / usage.total)
                    room.add_metric([name], float(usage.free))
        yield from (free, room)


def _work(counts: Counts) -> Iterator[Metric]:
    yield _labelled("sohoa_scans", "Scans by state", "state", counts.scans)
    yield _labelled("sohoa_documents", "Documents by state", "state", counts.documents)
    yield _labelled("sohoa_quarantine_open", "Refused files nobody has settled, by code", "code", counts.quarantine)
    archived = sum(counts.documents.get(state, 0) for state in ("archived", "withdrawn", "disposed"))
    yield CounterMetricFamily("sohoa_documents_archived", "Documents in the archive", archived)
    crew = GaugeMetricFamily("sohoa_workers", "Processes by role and state", labels=["role", "state"])
    for (role, state), number in sorted(counts.workers.items()):
        crew.add_metric([role, state], number)
    yield crew
    yield GaugeMetricFamily("sohoa_index_lag_documents", "Archived, but not yet in the index", counts.unindexed)
    yield GaugeMetricFamily("sohoa_fixity_damaged_objects", "Objects of the archive that do not hold", counts.damaged)
    waiting = GaugeMetricFamily(
        "sohoa_signatures_below_level", "Archived signatures below the wanted level", labels=["level", "why"]
    )
    for (level, why), number in sorted(counts.below_level.items()):
        waiting.add_metric([level, why], number)
    yield waiting
    ends = GaugeMetricFamily(
        "sohoa_timestamps_to_renew", "Archived records whose newest timestamp ends within so many days", labels=["days"]
    )
    for days, number in sorted(counts.to_renew.items()):
        ends.add_metric([str(days)], number)
    yield ends
    yield _labelled("sohoa_reconciliation_differences", "Found by the last one, by kind", "code", counts.differences)


def _ages(counts: Counts) -> Iterator[Metric]:
    """What there is none of has no age, and no line."""
    told = (
        (
            "sohoa_oldest_waiting_seconds",
            "Age of the scan that waits longest to be begun",
            counts.oldest_waiting_s or 0.0,
        ),
        ("sohoa_index_lag_seconds", "Age of the first document that the index lacks", counts.unindexed_oldest_s or 0.0),
        ("sohoa_reconciliation_age_seconds", "Since the last reconciliation", counts.reconciled_s),
        ("sohoa_backup_age_seconds", "Since the last backup of the registry", counts.backed_up_s),
        ("sohoa_fixity_oldest_seconds", "Since the object was read that was read longest ago", counts.unread_s),
    )
    for name, what, age in told:
        if age is not None:
            yield GaugeMetricFamily(name, what, age)


def _labelled(name: str, what: str, label: str, numbers: dict[str, int]) -> Metric:
    family = GaugeMetricFamily(name, what, labels=[label])
    for value, number in sorted(numbers.items()):
        family.add_metric([value], number)
    return family


def _version() -> str:
    try:
        return version("sohoa")
    except PackageNotFoundError:
        return "unknown"
