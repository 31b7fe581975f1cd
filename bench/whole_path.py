"""The whole path of scans, in this process and its workers: taken, read, described, signed, archived, indexed.

    python -m bench.whole_path HOME UNIT [FILE…]

HOME is an installation; what waits for a person is approved as it is, at once. Exit code 3 when a scan was refused.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from app.wiring import opened
from pipeline import decisions
from pipeline.intake import take
from pipeline.runner import Runner
from pipeline.workshop import Workshop
from registry import documents, scans
from registry.database import read
from registry.values import DocumentState, ScanId, ScanState

EXIT_PARTLY = 3


def main() -> None:
    home, unit, files = Path(sys.argv[1]), sys.argv[2], [Path(name) for name in sys.argv[3:]]
    with opened(home) as wiring:
        shop = wiring.workshop
        # a scan is called what its folder is called: generated ones are all called `scan`
        names = [Path(f"{f.parent.name}-{f.name}") for f in files]
        receipts = [
            take(shop, f.resolve(), unit_folder=unit, relative=n, actor="bench")
            for f, n in zip(files, names, strict=True)
        ]
        wanted = list({r.scan_id for r in receipts if r.scan_id})
        Runner(shop).run(until=lambda: _all_found(shop, wanted))
        with read(shop.engine) as conn:
            refused = len(scans.by_state(conn, ScanState.QUARANTINED))
    sys.exit(EXIT_PARTLY if refused or any(r.scan_id is None for r in receipts) else 0)


def _all_found(shop: Workshop, wanted: Sequence[ScanId]) -> bool:
    """Whether every scan is in the archive and the index, or refused. Whoever waits for a person is approved."""
    with read(shop.engine) as conn:
        waiting = [d.id for d in documents.by_state(conn, DocumentState.REVIEW)]
        settled = len(scans.settled(conn, wanted)) == len(wanted)
        lagging = bool(documents.unindexed(conn, 1))
    for document_id in waiting:
        decisions.approve(shop, document_id, "bench")
    return settled and not lagging and not waiting


if __name__ == "__main__":
    main()
