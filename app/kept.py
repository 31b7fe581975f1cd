"""Answers of servers that may hang: asked in the background, kept for a while, waited for no longer than told."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Outcome(Generic[T]):
    """An answer, or why there is none: TimeoutError for a question that has not come back in time; neither, while the
    first one is on its way. seconds: how long it took, or takes already."""

    value: T | None
    error: BaseException | None
    seconds: float


class Kept(Generic[T]):
    """One question. At most one thread asks it at a time: a server that hangs costs one thread, however many want to
    know. Safe to call from several threads."""

    def __init__(
        self, ask: Callable[[], T], *, every_s: float, limit_s: float, bad: Callable[[T], bool] = lambda _: False
    ) -> None:
        """every_s: an answer is good for so long; one that is `bad`, or an error, for an eighth of it, but a second
        at least."""
        self._ask, self._every, self._limit, self._bad = ask, every_s, limit_s, bad
        self._lock = threading.Lock()
        self._answered = threading.Event()
        self._last: Outcome[T] | None = None
        self._asked_at: float | None = None
        self._answered_at = 0.0

    def refresh(self) -> None:
        """The question is being asked, if the last answer is too old. Returns at once."""
        with self._lock:
            if self._asked_at is not None or not self._is_old(time.monotonic()):
                return
            self._asked_at = time.monotonic()
            self._answered.clear()
        threading.Thread(target=self._work, name="kept", daemon=True).start()

    def outcome(self, *, wait_until: float = 0.0) -> Outcome[T]:
        """The newest answer; while one is on its way, waits for it until then (time.monotonic)."""
        self.refresh()
        with self._lock:
            on_its_way = self._asked_at is not None
        if on_its_way:
            self._answered.wait(max(0.0, wait_until - time.monotonic()))
        with self._lock:
            taken = time.monotonic() - self._asked_at if self._asked_at is not None else 0.0
            if taken >= self._limit:
                return Outcome(None, TimeoutError(f"no answer for {taken:.0f} s"), taken)
            return self._last or Outcome(None, None, taken)

    def _is_old(self, now: float) -> bool:
        if self._last is None:
            return True
        failed = self._last.value is None or self._bad(self._last.value)
        return now - self._answered_at > (max(1.0, self._every / 8) if failed else self._every)

    def _work(self) -> None:
        began = time.monotonic()
        value, error = None, None
        try:
            value = self._ask()
        except Exception as exc:
            error = exc
        with self._lock:
            self._answered_at = time.monotonic()
            self._last = Outcome(value, error, self._answered_at - began)
            self._asked_at = None
            self._answered.set()
