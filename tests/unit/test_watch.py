"""What the inbox offers: whole files that stood still; nothing hidden, half-written or linked."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.watch import Inbox, is_left_alone


def names(listing: object) -> list[str]:
    return [a.path.name for a in listing.ready]  # type: ignore[attr-defined]


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    folder = tmp_path / "inbox" / "xa"
    folder.mkdir(parents=True)
    return folder


def inbox(unit: Path, *, complete: bool = True) -> Inbox:
    return Inbox(unit.parent, quiet_s=3, give_up_s=60, complete=lambda _path: complete)


def test_a_file_is_offered_once_it_stood_still(unit: Path) -> None:
    watch = inbox(unit)
    (unit / "a.pdf").write_bytes(b"1")
    first = watch.listing(100)
    assert names(first) == [] and first.waiting[0].why == "growing"
    assert names(watch.listing(102)) == []
    assert names(watch.listing(103.5)) == ["a.pdf"]


def test_a_file_that_grows_waits_and_keeps_its_age(unit: Path) -> None:
    watch = inbox(unit)
    for second in range(0, 20, 2):
        (unit / "a.pdf").write_bytes(b"1" * (second + 1))
        assert names(watch.listing(second)) == []
    assert watch.listing(19).waiting[0].since == 0
    assert names(watch.listing(30)) == ["a.pdf"]


def test_an_incomplete_file_waits_and_is_handed_over_in_the_end(unit: Path) -> None:
    watch = inbox(unit, complete=False)
    (unit / "a.pdf").write_bytes(b"half")
    watch.listing(0)
    assert watch.listing(10).waiting[0].why == "incomplete"
    assert names(watch.listing(61)) == ["a.pdf"], "so that it is refused with a reason"


def test_a_taken_file_is_not_offered_again_until_it_changes(unit: Path) -> None:
    watch = inbox(unit)
    (unit / "a.pdf").write_bytes(b"1")
    watch.listing(0)
    for arrival in watch.listing(5).ready:
        watch.settled(arrival)
    assert names(watch.listing(10)) == []
    (unit / "a.pdf").write_bytes(b"22")
    watch.listing(11)
    assert names(watch.listing(20)) == ["a.pdf"]


def test_links_are_left_alone_and_folders_tell_dossier_and_component(unit: Path, tmp_path: Path) -> None:
    (tmp_path / "outside.pdf").write_bytes(b"1")
    (unit / "link.pdf").symlink_to(tmp_path / "outside.pdf")
    (unit / "H99.32-261102-0001").mkdir()
    (unit / "H99.32-261102-0001" / "TP01.pdf").write_bytes(b"1")
    watch = inbox(unit)
    watch.listing(0)
    assert [(a.unit_folder, str(a.relative)) for a in watch.listing(9).ready] == [("xa", "H99.32-261102-0001/TP01.pdf")]


@pytest.mark.parametrize(
    "name", [".scan.pdf", "scan.pdf.part", "~$scan.docx", ".~lock.scan.pdf#", "Thumbs.db", "x.tmp"]
)
def test_left_alone(name: str) -> None:
    assert is_left_alone(name)


@pytest.mark.parametrize("name", ["scan.pdf", "..scan.pdf", "Giấy khai sinh.jpg", "-rf.pdf", "part.pdf"])
def test_taken(name: str) -> None:
    assert not is_left_alone(name)


def test_the_desk_is_taken_before_older_scans_of_the_back_file(unit: Path) -> None:
    (unit / "ton-dong").mkdir()
    (unit / "ton-dong" / "old.pdf").write_bytes(b"1")
    (unit / "desk.pdf").write_bytes(b"2")
    watch = Inbox(
        unit.parent, quiet_s=3, give_up_s=60, complete=lambda _p: True, priority=lambda r: int(len(r.parts) > 1)
    )
    watch.listing(0)
    assert names(watch.listing(5)) == ["desk.pdf", "old.pdf"]


def test_one_listing_looks_into_files_for_so_long_only(unit: Path) -> None:
    looked: list[str] = []

    def complete(path: Path) -> bool:
        looked.append(path.name)
        return True

    for n in range(50):
        (unit / f"{n:02d}.pdf").write_bytes(b"1")
    watch = Inbox(unit.parent, quiet_s=3, give_up_s=60, complete=complete, budget_s=0.0)
    watch.listing(0)
    listing = watch.listing(5)
    assert looked == [] and {w.why for w in listing.waiting} == {"queued"}
    hurried = Inbox(unit.parent, quiet_s=3, give_up_s=60, complete=complete)
    hurried.listing(0)
    assert len(names(hurried.listing(5))) == 50
