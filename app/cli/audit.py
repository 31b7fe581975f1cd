"""audit verify: does the chain of the audit log hold?"""

from __future__ import annotations

import sys

from app.cli.output import EXIT_PARTLY, Home, Json, out, show
from app.wiring import opened
from registry import audit
from registry.database import read


def verify_log(home: Home, json: Json = False) -> None:
    """Kiểm tra chuỗi nhật ký: dòng bị sửa, mất, chèn hay đảo."""
    with opened(home) as wiring, read(wiring.engine) as conn:
        found = audit.verify(conn)
        last, digest = audit.head(conn)
    if json:
        show({"ok": not found, "rows": last, "head": digest, "findings": found})
    else:
        out.print(f"{last} dòng, {'nguyên vẹn' if not found else f'{len(found)} phát hiện'}; đầu chuỗi {digest[:16]}")
        for finding in found:
            out.print(f"  dòng {finding.seq}: {finding.problem}")
    if found:
        sys.exit(EXIT_PARTLY)
