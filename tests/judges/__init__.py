"""Verdicts of programs that are not ours: veraPDF on PDF/A-2b, the EU's DSS on PAdES. Built once into the cache."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

from tests.cached import built_once

HERE = Path(__file__).parent


def archivable(files: Sequence[Path]) -> dict[Path, tuple[bool, str]]:
    """veraPDF: is it PDF/A-2b? The second value names the clauses that fail."""
    return _ask(["pdfa"], files)


def signed(files: Sequence[Path], root: Path) -> dict[Path, tuple[bool, str]]:
    """DSS: is every signature TOTAL-PASSED under this root? The second value is indication and format."""
    return _ask(["pades", str(root)], files)


def _ask(question: list[str], files: Sequence[Path]) -> dict[Path, tuple[bool, str]]:
    built = _built()
    java = ["java", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", f"{built}/classes:{built}/lib/*", "Judge"]
    told = subprocess.run([*java, *question, *map(str, files)], check=True, capture_output=True, text=True)
    lines = [line.split("\t", 1) for line in told.stdout.splitlines()]
    return {path: (line[0] == "yes", line[1]) for path, line in zip(files, lines, strict=True)}


def _built() -> Path:
    def build(built: Path) -> None:
        maven = ["mvn", "-q", "-B", "-f", str(HERE / "pom.xml"), f"-Dbuilt={built}"]
        subprocess.run([*maven, "compile", "dependency:copy-dependencies"], check=True)

    return built_once("judges", (HERE / "pom.xml", HERE / "src/main/java/Judge.java"), build)
