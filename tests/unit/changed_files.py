"""A small signed record, and hundreds of ways to change one thing of it."""

from __future__ import annotations

import hashlib
import io
import json
import random
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.generic import pdf_name, pdf_string
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter

from archive.aip import add_version, archive_record, inventory_sha256
from archive.folder import FolderStore
from archive.ocfl import INVENTORY, SIDECAR, object_root, parse_inventory, sidecar
from pipeline.pdfa import write_pdfa
from pipeline.soundness import JPEG
from pipeline.verification import VerificationReport, judged_again, log_check, verify_record
from registry.recorded import Recorded
from registry.values import DocumentId, PageText, sha256_file
from signing.authority import Authority
from signing.stamp import Stamp
from signing.station import SigningStation
from signing.trust import TrustStore
from tests.bad_inputs import encoded, sheet
from tests.unit.packages import ID, content

FONT = Path("/usr/share/fonts/truetype/croscore/Tinos-Regular.ttf")
AGENCY = "Ủy ban nhân dân xã An Hòa"
Write = Callable[[IncrementalPdfFileWriter], None]


def station(authority: Authority) -> SigningStation:
    return SigningStation.open(
        key_file=authority.agency, passphrase=None, passphrase_file=authority.passphrase, level="B-LTA",
        tsa="development", authority=authority.folder, trust=TrustStore.load(authority.folder / "trust"), font=FONT,
    )  # fmt: skip


def plain_pdf(folder: Path) -> Path:
    """One small page."""
    path = folder / "plain.pdf"
    picture = sheet(size=(500, 700))
    (folder / "scan.jpg").write_bytes(encoded(picture, "JPEG"))
    write_pdfa(folder / "scan.jpg", JPEG, [PageText(index=0, text="", confidence=0, dpi=60)], path)
    return path


def stamp() -> Stamp:
    return Stamp("SAO Y", AGENCY, datetime(2026, 11, 24, 3, 0, tzinfo=UTC))


# One byte here, a few there


def changed_bytes(whole: bytes, number: int, seed: int) -> Iterator[tuple[str, bytes]]:
    """Flipped bits, other bytes, bytes put in and taken out, anywhere in the file."""
    chance = random.Random(seed)
    for n in range(number):
        at = chance.randrange(len(whole))
        match n % 4:
            case 0 | 1:
                yield f"bit at {at}", whole[:at] + bytes([whole[at] ^ (1 << chance.randrange(8))]) + whole[at + 1 :]
            case 2:
                yield f"byte put in at {at}", whole[:at] + bytes([chance.randrange(256)]) + whole[at:]
            case _:
                gone = chance.randrange(1, 9)
                yield f"{gone} bytes taken out at {at}", whole[:at] + whole[at + gone :]


def changed_places(whole: bytes) -> Iterator[tuple[str, bytes]]:
    """The places that a signature treats apart: the ranges' own numbers, the gap's edges and its padding, the ends."""
    found, at = [], -1
    while (at := whole.find(b"/ByteRange", at + 1)) >= 0:
        found.append(at)
    for place in found:
        for step in (12, 14, 18, 24, 30):
            old = whole[place + step]
            new = ord("9") if old != ord("9") else ord("8")
            yield f"ByteRange+{step}", whole[: place + step] + bytes([new]) + whole[place + step + 1 :]
    at = -1
    while (at := whole.find(b"/Contents <", at + 1)) >= 0:
        start, end = at + 10, whole.index(b">", at)
        for where, byte in ((start, b" "), (start + 1, b"A"), (end - 1, b"1"), (end - 2, b"f"), (end, b" "),
                            (start + 40, b"0"), (start + 400, b"0"), (start + 2000, b"0")):  # fmt: skip
            if whole[where : where + 1] != byte:
                yield f"Contents {where - start}", whole[:where] + byte + whole[where + 1 :]
    for told, tail in (
        ("newline", b"\n"),
        ("comment", b"%x\n"),
        ("end", b"%%EOF\n"),
        ("text", b"more"),
        ("zero", b"\0"),
    ):
        yield f"{told} hung on", whole + tail
    for length in (1, 2, 7, 20, 200):
        yield f"{length} bytes cut off", whole[:-length]
    yield "put in front", b"\n" + whole


# Revisions hung on


