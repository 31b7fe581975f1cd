"""A process that dies in the middle: with the n-th call to a store or an index.

As a program it carries out a decision of an installation in `home` and is killed on the way (SIGKILL):
`python -m tests.unit.dying HOME DISPOSAL store|replica|index NAMES CALL before|after`.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any


class Stopped(BaseException):
    """The process dies here."""


def stop() -> None:
    raise Stopped


class Dying:
    """Dies with the n-th call (of those whose names begin so): before it takes effect, or just after."""

    def __init__(
        self, inner: Any, names: str, calls: int, *, after: bool = False, die: Callable[[], None] = stop
    ) -> None:
        self._inner, self._names, self._left, self._after, self._die = inner, names, calls, after, die

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        if not name.startswith(self._names):
            return found

        def call(*args: Any, **told: Any) -> Any:
            self._left -= 1
            if self._left == 0 and not self._after:
                self._die()
            try:
                return found(*args, **told)
            finally:
                if self._left == 0:
                    self._die()

        return call


def main(home: str, disposal_id: str, which: str, names: str, calls: str, when: str) -> None:
    from pipeline import disposal
    from pipeline.disposal import Site
    from pipeline.holds import Homes
    from tests.unit.keeping import installed

    wiring = installed(Path(home), replica=True)
    parts: dict[str, Any] = {"store": wiring.store, "replica": wiring.replica, "index": wiring.index}
    kill = lambda: os.kill(os.getpid(), signal.SIGKILL)  # noqa: E731
    parts[which] = Dying(parts[which], names, int(calls), after=when == "after", die=kill)
    site = Site(wiring.engine, Homes(parts["store"], parts["replica"]), parts["index"], wiring.folder("work"))
    disposal.carry_out(site, disposal_id)


if __name__ == "__main__":
    main(*sys.argv[1:])
