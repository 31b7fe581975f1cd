"""Sealing of the audit log: once a day its new rows, with a signed and stamped head over them, stand in the archive.

What the database says afterwards is compared with what was sealed: there a chain can be recomputed, here it cannot.
"""

from __future__ import annotations

import fcntl
import gzip
import hashlib
import shutil
from collections.abc import Callable, Container, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine

from archive.seals import (
    HEAD,
    ROWS,
    SIGNATURE,
    SealHead,
    is_sealed,
    iter_seals,
    read_head,
    read_rows,
    seal_id,
    store_seal,
)
from archive.store import ObjectStore
from pipeline.landing import sync_file, sync_folder
from pipeline.workshop import Workshop
from registry import audit, facts, signers
from registry.chain import GENESIS, AuditFinding, Link, check, sealed_link
from registry.database import read, write
from registry.errors import FixityMismatch, KeyNotFound, KeyTaken
from registry.merkle import Tree
from registry.rows import snapshot
from registry.values import Value, Verdict, utc_now
from signing.detached import DetachedVerdict, check_bytes
from signing.validate import TrustStore

FACT = "audit-seal"


class Seal(Value):
    """A seal that stands in the archive. stamped: whether a timestamp authority vouches for its time; stamped_to,
    stamped_at: up to which row the newest timestamp reaches, and when that was, where this one has none."""

    number: int
    first_seq: int
    last_seq: int
    head: str
    made_at: datetime
    stamped: bool
    stamped_to: int = 0
    stamped_at: datetime | None = None


class LogVerdict(Value):
    """The state of the audit log. rows, head: of the chain as it stands in the database; sealed: the last row that a
    seal covers; seals: how many of ours there are; signers: SHA-256 of the certificates that made them, to be compared
    with what the agency says; stamped_to: the last row of which a timestamp authority vouches for a time, and
    stamped_at, when: it was there by then, as all before it. What was sealed since has the agency's word alone."""

    rows: int
    head: str
    sealed: int
    seals: int
    stamped_to: int
    stamped_at: datetime | None
    signers: tuple[str, ...]
    findings: tuple[AuditFinding, ...]

    @property
    def ok(self) -> bool:
        return not self.findings


def seal_log(shop: Workshop, *, actor: str = "sohoa", due: Callable[[], bool] = lambda: True) -> Seal | None:
    """All rows that the log has now are sealed; None when there is none that was not. One that was interrupted is
    completed before; one at a time, a second call waits. Safe to repeat.

    due: asked when it is this call's turn; None where another process has just done it.

    Raises FixityMismatch when the log does not hang together any more (nothing is sealed then), SigningFailed,
    ServiceUnavailable, OSError.
    """
    folder = shop.folder("work") / "audit-seal"
    made: Seal | None = None
    with _alone(folder):
        if not due():
            return None
        for half in folder.glob("*.part"):
            shutil.rmtree(half)
        for left in sorted(p for p in folder.iterdir() if p.is_dir()):
            made = _keep(shop, left, actor)
        remember_signer(shop, actor=actor)
        written = _write(shop, folder)
        return _keep(shop, written, actor) if written else made


def remember_signer(shop: Workshop, *, actor: str) -> None:
    """The certificate of the key that signs here is one of the installation's signers. Safe to repeat.

    Of a log that was sealed before signers were remembered, who made the first seal is one as well. Raises
    SigningFailed, ServiceUnavailable.
    """
    sha256, name = shop.station.own_signer
    with read(shop.engine) as conn:
        held = signers.fingerprints(conn)
    if held is not None and sha256 in held:
        return
    first = None if held is not None else _first_signer(shop.store, shop.station.trust)
    with write(shop.engine) as conn:
        if first is not None:
            signers.remember(conn, first.signer, name=first.signed_by, why="first-seal", actor=actor)
        signers.remember(conn, sha256, name=name, why="used", actor=actor)


def stamped_at(fact: Mapping[str, Any]) -> datetime | None:
    """When a timestamp last reached a seal, by what the registry keeps of the newest; None for never."""
    told = fact.get("stamped_at") or (fact.get("made_at") if fact.get("stamped", True) else None)
    return datetime.fromisoformat(told) if told else None


def verify_log(
    engine: Engine,
    store: ObjectStore,
    trust: TrustStore,
    progress: Callable[[int], None] = lambda _rows: None,
    *,
    own: Container[str] = (),
) -> LogVerdict:
    """Every row that was changed, dropped, put in or moved since it was sealed, also where the whole chain was
    recomputed, and every seal that does not hold or that somebody else signed. Rows that are not sealed yet, or only in
    somebody else's seal, are held by the chain alone.

    own: certificates of the installation's keys, besides those that the registry knows of. progress is told
    every so often how many rows were looked at. About ten seconds for a million.
    """
    seals = _Seals(store, trust)
    with read(engine) as conn:
        known, held = facts.get(conn, FACT), signers.fingerprints(conn)
    heads = seals.of_ours(seals.heads(int(known[0]["number"]) if known else 0), held, own)
    with snapshot(engine) as conn:  # after the seals: each row that they have stands in it
        last, head = audit.head(conn)
        found = list(check(_counted(audit.rows_after(conn), progress), seals.lines(heads)))
    return LogVerdict(
        rows=last,
        head=head,
        sealed=max((told.last_seq for told in heads if told), default=0),
        seals=sum(told is not None for told in heads),
        stamped_to=seals.stamped_to,
        stamped_at=seals.stamped_at,
        signers=seals.signers,
        findings=tuple(sorted([*found, *seals.findings], key=lambda f: f.seq)),
    )