def hung_on(whole: bytes, write: Write) -> bytes:
    """The file with one more revision, as any PDF program writes it."""
    writer = IncrementalPdfFileWriter(io.BytesIO(whole))
    write(writer)
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def revisions() -> Iterator[tuple[str, Write]]:
    """Content, notes, form, metadata and structure, each edited in some way that a viewer would show or believe."""
    for n in range(6):
        yield f"content replaced {n}", lambda w, n=n: _set(w, "/Contents", _stream(w, b"0 0 %d 9 re f" % (n + 1)))
    for n in range(4):
        yield f"content added {n}", lambda w, n=n: _add_content(w, b"q %d 0 0 9 %d 50 re f Q" % (n, n * 40))
    for kind in ("/FreeText", "/Square", "/Stamp", "/Text", "/Highlight", "/Link", "/Ink", "/Watermark", "/Redact"):
        for where in (0, 300):
            yield f"note {kind} {where}", lambda w, k=kind, x=where: _add_note(w, k, x)
    for key in ("/MediaBox", "/CropBox", "/TrimBox"):
        for size in (100, 200, 300):
            yield f"{key} {size}", lambda w, k=key, s=size: _set(w, k, _numbers(0, 0, s, s))
    for turn in (90, 180, 270):
        yield f"turned {turn}", lambda w, t=turn: _set(w, "/Rotate", generic.NumberObject(t))
    yield "resources replaced", lambda w: _set(w, "/Resources", generic.DictionaryObject())
    yield "notes removed", lambda w: _set(w, "/Annots", generic.ArrayObject())
    yield "page group", lambda w: _set(w, "/Group", _dict(S=pdf_name("/Transparency")))
    yield "page action", lambda w: _set(w, "/AA", _dict(O=_dict(S=pdf_name("/Named"), N=pdf_name("/Print"))))
    for key, value in (("/Title", "Khác"), ("/Author", "Ai đó"), ("/Subject", "x"), ("/Keywords", "y")):
        yield f"Info {key}", lambda w, k=key, v=value: _info(w, k, v)
    for told in (b"Khac", b"sohoa", b"2B"):
        yield f"XMP {told!r}", lambda w, t=told: _xmp(w, t)
    yield "open action", lambda w: _root(w, "/OpenAction", _dict(S=pdf_name("/JavaScript"), JS=pdf_string("1")))
    yield "page labels", lambda w: _root(w, "/PageLabels", _dict(Nums=generic.ArrayObject()))
    yield "viewer preferences", lambda w: _root(w, "/ViewerPreferences", _dict(HideToolbar=generic.BooleanObject(True)))
    yield "output intents removed", lambda w: _root(w, "/OutputIntents", generic.ArrayObject())
    yield "layers", lambda w: _root(w, "/OCProperties", _dict(OCGs=generic.ArrayObject()))
    yield "language", lambda w: _root(w, "/Lang", pdf_string("en"))
    yield "version", lambda w: _root(w, "/Version", pdf_name("/1.4"))
    yield "page tree replaced", _other_tree
    yield "page twice", lambda w: _kids(w, lambda kids: [*kids, *kids])
    yield "page dropped", lambda w: _kids(w, lambda kids: [])
    yield "stamp elsewhere", lambda w: _field(w, lambda f: f.__setitem__(pdf_name("/Rect"), _numbers(0, 0, 90, 90)))
    yield "stamp hidden", lambda w: _field(w, lambda f: f.__setitem__(pdf_name("/F"), generic.NumberObject(2)))
    yield "stamp redrawn", lambda w: _field(w, lambda f: f.__setitem__(pdf_name("/AP"), _appearance(w)))
    yield "signature removed", lambda w: _field(w, lambda f: f.__delitem__(pdf_name("/V")))
    yield "field renamed", lambda w: _field(w, lambda f: f.__setitem__(pdf_name("/T"), pdf_string("Khac")))
    yield (
        "fields removed",
        lambda w: _form(w, lambda form: form.__setitem__(pdf_name("/Fields"), generic.ArrayObject())),
    )
    yield (
        "flags cleared",
        lambda w: _form(w, lambda form: form.__setitem__(pdf_name("/SigFlags"), generic.NumberObject(0))),
    )
    yield (
        "appearances needed",
        lambda w: _form(w, lambda form: form.__setitem__(pdf_name("/NeedAppearances"), generic.BooleanObject(True))),
    )
    for kind in ("/Tx", "/Btn", "/Ch", "/Sig"):
        for visible in (True, False):
            yield f"field {kind} {visible}", lambda w, k=kind, v=visible: _add_field(w, k, visible=v)
    yield "proofs replaced", lambda w: _root(w, "/DSS", _dict(Certs=generic.ArrayObject()))


