"""registry rebuild, index rebuild: both made again from the archive alone."""

from __future__ import annotations

from app import rebuild
from app.cli.output import Home, Json, actor, err, show_rebuilt
from app.wiring import opened


def rebuild_registry(home: Home, json: Json = False) -> None:
    """Làm lại sổ đăng ký tài liệu chỉ từ kho lưu trữ. Chạy lại không đổi gì."""
    with opened(home) as wiring:
        rebuilt = rebuild.rebuild_registry(wiring, actor(), err)
    show_rebuilt(rebuilt, "sổ đăng ký", json=json)


def rebuild_index(home: Home, json: Json = False) -> None:
    """Làm lại chỉ mục chỉ từ kho lưu trữ; trong lúc đó vẫn tìm được bằng chỉ mục cũ."""
    with opened(home) as wiring:
        rebuilt = rebuild.rebuild_index(wiring, err)
    show_rebuilt(rebuilt, "chỉ mục", json=json)
