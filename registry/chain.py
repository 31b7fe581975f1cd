"""The chain of the audit log: how a row is hashed, whether rows hang together, and where they differ from sealed ones.

A row's line is its canonical JSON without its own hash (sorted keys, no blanks, UTF-8); its hash is the SHA-256 of that
line, which names the hash before it. Whoever recomputes a whole chain makes one that hangs together: that is found by
comparing with what was sealed elsewhere.
"""

from __future__ import annotations

import hashlib
import json
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import islice
from json.encoder import encode_basestring
from typing import Any, NamedTuple

from registry.values import Value

GENESIS = "0" * 64
MOST_MISSING = 1000
"""A gap is told row by row up to so many."""
WINDOWS = (64, 1024, 16384)
"""How far is looked ahead for where two logs agree again, step by step."""

END = b""
"""Behind the last sealed row; no row has this line."""

_encode = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode


class AuditFinding(Value):
    """A row that does not hold. seq: where it stands, or stood when it was sealed.

    problem: `changed`, `chain-broken` (its content holds, what it hangs on does not), `missing`, `inserted`, `moved`;
    `seal-missing`, `seal-changed`, `seal-unsigned`, `seal-foreign`, of a seal (`detail` names it) whose first row is
    seq.
    """

    seq: int
    problem: str
    detail: str = ""


class Link(NamedTuple):
    """One row: `digest` is the hash that it has, `stored` the one that stands beside it."""

    seq: int
    line: bytes
    digest: str
    previous: str
    stored: str


def line_of(row: Mapping[str, Any]) -> bytes:
    """The canonical line of a row without its hash."""
    return _encode(row).encode()


def digest_of(line: bytes) -> str:
    """The hash of a row, given its line."""
    return hashlib.sha256(line).hexdigest()


def links(rows: Iterable[Sequence[Any]]) -> Iterator[Link]:
    """The rows, given as seq, at, actor, action, subject, unit, detail as JSON text, previous, hash. The line is put
    together by hand, three times as fast as by the encoder: the log has millions of rows."""
    text = encode_basestring
    for seq, at, actor, action, subject, unit, detail, previous, stored in rows:
        line = (
            f'{{"action":{text(action)},"actor":{text(actor)},"at":{text(at)},"detail":{_canonical(detail)},'
            f'"previous":{text(previous)},"seq":{seq},"subject":{text(subject)},'
            f'"unit":{"null" if unit is None else text(unit)}}}'
        ).encode()
        yield Link(seq, line, hashlib.sha256(line).hexdigest(), previous, stored)


@lru_cache(maxsize=4096)
def _canonical(detail: str) -> str:
    """Of what is no JSON any more the text itself: it is then not what was hashed."""
    try:
        return _encode(json.loads(detail))
    except ValueError:
        return detail


def sealed_link(line: bytes) -> Link:
    """A row as it stands in a seal. Raises ValueError, KeyError, TypeError for what is none."""
    told = json.loads(line)
    digest = digest_of(line)
    return Link(int(told["seq"]), line, digest, str(told["previous"]), digest)


def check(
    held: Iterable[Link], sealed: Iterable[bytes | None] = (), *, before: str = GENESIS, first: int = 1
) -> Iterator[AuditFinding]:
    """What does not hold of these rows, in their order, each row once; nothing when they are as they were written.

    sealed: the lines of the rows as they were sealed, from the same first one on, None for one that cannot be told any
    more; where they end the comparison ends. Memory does not grow with the number of rows while they agree.
    """
    comparison = _Comparison(iter(sealed))
    previous, expected = before, first
    told: set[int] = set()
    for row in held:
        found: list[AuditFinding] = []
        gap = range(expected, min(row.seq, expected + MOST_MISSING))
        found += [AuditFinding(seq=seq, problem="missing") for seq in gap]
        if row.stored != row.digest:
            found.append(AuditFinding(seq=row.seq, problem="changed"))
        elif row.previous != previous and row.seq == expected:
            found.append(AuditFinding(seq=row.seq, problem="chain-broken"))
        previous, expected = row.stored, row.seq + 1
        found += comparison.take(row)
        yield from _new(found, told)
    yield from _new(comparison.finish(), told)


