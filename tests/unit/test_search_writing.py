"""The embedded index under several processes, kills and a full disk: what was acknowledged is found."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from registry.errors import Conflict, ServiceUnavailable
from registry.values import DocumentId
from search.index import IndexEntry, SearchRequest
from search.tantivy_index import TantivyIndex
from tests.contracts.search_index import AT

CHILD = """
import resource, signal, sys, threading, time
from datetime import UTC, datetime
from pathlib import Path
from registry.errors import SohoaError
from search.index import IndexEntry
from search.tantivy_index import TantivyIndex

def entry(name, text="hồ sơ"):
    return IndexEntry(document_id=name, unit="u", text=text, archived_at=datetime(2026, 11, 24, tzinfo=UTC))

def say(word):
    print(word, flush=True)

index = TantivyIndex(Path(sys.argv[1]), patience_s=5)
"""
PUT_AND_STAY = CHILD + "index.put([entry('child')]); say('done'); sys.stdin.read()"
PUT_WITHOUT_END = CHILD + "n = 0\nwhile True:\n    index.put([entry(f'd{n}')]); say(n); n += 1"
REBUILD_ON_DEMAND = (
    CHILD
    + """
def entries():
    for n in range(50):
        yield entry(f'old{n}')
    say('filling')
    sys.stdin.readline()
    yield entry('gone')
    yield entry('changed')
index.rebuild(entries())
say('rebuilt')
"""
)
FULL_DISK = (
    CHILD
    + """
index.put([entry('before')])
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
unlimited = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (4000, unlimited[1]))
kept = []
for act in (lambda: index.put([entry(f'x{n}', ' '.join(f'chu{n}x{m}' for m in range(300))) for n in range(50)]),
            lambda: index.rebuild(entry(f'y{n}', ' '.join(f'chu{n}x{m}' for m in range(300))) for n in range(50))):
    try:
        act()
        say('no error')
    except SohoaError as exc:
        kept.append(exc)  # an error that is held, with all its frames, must not hold the writer too
        say(exc.code)
