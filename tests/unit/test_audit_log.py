"""The audit log: whatever is done to a row that was sealed is found, and said of the row that it was done to."""

from __future__ import annotations

import hashlib
import json
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from rich.console import Console
from sqlalchemy import Engine, create_engine

from app import checks
from app.restore import restore
from app.setup import initialise
from app.signers import OwnSigners, accept
from app.wiring import Wiring, opened
from archive.fixity import audit as audit_store
from archive.ocfl import root_of
from archive.seals import read_head, read_rows, seal_id
from pipeline.backup import make_backup
from pipeline.sealing import LogVerdict, seal_log, take_over_sealed, verify_log
from registry import audit, facts, signers
from registry.chain import GENESIS, AuditFinding, check, digest_of, line_of, links
from registry.database import open_registry, read, write
from registry.errors import FixityMismatch
from registry.merkle import Tree, head_of, proof
from registry.values import Verdict, utc_now
from signing.detached import check_bytes
from signing.keys import KeyRing, RingKey
from signing.validate import TrustStore
from tests.desk import SOHOA

ACTIONS = ("claim", "view", "download", "approve", "archive", "reuse", "login", "login-failed", "quarantine", "search")
COLUMNS = ("at", "actor", "action", "subject", "unit", "detail", "previous", "hash", "seq")
ROWS = 44
Rows = list[dict[str, object]]


@dataclass
class Sealed:
    """An installation whose log has two seals, and a copy of its registry for every misdeed."""

    wiring: Wiring
    folder: Path
    number: int = 0

    def verify(self, engine: Engine | None = None) -> LogVerdict:
        return verify_log(engine or self.wiring.engine, self.wiring.store, self.wiring.trust)

    def after(self, misdeed: Callable[[Rows], Rows], *, recomputed: bool) -> LogVerdict:
        """The verdict on the log as somebody with the database in hands left it."""
        self.number += 1
        copy = self.folder / f"{self.number}.sqlite"
        with sqlite3.connect(self.wiring.settings.home / "registry.sqlite") as source, sqlite3.connect(copy) as db:
            source.backup(db)
            db.row_factory = sqlite3.Row
            rows = [dict(row) for row in db.execute("SELECT * FROM audit ORDER BY seq")]
            changed = misdeed(rows)
            db.execute("DELETE FROM audit")
            db.executemany(
                f"INSERT INTO audit VALUES ({','.join(':' + n for n in rows[0])})",
                forged(changed) if recomputed else changed,
            )
        db.close()
        source.close()
        engine = create_engine(f"sqlite:///{copy}")
        try:
            return self.verify(engine)
        finally:
            engine.dispose()
            copy.unlink()


def forged(rows: Rows) -> Rows:
    """The same rows, numbered and chained anew from the first to the last: a chain that holds by itself."""
    previous, made = GENESIS, []
    for seq, row in enumerate(rows, 1):
        told = {**row, "seq": seq, "previous": previous, "detail": json.loads(str(row["detail"]))}
        told.pop("hash")
        previous = digest_of(line_of(told))
        made.append({**row, "seq": seq, "previous": told["previous"], "hash": previous})
    return made


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sealed]:
    folder = tmp_path_factory.mktemp("sealed")
    initialise(folder / "home", demo=False, agency="Ủy ban nhân dân xã An Hòa")
    with opened(folder / "home") as wiring:
        with read(wiring.engine) as conn:
            made, _ = audit.head(conn)  # what making an installation left in the log
        for number in range(made, ROWS):
            if number == ROWS // 2:
                assert seal_log(wiring.workshop) is not None
            with write(wiring.engine) as conn:
                detail = {"purpose": "dossier", "lý do": f"lần {number}"} if number % 3 else {}
                action, unit = ACTIONS[number % len(ACTIONS)], "H99.32" if number % 2 else None
                audit.append(conn, actor="motcua", action=action, subject=f"giấy-{number}", unit=unit, detail=detail)
        assert seal_log(wiring.workshop) is not None
        yield Sealed(wiring, folder)


