"""PREMIS 3: the record, its files with their digests, what happened to them and who did it."""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree import ElementTree as Xml

from archive.export.record import Outgoing, instant, media_type
from archive.export.sink import Written
from archive.export.xml import XSI, child, xml_bytes
from registry.values import Event

PREMIS = "http://www.loc.gov/premis/v3"
PROGRAMS = frozenset({"sohoa"})


def premis(record: Outgoing, files: Sequence[Written]) -> bytes:
    """Objects, events and agents of the record. files: as they lie in the package."""
    root = Xml.Element(f"{{{PREMIS}}}premis", {"version": "3.0"})
    whole = child(root, "object", None, **{f"{{{XSI}}}type": "premis:intellectualEntity"})
    _identifier(whole, "object", "URN", record.identifier)
    for file in files:
        _file(root, record, file)
    for number, event in enumerate(record.papers.events, start=1):
        _event(root, record, number, event)
    for agent in sorted({event.agent for event in record.papers.events}):
        told = child(root, "agent")
        _identifier(told, "agent", "local", agent)
        child(told, "agentName", agent)
        child(told, "agentType", "software" if agent in PROGRAMS else "person")
    return xml_bytes(root, {"premis": PREMIS, "xsi": XSI})


def _file(root: Xml.Element, record: Outgoing, file: Written) -> None:
    told = child(root, "object", None, **{f"{{{XSI}}}type": "premis:file"})
    _identifier(told, "object", "local", file.name)
    traits = child(told, "objectCharacteristics")
    for algorithm, digest in (("SHA-256", file.sha256), ("SHA-512", file.sha512)):
        fixity = child(traits, "fixity")
        child(fixity, "messageDigestAlgorithm", algorithm)
        child(fixity, "messageDigest", digest)
    child(traits, "size", str(file.size_bytes))
    designation = child(child(traits, "format"), "formatDesignation")
    child(designation, "formatName", media_type(record, file.name))
    if file.name.endswith(record.original):
        child(told, "originalName", record.papers.metadata.source.file_name)
    linked = child(told, "relationship")
    child(linked, "relationshipType", "structural")
    child(linked, "relationshipSubType", "is Part Of")
    _identifier(linked, "relatedObject", "URN", record.identifier)


def _event(root: Xml.Element, record: Outgoing, number: int, event: Event) -> None:
    told = child(root, "event")
    _identifier(told, "event", "local", f"event-{number}")
    child(told, "eventType", event.type)
    child(told, "eventDateTime", instant(event.at))
    if event.detail:
        detail = child(told, "eventDetailInformation")
        child(detail, "eventDetail", "; ".join(f"{name}: {value}" for name, value in sorted(event.detail.items())))
    outcome = child(told, "eventOutcomeInformation")
    child(outcome, "eventOutcome", event.outcome)
    _identifier(told, "linkingAgent", "local", event.agent)
    _identifier(told, "linkingObject", "URN", record.identifier)


def _identifier(parent: Xml.Element, what: str, kind: str, value: str) -> None:
    told = child(parent, f"{what}Identifier")
    child(told, f"{what}IdentifierType", kind)
    child(told, f"{what}IdentifierValue", value)
