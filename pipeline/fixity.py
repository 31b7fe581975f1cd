"""Every archived byte is read again by and by: the objects read longest ago first, each at least once in 90 days.

What is found is kept in the registry, object by object: an audit that is interrupted goes on where it was, and damage
stays an alarm until a later reading finds the object whole.
"""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta

import structlog
from sqlalchemy import Connection, Engine

from archive.fixity import GONE, RecordFixity, changed_papers, check_object, objects
from archive.ocfl import identifier_of, kind_of
from archive.store import ObjectStore
from registry import audit, documents, facts, fixity
from registry.database import read, write
from registry.fixity import Checked
from registry.values import DocumentId, Value, Verdict, utc_now

log = structlog.get_logger("sohoa.fixity")

LIMIT_DAYS = 90
"""Within so many days every object is read at least once."""
ROUND_DAYS, LISTING_DAYS = 80, 7
"""The runner reads a share of all objects a day, so that it is through in so many; what came in without its doing is
seen by a listing a week. Together less than the limit: some days may fail."""
PORTION_S = 45.0
"""The runner reads so long at a stretch, once a minute: its other daily chores are not held up."""
BATCH, BATCH_S = 50, 5.0
"""Results are kept so many at once, or after so long: a crash loses no more."""
NAMED_STRAYS = 1000
LISTED, RUN = "fixity-listing", "fixity-run"


class Listing(Value):
    """new: objects that were not known. strays: keys of no object, the first of them; stray_count counts all."""

    objects: int
    new: int
    strays: tuple[str, ...]
    stray_count: int


class Portion(Value):
    """What was read. counted: kind of object → how many. news: how many became damaged, or were mended."""

    checked: int = 0
    bytes_read: int = 0
    counted: Mapping[str, int] = {}
    damaged: int = 0
    mended: int = 0


def list_objects(engine: Engine, store: ObjectStore, *, stop: Callable[[], bool] = lambda: False) -> Listing:
    """Every object of the store is known to the registry, from the names alone. Memory does not grow with the store.

    Safe to repeat and to interrupt. Raises ServiceUnavailable.
    """
    seen = new = 0
    strays: list[str] = []
    number: Counter[str] = Counter()

    def stray(key: str) -> None:
        number["strays"] += 1
        if len(strays) < NAMED_STRAYS:
            strays.append(key)

    for some in _batches(objects(store, "", stray), fixity.AT_ONCE):
        if stop():
            return Listing(objects=seen, new=new, strays=tuple(strays), stray_count=number["strays"])
        seen += len(some)
        new += _note_seen(engine, some)
    for key in changed_papers(store):
        stray(key)
    with write(engine) as conn:
        facts.put(conn, LISTED, {"objects": seen, "strays": number["strays"]})
    return Listing(objects=seen, new=new, strays=tuple(strays), stray_count=number["strays"])


def last_listing(engine: Engine) -> Listing | None:
    """The last listing, without the names of strays; None where it is older than a week, or there was none."""
    with read(engine) as conn:
        known = facts.get(conn, LISTED)
    if known is None or abs(utc_now() - datetime.fromisoformat(known[1])) >= timedelta(days=LISTING_DAYS):
        return None
    return Listing(objects=known[0]["objects"], new=0, strays=(), stray_count=known[0]["strays"])


def check_due(
    engine: Engine,
    store: ObjectStore,
    *,
    before: datetime,
    at_most: int | None = None,
    at_most_bytes: int | None = None,
    for_s: float | None = None,
    stop: Callable[[], bool] = lambda: False,
    progress: Callable[[RecordFixity], None] = lambda _: None,
) -> Portion:
    """Objects that were not read since `before` were read, the damaged first, then the oldest: all of them, or as far
    as the limits allow; the one under way is finished. What is found stands in the registry, news in the audit log too.

    Safe to interrupt and to run beside others. Raises ServiceUnavailable.
    """
    began, total = time.monotonic(), Portion()

    def left() -> bool:
        return not (
            stop()
            or (at_most is not None and total.checked >= at_most)
            or (at_most_bytes is not None and total.bytes_read >= at_most_bytes)
            or (for_s is not None and time.monotonic() - began >= for_s)
        )

    while left():
        with read(engine) as conn:
            roots = fixity.due(conn, before, BATCH)
        if not roots:
            break
        found: list[tuple[str, RecordFixity, datetime]] = []
        batch_began = time.monotonic()
        for root in roots:
            at = utc_now()
            outcome = check_object(store, root)
            found.append((root, outcome, at))
            total = _with(total, root, outcome)
            progress(outcome)
            if not left() or time.monotonic() - batch_began > BATCH_S:
                break
        news = _keep(engine, found, before)
        total = total.model_copy(
            update={"damaged": total.damaged + news["damaged"], "mended": total.mended + news["mended"]}
        )
    return total


