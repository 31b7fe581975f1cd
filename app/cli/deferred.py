"""Commands whose modules are imported only when they are called, or when their own help is asked for.

What all commands import together takes longer than most of them work: each must pay for itself alone.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup


class Deferred(TyperCommand):
    """The command that a function is; place: `module:function`, the module one of app.cli."""

    def __init__(self, name: str, place: str) -> None:
        super().__init__(name)
        self.module, _, self.function = place.partition(":")

    @property
    def help(self) -> str:
        """What its function says of itself, read without importing it: for lists of commands."""
        tree = ast.parse(Path(__file__).with_name(f"{self.module}.py").read_text(encoding="utf-8"))
        found = (d for d in tree.body if isinstance(d, ast.FunctionDef) and d.name == self.function)
        return ast.get_docstring(next(found)) or ""

    @help.setter
    def help(self, _told: str | None) -> None:
        """The base class would set it: it follows from the place."""

    def make_context(self, *args: Any, **told: Any) -> Any:
        """That of the command itself, which does the rest."""
        return self.imported().make_context(*args, **told)

    def imported(self) -> Any:
        """The command itself."""
        alone = typer.Typer(add_completion=False)
        alone.command(self.name)(getattr(import_module(f"app.cli.{self.module}"), self.function))
        return typer.main.get_command(alone)


def group_of(places: Mapping[str, str]) -> type[TyperGroup]:
    """A group with these commands before its other ones; places: of each by its name, in the order of the list."""

    class Group(TyperGroup):
        def __init__(self, **told: Any) -> None:
            super().__init__(**told)
            self.commands = {**{name: Deferred(name, place) for name, place in places.items()}, **self.commands}

    return Group
