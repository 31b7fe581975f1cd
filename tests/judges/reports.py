"""ETSI's own schema on our XML reports, as the EU's DSS brings it."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

from lxml import etree

from tests.judges import _built

PLACES = {
    "xmldsig-core-schema.xsd": ("specs-xmldsig", "xmldsig-core-schema.xsd"),
    "XAdES.xsd": ("specs-xades", "XAdES01903v132-201601.xsd"),
    "ts_119612v020201_201601xsd.xsd": ("specs-trusted-list", "ts_119612v020101_xsd.xsd"),
}


def schema_errors(report: Path, folder: Path) -> list[str]:
    """What the schema of TS 119 102-2 V1.4.1 has against the report; its imports are taken from the same jars."""
    jars = sorted((_built() / "lib").glob("specs-*.jar"))
    for jar in jars:
        with zipfile.ZipFile(jar) as packed:
            for name in packed.namelist():
                if name.endswith((".xsd", ".dtd")):
                    (folder / Path(name).name).write_bytes(packed.read(name))
    for path in folder.glob("*.xsd"):
        path.write_text(re.sub(r'schemaLocation="[^"]*/([^"/]+)"', _beside(folder), path.read_text("utf-8")), "utf-8")
    schema = etree.XMLSchema(etree.parse(folder / "TS119102-2-v141.xsd", _local()))
    schema.validate(etree.parse(report))
    return [f"{error.line}: {error.message}" for error in schema.error_log]


def _beside(folder: Path):  # type: ignore[no-untyped-def]
    """The file of that name beside this one; under another name where the jar has another edition."""

    def place(found: re.Match[str]) -> str:
        name = found[1]
        if not (folder / name).exists():
            stem = next((v for k, (_, v) in PLACES.items() if k == name), name)
            name = stem if (folder / stem).exists() else name
        return f'schemaLocation="{name}"'

    return place


def _local() -> etree.XMLParser:
    return etree.XMLParser(no_network=True, load_dtd=False, resolve_entities=False)
