"""A demonstration: invented papers of an invented province, drawn, "scanned" and dropped into the inbox."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.demo.dossiers import write_dossiers
from app.demo.scans import make_scans
from metrics.dossier_import import import_dossiers
from registry.database import read, write
from registry.dossiers import of_applicant

if TYPE_CHECKING:
    from app.wiring import Wiring


def fill_demo(wiring: Wiring) -> None:
    """Dossier facts are in the registry and sample scans in the inbox; once only."""
    table = wiring.settings.home / "ho-so-mau.csv"
    with read(wiring.engine) as conn:
        if of_applicant(conn, "003199000001"):
            return
    make_scans(wiring.folder("inbox"))
    write_dossiers(table)
    with write(wiring.engine) as conn:
        import_dossiers(conn, wiring.catalogue, table, "demo")
