"""A whole installation as processes, on file systems of its own, every server behind a proxy that can misbehave.

`embedded`: one `sohoa run`, SQLite, folder, tantivy. `grown`: `sohoa watch`, two `sohoa worker` and `sohoa web`, on
PostgreSQL, MinIO and Elasticsearch. Both ask a time stamping authority over HTTP.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, create_engine, text

from signing.authority import create_development_authority
from tests.faults.clock import Clock
from tests.faults.disks import Disk, Share
from tests.faults.inputs import Input, stream
from tests.faults.programs import SOHOA, Program, Supervisor
from tests.faults.proxy import Http, Postgres, Proxy
from tests.faults.tsa import time_stamping
from tests.servers import Server, free_port
from tests.servers.elastic import elasticsearch
from tests.servers.postgres import postgres
from tests.servers.s3 import minio

UNIT, INBOX = "H99.32", "xa-an-hoa"
SHARED = ("inbox", "done", "quarantine")
WORKERS = 2


@dataclass
class Installation:
    """A running installation. inbox: where the scanner writes, on the far side of the share. given: what it wrote."""

    kind: str
    home: Path
    inbox: Path
    web: str
    engine: Engine
    """Straight to the registry's database, past every proxy."""
    workflows: Engine
    environment: dict[str, str]
    clock: Clock
    share: Share
    given: list[Input] = field(default_factory=list)
    inputs: Iterator[Input] = field(default_factory=stream)
    disks: dict[str, Disk] = field(default_factory=dict)
    proxies: dict[str, Proxy] = field(default_factory=dict)
    servers: dict[str, Server] = field(default_factory=dict)
    programs: dict[str, Program] = field(default_factory=dict)

    def rows(self, query: str, **values: object) -> list[dict[str, Any]]:
        """Rows of the registry as they stand now."""
        with self.engine.connect() as conn:
            return [dict(row._mapping) for row in conn.execute(text(query), values)]

    def sohoa(self, *arguments: str) -> Any:
        """What a command answers as JSON, whatever its exit code."""
        command = [*SOHOA, *arguments, "--home", str(self.home), "--json"]
        environment = {**os.environ, **self.environment}
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
        assert done.stdout, done.stderr[-2000:]
        return json.loads(done.stdout)

    def log(self) -> str:
        return "".join(program.log.read_text(errors="replace") for program in self.programs.values())


@contextmanager
def installation(kind: str, folder: Path, **settings: dict[str, Any]) -> Iterator[Installation]:
    """Yields it running; stopped, unmounted and its servers ended afterwards. settings: sections of sohoa.toml."""
    with ExitStack() as stack:
        made = _make(stack, kind, folder, settings)
        _start(stack, made)
        yield made


def _make(stack: ExitStack, kind: str, folder: Path, settings: dict[str, dict[str, Any]]) -> Installation:
    home = folder / "home"
    disks = _disks(stack, home)
    proxies: dict[str, Proxy] = {}
    servers: dict[str, Server] = {}
    port = free_port()
    create_development_authority(home / "keys", "UBND thử nghiệm")
    proxies["tsa"] = _behind(stack, stack.enter_context(time_stamping(home / "keys")), Http())
    told = _settings(port, proxies["tsa"].port)
    address = f"sqlite:///{home / 'registry.sqlite'}"
    if kind == "grown":
        disks |= {name: _disk(stack, folder / name, "755") for name in ("database", "bucket")}
        address = _grow(stack, folder, told, proxies, servers)
    for section, values in settings.items():
        told.setdefault(section, {}).update(values)
    home.mkdir(parents=True, exist_ok=True)
    (home / "sohoa.toml").write_text(_toml(told), encoding="utf-8")
    subprocess.run([*SOHOA, "init", str(home)], check=True, stdout=subprocess.DEVNULL)
    share = Share(home / "inbox" / INBOX, folder / "scanner")
    stack.callback(share.remove)
    clock = Clock(folder / "clock")
    environment = {**clock.environment, "OMP_THREAD_LIMIT": "1"}
    programs = _programs(kind, home, folder, environment)
    workflows = address if kind == "grown" else address.replace("registry.sqlite", "workflows.sqlite")
    engine, other = create_engine(address), create_engine(workflows)
    stack.callback(engine.dispose)
    stack.callback(other.dispose)
    return Installation(
        kind, home, share.behind, f"http://127.0.0.1:{port}", engine, other, environment, clock, share,
        disks=disks, proxies=proxies, servers=servers, programs=programs,
    )  # fmt: skip


