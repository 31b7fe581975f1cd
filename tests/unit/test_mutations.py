"""One thing is changed at a time, in more than five hundred ways: none passes as untouched, and what may be added to a
signed record is never called tampering."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign import fields
from pyhanko.sign.signers import PdfSignatureMetadata, PdfSigner, PdfTimeStamper

from archive import fixity
from archive.ocfl import INVENTORY
from pipeline.verification import verify_file
from registry.values import Verdict
from signing.authority import Authority, create_development_authority
from signing.keys import Pkcs12Key
from signing.stamp import Placed, style
from signing.trust import TrustStore
from signing.validate import validate_pdf
from tests.unit import changed_files as files
from tests.unit.changed_files import Kept

RANDOM_BYTES, PORTIONS = 300, 3
LEAST = 500


@pytest.fixture(autouse=True)
def _nobody_writes_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    """What might be a version under way is looked at again, but need not be waited for."""
    monkeypatch.setattr(fixity, "WRITING_S", (0.0,))


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return create_development_authority(tmp_path_factory.mktemp("keys") / "keys", files.AGENCY)


@pytest.fixture(scope="module")
def trust(authority: Authority) -> TrustStore:
    return TrustStore.load(authority.folder / "trust")


@pytest.fixture(scope="module")
def signed(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("signed")
    made = files.station(authority).sign(files.plain_pdf(folder), folder / "signed.pdf", stamp=files.stamp())
    assert made.level == "B-LTA"
    return made.path


@pytest.fixture(scope="module")
def kept(signed: Path, trust: TrustStore, tmp_path_factory: pytest.TempPathFactory) -> Kept:
    made = files.record(tmp_path_factory.mktemp("kept") / "archive", signed, trust)
    assert made.verdict().verdict is Verdict.PASSED
    return made


def passing(cases: Iterator[tuple[str, bytes]], trust: TrustStore, folder: Path) -> tuple[int, list[str]]:
    """How many were tried, and which passed."""
    path, number, passed = folder / "changed.pdf", 0, []
    for told, body in cases:
        path.write_bytes(body)
        number += 1
        if validate_pdf(path, trust).verdict is Verdict.PASSED:
            passed.append(told)
    return number, passed


@pytest.mark.parametrize("portion", range(PORTIONS))
def test_no_changed_bytes_pass(portion: int, signed: Path, trust: TrustStore, tmp_path: Path) -> None:
    whole = signed.read_bytes()
    number, passed = passing(files.changed_bytes(whole, RANDOM_BYTES // PORTIONS, portion), trust, tmp_path)
    assert (number, passed) == (RANDOM_BYTES // PORTIONS, [])


def test_no_change_passes_where_a_signature_looks_away(signed: Path, trust: TrustStore, tmp_path: Path) -> None:
    number, passed = passing(files.changed_places(signed.read_bytes()), trust, tmp_path)
    assert number >= 30 and not passed


@pytest.mark.parametrize("portion", range(2))
def test_no_revision_that_is_hung_on_passes(portion: int, signed: Path, trust: TrustStore, tmp_path: Path) -> None:
    whole = signed.read_bytes()
    chosen = list(files.revisions())[portion::2]
    number, passed = passing(((told, files.hung_on(whole, write)) for told, write in chosen), trust, tmp_path)
    assert number >= 35 and not passed


def edits(kept: Kept) -> Iterator[tuple[str, Callable[[Path], None]]]:
    """Ways to change a record's folder: what lies there, and what the inventory says of it."""
    manifest = json.loads((kept.folder / INVENTORY).read_bytes())["manifest"]
    names = sorted(path for paths in manifest.values() for path in paths)
    for name in names:
        size = (kept.folder / name).stat().st_size
        for part in range(5):
            yield f"{name}: byte {part}", lambda f, n=name, at=size * part // 5: _flip(f / n, at)
            yield (
                f"{name}: byte {part}, inventory made to fit",
                lambda f, n=name, at=size * part // 5: (
                    _flip(f / n, at),
                    files.made_whole(f),
                ),
            )
        yield f"{name}: emptied", lambda f, n=name: (f / n).write_bytes(b"")
        yield f"{name}: longer", lambda f, n=name: (f / n).write_bytes((f / n).read_bytes() + b"\n")
        yield f"{name}: gone", lambda f, n=name: (f / n).unlink()
        yield f"{name}: renamed", lambda f, n=name: (f / n).rename((f / n).with_name("other"))
        yield (
            f"{name}: emptied, inventory made to fit",
            lambda f, n=name: (
                (f / n).write_bytes(b""),
                files.made_whole(f),
            ),
        )
    for n in range(6):
        yield f"strange file {n}", lambda f, n=n: (f / ("v1", ".", "v1/content")[n % 3] / f"x{n}").write_bytes(b"x")
    for told, old, new in METADATA:
        yield f"metadata: {told}", lambda f, o=old, w=new: _edit(f / "v1/content/metadata.json", o, w, whole=True)
    for told, old, new in EVENTS:
        yield f"events: {told}", lambda f, o=old, w=new: _edit(f / "v1/content/events.json", o, w, whole=True)
    for told, old, new in INVENTORIES:
        yield f"inventory: {told}", lambda f, o=old, w=new: _inventory(f, o, w, only_root=True)
        yield f"inventories: {told}", lambda f, o=old, w=new: _inventory(f, o, w, only_root=False)
    for name in ("0=ocfl_object_1.1", INVENTORY, f"{INVENTORY}.sha512", f"v1/{INVENTORY}", f"v1/{INVENTORY}.sha512"):
        yield f"{name}: gone", lambda f, n=name: (f / n).unlink()
        yield f"{name}: flipped", lambda f, n=name: _flip(f / n, 3)