def daily_share(engine: Engine, store: ObjectStore, *, stop: Callable[[], bool] = lambda: False) -> Portion | None:
    """Today's share was read, or as much of it as fits into a portion; None when it was read before. Repeatable.

    Damaged objects are read again every day: what was mended ends its alarm by itself. Raises ServiceUnavailable.
    """
    now = utc_now()
    if last_listing(engine) is None:
        list_objects(engine, store, stop=stop)
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    overdue = now - timedelta(days=ROUND_DAYS)
    with read(engine) as conn:
        share = math.ceil(fixity.count(conn) / ROUND_DAYS) - fixity.count_checked(conn, today)
        wrong = [d for d in fixity.damaged(conn) if d.since < today]
        wanted = max(share, fixity.count_due(conn, overdue), len(wrong))
    if wanted <= 0:
        return None
    done = check_due(engine, store, before=today, at_most=wanted, for_s=PORTION_S, stop=stop)
    return done if done.checked else None


def resumed_run(conn: Connection) -> datetime | None:
    """When the audit of everything began that was not finished; None when there is none."""
    known = facts.get(conn, RUN)
    return datetime.fromisoformat(known[0]["before"]) if known and known[0]["before"] else None


def begin_run(engine: Engine, *, anew: bool) -> tuple[datetime, bool]:
    """The instant before which everything is to be read again, and whether an interrupted audit goes on with that."""
    with write(engine) as conn:
        before = None if anew else resumed_run(conn)
        if before is not None and before <= utc_now():
            return before, True
        before = utc_now()
        facts.put(conn, RUN, {"before": before.isoformat()})
    return before, False


def end_run(engine: Engine) -> None:
    """The audit of everything is through: the next one begins anew."""
    with write(engine) as conn:
        facts.put(conn, RUN, {"before": None})


def damaged(conn: Connection) -> list[tuple[str, Checked]]:
    """(OCFL id, last check) of every damaged object, the first thousand."""
    return [(identifier_of(found.root), found) for found in fixity.damaged(conn)]


def _keep(engine: Engine, found: list[tuple[str, RecordFixity, datetime]], before: datetime) -> Counter[str]:
    news: Counter[str] = Counter()
    with write(engine) as conn:
        told: list[tuple[str, str, RecordFixity]] = []
        for root, outcome, at in found:
            if outcome.findings == (GONE,) and removed_rightly(conn, root):
                fixity.forget(conn, [root])
                continue
            new = fixity.note_checked(conn, root, outcome.findings, outcome.bytes_read, at, since=before)
            if not outcome.ok and kind_of(root) == "record":
                documents.keep_verdict(conn, outcome.document_id, Verdict.FAILED)
            if new:
                news[new] += 1
                told.append((new, root, outcome))
        for new, root, outcome in told:  # without names of files: they may be people's
            kinds = Counter(finding.partition(":")[0] for finding in outcome.findings)
            audit.append(conn, actor="sohoa", action=f"fixity-{new}", subject=identifier_of(root), detail=dict(kinds))
    for new, root, outcome in told:
        speak = log.error if new == "damaged" else log.info
        speak("fixity", object=identifier_of(root), is_now=new, findings=len(outcome.findings))
    return news


def removed_rightly(conn: Connection, root: str) -> bool:
    """Whether the object is gone because it was to go: a backup past its days, a record that was disposed of."""
    kind, identifier = kind_of(root), identifier_of(root)
    if kind == "backup":
        known = facts.get(conn, "backup")
        return known is None or identifier not in known[0]["kept"]
    if kind == "record":
        return documents.is_disposed(conn, [DocumentId(identifier.removeprefix("urn:uuid:"))])
    if kind == "scan":
        return documents.is_disposed(conn, documents.of_scan(conn, identifier.removeprefix("urn:sohoa:scan:")))
    return False


def _note_seen(engine: Engine, roots: list[str]) -> int:
    """What is not known yet counts from its archiving, when every byte was read back, else from now."""
    with read(engine) as conn:
        fresh = fixity.unknown(conn, roots)
    if not fresh:
        return 0
    ids = {root: DocumentId(identifier_of(root).removeprefix("urn:uuid:")) for root in fresh}
    with write(engine) as conn:
        archived = documents.archived_at(conn, list(ids.values()))
        return fixity.note_seen(conn, {root: archived.get(document_id) for root, document_id in ids.items()})


def _with(total: Portion, root: str, outcome: RecordFixity) -> Portion:
    kind = kind_of(root)
    return total.model_copy(
        update={
            "checked": total.checked + 1,
            "bytes_read": total.bytes_read + outcome.bytes_read,
            "counted": {**total.counted, kind: total.counted.get(kind, 0) + 1},
        }
    )


def _batches(roots: Iterator[str], size: int) -> Iterator[list[str]]:
    some: list[str] = []
    for root in roots:
        some.append(root)
        if len(some) == size:
            yield some
            some = []
    if some:
        yield some