def test_a_log_that_nobody_touched_holds(sealed: Sealed) -> None:
    found = sealed.verify()
    assert found.ok and found.seals == 2 and found.sealed == ROWS + 1 and found.rows == ROWS + 2
    assert found.stamped_at is not None and found.stamped_to == found.sealed
    assert audit_store(sealed.wiring.store).seals == 2 and audit_store(sealed.wiring.store).ok


def test_a_timestamp_reaches_so_far_and_its_absence_is_an_alarm(tmp_path: Path) -> None:
    """A seal without a time of its own is proven by the one behind it, or not at all: neither may look stamped."""
    home = tmp_path / "home"
    initialise(home, demo=True, agency="Ủy ban nhân dân xã An Hòa")
    toml = (home / "sohoa.toml").read_text()
    with opened(home) as wiring:
        first = seal_log(wiring.workshop)
        assert first is not None and first.stamped and first.stamped_to == first.last_seq
    (home / "sohoa.toml").write_text(toml.replace('tsa = "development"', 'tsa = "http://127.0.0.1:9"'))
    with opened(home) as wiring:
        second = seal_log(wiring.workshop)
        assert second is not None and not second.stamped and second.last_seq > first.last_seq
        assert (second.stamped_to, second.stamped_at) == (first.last_seq, first.stamped_at)
        found = verify_log(wiring.engine, wiring.store, wiring.trust)
        assert found.ok and (found.sealed, found.stamped_to) == (second.last_seq, first.last_seq)
        assert found.stamped_at == first.stamped_at
        assert checks.sealed(wiring).ok, "for a day or two the authority may be away"
        command = [*SOHOA, "audit", "verify", "--home", str(home)]
        shown = subprocess.run(command, capture_output=True, text=True, check=True)
        assert f"chứng minh đến dòng {first.last_seq}." in shown.stdout
        assert f"Dòng {first.last_seq + 1}–{second.last_seq}: niêm phong chưa có dấu thời gian" in shown.stdout
        old = utc_now() - timedelta(days=4)
        with write(wiring.engine) as conn:
            facts.put(conn, "audit-seal", second.model_copy(update={"stamped_at": old}).model_dump(mode="json"))
        assert seal_log(wiring.workshop) is not None, "sealed today, as every day"
        alarm = checks.sealed(wiring)
        assert not alarm.ok and "96 giờ" in alarm.detail and "signing.tsa" in alarm.fix
    (home / "sohoa.toml").write_text(toml)
    with opened(home) as wiring:
        last = seal_log(wiring.workshop)
        found = verify_log(wiring.engine, wiring.store, wiring.trust)
        assert last is not None and found.stamped_to == found.sealed == last.last_seq, "covers those before as well"
        assert checks.sealed(wiring).ok


def other(column: str, row: dict[str, object]) -> object:
    return {"seq": 900, "unit": "H99.99", "detail": '{"purpose":"inspection"}', "previous": "a" * 64,
            "hash": "b" * 64, "at": "2020-01-01T00:00:00.000000+00:00"}.get(column, f"{row[column]}x")  # fmt: skip


@pytest.mark.parametrize("recomputed", [False, True])
@pytest.mark.parametrize("column", COLUMNS)
def test_a_changed_column_is_found_in_every_kind_of_row(sealed: Sealed, column: str, recomputed: bool) -> None:
    for at in (0, 7, 22, 44):

        def misdeed(rows: Rows, at: int = at) -> Rows:
            return [{**row, column: other(column, row)} if i == at else row for i, row in enumerate(rows)]

        found = sealed.after(misdeed, recomputed=recomputed)
        if recomputed and column in ("previous", "hash", "seq"):
            assert found.ok, "what is computed anew is as it was"
        else:
            seq = at + 1 if column != "seq" else 900
            assert seq in {f.seq for f in found.findings}, (column, at)
            if recomputed:
                assert [(f.seq, f.problem) for f in found.findings] == [(seq, "changed")]


@pytest.mark.parametrize("recomputed", [False, True])
@pytest.mark.parametrize("at", range(0, ROWS, 6))
def test_a_dropped_row_is_named(sealed: Sealed, at: int, recomputed: bool) -> None:
    found = sealed.after(lambda rows: rows[:at] + rows[at + 1 :], recomputed=recomputed)
    assert (at + 1, "missing") in {(f.seq, f.problem) for f in found.findings}
    assert len(found.findings) == 1


