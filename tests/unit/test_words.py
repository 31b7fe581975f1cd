"""What hinders a file is said in words, whatever it is."""

from __future__ import annotations

import pytest

from app.web.words import FILTERS
from config.messages import sentence


@pytest.mark.parametrize("why", ["growing", "incomplete", "queued"])
def test_a_file_that_waits_is_told_in_vietnamese(why: str) -> None:
    assert FILTERS["waits"](why) not in (why, sentence(why))


@pytest.mark.parametrize("code", ["storage", "service-unavailable"])
def test_what_hinders_a_file_says_what_to_do(code: str) -> None:
    assert FILTERS["waits"](code) == sentence(code) and len(sentence(code)) > 30
