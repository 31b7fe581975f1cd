"""eark-validator of the E-ARK Foundation over one package: its findings as JSON.

It fetches four vocabularies when it is imported; here it gets the same ones from its own package, so that it judges
without a network.
"""

from __future__ import annotations

import io
import json
import sys
import urllib.request
from importlib.util import find_spec
from pathlib import Path
from typing import Any


def judge(package: Path) -> dict[str, Any]:
    """structure, schema, rules: what is wrong, as (rule, severity, message); empty when nothing is."""
    from eark_validator.ipxml.schema import IP_SCHEMA
    from eark_validator.packages import PackageValidator
    from lxml import etree

    report = PackageValidator(package).validation_report
    told = {
        "structure": report.structure.messages,
        "schema": report.metadata.schema_results.messages if report.metadata else [],
        "rules": report.metadata.schematron_results.messages if report.metadata else [],
    }
    found: dict[str, Any] = {
        name: [(m.rule_id, m.severity.name, m.message) for m in messages if m.severity.name != "INFORMATION"]
        for name, messages in told.items()
    }
    found["read"] = bool(report.metadata)
    for mets in package.glob("representations/*/METS.xml"):  # the validator itself stops at the package's own
        if not IP_SCHEMA["csip"].validate(etree.parse(mets)):
            found["schema"].append((mets.parent.name, "ERROR", str(IP_SCHEMA["csip"].error_log.last_error)))
    return found


def _own(uri: str) -> io.BytesIO:
    spec = find_spec("eark_validator")
    assert spec is not None and spec.submodule_search_locations
    vocabularies = Path(spec.submodule_search_locations[0]) / "ipxml" / "resources" / "vocabs"
    return io.BytesIO((vocabularies / uri.rpartition("/")[2]).read_bytes())


if __name__ == "__main__":
    urllib.request.urlopen = _own  # type: ignore[assignment]
    print(json.dumps([judge(Path(package)) for package in sys.argv[1:]]))
