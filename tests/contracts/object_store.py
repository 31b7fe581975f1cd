"""What every home of the archive must do. A subclass gives the store; `damage` changes bytes behind its back."""

from __future__ import annotations

import hashlib
import random
import threading
import time
from datetime import date, timedelta
from pathlib import Path

import pytest

from archive.store import ObjectStore, get
from registry.errors import FixityMismatch, KeyNotFound, KeyTaken, Retained, ServiceUnavailable
from registry.values import utc_now, vietnam_date


def digests(files: dict[str, bytes]) -> dict[str, str]:
    return {name: hashlib.sha256(body).hexdigest() for name, body in files.items()}


TOMORROW = vietnam_date(utc_now()) + timedelta(days=1)
YESTERDAY = TOMORROW - timedelta(days=2)
TREE = {"a/one": b"1", "two": b"22" * 5000}


def race(store: ObjectStore, prefix: str, writers: int) -> list[bytes]:
    """What those writers stored who were told that they did; each tries again for as long as callers do."""
    start, lost = threading.Barrier(writers), []
    won: list[bytes] = []

    def put(body: bytes) -> None:
        files = {"a": body, "b": body, "c": b"same for all"}
        start.wait()
        while True:
            try:
                store.put_tree(prefix, dict(files), digests(files))
                won.append(body)
            except ServiceUnavailable:
                time.sleep(random.uniform(0.01, 0.1))
                continue
            except KeyTaken:
                lost.append(body)
            return

    threads = [threading.Thread(target=put, args=(bytes([n]) * 300_000,)) for n in range(writers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) + len(lost) == writers
    return won


class ObjectStoreContract:
    """Inherit as TestX and give a fixture `store`."""

    def test_what_was_put_is_there(self, store: ObjectStore) -> None:
        store.put_tree("x/y", dict(TREE), digests(TREE))
        assert get(store, "x/y/two") == TREE["two"]
        assert list(store.list("x")) == ["x/y/a/one", "x/y/two"]
        assert store.exists("x/y/a/one") and not store.exists("x/y/a")

    def test_a_file_is_put_from_disk(self, store: ObjectStore, tmp_path: Path) -> None:
        path = tmp_path / "scan"
        path.write_bytes(b"scan")
        store.put_tree("f", {"scan": path}, digests({"scan": b"scan"}))
        assert get(store, "f/scan") == b"scan"

    def test_the_same_again_changes_nothing(self, store: ObjectStore) -> None:
        store.put_tree("x", dict(TREE), digests(TREE))
        store.put_tree("x", dict(TREE), digests(TREE))
        assert len(list(store.list("x"))) == 2

    def test_other_bytes_never_cover_what_is_there(self, store: ObjectStore) -> None:
        store.put_tree("x", {"a": b"1"}, digests({"a": b"1"}))
        with pytest.raises(KeyTaken):
            store.put_tree("x", {"a": b"2"}, digests({"a": b"2"}))
        assert get(store, "x/a") == b"1"

    def test_bytes_that_are_not_those_announced_are_not_stored(self, store: ObjectStore) -> None:
        with pytest.raises(FixityMismatch):
            store.put_tree("x", {"a": b"1"}, digests({"a": b"2"}))
        assert not store.exists("x/a")

    def test_replace_is_seen_whole(self, store: ObjectStore) -> None:
        store.replace("k", b"old")
        seen: set[bytes] = set()
        writer = threading.Thread(target=lambda: [store.replace("k", c * 100_000) for c in (b"n", b"m") * 20])
        writer.start()
        while writer.is_alive():
            seen.add(get(store, "k"))
        writer.join()
        assert seen <= {b"old", b"n" * 100_000, b"m" * 100_000}

    def test_of_two_writers_one_wins_whole(self, store: ObjectStore) -> None:
        for round_ in range(4):
            won = race(store, f"race/{round_}", writers=5)
            assert len(won) == 1
            assert get(store, f"race/{round_}/a") == get(store, f"race/{round_}/b") == won[0]

    @pytest.mark.parametrize("key", ["../out", "a//b", "/etc/passwd", "a/./b", "a\\b", "a\0b"])
    def test_a_key_never_leads_outside(self, store: ObjectStore, key: str) -> None:
        with pytest.raises(KeyNotFound):
            store.put_tree(key, {"a": b"1"}, digests({"a": b"1"}))
        with pytest.raises(KeyNotFound):
            store.open(key)

    def test_what_is_not_there_is_said(self, store: ObjectStore) -> None:
        with pytest.raises(KeyNotFound):
            store.open("nothing")
        assert list(store.list("nothing")) == []

    def test_a_home_fit_for_an_archive_says_so(self, store: ObjectStore) -> None:
        store.check()
        assert list(store.list("")) == [], "the look left nothing behind"

    @pytest.mark.parametrize("until", [None, TOMORROW], ids=["for ever", "until tomorrow"])
    def test_what_is_retained_is_not_removed(self, store: ObjectStore, until: date | None) -> None:
        store.put_tree("x", dict(TREE), digests(TREE), retain_until=until)
        for part in ("x", "x/a"):
            with pytest.raises(Retained):
                store.delete_tree(part)
        assert {k: get(store, f"x/{k}") for k in TREE} == TREE

    def test_after_its_day_nothing_is_left(self, store: ObjectStore) -> None:
        store.put_tree("x", dict(TREE), digests(TREE), retain_until=YESTERDAY)
        store.put_tree("y", dict(TREE), digests(TREE), retain_until=YESTERDAY)
        store.delete_tree("x")
        assert list(store.list("")) == ["y/a/one", "y/two"]
        with pytest.raises(KeyNotFound):
            store.delete_tree("x")
        store.put_tree("x", {"two": b"other"}, digests({"two": b"other"}))
        assert get(store, "x/two") == b"other"

    @pytest.mark.parametrize(
        "days", [(TOMORROW, YESTERDAY), (YESTERDAY, TOMORROW), (None, YESTERDAY), (YESTERDAY, None)]
    )
    def test_a_retention_grows_and_never_shrinks(self, store: ObjectStore, days: tuple[date | None, ...]) -> None:
        for day in days:
            store.put_tree("x", dict(TREE), digests(TREE), retain_until=day)
        with pytest.raises(Retained):
            store.delete_tree("x")
        assert {k: get(store, f"x/{k}") for k in TREE} == TREE

    def test_the_strongest_lock_of_a_tree_is_told(self, store: ObjectStore) -> None:
        store.put_tree("x/v1", dict(TREE), digests(TREE), retain_until=YESTERDAY)
        assert not store.lock("x").forbids_removal(TOMORROW)
        store.put_tree("x/v2", {"a": b""}, digests({"a": b""}), retain_until=TOMORROW)
        told = store.lock("x")
        assert (told.until, told.held) == (TOMORROW, False)
        store.put_tree("x/v3", {"a": b""}, digests({"a": b""}), retain_until=None)
        assert store.lock("x").forbids_removal(TOMORROW + timedelta(days=365 * 90))
        with pytest.raises(KeyNotFound):
            store.lock("nothing")

    def test_one_retained_file_keeps_all_of_the_tree(self, store: ObjectStore) -> None:
        store.put_tree("x/v1", dict(TREE), digests(TREE), retain_until=YESTERDAY)
        store.put_tree("x/v2", {"a": b""}, digests({"a": b""}), retain_until=TOMORROW)
        with pytest.raises(Retained):
            store.delete_tree("x")
        assert len(list(store.list("x"))) == 3
        store.delete_tree("x/v1")
        assert list(store.list("x")) == ["x/v2/a"]

    def test_what_was_replaced_is_retained_too(self, store: ObjectStore) -> None:
        store.put_tree("x", dict(TREE), digests(TREE), retain_until=YESTERDAY)
        store.replace("x/k", b"old", retain_until=TOMORROW)
        store.replace("x/k", b"new", retain_until=YESTERDAY)
        assert get(store, "x/k") == b"new"
        with pytest.raises(Retained):
            store.delete_tree("x")

    def test_under_a_hold_nothing_is_removed(self, store: ObjectStore) -> None:
        store.put_tree("x", dict(TREE), digests(TREE), retain_until=YESTERDAY)
        with pytest.raises(KeyNotFound):
            store.hold("nothing", True)
        for _ in range(2):
            store.hold("x", True)
        assert store.lock("x").held and store.lock("x/a").held
        with pytest.raises(Retained):
            store.delete_tree("x")
        store.hold("x", False)
        assert not store.lock("x").forbids_removal(TOMORROW - timedelta(days=1))
        store.delete_tree("x")
        assert not store.exists("x/two")