def take_over_sealed(conn: Connection, store: ObjectStore) -> int:
    """Rows that were sealed and are not in the log any more are there again; how many. For a log that is just being
    restored: where it went on another way since, nothing is taken over."""

    def rows() -> Iterator[bytes]:
        for number in iter_seals(store):
            told, _, _ = read_head(store, number)
            if told.last_seq > audit.head(conn)[0]:
                yield from read_rows(store, told)

    try:
        return audit.take_over(conn, map(sealed_link, rows()))
    except (FixityMismatch, KeyNotFound, ValueError):
        return 0


class _Seals:
    """The seals of a store: what they say, and what of them does not hold."""

    def __init__(self, store: ObjectStore, trust: TrustStore) -> None:
        self._store, self._trust = store, trust
        self.findings: list[AuditFinding] = []
        self.stamped_to = 0
        self.stamped_at: datetime | None = None
        self.signers: tuple[str, ...] = ()
        self._verdicts: dict[int, DetachedVerdict] = {}

    def heads(self, known: int) -> list[SealHead | None]:
        """Of every seal its head, None for one that is gone or cannot be trusted. known: so many were made."""
        numbers = set(iter_seals(self._store))
        found: list[SealHead | None] = []
        before: bytes | None = None
        for number in range(1, max([known, *numbers]) + 1):
            first = found[-1].last_seq + 1 if found and found[-1] else 0
            told, before = self._head(number, first, found[-1] if found else None, before)
            found.append(told)
        return found

    def _head(
        self, number: int, first: int, last: SealHead | None, before: bytes | None
    ) -> tuple[SealHead | None, bytes | None]:
        problem = "seal-changed"
        try:
            told, body, signature = read_head(self._store, number)
        except KeyNotFound:
            problem, told = "seal-missing", None
        except FixityMismatch:
            told = None
        if told is None or told.number != number or not _follows(told, last, before):
            self._bad(number, told.first_seq if told else first, problem)
            return None, None
        verdict = check_bytes(body, signature, self._trust)
        if verdict.indication != Verdict.PASSED:
            failed = verdict.indication == Verdict.FAILED
            self._bad(number, told.first_seq, problem if failed else "seal-unsigned")
            if failed:
                return None, None
        else:
            self._verdicts[number] = verdict
        return told, body

    def of_ours(
        self, heads: list[SealHead | None], held: frozenset[str] | None, own: Container[str]
    ) -> list[SealHead | None]:
        """The same without those that hold, but by somebody else's signature: an anchor vouches for many.

        Ours are the signers that the registry knows, those of the installation's keys, and whom seals of ours name. Of
        a log that nobody remembered signers of, the first seal's is believed.
        """
        accepted = set(held) if held is not None else {v.signer for v in list(self._verdicts.values())[:1]}
        judged = [
            (told, self._verdicts[told.number].signer) for told in heads if told and told.number in self._verdicts
        ]
        ours: set[int] = set()
        while True:
            more = [(t, by) for t, by in judged if t.number not in ours and (by in accepted or by in own)]
            if not more:
                break
            for told, by in more:
                ours.add(told.number)
                accepted |= {by, *told.signers}
        for told, by in judged:
            if told.number not in ours:
                self._bad(told.number, told.first_seq, "seal-foreign", by)
        stamped = [(t, time) for t, _ in judged if t.number in ours and (time := self._verdicts[t.number].best_time)]
        if stamped:
            self.stamped_to, self.stamped_at = stamped[-1][0].last_seq, stamped[-1][1]
        self.signers = tuple(dict.fromkeys(by for told, by in judged if told.number in ours))
        foreign = {told.number for told, _ in judged} - ours
        return [None if told and told.number in foreign else told for told in heads]

    def lines(self, heads: list[SealHead | None]) -> Iterator[bytes | None]:
        """The sealed rows from the first on, None for each that no seal can tell of any more."""
        expected = 1
        for told in heads:
            if told is None:
                continue
            for _ in range(expected, told.first_seq):
                yield None
            try:
                for _line in read_rows(self._store, told):  # to its end first: a damaged seal accuses no row
                    pass
                yield from read_rows(self._store, told)
            except (FixityMismatch, KeyNotFound):
                self._bad(told.number, told.first_seq, "seal-changed")
                for _ in range(told.first_seq, told.last_seq + 1):
                    yield None
            expected = told.last_seq + 1

    def _bad(self, number: int, first: int, problem: str, signer: str = "") -> None:
        detail = f"{seal_id(number)} {signer}".rstrip()
        self.findings.append(AuditFinding(seq=first, problem=problem, detail=detail))


