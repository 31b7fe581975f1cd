"""What a second worker brings: documents a second of one worker on one core, and of two on two.

    python -m bench.workers [--documents 40]

Each worker is bound to a core of its own, as two machines would be; the watch and PostgreSQL share what there is.
Prints one JSON object; the ratio counts.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path

from tests.cluster import SOHOA, cluster

WARM_UP = 4
"""Documents before the clock starts: workers import and fork."""


def documents_a_second(workers: int, documents: int) -> float:
    """From the first documents that are done to the last but one of each worker."""
    with tempfile.TemporaryDirectory() as folder, cluster(Path(folder) / "home") as made:
        made.drop(range(documents))
        made.start("watch")
        claimed = "SELECT count(*) FROM scans WHERE staged_path IS NOT NULL"
        made.wait(lambda: made.rows(claimed)[0][0] == documents)
        for number in range(workers):
            made.start("worker", "--name", f"w{number}", program=["taskset", "-c", str(number), *SOHOA])
        made.wait(lambda: made.settled() >= WARM_UP * workers)
        began, first = time.monotonic(), made.settled()
        made.wait(lambda: made.settled() >= documents - workers)
        return (made.settled() - first) / (time.monotonic() - began)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--documents", type=int, default=40)
    told = parser.parse_args()
    one, two = (documents_a_second(n, told.documents) for n in (1, 2))
    print(json.dumps({"one": round(one, 3), "two": round(two, 3), "ratio": round(two / one, 3)}))