def _start(stack: ExitStack, made: Installation) -> None:
    for program in made.programs.values():
        stack.callback(program.stop)
        program.start()
    supervisor = Supervisor(made.programs)
    stack.callback(supervisor.close)


def _disks(stack: ExitStack, home: Path) -> dict[str, Disk]:
    """The home with the registry on one file system, each folder on its own; work and archive share theirs."""
    places = {"home": home, **{name: home / name for name in (*SHARED, "index", "vault")}}
    return {name: _disk(stack, place) for name, place in places.items()}


def _disk(stack: ExitStack, place: Path, mode: str = "700") -> Disk:
    disk = Disk(place, mode)
    stack.callback(disk.remove)
    return disk


def _settings(port: int, tsa: int) -> dict[str, dict[str, Any]]:
    return {
        "folders": {"work": "vault/work", "archive": "vault/archive"},
        "intake": {"poll_s": 0.5, "quiet_s": 0.3, "give_up_incomplete_s": 4.0},
        "workers": {"processes": 2, "page_timeout_s": 12.0},
        "signing": {"tsa": f"http://127.0.0.1:{tsa}/", "level": "B-LTA"},
        "web": {"port": port},
    }


def _grow(
    stack: ExitStack,
    folder: Path,
    told: dict[str, dict[str, Any]],
    proxies: dict[str, Proxy],
    servers: dict[str, Server],
) -> str:
    """The servers run, each behind its proxy, and `told` names the proxies; returns the registry's own address."""
    database = stack.enter_context(postgres(folder / "database", durable=True))
    store = stack.enter_context(minio(folder / "bucket"))
    index = stack.enter_context(elasticsearch(folder / "elasticsearch"))
    servers |= {"postgres": database.server, "s3": store.server, "elasticsearch": index.server}
    bucket = store.settings("sohoa-records")
    proxies["postgres"] = _behind(stack, database.port, Postgres())
    proxies["s3"] = _behind(stack, int(bucket.endpoint.rpartition(":")[2]), Http())
    proxies["elasticsearch"] = _behind(stack, int(index.url.rpartition(":")[2]), Http(b"_bulk", b"PUT "))
    address = database.url("sohoa")
    told["registry"] = {"url": address.replace(str(database.port), str(proxies["postgres"].port))}
    plain = bucket.model_dump(exclude_none=True, mode="json")
    secret = bucket.secret_key.get_secret_value() if bucket.secret_key else ""
    told["archive"] = {**plain, "endpoint": f"127.0.0.1:{proxies['s3'].port}", "secret_key": secret}
    told["index"] = {"kind": "elasticsearch", "urls": [f"http://127.0.0.1:{proxies['elasticsearch'].port}"]}
    return address


def _behind(stack: ExitStack, port: int, manners: Http | Postgres) -> Proxy:
    proxy = Proxy(port, manners)
    stack.callback(proxy.close)
    return proxy


def _programs(kind: str, home: Path, folder: Path, environment: dict[str, str]) -> dict[str, Program]:
    roles = {"run": "run"} if kind == "embedded" else {"watch": "watch", "web": "web"}
    roles |= {f"worker-{n}": "worker" for n in range(1, WORKERS + 1)} if kind == "grown" else {}
    return {
        name: Program(name, [role, "--home", str(home)], environment, folder / f"{name}.log")
        for name, role in roles.items()
    }


def _toml(told: dict[str, dict[str, Any]]) -> str:
    """JSON's strings, numbers, truth values and lists are TOML's too."""
    lines = []
    for section, values in told.items():
        lines += [f"[{section}]", *(f"{key} = {json.dumps(value)}" for key, value in values.items()), ""]
    return "\n".join(lines)
