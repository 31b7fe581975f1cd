"""A verification of the whole archive: in parallel, in the order of the store, and it goes on where it was stopped.

What was found is kept in `work/verify/<start>.jsonl`: a line for the run, one for each record in the order of its place
in the store, and one at the end. Lines are added in that order alone, so that the last one says how far a run came.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections import Counter, deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import IO, TYPE_CHECKING

from pydantic import ValidationError

from app.judging import trust_of
from app.signers import pinned
from app.verifying import keep, verify_here
from archive.aip import iter_records
from archive.ocfl import object_root
from pipeline.verification import VerificationReport, tools
from registry import audit
from registry.database import write
from registry.errors import Conflict
from registry.values import DocumentId, Value, utc_now
from signing.policy import POLICY

if TYPE_CHECKING:
    from app.wiring import Wiring

AT_ONCE = 8
"""Records that a worker judges between two words with its parent."""
AHEAD = 3
"""Batches under way for each worker: what is found is written in order, and one slow record must not hold up all."""
KEPT_RUNS = 3
UNSAID = {"document_id", "versions"}


class RunHead(Value):
    """The first line: what the verdicts of the run depend on. A run goes on only with the same."""

    started_at: str
    trust_version: int | None
    anchors: int
    policy: str
    tools: dict[str, str]


class RunEnd(Value):
    """The last line. verdicts: how many records have which."""

    finished_at: str
    records: int
    verdicts: dict[str, int]


class Run:
    """A run and its file, open for more."""

    def __init__(self, path: Path, head: RunHead) -> None:
        self.path, self.head = path, head
        self.counted: Counter[str] = Counter()
        self.last: DocumentId | None = None
        self.resumed = False
        self._stream: IO[bytes] | None = None

    @classmethod
    @contextmanager
    def open(cls, folder: Path, head: RunHead, *, anew: bool = False) -> Iterator[Run]:
        """The newest run that was not finished, when it asks the same; else a new one. anew: a new one in any case.

        Nobody else is at a run of this folder meanwhile: no file is looked into, let alone cut, without its lock.
        Raises Conflict.
        """
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / "lock").open("a") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as exc:
                raise Conflict("another process is at this verification") from exc
            run = cls._chosen(folder, head, anew=anew)
            with run.path.open("r+b" if run.resumed else "w+b") as stream:
                run._stream = stream
                if run.resumed:
                    stream.seek(0, os.SEEK_END)
                else:
                    run._line(head.model_dump_json())
                try:
                    yield run
                finally:
                    run._stream = None

    @classmethod
    def _chosen(cls, folder: Path, head: RunHead, *, anew: bool) -> Run:
        files = sorted(folder.glob("*.jsonl"))
        if files and not anew:
            begun = cls(files[-1], head)
            if begun._takes_up(head):
                return begun
        for old in files[: -KEPT_RUNS + 1]:
            old.unlink(missing_ok=True)
        stamp = "".join(c for c in head.started_at if c.isalnum())
        return cls(folder / f"{stamp}.jsonl", head)

    def add(self, reports: list[VerificationReport]) -> None:
        """What was found of the next records is on disk."""
        for report in reports:
            self.counted[report.verdict] += 1
            self.last = DocumentId(report.document_id)
            told = report.model_dump(mode="json", exclude=UNSAID, exclude_defaults=True)
            self._line(json.dumps({"id": report.document_id, **told}, ensure_ascii=False), last=report is reports[-1])

    def finish(self) -> RunEnd:
        """The run is done and says so."""
        end = RunEnd(finished_at=utc_now().isoformat(), records=sum(self.counted.values()), verdicts=dict(self.counted))
        self._line(end.model_dump_json())
        return end

    def reports(self) -> Iterator[VerificationReport]:
        """What was found so far, in order, one in memory at a time."""
        with self.path.open("rb") as stream:
            next(stream, None)
            for line in stream:
                if isinstance(told := _read(line), VerificationReport):
                    yield told

    def _line(self, text: str, *, last: bool = True) -> None:
        assert self._stream is not None  # noqa: S101 the context is open
        self._stream.write(text.encode() + b"\n")
        if last:
            self._stream.flush()
            os.fsync(self._stream.fileno())

    def _takes_up(self, head: RunHead) -> bool:
        """Whether the file is of an unfinished run that asks the same; then what it holds is counted, and from the
        first line on that cannot be read, as a last one that was not written whole, it is gone."""
        with self.path.open("r+b") as stream:
            try:
                begun = RunHead.model_validate_json(stream.readline())
            except ValidationError:
                return False
            if begun.model_copy(update={"started_at": head.started_at}) != head:
                return False
            end = stream.tell()
            for line in stream:
                told = _read(line)
                if isinstance(told, RunEnd):
                    return False
                if told is None:
                    break
                self.counted[told.verdict] += 1
                self.last, end = DocumentId(told.document_id), end + len(line)
            stream.truncate(end)
        self.head, self.resumed = begun, True
        return True


def _read(line: bytes) -> VerificationReport | RunEnd | None:
    """What a line behind the first says; None for one that cannot be read."""
    try:
        told = json.loads(line) if line.endswith(b"\n") else None
        if not isinstance(told, dict):
            return None
        if "id" not in told:
            return RunEnd.model_validate(told)
        return VerificationReport.model_validate({"document_id": told.pop("id"), **told})
    except ValueError:  # no JSON, no UTF-8, or another schema
        return None


def head_of(wiring: Wiring) -> RunHead:
    """What a run that begins now depends on."""
    trust = trust_of(wiring.settings)
    return RunHead(
        started_at=utc_now().isoformat(timespec="seconds"),
        trust_version=trust.version,
        anchors=len(trust.anchors),
        policy=POLICY.version,
        tools=tools(),
    )


def verify_all(
    wiring: Wiring, run: Run, *, actor: str, progress: Callable[[int], None] = lambda _number: None
) -> RunEnd:
    """Every record of the archive is judged, from where the run is; each verdict is in the registry and in the run.

    progress: told how many more are done. Stopped at any point it goes on there the next time.
    """
    pool, settings, signers = wiring.verifying_pool, wiring.settings, pinned(wiring)
    waiting = _after(iter_records(wiring.store), run.last)
    under_way: deque[Future[list[VerificationReport]]] = deque()
    with ThreadPoolExecutor(pool.processes, thread_name_prefix="verify") as threads:
        try:
            while True:
                while len(under_way) < AHEAD * pool.processes and (batch := list(islice(waiting, AT_ONCE))):
                    under_way.append(threads.submit(verify_here, pool, settings, batch, once=True, signers=signers))
                if not under_way:
                    break
                found = keep(wiring.engine, under_way.popleft().result())
                run.add(found)
                progress(len(found))
        except BaseException:
            for future in under_way:
                future.cancel()
            pool.close()  # what is under way is judged anew the next time
            raise
    end = run.finish()
    with write(wiring.engine) as conn:
        counts = {verdict.lower(): number for verdict, number in end.verdicts.items()}
        audit.append(
            conn, actor=actor, action="verify-all", subject="archive", detail={"records": end.records, **counts}
        )
    return end


def _after(ids: Iterator[DocumentId], last: DocumentId | None) -> Iterator[DocumentId]:
    """Those whose place in the store comes behind that of the last one judged."""
    place = object_root(last) if last else ""
    return (i for i in ids if object_root(i) > place)