METADATA = (
    ("unit", '"H99.32"', '"H99.33"'),
    ("kind", '"quyet-dinh"', '"thong-bao"'),
    ("converted by", '"converted_by_person": "an"', '"converted_by_person": "ai"'),
    ("approved by", '"approved_by": "an"', '"approved_by": "ai"'),
    ("retention", '"permanent"', '"temporary"'),
    ("level", '"B-LTA"', '"B-T"'),
    ("pages", '"page_count": 1', '"page_count": 2'),
    ("schema", '"converted_from_paper": true', '"converted_from_paper": false'),
)
EVENTS = (
    ("agent", '"agent": "an"', '"agent": "ai"'),
    ("type", '"capture"', '"ingestion"'),
    ("outcome", '"success"', '"failure"'),
    ("none", "[", "[]#"),
)
INVENTORIES = (
    ("user", '"name": "an"', '"name": "ai"'),
    ("message", '"message": "archived"', '"message": "archives"'),
    ("time", '"created": "20', '"created": "19'),
    ("logical name", '"text.json"', '"other.json"'),
    ("id", "urn:uuid:0f8fad5b", "urn:uuid:1f8fad5b"),
)


@pytest.mark.parametrize("portion", range(3))
def test_no_changed_record_passes(portion: int, kept: Kept, tmp_path: Path) -> None:
    number, passed = 0, []
    for told, edit in list(edits(kept))[portion::3]:
        copy = kept.copied(tmp_path / "archive")
        edit(copy.folder)
        number += 1
        if copy.verdict().verdict is Verdict.PASSED:
            passed.append(told)
    assert number >= 35 and not passed


def test_there_are_as_many_ways_as_promised(signed: Path, kept: Kept) -> None:
    """Rows of the audit log (test_audit_log) and what lies in a kit (test_kit) come on top."""
    whole = signed.read_bytes()
    ways = [*files.changed_bytes(whole, RANDOM_BYTES, 0), *files.changed_places(whole)]
    told = {name for name, _ in (*ways, *files.revisions(), *edits(kept))}
    assert len(told) >= LEAST


def test_no_swap_with_another_record_and_no_lost_version_passes(
    authority: Authority, kept: Kept, signed: Path, trust: TrustStore, tmp_path: Path
) -> None:
    passed = []
    other = (
        files.station(authority).sign(signed.with_name("plain.pdf"), tmp_path / "other.pdf", stamp=files.stamp()).path
    )
    for told, body in (
        ("signed another time", other.read_bytes()),
        ("unsigned", signed.with_name("plain.pdf").read_bytes()),
    ):
        copy = kept.copied(tmp_path / "archive")
        (copy.folder / "v1/content/document.pdf").write_bytes(body)
        files.made_whole(copy.folder)
        passed += [told] * (copy.verdict().verdict is Verdict.PASSED)
    renewed = files.with_version(kept.copied(tmp_path / "renewed"), {"events.json": b"[]"})
    assert renewed.verdict().verdict is Verdict.PASSED
    lost = renewed.copied(tmp_path / "lost")
    for place in sorted((lost.folder / "v2").rglob("*"), reverse=True):
        place.rmdir() if place.is_dir() else place.unlink()
    (lost.folder / "v2").rmdir()
    files.announce(lost.folder, (lost.folder / "v1" / INVENTORY).read_bytes())
    passed += ["version 2 dropped"] * (lost.verdict().verdict is Verdict.PASSED)
    unknown = renewed.copied(tmp_path / "unknown")
    passed += ["a version that the log does not know"] * (
        Kept(unknown.root, kept.log, trust).verdict().verdict is Verdict.PASSED
    )
    assert not passed


