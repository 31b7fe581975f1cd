"""What is to be raised and renewed follows from the registry; it is told by doctor, page, metrics and calendar."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, update

from app import checks, metrics
from app.setup import initialise
from app.wiring import Wiring
from config.messages import known_codes, level_sentence
from config.settings import load_settings
from registry import levels
from registry.database import write
from registry.tables import documents
from registry.values import DocumentId, utc_now, vietnam_date
from signing.policy import POLICY, ends_on
from tests.unit.records import archived

TODAY = vietnam_date(utc_now())


@pytest.fixture
def wiring(tmp_path: Path) -> Iterator[Wiring]:
    initialise(tmp_path / "home", demo=False, agency="Ủy ban nhân dân xã")
    found = Wiring(load_settings(tmp_path / "home"))
    yield found
    found.close()


@pytest.fixture
def conn(wiring: Wiring) -> Iterator[Connection]:
    with write(wiring.engine) as open_one:
        yield open_one


def record(conn: Connection, level: str | None = "B-LTA", *, days: int | None = None, why: str = "") -> DocumentId:
    document_id = archived(conn, "quyet-dinh", level=level)
    until = (TODAY + timedelta(days=days)).isoformat() if days is not None else None
    told = {"renew_by": until, "level_why": why or None, "archived_at": utc_now().isoformat()}
    told |= {"renew_policy": POLICY.version if until else None}
    conn.execute(update(documents).where(documents.c.id == document_id).values(**told))
    return document_id


def test_the_queue_is_what_is_below_the_level_and_each_has_its_own_growing_pause(conn: Connection) -> None:
    first, second = record(conn, "B-B", why="tsa-down"), record(conn, "B-T")
    record(conn, "B-LTA", days=900)
    record(conn, None)
    assert set(levels.to_raise(conn, "B-LTA", 10, now=utc_now())) == {first, second}
    assert levels.to_raise(conn, "B-T", 10, now=utc_now()) == [first]
    assert levels.to_raise(conn, "B-B", 10, now=utc_now()) == []
    for minutes in (5, 10, 20):
        levels.postpone(conn, first, "tsa-silent")
        soon, later = (utc_now() + timedelta(minutes=minutes + slack) for slack in (-1, 1))
        assert first not in levels.to_raise(conn, "B-LTA", 10, now=soon)
        assert levels.to_raise(conn, "B-LTA", 10, now=later) == [second, first], "never tried ones first"
    for _ in range(20):
        levels.postpone(conn, first, "tsa-silent")
    assert first in levels.to_raise(conn, "B-LTA", 10, now=utc_now() + timedelta(days=1, minutes=1))
    levels.reached(conn, first, level="B-LTA", renew_by=TODAY, policy=POLICY.version, pdf_sha256="d" * 64)
    assert [(b.level, b.why, b.number) for b in levels.below(conn, "B-LTA")] == [("B-T", "", 1)]


def test_what_ends_first_is_renewed_first_and_the_calendar_counts_it(conn: Connection) -> None:
    late, soon = record(conn, days=80), record(conn, days=5)
    record(conn, days=900)
    assert levels.to_renew(conn, TODAY + timedelta(days=90), 10) == [soon, late]
    assert [levels.count_to_renew(conn, TODAY + timedelta(days=d)) for d in (90, 30, 7)] == [2, 1, 1]
    assert levels.next_end(conn) == TODAY + timedelta(days=5)
    assert sum(month.number for month in levels.calendar(conn)) == 3


def test_what_was_not_measured_by_this_edition_of_the_policy_is_measured_anew(conn: Connection) -> None:
    known, unknown = record(conn, days=900), record(conn)
    record(conn, "B-B"), record(conn, None)
    assert levels.unmeasured(conn, POLICY.version, 10) == [unknown]
    levels.measured(conn, unknown, TODAY, POLICY.version)
    assert levels.unmeasured(conn, POLICY.version, 10) == []
    for edition in ("2027.1", "2025.3"):
        assert set(levels.unmeasured(conn, edition, 10)) == {known, unknown}
        assert levels.count_unmeasured(conn, edition) == 2
    levels.postpone(conn, known, "tsa-down")
    assert levels.unmeasured(conn, "2027.1", 10, now=utc_now()) == [unknown], "it has its pause"
    assert set(levels.unmeasured(conn, "2027.1", 10, now=utc_now() + timedelta(days=1))) == {known, unknown}
    levels.measured(conn, known, TODAY + timedelta(days=9), "2027.1")
    levels.reached(conn, unknown, level="B-LTA", renew_by=TODAY, policy=None, pdf_sha256="d" * 64)
    assert levels.to_renew(conn, TODAY + timedelta(days=10), 10) == [unknown, known]
    assert levels.unmeasured(conn, "2027.1", 10) == [unknown], "a version that was only found"


@pytest.mark.parametrize(
    ("days", "told"), [(89, "trong 90 ngày"), (29, "trong 30 ngày"), (6, "trong 7 ngày"), (91, "")]
)
def test_the_alarm_sounds_at_90_30_and_7_days(wiring: Wiring, days: int, told: str) -> None:
    with write(wiring.engine) as conn:
        record(conn, days=days)
    found = checks.renewals(wiring)
    assert found.ok == (not told) and told in found.detail
    assert metrics.count(wiring).to_renew == {d: int(days <= d) for d in (90, 30, 7)}


def test_what_is_not_measured_yet_is_told_beside_the_alarm(wiring: Wiring) -> None:
    with write(wiring.engine) as conn:
        record(conn)
        record(conn, days=900)
    found = checks.renewals(wiring)
    assert found.ok and f"1 hồ sơ chưa tính hạn theo quy tắc {POLICY.version}" in found.detail


def test_a_signature_below_its_level_is_told_at_once_and_is_an_alarm_when_it_does_not_heal(wiring: Wiring) -> None:
    assert checks.levels(wiring).ok
    with write(wiring.engine) as conn:
        record(conn, "B-B", why="tsa-down")
    found = checks.levels(wiring)
    assert found.ok and found.detail.startswith("1 hồ sơ chờ nâng mức chữ ký")
    assert metrics.count(wiring).below_level == {("B-B", "tsa-down"): 1}
    with write(wiring.engine) as conn:
        record(conn, "B-B", why="revoked")
    found = checks.levels(wiring)
    assert not found.ok and "thu hồi" in found.detail


def test_every_reason_has_a_sentence() -> None:
    for why in ("tsa-down", "tsa-silent", "tsa-wrong-answer", "tsa-gains-nothing", "no-tsa", "revocation-unknown",
                "chain-missing", "revoked", "expired", "weak-algorithm", "fixity-mismatch"):  # fmt: skip
        assert f"level-{why}" in known_codes()
    assert level_sentence("tsa-chain-missing") == level_sentence("tsa-revoked") != level_sentence("verdict-no-poe")
    assert level_sentence("revocation-unknown; tsa-down") == level_sentence("revocation-unknown")


def test_algorithms_end_when_the_policy_says() -> None:
    class Key:
        def __init__(self, algorithm: str, bit_size: int) -> None:
            self.algorithm, self.bit_size = algorithm, bit_size

    assert ends_on("sha256", "rsassa_pkcs1v15", Key("rsa", 4096)) == date(2029, 1, 1)
    assert ends_on("sha256", "rsassa_pss", Key("rsa", 4096)) is None
    assert ends_on("sha1", "ecdsa", Key("ec", 256)) == date(2009, 8, 1)
    assert ends_on("sha256", "rsassa_pkcs1v15", Key("rsa", 512)) == date.min, "the policy knows no such key"
    assert ends_on("sha256", "ecdsa", Key("ec", 256)) is None
