"""What hinders a file is said in words, whatever it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.web.words import FILTERS
from config import messages
from config.messages import known_codes, sentence
from pipeline.quality import Flaw


@pytest.mark.parametrize("why", ["growing", "incomplete", "queued", "other-side"])
def test_a_file_that_waits_is_told_in_vietnamese(why: str) -> None:
    assert FILTERS["waits"](why) not in (why, sentence(why))


@pytest.mark.parametrize("code", ["storage", "service-unavailable", "other-side-late"])
def test_what_hinders_a_file_says_what_to_do(code: str) -> None:
    assert FILTERS["waits"](code) == sentence(code) and len(sentence(code)) > 30


def test_every_code_has_one_sentence() -> None:
    lines = (Path(messages.__file__).parent / "data" / "messages.yaml").read_text(encoding="utf-8").splitlines()
    codes = [line.split(":")[0] for line in lines if line and line[0] not in " #"]
    assert sorted(codes) == sorted(set(codes))
    assert known_codes() == set(codes)
    assert {flaw.value for flaw in Flaw} <= known_codes()


@pytest.mark.parametrize("status", ["timeout", "memory", "died", "raised:ValueError"])
def test_a_page_that_was_not_read_says_why_and_what_to_do(status: str) -> None:
    told = FILTERS["reason"](f"page:3:{status}")
    assert told.startswith("trang 3 ") and "hãy" in told and status not in told
    assert told != FILTERS["reason"]("page:3")
