"""What is sound, what is odd, what is refused: by the bytes, never by the name."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.identify import identify
from pipeline.soundness import IdentifyLimits
from registry.errors import RefusalCode, Refused
from tests.bad_inputs import Input, encoded, inputs, scanned_pdf, sheet

LIMITS = IdentifyLimits()


@pytest.mark.parametrize("told", inputs(), ids=lambda told: told.name)
def test_each_input_ends_as_it_must(told: Input, tmp_path: Path) -> None:
    path = tmp_path / told.name
    path.write_bytes(told.content)
    if told.refusal:
        with pytest.raises(Refused) as refused:
            identify(path, LIMITS, path.name)
        assert refused.value.reason == told.refusal
    else:
        found = identify(path, LIMITS, path.name)
        assert found.page_count == told.pages
        assert told.warnings <= set(found.warnings)


def test_a_plain_scan_has_nothing_to_warn_of(tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(scanned_pdf())
    assert identify(tmp_path / "a.pdf", LIMITS, "a.pdf").warnings == ()


@pytest.mark.parametrize("limits", [IdentifyLimits(max_pages=2), IdentifyLimits(max_bytes=1000)])
def test_limits_are_those_of_the_settings(limits: IdentifyLimits, tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(scanned_pdf(3))
    with pytest.raises(Refused):
        identify(tmp_path / "a.pdf", limits, "a.pdf")


SAMPLES = (scanned_pdf(), encoded(sheet("L", (400, 500)), "TIFF"), encoded(sheet("L", (400, 500)), "JPEG"),
           encoded(sheet("L", (400, 500)), "PNG"))  # fmt: skip


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damage_is_refused_with_a_code_or_taken_never_anything_else(data: st.DataObject, tmp_path: Path) -> None:
    whole = bytearray(data.draw(st.sampled_from(SAMPLES)))
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(whole) - 1))
        whole[place : place + data.draw(st.integers(0, 40))] = data.draw(st.binary(max_size=40))
    path = tmp_path / "scan"
    path.write_bytes(bytes(whole))
    try:
        identify(path, LIMITS, "scan")
    except Refused as refused:
        assert refused.reason in set(RefusalCode)
