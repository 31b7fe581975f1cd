"""The keys of commands that sign: a PIN that no file holds is typed at the terminal, before anything is changed."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

import structlog

from app.cli.output import err
from config.messages import sentence
from registry.errors import NoSigningKey, TerminalNeeded

if TYPE_CHECKING:
    from app.wiring import Wiring

log = structlog.get_logger("sohoa.unlocking")


def unlock(wiring: Wiring) -> None:
    """The signing keys are open; each PIN that no file holds was typed once, if somebody sits at a terminal.

    A key that does not open stops nothing but its own signatures: what is to be signed waits, and says why. Raises
    WrongPin for one that was typed just now.
    """
    for name, exc in wiring.keys.unlock(asker()):
        log.error("key_not_open", key=name, code=exc.code)
        err.print(f"[red]Khóa ký {name}:[/red] {sentence(exc.code)}")


def unlock_own(wiring: Wiring) -> None:
    """The key is open that signs what is no unit's: trust list, seals of the audit log, kits. For commands that can do
    nothing without it; where every key lies with officials there is none to open.

    Raises TerminalNeeded where its PIN is to be typed and nobody can, WrongPin, and why else it does not open.
    """
    try:
        held = wiring.keys.held(None)
    except NoSigningKey:
        return
    ask = asker()
    if ask is None and held.secret is not None and held.secret.to_be_typed:
        raise TerminalNeeded(f"the PIN of {held.name} is typed at a terminal")
    for _name, exc in wiring.keys.unlock(ask, only=held):
        raise exc


def asker() -> Callable[[str], str] | None:
    """What asks a person for a PIN; None where nobody sits at a terminal."""
    return _ask_pin if sys.stdin is not None and sys.stdin.isatty() else None


def _ask_pin(name: str) -> str:
    return getpass.getpass(f"Mã PIN của khóa ký {name}: ", stream=sys.stderr)
