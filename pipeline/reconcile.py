"""Reconciliation: everything that came in is archived, in review, in quarantine, or waits; what is not is named.

It changes nothing and may run at any time, also while work goes on: a difference counts only when it is found twice.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator

import structlog
from pydantic import ValidationError
from sqlalchemy import Connection

from config.messages import sentence
from pipeline.differences import (
    BOOKS,
    Difference,
    Installation,
    archive_against_books,
    index_against_books,
    place,
)
from registry import audit, facts, reckoning
from registry.database import write
from registry.errors import SohoaError
from registry.values import ScanState, Value, utc_now

log = structlog.get_logger("sohoa.reconcile")

FACT = "reconciliation"
AGAIN_S = 1.0
"""Between the two looks: long enough for a step to write what it has just done to a file."""
NAMED = 100
"""So many differences of one kind are named; all of them are counted."""
ASTRAY = frozenset({"claim-lost", "done-without-document", "refused-without-item", "scan-lost", "scan-not-closed"})
"""Scans that are in no known place."""
SERVER = {"archive_against_books": "store-not-checked", "index_against_books": "index-not-checked"}


class Account(Value):
    """received = archived + review + quarantined + waiting + copies + astray, in files. stalled: of those waiting.

    copies: files that held the bytes of an earlier scan. astray: in no known place, each named as a difference.
    """

    unit: str = ""
    received: int = 0
    archived: int = 0
    review: int = 0
    quarantined: int = 0
    waiting: int = 0
    stalled: int = 0
    copies: int = 0
    astray: int = 0


class Reconciliation(Value):
    """counted: kind of difference → how many; differences: the first of each kind, named."""

    at: str
    took_s: float
    total: Account
    units: tuple[Account, ...]
    counted: dict[str, int]
    differences: tuple[Difference, ...]

    @property
    def ok(self) -> bool:
        return not self.counted


def reconcile(home: Installation) -> Reconciliation:
    """The account of this installation, with every difference that lasts.

    A store, index or folder that does not answer is a difference as well: what could not be looked at is not said to
    be well. Raises what the registry raises.
    """
    at, began = utc_now().isoformat(timespec="seconds"), time.monotonic()
    found = _twice(home)
    for look in (archive_against_books, index_against_books):
        found += _looked(lambda look=look: look(home), SERVER[look.__name__], "")  # type: ignore[misc]
    with reckoning.snapshot(home.engine) as conn:
        units = _accounts(conn, [d for d in found if d.code in ASTRAY])
    counted = Counter(difference.code for difference in found)
    return Reconciliation(
        at=at,
        took_s=round(time.monotonic() - began, 3),
        total=_total(units),
        units=units,
        counted=dict(sorted(counted.items())),
        differences=tuple(d for code in sorted(counted) for d in _first(found, code)),
    )


def reconcile_and_keep(home: Installation) -> Reconciliation:
    """The same; the result is the fact `reconciliation`, and the audit log has a row."""
    result = reconcile(home)
    with write(home.engine) as conn:
        facts.put(conn, FACT, result.model_dump(mode="json"))
        audit.append(conn, actor="sohoa", action="reconcile", subject="installation", detail={"found": result.counted})
    if result.ok:
        log.info("reconciled", received=result.total.received, took_s=result.took_s)
    else:
        log.error("differences", **{code.replace("-", "_"): number for code, number in result.counted.items()})
    return result


def last(conn: Connection) -> tuple[Reconciliation, str] | None:
    """The reconciliation kept last, and when; None when there was none, or another version wrote it."""
    kept = facts.get(conn, FACT)
    if kept is None:
        return None
    try:
        return Reconciliation.model_validate(kept[0]), kept[1]
    except ValidationError:
        return None


def advice(difference: Difference) -> str:
    """What is wrong and what to do, in the operator's words."""
    return sentence(f"reconcile-{difference.code}")


def _twice(home: Installation) -> list[Difference]:
    """What books and folders say of each other, and still say a moment later."""
    first = {_key(d) for d in _books(home)}
    if not first:
        return []
    time.sleep(AGAIN_S)
    return [d for d in _books(home) if _key(d) in first]


def _books(home: Installation) -> list[Difference]:
    found: list[Difference] = []
    with reckoning.snapshot(home.engine) as conn:
        for look in BOOKS:
            found += _looked(lambda look=look: look(home, conn), "not-checked", look.__name__)  # type: ignore[misc]
    return found


def _looked(look: Callable[[], Iterator[Difference]], code: str, subject: str) -> list[Difference]:
    """What was found; that it could not be looked at, when a server or a folder is away."""
    try:
        return list(look())
    except OSError as exc:
        return [Difference(code=code, subject=subject, detail=type(exc).__name__)]
    except SohoaError as exc:
        return [Difference(code=code, subject=subject, detail=exc.code)]


def _accounts(conn: Connection, astray: Iterable[Difference]) -> tuple[Account, ...]:
    """One for each unit, in order of the codes."""
    sums: dict[str, Counter[str]] = {}

    def add(unit: str, what: str, number: int = 1) -> None:
        sums.setdefault(unit, Counter())[what] += number

    named = {d.subject: d for d in astray}
    places = {ScanState.DONE: "archived", ScanState.DUPLICATE: "copies", ScanState.QUARANTINED: "quarantined"}
    for (unit, state), number in reckoning.scans_by_unit(conn).items():
        add(unit, "received", number)
        if state in places:
            add(unit, places[ScanState(state)], number)
    for scan in reckoning.in_flight(conn):
        where = "astray" if scan.id in named else place(scan)
        at = where if where == "review" or scan.id in named else "waiting"
        add(scan.unit, at)
        add(scan.unit, "stalled", int(where == "stalled"))
    for unit, number in reckoning.refused_without_claim(conn).items():
        add(unit, "received", number)
        add(unit, "quarantined", number)
    for unit, number in reckoning.copies_by_unit(conn).items():
        add(unit, "received", number)
        add(unit, "copies", number)
    for difference in named.values():
        _move_astray(difference, add)
    return tuple(Account(unit=unit, **counted) for unit, counted in sorted(sums.items()))


def _move_astray(difference: Difference, add: Callable[[str, str, int], None]) -> None:
    """A scan that its row puts in a place where it is not; those under way were counted as astray already."""
    wrong = {"done-without-document": "archived", "refused-without-item": "quarantined", "claim-lost": "received"}
    if difference.code in wrong:
        add(difference.unit, "astray", 1)
        add(difference.unit, wrong[difference.code], 1 if difference.code == "claim-lost" else -1)


def _total(units: Iterable[Account]) -> Account:
    total: Counter[str] = Counter()
    for account in units:
        total.update(account.model_dump(exclude={"unit"}))
    return Account(**total)


def _first(found: list[Difference], code: str) -> list[Difference]:
    return [d for d in found if d.code == code][:NAMED]


def _key(difference: Difference) -> tuple[str, str]:
    return difference.code, difference.subject