def _follows(told: SealHead, last: SealHead | None, before: bytes | None) -> bool:
    """Whether the seal goes on where the one before ends; of one whose forerunner is gone nothing is known."""
    if last is None or before is None:
        return told.number > 1 or (told.first_seq == 1 and told.previous == GENESIS and told.before is None)
    joined = told.first_seq == last.last_seq + 1 and told.previous == last.head
    return joined and told.before == hashlib.sha256(before).hexdigest()


def _first_signer(store: ObjectStore, trust: TrustStore) -> DetachedVerdict | None:
    """Who signed the log's first seal; None where there is none that holds."""
    try:
        _, body, signature = read_head(store, 1)
    except (KeyNotFound, FixityMismatch):
        return None
    found = check_bytes(body, signature, trust)
    return found if found.indication == Verdict.PASSED else None


def _newest(store: ObjectStore, known: int) -> tuple[SealHead, bytes] | None:
    """The last seal, known or not: a registry that was restored may know fewer than there are."""
    number = known
    while is_sealed(store, number + 1):
        number += 1
    if number == 0:
        return None
    told, body, _ = read_head(store, number)
    return told, body


def _write(shop: Workshop, folder: Path) -> Path | None:
    """Everything that belongs to the next seal lies in a folder named after its number, on disk; None for no rows."""
    with snapshot(shop.engine) as conn:
        known = facts.get(conn, FACT)
        newest = _newest(shop.store, int(known[0]["number"]) if known else 0)
        last, digest = (newest[0].last_seq, newest[0].head) if newest else (0, GENESIS)
        number = newest[0].number + 1 if newest else 1
        if audit.head(conn)[0] <= last:
            return None
        part = folder / f"{number:06}.part"
        part.mkdir()
        tree, rows, end, final = Tree(), hashlib.sha256(), last, digest
        with gzip.GzipFile(part / ROWS, "wb", mtime=0) as packed:
            for row in audit.rows_after(conn, last):
                if row.seq != end + 1 or row.previous != final or row.stored != row.digest:
                    raise FixityMismatch(f"the audit log does not hold at row {row.seq}: see `sohoa audit verify`")
                packed.write(row.line + b"\n")
                rows.update(row.line + b"\n")
                tree.add(bytes.fromhex(row.digest))
                end, final = row.seq, row.digest
        installation = facts.get(conn, "installation")
        ours = signers.known(conn) or ()
    head = SealHead(
        number=number,
        first_seq=last + 1,
        last_seq=end,
        previous=digest,
        head=final,
        rows_sha256=rows.hexdigest(),
        tree=tree.head().hex(),
        before=hashlib.sha256(newest[1]).hexdigest() if newest else None,
        made_at=utc_now(),
        installation=str(installation[0]) if installation else "",
        program=f"sohoa {version('sohoa')}",
        signers=tuple(one.sha256 for one in ours),
    )
    body = head.model_dump_json(indent=1).encode()
    (part / HEAD).write_bytes(body)
    (part / SIGNATURE).write_bytes(shop.station.sign_bytes(body).der)
    for path in part.iterdir():
        sync_file(path)
    sync_folder(part)
    whole = part.with_suffix("")
    part.rename(whole)
    sync_folder(folder)
    return whole


def _keep(shop: Workshop, folder: Path, actor: str) -> Seal:
    """The written seal stands in the archive, and the registry knows it; its files here are gone."""
    head = SealHead.model_validate_json((folder / HEAD).read_bytes())
    try:
        store_seal(shop.store, head, {name: folder / name for name in (ROWS, HEAD, SIGNATURE)})
    except KeyTaken:  # another machine's: the next call goes on behind it
        shutil.rmtree(folder)
        raise
    body, signature = (folder / HEAD).read_bytes(), (folder / SIGNATURE).read_bytes()
    verdict = check_bytes(body, signature, shop.station.trust)
    time = verdict.best_time if verdict.indication == Verdict.PASSED else None
    with write(shop.engine) as conn:
        known = facts.get(conn, FACT)
        made = Seal(
            number=head.number,
            first_seq=head.first_seq,
            last_seq=head.last_seq,
            head=head.head,
            made_at=head.made_at,
            stamped=time is not None,
            stamped_to=head.last_seq if time else known[0].get("stamped_to", 0) if known else 0,
            stamped_at=time or (stamped_at(known[0]) if known else None),
        )
        facts.put(conn, FACT, made.model_dump(mode="json"))
        told = {"rows": head.last_seq - head.first_seq + 1, "stamped": made.stamped}
        audit.append(conn, actor=actor, action="seal-audit", subject=seal_id(head.number), detail=told)
    shutil.rmtree(folder)
    return made


def _counted(rows: Iterator[Link], progress: Callable[[int], None]) -> Iterator[Link]:
    for number, row in enumerate(rows, 1):
        if number % 10_000 == 0:
            progress(number)
        yield row


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """No other process of this machine seals meanwhile; another machine's would find its number taken."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
