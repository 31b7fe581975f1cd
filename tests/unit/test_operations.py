"""The pages for administrators tell the truth: every command, setting, link and metric named there exists."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from pydantic import BaseModel

from app.cli import app as command_line
from config.settings import Settings, SigningKeySettings
from tests.unit.test_deployment import DEPLOY, ROOT, SERVICES, compose

PAGES = sorted((ROOT / "docs/operations").glob("*.md"))
EVERY_PAGE = [pytest.param(p, id=p.stem) for p in PAGES]
COMMAND = re.compile(r"^(?:\.venv/bin/)?sohoa\s.*", re.S)
IN_CONTAINER = re.compile(r"docker compose (?:--file \S+ )?(?:exec(?: -T)?|run --rm) (\S+)\s*([^\n#]*)")
TREE = typer.main.get_command(command_line)


def pieces(text: str) -> list[str]:
    """What a reader would type: the lines of blocks and the words between backticks."""
    blocks = re.findall(r"```\w*\n(.*?)```", text, re.S)
    lines = [line.split(" #")[0].strip() for block in blocks for line in block.splitlines()]
    prose = re.sub(r"```.*?```", "", text, flags=re.S)
    return [*lines, *re.findall(r"`([^`\n]+)`", prose)]


def require_command(words: list[str]) -> None:
    """These words, behind `sohoa`, name a command, and each option is one of its own."""
    at: Any = TREE
    rest = list(words)
    while hasattr(at, "commands") and rest and not rest[0].startswith("-"):
        found = at.commands.get(rest[0])
        assert found is not None, f"there is no command {' '.join(words)!r}"
        at, rest = found, rest[1:]
    assert not hasattr(at, "commands"), f"{words} names no command"
    known = {name for parameter in at.imported().params for name in (*parameter.opts, *parameter.secondary_opts)} | {
        "--help"
    }
    assert {w.split("=")[0] for w in rest if w.startswith("--")} <= known, f"{words} has an unknown option"


def typed(page: Path) -> list[list[str]]:
    """Every `sohoa …` of a page, as words behind `sohoa`."""
    found = []
    for piece in pieces(page.read_text(encoding="utf-8")):
        for container, rest in IN_CONTAINER.findall(piece):
            words = shlex.split(rest)
            entry = SERVICES[container].get("entrypoint")
            if entry and entry[0] == "sohoa":
                found.append([*entry[1:], *words])
            elif words and words[0] == "sohoa":
                found.append(words[1:])
            elif words and SERVICES[container]["image"].startswith("sohoa:"):
                found.append(words)
        command = re.sub(r"^(?:runuser -u \w+ -- |ExecStart=/opt/sohoa/)", "", piece)
        if COMMAND.match(command):
            found.append(shlex.split(command.removeprefix(".venv/bin/"))[1:])
    return found


@pytest.mark.parametrize("page", EVERY_PAGE)
def test_every_command_of_the_pages_exists(page: Path) -> None:
    for words in typed(page):
        require_command(words)


def test_the_pages_are_read_as_a_person_types() -> None:
    """The test above is worth nothing if it finds no commands."""
    found = [words[:2] for page in PAGES for words in typed(page)]
    assert ["archive", "replicate"] in found
    assert ["doctor"] in found
    assert len(found) > 30
    with pytest.raises(AssertionError, match="no command"):
        require_command(["archive", "replikate"])
    with pytest.raises(AssertionError, match="option"):
        require_command(["backup", "--no-such"])


@pytest.mark.parametrize("page", EVERY_PAGE)
def test_containers_are_called_by_their_names(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    called = re.findall(r"docker compose (?:exec(?: -T)?|run --rm|restart) ([\w-]+)", text)
    assert set(called) <= set(SERVICES)


@pytest.mark.parametrize("page", EVERY_PAGE)
def test_every_link_leads_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#]+)", text):
        assert (page.parent / target).exists(), target
    for path in re.findall(r"`((?:deploy|tests|pipeline|docs)/[\w./-]+)`", text):
        assert (ROOT / path).exists(), path


def keys(section: type[BaseModel] = Settings, before: str = "") -> list[str]:
    """Every key of sohoa.toml, dotted."""
    found = []
    for name, field in section.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            found += keys(field.annotation, f"{before}{name}.")
        elif name == "replica":
            found.append("replica.*")
        elif field.annotation == tuple[SigningKeySettings, ...]:
            found += keys(SigningKeySettings, f"{before}{name}.")
        elif name != "home":
            found.append(f"{before}{name}")
    return found


def test_every_setting_is_explained_and_nothing_else_is() -> None:
    told = re.findall(r"^\| ([^|]+) \|", (ROOT / "docs/operations/settings.md").read_text(encoding="utf-8"), re.M)
    explained = [key for cell in told for key in re.findall(r"`([\w.*]+)`", cell)]
    assert sorted(explained) == sorted(keys())


def test_env_example_names_what_the_files_ask_for() -> None:
    offered = set(re.findall(r"^(\w+)=", (DEPLOY / "env.example").read_text(encoding="utf-8"), re.M))
    asked = set(re.findall(r"\$\{(\w+)", (ROOT / "docker-compose.yml").read_text(encoding="utf-8")))
    assert offered == asked - {"SECRETS_FOLDER"}
    assert compose()["name"] == "sohoa"


# alerts


def rules() -> list[dict[str, Any]]:
    told = yaml.safe_load((DEPLOY / "prometheus/alerts.yml").read_text(encoding="utf-8"))
    return [rule for group in told["groups"] for rule in group["rules"]]


def exported(folder: Path) -> set[str]:
    """The names that /metrics of a fresh installation tells, without the endings that Prometheus adds."""
    from prometheus_client.parser import text_string_to_metric_families

    from app.health import Monitor
    from app.metrics import Metrics
    from app.setup import initialise
    from app.wiring import opened

    initialise(folder, demo=False, agency="Xã thử")
    with opened(folder) as wiring:
        told = Metrics(wiring, Monitor(wiring))
        told.answered("GET", "/tray", 200, 0.1)
        text = told.text().decode()
    return {base(family.name) for family in text_string_to_metric_families(text)}


def base(name: str) -> str:
    return re.sub(r"_(total|bucket|count|sum|info|created)$", "", name)


def test_every_figure_of_alerts_and_pages_is_one_that_metrics_tells(tmp_path: Path) -> None:
    ages = ("reconciliation_age", "backup_age", "fixity_oldest")  # told once there is something to be old
    real = exported(tmp_path / "home") | {f"sohoa_{age}_seconds" for age in ages}
    in_rules = {base(n) for rule in rules() for n in re.findall(r"\bsohoa_\w+", rule["expr"])}
    assert in_rules <= real
    page = (ROOT / "docs/operations/monitoring.md").read_text(encoding="utf-8")
    assert {base(n) for n in re.findall(r"`(sohoa_\w+)`", page)} == real


def test_every_check_of_alerts_and_pages_is_one_that_is_made() -> None:
    from app.health import WATCHED

    made = {w.name for w in WATCHED} | {"workers"}
    in_rules = {
        name
        for rule in rules()
        for matched in re.findall(r'check=~?"([^"]+)"', rule["expr"])
        for name in matched.split("|")
    }
    assert in_rules <= made
    page = (ROOT / "docs/operations/monitoring.md").read_text(encoding="utf-8").split("## For supervisors")[0]
    explained = {name for cell in re.findall(r"^\| (`.*?`) \|", page, re.M) for name in re.findall(r"`([\w-]+)`", cell)}
    assert made <= explained


def test_every_alert_says_how_bad_it_is_and_what_to_do_and_is_on_the_page() -> None:
    page = (ROOT / "docs/operations/monitoring.md").read_text(encoding="utf-8")
    for rule in rules():
        assert rule["labels"]["severity"] in ("critical", "warning", "info")
        assert set(rule["annotations"]) == {"summary", "action"}
    assert {rule["alert"] for rule in rules()} == set(re.findall(r"`(Sohoa\w+)`", page))
    assert len({rule["alert"] for rule in rules()}) == len(rules())


def test_every_event_of_the_page_is_one_that_the_program_logs() -> None:
    logged = set()
    for room in ("pipeline", "app", "archive", "registry", "search", "signing"):
        for source in (ROOT / room).rglob("*.py"):
            logged |= set(re.findall(r'log\.(?:info|warning|error)\(\s*"(\w+)"', source.read_text(encoding="utf-8")))
    page = (ROOT / "docs/operations/monitoring.md").read_text(encoding="utf-8").split("## Log")[1]
    told = {n for cell in re.findall(r"^\| (`.*?`) \|", page, re.M) for n in re.findall(r"`(\w+)`", cell)}
    assert told <= logged