@pytest.mark.parametrize("at", range(1, ROWS, 7))
def test_a_row_that_was_put_in_is_named(sealed: Sealed, at: int) -> None:
    def misdeed(rows: Rows) -> Rows:
        return [*rows[:at], {**rows[at], "actor": "ke-gian"}, *rows[at:]]

    found = sealed.after(misdeed, recomputed=True)
    assert [(f.seq, f.problem) for f in found.findings] == [(at + 1, "inserted")]


@pytest.mark.parametrize("recomputed", [False, True])
@pytest.mark.parametrize(("here", "there"), [(0, 1), (5, 6), (20, 22), (3, 40), (21, 23), (42, 43)])
def test_rows_that_changed_places_are_named(sealed: Sealed, here: int, there: int, recomputed: bool) -> None:
    def misdeed(rows: Rows) -> Rows:
        rows = [dict(row) for row in rows]
        if recomputed:
            rows[here], rows[there] = rows[there], rows[here]
        else:
            rows[here]["seq"], rows[there]["seq"] = rows[there]["seq"], rows[here]["seq"]
        return rows

    named = {f.seq for f in sealed.after(misdeed, recomputed=recomputed).findings}
    assert {here + 1, there + 1} <= named if abs(here - there) == 1 or not recomputed else named


@pytest.mark.parametrize("left", [0, 1, 10, 22, 23, 30, ROWS])
def test_rows_cut_off_at_the_end_are_named(sealed: Sealed, left: int) -> None:
    found = sealed.after(lambda rows: rows[:left], recomputed=False)
    assert [(f.seq, f.problem) for f in found.findings] == [(seq, "missing") for seq in range(left + 1, ROWS + 2)]


def test_another_log_altogether_is_not_taken_for_this_one(sealed: Sealed) -> None:
    found = sealed.after(lambda rows: [{**row, "actor": "ai-do"} for row in rows], recomputed=True)
    assert {f.seq for f in found.findings} == set(range(1, ROWS + 2))


def test_a_seal_that_is_gone_or_changed_is_told_and_accuses_no_row(sealed: Sealed, tmp_path: Path) -> None:
    home = tmp_path / "home"
    shutil.copytree(sealed.wiring.settings.home, home)
    with opened(home) as wiring:
        root = home / "archive" / root_of(seal_id(1))
        kept = {name: (root / "v1" / "content" / name).read_bytes() for name in ("head.json", "rows.jsonl.gz")}
        for name, body in kept.items():
            path = root / "v1" / "content" / name
            path.chmod(0o644)
            path.write_bytes(body[:-20] + bytes([body[-20] ^ 1]) + body[-19:])
            found = verify_log(wiring.engine, wiring.store, wiring.trust).findings
            assert found == (AuditFinding(seq=found[0].seq, problem="seal-changed", detail=seal_id(1)),)
            path.write_bytes(body)
        shutil.rmtree(root)
        [finding] = verify_log(wiring.engine, wiring.store, wiring.trust).findings
        assert (finding.problem, finding.detail) == ("seal-missing", seal_id(1))
        shutil.rmtree(home / "archive" / root_of(seal_id(2)))
        found = verify_log(wiring.engine, wiring.store, wiring.trust).findings
        assert [f.detail for f in found] == [seal_id(1), seal_id(2)], "the registry knows that there were two"


def test_a_seal_of_another_key_is_not_trusted(sealed: Sealed, tmp_path: Path) -> None:
    initialise(tmp_path / "other", demo=False, agency="Nơi khác")
    with opened(tmp_path / "other") as stranger:
        found = verify_log(sealed.wiring.engine, sealed.wiring.store, stranger.trust).findings
    assert [f.problem for f in found] == ["seal-unsigned", "seal-unsigned"]


