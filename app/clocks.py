"""What time it is at the servers: the database says so when asked, an S3 server in the header of every answer."""

from __future__ import annotations

import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import datetime
from email.utils import parsedate_to_datetime

from sqlalchemy import text

from app.wiring import Wiring
from registry.database import read
from registry.errors import ServiceUnavailable
from registry.values import utc_now

MOST_APART_S = 30.0
PATIENCE_S = 5.0


def server_clocks(home: Wiring) -> Iterator[tuple[str, datetime, datetime]]:
    """(server, its time, ours at that moment), for each server that is another machine's. Raises ServiceUnavailable."""
    if home.settings.registry.url.startswith("postgresql"):
        with read(home.engine) as conn:
            theirs: datetime = conn.execute(text("SELECT clock_timestamp()")).scalar_one()
        yield "PostgreSQL", theirs, utc_now()
    if home.settings.archive.kind == "s3" and (date := _date(home)):
        yield "S3", parsedate_to_datetime(date), utc_now()


def _date(home: Wiring) -> str | None:
    """Of an answer to somebody unknown: a refusal tells the time as well."""
    told = home.settings.archive
    context = None
    if told.secure:
        context = ssl.create_default_context(cafile=str(home.settings.path(told.ca_file)) if told.ca_file else None)
    request = urllib.request.Request(  # noqa: S310 the scheme is ours
        f"{'https' if told.secure else 'http'}://{told.endpoint}/", method="HEAD"
    )
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE_S, context=context) as answer:  # noqa: S310
            date: str | None = answer.headers.get("Date")
    except urllib.error.HTTPError as exc:
        date = exc.headers.get("Date")
    except OSError as exc:
        raise ServiceUnavailable(f"the S3 server: {type(exc).__name__}") from exc
    return date
