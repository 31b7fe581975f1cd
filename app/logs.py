"""How the log is written: one line an event, on stderr, as text for people or as JSON for machines.

Every line has timestamp, level, event and instance, those of foreign libraries too. No line holds nine or twelve
digits in a row that could be somebody's number, and no foreign error tells more than its kind and place: its text may
quote a document.
"""

from __future__ import annotations

import json
import logging
import re
import sys
from collections.abc import MutableMapping
from dataclasses import dataclass
from typing import Any, Literal, TextIO

import structlog

IDENTITY = re.compile(r"(?<![0-9a-f]{4}-)(?<!\w)\d{9}(?:\d{3})?(?!\w)")
QUIET = ("pyhanko", "pyhanko_certvalidator", "ocrmypdf", "fontTools", "img2pdf", "PIL", "dbos", "alembic")
"""Their errors reach us as exceptions; what they log besides may quote a document."""
HARMLESS = ("uvicorn", "asyncio", "elastic_transport", "urllib3", "watchdog")
"""Their messages speak of addresses and sockets only, and a start that fails cannot be understood without them."""
FIRST = ("timestamp", "level", "event", "instance")

Entry = MutableMapping[str, Any]


@dataclass(slots=True)
class _Voice:
    """What the settings say of the log: known only after the first lines may have been written."""

    form: Literal["text", "json"] = "text"
    instance: str = ""


_voice = _Voice()


def speak(form: Literal["text", "json"], instance: str) -> None:
    """Lines are written in this form from now on, and say which process wrote them."""
    _voice.form, _voice.instance = form, instance


def configure(stream: TextIO | None = None, level: int = logging.INFO) -> None:
    """Our log lines go to the stream (stderr); foreign ones only when something is wrong. Safe to repeat."""
    out = stream or sys.stderr
    handler = logging.StreamHandler(out)
    handler.setFormatter(_Foreign())
    logging.basicConfig(level=logging.ERROR, handlers=[handler], force=True)
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(out),
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _named,
            _without_numbers,
            _written,
        ],
    )


class _Foreign(logging.Formatter):
    """A record of another library, in the same words as ours."""

    def format(self, record: logging.LogRecord) -> str:
        entry: Entry = {
            "timestamp": structlog.processors.TimeStamper(fmt="iso", utc=True)(None, "", {})["timestamp"],
            "level": record.levelname.lower(),
            "event": "library",
            "logger": record.name,
            "place": f"{record.module}:{record.lineno}",
        }
        if record.exc_info and record.exc_info[0]:
            entry["error"] = record.exc_info[0].__name__
        elif record.name.split(".")[0] in HARMLESS:
            entry["message"] = record.getMessage()
        return _written(None, "", _without_numbers(None, "", _named(None, "", entry)))


def _named(_logger: Any, _method: str, entry: Entry) -> Entry:
    entry.setdefault("instance", _voice.instance)
    return entry


def _without_numbers(_logger: Any, _method: str, entry: Entry) -> Entry:
    """The last guard: nobody should log a number; should somebody do it, it is not written."""
    for key, value in entry.items():
        if key != "timestamp" and isinstance(value, (str, int)) and IDENTITY.search(str(value)):
            entry[key] = IDENTITY.sub("•••", str(value))
    return entry


def _written(_logger: Any, _method: str, entry: Entry) -> str:
    ordered = {key: entry[key] for key in FIRST if key in entry} | dict(entry)
    if _voice.form == "json":
        return json.dumps(ordered, ensure_ascii=False, default=str)
    return " ".join(f"{key}={value!r}" for key, value in ordered.items())
