"""The kinds of faults. Each takes a running installation and a source of chance, does its worst, and undoes it."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy.exc import SQLAlchemyError

from tests.faults.inputs import Input, slip
from tests.faults.installation import Installation
from tests.faults.programs import Program, send
from tests.faults.proxy import Behaviour

SCAN_STATES = ("claimed", "identified", "done", "quarantined")
DOCUMENT_STATES = ("reading", "review", "approved", "signed", "archived")
STATE_PATIENCE_S = 10.0
CLOCKS_S = (3600, -3600, 86400)
HALVES = (1_000_000, 9_000_000)
TAKEN_OVER_S = 45.0
"""Longer than a silent worker keeps its work."""


@dataclass(frozen=True, slots=True)
class Kind:
    """weight: how often it is drawn. on: the installation it is for; None for both."""

    name: str
    weight: int
    act: Callable[[Installation, random.Random], None]
    on: str | None = None


def kill_at_random(at: Installation, chance: random.Random) -> None:
    time.sleep(chance.uniform(0.1, 3.0))
    _any(at, chance).kill(tree=chance.random() < 0.5)


def kill_everything(at: Installation, chance: random.Random) -> None:
    """As when the power goes."""
    time.sleep(chance.uniform(0.5, 3.0))
    for program in at.programs.values():
        program.kill(tree=True)


def kill_at_a_step(at: Installation, chance: random.Random) -> None:
    """The moment something enters a state, whoever works is killed: between two steps, or just inside the next."""
    table, state = chance.choice([("scans", s) for s in SCAN_STATES] + [("documents", s) for s in DOCUMENT_STATES])
    before = _in_state(at, table, state)
    until = time.monotonic() + STATE_PATIENCE_S
    while time.monotonic() < until and _in_state(at, table, state) <= before:
        time.sleep(0.004)
    time.sleep(chance.choice((0, 0, 0.01, 0.05)))
    _any(at, chance, without_web=True).kill(tree=chance.random() < 0.5)


def kill_a_reader(at: Installation, chance: random.Random) -> None:
    time.sleep(chance.uniform(0.1, 1.5))
    if readers := _any(at, chance, without_web=True).readers():
        send(signal.SIGKILL, [chance.choice(readers)])


def hang_on_a_page(at: Installation, chance: random.Random) -> None:
    """A reading process stands still until its time is up."""
    time.sleep(chance.uniform(0.1, 1.5))
    if readers := _any(at, chance, without_web=True).readers():
        send(signal.SIGSTOP, [chance.choice(readers)])


def freeze(at: Installation, chance: random.Random) -> None:
    with _any(at, chance).frozen():
        time.sleep(chance.uniform(0.5, 4.0))


def freeze_until_taken_over(at: Installation, chance: random.Random) -> None:
    """A worker is given up for dead by the others, and then goes on as if nothing had been."""
    worker = at.programs[chance.choice([n for n in at.programs if n.startswith("worker")])]
    with worker.frozen():
        time.sleep(TAKEN_OVER_S)


def clock_jump(at: Installation, chance: random.Random) -> None:
    with at.clock.off_by(chance.choice(CLOCKS_S)):
        time.sleep(chance.uniform(1.5, 4.0))


def share_away(at: Installation, chance: random.Random) -> None:
    with at.share.away():
        time.sleep(chance.uniform(0.5, 3.0))


def half_written(at: Installation, chance: random.Random) -> None:
    """A scanner stops in the middle of a file and never comes back to it: the half is refused, with its reason."""
    number = chance.randrange(*HALVES)
    half = Input(f"nua-{number}.jpg", slip(number)[: chance.randrange(2000, 6000)], sound=False)
    (at.inbox / half.name).write_bytes(half.content)
    at.given.append(half)
    time.sleep(chance.uniform(0.1, 1.0))


def disk_full(name: str) -> Callable[[Installation, random.Random], None]:
    def act(at: Installation, chance: random.Random) -> None:
        with at.disks[name].full():
            time.sleep(chance.uniform(0.5, 3.0))

    return act


def database_disk_full(at: Installation, chance: random.Random) -> None:
    """PostgreSQL ends when it cannot write its log; somebody frees the disk and starts it again."""
    with at.disks["database"].full():
        time.sleep(chance.uniform(0.5, 3.0))
    at.servers["postgres"].kill()
    at.servers["postgres"].start()


def misbehave(server: str, behaviour: Behaviour) -> Callable[[Installation, random.Random], None]:
    def act(at: Installation, chance: random.Random) -> None:
        with at.proxies[server].during(behaviour):
            time.sleep(chance.uniform(0.5, 3.5))

    return act


def kill_server(name: str) -> Callable[[Installation, random.Random], None]:
    def act(at: Installation, chance: random.Random) -> None:
        time.sleep(chance.uniform(0.1, 1.5))
        at.servers[name].kill()
        time.sleep(chance.uniform(0.0, 2.0))
        at.servers[name].start()

    return act


def _servers() -> list[Kind]:
    kinds = []
    for server, on in (("tsa", None), ("postgres", "grown"), ("s3", "grown"), ("elasticsearch", "grown")):
        for behaviour in Behaviour:
            if behaviour is not Behaviour.PASS:
                kinds.append(Kind(f"{server}: {behaviour}", 1, misbehave(server, behaviour), on))
        if on:
            kinds.append(Kind(f"kill -9: {server}", 1, kill_server(server), on))
    return kinds


KINDS: tuple[Kind, ...] = (
    Kind("kill -9 at random", 8, kill_at_random),
    Kind("kill -9 of everything", 2, kill_everything),
    Kind("kill -9 at a step", 14, kill_at_a_step),
    Kind("kill -9 of a reader", 2, kill_a_reader),
    Kind("page hangs", 1, hang_on_a_page),
    Kind("freeze", 1, freeze),
    Kind("freeze until taken over", 1, freeze_until_taken_over, "grown"),
    Kind("clock jump", 2, clock_jump),
    Kind("share away", 2, share_away),
    Kind("half-written file", 2, half_written),
    *(Kind(f"disk full: {name}", 1, disk_full(name)) for name in ("home", "inbox", "done", "quarantine", "vault")),
    Kind("disk full: index", 1, disk_full("index"), "embedded"),
    Kind("disk full: bucket", 1, disk_full("bucket"), "grown"),
    Kind("disk full: database", 1, database_disk_full, "grown"),
    *_servers(),
)


def plan(installation: str, faults: int, seed: int) -> list[Kind]:
    """Which faults in which order: each kind at least once where the number allows, the rest by weight."""
    chance = random.Random(seed)
    kinds = [k for k in KINDS if k.on in (None, installation)]
    drawn = kinds[:faults]
    drawn += chance.choices(kinds, weights=[k.weight for k in kinds], k=faults - len(drawn))
    chance.shuffle(drawn)
    return drawn


def _any(at: Installation, chance: random.Random, *, without_web: bool = False) -> Program:
    return at.programs[chance.choice([n for n in at.programs if not (without_web and n == "web")])]


def _in_state(at: Installation, table: str, state: str) -> int:
    """How many there are; while the database cannot be asked, none."""
    try:
        return int(at.rows(f"SELECT count(*) AS n FROM {table} WHERE state = :state", state=state)[0]["n"])
    except SQLAlchemyError:
        return 0