def test_a_seal_of_another_customer_of_an_anchor_is_not_ours(sealed: Sealed, tmp_path: Path) -> None:
    """Its authority is an anchor, as a public one is: it holds, it goes on where ours end, and is a stranger's."""
    home = tmp_path / "home"
    shutil.copytree(sealed.wiring.settings.home, home)
    initialise(tmp_path / "other", demo=False, agency="Nơi khác")
    shutil.copy(tmp_path / "other/keys/trust/development-root.pem", home / "keys" / "trust" / "theirs.pem")
    with opened(home) as wiring, opened(tmp_path / "other") as other:
        ours, theirs = wiring.station.own_signer[0], other.station.own_signer[0]
        sign = wiring.station.sign_bytes
        wiring.station.sign_bytes = other.station.sign_bytes  # type: ignore[method-assign]
        assert seal_log(wiring.workshop) is not None
        found = verify_log(wiring.engine, wiring.store, wiring.trust, own=OwnSigners(wiring))
        assert [(f.problem, f.detail) for f in found.findings] == [("seal-foreign", f"{seal_id(3)} {theirs}")]
        assert found.signers == (ours,) and found.seals == 2 and found.sealed == ROWS + 1
        wiring.station.sign_bytes = sign  # type: ignore[method-assign]
        assert seal_log(wiring.workshop) is not None, "the office is not locked out"
        found = verify_log(wiring.engine, wiring.store, wiring.trust)
        assert [f.problem for f in found.findings] == ["seal-foreign"] and found.seals == 3
        accept(wiring, theirs, actor="an")
        assert verify_log(wiring.engine, wiring.store, wiring.trust).ok, "a person says that it was a former key"


def test_who_signs_is_remembered_by_the_seals_where_the_registry_knows_nothing(sealed: Sealed, tmp_path: Path) -> None:
    shutil.copytree(sealed.wiring.settings.home, tmp_path / "home")
    with opened(tmp_path / "home") as wiring:
        ours = wiring.station.own_signer[0]
        with write(wiring.engine) as conn:
            conn.exec_driver_sql("DELETE FROM facts WHERE name = 'signers'")
        found = verify_log(wiring.engine, wiring.store, wiring.trust)
        assert found.ok and found.signers == (ours,)
        assert seal_log(wiring.workshop) is not None
        with read(wiring.engine) as conn:
            assert signers.fingerprints(conn) == {ours}


def test_where_every_key_lies_with_officials_a_seal_has_a_timestamp_alone(sealed: Sealed, tmp_path: Path) -> None:
    shutil.copytree(sealed.wiring.settings.home, tmp_path / "home")
    with opened(tmp_path / "home") as wiring:
        wiring.station._keys = KeyRing((RingKey(name="official"),))
        made = seal_log(wiring.workshop)
        assert made is not None and made.stamped
        assert verify_log(wiring.engine, wiring.store, wiring.trust).ok
        _, body, token = read_head(wiring.store, made.number)
        assert check_bytes(body, token, wiring.trust).indication == Verdict.PASSED
        assert check_bytes(body + b" ", token, wiring.trust).indication == Verdict.FAILED
        assert check_bytes(body, token, TrustStore(())).indication == Verdict.INDETERMINATE


def test_a_log_that_does_not_hold_is_not_sealed(sealed: Sealed, tmp_path: Path) -> None:
    shutil.copytree(sealed.wiring.settings.home, tmp_path / "home")
    with opened(tmp_path / "home") as wiring:
        with write(wiring.engine) as conn:
            conn.exec_driver_sql(f"UPDATE audit SET actor = 'x' WHERE seq = {ROWS + 2}")
        with pytest.raises(FixityMismatch):
            seal_log(wiring.workshop)


def test_an_interrupted_seal_is_completed_and_an_empty_stretch_is_not_sealed(sealed: Sealed, tmp_path: Path) -> None:
    shutil.copytree(sealed.wiring.settings.home, tmp_path / "home")
    with opened(tmp_path / "home") as wiring:
        made = seal_log(wiring.workshop)
        assert made is not None and (made.first_seq, made.last_seq, made.number) == (ROWS + 2, ROWS + 2, 3)
        left = wiring.folder("work") / "audit-seal" / "000004"
        shutil.copytree(tmp_path / "home" / "archive" / root_of(seal_id(3)) / "v1" / "content", left)
        left.rename(left.with_name("000003"))
        seal_log(wiring.workshop)
        assert verify_log(wiring.engine, wiring.store, wiring.trust).ok
        assert not list((wiring.folder("work") / "audit-seal").glob("0*"))


