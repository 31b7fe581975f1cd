"""XML as packages hold it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from xml.etree import ElementTree as Xml

XSI = "http://www.w3.org/2001/XMLSchema-instance"
FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
"""No XML 1.0 document can hold these, and what was read off paper may."""


def child(parent: Xml.Element, name: str, text: str | None = None, **attributes: str) -> Xml.Element:
    """A new last child; the namespace of its parent where the name has none."""
    tag = name if name.startswith("{") else f"{parent.tag.partition('}')[0]}}}{name}"
    made = Xml.SubElement(parent, tag, attributes)
    made.text = text
    return made


def xml_bytes(root: Xml.Element, prefixes: Mapping[str, str]) -> bytes:
    """The document as it is stored, with these prefixes for its namespaces."""
    for prefix, uri in prefixes.items():
        Xml.register_namespace(prefix, uri)
    for element in root.iter():
        element.text = FORBIDDEN.sub("\ufffd", element.text) if element.text else element.text
        for name, value in element.attrib.items():
            element.set(name, FORBIDDEN.sub("\ufffd", value))
    Xml.indent(root, " ")
    return bytes(Xml.tostring(root, encoding="UTF-8", xml_declaration=True)) + b"\n"
