"""The log: one line an event, the same words in text and JSON, and nobody's name or number in it."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from app import logs


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """What is logged from here on; afterwards everything is as it was before."""
    root, before = logging.getLogger(), logging.getLogger().handlers[:]
    told, level = structlog.get_config(), root.level
    stream = io.StringIO()
    logs.configure(stream)
    yield stream
    structlog.configure(**told)
    logs.speak("text", "")
    root.handlers, root.level = before, level


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_every_line_has_time_level_event_and_instance(written: io.StringIO) -> None:
    logs.speak("json", "may-1")
    structlog.get_logger("sohoa.test").warning("stalled", scan_id="x", code="storage", instance="may-2")
    structlog.get_logger("sohoa.test").info("archived", took_s=1.5)
    logging.getLogger("asyncio").error("[Errno 98] %s", "address already in use")
    logging.getLogger("some.library").error("Nguyễn Văn A")
    told = lines(written)
    assert all({"timestamp", "level", "event", "instance"} <= set(line) for line in told)
    assert [line["event"] for line in told] == ["stalled", "archived", "library", "library"]
    assert [line["instance"] for line in told] == ["may-2", "may-1", "may-1", "may-1"]
    assert told[2]["message"] == "[Errno 98] address already in use", "a start that fails says why"
    assert list(told[0])[:4] == ["timestamp", "level", "event", "instance"]


def test_as_text_for_people_until_the_settings_are_known(written: io.StringIO) -> None:
    structlog.get_logger("sohoa.test").info("archived", document_id="x")
    [line] = written.getvalue().splitlines()
    assert "event='archived'" in line and "document_id='x'" in line and "level='info'" in line


@pytest.mark.parametrize("form", ["text", "json"])
def test_nobodys_name_or_number_is_written(written: io.StringIO, form: str) -> None:
    logs.speak(form, "main")  # type: ignore[arg-type]
    structlog.get_logger("sohoa.test").error("read", code="number 001099000123 of somebody", file=123456789)
    for number in ("001099000123", "123456789"):
        try:
            raise ValueError(f"Nguyễn Thị Ánh Hòa, {number}")
        except ValueError:
            logging.getLogger("asyncio").exception("Exception in ASGI application: Hòa")
            logging.getLogger("some.library").exception("while reading %s", number)
        logging.getLogger("asyncio").error("odd request %s", number)
    said = written.getvalue()
    assert "ValueError" in said and "test_logs:" in said, "kind and place are enough to look for it"
    for secret in ("Nguyễn", "Hòa", "001099000123", "123456789", "Traceback"):
        assert secret not in said


def test_identifiers_and_measures_are_left_alone(written: io.StringIO) -> None:
    logs.speak("json", "main")
    event = {"document_id": "3f0c4b1a-1234-4321-8765-123456789012", "sha256": "a" * 55 + "123456789", "took_s": 1.25}
    structlog.get_logger("sohoa.test").info("archived", **event)
    [line] = lines(written)
    assert event.items() <= line.items()