resource.setrlimit(resource.RLIMIT_FSIZE, unlimited)
index.put([entry('after')])
say(index.count())
"""
)


@contextmanager
def child(script: str, folder: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that runs the script; killed if it has not ended."""
    started = subprocess.Popen(
        [sys.executable, "-c", script, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        yield started
    finally:
        started.kill()
        started.wait()
        for pipe in (started.stdin, started.stdout):
            assert pipe is not None
            pipe.close()


def line(started: subprocess.Popen[str]) -> str:
    assert started.stdout is not None
    return started.stdout.readline().strip()


def tell(started: subprocess.Popen[str]) -> None:
    assert started.stdin is not None
    started.stdin.write("\n")
    started.stdin.flush()


def entry(name: str, text: str = "hồ sơ") -> IndexEntry:
    return IndexEntry(document_id=DocumentId(name), unit="u", text=text, archived_at=AT)


def names(index: TantivyIndex, query: str = "") -> set[str]:
    return {hit.document_id for hit in index.search(SearchRequest(query=query, limit=1000)).hits}


def wait_for(true: Callable[[], bool]) -> None:
    until = time.monotonic() + 20
    while not true():
        assert time.monotonic() < until
        time.sleep(0.05)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "index"


@pytest.fixture
def index(folder: Path) -> Iterator[TantivyIndex]:
    made = TantivyIndex(folder, patience_s=5)
    yield made
    made.close()


def test_a_process_that_keeps_its_writer_open_gives_way_to_another(folder: Path, index: TantivyIndex) -> None:
    with child(PUT_AND_STAY, folder) as other:
        assert line(other) == "done"
        index.put([entry("ours")])
        assert names(index) == {"child", "ours"}
    index.put([entry("again")])
    assert names(index) == {"child", "ours", "again"}


def test_a_process_that_hangs_with_its_turn_makes_writing_unavailable_and_searching_not(folder: Path) -> None:
    with child(PUT_AND_STAY, folder) as other:
        assert line(other) == "done"
        os.kill(other.pid, signal.SIGSTOP)
        index = TantivyIndex(folder, patience_s=0.5)
        with pytest.raises(ServiceUnavailable, match="another process"):
            index.put([entry("ours")])
        assert names(index) == {"child"}
        os.kill(other.pid, signal.SIGCONT)
        wait_for(lambda: _puts(index, "ours"))
        assert names(index) == {"child", "ours"}
        index.close()


def _puts(index: TantivyIndex, name: str) -> bool:
    try:
        index.put([entry(name)])
    except ServiceUnavailable:
        return False
    return True


def test_what_is_written_while_another_process_rebuilds_is_found_before_and_after(
    folder: Path, index: TantivyIndex
) -> None:
    index.put([entry("gone"), entry("changed")])
    with child(REBUILD_ON_DEMAND, folder) as other:
        assert line(other) == "filling"
        index.put([entry("new"), entry("changed", "khác hẳn")])
        index.delete([DocumentId("gone")])
        assert names(index) == {"new", "changed"}
        with pytest.raises(Conflict):
            index.rebuild([])
        tell(other)
        assert line(other) == "rebuilt"
    assert names(index) == {"new", "changed", *(f"old{n}" for n in range(50))}
    assert names(index, "khác hẳn") == {"changed"}
    index.put([entry("later")])
    assert "later" in names(index)
    assert sorted(p.name for p in folder.iterdir() if p.name[0] in "vfl" and "lock" not in p.name) == [
        (folder / "current").read_text()
    ]


def test_a_rebuild_in_the_same_process_holds_up_neither_writing_nor_searching(index: TantivyIndex) -> None:
    filling, go_on = threading.Event(), threading.Event()

    def entries() -> Iterator[IndexEntry]:
        yield entry("old")
        filling.set()
        assert go_on.wait(20)

    index.put([entry("was there")])
    rebuild = threading.Thread(target=index.rebuild, args=(entries(),))
    rebuild.start()
    assert filling.wait(20)
    index.put([entry("new")])
    assert names(index) == {"was there", "new"}
    go_on.set()
    rebuild.join()
    assert names(index) == {"old", "new"}


def test_a_rebuild_killed_or_failed_changes_nothing(folder: Path, index: TantivyIndex) -> None:
    index.put([entry("kept")])
    with child(REBUILD_ON_DEMAND, folder) as other:
        assert line(other) == "filling"
        index.put([entry("meanwhile")])
    assert (folder / "filling").exists()
    index.put([entry("after")])
    assert names(index) == {"kept", "meanwhile", "after"}

    def torn() -> Iterator[IndexEntry]:
        yield entry("half")
        raise KeyError("the archive")

    with pytest.raises(KeyError, match="the archive"):
        index.rebuild(torn())
    assert names(index) == {"kept", "meanwhile", "after"}
    assert len(list(folder.glob("v*"))) == 1, "nothing is left behind"
    assert index.rebuild([entry("kept")]) == 1


@pytest.mark.parametrize("after", [1, 7, 20])
def test_a_killed_writer_loses_nothing_it_acknowledged(folder: Path, index: TantivyIndex, after: int) -> None:
    with child(PUT_WITHOUT_END, folder) as other:
        done = max(int(line(other)) for _ in range(after))
        other.kill()
        other.wait()
    assert {f"d{n}" for n in range(done + 1)} <= names(index)
    index.put([entry("on")])
    assert "on" in names(index)


def test_a_full_disk_is_no_crash_and_no_loss(folder: Path, index: TantivyIndex) -> None:
    with child(FULL_DISK, folder) as other:
        assert [line(other) for _ in range(3)] == [ServiceUnavailable.code, ServiceUnavailable.code, "2"]
    assert names(index) == {"before", "after"}


def test_an_index_of_another_schema_is_passed_over_and_removed_by_the_rebuild(
    folder: Path, index: TantivyIndex
) -> None:
    (folder / "v1-17").mkdir()
    (folder / "current").write_text("v1-17")
    assert index.count() == 0 and names(index) == set()
    assert index.rebuild([entry("a")]) == 1
    assert names(index) == {"a"} and not (folder / "v1-17").exists()
