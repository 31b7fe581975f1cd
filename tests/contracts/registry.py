"""What the registry must do on every database, also when many do it at once. A subclass gives the address."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, func, select, text
from sqlalchemy.exc import IntegrityError

from registry import (
    audit,
    disposals,
    documents,
    dossiers,
    facts,
    fixity,
    quarantine,
    reads,
    reckoning,
    reuse_events,
    scans,
    tables,
    tray,
    units,
    users,
)
from registry.concurrent import insert_many
from registry.database import open_registry, read, write
from registry.errors import Conflict, DatabaseTooNew, NotAllowed, NotFound
from registry.reads import Purpose, Reader, Why
from registry.values import (
    Description,
    DisposedRecord,
    DocumentId,
    DocumentState,
    Event,
    FieldValue,
    Part,
    Person,
    Role,
    ScanId,
    ScanOfSeveral,
    ScanPass,
    ScanState,
    Split,
    Verdict,
    utc_now,
)
from tests.unit.records import archived, person

CROWD = 8
AT = datetime(2026, 9, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Unit:
    code: str
    name: str
    level: str = "commune"
    parent: str | None = None
    inbox: str = "x"


def facts_in(url: str) -> int:
    engine = open_registry(url)
    with read(engine) as conn:
        return conn.execute(select(func.count()).select_from(tables.facts)).scalar_one()


def claim(engine: Engine, digest: str = "a" * 64, **told: Any) -> scans.Claim:
    facts_of_it = {
        "unit": "H99.32", "dossier_code": None, "component_code": None, "source_path": "/x", "file_name": "x.pdf",
        "size_bytes": 1, "claimed_by": "test", **told,
    }  # fmt: skip
    with write(engine) as conn:
        return scans.claim(conn, sha256=digest, **facts_of_it)


def document(engine: Engine, number: int = 1, unit: str = "H99.32") -> DocumentId:
    """A document being read, with its scan."""
    scan = claim(engine, f"{number:064x}", unit=unit).scan
    document_id = DocumentId(f"00000000-0000-4000-8000-{number:012d}")
    with write(engine) as conn:
        documents.create(
            conn, document_id=document_id, scan_id=scan.id, unit=unit, dossier_code=None, component_code=None,
            original_sha256=scan.sha256, page_count=1,
        )  # fmt: skip
    return document_id


def at_once(engine: Engine, act: Callable[[int], Any], number: int = CROWD) -> list[Any]:
    """What each of a crowd got back, or the error it met; all of them began together."""
    together = threading.Barrier(number)

    def one(k: int) -> Any:
        together.wait()
        try:
            return act(k)
        except Conflict as exc:
            return exc

    with ThreadPoolExecutor(number) as pool:
        return list(pool.map(one, range(number)))


class RegistryContract:
    """Inherit as TestX and give a fixture `url`: the address of an empty database."""

    @pytest.fixture
    def engine(self, url: str) -> Iterator[Engine]:
        engine = open_registry(url)
        yield engine
        engine.dispose()

    def test_migrations_lead_to_exactly_the_tables(self, engine: Engine) -> None:
        with engine.connect() as conn:
            assert compare_metadata(MigrationContext.configure(conn), tables.metadata) == []

    def test_many_processes_start_at_once_on_an_empty_database(self, url: str) -> None:
        with ProcessPoolExecutor(4, mp_context=get_context("fork")) as pool:
            assert list(pool.map(facts_in, [url] * 4)) == [0] * 4

    def test_a_newer_database_is_refused_and_left_as_it_is(self, engine: Engine, url: str) -> None:
        with write(engine) as conn:
            conn.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        with pytest.raises(DatabaseTooNew):
            open_registry(url)

    def test_a_reader_sees_one_moment(self, engine: Engine) -> None:
        with read(engine) as conn:
            assert facts.get(conn, "a") is None
            with write(engine) as other:
                facts.put(other, "a", 1)
            assert facts.get(conn, "a") is None
        with read(engine) as conn:
            assert facts.get(conn, "a") is not None

    def test_what_failed_half_way_is_undone(self, engine: Engine) -> None:
        with pytest.raises(NotFound), write(engine) as conn:
            facts.put(conn, "a", 1)
            raise NotFound
        with read(engine) as conn:
            assert facts.get(conn, "a") is None

    def test_of_many_claims_at_once_one_is_fresh(self, engine: Engine) -> None:
        fresh = at_once(engine, lambda _: claim(engine).fresh)
        assert sorted(fresh) == [False] * (CROWD - 1) + [True]

    def test_the_same_bytes_for_another_dossier_are_another_claim(self, engine: Engine) -> None:
        assert claim(engine).fresh
        assert not claim(engine).fresh
        assert claim(engine, dossier_code="H99.32-261102-0001").fresh

    def test_a_reading_is_known_and_found_by_document_account_and_day(self, engine: Engine) -> None:
        purpose, reader = Purpose(why=Why.INSPECTION), Reader(account="kiemtra", role="auditor", session="ab12")
        with write(engine) as conn:
            assert not reads.is_noted(conn, "view", "a", reader, purpose)
            reads.note(conn, "view", "a", "H99.32", reader, purpose)
        with write(engine) as conn:
            reads.note(conn, "view", "b", "H99.34", reader.model_copy(update={"account": "motcua"}), purpose)
        with read(engine) as conn:
            assert reads.is_noted(conn, "view", "a", reader, purpose)
            assert not reads.is_noted(conn, "view", "a", reader, Purpose(why=Why.REQUEST))
            assert [r.document_id for r in reads.find(conn)] == ["b", "a"]
            assert [r.document_id for r in reads.find(conn, units={"H99.32"})] == ["a"]
            assert [r.account for r in reads.find(conn, document_id="b")] == ["motcua"]
            assert reads.find(conn, account="kiemtra", end=utc_now() - timedelta(days=1)) == []
            assert len(reads.find(conn, begin=utc_now() - timedelta(days=1), limit=1)) == 1

    def test_what_an_answer_showed_is_found_by_document_and_unit(self, engine: Engine) -> None:
        purpose, reader = Purpose(why=Why.REQUEST), Reader(account="motcua", role="clerk", session="ab12")
        shown = [("H99.32", "a"), ("H99.34", "b"), ("H99.32", "c"), ("H99.32", "a")]
        with write(engine) as conn:
            reads.note_shown(conn, "search", "index", shown, reader, purpose)
        with write(engine) as conn:
            reads.note_shown(conn, "search", "index", [], reader, purpose)
            reads.note(conn, "view", "a", "H99.32", reader, purpose)
        with read(engine) as conn:
            assert [(r.action, r.shown) for r in reads.find(conn, document_id="a")] == [
                ("view", ()),
                ("search", ("a", "c")),
            ]
            assert [r.document_id for r in reads.find(conn, document_id="b")] == ["b"]
            assert [r.shown for r in reads.find(conn, units={"H99.34"})] == [("b",)]
            assert [r.shown for r in reads.find(conn)] == [(), ("b",), ("a", "c")], "what showed nothing is no reading"
            assert len(reads.find(conn, document_id="a", limit=1)) == 1
            assert reads.find(conn, document_id="request") == reads.find(conn, document_id="%") == []
            assert reads.was_shown(conn, "c", reader, purpose)
            assert not reads.was_shown(conn, "d", reader, purpose)
            assert not reads.was_shown(conn, "c", reader.model_copy(update={"session": "cd34"}), purpose)
            assert not reads.was_shown(conn, "c", reader, Purpose(why=Why.COMPLAINT))

    def test_a_rewritten_log_is_found_by_what_was_sealed(self, engine: Engine) -> None:
        for n in range(1, 6):
            with write(engine) as conn:
                audit.append(conn, actor="a", action="view", subject=str(n), detail={"đọc": n})
        with read(engine) as conn:
            sealed = [row.line for row in audit.rows_after(conn)]
            assert audit.verify(conn, sealed) == []
        with write(engine) as conn:
            conn.execute(text("DELETE FROM audit WHERE seq > 3"))
            audit.append(conn, actor="b", action="view", subject="4")
        with read(engine) as conn:
            assert audit.verify(conn) == [], "a chain that holds by itself"
            assert [(f.seq, f.problem) for f in audit.verify(conn, sealed)] == [(4, "changed"), (5, "missing")]

    @pytest.mark.parametrize(
        ("tampering", "problem"),
        [
            ("UPDATE audit SET action = 'other' WHERE seq = 3", "changed"),
            ("UPDATE audit SET detail = '{\"a\": 9}' WHERE seq = 3", "changed"),
            ("DELETE FROM audit WHERE seq = 3", "missing"),
            ("UPDATE audit SET hash = (SELECT hash FROM audit WHERE seq = 2) WHERE seq = 3", "changed"),
        ],
    )
    def test_the_audit_chain_shows_tampering(self, engine: Engine, tampering: str, problem: str) -> None:
        with write(engine) as conn:
            for n in range(6):
                audit.append(conn, actor="a", action="view", subject=str(n), detail={"a": n})
        with write(engine) as conn:
            assert audit.verify(conn) == []
            conn.execute(text(tampering))
            assert any(f.seq == 3 and f.problem == problem for f in audit.verify(conn))

    def test_swapped_rows_are_found(self, engine: Engine) -> None:
        with write(engine) as conn:
            for n in range(4):
                audit.append(conn, actor="a", action="view", subject=str(n))
            conn.execute(text("UPDATE audit SET seq = 99 WHERE seq = 2"))
            conn.execute(text("UPDATE audit SET seq = 2 WHERE seq = 3"))
            conn.execute(text("UPDATE audit SET seq = 3 WHERE seq = 99"))
            assert audit.verify(conn)

    def test_a_crowd_writes_one_unbroken_chain(self, engine: Engine) -> None:
        def several(k: int) -> None:
            for n in range(12):
                with write(engine) as conn:
                    facts.put(conn, f"k{k % 2}", n)
                    audit.append(conn, actor=f"a{k}", action="view", subject=str(n))

        at_once(engine, several)
        with read(engine) as conn:
            assert audit.verify(conn) == []
            assert audit.head(conn)[0] == audit.count(conn, "view") == CROWD * 12

    def test_a_crowd_doing_everything_at_once_leaves_each_thing_once(self, engine: Engine) -> None:
        held = document(engine)
        with write(engine) as conn:
            dossiers.upsert(conn, dossiers.DossierRow(code="D0", unit="H99.32"))
            documents.set_state(conn, held, DocumentState.REVIEW)
        wanted = [Unit(f"H99.{n}", f"Xã {n}", inbox=f"xa-{n}") for n in range(32, 40)]
        found = Description(fields={"subject": FieldValue(value="x")}, people=(Person(),))
        event = Event(type="capture", at=AT, agent="a")

        def everything(k: int) -> tuple[Any, ...]:
            with write(engine) as conn:
                units.sync(conn, wanted)
                dossiers.ensure(conn, "D1", "H99.32")
                made = dossiers.upsert(conn, dossiers.DossierRow(code="D2", unit="H99.32", official=f"a{k}"))
                facts.put(conn, "reconciliation", k)
                item = quarantine.add(
                    conn, scan_id=None, unit="u", file_name="f", kept_path="/kept", sha256="b" * 64, size_bytes=1,
                    code="empty", detail="",
                )  # fmt: skip
                audit.append(conn, actor="a", action="crowd", subject=str(k))
            with write(engine) as conn:
                documents.save_description(conn, held, found)
                documents.add_event(conn, held, event)
                reused = reuse_events.add(
                    conn, document_id=held, dossier_code="D0", component_code="TP01", unit="u", actor="a",
                    outcome="reused", verdict="TOTAL-PASSED", pdf_sha256="c" * 64, result_code=None,
                )  # fmt: skip
                audit.append(conn, actor="a", action="crowd", subject=str(k))
            return made, item, reused

        told = at_once(engine, everything)
        assert sum(made for made, _, _ in told) == 1
        assert len({item for _, item, _ in told}) == 1 and len({reused.id for _, _, reused in told}) == 1
        with read(engine) as conn:
            assert units.are_current(conn, wanted)
            record = documents.get(conn, held)
            assert len(record.events) == 1 and len(record.people) == 1 and set(record.fields) == {"subject"}
            assert audit.verify(conn) == [] and audit.head(conn)[0] == 2 * CROWD

    def test_of_two_decisions_about_one_document_one_counts(self, engine: Engine) -> None:
        held = document(engine)
        with write(engine) as conn:
            documents.set_state(conn, held, DocumentState.REVIEW)

        def decide(k: int) -> int:
            with write(engine) as conn:
                if documents.get(conn, held, lock=True).state != DocumentState.REVIEW:
                    raise Conflict
                documents.set_state(conn, held, DocumentState.APPROVED, approved_by=f"a{k}")
            return k

        assert len([k for k in at_once(engine, decide) if isinstance(k, int)]) == 1

    def test_a_quarantine_item_is_settled_once(self, engine: Engine) -> None:
        told: dict[str, Any] = {
            "scan_id": None, "unit": "u", "file_name": "f", "sha256": "b" * 64, "size_bytes": 1, "code": "empty",
        }  # fmt: skip
        with write(engine) as conn:
            item = quarantine.add(conn, kept_path="/kept", detail="", **told)
            assert quarantine.add(conn, kept_path="/kept", detail="", **told) == item

        def settle(k: int) -> int:
            with write(engine) as conn:
                quarantine.resolve(conn, item, "retried")
            return k

        assert len([k for k in at_once(engine, settle) if isinstance(k, int)]) == 1
        with write(engine) as conn, pytest.raises(NotFound):
            quarantine.resolve(conn, "nothing", "retried")

    def test_a_login_needs_the_right_password_and_ends_when_the_password_changes(self, engine: Engine) -> None:
        with write(engine) as conn:
            users.add_user(conn, username="an", password="mot-mat-khau", role=Role.CLERK, unit="H99.32")
            assert users.verify_password(conn, "an", "sai") is None
            assert users.verify_password(conn, "ai\0", "mot-mat-khau") is None
            token = users.open_session(conn, "an", 1)
            session = users.session(conn, token)
            assert session is not None and session.user.must_change
            users.change_password(conn, "an", "mat-khau-khac")
            assert users.session(conn, token) is None
            with pytest.raises(NotAllowed):
                users.change_password(conn, "an", "ngan")
            with pytest.raises(Conflict):
                users.add_user(conn, username="an", password="mot-mat-khau", role=Role.CLERK, unit=None)
            stored = conn.execute(text("SELECT password_hash FROM users")).scalar_one()
            assert stored.startswith("$argon2id$")
            expired = users.open_session(conn, "an", 0)
            assert users.session(conn, expired) is None

    def test_facts_of_a_dossier_are_replaced_not_doubled(self, engine: Engine) -> None:
        row = dossiers.DossierRow(code="H99.32-261102-0001", unit="H99.32")
        with write(engine) as conn:
            dossiers.ensure(conn, row.code, row.unit)
            assert not dossiers.upsert(conn, row.model_copy(update={"status": "resolved"}))
        with read(engine) as conn:
            assert dossiers.get(conn, row.code).status == "resolved"

    def test_bad_reading_never_keeps_a_document_out(self, engine: Engine) -> None:
        held = document(engine)
        long = "Nguyễn\0 " * 100
        read_badly = Description(
            kind="x" * 100,
            fields={
                name: FieldValue(value=long, raw_text=long)
                for name in ("subject", "number_symbol", "issuing_agency", "issued_on")
            },
            people=(person(long, "0123456789012345"), Person(date_of_birth=FieldValue(value="1980"))),
        )
        with write(engine) as conn:
            documents.save_description(conn, held, read_badly)
        with read(engine) as conn:
            record = documents.get(conn, held)
            assert record.issued_on is None and record.number_symbol == "Nguyễn� " * 7 + "Nguy"
            assert record.fields["subject"].value == long.replace("\0", "�")
            assert record.people == read_badly.people, "the whole reading stays"
            numbers = conn.execute(select(tables.people.c.id_number)).scalars()
            assert list(numbers) == [None, None], "a number cut short would be somebody else's"

    def test_a_file_name_that_is_no_utf8_is_kept_to_the_byte(self, engine: Engine) -> None:
        odd = Path(os.fsdecode(b"/inbox/xa-an-hoa/\xff h\xe1\xbb\x93 s\xc6\xa1\xed\xa0\x80.pdf"))
        scan = claim(engine, source_path=str(odd), file_name=odd.name).scan
        assert Path(scan.source_path) == odd
        marked = Path("os-bytes:%41")
        with write(engine) as conn:
            scans.update(conn, scan.id, source_path=str(marked), staged_path=str(odd))
            item = quarantine.add(
                conn, scan_id=scan.id, unit=odd.name * 9, file_name=odd.name, kept_path=str(odd), sha256="b" * 64,
                size_bytes=3_000_000_000, code="empty", detail=odd.name,
            )  # fmt: skip
            audit.append(conn, actor=odd.name, action="x", subject=odd.name * 20, detail={"why": odd.name})
        with read(engine) as conn:
            assert (scans.get(conn, scan.id).source_path, scans.get(conn, scan.id).staged_path) == (
                str(marked), str(odd))  # fmt: skip
            assert quarantine.get(conn, item).kept_path == str(odd)
            assert audit.verify(conn) == []
            assert scans.get(conn, scan.id).model_dump_json(exclude={"staged_path"})

    def test_the_tray_shows_what_moved_last(self, engine: Engine) -> None:
        ids = [document(engine, n, unit=f"H99.{32 + n % 20}") for n in range(1, 60)]
        lone = claim(engine, "f" * 64, unit="H99.33").scan
        with write(engine) as conn:
            documents.set_state(conn, ids[3], DocumentState.STALLED, error_code="storage")
            scans.update(conn, ScanId(scans.by_state(conn, ScanState.CLAIMED)[0].id), state=ScanState.DONE)
        with read(engine) as conn:
            everything = tray.latest(conn, None, 10)
            assert [row.document_id for row in everything[:3]] == [ids[3], None, ids[-1]]
            assert everything[0].error_code == "storage" and everything[1].scan_id == lone.id
            many = {f"H99.{n}" for n in range(32, 52)}
            assert tray.latest(conn, many, 10) == everything
            one = tray.latest(conn, {"H99.33"}, 100)
            assert {row.unit for row in one} == {"H99.33"} and len(one) == 4
            assert tray.latest(conn, set(), 10) == []
            assert tray.counts(conn, None) == {"claimed": 59, "done": 1}
            assert tray.counts(conn, {"H99.33"}) == {"claimed": 3, "done": 1}
            assert documents.count_in_state(conn, DocumentState.READING, {"H99.33"}) == 3

    def test_many_rows_go_in_as_one_by_one_would(self, engine: Engine) -> None:
        rows = [{"document_id": document(engine, 1), "position": n, "full_name": "a\0\tb\\N" * 60} for n in range(3)]
        with write(engine) as conn:
            insert_many(conn, tables.people, rows)
            insert_many(conn, tables.people, [])
        with read(engine) as conn:
            held = conn.execute(select(tables.people).order_by(tables.people.c.position)).all()
            assert {(row.role, row.full_name, row.id_number) for row in held} == {("", ("a�\tb\\N" * 60)[:200], None)}
            assert [row.evidence for row in held] == [{}] * 3
        with pytest.raises(IntegrityError), write(engine) as conn:
            insert_many(conn, tables.people, rows)

    def test_records_come_back_together_and_again_without_harm(self, engine: Engine) -> None:
        with write(engine) as conn:
            first = archived(conn, "quyet-dinh", (person("Hòa", "003199000001"),), dossier="D1")
            record = documents.get(conn, first)
            scan = scans.get(conn, ScanId(record.scan_id or ""))
            documents.withdraw(conn, first, why="sai")
            documents.keep_verdict(conn, first, Verdict.PASSED)
        twin = claim(engine, "e" * 64)
        assert twin.fresh
        with write(engine) as conn:
            second = archived(conn, "quyet-dinh", sha256="e" * 64)
            again = archived(conn, "quyet-dinh", (person("Hòa", "003199000001"),), dossier="D1", document_id=first,
                             sha256=scan.sha256)  # fmt: skip
        assert again == first
        with read(engine) as conn:
            after = documents.get(conn, first)
            assert after.state == DocumentState.WITHDRAWN and after.verdict == "TOTAL-PASSED"
            assert (after.fields, after.people, after.events) == (record.fields, record.people, record.events)
            assert documents.count_archived(conn) == 2 == len(documents.archived_ids(conn))
            assert scans.get(conn, twin.scan.id).state == ScanState.CLAIMED, "the claim stays whose it was"
            assert documents.get(conn, second).scan_id == second
            assert set(documents.unindexed(conn, 10)) == {first, second}
        with write(engine) as conn:
            documents.mark_indexed(conn, [first])
            assert documents.unindexed(conn, 10) == [second]

    def test_what_a_scan_holds_stands_as_it_was_found_first(self, engine: Engine) -> None:
        scan = claim(engine).scan
        found = Split(parts=(Part(pages=(1, 2), dossier_code="D1"), Part(pages=(4,))), covers=(0, 3), blanks=(5,))
        with write(engine) as conn:
            assert scans.split_of(conn, scan.id) is None
            assert scans.save_split(conn, scan.id, found) == found
            assert scans.save_split(conn, scan.id, Split(parts=())) == found
            scans.update(conn, scan.id, state=ScanState.IDENTIFIED)
            for number in (1, 0):
                documents.create(
                    conn, document_id=DocumentId(f"d{number}"), scan_id=scan.id, unit="H99.32", dossier_code="D1",
                    component_code=None, original_sha256=scan.sha256, page_count=1, part=number, pages=(number,),
                )  # fmt: skip
        with read(engine) as conn:
            assert scans.split_of(conn, scan.id) == found
            assert documents.of_scan(conn, scan.id) == ["d0", "d1"]
            assert documents.get(conn, "d1").pages == (1,)
            assert [s.id for s in scans.being_read(conn)] == [scan.id], "once, however many of its parts are read"

    def test_a_part_that_went_on_stays_where_it_is_when_its_scan_begins_anew(self, engine: Engine) -> None:
        ids = [document(engine, n) for n in range(1, 4)]
        moved = (DocumentState.REVIEW, DocumentState.REJECTED, DocumentState.READING)
        with write(engine) as conn:
            for document_id, state in zip(ids, moved, strict=True):
                documents.set_state(conn, document_id, state)
            for anew in (False, True):
                for document_id in ids:
                    documents.create(
                        conn, document_id=document_id, scan_id=documents.get(conn, document_id).scan_id or "",
                        unit="H99.32", dossier_code=None, component_code=None, original_sha256="a" * 64, page_count=7,
                        anew=anew,
                    )  # fmt: skip
                states = tuple(documents.get(conn, i).state for i in ids)
                assert states == ((DocumentState.READING,) * 3 if anew else moved)

    def test_parts_come_back_as_parts_of_one_scan(self, engine: Engine) -> None:
        whole = ScanId("11111111-1111-4111-8111-111111111111")
        parts = [
            ScanOfSeveral(scan_id=whole, part=n, parts=3, page_count=6, extract_sha256="d" * 64, dossier_code="D0")
            for n in range(3)
        ]
        for _ in range(2):
            with write(engine) as conn:
                for told in reversed(parts):
                    archived(conn, "quyet-dinh", dossier=f"D{told.part}", sha256="e" * 64, part=told,
                             document_id=DocumentId(f"00000000-0000-4000-8000-00000000000{told.part}"))  # fmt: skip
        with read(engine) as conn:
            held = [documents.get(conn, i) for i in documents.of_scan(conn, whole)]
            assert [(d.part, d.pages, d.dossier_code) for d in held] == [
                (0, (1,), "D0"),
                (1, (3,), "D1"),
                (2, (5,), "D2"),
            ]
            scan = scans.get(conn, whole)
            assert (scan.page_count, scan.dossier_code, scan.state) == (6, "D0", ScanState.DONE)
        assert not claim(engine, "e" * 64, dossier_code="D0").fresh, "the same bytes are known again"

    def test_a_scan_of_two_passes_comes_back_with_both(self, engine: Engine) -> None:
        whole = ScanId("22222222-2222-4222-8222-222222222222")
        passes = (
            ScanPass(file_name="a.pdf", sha256="1" * 64, size_bytes=1, pages=(0, 2)),
            ScanPass(file_name="b.pdf", sha256="2" * 64, size_bytes=2, pages=(3, 1), in_reverse=True),
        )
        for number in (0, 1, 0):
            told = ScanOfSeveral(scan_id=whole, part=number, parts=2, page_count=4, extract_sha256="d" * 64)
            with write(engine) as conn:
                archived(conn, "quyet-dinh", sha256="e" * 64, part=told, passes=passes,
                         document_id=DocumentId(f"00000000-0000-4000-8000-00000000001{number}"))  # fmt: skip
        with read(engine) as conn:
            assert [(p.sha256, p.size_bytes, p.in_reverse) for p in scans.passes_of(conn, whole)] == [
                ("1" * 64, 1, False),
                ("2" * 64, 2, True),
            ]
        digest = scans.pair_digest([(p.sha256, p.in_reverse) for p in passes])
        assert not claim(engine, digest).fresh, "the same pair is known again"

    def test_of_many_claims_of_a_pair_one_is_fresh_and_has_its_two_files(self, engine: Engine) -> None:
        odd = os.fsdecode(b"/inbox/m\xe0t sau.pdf")
        sides = (
            scans.PassRow(number=1, sha256="1" * 64, size_bytes=3 << 30, source_path="/inbox/a.pdf", file_name="a.pdf"),
            scans.PassRow(
                number=2, sha256="2" * 64, size_bytes=7, source_path=odd, file_name="sau.pdf", in_reverse=True
            ),
        )
        digest = scans.pair_digest([(side.sha256, side.in_reverse) for side in sides])
        made = at_once(engine, lambda _: claim(engine, digest, sides=sides))
        assert [c.fresh for c in made].count(True) == 1 and len({c.scan.id for c in made}) == 1
        scan = made[0].scan
        with read(engine) as conn:
            assert scans.passes_of(conn, scan.id) == sides
            found = scans.of_pass(conn, "2" * 64, odd)
            assert found is not None and found.id == scan.id
            assert scans.of_pass(conn, "2" * 64, "/elsewhere.pdf") is None
            assert dict(reckoning.sides_in_flight(conn)).keys() == {scan.id}
            assert not list(reckoning.settled(conn, ["2" * 64]))
        with write(engine) as conn:
            scans.update(conn, scan.id, state=ScanState.QUARANTINED)
        with read(engine) as conn:
            assert [(s.scan_id, s.path) for s in reckoning.settled(conn, ["2" * 64])] == [(scan.id, odd)]
        with write(engine) as conn:
            scans.retry(conn, scan.id)
            scans.withdraw_claim(conn, scan.id)
        with read(engine) as conn:
            assert scans.passes_of(conn, scan.id) == ()

    def test_a_part_set_aside_by_itself_is_told_from_its_scan(self, engine: Engine) -> None:
        held = document(engine)
        with write(engine) as conn:
            scan = documents.get(conn, held).scan_id
            told = {"unit": "H99.32", "file_name": "x", "sha256": "a" * 64, "size_bytes": 1, "detail": ""}
            quarantine.add(conn, scan_id=scan, kept_path="/whole", code="corrupt", **told)
            assert not quarantine.knows_document(conn, held)
            quarantine.add(conn, scan_id=scan, document_id=held, kept_path="/part", code="secret", **told)
            assert quarantine.knows_document(conn, held)
            kept = {item.path: item.scan_state for item in reckoning.kept_items(conn)}
            assert kept == {"/whole": "claimed", "/part": None}

    def test_objects_are_due_by_age_and_damage_is_news_once(self, engine: Engine) -> None:
        roots = [f"{n:03x}/000/000/urn%3auuid%3a{n}" for n in range(600)]
        with write(engine) as conn:
            assert sum(fixity.note_seen(conn, dict.fromkeys(some, AT)) for some in (roots[:300], roots[300:])) == 600
            assert fixity.note_seen(conn, {roots[0]: None}) == 0
            assert fixity.note_checked(conn, roots[5], ["changed: x"], 7, AT) == "damaged"
            assert fixity.note_checked(conn, roots[5], ["changed: x"], 7, AT) is None
            assert fixity.note_checked(conn, "new", [], 7, AT + timedelta(days=9)) is None
        with read(engine) as conn:
            assert fixity.due(conn, AT + timedelta(days=1), 3) == [roots[5], roots[0], roots[1]]
            assert fixity.count_due(conn, AT + timedelta(days=1)) == 600 and fixity.count(conn) == 601
            assert fixity.count_checked(conn, AT + timedelta(days=1)) == 1
            assert fixity.summary(conn) == fixity.Summary(damaged=1, oldest=AT)
            assert [d.findings for d in fixity.damaged(conn)] == [("changed: x",)]
        with write(engine) as conn:
            assert fixity.note_checked(conn, roots[5], [], 7, AT) == "mended"
            fixity.forget(conn, ["new"])
            assert fixity.get(conn, "new") is None and fixity.summary(conn).damaged == 0

    def test_what_is_disposed_of_is_nameless_and_told_once(self, engine: Engine) -> None:
        today, yesterday = date(2026, 9, 2), date(2026, 9, 1)
        with write(engine) as conn:
            gone, kept = (archived(conn, "quyet-dinh", (person("An", "001"),), dossier=f"D{n}") for n in (1, 2))
            assert disposals.due(conn, today) == [] and disposals.why_not(conn, gone, today) == "for-ever"
            disposals.learn_retention(conn, [(gone, yesterday), (kept, yesterday)])
            assert [row.id for row in disposals.due(conn, today)] == sorted([gone, kept])
            record = documents.get(conn, gone)
            told = [
                DisposedRecord(
                    document_id=i, scan_id=ScanId(record.scan_id or "") if i == gone else None, unit="H99.32",
                    kind=None, retention_class="years-10", retain_until=yesterday, archived_at=AT,
                    original_sha256="a" * 64, files={},
                )
                for i in (gone, kept)
            ]  # fmt: skip
            disposals.propose(conn, "x" * 36, "QĐ 1", "an", told)
            assert disposals.due(conn, today) == [] and disposals.why_not(conn, kept, today) == "decided"
            assert disposals.why_not(conn, kept, today, besides="x" * 36) is None
            disposals.decide(conn, "x" * 36, disposals.APPROVED, "be")
        with write(engine) as conn:
            assert disposals.gone(conn, "x" * 36, told[0], "be", AT)
            assert not disposals.gone(conn, "x" * 36, told[0], "be", AT)
            assert disposals.keep(conn, "x" * 36, kept, "held") and not disposals.keep(conn, "x" * 36, kept, "held")
            assert disposals.get(conn, "x" * 36, lock=True).counted == {"gone": 1, "kept": 1}
        with read(engine) as conn:
            found = documents.get(conn, gone)
            assert (found.state, found.people, found.title) == (DocumentState.DISPOSED, (), "")
            assert scans.get(conn, ScanId(found.scan_id or "")).file_name == ""
            assert [row.id for row in disposals.due(conn, today)] == [kept]
        with write(engine) as conn:
            documents.set_state(conn, gone, DocumentState.ARCHIVED, step="archived")
            assert documents.get(conn, gone).state == DocumentState.DISPOSED, "a step that comes late"
