"""What `sohoa verify --all` costs: records a second and processor time a record, against the size of the archive.

    python -m bench.verifying [--records 100 1000] [--papers 20] [--folder DIR]

Prints JSON. Records are of one page at B-LTA, signed by a development authority: so many `papers` are really signed,
and the records are these again and again under ids of their own (their files are links to one another, so that an
archive of ten thousand is there in a minute; each is read and judged by itself). The registry does not know them.
Targets: 25 records a second on two cores; the cost of a record the same from 100 to 10,000, start-up set apart; memory
flat. The yardstick in the same run is pyHanko's own validation of the same files, in one process.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import os
import statistics
import sys
import time
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from PIL import Image, ImageDraw
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.validation.ades import ades_lta_validation
from pyhanko_certvalidator.ltv.types import ValidationTimingInfo

from app.setup import initialise
from app.wiring import Wiring
from archive.aip import events_json, metadata_json, text_json
from archive.ocfl import INVENTORY, OBJECT_DECLARATION, SIDECAR, Inventory, Version, ensure_root, object_root, sidecar
from bench.spent import Spent, spent
from config.settings import load_settings
from pipeline.pdfa import write_pdfa
from pipeline.soundness import JPEG
from registry.values import (
    Box,
    Description,
    DocumentId,
    Event,
    PageText,
    RecordMetadata,
    SourceScan,
    Word,
    utc_now,
)
from signing.policy import POLICY
from signing.revisions import Changes
from signing.stamp import Stamp
from signing.validate import _spec

AGENCY = "Ủy ban nhân dân xã An Hòa"
WORDS = 350
LONGEST_S = 3600.0


def main() -> None:
    ask = argparse.ArgumentParser()
    ask.add_argument("--records", type=int, nargs="+", default=[100, 1000])
    ask.add_argument("--papers", type=int, default=20)
    ask.add_argument("--folder", type=Path)
    told = ask.parse_args()
    with TemporaryDirectory(dir=told.folder) as name:
        home = Path(name) / "home"
        initialise(home, demo=False, agency=AGENCY)
        wiring = Wiring(load_settings(home))
        papers = [signed(wiring, Path(name), number) for number in range(told.papers)]
        yardstick = pyhanko_ms([paper["document.pdf"] for paper in papers], wiring)
        found, there = [], 0
        for number in sorted(told.records):
            fill(wiring, papers, there, number)
            there = number
            found.append({"records": number, **judged(home, Path(name), number)})
        wiring.close()
    print(json.dumps({"cores": os.cpu_count(), "pyhanko_cpu_ms": yardstick, **figures(found, yardstick)}, indent=1))


def figures(found: Sequence[dict[str, Any]], yardstick: float) -> dict[str, Any]:
    """Cost of a record between the smallest and the largest archive, where start-up falls out."""
    told: dict[str, Any] = {"runs": found}
    first, last = found[0], found[-1]
    if last["records"] > first["records"]:
        more = last["records"] - first["records"]
        cpu = (last["cpu_s"] - first["cpu_s"]) / more * 1000
        told["cpu_ms_per_record"] = round(cpu, 1)
        told["records_per_s"] = round(more / (last["wall_s"] - first["wall_s"]), 1)
        told["records_per_s_of_two_free_cores"] = round(2000 / cpu, 1)
        told["of_pyhanko"] = round(cpu / yardstick, 2)
    return told


def judged(home: Path, folder: Path, number: int) -> dict[str, Any]:
    out = folder / f"{number}.json"
    environment = {**os.environ, "SOHOA_HOME": str(home)}
    command = [sys.executable, "-c", "from app.cli import main; main()", "verify", "--all", "--anew", "--json"]
    cost: Spent = spent(command, environment=environment, out=out, log=folder / "log", longest_s=LONGEST_S)
    verdicts = [record["verdict"] for record in json.loads(out.read_text())]
    return {
        "passed": verdicts.count("TOTAL-PASSED"),
        "wall_s": round(cost.wall_s, 1),
        "cpu_s": round(cost.cpu_s, 1),
        "peak_mib": round(cost.peak_mib),
    }


def signed(wiring: Wiring, folder: Path, number: int) -> dict[str, Path]:
    """The files of a record of one page, by logical name."""
    place = folder / f"paper-{number}"
    place.mkdir()
    page = Image.effect_noise((1654, 2339), 12).point(lambda v: min(255, v + 110))
    ImageDraw.Draw(page).text((200, 200), f"Số {number}", fill=20, font_size=60)
    page.save(place / "scan.jpg", quality=60, dpi=(200, 200))
    write_pdfa(place / "scan.jpg", JPEG, [PageText(index=0, text="", confidence=0, dpi=200)], place / "plain.pdf")
    stamp = Stamp("SAO Y", AGENCY, datetime.now(UTC))
    made = wiring.station.sign(place / "plain.pdf", place / "document.pdf", stamp=stamp)
    assert made.level == "B-LTA", made.why
    words = tuple(
        Word(text=f"chữ{n}", box=Box(left=0.1, top=0.1, right=0.2, bottom=0.2), confidence=0.9) for n in range(WORDS)
    )
    text = PageText(index=0, text=" ".join(w.text for w in words), confidence=0.9, words=words)
    (place / "text.json").write_bytes(text_json((text,)))
    (place / "events.json").write_bytes(events_json((Event(type="capture", at=utc_now(), agent="an"),)))
    return {
        "original/scan.jpg": place / "scan.jpg",
        **{name: place / name for name in ("document.pdf", "text.json", "events.json")},
    }


def fill(wiring: Wiring, papers: Sequence[dict[str, Path]], start: int, end: int) -> None:
    """The archive holds `end` records, of which `start` are there already."""
    ensure_root(wiring.store)
    root = wiring.folder("archive")
    digests = [{name: _digests(path.read_bytes()) for name, path in paper.items()} for paper in papers]
    for number in range(start, end):
        paper, digest = papers[number % len(papers)], digests[number % len(papers)]
        _write(root, DocumentId(str(uuid.uuid5(uuid.NAMESPACE_URL, str(number)))), paper, digest)


def _write(root: Path, document_id: DocumentId, paper: dict[str, Path], digests: dict[str, tuple[str, str]]) -> None:
    now = utc_now()
    scan = paper["original/scan.jpg"]
    metadata = metadata_json(
        RecordMetadata(
            document_id=document_id, unit="H99.32", description=Description(kind="quyet-dinh"), page_count=1,
            source=SourceScan(file_name="scan.jpg", sha256=digests["original/scan.jpg"][1],
                              size_bytes=scan.stat().st_size, media_type="image/jpeg", received_at=now),
            retention_class="permanent", signature_level="B-LTA", converted_by_unit="H99.32",
            converted_by_person="an", converted_at=now, approved_by="an", approved_at=now, archived_at=now,
        )
    )  # fmt: skip
    told = {**digests, "metadata.json": _digests(metadata)}
    inventory = Inventory(
        id=f"urn:uuid:{document_id}",
        head="v1",
        manifest={long: f"v1/content/{name}" for name, (long, _) in told.items()},
        sha256={f"v1/content/{name}": short for name, (_, short) in told.items()},
        versions={
            "v1": Version(
                created=now.isoformat(), message="archived", user="an", state={n: long for n, (long, _) in told.items()}
            )
        },
    ).to_json()
    place = root / object_root(document_id)
    (place / "v1" / "content" / "original").mkdir(parents=True)
    for name, path in paper.items():
        os.link(path, place / "v1" / "content" / name)
    (place / "v1" / "content" / "metadata.json").write_bytes(metadata)
    for folder in (place, place / "v1"):
        (folder / INVENTORY).write_bytes(inventory)
        (folder / SIDECAR).write_bytes(sidecar(inventory))
    (place / OBJECT_DECLARATION[0]).write_bytes(OBJECT_DECLARATION[1])


def _digests(body: bytes) -> tuple[str, str]:
    return hashlib.sha512(body).hexdigest(), hashlib.sha256(body).hexdigest()


def pyhanko_ms(paths: Sequence[Path], wiring: Wiring) -> float:
    """pyHanko's own AdES validation of each file, nothing besides: median milliseconds of CPU."""
    taken = []
    for path in paths:
        began = time.process_time()
        with path.open("rb") as stream:
            for signature in PdfFileReader(stream, strict=True).embedded_regular_signatures:
                now = utc_now()
                spec = _spec(wiring.trust, POLICY, Changes())
                asyncio.run(ades_lta_validation(signature, spec, ValidationTimingInfo(now, now, False)))
        taken.append((time.process_time() - began) * 1000)
    return round(statistics.median(taken), 1)


if __name__ == "__main__":
    main()
