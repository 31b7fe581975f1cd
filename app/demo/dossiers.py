"""Facts of the demonstration's dossiers, as the one-stop system would export them."""

from __future__ import annotations

import csv
from datetime import date, timedelta
from pathlib import Path

from app.demo.papers import (
    BA,
    DOSSIER_AID,
    DOSSIER_BIRTH,
    DOSSIER_LAND,
    DOSSIER_MARRIAGE,
    DOSSIER_SHOP,
    DUC,
    HOA,
    NGA,
    QUY,
)

COLUMNS = (
    "ma_ho_so", "ma_tthc", "chu_ho_so", "so_dinh_danh", "don_vi", "ngay_tiep_nhan", "ngay_hen_tra", "ngay_ket_thuc",
    "trang_thai", "kenh", "can_bo",
)  # fmt: skip


def write_dossiers(path: Path) -> None:
    """A CSV with dossiers of three units; those without scans show what is still to be digitised."""
    named = [
        (DOSSIER_BIRTH, "1.001193", DUC, "H99.32", date(2026, 3, 10), True),
        (DOSSIER_MARRIAGE, "1.000894", HOA, "H99.32", date(2026, 8, 5), True),
        (DOSSIER_AID, "1.001776", HOA, "H99.32", date(2026, 9, 1), True),
        (DOSSIER_SHOP, "1.001612", NGA, "H99.34", date(2026, 6, 12), True),
        (DOSSIER_LAND, "1.012812", BA, "H99.33", date(2026, 7, 4), True),
        ("H99.32-261102-0001", "1.001776", HOA, "H99.32", date(2026, 11, 2), False),
        ("H99.34-261103-0002", "2.000720", NGA, "H99.34", date(2026, 11, 3), False),
        ("H99.33-260915-0001", "2.000635", QUY, "H99.33", date(2026, 9, 15), True),
        ("H99.34-260402-0003", "2.000635", QUY, "H99.34", date(2026, 4, 2), True),
    ]
    with path.open("w", encoding="utf-8", newline="") as out:
        table = csv.writer(out)
        table.writerow(COLUMNS)
        for code, procedure, who, unit, received, resolved in named:
            due = received + timedelta(days=5)
            ended = received + timedelta(days=3) if resolved else None
            table.writerow(
                (
                    code, procedure, who.name, who.number, unit, f"{received:%d/%m/%Y}", f"{due:%d/%m/%Y}",
                    f"{ended:%d/%m/%Y}" if ended else "", "9" if resolved else "4", "1", "motcua",
                )
            )  # fmt: skip