def test_the_log_is_taken_over_from_its_seals_into_an_empty_registry(sealed: Sealed, tmp_path: Path) -> None:
    engine = open_registry(f"sqlite:///{tmp_path / 'new.sqlite'}")
    with write(engine) as conn:
        assert take_over_sealed(conn, sealed.wiring.store) == ROWS + 1
        assert take_over_sealed(conn, sealed.wiring.store) == 0, "once is enough"
    assert sealed.verify(engine).ok
    with read(engine) as conn:
        assert audit.head(conn)[1] == read_head(sealed.wiring.store, 2)[0].head
    engine.dispose()


def test_a_restore_brings_back_the_rows_that_were_sealed_after_the_backup(sealed: Sealed, tmp_path: Path) -> None:
    shutil.copytree(sealed.wiring.settings.home, tmp_path / "home")
    with opened(tmp_path / "home") as wiring:
        made = make_backup(wiring.settings, wiring.engine, wiring.store, actor="t")
        with write(wiring.engine) as conn:
            audit.append(conn, actor="motcua", action="view", subject="sau-bản-sao-lưu")
        seal = seal_log(wiring.workshop)
        assert seal is not None
    fresh = tmp_path / "fresh"
    fresh.mkdir()
    for name in ("archive", "archive.locks"):
        (tmp_path / "home" / name).rename(fresh / name)
    (fresh / "sohoa.toml").write_text("")
    back = restore(fresh, actor="t", console=Console(quiet=True))
    assert back.backup == made.id and back.audit_holds
    with opened(fresh) as wiring:
        with read(wiring.engine) as conn:
            assert audit.head(conn)[0] > seal.last_seq
        found = verify_log(wiring.engine, wiring.store, wiring.trust)
        assert found.ok and found.sealed == seal.last_seq and found.seals == seal.number


def test_a_row_is_proven_under_the_head_of_its_seal_without_the_other_rows(sealed: Sealed) -> None:
    for number in (1, 2):
        told, _, _ = read_head(sealed.wiring.store, number)
        hashes = [bytes.fromhex(digest_of(line)) for line in read_rows(sealed.wiring.store, told)]
        for index, entry in enumerate(hashes):
            path = proof(hashes, index)
            assert head_of(entry, index, len(hashes), path) == bytes.fromhex(told.tree)
            assert head_of(entry, index + 1, len(hashes), path) != bytes.fromhex(told.tree)
            assert head_of(hashlib.sha256(entry).digest(), index, len(hashes), path) != bytes.fromhex(told.tree)


@pytest.mark.parametrize("size", range(1, 20))
def test_trees_of_every_size_have_proofs(size: int) -> None:
    entries, tree = [bytes([n]) * 32 for n in range(size)], Tree()
    for entry in entries:
        tree.add(entry)
    for index, entry in enumerate(entries):
        path = proof(entries, index)
        assert head_of(entry, index, size, path) == tree.head()
        assert head_of(entry, index, size, [*path, entry]) is None
        assert not path or head_of(entry, index, size, path[:-1]) != tree.head()


def test_what_was_put_into_many_rows_at_once_is_told_in_the_right_places() -> None:
    rows = [{"seq": n, "at": "", "actor": "a", "action": "x", "subject": str(n), "unit": None,
             "detail": "{}", "previous": GENESIS, "hash": ""} for n in range(1, 5001)]  # fmt: skip
    truth = forged(rows)
    lines = [link.line for link in links(tuple(row.values()) for row in truth)]
    forgery = forged([*truth[:1000], *truth[1700:3000], *truth[2000:2100], *truth[3000:]])
    found = list(check(links(tuple(row.values()) for row in forgery), lines))
    assert {f.seq for f in found if f.problem == "missing"} == set(range(1001, 1701))
    assert len(found) == 800 and sum(f.problem == "inserted" for f in found) == 100
