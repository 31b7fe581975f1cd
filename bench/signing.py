"""What a signature costs: own CPU and wall time a document, at each level, against services in another process.

    python -m bench.signing [--documents 30] [--pages 2] [--level B-LTA] [--key agency-rsa]

Prints JSON: milliseconds of this process's CPU (median and mean) and of wall time, the file's growth; the same of a
renewal of what was signed. Target of B-LTA: 200 ms of own CPU. The services (tests/servers/pki.py) answer over HTTP in
a process of their own, whose time is not counted; a first document, which loads fonts and keys, is not counted either.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from PIL import Image

from config.settings import Signing
from pipeline.pdfa import write_pdfa
from pipeline.soundness import JPEG
from registry.values import PageText, Verdict
from signing.authority import Authority
from signing.keys import Pkcs12Key
from signing.stamp import Stamp
from signing.station import SigningStation
from signing.validate import TrustStore, validate_pdf

AGENCY = "Ủy ban nhân dân xã An Hòa"


@contextmanager
def services(folder: Path) -> Iterator[dict[str, Any]]:
    """A test PKI in a process of its own; what it prints of itself."""
    command = [sys.executable, "-m", "tests.servers.pki", str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdin is not None and running.stdout is not None
        yield json.loads(running.stdout.readline())
        running.stdin.close()


def paper(folder: Path) -> Path:
    """A plain PDF/A of one page, as the path of a scan makes it."""
    Image.effect_noise((1654, 2339), 40).save(folder / "scan.jpg", quality=70)
    write_pdfa(folder / "scan.jpg", JPEG, [PageText(index=0, text="", confidence=0, dpi=200)], folder / "plain.pdf")
    return folder / "plain.pdf"


def measure(source: Path, target: Path, times: int, make: Callable[[], str]) -> dict[str, Any]:
    """What `make` costs, which writes `target` from `source` and tells the level; the first time is not counted."""
    own, wall, levels = [], [], set()
    for number in range(times + 1):
        began, spent = time.perf_counter(), time.process_time()
        levels.add(make())
        if number:
            own.append((time.process_time() - spent) * 1000)
            wall.append((time.perf_counter() - began) * 1000)
    return {
        "levels": sorted(levels),
        "own_cpu_ms": {"median": round(statistics.median(own), 1), "mean": round(statistics.mean(own), 1)},
        "wall_ms": {"median": round(statistics.median(wall), 1)},
        "grown_by_bytes": target.stat().st_size - source.stat().st_size,
    }


def main() -> None:
    ask = argparse.ArgumentParser()
    ask.add_argument("--documents", type=int, default=30)
    ask.add_argument("--level", default="B-LTA")
    ask.add_argument("--key", default="agency-rsa")
    told = ask.parse_args()
    with TemporaryDirectory() as name, services(Path(name) / "pki") as pki:
        folder = Path(name)
        trust = TrustStore.load(Path(pki["trust"]))
        station = SigningStation(
            key=Pkcs12Key.load(Path(pki["keys"][told.key]), pki["passphrase"]), level=told.level, tsa=pki["tsa"],
            authority=Authority(folder / "none"), trust=trust, font=Signing().stamp_font,
        )  # fmt: skip
        source = paper(folder)
        signed, renewed = folder / "signed.pdf", folder / "renewed.pdf"

        def sign() -> str:
            made = station.sign(source, signed, stamp=Stamp("SAO Y", AGENCY, datetime.now(UTC)))
            return f"{made.level} {made.why}".strip()

        found = measure(source, signed, told.documents, sign)
        found["renewal"] = measure(signed, renewed, told.documents, lambda: station.renew(signed, renewed).level)
        found["verdict"] = str(validate_pdf(folder / "signed.pdf", trust).verdict)
        assert found["verdict"] == Verdict.PASSED or told.level in ("B-B", "B-T")
    print(json.dumps({"level": told.level, "key": told.key, "documents": told.documents, **found}, indent=1))


if __name__ == "__main__":
    main()
