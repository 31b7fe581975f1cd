"""The spine: a scan dropped into a folder becomes a signed, archived, searchable, reusable record."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import unicodedata
from pathlib import Path

import pytest
from ocfl.storage_root import StorageRoot
from PIL import Image, ImageDraw, ImageFont

from app.demo.scans import FONTS
from app.wiring import opened
from archive.aip import iter_records, read_record
from registry import documents
from registry.database import read
from search.index import SearchRequest
from tests.bad_inputs import write_to
from tests.desk import SOHOA, Desk, run_cli
from tests.judges import archivable, signed

pytestmark = pytest.mark.slow


def fold(text: str) -> str:
    plain = unicodedata.normalize("NFD", text.replace("đ", "d").replace("Đ", "D"))
    return "".join(c for c in plain if not unicodedata.combining(c))


def pdfs(home: Path) -> list[Path]:
    return sorted((home / "archive").rglob("document.pdf"))


def test_sure_papers_are_archived_and_only_doubtful_ones_wait(desk: Desk) -> None:
    held = desk.rows("SELECT kind, state FROM documents")
    archived = [row for row in held if row["state"] == "archived"]
    assert len(archived) >= 20 and len({row["kind"] for row in archived}) >= 8
    for row in desk.sohoa("review", "list"):
        assert row["reasons"], "who must look is told why"


def test_nobody_doubts_our_pdfs(desk: Desk) -> None:
    files = pdfs(desk.home)
    assert len(files) >= 20
    assert {why for ok, why in archivable(files).values() if not ok} == set()
    verdicts = signed(files, desk.home / "keys" / "trust" / "development-root.pem")
    assert {why for _, why in verdicts.values()} == {"TOTAL_PASSED null PAdES-BASELINE-LTA"}
    assert all(ok for ok, _ in verdicts.values())


def test_a_stranger_accepts_the_storage_root(desk: Desk) -> None:
    root = StorageRoot(root=str(desk.home / "archive"))
    assert root.validate(validate_objects=True, check_digests=True)
    backups = list((desk.home / "archive").glob("*/*/*/urn%3asohoa%3abackup%3a*"))
    assert root.num_objects == root.good_objects == len(pdfs(desk.home)) + len(backups)


def test_every_record_verifies(desk: Desk) -> None:
    reports = desk.sohoa("verify", "--all")
    assert len(reports) == len(pdfs(desk.home))
    assert {r["verdict"] for r in reports} == {"TOTAL-PASSED"}
    assert desk.sohoa("archive", "audit")["ok"]
    assert desk.sohoa("audit", "verify")["ok"]


@pytest.mark.parametrize(
    "name", ["document.pdf", "text.json", "metadata.json", "events.json", "original", "inventory.json"]
)
def test_one_flipped_byte_fails_the_record(desk: Desk, tmp_path: Path, name: str) -> None:
    home = tmp_path / "copy"
    shutil.copytree(desk.home, home, ignore=shutil.ignore_patterns("inbox", "done", "work", "index", "*.log"))
    record = next(p for p in (home / "archive").rglob("v1/content") if p.is_dir())
    target = next(
        p for p in record.parents[1].rglob("*") if p.is_file() and name in str(p.relative_to(record.parents[1]))
    )
    whole = target.read_bytes()
    target.write_bytes(whole[: len(whole) // 2] + bytes([whole[len(whole) // 2] ^ 4]) + whole[len(whole) // 2 + 1 :])
    document_id = record.parents[1].name.removeprefix("urn%3auuid%3a")
    [report] = run_cli("verify", document_id, "--home", str(home), exit_code=3)
    assert report["verdict"] == "TOTAL-FAILED"
    assert not run_cli("archive", "audit", "--home", str(home), exit_code=3)["ok"]


def test_found_by_number_by_name_without_accents_and_by_a_phrase(desk: Desk) -> None:
    missed = []
    with opened(desk.home) as wiring:
        for document_id in iter_records(wiring.store):
            record = read_record(wiring.store, document_id)
            described = record.metadata.description
            phrase = re.search(r"(?:[^\W\d]+ ){4}[^\W\d]+", record.pages[0].text)
            asked = [described.value("number_symbol"), f'"{phrase[0]}"' if phrase else None]
            asked += [fold(p.full_name.value) for p in described.people[:1] if p.full_name]
            for query in filter(None, asked):
                hits = wiring.index.search(SearchRequest(query=query, limit=50)).hits
                if document_id not in {hit.document_id for hit in hits}:
                    missed.append(query)
    assert missed == []
    told = desk.sohoa("search", "hon nhan", "--unit", "H99.32", "--type", "giay-xac-nhan-tinh-trang-hon-nhan")
    assert told["total"] == 1 and told["facets"]["unit"] == {"H99.32": 1}
    assert {"id", "score", "title", "snippet"} <= set(told["hits"][0])


def test_registry_and_index_come_back_from_the_archive_alone(desk: Desk, tmp_path: Path) -> None:
    home = tmp_path / "copy"
    left_out = shutil.ignore_patterns("registry.sqlite*", "index", "inbox", "*.log", "run.lock")
    shutil.copytree(desk.home, home, ignore=left_out)
    assert run_cli("registry", "rebuild", "--home", str(home))["damaged"] == []
    assert run_cli("index", "rebuild", "--home", str(home))["damaged"] == []
    same = {"fields", "people", "kind", "title", "pdf_sha256", "original_sha256", "signature_level", "archived_at"}
    same |= {"retention_class", "unit", "dossier_code", "component_code", "events", "approved_by", "page_count"}
    with opened(desk.home) as before, opened(home) as after:
        with read(before.engine) as old, read(after.engine) as new:
            assert documents.archived_ids(old) == documents.archived_ids(new) != []
            for document_id in documents.archived_ids(old):
                was, now = documents.get(old, document_id), documents.get(new, document_id)
                assert was.model_dump(include=same) == now.model_dump(include=same)
        for query in ("hon nhan", "quyết định", '"trợ cấp xã hội"', "003199000001", "thong baoo"):
            request = SearchRequest(query=query, limit=100)
            was, now = before.index.search(request), after.index.search(request)
            assert {h.document_id for h in was.hits} == {h.document_id for h in now.hits} != set()
            assert was.facets == now.facets


def test_read_tells_pages_fields_and_documents(desk: Desk) -> None:
    path, paper = next((p, w) for p, w in desk.papers.items() if w.kind == "quyet-dinh")
    told = run_cli("read", path)
    assert {"index", "text", "confidence", "rotation_deg", "skew_deg", "blank"} <= set(told["pages"][0])
    assert told["fields"]["number_symbol"] == paper.number
    assert told["documents"][0]["first_page"] == 0
    seen = told["documents"][0]["evidence"]
    assert seen["number_symbol"]["confidence"] > 0.5 and seen["number_symbol"]["box"]
    assert len(seen["people"]) == len(told["fields"]["people"])


def test_reuse_is_offered_and_recorded_once(desk: Desk) -> None:
    answer = desk.sohoa("reuse", "check", "--owner", "003199000001", "--procedure", "1.000894")
    held = {c["code"]: c for c in answer["components"]}
    assert held["TP01"]["missing"] and not held["TP03"]["missing"] and not held["TP04"]["missing"]
    told = ["--document", held["TP03"]["candidates"][0]["id"], "--dossier", "H99.32-260805-0003", "--component", "TP03"]
    first = desk.sohoa("reuse", "record", *told)
    assert desk.sohoa("reuse", "record", *told)["id"] == first["id"]
    before = {i["code"]: i["numerator"] for i in desk.sohoa("indicators", "--unit", "H99", "--from", "2026-01-01")}
    assert before["dossiers-reusing"] == 1


def test_the_same_bytes_again_are_linked_not_archived_again(desk: Desk) -> None:
    path = next(p for p in desk.papers if "/xa-an-hoa/" in p and "H99" not in p)
    number = len(pdfs(desk.home))
    shutil.copy(path, desk.inbox() / f"lan hai{Path(path).suffix}")
    duplicates = "SELECT count(*) AS n FROM audit WHERE action = 'duplicate'"
    before = desk.rows(duplicates)[0]["n"]
    desk.wait(lambda: desk.rows(duplicates)[0]["n"] > before, "the duplicate")
    desk.wait(lambda: not list(desk.inbox().glob("lan hai*")), "the duplicate to leave the inbox")
    assert len(pdfs(desk.home)) == number
    assert list((desk.home / "done").rglob("*lan hai*"))


def test_bad_inputs_harm_only_themselves(desk: Desk, tmp_path: Path) -> None:
    made = write_to(tmp_path / "bad")
    shutil.copytree(tmp_path / "bad", desk.inbox("xa-tan-thuan"), dirs_exist_ok=True)
    refused = [told for _, told in made if told.refusal]
    taken = [told for _, told in made if not told.refusal]
    open_items = "SELECT * FROM quarantine WHERE resolved_at IS NULL AND unit = 'H99.33'"
    desk.wait(lambda: len(desk.rows(open_items)) >= len(refused), "the refusals")
    items = {row["file_name"]: row for row in desk.rows(open_items)}
    assert {name: row["code"] for name, row in items.items()} == {t.name: t.refusal for t in refused}
    for told in refused:
        kept = Path(items[told.name]["kept_path"])
        assert kept.read_bytes() == told.content, "the file is kept as it came"
        reason = (kept.parent / "ly-do.txt").read_text(encoding="utf-8")
        assert "Hãy" in reason or "hãy" in reason, "and the operator is told what to do"
        assert not (desk.inbox("xa-tan-thuan") / told.name).exists()
    names = tuple(told.name for told in taken)
    query = f"""SELECT s.file_name, s.warnings, d.state, d.page_count FROM scans s JOIN documents d ON d.scan_id = s.id
                WHERE s.unit = 'H99.33' AND d.state IN ('archived', 'review')
                  AND s.file_name IN ({",".join("?" * len(names))})"""
    desk.wait(lambda: len(desk.rows(query, *names)) == len(taken), "the odd but sound ones")
    for row in desk.rows(query, *names):
        told = next(t for t in taken if t.name == row["file_name"])
        assert row["page_count"] == told.pages
        assert told.warnings <= set(json.loads(row["warnings"]))


def test_ingest_answers_for_each_file(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "rong.pdf").write_bytes(b"")
    (tmp_path / "cut.pdf").write_bytes(b"%PDF-1.4\n1 0 obj\n<<>>\nendobj\n")
    paths = [str(tmp_path / "rong.pdf"), str(tmp_path / "cut.pdf")]
    answers = desk.sohoa("ingest", *paths, "--unit", "H99.34", "--wait", exit_code=3)
    assert [a["error"]["code"] for a in answers] == ["empty", "truncated"]
    assert (tmp_path / "cut.pdf").exists(), "what was handed in by hand stays where it is"
    for wrong in (["--unit", "H00"], ["--unit", "H99.34", "--dossier", "khong-phai"]):
        done = subprocess.run(
            [*SOHOA, "ingest", paths[1], *wrong, "--home", str(desk.home)], capture_output=True, text=True, check=False
        )
        assert done.returncode == 1
        assert "ãy" in done.stderr, "and says what to do"


def test_a_rejected_document_is_in_quarantine_and_comes_back_on_retry(desk: Desk) -> None:
    waiting = next(r["id"] for r in desk.sohoa("review", "list") if "kind" in r["reasons"])
    desk.sohoa("review", "reject", waiting, "--why", "không rõ")
    [item] = desk.rows("SELECT * FROM quarantine WHERE code = 'rejected' AND resolved_at IS NULL")
    assert Path(item["kept_path"]).exists()
    shutil.copy(item["kept_path"], desk.inbox() / "dua lai.jpg")
    state = "SELECT state FROM documents WHERE id = ?"
    desk.wait(lambda: desk.rows(state, waiting)[0]["state"] == "review", "another look")


def test_corrected_and_approved_documents_are_archived_as_the_person_says(desk: Desk, tmp_path: Path) -> None:
    page = Image.new("L", (1240, 1754), 250)
    font = ImageFont.truetype(str(FONTS / "Tinos-Regular.ttf"), 40)
    ImageDraw.Draw(page).text((200, 300), "Ghi nhanh của tổ trực, chưa phân loại", font=font, fill=20)
    page.save(tmp_path / "ghi-nhanh.png", dpi=(150, 150))
    [told] = desk.sohoa("ingest", str(tmp_path / "ghi-nhanh.png"), "--unit", "H99.34", "--wait")
    assert told["status"] == "review"
    [waiting] = told["documents"]
    desk.sohoa("review", "correct", waiting, "subject=Theo lời người kiểm tra", "people.0.full_name=Trần Thị Bé")
    desk.sohoa("review", "approve", waiting)
    state = "SELECT state FROM documents WHERE id = ?"
    desk.wait(lambda: desk.rows(state, waiting)[0]["state"] == "archived", "archiving")
    shown = desk.sohoa("show", waiting)
    assert shown["fields"]["subject"]["method"] == "person"
    desk.wait(lambda: desk.sohoa("search", "be thi tran")["total"] >= 1, "the index")
    [report] = desk.sohoa("verify", waiting)
    assert report["verdict"] == "TOTAL-PASSED"


def test_doctor_finds_only_what_a_test_authority_lacks(desk: Desk) -> None:
    told = desk.sohoa("doctor", exit_code=3)
    troubled = [check for check in told["checks"] if not check["ok"]]
    assert [check["name"] for check in troubled] == ["signing-key"], troubled
    assert "signing.tsa" in troubled[0]["fix"]


def test_the_log_names_nobody(desk: Desk) -> None:
    log = (desk.home / "service.log").read_text(encoding="utf-8")
    assert "archived" in log
    # the last part of a document's id may well be twelve digits
    assert not re.search(r"(?<![0-9a-f]{4}-)\b(?:\d{12}|\d{9})\b", log)
    for name in ("Nguyễn", "Trần", "Huỳnh", "Hòa"):
        assert name not in log
