"""archive prepare: the buckets of an installation, made with the lock that records need."""

from __future__ import annotations

from app.cli.output import Home, Json, show, table
from app.wiring import build_store
from archive.s3 import S3Store
from config.settings import load_settings


def prepare(home: Home, json: Json = False) -> None:
    """Tạo bucket của kho, và của bản sao nếu có, với khóa đối tượng (object lock); chạy lại không đổi gì.

    Lỗi khi bucket đã có sẵn mà không khóa: khóa chỉ đặt được lúc tạo.
    """
    settings = load_settings(home)
    told = []
    for name, section in (("archive", settings.archive), ("replica", settings.replica)):
        if section is None:
            continue
        store = build_store(settings, section)
        made = isinstance(store, S3Store) and store.prepare()
        store.check()
        told.append({"store": name, "kind": section.kind, "bucket": section.bucket or None, "made": made})
    if json:
        show(told)
        return
    rows = [(t["store"], t["kind"], t["bucket"], "vừa tạo" if t["made"] else "đã có, khóa có hiệu lực") for t in told]
    table(("Kho", "Loại", "Bucket", "Kết quả"), rows)