def _page(w: IncrementalPdfFileWriter) -> generic.DictionaryObject:
    ref, _ = w.find_page_for_modification(0)
    page = ref.get_object()
    w.mark_update(ref)
    return page


def _set(w: IncrementalPdfFileWriter, key: str, value: generic.PdfObject) -> None:
    _page(w)[pdf_name(key)] = value


def _stream(w: IncrementalPdfFileWriter, body: bytes) -> generic.IndirectObject:
    return w.add_object(generic.StreamObject(stream_data=body))


def _add_content(w: IncrementalPdfFileWriter, body: bytes) -> None:
    page = _page(w)
    page[pdf_name("/Contents")] = generic.ArrayObject([page.raw_get("/Contents"), _stream(w, body)])


def _appearance(w: IncrementalPdfFileWriter) -> generic.DictionaryObject:
    form = generic.StreamObject(
        {pdf_name("/Type"): pdf_name("/XObject"), pdf_name("/Subtype"): pdf_name("/Form"),
         pdf_name("/BBox"): _numbers(0, 0, 90, 20)},
        stream_data=b"1 0 0 rg 0 0 90 20 re f",
    )  # fmt: skip
    return _dict(N=w.add_object(form))


def _add_note(w: IncrementalPdfFileWriter, kind: str, x: int) -> None:
    note = _dict(
        Type=pdf_name("/Annot"), Subtype=pdf_name(kind), Rect=_numbers(x, 100, x + 90, 120), F=generic.NumberObject(4),
        Contents=pdf_string("đã sửa"), AP=_appearance(w),
    )  # fmt: skip
    page = _page(w)
    notes = page["/Annots"] if "/Annots" in page else generic.ArrayObject()
    page[pdf_name("/Annots")] = generic.ArrayObject([*notes, w.add_object(note)])


def _info(w: IncrementalPdfFileWriter, key: str, value: str) -> None:
    w.set_info(_dict(**{key[1:]: pdf_string(value)}))


def _xmp(w: IncrementalPdfFileWriter, told: bytes) -> None:
    ref = w.root.raw_get("/Metadata")
    held = ref.get_object()
    body = held.data.replace(b"</rdf:RDF>", b"<!-- " + told + b" --></rdf:RDF>")
    w.root[pdf_name("/Metadata")] = w.add_object(
        generic.StreamObject({pdf_name("/Type"): pdf_name("/Metadata"), pdf_name("/Subtype"): pdf_name("/XML")},
                             stream_data=body)
    )  # fmt: skip
    w.update_root()


def _root(w: IncrementalPdfFileWriter, key: str, value: generic.PdfObject) -> None:
    w.root[pdf_name(key)] = value
    w.update_root()


def _other_tree(w: IncrementalPdfFileWriter) -> None:
    page = _dict(Type=pdf_name("/Page"), MediaBox=_numbers(0, 0, 100, 100), Contents=_stream(w, b""))
    tree = _dict(Type=pdf_name("/Pages"), Count=generic.NumberObject(1), Kids=generic.ArrayObject([w.add_object(page)]))
    _root(w, "/Pages", w.add_object(tree))


def _kids(w: IncrementalPdfFileWriter, change: Callable[[list[object]], list[object]]) -> None:
    ref = w.root.raw_get("/Pages")
    tree = ref.get_object()
    held = tree["/Kids"]
    kids = change([held.raw_get(n) for n in range(len(held))])
    tree[pdf_name("/Kids")] = generic.ArrayObject(kids)
    tree[pdf_name("/Count")] = generic.NumberObject(len(kids))
    w.mark_update(ref)


def _form(w: IncrementalPdfFileWriter, change: Callable[[generic.DictionaryObject], None]) -> None:
    ref = w.root.raw_get("/AcroForm")
    change(w.root["/AcroForm"])
    if isinstance(ref, generic.IndirectObject):
        w.mark_update(ref)
    else:
        w.update_root()


def _field(w: IncrementalPdfFileWriter, change: Callable[[generic.DictionaryObject], None]) -> None:
    fields = w.root["/AcroForm"]["/Fields"]
    ref = fields.raw_get(0)
    change(ref.get_object())
    w.mark_update(ref)


