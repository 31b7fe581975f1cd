"""Health check of a container: `alive.py web` asks the pages, `alive.py work` looks for this machine's heartbeat.

Exit code 0 says healthy, 1 says not. It writes nothing.
"""

from __future__ import annotations

import os
import socket
import sys
import urllib.request
from datetime import timedelta
from pathlib import Path

SILENT_S = 60.0
"""A heartbeat comes every five seconds; after a minute of silence the others have taken the work over."""


def pages_answer() -> bool:
    """The web process of this container answers. Of servers it says nothing: a new start would not heal them."""
    port = os.environ.get("SOHOA_WEB__PORT", "8765")
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=8) as answer:
        return bool(answer.status == 200)


def heart_beats() -> bool:
    """A process of this host is at work and was heard of a moment ago."""
    from sqlalchemy import create_engine  # noqa: PLC0415 the pages' check needs none of this

    from config.settings import load_settings  # noqa: PLC0415
    from registry import workers  # noqa: PLC0415
    from registry.database import read  # noqa: PLC0415
    from registry.values import utc_now  # noqa: PLC0415

    # not open_registry: a health check migrates nothing
    engine = create_engine(load_settings(Path(os.environ["SOHOA_HOME"])).registry_url)
    try:
        with read(engine) as conn:
            rows = workers.listing(conn)
    finally:
        engine.dispose()
    since = (utc_now() - timedelta(seconds=SILENT_S)).isoformat(timespec="microseconds")
    return any(row.alive and row.host == socket.gethostname() and row.seen_at > since for row in rows)


CHECKS = {"web": pages_answer, "work": heart_beats}

if __name__ == "__main__":
    try:
        sys.exit(0 if CHECKS[sys.argv[1]]() else 1)
    except Exception as exc:
        # the kind alone: an address in the text may hold a password
        sys.stderr.write(f"{type(exc).__name__}\n")
        sys.exit(1)
