"""METS as the Common Specification for Information Packages (CSIP 2.x) has it: of a package, of its representations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import quote
from xml.etree import ElementTree as Xml

from archive.export.record import Outgoing, instant, media_type
from archive.export.sink import Written
from archive.export.xml import child, xml_bytes

METS, XLINK = "http://www.loc.gov/METS/", "http://www.w3.org/1999/xlink"
CSIP, SIP = "https://DILCIS.eu/XML/METS/CSIPExtensionMETS", "https://DILCIS.eu/XML/METS/SIPExtensionMETS"
PREFIXES = {"mets": METS, "xlink": XLINK, "csip": CSIP, "sip": SIP}
SIP_PROFILE = "https://earksip.dilcis.eu/profile/E-ARK-SIP.xml"
CSIP_PROFILE = "https://earkcsip.dilcis.eu/profile/E-ARK-CSIP.xml"
CATEGORY = "Textual works – Digital"
CONTENT = {f"{{{CSIP}}}CONTENTINFORMATIONTYPE": "OTHER", f"{{{CSIP}}}OTHERCONTENTINFORMATIONTYPE": "sohoa record"}
REPRESENTATIONS = "Representations"


@dataclass(frozen=True, slots=True)
class Described:
    """A file with metadata: as METS calls its kind, which for OTHER is told by `other`."""

    file: Written
    kind: str
    other: str = ""
    preserves: bool = False


@dataclass(frozen=True, slots=True)
class Contents:
    """What a METS file tells of. groups: USE → files. representations: name → its METS file and the group's USE."""

    identifier: str
    profile: str
    described: Sequence[Described] = ()
    groups: Mapping[str, Sequence[Written]] = field(default_factory=dict)
    representations: Mapping[str, Written] = field(default_factory=dict)


def mets(record: Outgoing, contents: Contents) -> bytes:
    """METS.xml. Paths in it are relative to the folder it lies in, percent-encoded."""
    root = Xml.Element(
        f"{{{METS}}}mets",
        {"OBJID": contents.identifier, "TYPE": CATEGORY, "PROFILE": contents.profile, "LABEL": record.title, **CONTENT},
    )
    _header(root, record)
    for number, told in enumerate(contents.described, start=1):
        if not told.preserves:
            section = child(root, "dmdSec", ID=f"dmd-{number}", CREATED=instant(record.made_at), STATUS="CURRENT")
            _reference(section, record, told)
    if any(told.preserves for told in contents.described):
        section = child(root, "amdSec")
        for number, told in enumerate(contents.described, start=1):
            if told.preserves:
                proof = child(section, "digiprovMD", ID=f"amd-{number}", STATUS="CURRENT")
                _reference(proof, record, told)
    groups = {**contents.groups, **{f"{REPRESENTATIONS}/{n}": (w,) for n, w in contents.representations.items()}}
    listed = child(root, "fileSec", ID="file-section")
    ids: dict[str, str] = {}
    for number, (use, files) in enumerate(groups.items(), start=1):
        ids[use] = f"group-{number}"
        group = child(listed, "fileGrp", ID=ids[use], USE=use, **CONTENT)
        for index, file in enumerate(files, start=1):
            _file(group, record, file, f"file-{number}-{index}")
    _structure(root, contents, ids)
    return xml_bytes(root, PREFIXES)


def _header(root: Xml.Element, record: Outgoing) -> None:
    at, told = instant(record.made_at), record.papers.metadata
    header = child(
        root, "metsHdr", CREATEDATE=at, LASTMODDATE=at, RECORDSTATUS="NEW", **{f"{{{CSIP}}}OAISPACKAGETYPE": "SIP"}
    )
    program = child(header, "agent", ROLE="CREATOR", TYPE="OTHER", OTHERTYPE="SOFTWARE")
    child(program, "name", "sohoa")
    child(program, "note", record.program, **{f"{{{CSIP}}}NOTETYPE": "SOFTWARE VERSION"})
    unit = child(header, "agent", ROLE="ARCHIVIST", TYPE="ORGANIZATION")
    child(unit, "name", record.names.unit)
    child(unit, "note", told.unit, **{f"{{{CSIP}}}NOTETYPE": "IDENTIFICATIONCODE"})
    if told.dossier_code:
        child(header, "altRecordID", told.dossier_code, TYPE="REFERENCECODE")


def _reference(section: Xml.Element, record: Outgoing, told: Described) -> None:
    other = {"OTHERMDTYPE": told.other} if told.other else {}
    attributes = {"MDTYPE": told.kind, **other, **_facts(record, told.file)}
    child(section, "mdRef", **{"LOCTYPE": "URL", **_link(told.file.name)}, **attributes)


def _file(group: Xml.Element, record: Outgoing, file: Written, identifier: str) -> None:
    told = child(group, "file", ID=identifier, **_facts(record, file))
    child(told, "FLocat", **{"LOCTYPE": "URL", **_link(file.name)})


def _facts(record: Outgoing, file: Written) -> dict[str, str]:
    return {
        "MIMETYPE": media_type(record, file.name),
        "SIZE": str(file.size_bytes),
        "CREATED": instant(record.made_at),
        "CHECKSUM": file.sha256,
        "CHECKSUMTYPE": "SHA-256",
    }


def _link(name: str) -> dict[str, str]:
    return {f"{{{XLINK}}}type": "simple", f"{{{XLINK}}}href": quote(name)}


def _structure(root: Xml.Element, contents: Contents, ids: Mapping[str, str]) -> None:
    whole = child(child(root, "structMap", ID="structure", TYPE="PHYSICAL", LABEL="CSIP"), "div", ID="div-package",
                  LABEL=contents.identifier)  # fmt: skip
    told = list(enumerate(contents.described, start=1))
    refers = {
        "ADMID": " ".join(f"amd-{n}" for n, d in told if d.preserves),
        "DMDID": " ".join(f"dmd-{n}" for n, d in told if not d.preserves),
    }
    child(whole, "div", ID="div-metadata", LABEL="Metadata", **{name: value for name, value in refers.items() if value})
    for use in contents.groups:
        division = child(whole, "div", ID=f"div-{use.lower()}", LABEL=use)
        child(division, "fptr", FILEID=ids[use])
    if contents.representations:
        division = child(whole, "div", ID="div-representations", LABEL=REPRESENTATIONS)
        for name in contents.representations:
            child(division, "fptr", FILEID=ids[f"{REPRESENTATIONS}/{name}"])
        for name, file in contents.representations.items():
            below = child(division, "div", ID=f"div-{name}", LABEL=f"{REPRESENTATIONS}/{name}")
            title = {f"{{{XLINK}}}title": ids[f"{REPRESENTATIONS}/{name}"]}
            child(below, "mptr", **{"LOCTYPE": "URL", **_link(file.name), **title})
