"""An E-ARK SIP (CSIP 2.x): what an archive that takes over the record reads without knowing sohoa.

`representations/original` is the scan as received, `representations/signed` the signed PDF with its text; what the
record says of itself stands in `metadata/`, twice: as others read it, and as it stands in our archive.
"""

from __future__ import annotations

from dataclasses import replace

from archive.export.descriptive import dossier_record, dublin_core, tt05_schema
from archive.export.mets import CSIP_PROFILE, SIP_PROFILE, Contents, Described, mets
from archive.export.premis import premis
from archive.export.record import Outgoing, copy_file
from archive.export.sink import Sink, Written
from archive.store import ObjectStore

METS_FILE = "METS.xml"
README = """Hồ sơ số hóa tại bộ phận một cửa / A record digitised at a one-stop desk

representations/original   tệp quét đúng như khi nhận (the scan as received)
representations/signed     PDF/A-2b đã ký số PAdES, và chữ đọc được (signed PDF, recognised text with boxes)
metadata/descriptive       Dublin Core, và thông tin theo TT 05/2025/TT-BNV
metadata/preservation      PREMIS: mã băm, diễn biến (digests, events)
metadata/other             metadata.json, events.json: như trong kho của nơi gửi (as in the sender's archive)
"""


def write_sip(store: ObjectStore, record: Outgoing, sink: Sink) -> None:
    """The sink holds a complete SIP, every archived byte compared with the inventory on its way.

    Raises FixityMismatch, KeyNotFound, ServiceUnavailable.
    """
    original = _represented(store, record, sink, "original", (record.original,))
    rest = sorted(n for n in record.papers.digests if not n.startswith("original/") and n not in OTHER)
    signed = _represented(store, record, sink, "signed", rest)
    others = [copy_file(store, record, name, sink, f"metadata/other/{name}") for name in OTHER]
    described = [
        Described(sink.put("metadata/descriptive/dc.xml", dublin_core(record)), "DC"),
        Described(sink.put("metadata/descriptive/tt05-2025.xml", dossier_record(record)), "OTHER", "TT 05/2025/TT-BNV"),
        Described(others[0], "OTHER", "sohoa metadata"),
        Described(
            sink.put("metadata/preservation/premis.xml", premis(record, [*original[1], *signed[1]])),
            "PREMIS",
            preserves=True,
        ),
        Described(others[1], "OTHER", "sohoa events", preserves=True),
    ]
    contents = Contents(
        identifier=record.identifier,
        profile=SIP_PROFILE,
        described=described,
        groups={
            "Documentation": (sink.put("documentation/README.txt", README.encode()),),
            "Schemas": (sink.put("schemas/tt05-2025.xsd", tt05_schema()),),
        },
        representations={"original": original[0], "signed": signed[0]},
    )
    sink.put(METS_FILE, mets(record, contents))


OTHER = ("metadata.json", "events.json")


def _represented(
    store: ObjectStore, record: Outgoing, sink: Sink, name: str, logicals: tuple[str, ...] | list[str]
) -> tuple[Written, list[Written]]:
    """A representation with a METS file of its own; that file, and the data files, by their paths in the package."""
    top = f"representations/{name}"
    data = [copy_file(store, record, logical, sink, f"{top}/data/{logical}") for logical in logicals]
    own = sink.put(f"{top}/metadata/descriptive/dc.xml", dublin_core(record))
    contents = Contents(
        identifier=name,
        profile=CSIP_PROFILE,
        described=[Described(_below(own, top), "DC")],
        groups={"Data": [_below(file, top) for file in data]},
    )
    return sink.put(f"{top}/{METS_FILE}", mets(record, contents)), data


def _below(file: Written, top: str) -> Written:
    return replace(file, name=file.name.removeprefix(f"{top}/"))