def _add_field(w: IncrementalPdfFileWriter, kind: str, *, visible: bool) -> None:
    box = (0, 0, 90, 20) if visible else (0, 0, 0, 0)
    field = _dict(
        Type=pdf_name("/Annot"), Subtype=pdf_name("/Widget"), FT=pdf_name(kind), T=pdf_string("Moi"),
        Rect=_numbers(*box), F=generic.NumberObject(4),
    )  # fmt: skip
    if visible:
        field[pdf_name("/AP")] = _appearance(w)
    ref = w.add_object(field)
    page = _page(w)
    notes = page["/Annots"] if "/Annots" in page else generic.ArrayObject()
    page[pdf_name("/Annots")] = generic.ArrayObject([*notes, ref])

    def add(form: generic.DictionaryObject) -> None:
        held = form["/Fields"]
        form[pdf_name("/Fields")] = generic.ArrayObject([*(held.raw_get(n) for n in range(len(held))), ref])

    _form(w, add)


def _dict(**entries: generic.PdfObject) -> generic.DictionaryObject:
    return generic.DictionaryObject({pdf_name(f"/{key}"): value for key, value in entries.items()})


def _numbers(*values: int) -> generic.ArrayObject:
    return generic.ArrayObject([generic.NumberObject(v) for v in values])


# Records


@dataclass(frozen=True, slots=True)
class Kept:
    """A record in a folder, what the audit log says of it, and the anchors."""

    root: Path
    log: tuple[Recorded, ...]
    trust: TrustStore

    @property
    def store(self) -> FolderStore:
        return FolderStore(self.root, staging=self.root.with_name("staging"))

    @property
    def folder(self) -> Path:
        return self.root / object_root(ID)

    def verdict(self) -> VerificationReport:
        report = verify_record(self.store, self.trust, ID)
        return judged_again(report, [log_check(report, self.log)])

    def copied(self, to: Path) -> Kept:
        shutil.rmtree(to, ignore_errors=True)
        shutil.copytree(self.root, to)
        for path in to.rglob("*"):
            path.chmod(0o755 if path.is_dir() else 0o644)
        return Kept(to, self.log, self.trust)


def record(root: Path, signed: Path, trust: TrustStore, document_id: DocumentId = ID) -> Kept:
    """The record around a signed file, as the archive keeps it and the log names it."""
    made = content(root.with_name("files"), document_id=document_id)
    shutil.copy(signed, made.pdf)
    store = FolderStore(root, staging=root.with_name("staging"))
    stored = archive_record(store, made, user="an", message="archived")
    row = Recorded(
        seq=1, version="v1", inventory_sha256=inventory_sha256(store, document_id, "v1"), pdf_sha256=sha256_file(signed)
    )
    assert stored.version == "v1"
    return Kept(root, (row,), trust)


def with_version(kept: Kept, changed: dict[str, bytes]) -> Kept:
    """The same with a version 2 that the log knows of."""
    made = add_version(kept.store, ID, changed, user="an", message="renewed")
    digest = inventory_sha256(kept.store, ID, made.version)
    return Kept(kept.root, (*kept.log, Recorded(seq=2, version=made.version, inventory_sha256=digest)), kept.trust)


def made_whole(folder: Path) -> None:
    """Every inventory and digest is recomputed over what lies there: what somebody does who knows OCFL."""
    inventory = json.loads((folder / INVENTORY).read_bytes())
    moved = {}
    for digest, paths in list(inventory["manifest"].items()):
        body = (folder / paths[0]).read_bytes()
        moved[digest] = hashlib.sha512(body).hexdigest()
        for sha256, held in list(inventory["fixity"]["sha256"].items()):
            if held == paths:
                del inventory["fixity"]["sha256"][sha256]
                inventory["fixity"]["sha256"][hashlib.sha256(body).hexdigest()] = paths
    text = json.dumps(inventory, ensure_ascii=False, indent=1)
    for old, new in moved.items():
        text = text.replace(old, new)
    announce(folder, text.encode())


def announce(folder: Path, body: bytes) -> None:
    """This is the object's inventory, of the root and of its newest version."""
    head = parse_inventory(body).head
    for place in (folder, folder / head):
        (place / INVENTORY).write_bytes(body)
        (place / SIDECAR).write_bytes(sidecar(body))
