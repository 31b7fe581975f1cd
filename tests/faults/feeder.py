"""The scanner: hands files in without end, as scanners and copying programs do it, and never too many at once."""

from __future__ import annotations

import random
import threading
import time
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from tests.faults.checker import settled
from tests.faults.inputs import Input
from tests.faults.installation import Installation

PAUSE_S = 0.05


class Feeder:
    """Hands in what `at.inputs` yields. A file that did not fit is taken back and handed in again later."""

    def __init__(self, at: Installation, *, seed: int, under_way: int = 12) -> None:
        self._at, self._under_way = at, under_way
        self._chance = random.Random(seed)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """The file under way is whole in the inbox."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        for one in self._at.inputs:
            while not self._stop.is_set() and not self._wanted():
                self._stop.wait(PAUSE_S)
            if self._stop.is_set():
                return
            while not hand_in(one, self._at.inbox, self._chance):
                time.sleep(PAUSE_S)
            self._at.given.append(one)

    def _wanted(self) -> bool:
        try:
            return len(self._at.given) - settled(self._at) < self._under_way
        except SQLAlchemyError:
            return False


def hand_in(one: Input, inbox: Path, chance: random.Random) -> bool:
    """Written straight to its name in pieces, or beside it and renamed; False when it did not fit."""
    target = inbox / one.name
    beside = chance.random() < 0.3
    written = target.with_name(target.name + ".part") if beside else target
    middle = chance.randrange(len(one.content))
    try:
        with written.open("wb") as out:
            out.write(one.content[:middle])
            out.flush()
            if chance.random() < 0.3:
                time.sleep(chance.uniform(0, 0.6))
            out.write(one.content[middle:])
        if beside:
            written.rename(target)
    except OSError:
        written.unlink(missing_ok=True)
        return False
    return True
