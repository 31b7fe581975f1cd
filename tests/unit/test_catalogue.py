"""The catalogue: what ships is whole; what contradicts itself is refused by name; days of effect count."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from config.catalogue import SHIPPED, add_months, load_catalogue
from config.errors import SettingsInvalid
from config.messages import known_codes, sentence
from registry import errors

TODAY = date(2026, 11, 24)


def changed(folder: Path, name: str, change: object) -> Path:
    shutil.copytree(SHIPPED, folder, dirs_exist_ok=True)
    told = yaml.safe_load((folder / f"{name}.yaml").read_text(encoding="utf-8"))
    change(told)  # type: ignore[operator]
    (folder / f"{name}.yaml").write_text(yaml.safe_dump(told, allow_unicode=True), encoding="utf-8")
    return folder


def test_what_ships_is_whole() -> None:
    catalogue = load_catalogue(SHIPPED)
    procedures = catalogue.procedures_on(TODAY)
    assert len(procedures) >= 10
    assert all(p.components_on(TODAY) for p in procedures)
    assert {u.level for u in catalogue.units_on(TODAY)} >= {"province", "commune", "ward"}
    assert len(catalogue.kinds) >= 29, "NĐ 30/2020/NĐ-CP alone names 29 types"
    assert any(u.parent and catalogue.unit(u.parent, TODAY).parent for u in catalogue.units_on(TODAY)), "a deeper tree"


@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        ("units", lambda told: told.append(dict(told[1])), "stands twice"),
        ("units", lambda told: told[1].update(parent="H00"), "unknown"),
        ("units", lambda told: told[0].update(parent=told[1]["code"]), "below itself"),
        ("units", lambda told: told[0].update(colour="red"), "units.yaml"),
        ("procedures", lambda told: told[0]["components"][0].update(kinds=["nothing"]), "document type nothing"),
        ("document_types", lambda told: told[0].update(retention_class="nothing"), "retention class"),
        ("document_types", lambda told: told[0].update(number_pattern="(12"), "no regular expression"),
    ],
)
def test_a_contradiction_is_refused_and_named(tmp_path: Path, name: str, change: object, said: str) -> None:
    with pytest.raises(SettingsInvalid, match=said):
        load_catalogue(changed(tmp_path / "catalogue", name, change))


def test_a_unit_ends_on_its_day_and_its_successor_goes_on() -> None:
    catalogue = load_catalogue(SHIPPED)
    ended = [u for u in catalogue.units if u.valid_to < TODAY]
    assert ended, "the district level was abolished on 1 July 2025"
    for unit in ended:
        assert catalogue.unit(unit.code, unit.valid_to) == unit
        with pytest.raises(KeyError):
            catalogue.unit(unit.code, date(9000, 1, 1))


@pytest.mark.parametrize(
    ("start", "months", "end"),
    [
        (date(2026, 8, 31), 6, date(2027, 2, 28)),
        (date(2027, 8, 31), 6, date(2028, 2, 29)),
        (date(2026, 12, 1), 1, date(2027, 1, 1)),
        (date(2026, 6, 30), 12, date(2027, 6, 30)),
    ],
)
def test_months_are_calendar_months(start: date, months: int, end: date) -> None:
    assert add_months(start, months) == end


def test_keeping_is_counted_from_the_end_of_the_year_and_what_is_unknown_is_kept() -> None:
    catalogue = load_catalogue(SHIPPED)
    assert catalogue.retain_until("years-10", date(2026, 2, 3)) == date(2036, 12, 31)
    assert catalogue.retain_until("permanent", date(2026, 2, 3)) is None
    assert catalogue.retain_until("of-no-catalogue", date(2026, 2, 3)) is None


@given(st.dates(date(1950, 1, 1), date(2150, 1, 1)), st.integers(1, 240))
def test_months_never_reach_into_a_month_too_far(start: date, months: int) -> None:
    end = add_months(start, months)
    assert (end.year - start.year) * 12 + end.month - start.month == months


def test_every_code_has_a_sentence_that_says_what_to_do() -> None:
    codes = [str(c) for c in errors.RefusalCode]
    codes += [getattr(errors, n).code for n in errors.__all__ if hasattr(getattr(errors, n), "code") and n != "Refused"]
    assert set(codes) <= known_codes() | {"error", "refused", "internal"}
    for code in errors.RefusalCode:
        assert len(sentence(code)) > 30, code
        assert "ệp" in sentence(code) or "iấy" in sentence(code) or "nh" in sentence(code)
    assert "ví-dụ" in sentence("ví-dụ"), "a code nobody wrote a sentence for is still told"