def _new(found: list[AuditFinding], told: set[int]) -> Iterator[AuditFinding]:
    for finding in found:
        if finding.seq not in told:
            told.add(finding.seq)
            yield finding


class _Comparison:
    """Two logs read side by side. As long as they agree nothing is kept; from the first difference on, windows of both
    are, and what stands in both is matched by its content, which a recomputed chain or new numbers do not change."""

    def __init__(self, sealed: Iterator[bytes | None]) -> None:
        self._sealed = sealed
        self._held: deque[Link] = deque()
        self._theirs: deque[bytes | None] = deque()
        self._alone: dict[bytes, AuditFinding] = {}
        self._ended = False

    def take(self, row: Link) -> list[AuditFinding]:
        """The next row of the log; what is found by now."""
        if not self._held and not self._theirs:
            theirs = next(self._sealed, END)
            if theirs is END or theirs is None or theirs == row.line:
                return []
            self._theirs.append(theirs)
        self._held.append(row)
        return self._settle(WINDOWS[-1]) if len(self._held) >= WINDOWS[-1] else []

    def finish(self) -> list[AuditFinding]:
        """The log has ended: what is left of what was sealed is missing."""
        found = self._settle(1) if self._held else []
        rest = [*self._theirs, *islice(self._sealed, MOST_MISSING)]
        return found + [self._only_sealed(line) for line in rest if line is not None]

    def _settle(self, least: int) -> list[AuditFinding]:
        """Fewer than `least` rows of the log are left to compare."""
        found: list[AuditFinding] = []
        while len(self._held) >= least:
            self._fill(1)
            if not self._theirs:  # from here on nothing was sealed
                self._held.clear()
                break
            if _same(self._held[0].line, self._theirs[0]):
                self._held.popleft()
                self._theirs.popleft()
                continue
            found += self._step()
        return found

    def _step(self) -> list[AuditFinding]:
        """Past the difference, to where both agree again."""
        ours, theirs = self._agreement()
        both = min(ours, theirs)
        found = []
        for _ in range(both):
            found.append(AuditFinding(seq=self._held.popleft().seq, problem="changed", detail="not as sealed"))
            self._theirs.popleft()
        found += [self._only_held(self._held.popleft()) for _ in range(ours - both)]
        gone = [self._theirs.popleft() for _ in range(theirs - both)]
        return found + [self._only_sealed(line) for line in gone if line is not None]

    def _agreement(self) -> tuple[int, int]:
        """How many rows of each side stand before the next one that both have."""
        for window in WINDOWS:
            self._fill(window)
            theirs = list(enumerate(islice(self._theirs, window)))
            places = {content(line): i for i, line in reversed(theirs) if line is not None}
            near = [
                (i, places[key])
                for i, row in enumerate(islice(self._held, window))
                if (key := content(row.line)) in places
            ]
            if near:
                return min(near, key=lambda pair: (sum(pair), max(pair)))
        alike = min(len(self._held), len(self._theirs), WINDOWS[-1])
        return alike, alike

    def _fill(self, window: int) -> None:
        self._theirs.extend(islice(self._sealed, max(0, window - len(self._theirs))))

    def _only_held(self, row: Link) -> AuditFinding:
        return self._twice(row.seq, row.line, "inserted", "not among the sealed rows")

    def _only_sealed(self, line: bytes) -> AuditFinding:
        return self._twice(json.loads(line)["seq"], line, "missing", "sealed, and not there any more")

    def _twice(self, seq: int, line: bytes, problem: str, detail: str) -> AuditFinding:
        """The finding; of a row that is found put in here and missing there, that it was moved."""
        key = content(line)
        if key in self._alone and self._alone[key].problem != problem:
            return AuditFinding(seq=seq, problem="moved", detail=f"also row {self._alone[key].seq}")
        self._alone[key] = AuditFinding(seq=seq, problem=problem, detail=detail)
        return self._alone[key]


def _same(ours: bytes, theirs: bytes | None) -> bool:
    return theirs is None or ours == theirs or content(ours) == content(theirs)


def content(line: bytes) -> bytes:
    """A row's line without its number and what it hangs on: what a person would call the row."""
    start = line.rindex(b',"previous":"')
    return line[:start] + line[line.index(b',"subject":', start) :]
