"""YAML as the catalogue and the sentences are written in: plain values."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""libyaml's where PyYAML was built with it: ten times faster, and every command reads the catalogue."""


def read_yaml(path: Path) -> Any:
    """What stands in a file. Raises OSError, yaml.YAMLError."""
    return yaml.load(path.read_text(encoding="utf-8"), Loader=LOADER)  # noqa: S506 both know plain values only