def test_what_may_be_added_is_no_tampering(
    authority: Authority, signed: Path, trust: TrustStore, tmp_path: Path
) -> None:
    """A renewal, again and again, a second signature, seen or unseen, and both together."""
    key = Pkcs12Key.load(authority.agency, authority.passphrase.read_text())
    stamper = files.station(authority)._timestamper

    def renewed(source: Path, target: Path) -> Path:
        with source.open("rb") as reader, target.open("w+b") as out:
            PdfTimeStamper(stamper).timestamp_pdf(IncrementalPdfFileWriter(reader), "sha256", output=out)
        return target

    def again(source: Path, target: Path, box: tuple[int, int, int, int] | None) -> Path:
        meta = PdfSignatureMetadata(field_name=target.stem, subfilter=fields.SigSeedSubFilter.PADES)
        spec = fields.SigFieldSpec(target.stem, on_page=0, box=box)
        drawn = style(files.FONT, Placed("SAO Y", box)) if box else None
        with source.open("rb") as reader, target.open("w+b") as out:
            PdfSigner(meta, signer=key.signer, timestamper=stamper, stamp_style=drawn, new_field_spec=spec).sign_pdf(
                IncrementalPdfFileWriter(reader), output=out, appearance_text_params={"text": "SAO Y"} if box else None
            )
        return target

    once = renewed(signed, tmp_path / "once.pdf")
    made = [once, renewed(once, tmp_path / "twice.pdf"), again(signed, tmp_path / "Unseen.pdf", None)]
    made.append(again(signed, tmp_path / "Seen.pdf", (20, 20, 120, 50)))
    made.append(renewed(made[-1], tmp_path / "both.pdf"))
    made.append(again(made[-1], tmp_path / "Third.pdf", (20, 60, 120, 90)))
    reports = {path.stem: verify_file(path, trust) for path in made}
    assert [n for n in ("once", "twice", "both") if reports[n].verdict is not Verdict.PASSED] == []
    # a signature that brings no proofs yet is not proven yet: that is no tampering
    untouched = ("integrity", "changes after signing", "covered to the last byte", "appearance")
    assert [(n, c) for n, r in reports.items() for c in r.checks if c.name in untouched and c.ok is not True] == []
    assert all(report.verdict is not Verdict.FAILED for report in reports.values())
    assert [c.ok for c in reports["Seen"].checks if c.name == "appearance"] == [True]


def test_a_later_signature_that_hides_the_page_is_for_a_person_to_look_at(
    authority: Authority, signed: Path, trust: TrustStore, tmp_path: Path
) -> None:
    key = Pkcs12Key.load(authority.agency, authority.passphrase.read_text())
    target = tmp_path / "Cover.pdf"
    meta = PdfSignatureMetadata(field_name="Cover", subfilter=fields.SigSeedSubFilter.PADES)
    spec = fields.SigFieldSpec("Cover", on_page=0, box=(0, 0, 600, 800))
    with signed.open("rb") as reader, target.open("w+b") as out:
        PdfSigner(meta, signer=key.signer, timestamper=files.station(authority)._timestamper,
                  stamp_style=style(files.FONT, Placed("SAO Y", (0, 0, 600, 800))), new_field_spec=spec).sign_pdf(
            IncrementalPdfFileWriter(reader), output=out, appearance_text_params={"text": "SAO Y"})  # fmt: skip
    report = verify_file(target, trust)
    assert report.verdict is Verdict.INDETERMINATE
    assert [c.ok for c in report.checks if c.name == "appearance"] == [None]


def _flip(path: Path, at: int) -> None:
    body = bytearray(path.read_bytes())
    body[min(at, len(body) - 1)] ^= 1
    path.write_bytes(bytes(body))


def _edit(path: Path, old: str, new: str, *, whole: bool) -> None:
    text = path.read_text()
    assert old in text or old.replace(": ", ":") in text, old
    path.write_text(text.replace(old, new, 1) if old in text else text.replace(old.replace(": ", ":"), new, 1))
    if whole:
        files.made_whole(path.parent.parent.parent)


def _inventory(folder: Path, old: str, new: str, *, only_root: bool) -> None:
    text = (folder / INVENTORY).read_text()
    assert old in text, old
    body = text.replace(old, new).encode()
    if only_root:
        (folder / INVENTORY).write_bytes(body)
        (folder / f"{INVENTORY}.sha512").write_bytes(files.sidecar(body))
    else:
        files.announce(folder, body)
