"""Workers on one PostgreSQL: a killed one's work is taken over, a stopped one drains, an upgrade loses nothing."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import pytest

from tests.cluster import Cluster
from tests.cluster import cluster as started

NEXT_VERSION = [sys.executable, "-c", """
import pipeline.dispatch as d
d.APPLICATION_VERSION = "next"
from app.cli import main
main()
"""]  # fmt: skip
TAKEN_OVER_S = 60.0


@pytest.mark.slow
def test_work_goes_on_whoever_dies_drains_or_is_upgraded(tmp_path: Path) -> None:
    with started(tmp_path / "home") as cluster:
        live_through(cluster)


def live_through(cluster: Cluster) -> None:
    cluster.start("watch")
    doomed = cluster.start("worker", "--name", "doomed")
    drained = cluster.start("worker", "--name", "drained")
    cluster.drop(range(16))
    cluster.wait(lambda: cluster.settled() >= 2 and "doomed" in cluster.busy())

    # killed for good, in the middle of its work: the living take it over
    os.killpg(doomed.pid, signal.SIGKILL)
    killed_at = time.monotonic()
    left = set(cluster.rows("SELECT workflow_uuid FROM dbos.workflow_status WHERE status = 'PENDING' "
                            "AND executor_id = 'doomed'"))  # fmt: skip
    assert left, "it died over something"
    cluster.wait(lambda: "doomed" not in cluster.busy())
    assert time.monotonic() - killed_at < TAKEN_OVER_S
    cluster.wait(lambda: cluster.settled() == 16)

    # told to stop over its work: it ends what it began, and leaves nothing running
    cluster.drop(range(16, 24))
    cluster.wait(lambda: "drained" in cluster.busy())
    drained.send_signal(signal.SIGTERM)
    assert drained.wait(60) == 0
    assert "drained" not in cluster.busy()
    [(state,)] = cluster.rows("SELECT state FROM workers WHERE instance = 'drained'")
    assert state == "stopped"

    # the next version cannot run workflows of this one, that wait in the queue: they are started anew
    cluster.wait(lambda: bool(cluster.rows("SELECT 1 FROM dbos.workflow_status WHERE status = 'ENQUEUED'")))
    for process in cluster.running:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 0
    cluster.start("watch", program=NEXT_VERSION)
    cluster.start("worker", "--name", "upgraded", program=NEXT_VERSION)
    cluster.wait(lambda: cluster.settled() == 24)
    ran = cluster.rows("SELECT count(*) FROM dbos.workflow_status WHERE application_version = 'next' "
                       "AND status = 'SUCCESS'")  # fmt: skip
    assert ran[0][0] >= 1
    assert cluster.rows("SELECT count(*) FROM scans")[0][0] == 24, "nothing doubled"
    cluster.wait(lambda: not cluster.rows("SELECT 1 FROM dbos.workflow_status "
                                          "WHERE status IN ('PENDING', 'ENQUEUED')"))  # fmt: skip
