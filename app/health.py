"""How the installation is, as one process sees it: checks asked in the background, kept for seconds, never waited for
by a page longer than the first time."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from app import checks
from app.checks import Found
from app.kept import Kept, Outcome
from registry.errors import SohoaError
from registry.workers import WorkerRow

if TYPE_CHECKING:
    from app.wiring import Wiring

SOON_S, LATER_S, SELDOM_S = 5.0, 30.0, 300.0
PATIENCE_S = 3.0
FIRST_S = 1.0
"""The first page after a start waits so long at most."""
AGAIN = "Sửa theo thông báo; trang này tự kiểm tra lại."


@dataclass(frozen=True, slots=True)
class Watched:
    """A check as the monitor asks it. banner: everybody is told while it is not ok. books: it asks the registry, so
    that it says nothing new while that is away."""

    name: str
    check: Callable[[Wiring], Found]
    every_s: float = SOON_S
    limit_s: float = PATIENCE_S
    banner: bool = True
    books: bool = False
    fix: str = AGAIN


WATCHED = (
    Watched("registry", checks.registry, fix="Kiểm tra máy chủ PostgreSQL và registry.url."),
    Watched("store", checks.store, fix="Kiểm tra máy chủ lưu trữ, mạng và khóa truy cập."),
    Watched("index", checks.index_answers, fix="Kiểm tra máy chủ chỉ mục. Lưu kho vẫn tiếp tục."),
    Watched("folders", checks.folders, every_s=LATER_S, fix="Gắn lại ổ mạng."),
    Watched("inbox", checks.inbox, every_s=LATER_S, books=True, fix="Gắn lại ổ mạng của thư mục quét."),
    Watched("disk", checks.disk, every_s=LATER_S),
    Watched("room", checks.room, banner=False),
    Watched(
        "tsa", checks.timestamps, every_s=SELDOM_S, limit_s=checks.TSA_S + 2, fix="Kiểm tra máy chủ dấu thời gian."
    ),
    Watched("clock", checks.clock, every_s=SELDOM_S, limit_s=8.0),
    Watched("work", checks.work, books=True),
    Watched("reconciliation", checks.reconciliation, every_s=LATER_S, banner=False, books=True),
    Watched("backup", checks.backup, every_s=LATER_S, banner=False, books=True),
    Watched("fixity", checks.fixity, every_s=LATER_S, books=True),
    Watched("sealed", checks.sealed, every_s=LATER_S, banner=False, books=True),
    Watched("to-sign", checks.to_sign, every_s=LATER_S, books=True),
    Watched("trust", checks.trust, every_s=SELDOM_S, limit_s=8.0, banner=False, books=True),
    Watched("levels", checks.levels, every_s=LATER_S, banner=False, books=True),
    Watched("renewals", checks.renewals, every_s=LATER_S, books=True),
)
READY = ("registry", "store", "room")
"""Without these nothing can be taken or kept; the index is not among them: without it, all but search goes on."""


@dataclass(frozen=True, slots=True)
class State:
    """What is known of one check now. code: why there is no answer, empty when there is one; `unknown`, and ok, while
    the first one is on its way."""

    name: str
    ok: bool
    detail: str
    fix: str
    code: str
    seconds: float
    banner: bool
    books: bool


@dataclass(frozen=True, slots=True)
class Health:
    states: tuple[State, ...]

    def __getitem__(self, name: str) -> State:
        return next(state for state in self.states if state.name == name)

    @property
    def ready(self) -> bool:
        return all(self[name].ok and not self[name].code for name in READY)

    @property
    def wrong(self) -> tuple[State, ...]:
        """What is not ok; what follows from the registry being away is not told besides it."""
        away = not self["registry"].ok and bool(self["registry"].code)
        return tuple(s for s in self.states if not s.ok and not (away and s.books))

    @property
    def troubles(self) -> tuple[State, ...]:
        """What everybody is told."""
        return tuple(s for s in self.wrong if s.banner)


class Monitor:
    """The checks of one installation. Safe to call from several threads."""

    def __init__(self, home: Wiring) -> None:
        beats = Beats()
        crew = Watched(
            "workers",
            partial(checks.crew, living=beats.living),
            books=True,
            fix="sohoa run, hoặc sohoa watch và sohoa worker",
        )
        self._watched = (*WATCHED, crew)
        self._first_until: float | None = None
        self._kept = {
            w.name: Kept(partial(w.check, home), every_s=w.every_s, limit_s=w.limit_s, bad=lambda found: not found.ok)
            for w in self._watched
        }

    def health(self, *, wait_s: float = 0.0) -> Health:
        """What is known now. Answers that are too old are asked for anew; with wait_s they are waited for so long, the
        first ones always a little."""
        for kept in self._kept.values():
            kept.refresh()
        now = time.monotonic()
        if self._first_until is None:
            self._first_until = now + FIRST_S
        until = max(now + wait_s, self._first_until)
        return Health(tuple(state_of(w, self._kept[w.name].outcome(wait_until=until)) for w in self._watched))


class Beats:
    """Who is alive, by beats that move, measured with this process's steady clock (as pipeline.crew does)."""

    def __init__(self) -> None:
        self._seen: dict[str, tuple[int, float]] = {}

    def living(self, rows: list[WorkerRow]) -> set[str]:
        """Those whose beat moved within the last minute; at first sight, those who say so themselves."""
        now, lately = time.monotonic(), checks.seen_lately(rows)
        alive: set[str] = set()
        for row in rows:
            known = self._seen.get(row.instance)
            if known is None:
                self._seen[row.instance] = (row.beat, now if row.instance in lately else now - checks.SILENT_S)
            elif known[0] != row.beat:
                self._seen[row.instance] = (row.beat, now)
            if row.alive and now - self._seen[row.instance][1] < checks.SILENT_S:
                alive.add(row.instance)
        return alive


def state_of(watched: Watched, outcome: Outcome[Found]) -> State:
    """An answer, or the lack of one, in words."""
    found = outcome.value
    code = "" if found else failure_code(outcome.error)
    if code == "unknown":
        found = Found(True, "đang kiểm tra")
    if found is None:
        slow = isinstance(outcome.error, TimeoutError)
        found = Found(False, f"không trả lời sau {outcome.seconds:.0f} giây" if slow else code, watched.fix)
    fix = "" if found.ok else found.fix or watched.fix
    return State(watched.name, found.ok, found.detail, fix, code, outcome.seconds, watched.banner, watched.books)


def failure_code(error: BaseException | None) -> str:
    """Our code of an error; of a foreign one its kind: never its text. None: nothing is known yet."""
    if error is None:
        return "unknown"
    if isinstance(error, SohoaError):
        return error.code
    if isinstance(error, TimeoutError):
        return "timeout"
    return "storage" if isinstance(error, OSError) else f"internal:{type(error).__name__}"
