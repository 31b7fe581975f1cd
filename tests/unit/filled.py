"""An installation whose archive holds records that are really signed."""

from __future__ import annotations

from pathlib import Path

from app.setup import initialise
from app.wiring import Wiring
from bench.verifying import AGENCY, fill, signed
from config.settings import load_settings


def filled_home(folder: Path, records: int) -> Path:
    """The registry does not know them."""
    home = folder / "home"
    initialise(home, demo=False, agency=AGENCY)
    wiring = Wiring(load_settings(home))
    fill(wiring, [signed(wiring, folder, 0)], 0, records)
    wiring.close()
    return home
