"""The report as one HTML file, with nothing outside of it: to be read, printed and filed."""

from __future__ import annotations

from pathlib import Path

from jinja2 import Environment, FileSystemLoader

from app.reporting.facts import NOTHING, ReportFacts, instant, lines_of
from app.verdicts import CHECKS, VERDICTS


def page(facts: ReportFacts) -> str:
    environment = Environment(loader=FileSystemLoader(Path(__file__).parent), autoescape=True)
    return environment.get_template("page.html").render(
        facts=facts,
        verdicts=VERDICTS,
        checks=CHECKS,
        nothing=NOTHING,
        instant=instant,
        lines_of=lines_of,
        total=max(1, sum(facts.counted.values())),
    )
