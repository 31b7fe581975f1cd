"""Making an installation: folders, sohoa.toml, catalogue, development authority, registry, first accounts."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from pathlib import Path

from app.credentials import Credentials
from app.demo import fill_demo
from app.trusted import listed, sign_trust
from app.wiring import Wiring
from config.catalogue import SHIPPED
from config.settings import load_settings
from pipeline.runner import make_inboxes
from registry import users
from registry.database import read, write
from registry.errors import Conflict, SigningFailed
from registry.values import Role
from signing.authority import create_development_authority

TEMPLATE = """\
# Cấu hình sohoa. Mọi giá trị khác giữ mặc định; xem docs/operations/settings.md.
demo = {demo}

[web]
host = "127.0.0.1"
port = 8765

[signing]
# Khóa thử nghiệm do `sohoa init` tạo. Khi dùng thật: tệp PKCS#12 của cơ quan và địa chỉ máy chủ dấu thời gian.
key_file = "keys/agency.p12"
passphrase_file = "keys/agency.passphrase"
tsa = "development"
level = "B-LTA"
"""
DEMO_ACCOUNTS = (
    ("quantri", Role.ADMIN, None),
    ("mayquet", Role.SCANNER, "H99.32"),
    ("motcua", Role.CLERK, "H99.32"),
    ("kiemtra", Role.AUDITOR, None),
    ("lanhdao", Role.LEADER, "H99"),
)


def initialise(home: Path, *, demo: bool, agency: str) -> list[Credentials]:
    """There is a working installation in `home`; returns the accounts that were made. Repeatable: keeps what is there.

    Raises Conflict when `home` holds other things.
    """
    toml = home / "sohoa.toml"
    if not toml.exists():
        if home.exists() and any(home.iterdir()):
            raise Conflict(f"{home} is not empty and holds no sohoa.toml")
        home.mkdir(parents=True, exist_ok=True)
        home.chmod(0o700)
        toml.write_text(TEMPLATE.format(demo=str(demo).lower()), encoding="utf-8")
    wiring = Wiring(load_settings(home))
    try:
        for name in ("inbox", "done", "quarantine", "work", "archive", "index", "keys"):
            wiring.folder(name).mkdir(parents=True, exist_ok=True)
        if not wiring.folder("catalogue").exists():
            shutil.copytree(SHIPPED, wiring.folder("catalogue"), ignore=shutil.ignore_patterns("messages.yaml"))
        name = agency or next(iter(wiring.catalogue.units)).name
        create_development_authority(wiring.folder("keys"), name)
        with suppress(SigningFailed, OSError):  # a key elsewhere signs with `sohoa trust sign`
            if listed(wiring).version is None:
                sign_trust(wiring, actor="sohoa init")
        make_inboxes(wiring.workshop)
        made = _first_accounts(wiring, demo=demo)
        if demo:
            fill_demo(wiring)
            _write_guide(home, made)
    finally:
        wiring.close()
    return made


def _first_accounts(wiring: Wiring, *, demo: bool) -> list[Credentials]:
    with read(wiring.engine) as conn:
        if users.list_users(conn):
            return []
    wanted = DEMO_ACCOUNTS if demo else DEMO_ACCOUNTS[:1]
    made = [Credentials(username=n, password=users.one_time_password(), role=r) for n, r, _ in wanted]
    with write(wiring.engine) as conn:
        for account, (_, _, unit) in zip(made, wanted, strict=True):
            users.add_user(conn, username=account.username, password=account.password, role=account.role, unit=unit)
    return made


def _write_guide(home: Path, made: list[Credentials]) -> None:
    """The demo's passwords lie in a file of the demo, for its owner only; a real installation never writes any."""
    if not made:
        return
    guide = home / "dang-nhap-thu.txt"
    with os.fdopen(os.open(guide, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w", encoding="utf-8") as out:
        for account in made:
            out.write(f"  {account.username:10} {account.password}   ({account.role})\n")
