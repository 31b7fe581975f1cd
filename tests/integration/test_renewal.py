"""Archived records whose signatures are raised after an outage and renewed in time, in a real installation."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest
from ocfl.storage_root import StorageRoot
from rich.console import Console

from app.rebuild import rebuild_registry
from app.setup import initialise
from app.wiring import Wiring, opened
from archive.aip import add_version, metadata_json, open_file, read_papers
from pipeline.renewal import Renewer, renew_record
from registry import documents, levels
from registry.audit import verify
from registry.database import read, write
from registry.values import DocumentId, Verdict, utc_now
from signing.policy import POLICY
from tests.desk import run_cli
from tests.judges import signed
from tests.office import add_record
from tests.servers.pki import Pki

DAY = timedelta(days=1)


@pytest.fixture
def home(pki: Pki, tmp_path: Path) -> Path:
    """An installation that signs with a key of the test PKI and asks its services."""
    home = tmp_path / "home"
    initialise(home, demo=False, agency="Ủy ban nhân dân xã An Hòa")
    shutil.rmtree(home / "keys")
    key, passphrase = pki.p12("agency-rsa")
    pki.write_trust(home / "keys" / "trust")
    shutil.copy(key, home / "keys" / "agency.p12")
    (home / "keys" / "agency.passphrase").write_text(passphrase)
    (home / "keys" / "agency.passphrase").chmod(0o600)
    (home / "sohoa.toml").write_text(f'[signing]\ntsa = "{pki.tsa()}"\ntsa_patience_s = 30.0\n')
    return home


@pytest.fixture
def wiring(home: Path) -> Iterator[Wiring]:
    with opened(home) as found:
        yield found


def record(wiring: Wiring, document_id: DocumentId) -> documents.DocumentRecord:
    with read(wiring.engine) as conn:
        return documents.get(conn, document_id)


def pdf(wiring: Wiring, document_id: DocumentId, version: str | None = None) -> bytes:
    with open_file(wiring.store, document_id, "document.pdf", version) as stream:
        return stream.read()


def test_what_is_archived_during_an_outage_is_raised_after_it(pki: Pki, wiring: Wiring, tmp_path: Path) -> None:
    with pki.outage("tsa", "ocsp", "crl"):
        low = add_record(wiring, 1)
    with pki.outage("ocsp", "crl"):
        middle = add_record(wiring, 2)
    high = add_record(wiring, 3)
    assert [record(wiring, i).signature_level for i in (low, middle, high)] == ["B-B", "B-T", "B-LTA"]
    assert record(wiring, low).archived_at is not None, "archived at once"
    with read(wiring.engine) as conn:
        waiting = levels.below(conn, "B-LTA")
    assert [(b.level, b.why, b.number) for b in waiting] == [
        ("B-B", "revocation-unknown; tsa-down", 1),
        ("B-T", "revocation-unknown", 1),
    ]

    renewer = Renewer(wiring.workshop)
    with pki.outage("tsa"):
        assert not renewer.round(), "still away: told, and tried again later"
    assert record(wiring, low).level_after is not None and record(wiring, low).level_tries == 1
    assert pdf(wiring, low) == pdf(wiring, low, "v1")
    assert renewer.round(), "their pause is not over: nothing to do"
    with write(wiring.engine) as conn:
        conn.exec_driver_sql("UPDATE documents SET level_after = NULL")
    assert renewer.round()

    with read(wiring.engine) as conn:
        assert levels.below(conn, "B-LTA") == []
    files = []
    for document_id in (low, middle):
        papers, told = read_papers(wiring.store, document_id), record(wiring, document_id)
        assert papers.metadata.signature_level == told.signature_level == "B-LTA"
        assert papers.metadata.renew_by == told.renew_by is not None
        assert papers.events[-1].detail["was"] in ("B-B", "B-T") and told.events[-1] == papers.events[-1]
        assert papers.digests["document.pdf"] == told.pdf_sha256
        assert pdf(wiring, document_id).startswith(pdf(wiring, document_id, "v1")), "every byte that was there stays"
        assert wiring.records.examine(document_id).verdict == Verdict.PASSED
        files.append(tmp_path / f"{document_id}.pdf")
        files[-1].write_bytes(pdf(wiring, document_id))
    assert read_papers(wiring.store, high).digests["document.pdf"] == record(wiring, high).pdf_sha256
    judged = signed(files, wiring.folder("keys") / "trust" / "test-root.pem")
    assert {told for _, told in judged.values()} == {"TOTAL_PASSED null PAdES-BASELINE-LTA"}
    root = StorageRoot(root=str(wiring.folder("archive")))
    assert root.validate(validate_objects=True, check_digests=True)
    with read(wiring.engine) as conn:
        assert verify(conn) == []


def test_renewal_gains_time_and_the_registry_can_be_rebuilt(pki: Pki, home: Path, wiring: Wiring) -> None:
    held = add_record(wiring, 1)
    before = record(wiring, held).renew_by
    assert before is not None
    told = renew_record(wiring.workshop, held, due=False)
    assert told.why == "tsa-gains-nothing", "the same authority ends on the same day"
    assert record(wiring, held).level_why is None, "it is not due: nothing is wrong with it"
    assert pdf(wiring, held) == pdf(wiring, held, "v1")
    (home / "sohoa.toml").write_text(f'[signing]\ntsa = "{pki.tsa("ec")}"\n')
    days = (before - utc_now().date()).days + 1
    told = run_cli("archive", "renew", "--due-within", str(days), "--home", str(home))
    assert [(r["id"], r["level"], r["version"]) for r in told["renewed"]] == [(held, "B-LTA", "v2")]
    assert not told["failed"] and told["left"] == 0
    after = record(wiring, held)
    assert after.renew_by is not None and after.renew_by > before
    assert pdf(wiring, held).startswith(pdf(wiring, held, "v1"))
    month = f"{after.renew_by:%Y-%m}"
    assert run_cli("archive", "renew", "--calendar", "--home", str(home)) == [{"month": month, "number": 1}]

    with write(wiring.engine) as conn:
        conn.exec_driver_sql("UPDATE documents SET renew_by = NULL, signature_level = NULL, pdf_sha256 = NULL")
    assert not rebuild_registry(wiring, "test", Console(stderr=True)).damaged
    again = record(wiring, held)
    assert (again.renew_by, again.signature_level, again.pdf_sha256) == (after.renew_by, "B-LTA", after.pdf_sha256)


def test_a_record_of_an_older_version_is_measured(wiring: Wiring) -> None:
    held = add_record(wiring, 1)
    until = record(wiring, held).renew_by
    with write(wiring.engine) as conn:
        conn.exec_driver_sql("UPDATE documents SET renew_by = NULL, renew_policy = NULL")
    Renewer(wiring.workshop).round()
    assert record(wiring, held).renew_by == until is not None
    assert record(wiring, held).renew_policy == POLICY.version


def test_an_algorithm_that_ends_earlier_than_was_thought_is_noticed(pki: Pki, home: Path, wiring: Wiring) -> None:
    held = add_record(wiring, 1)
    until = record(wiring, held).renew_by
    assert until is not None and record(wiring, held).renew_policy == POLICY.version
    # as if it had been archived when another edition of the policy promised more
    papers = read_papers(wiring.store, held)
    metadata = metadata_json(papers.metadata.model_copy(update={"renew_by": date(2060, 1, 1)}))
    add_version(wiring.store, held, {"metadata.json": metadata}, user="an", message="another edition")
    with write(wiring.engine) as conn:
        levels.measured(conn, held, date(2060, 1, 1), "2020.1")
        assert levels.to_renew(conn, until, 10) == [] and levels.unmeasured(conn, POLICY.version, 10) == [held]
    assert Renewer(wiring.workshop).round()
    with read(wiring.engine) as conn:
        assert levels.to_renew(conn, until, 10) == [held] and levels.next_end(conn) == until
        assert levels.unmeasured(conn, POLICY.version, 10) == []
    (home / "sohoa.toml").write_text(f'[signing]\ntsa = "{pki.tsa("ec")}"\n')
    with opened(home) as later:
        told = renew_record(later.workshop, held)
    assert told.ok and told.renew_by is not None and until < told.renew_by < date(2060, 1, 1), told


def test_a_certificate_revoked_meanwhile_is_told_and_nothing_is_hidden(pki: Pki, home: Path, wiring: Wiring) -> None:
    with pki.outage("tsa"):
        low = add_record(wiring, 1)
    with pki.revoked_from("agency-rsa", utc_now()), opened(home) as later:
        told = renew_record(later.workshop, low)
    assert (told.ok, told.why) == (False, "revoked")
    assert pdf(wiring, low) == pdf(wiring, low, "v1")
    assert record(wiring, low).level_why == "revoked"


def test_a_version_whose_writer_was_killed_is_taken_note_of(pki: Pki, wiring: Wiring) -> None:
    with pki.outage("tsa"):
        low = add_record(wiring, 1)
    was = record(wiring, low)
    assert renew_record(wiring.workshop, low).ok
    with write(wiring.engine) as conn:  # as if it had been killed before it told the registry
        levels.reached(conn, low, level="B-B", renew_by=None, policy=None, pdf_sha256=was.pdf_sha256 or "")
    told = renew_record(wiring.workshop, low)
    assert told.ok and told.version == "v2", "no third version"
    assert record(wiring, low).signature_level == "B-LTA"
